package jwt_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// Whoever fetches keys and asks issuers believes the servers that the block tls names.
func TestTLS(t *testing.T) {
	k := newKey(t, jose.ES256, "k1")

	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {

		switch r.URL.Path {
		case "/jwks":
			_, _ = w.Write([]byte(k.set()))
		case "/introspect":
			_, _ = w.Write([]byte(`{"active":true}`))
		}
	}))
	t.Cleanup(s.Close)
	ca, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	if err != nil {
		t.Fatal(err)
	}
	oidc := `"config":{},"oidc":{"enabled":true,"issuer":{"jwks_uri":"` + s.URL + `/jwks","introspection_endpoint":"` + s.URL + `/introspect"},
		"client":{"client_id":"c","client_secret":"s"},"features":{"introspect_access_token":true}}`
	for _, tt := range []struct {
		name, tls string
		want      int
	}{
		{"nothing", `{}`, 503},
		{"its authority", `{"ca":` + string(ca) + `}`, 200},
		{"its other name", `{"ca":` + string(ca) + `,"server_name":"example.com"}`, 200},
		{"another name", `{"ca":` + string(ca) + `,"server_name":"other.test"}`, 503},
		{"its public key", `{"fingerprint":"` + tlsclient.Fingerprint(s.Certificate()) + `"}`, 200},
		{"another public key", `{"fingerprint":"` + strings.Repeat("ab", 32) + `"}`, 503},
	} {
		for kind, config := range map[string]string{"keys": `"config":{"secret":"` + s.URL + `/jwks"}`, "issuer": oidc} {
			env := plugintest.Env(t)
			env.HTTP = &http.Client{}
			p := build(t, `{`+config+`,"tls":`+tt.tls+`}`, env)
			if got := status(t, p, k.sign(t, claims)); got != tt.want {
				t.Errorf("%s, %s: Verify = %d, want %d", kind, tt.name, got, tt.want)
			}
			_, closes := p.(plugins.Closer)
			if closes != (tt.tls != `{}`) {
				t.Errorf("%s, %s: closes = %v, want it for connections of its own", kind, tt.name, closes)
			}
		}
	}
}
