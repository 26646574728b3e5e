package requestheader_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/requestheader"
)

// Two API keys, so that one can be replaced while the other still works.
func Example() {
	p, err := requestheader.New(requestheader.Config{Headers: map[string]plugins.Values{
		"X-Api-Key": plugins.OneOf("old-key", "new-key"),
	}}, plugins.Env{Native: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []string{"new-key", "guess"} {
		res, _ := p.Verify(context.Background(), &plugins.Request{Header: http.Header{"X-Api-Key": {key}}})
		fmt.Println(key, res.Verdict, res.StatusCode())
	}
	// Output:
	// new-key allow 200
	// guess deny 403
}
