package htpasswd_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/htpasswd"
)

func Example() {
	p, err := htpasswd.New(htpasswd.Config{
		Realm:    "wonderland",
		Htpasswd: "alice:$2y$10$J7h1/yYHk8Jm5l9ytoI4WeqFsK7s/c8dV0IhK3F/OUlvdJh8hVMqO",
	}, plugins.Env{Native: true, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := &http.Request{Header: http.Header{}}
	for _, password := range []string{"wonderland", "looking-glass"} {
		r.SetBasicAuth("alice", password)
		res, err := p.Verify(context.Background(), &plugins.Request{Header: r.Header})
		fmt.Println(res.Verdict, res.StatusCode(), res.Header.Get("WWW-Authenticate"), res.Identity.Subject, err)
	}
	// Output:
	// allow 200  alice <nil>
	// deny 401 Basic realm="wonderland", charset="UTF-8"  <nil>
}
