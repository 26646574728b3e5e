package forward_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/forward"
	"github.com/easgate/easgate/plugins/plugintest"
)

// A service that sends strangers to its login page.
func Example() {
	service := httptest.NewServer(http.RedirectHandler("https://login.example.com/", http.StatusFound))
	defer service.Close()
	p, err := forward.New(forward.Config{URL: plugins.Secret(service.URL)}, plugins.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := p.Verify(context.Background(), plugintest.Request{}.Build())
	fmt.Println(res.Verdict, res.StatusCode(), res.Header.Get("Location"), err)
	// Output: deny 302 https://login.example.com/ <nil>
}
