package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/handlebars"
	"github.com/easgate/easgate/internal/query/jq"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

func engines() query.Engines {
	return query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{}), "handlebars": handlebars.New(nil)}
}

// A key signs tokens.
type key struct {
	jwk jose.JSONWebKey
}

func newKey(t testing.TB, alg jose.SignatureAlgorithm, id string) key {
	t.Helper()
	var private any
	var err error
	switch alg {
	case jose.HS256:
		private = []byte("a secret of thirty-two characters")
	case jose.RS256, jose.PS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key{jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(alg), Use: "sig"}}
}

func (k key) public() any { return k.jwk.Key.(crypto.Signer).Public() }

// sign returns claims as a compact token.
func (k key) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return k.signBytes(t, payload)
}

func (k key) signBytes(t testing.TB, payload []byte) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.jwk.Algorithm), Key: k.jwk}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// set is a JWK set of the public halves.
func (k key) set(more ...key) string {
	var set jose.JSONWebKeySet
	for _, k := range append([]key{k}, more...) {
		set.Keys = append(set.Keys, k.jwk.Public())
	}
	b, err := json.Marshal(set)
	if err != nil {
		panic(err) // keys always marshal
	}
	return string(b)
}

// A web answers requests from memory.
type web func(*http.Request) (*http.Response, error)

func (w web) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// client answers with documents by URL, and 404 for the rest.
func client(documents map[string]string) *http.Client {
	return &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
		if body, ok := documents[r.URL.String()]; ok {
			return answer(r, http.StatusOK, body), nil
		}
		return answer(r, http.StatusNotFound, ""), nil
	})}
}

func build(t testing.TB, config string, env plugins.Env) plugins.Plugin {
	t.Helper()
	env.Native = true
	if len(env.Query) == 0 {
		env.Query = engines()
	}
	p, err := plugintest.Build(plugins.Of(jwt.New), json.RawMessage(config), env)
	if err != nil {
		t.Fatalf("Build(%s) = %v", config, err)
	}
	return p
}

func request(token string) *plugins.Request {
	return plugintest.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}.Build()
}

// status calls Verify and returns the status that it leads to.
func status(t testing.TB, p plugins.Plugin, token string) int {
	t.Helper()
	res, err := p.Verify(t.Context(), request(token))
	if err != nil {
		return http.StatusServiceUnavailable
	}
	return res.StatusCode()
}

// A key set without a usable key is a refusal, and the log says where to look.
func TestNoUsableKey(t *testing.T) {
	k := newKey(t, jose.ES256, "k1")
	for want, set := range map[string]string{
		"no usable key: 2 left out, see the warning":   `{"keys":[{"kid":"k1"},{"kid":"k2","kty":"EC"}]}`,
		`; no usable key: 1 left out, see the warning`: strings.Replace(newKey(t, jose.ES256, "k2").set(), "[", `[{"kid":"k1"},`, 1),
	} {
		env := plugintest.Env(t)
		env.HTTP = client(map[string]string{keysURL: set})
		res, err := build(t, `{"config":{"secret":"`+keysURL+`"}}`, env).Verify(t.Context(), request(k.sign(t, claims)))
		if err != nil || res.StatusCode() != http.StatusUnauthorized || !strings.Contains(res.Reason, want) {
			t.Errorf("Verify = %d, %v because %s, want %s", res.StatusCode(), err, res.Reason, want)
		}
		if strings.Contains(res.Header.Get("WWW-Authenticate"), "left out") {
			t.Error("the client is told")
		}
	}
}
