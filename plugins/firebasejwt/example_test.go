package firebasejwt_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/firebasejwt"
)

func Example() {
	p, err := firebasejwt.New(firebasejwt.Config{
		Realm:  "wonderland",
		Config: firebasejwt.Project{ProjectID: "wonderland-1865"},
	}, plugins.Env{Native: true, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := p.Verify(context.Background(), &plugins.Request{Header: http.Header{"Authorization": {"Bearer no-token"}}})
	fmt.Println(res.Verdict, res.StatusCode(), res.Header.Get("WWW-Authenticate"), err)
	// Output:
	// deny 401 Bearer realm="wonderland", error="JsonWebTokenError", error_description="jwt malformed" <nil>
}
