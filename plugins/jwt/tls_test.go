package jwt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// Whoever fetches keys and asks issuers believes the servers that the block tls names.
func TestTLS(t *testing.T) {
	k := newKey(t, jose.ES256, "k1")

	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {

		switch r.URL.Path {
		case "/jwks":
			_, _ = w.Write([]byte(k.set()))
		case "/introspect":
			_, _ = w.Write([]byte(`{"active":true}`))
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
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

// A certificate that has a common name only is refused, and the log says what takes it.
func TestCommonNameOnly(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "iss.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	k := newKey(t, jose.ES256, "k1")
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(k.set())) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	if err != nil {
		t.Fatal(err)
	}
	for options, want := range map[string]string{``: `the common name \"iss.test\"`, `,"server_name":"iss.test"`: ""} {
		env := plugintest.Env(t)
		env.HTTP = &http.Client{}
		p := build(t, `{"config":{"secret":"`+s.URL+`/jwks"},"tls":{"ca":`+string(ca)+options+`}}`, env)
		_, err := p.Verify(t.Context(), request(k.sign(t, claims)))
		if got := fmt.Sprintf("%q", fmt.Sprint(err)); (err != nil) != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: Verify = %v, want %s", options, err, want)
		}
	}
}
