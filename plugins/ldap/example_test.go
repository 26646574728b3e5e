package ldap_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/ldap"
)

// The first answer asks the browser for a name and a password; nobody has been connected to yet.
func Example() {
	config, err := os.ReadFile("testdata/config.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	var c ldap.Config
	if err := json.Unmarshal(config, &c); err != nil {
		fmt.Println(err)
		return
	}
	p, err := ldap.New(c, plugins.Env{Native: true, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := p.Verify(context.Background(), &plugins.Request{Header: http.Header{}})
	fmt.Println(res.Verdict, res.StatusCode(), res.Header.Get("WWW-Authenticate"), err)
	// Output: abstain 401 Basic realm="wonderland", charset="UTF-8" <nil>
}
