package handlebars_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/handlebars"
)

func Example() {
	q, err := handlebars.New(nil).Compile("{{user.name}} <{{{user.mail}}}>")
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := query.ParseJSON([]byte(`{"user": {"name": "R&D", "mail": "r&d@example.com"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := q.Eval(context.Background(), data)
	fmt.Println(query.JSON(found), err)
	// Output: "R&amp;D <r&d@example.com>" <nil>
}
