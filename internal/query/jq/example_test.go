package jq_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jq"
)

func Example() {
	q, err := jq.New(jq.Limits{}).Compile(`.groups | map(ascii_upcase) | join(",")`)
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
	// Output: "ADMINS,GUESTS" <nil>
}
