package noop_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/noop"
)

// A route that is closed for everybody.
func Example() {
	p, err := noop.New(noop.Config{StatusCode: noop.Status("404")}, plugins.Env{Native: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, _ := p.Verify(context.Background(), &plugins.Request{})
	fmt.Println(res.Verdict, res.StatusCode())
	// Output: deny 404
}
