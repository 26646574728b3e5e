package jwt_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

const issuerURL = "https://login.example.com"

// An issuer is an OpenID provider in memory.
type issuer struct {
	t   testing.TB
	key key

	mu       sync.Mutex
	down     bool
	active   string
	userinfo string
	status   int
	asked    map[string]int
}

func newIssuer(t testing.TB) *issuer {
	return &issuer{t: t, key: newKey(t, jose.ES256, "k1"), active: `{"active":true}`, userinfo: `{"sub":"alice","name":"Al"}`, status: 200, asked: map[string]int{}}
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[r.URL.Path]++
	if i.down {
		return nil, errors.New("connection refused")
	}
	if !strings.HasPrefix(r.URL.String(), issuerURL) {
		i.t.Errorf("asked %s", r.URL)
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		return answer(r, http.StatusOK, `{"issuer":"`+issuerURL+`","token_endpoint":"`+issuerURL+`/token","userinfo_endpoint":"`+issuerURL+`/userinfo",
			"introspection_endpoint":"`+issuerURL+`/introspect","jwks_uri":"`+issuerURL+`/jwks"}`), nil
	case "/jwks":
		return answer(r, http.StatusOK, i.key.set()), nil
	case "/introspect":
		id, secret, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || id != "my+gate" || secret != "a%3Ab" || !strings.HasPrefix(string(body), "token=ey") ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			i.t.Errorf("introspection: %s %v %s", r.Method, r.Header, body)
		}
		return answer(r, i.status, i.active), nil
	case "/userinfo":
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			i.t.Errorf("userinfo: %v", r.Header)
		}
		return answer(r, i.status, i.userinfo), nil
	case "/register/1":
		if r.Header.Get("Authorization") != "Bearer regtoken" {
			i.t.Errorf("registration: %v", r.Header)
		}
		return answer(r, http.StatusOK, `{"client_id":"my gate","client_secret":"a:b"}`), nil
	}
	return answer(r, http.StatusNotFound, ""), nil
}

func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *issuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

func (i *issuer) env(t testing.TB) plugins.Env {
	env := plugintest.Env(t)
	env.Now = time.Now
	env.HTTP = &http.Client{Transport: i}
	return env
}

const myGate = `"client":{"client_id":"my gate","client_secret":"a:b"}`

func oidc(rest string) string {
	return `{"config":{},"oidc":{"enabled":true,"issuer":{"discover_url":"` + issuerURL + `"},` + rest + `}}`
}

func (i *issuer) token(t testing.TB) string {
	return i.key.sign(t, map[string]any{"sub": "alice", "exp": time.Now().Unix() + 600})
}

// An issuer that is down breaks the requests that need it, and nothing else; it is noticed when it is back.
func TestIssuerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.down = true
		p := build(t, oidc(myGate), i.env(t))
		if i.count("/.well-known/openid-configuration") != 0 {
			t.Error("building asked the issuer")
		}
		token := i.token(t)
		for range 10 {
			if got := status(t, p, token); got != http.StatusServiceUnavailable {
				t.Fatalf("Verify while the issuer is down = %d, want 503", got)
			}
		}
		if got := i.count("/.well-known/openid-configuration"); got != 1 {
			t.Errorf("asked %d times, want once per cool-down", got)
		}
		i.set(func() { i.down = false })
		time.Sleep(10 * time.Second)
		res, err := p.Verify(t.Context(), request(token))
		if err != nil || res.Verdict != plugins.Allow || res.Header.Get("X-Access-Token") != token || res.Data.IDToken != token {
			t.Errorf("Verify = %v %v %v, want allow with X-Access-Token", res.Verdict, err, res.Header)
		}
		// And its keys outlive another outage.
		i.set(func() { i.down = true })
		time.Sleep(9 * time.Minute)
		if got := status(t, p, token); got != http.StatusOK {
			t.Errorf("Verify in the next outage = %d, want 200", got)
		}
		res, err = p.Verify(t.Context(), plugintest.Request{}.Build())
		if err != nil || res.Header.Get("WWW-Authenticate") != `Bearer realm="`+issuerURL+`/token"` {
			t.Errorf("challenge = %v, %v, want the token endpoint as realm", res.Header, err)
		}
	})
}

