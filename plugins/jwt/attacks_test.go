package jwt_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

const keysURL = "https://login.example.com/jwks.json"

var claims = map[string]any{"sub": "alice", "iss": "https://iss", "aud": "app1"}

var enc = base64.RawURLEncoding.EncodeToString

// forge signs a header of the attacker's choice with a secret that the attacker knows.
func forge(header string, secret []byte, newHash func() hash.Hash) string {
	payload, _ := json.Marshal(claims)
	input := enc([]byte(header)) + "." + enc(payload)
	mac := hmac.New(newHash, secret)
	mac.Write([]byte(input))
	return input + "." + enc(mac.Sum(nil))
}

// ATTACKS 31: algorithm confusion.
func TestAlgorithmConfusion(t *testing.T) {
	k := newKey(t, jose.RS256, "k1")
	der, err := x509.MarshalPKIXPublicKey(k.public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	env := plugintest.Env(t)
	env.HTTP = client(map[string]string{keysURL: k.set()})
	good := k.sign(t, claims)
	parts := strings.Split(good, ".")

	forged := map[string]string{}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		header := enc([]byte(`{"alg":"` + alg + `","kid":"k1"}`))
		forged[alg+" without a signature"] = header + "." + parts[1] + "."
		forged[alg+" with the signature"] = header + "." + parts[1] + "." + parts[2]
	}
	secrets := map[string][]byte{
		"the PEM": public, "the PEM without line end": []byte(strings.TrimSpace(string(public))), "the DER": der,
		"the JWK set": []byte(k.set()), "nothing": nil, "the URL": []byte(keysURL),
		"line ends as text": []byte(strings.ReplaceAll(string(public), "\n", `\n`)),
	}
	for name, secret := range secrets {
		for alg, newHash := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
			for _, kid := range []string{"", `,"kid":"k1"`, `,"kid":""`} {
				forged[alg+" with "+name+kid] = forge(`{"alg":"`+alg+`","typ":"JWT"`+kid+`}`, secret, newHash)
			}
		}
	}
	for _, alg := range []string{"RS384", "PS256", "ES256", "EdDSA", "rs256", "RS256 ", "HS256"} {
		forged["another name: "+alg] = enc([]byte(`{"alg":"`+alg+`","kid":"k1"}`)) + "." + parts[1] + "." + parts[2]
	}

	quoted, _ := json.Marshal(string(public))
	broken, _ := json.Marshal(strings.ReplaceAll(string(public), "\n", `\n`))
	for name, secret := range map[string]string{"PEM": string(quoted), "URL": `"` + keysURL + `"`, "set": k.set(), "broken PEM": string(broken)} {
		for _, options := range []string{`{}`, `{"algorithms":["HS256","HS384","HS512","RS256"]}`, `{"algorithms":["none","None","","HS256"]}`, `{"algorithms":[""]}`} {
			p, _, err := plugins.Of(jwt.New).Build(json.RawMessage(`{"config":{"secret":`+secret+`,"options":`+options+`}}`), env)
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusOK
			if strings.Contains(options, "none") || strings.Contains(options, `""`) || name == "broken PEM" {
				want = http.StatusUnauthorized
			}
			if got := status(t, p, good); got != want {
				t.Errorf("%s, %s: Verify(good) = %d, want %d", name, options, got, want)
			}
			for attack, token := range forged {
				if got := status(t, p, token); got != http.StatusUnauthorized {
					t.Errorf("%s, %s: Verify(%s) = %d, want 401", name, options, attack, got)
				}
			}
		}
	}
}

// ATTACKS 81: a signed payload that is no object has no exp, and jsonwebtoken takes it for ever.
func TestPayloadWithoutClaims(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	sign := func(payload string) string {
		input := enc([]byte(`{"alg":"HS256"}`)) + "." + enc([]byte(payload))
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(input))
		return input + "." + enc(mac.Sum(nil))
	}
	for _, native := range []bool{true, false} {
		env := plugintest.Env(t)
		env.Native = native
		p, _, err := plugins.Of(jwt.New).Build(json.RawMessage(`{"config":{"secret":"`+secret+`","options":{"algorithms":["HS256"]}}}`), env)
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range []string{`"alice"`, `["alice"]`, `5`, `null`, `alice`, `{"sub":"alice"}`} {
			want := http.StatusOK
			if native && payload[0] != '{' {
				want = http.StatusUnauthorized
			}
			if got := status(t, p, sign(payload)); got != want {
				t.Errorf("native %v: Verify(%s) = %d, want %d", native, payload, got, want)
			}
		}
	}
}

