package oauthclient

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	endpoint = "https://login.example.com/introspect"
	secret   = "a:b & thirty-two characters of it"
)

// sent returns the header Authorization and the form of a request.
func sent(t *testing.T, c *Client, s Server) (string, url.Values) {
	t.Helper()
	req, err := c.Request(t.Context(), endpoint, url.Values{"token": {"x"}}, s, noon)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("token") != "x" || req.Method != http.MethodPost || req.URL.String() != endpoint ||
		req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("request = %s %s %v %s %v", req.Method, req.URL, req.Header, body, err)
	}
	form.Del("token")
	return req.Header.Get("Authorization"), form
}

func rsaKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestMethod(t *testing.T) {
	_, key := rsaKey(t)
	for _, tt := range []struct {
		name      string
		c         Config
		supported []string
		want      string
	}{
		{"a server that does not say", Config{Secret: "s"}, nil, Basic},
		{"both", Config{Secret: "s"}, []string{Post, Basic}, Basic},
		{"the form alone", Config{Secret: "s"}, []string{PrivateKeyJWT, Post}, Post},
		{"assertions alone", Config{Secret: "s"}, []string{SecretJWT}, SecretJWT},
		{"nothing that fits", Config{Secret: "s"}, []string{PrivateKeyJWT, None}, Basic},
		{"a key", Config{Key: key}, nil, PrivateKeyJWT},
		{"a key and a secret", Config{Key: key, Secret: "s"}, []string{Basic, PrivateKeyJWT}, PrivateKeyJWT},
		{"a secret, because the server takes no keys", Config{Key: key, Secret: "s"}, []string{Basic}, Basic},
		{"configured", Config{Secret: "s", Method: Post}, []string{Basic}, Post},
		{"none", Config{Method: None}, []string{Basic}, None},
		{"none beside a secret", Config{Secret: "s", Method: None}, nil, None},
		{"a certificate", Config{Method: TLS}, []string{Basic}, TLS},
	} {
		tt.c.ID = "gate"
		c, err := New(tt.c)
		if err != nil {
			t.Errorf("%s: New = %v", tt.name, err)
			continue
		}
		if got := c.Method(tt.supported); got != tt.want {
			t.Errorf("%s: Method(%v) = %s, want %s", tt.name, tt.supported, got, tt.want)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, tt := range []struct{ name, id, method, authorization, form string }{
		{"basic", "my gate", Basic, "Basic bXkrZ2F0ZTphJTNBYislMjYrdGhpcnR5LXR3bytjaGFyYWN0ZXJzK29mK2l0", ""},
		{"post", "my gate", Post, "", "client_id=my+gate&client_secret=a%3Ab+%26+thirty-two+characters+of+it"},
		{"none", "my gate", None, "", "client_id=my+gate"},
		{"a certificate", "my gate", SelfSignedTLS, "", "client_id=my+gate"},
	} {
		c, err := New(Config{ID: tt.id, Secret: secret, Method: Method(tt.method)})
		if err != nil {
			t.Fatal(err)
		}
		if authorization, form := sent(t, c, Server{}); authorization != tt.authorization || form.Encode() != tt.form {
			t.Errorf("%s: sent %q %s, want %q %s", tt.name, authorization, form.Encode(), tt.authorization, tt.form)
		}
	}
}

// RFC 7523 §3: who, to whom, until when, once.
func TestAssertions(t *testing.T) {
	r, rPEM := rsaKey(t)
	e, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(e)
	if err != nil {
		t.Fatal(err)
	}
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: ed, KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		c          Config
		issuer     string
		verify     any
		alg        jose.SignatureAlgorithm
		kid, wants string
	}{
		{"PEM", Config{Key: rPEM}, "https://login.example.com", r.Public(), jose.RS256, "", "https://login.example.com"},
		{"PSS", Config{Key: rPEM, Algorithm: "PS384"}, "", r.Public(), jose.PS384, "", endpoint},
		{"SEC 1", Config{Key: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))}, "", e.Public(), jose.ES384, "", endpoint},
		{"JWK", Config{Key: string(jwk)}, "", public, jose.EdDSA, "k1", endpoint},
		{"a secret", Config{Secret: secret, Method: SecretJWT}, "", []byte(secret), jose.HS256, "", endpoint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.ID = "gate"
			c, err := New(tt.c)
			if err != nil {
				t.Fatal(err)
			}
			authorization, form := sent(t, c, Server{Issuer: tt.issuer})
			if authorization != "" || form.Get("client_id") != "gate" || form.Get("client_secret") != "" ||
				form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
				t.Errorf("sent %q %v", authorization, form)
			}
			token, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{tt.alg})
			if err != nil {
				t.Fatal(err)
			}
			var claims jwt.Claims
			if err := token.Claims(tt.verify, &claims); err != nil {
				t.Fatal(err)
			}
			if claims.Issuer != "gate" || claims.Subject != "gate" || !claims.Audience.Contains(tt.wants) || len(claims.Audience) != 1 ||
				claims.Expiry.Time().Sub(noon) != time.Minute || claims.ID == "" || token.Headers[0].KeyID != tt.kid {
				t.Errorf("claims = %+v, header %+v", claims, token.Headers[0])
			}
			_, again := sent(t, c, Server{Issuer: tt.issuer})
			if again.Get("client_assertion") == form.Get("client_assertion") {
				t.Error("the same assertion twice: a server may refuse the second")
			}
		})
	}
}

func TestNew(t *testing.T) {
	_, key := rsaKey(t)
	public := `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	for _, tt := range []struct {
		name string
		c    Config
		want string
	}{
		{"no id", Config{Secret: "s"}, "client_id: required"},
		{"nothing", Config{ID: "x"}, "client_secret: want one"},
		{"an unknown method", Config{ID: "x", Secret: "s", Method: "basic"}, "token_endpoint_auth_method: want one of client_secret_basic,"},
		{"no secret for it", Config{ID: "x", Key: key, Method: Post}, "client_secret_post needs client_secret"},
		{"no key for it", Config{ID: "x", Secret: "s", Method: PrivateKeyJWT}, "private_key_jwt needs private_key"},
		{"not a key", Config{ID: "x", Key: "hush-hush"}, "private_key: want PEM"},
		{"half a key", Config{ID: "x", Key: key[:200]}, "private_key: want PEM"},
		{"a broken JWK", Config{ID: "x", Key: `{"kty":"hush-hush"}`}, "private_key: want PEM"},
		{"a public key", Config{ID: "x", Key: public}, "private_key: want PEM"},
		{"an algorithm of another type", Config{ID: "x", Key: key, Algorithm: "ES256"}, "token_endpoint_auth_signing_alg"},
		{"a secret's algorithm for a key", Config{ID: "x", Key: key, Algorithm: "HS256"}, "token_endpoint_auth_signing_alg"},
	} {
		_, err := New(tt.c)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: New = %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   bool
	}{
		{401, ``, true},
		{403, `{"error":"x"}`, true},
		{400, `{"error":"invalid_client"}`, true},
		{400, `{"error":"unauthorized_client"}`, true},
		{400, `{"error":"invalid_request"}`, false},
		{400, `[]`, false},
		{500, `oops`, false},
		{200, `{"active":false}`, false},
	} {
		if got := Refused(tt.status, []byte(tt.body)); got != tt.want {
			t.Errorf("Refused(%d, %s) = %v, want %v", tt.status, tt.body, got, tt.want)
		}
	}
}
