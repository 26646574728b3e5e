package firebasejwt_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/firebasejwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

const (
	keysURL = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
	project = "wonderland-1865"
)

// A google is Google in memory.
type google struct {
	t    testing.TB
	key  *rsa.PrivateKey
	cert string

	mu      sync.Mutex
	down    bool
	status  int
	account string
	asked   int
}

func newGoogle(t testing.TB) *google {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &google{
		t: t, key: key, cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		status: http.StatusOK, account: `{"users":[{"localId":"bob"},{"localId":"alice","email":"a@example.com","validSince":"1795340000"}]}`,
	}
}

func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return nil, errors.New("connection refused")
	}
	reply := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	if r.URL.String() == keysURL {
		keys, err := json.Marshal(map[string]string{"k1": g.cert, "broken": "x"})
		if err != nil {
			return nil, err
		}
		return reply(http.StatusOK, string(keys))
	}
	g.asked++
	var body struct{ IDToken string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !strings.HasPrefix(body.IDToken, "ey") || r.Method != http.MethodPost ||
		r.URL.String() != "https://www.googleapis.com/identitytoolkit/v3/relyingparty/getAccountInfo?key=AIzaSyExample" {
		g.t.Errorf("asked %s %s %v", r.Method, r.URL, err)
	}
	return reply(g.status, g.account)
}

func (g *google) set(status int, account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status, g.account = status, account
}

func (g *google) env(t testing.TB) plugins.Env {
	env := plugintest.Env(t)
	env.HTTP = &http.Client{Transport: g}
	env.Query = query.Engines{"jp": jsonpath.New(nil)}
	return env
}

// token is a good one, but for change.
func (g *google) token(t testing.TB, now time.Time, change map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": "https://securetoken.google.com/" + project, "aud": project, "sub": "alice", "auth_time": now.Unix() - 100,
		"iat": now.Unix() - 100, "exp": now.Unix() + 3500,
	}
	for name, v := range change {
		claims[name] = v
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: g.key, KeyID: "k1"}}, nil)
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

func request(token string) *plugins.Request {
	return plugintest.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}.Build()
}

func build(t testing.TB, config string, env plugins.Env) plugins.Plugin {
	t.Helper()
	env.Native = true
	p, err := plugintest.Build(plugins.Of(firebasejwt.New), json.RawMessage(config), env)
	if err != nil {
		t.Fatalf("Build(%s) = %v", config, err)
	}
	return p
}

func TestContract(t *testing.T) {
	raw, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	g := newGoogle(t)
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(firebasejwt.New),
		Config:  raw,
		Env:     g.env,
		Allowed: plugintest.Request{Header: http.Header{"Authorization": {"Bearer " + g.token(t, plugintest.Now, nil)}}},
		Secrets: []string{"AIzaSyExample"},
		BadConfigs: map[string]string{
			`{"config":{}}`: "config.project_id: required",
			`{"config":{"project_id":"p","options":{"checkRevoked":true}}}`:    "config.api_key: required",
			`{"config":{"project_id":"p"},"features":{"fetch_userinfo":true}}`: "config.api_key: required",
			`{"config":{"project_id":"p"},"assertions":{"userinfo":[]}}`:       "assertions.userinfo: needs",
			`{"config":{"project_id":"p"},"assertions":{"id_token":5}}`:        "assertions.id_token",
			`{"config":{"project_id":"p","keys_url":"ftp://x"}}`:               "config.keys_url",
			`{"config":{"project_id":"p","userinfo_url":"x"}}`:                 "config.userinfo_url",
			`{"config":{"project_id":"p","options":{"algorithms":["none"]}}}`:  "config.options.algorithms",
			`{"config":{"project_id":"p"},"tls":{"ca":"x"}}`:                   "tls.ca: want PEM",
			`{"config":{"project_id":"p"},"header_name":"X Y"}`:                "header_name",
		},
	})
}

func TestTokens(t *testing.T) {
	g, other := newGoogle(t), newGoogle(t)
	p := build(t, `{"realm":"r","config":{"project_id":"`+project+`","options":{"issuer":"https://evil","audience":"evil"}},
		"assertions":{"id_token":[{"query_engine":"jp","query":"$.sub","rule":{"method":"in","value":["alice",""]}}]}}`, g.env(t))
	now := plugintest.Now
	for _, tt := range []struct {
		name, token string
		status      int
		message     string
	}{
		{"good", g.token(t, now, nil), 200, ""},
		{"another project", g.token(t, now, map[string]any{"aud": "other", "iss": "https://securetoken.google.com/other"}), 401, "jwt audience invalid. expected: " + project},
		{"another issuer", g.token(t, now, map[string]any{"iss": "https://evil"}), 401, "jwt issuer invalid. expected: https://securetoken.google.com/" + project},
		{"what the options say does not count", g.token(t, now, map[string]any{"aud": "evil", "iss": "https://evil"}), 401, "jwt audience invalid. expected: " + project},
		{"expired", g.token(t, now, map[string]any{"exp": now.Unix()}), 401, "jwt expired"},
		{"no subject", g.token(t, now, map[string]any{"sub": ""}), 401, "jwt subject invalid"},
		{"a number for a subject", g.token(t, now, map[string]any{"sub": 5}), 401, "jwt subject invalid"},
		{"the rules do not hold", g.token(t, now, map[string]any{"sub": "bob"}), 403, "user did not pass assertions"},
		{"another key", other.token(t, now, nil), 401, "invalid signature"},
		{"no JWT", "x", 401, "jwt malformed"},
	} {
		res, err := p.Verify(t.Context(), request(tt.token))
		challenge := res.Header.Get("WWW-Authenticate")
		if err != nil || res.StatusCode() != tt.status || !strings.Contains(challenge, `error_description="`+tt.message+`"`) && tt.message != "" {
			t.Errorf("%s: Verify = %d %s, %v, want %d %s", tt.name, res.StatusCode(), challenge, err, tt.status, tt.message)
		}
	}
}