// ATTACKS 32: what a token says about keys leads nowhere.
func TestHeaderInjection(t *testing.T) {
	k, evil := newKey(t, jose.RS256, "k1"), newKey(t, jose.RS256, "k1")
	env := plugintest.Env(t)
	var asked []string
	env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.String())
		return answer(r, http.StatusOK, k.set()), nil
	})}
	p := build(t, `{"config":{"secret":"`+keysURL+`"}}`, env)
	if got := status(t, p, k.sign(t, claims)); got != http.StatusOK {
		t.Fatalf("Verify(good) = %d, want 200", got)
	}
	jwk, err := json.Marshal(evil.jwk.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{
		`"kid":"../../../../etc/passwd"`, `"kid":"/dev/null"`, `"kid":"' OR 1=1 --"`, `"kid":"k1\u0000"`, `"kid":"http://169.254.169.254/"`,
		`"kid":["k1"]`, `"kid":{"k1":1}`, `"kid":5`, `"kid":""`, `"kid":"` + strings.Repeat("x", 30_000) + `"`,
		`"kid":"k1","jku":"http://169.254.169.254/"`, `"jku":"https://evil.example.com/jwks.json"`, `"x5u":"http://evil.example.com/"`,
		`"kid":"k1","jwk":` + string(jwk), `"kid":"k1","x5c":["AAAA"]`, `"kid":"k1","crit":["jku"],"jku":"http://x"`,
	} {
		text := `{"alg":"RS256",` + header + `}`
		// Signed by the attacker's own key, with the key in the header.
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: evil.jwk.Key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Sign([]byte(`{"sub":"admin"}`))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := o.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(compact, ".")
		token := enc([]byte(text)) + "." + parts[1] + "." + parts[2]
		res, err := p.Verify(t.Context(), request(token))
		if err != nil || res.StatusCode() != http.StatusUnauthorized {
			t.Errorf("Verify(%.60s) = %d, %v, want 401", header, res.StatusCode(), err)
		}
		if n := len(res.Header.Get("WWW-Authenticate")); n > 500 {
			t.Errorf("Verify(%.60s): a challenge of %d bytes", header, n)
		}
	}
	for _, u := range asked {
		if u != keysURL {
			t.Errorf("asked %s", u)
		}
	}
	if len(asked) != 4 {
		t.Errorf("asked %d times within the cool-down, want once and three times more", len(asked))
	}
}

// ATTACKS 33: a thousand unknown key ids are three refetches; a key that is really new is found.
func TestJWKSFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, next := newKey(t, jose.ES256, "k1"), newKey(t, jose.ES256, "k2")
		var asked atomic.Int64
		document := atomic.Pointer[string]{}
		first, both := k.set(), k.set(next)
		document.Store(&first)
		env := plugintest.Env(t)
		env.Now = time.Now
		env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			return answer(r, http.StatusOK, *document.Load()), nil
		})}
		p := build(t, `{"config":{"secret":"`+keysURL+`"}}`, env)
		if got := status(t, p, k.sign(t, claims)); got != http.StatusOK {
			t.Fatalf("Verify(good) = %d, want 200", got)
		}
		time.Sleep(fetch.Cooldown)
		stranger := newKey(t, jose.ES256, "x")
		for i := range 1000 {
			stranger.jwk.KeyID = fmt.Sprint("random", i)
			if got := status(t, p, stranger.sign(t, claims)); got != http.StatusUnauthorized {
				t.Fatalf("Verify(random kid) = %d, want 401", got)
			}
		}
		if got := asked.Load(); got != 4 {
			t.Errorf("asked %d times, want 4", got)
		}
		document.Store(&both)
		time.Sleep(fetch.Cooldown)
		if got := status(t, p, next.sign(t, claims)); got != http.StatusOK {
			t.Errorf("Verify(new key) = %d, want 200", got)
		}
		if got := status(t, p, k.sign(t, claims)); got != http.StatusOK {
			t.Errorf("Verify(old key) = %d, want 200", got)
		}
	})
}

// A key that the provider withdrew verifies nothing, remembered or not.
func TestWithdrawnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, next := newKey(t, jose.ES256, "k1"), newKey(t, jose.ES256, "k2")
		documents := map[string]string{keysURL: k.set()}
		env := plugintest.Env(t)
		env.Now = time.Now
		env.HTTP = client(documents)
		p := build(t, `{"config":{"secret":"`+keysURL+`"}}`, env)
		token := k.sign(t, claims)
		for range 3 {
			if got := status(t, p, token); got != http.StatusOK {
				t.Fatalf("Verify = %d, want 200", got)
			}
		}
		documents[keysURL] = next.set()
		time.Sleep(10 * time.Minute)
		_ = status(t, p, token) // is served the old set, and starts the refresh
		synctest.Wait()
		if got := status(t, p, token); got != http.StatusUnauthorized {
			t.Errorf("Verify(withdrawn key) = %d, want 401", got)
		}
	})
}

