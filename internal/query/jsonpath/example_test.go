package jsonpath_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonpath"
)

func Example() {
	q, err := jsonpath.New(nil).Compile("$.groups[?(@ != 'guests')]")
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := query.ParseJSON([]byte(`{"groups": ["admins", "guests"]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := q.Eval(context.Background(), data)
	fmt.Println(query.JSON(found), err)
	// Output: ["admins"] <nil>
}
