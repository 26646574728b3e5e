package sandbox_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/sandbox"
)

func Example() {
	vms := sandbox.New(sandbox.Options{})
	defer vms.Close()
	q, err := vms.JS().Compile("return data.list.map((n) => 2 * n)")
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := query.ParseJSON([]byte(`{"list": [1, 2]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := q.Eval(context.Background(), data)
	fmt.Println(query.JSON(found), err)
	// Output: [2,4] <nil>
}