// ATTACKS 34: the provider's answer leads nowhere else and is bounded. internal/jwks has more.
func TestJWKSServerSideRequestForgery(t *testing.T) {
	k := newKey(t, jose.RS256, "k1")
	for name, reply := range map[string]func(*http.Request) *http.Response{
		"redirect": func(r *http.Request) *http.Response {
			res := answer(r, http.StatusFound, "")
			res.Header.Set("Location", "http://169.254.169.254/latest/meta-data")
			return res
		},
		"10 MB": func(r *http.Request) *http.Response {
			res := answer(r, http.StatusOK, "")
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader(k.set()), strings.NewReader(strings.Repeat(" ", 10<<20))))
			return res
		},
	} {
		env := plugintest.Env(t)
		env.HTTP = &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() != keysURL {
				t.Errorf("%s: asked %s", name, r.URL)
			}
			return reply(r), nil
		})}
		p := build(t, `{"config":{"secret":"`+keysURL+`"}}`, env)
		if got := status(t, p, k.sign(t, claims)); got != http.StatusServiceUnavailable {
			t.Errorf("%s: Verify = %d, want 503", name, got)
		}
	}
}

// ATTACKS 35: what is no compact JWS is refused by its dots and letters.
func TestOversizedAndEncrypted(t *testing.T) {
	env := plugintest.Env(t) // fails the test when it is asked for anything
	p := build(t, `{"config":{"secret":"`+keysURL+`"}}`, env)
	zip := enc([]byte(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`)) + ".." + strings.Repeat("A", 16) + "." + strings.Repeat("A", 50_000) + ".AAAA"
	pbes := enc([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000000,"p2s":"AAAA"}`)) + ".AAAA.AAAA.AAAA.AAAA"
	nested := enc([]byte(`{"alg":"RS256","x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`)) + ".e30.AAAA"
	for name, token := range map[string]string{
		"JWE zip bomb": zip, "PBES2": pbes, "a million dots": strings.Repeat(".", 1_000_000), "a megabyte": strings.Repeat("A", 1<<20) + ".e30.AAAA",
		"a header of brackets": nested, "three dots": "...", "JSON serialization": `{"payload":"e30","signatures":[]}`,
	} {
		start := time.Now()
		if got := status(t, p, token); got != http.StatusUnauthorized {
			t.Errorf("Verify(%s) = %d, want 401", name, got)
		}
		// Ten times what ATTACKS allows, because this machine may be busy.
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("Verify(%s) took %v", name, took)
		}
	}
}

// ATTACKS 36: a token for somebody else.
func TestAnotherAudience(t *testing.T) {
	k := newKey(t, jose.HS256, "")
	p := build(t, fmt.Sprintf(`{"config":{"secret":%q,"options":{"algorithms":"HS256","audience":"app1","issuer":"https://iss"}}}`, k.jwk.Key), plugintest.Env(t))
	for want, audiences := range map[int][]any{
		http.StatusOK:           {"app1", []string{"app1"}, []string{"app2", "app1"}},
		http.StatusUnauthorized: {"app2", []string{"app2"}, []string{}, nil, "", "app1 ", "APP1", 5, true, map[string]any{"0": "app1"}, []any{[]string{"app1"}}},
	} {
		for _, aud := range audiences {
			if got := status(t, p, k.sign(t, map[string]any{"aud": aud, "iss": "https://iss"})); got != want {
				t.Errorf("Verify(aud %v) = %d, want %d", aud, got, want)
			}
		}
	}
	for _, iss := range []any{"https://is", "https://iss/", "", nil, []string{"https://iss"}} {
		if got := status(t, p, k.sign(t, map[string]any{"aud": "app1", "iss": iss})); got != http.StatusUnauthorized {
			t.Errorf("Verify(iss %v) = %d, want 401", iss, got)
		}
	}
	if got := status(t, p, k.sign(t, map[string]any{"iss": "https://iss"})); got != http.StatusUnauthorized {
		t.Errorf("Verify(no aud) = %d, want 401", got)
	}
}

// ATTACKS 18 and 19: what one configuration allowed does not count under a stricter one.
func TestStricterConfiguration(t *testing.T) {
	k := newKey(t, jose.HS256, "")
	token := k.sign(t, claims)
	loose := fmt.Sprintf(`{"config":{"secret":{"text":%q}}}`, k.jwk.Key)
	strict := fmt.Sprintf(`{"config":{"secret":{"text":%q}},"assertions":{"id_token":[{"query_engine":"jp","query":"$.sub","rule":{"method":"eq","value":"bob"}}]}}`, k.jwk.Key)
	for _, order := range [][]string{{loose, strict}, {strict, loose}} {
		for _, config := range append(order, order...) {
			want := http.StatusOK
			if config == strict {
				want = http.StatusForbidden
			}
			p := build(t, config, plugintest.Env(t))
			for range 2 {
				if got := status(t, p, token); got != want {
					t.Errorf("Verify under %s = %d, want %d", config, got, want)
				}
			}
		}
	}
}