func TestRevocation(t *testing.T) {
	const config = `{"config":{"project_id":"` + project + `","api_key":"AIzaSyExample","options":{"checkRevoked":true}},"features":{"userinfo_expiry":30},
		"assertions":{"userinfo":[{"query_engine":"jp","query":"$.localId","rule":{"method":"eq","value":"alice"}}]}}`
	for _, tt := range []struct {
		name     string
		status   int
		account  string
		authTime any
		want     int
	}{
		{"never ended", 200, `{"users":[{"localId":"alice"}]}`, 1795348000, 200},
		{"ended before the login", 200, `{"users":[{"localId":"alice","validSince":"1795347999"}]}`, 1795348000, 200},
		{"ended in the same second", 200, `{"users":[{"localId":"alice","validSince":"1795348000"}]}`, 1795348000, 200},
		{"ended after the login", 200, `{"users":[{"localId":"alice","validSince":"1795348001"}]}`, 1795348000, 403},
		{"a number", 200, `{"users":[{"localId":"alice","validSince":1795348001}]}`, 1795348000, 403},
		{"what is no number", 200, `{"users":[{"localId":"alice","validSince":"soon"}]}`, 1795348000, 403},
		{"no auth_time", 200, `{"users":[{"localId":"alice","validSince":"1"}]}`, nil, 403},
		{"disabled", 200, `{"users":[{"localId":"alice","disabled":true}]}`, 1795348000, 403},
		{"another user", 200, `{"users":[{"localId":"bob"}]}`, 1795348000, 401},
		{"no users", 200, `{}`, 1795348000, 401},
		{"deleted", 400, `{"error":{"message":"USER_NOT_FOUND"}}`, 1795348000, 401},
		{"expired at Google", 400, `{"error":{"code":400,"message":"TOKEN_EXPIRED : log in again","status":"INVALID_ARGUMENT"}}`, 1795348000, 401},
		{"a wrong API key", 400, badKey, 1795348000, 503},
		{"a restricted API key", 403, `{"error":{"code":403,"message":"Requests from referer <empty> are blocked.","status":"PERMISSION_DENIED"}}`, 1795348000, 503},
		{"nothing that is known", 400, `{"error":"USER_NOT_FOUND"}`, 1795348000, 503},
		{"Google fails", 500, ``, 1795348000, 503},
		{"no JSON", 200, `x`, 1795348000, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGoogle(t)
			g.set(tt.status, tt.account)
			p := build(t, config, g.env(t))
			res, err := p.Verify(t.Context(), request(g.token(t, plugintest.Now, map[string]any{"auth_time": tt.authTime})))
			got := res.StatusCode()
			if err != nil {
				got = http.StatusServiceUnavailable
				if strings.Contains(err.Error(), "AIza") {
					t.Errorf("the error holds the key: %v", err)
				}
			}
			if got != tt.want {
				t.Errorf("Verify = %d %v, %v, want %d", got, res.Header, err, tt.want)
			}
			if got == 200 && res.Data.UserInfo == nil {
				t.Error("no userinfo")
			}
		})
	}
}

// What Google answers for a key that does not exist.
const badKey = `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",
	"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}`

// A wrong API key refuses everybody: whoever reads the log must see that it is not the users' fault.
func TestWrongKeyIsSaid(t *testing.T) {
	g := newGoogle(t)
	g.set(400, badKey)
	p := build(t, `{"config":{"project_id":"`+project+`","api_key":"AIzaSyExample"},"features":{"fetch_userinfo":true}}`, g.env(t))
	_, err := p.Verify(t.Context(), request(g.token(t, plugintest.Now, nil)))
	if want := "userinfo: refused (status 400, API_KEY_INVALID): check config.api_key"; err == nil || err.Error() != want {
		t.Errorf("Verify = %v, want %s", err, want)
	}
}

func TestAccountIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGoogle(t)
		g.set(200, `{"users":[{"localId":"alice"}]}`)
		env := g.env(t)
		env.Now = time.Now
		p := build(t, `{"config":{"project_id":"`+project+`","api_key":"AIzaSyExample"},"features":{"fetch_userinfo":true,"userinfo_expiry":30}}`, env)
		token := g.token(t, time.Now(), nil)
		for i, want := range []int{1, 1, 1, 2} {
			if res, err := p.Verify(t.Context(), request(token)); err != nil || res.Verdict != plugins.Allow {
				t.Fatalf("Verify = %v, %v, want allow", res.Verdict, err)
			}
			if g.asked != want {
				t.Errorf("request %d: asked %d times, want %d", i, g.asked, want)
			}
			time.Sleep(10 * time.Second)
		}
		// Google is down: keys and accounts that are remembered serve on.
		g.mu.Lock()
		g.down = true
		g.mu.Unlock()
		if res, err := p.Verify(t.Context(), request(token)); err != nil || res.Verdict != plugins.Allow {
			t.Errorf("Verify = %v, %v, want allow", res.Verdict, err)
		}
		if _, err := p.Verify(t.Context(), request(g.token(t, time.Now(), map[string]any{"sub": "bob"}))); err == nil {
			t.Error("Verify(an account that is not remembered) = nil, want an error")
		}
	})
}
