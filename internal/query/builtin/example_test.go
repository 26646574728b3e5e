package builtin_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/builtin"
)

func Example() {
	token, _, done := builtin.Engines(builtin.Options{})
	defer done()
	q, err := token.Compile("jp", "$.sub")
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := query.ParseJSON([]byte(`{"sub": "alice"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := q.Eval(context.Background(), data)
	fmt.Println(query.JSON(found), err)
	// Output: ["alice"] <nil>
}