func TestIntrospection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		p := build(t, oidc(myGate+`,"features":{"introspect_access_token":true,"introspect_expiry":30}`), i.env(t))
		token := i.token(t)
		steps := []struct {
			name, active string
			status       int
			wait         time.Duration
			want, asked  int
		}{
			{"active", `{"active":true}`, 200, 0, 200, 1},
			{"remembered", `{"active":false}`, 200, 29 * time.Second, 200, 1},
			{"no longer active", `{"active":false}`, 200, time.Second, 401, 2},
			{"an inactive one is not remembered", `{"active":true}`, 200, 0, 200, 3},
			{"silence is not active", `{}`, 200, time.Minute, 401, 4},
			{"neither is a word", `{"active":"true"}`, 200, 0, 401, 5},
			{"no object", `[true]`, 200, 0, 503, 6},
			{"no JSON", `active`, 200, 0, 503, 7},
			{"the issuer fails", `{"active":true}`, 500, 0, 503, 8},
			{"too long", `{"active":true` + strings.Repeat(" ", 2<<20) + `}`, 200, 0, 503, 9},
		}
		for _, s := range steps {
			time.Sleep(s.wait)
			i.set(func() { i.active, i.status = s.active, s.status })
			if got := status(t, p, token); got != s.want {
				t.Errorf("%s: Verify = %d, want %d", s.name, got, s.want)
			}
			if got := i.count("/introspect"); got != s.asked {
				t.Errorf("%s: asked %d times, want %d", s.name, got, s.asked)
			}
		}
		i.set(func() { i.active, i.status = `{"active":false}`, 200 })
		res, _ := p.Verify(t.Context(), request(token))
		want := `Bearer realm="` + issuerURL + `/token", error="invalid_token", error_description="token failed introspection"`
		if got := res.Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("challenge = %s, want %s", got, want)
		}
		if got := status(t, p, "x.y.z"); got != http.StatusUnauthorized || i.count("/introspect") != 10 {
			t.Errorf("Verify(bad token) = %d, asked %d times: the issuer is asked about good tokens only", got, i.count("/introspect"))
		}
	})
}

// Many requests with one token share one question.
func TestQuestionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		env := i.env(t)
		env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return i.RoundTrip(r)
		})}
		p := build(t, oidc(myGate+`,"features":{"introspect_access_token":true,"fetch_userinfo":true}`), env)
		token := i.token(t)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := status(t, p, token); got != http.StatusOK {
					t.Errorf("Verify = %d, want 200", got)
				}
			})
		}
		wg.Wait()
		for _, path := range []string{"/.well-known/openid-configuration", "/jwks", "/introspect", "/userinfo"} {
			if got := i.count(path); got != 1 {
				t.Errorf("%s asked %d times, want 1", path, got)
			}
		}
	})
}

func TestUserinfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		const rules = `"assertions":{"userinfo":[{"query_engine":"jp","query":"$.name","rule":{"method":"eq","value":"Al"}}]},`
		config := strings.Replace(oidc(myGate+`,"features":{"fetch_userinfo":true,"userinfo_expiry":60}`), `{"config"`, `{`+rules+`"config"`, 1)
		p := build(t, config, i.env(t))
		token := i.token(t)
		for _, s := range []struct {
			name, body string
			status     int
			wait       time.Duration
			want       int
			header     string
		}{
			{"fetched", `{"sub":"alice", "name":"Al", "b":1, "a":"é日😀\u007f\n"}`, 200, 0, 200, `{"sub":"alice","name":"Al","b":1,"a":"\u00e9\u65e5\ud83d\ude00\u007f\n"}`},
			{"remembered", `{"sub":"alice"}`, 200, 59 * time.Second, 200, `{"sub":"alice","name":"Al","b":1,"a":"\u00e9\u65e5\ud83d\ude00\u007f\n"}`},
			{"the rules do not hold", `{"sub":"alice","name":"Bo"}`, 200, time.Second, 403, ""},
			{"remembered too", `{"sub":"alice","name":"Al"}`, 200, 0, 403, ""},
			{"the issuer refuses the token", ``, 401, time.Minute, 401, ""},
			{"the issuer fails", ``, 500, 0, 503, ""},
			{"no JSON", `x`, 200, 0, 503, ""},
			{"null", `null`, 200, 0, 503, ""},
		} {
			time.Sleep(s.wait)
			i.set(func() { i.userinfo, i.status = s.body, s.status })
			res, err := p.Verify(t.Context(), request(token))
			if err != nil {
				res = plugins.Result{Status: http.StatusServiceUnavailable}
			}
			if res.StatusCode() != s.want || res.Header.Get("X-Userinfo") != s.header {
				t.Errorf("%s: Verify = %d %s, want %d %s", s.name, res.StatusCode(), res.Header.Get("X-Userinfo"), s.want, s.header)
			}
			if s.want == 200 {
				if o, ok := res.Data.UserInfo.(*query.Object); !ok || o.Len() != 4 || !json.Valid([]byte(res.Header.Get("X-Userinfo"))) {
					t.Errorf("%s: Data = %v", s.name, res.Data)
				}
			}
		}
	})
}

