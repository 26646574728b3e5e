//go:build linux && integration

package testserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

func TestEasgate(t *testing.T) {
	e := testserver.Easgate(t, func(*testserver.EasgateServer) []string { return []string{"EAS_PROXY_PROFILE=nginx"} })
	token := e.Seal(`{"eas":{"plugins":[{"type":"noop"}]}}`)
	req, err := http.NewRequest("GET", "http://"+e.Addr+"/verify?"+url.Values{"config_token": {token}}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Method": "GET", "Proto": "https", "Host": "h", "Uri": "/"} {
		req.Header.Set("X-Forwarded-"+name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v, %v, want 200", res, err)
	}
}
