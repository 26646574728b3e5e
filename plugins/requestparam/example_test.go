package requestparam_test

import (
	"context"
	"fmt"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
	"github.com/easgate/easgate/plugins/requestparam"
)

// A download link that carries its own key.
func Example() {
	p, err := requestparam.New(requestparam.Config{Params: map[string]plugins.Values{
		"key": plugins.OneOf("s3cret"),
	}}, plugins.Env{Native: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, u := range []string{"https://h/file?key=s3cret", "https://h/file?key=guess", "https://h/file?key=s3cret&key=x"} {
		res, _ := p.Verify(context.Background(), plugintest.Request{URL: u}.Build())
		fmt.Println(u, res.Verdict)
	}
	// Output:
	// https://h/file?key=s3cret allow
	// https://h/file?key=guess deny
	// https://h/file?key=s3cret&key=x deny
}