// Integers beyond 2⁵³ keep their digits in X-Userinfo of native tokens, and rules compare them.
func TestIntegersInUserinfo(t *testing.T) {
	for native, want := range map[bool]string{true: "9007199254740993", false: "9007199254740992"} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(t)
			env := i.env(t)
			env.Native, env.Query = native, engines()
			rules := `"assertions":{"userinfo":[{"query_engine":"jp","query":"$.id","rule":{"method":"in","value":[` + want + `]}}]},`
			config := strings.Replace(oidc(myGate+`,"features":{"fetch_userinfo":true}`), `{"config"`, `{`+rules+`"config"`, 1)
			p, _, err := plugins.Of(jwt.New).Build(json.RawMessage(config), env)
			if err != nil {
				t.Fatal(err)
			}
			i.set(func() { i.userinfo = `{"sub":"alice","id":9007199254740993}` })
			res, err := p.Verify(t.Context(), request(i.token(t)))
			if got := res.Header.Get("X-Userinfo"); err != nil || res.Verdict != plugins.Allow || got != `{"sub":"alice","id":`+want+`}` {
				t.Errorf("native %v: Verify = %v, %s, %v", native, res.Verdict, got, err)
			}
		})
	}
}

// userinfo_expiry true lasts as long as the token.
func TestUserinfoAsLongAsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		p := build(t, oidc(myGate+`,"features":{"fetch_userinfo":true,"userinfo_expiry":true,"filtered_service_headers":["x-access-token"]}`), i.env(t))
		token := i.token(t)
		for range 5 {
			res, err := p.Verify(t.Context(), request(token))
			if err != nil || res.Verdict != plugins.Allow || res.Header.Get("X-Userinfo") == "" || res.Header["X-Access-Token"] != nil {
				t.Errorf("Verify = %v, %v, %v, want allow with X-Userinfo only", res.Verdict, err, res.Header)
			}
			time.Sleep(100 * time.Second)
		}
		if got := i.count("/userinfo"); got != 1 {
			t.Errorf("asked %d times, want 1", got)
		}
		time.Sleep(100 * time.Second)
		if got := status(t, p, token); got != http.StatusUnauthorized {
			t.Errorf("Verify(expired) = %d, want 401", got)
		}
	})
}

func TestRegisteredClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		client := `"client":{"registration_client_uri":"` + issuerURL + `/register/1","registration_access_token":"regtoken"}`
		p := build(t, oidc(client+`,"features":{"introspect_access_token":true}`), i.env(t))
		for range 3 {
			if got := status(t, p, i.token(t)); got != http.StatusOK {
				t.Errorf("Verify = %d, want 200", got)
			}
		}
		if got := i.count("/register/1"); got != 1 {
			t.Errorf("asked for the client %d times, want 1", got)
		}
	})
}

// What the issuer cannot do is a fault, not an allow.
func TestMissingEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		for _, feature := range []string{"introspect_access_token", "fetch_userinfo"} {
			p := build(t, `{"config":{},"oidc":{"enabled":true,"issuer":{"jwks_uri":"`+issuerURL+`/jwks"},`+myGate+`,"features":{"`+feature+`":true}}}`, i.env(t))
			if got := status(t, p, i.token(t)); got != http.StatusServiceUnavailable {
				t.Errorf("%s: Verify = %d, want 503", feature, got)
			}
		}
		p := build(t, `{"config":{},"oidc":{"enabled":true,"issuer":{"issuer":"x"},`+myGate+`}}`, i.env(t))
		if got := status(t, p, i.token(t)); got != http.StatusServiceUnavailable {
			t.Errorf("no jwks_uri: Verify = %d, want 503", got)
		}
	})
}
