package query_test

import (
	"fmt"

	"github.com/easgate/easgate/internal/query"
)

func Example() {
	data, err := query.ParseJSON([]byte(`{"name": "alice", "id": 5, "text": "5"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	o := data.(*query.Object)
	id, _ := o.Get("id")
	text, _ := o.Get("text")
	missing, ok := o.Get("mail")
	equal, err := query.LooseEqual(id, text)
	fmt.Println(query.JSON(data))
	fmt.Println(equal, err, query.StrictEqual(id, text))
	fmt.Println(missing, ok, query.Truthy(missing))
	// Output:
	// {"name":"alice","id":5,"text":"5"}
	// true <nil> false
	// {} false false
}
