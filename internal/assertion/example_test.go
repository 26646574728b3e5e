package assertion_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonpath"
)

func Example() {
	engines := query.Engines{"jp": jsonpath.New(nil)}
	rules, err := assertion.Compile(json.RawMessage(`[
		{"query_engine": "jp", "query": "$.groups", "rule": {"method": "contains", "value": "admins"}}
	]`), engines, true)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := query.ParseJSON([]byte(`{"groups": ["guests"]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	ok, failed, err := rules.Eval(context.Background(), data)
	fmt.Println(ok, failed, err)
	// Output: false rule 1 of 1 (jp, contains) <nil>
}
