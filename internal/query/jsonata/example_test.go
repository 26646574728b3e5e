package jsonata_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonata"
)

func Example() {
	q, err := jsonata.New(nil).Compile(`$lowercase(user.mail) = "alice@example.com"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := query.ParseJSON([]byte(`{"user": {"mail": "Alice@example.com"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := q.Eval(context.Background(), data)
	fmt.Println(query.JSON(found), err)
	// Output: true <nil>
}
