package jwtverify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/jwks"
	"github.com/easgate/easgate/internal/jws"
	"github.com/easgate/easgate/internal/query"
)

const secret = "a secret of thirty-two characters"

var enc = base64.RawURLEncoding.EncodeToString

// hs256 signs header and payload as they are.
func hs256(header, payload string) string {
	input := enc([]byte(header)) + "." + enc([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return input + "." + enc(mac.Sum(nil))
}

func newVerifier(t testing.TB, options string, now func() time.Time) *Verifier {
	t.Helper()
	var o Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		t.Fatal(err)
	}
	set, err := jwks.FromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return NewVerifier(set, o, now)
}

const jwt = `{"alg":"HS256","typ":"JWT"}`

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// A signature is remembered; what the claims say is looked at each time.
func TestRememberedTokensExpire(t *testing.T) {
	now := noon
	v := newVerifier(t, `{}`, func() time.Time { return now })
	token := hs256(jwt, `{"exp":1795348810}`)
	for range 3 {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatalf("Verify = %v, want none", err)
		}
	}
	if _, ok := v.signatures.Get(jws.HashOf(token)); !ok {
		t.Error("the signature is not remembered")
	}
	now = time.Unix(1795348810, 0)
	if _, err := v.Verify(t.Context(), token); err == nil || err.Error() != "TokenExpiredError: jwt expired" {
		t.Errorf("Verify when now == exp: %v, want expired", err)
	}
	now = noon
	if _, err := v.Verify(t.Context(), token[:len(token)-1]+"A"); err == nil {
		t.Error("Verify(other signature) = nil, want an error")
	}
}

// What is refused is not remembered: strangers cannot fill the memory.
func TestRefusedTokensAreForgotten(t *testing.T) {
	v := newVerifier(t, `{"audience":"a"}`, func() time.Time { return noon })
	for _, token := range []string{"x", hs256(jwt, `{}`), hs256(jwt, `{"aud":"a"}`) + "A", hs256(jwt, `{"aud":"a","exp":1}`)} {
		if _, err := v.Verify(t.Context(), token); err == nil {
			t.Errorf("Verify(%s) = nil, want an error", token)
		}
		if _, ok := v.signatures.Get(jws.HashOf(token)); ok {
			t.Errorf("the signature of %s is remembered", token)
		}
	}
}

// Claims that cannot be read must not count as no claims: the issuer may let its users write some of them.
func TestClaimsCannotBeHidden(t *testing.T) {
	v := newVerifier(t, `{"audience":"a"}`, func() time.Time { return noon })
	free := newVerifier(t, `{}`, func() time.Time { return noon })
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, payload := range map[string]string{
		"a number too large": `{"exp":1,"x":1e999}`,
		"too deep":           `{"exp":1,"x":` + deep + `}`,
		"broken":             `{"exp":1,`,
		"white space first":  "\r\n\t {\"exp\":1,",
	} {
		for _, header := range []string{jwt, `{"alg":"HS256"}`} {
			for _, v := range []*Verifier{v, free} {
				if _, err := v.Verify(t.Context(), hs256(header, payload)); err == nil {
					t.Errorf("%s, %s: Verify = nil, want an error", name, header)
				}
			}
		}
	}
	// Deep enough for claims, too deep for rules: the rules must not see something else instead.
	token, err := free.Verify(t.Context(), hs256(`{"alg":"HS256"}`, `{"banned":true,"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	if view, err := free.View(token); err == nil {
		t.Errorf("View = %T, want an error", view)
	}
}

func TestView(t *testing.T) {
	for _, tt := range []struct{ options, header, payload, want string }{
		{`{}`, jwt, `{"b":1,"a":{"2":1,"1":2}}`, `{"b":1,"a":{"1":2,"2":1}}`},
		{`{}`, jwt, `5`, `5`},
		{`{}`, `{"alg":"HS256"}`, `5`, `"5"`},
		{`{}`, `{"alg":"HS256"}`, `notjson`, `"notjson"`},
		{`{}`, `{"alg":"HS256"}`, `[1]`, `[1]`},
		{`{"complete":true}`, `{"alg":"HS256"}`, `{"a":1}`, `{"header":{"alg":"HS256"},"payload":{"a":1},"signature":"`},
	} {
		v := newVerifier(t, tt.options, func() time.Time { return noon })
		token, err := v.Verify(t.Context(), hs256(tt.header, tt.payload))
		if err != nil {
			t.Fatal(err)
		}
		view, err := v.View(token)
		if got := query.JSON(view); err != nil || !strings.HasPrefix(got, tt.want) {
			t.Errorf("View(%s) = %s, %v, want %s", tt.payload, got, err, tt.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	v := newVerifier(t, `{}`, func() time.Time { return noon })
	for payload, want := range map[string]string{
		`{"sub":"alice","iss":"https://iss"}`:  `{"Subject":"alice","Realm":"https://iss","Roles":null,"Scopes":null}`,
		`{"sub":5,"scope":"a  b","scp":["c"]}`: `{"Subject":"","Realm":"","Roles":null,"Scopes":["a","b"]}`,
		`{"sub":"a","scp":["c",5,"d"]}`:        `{"Subject":"a","Realm":"","Roles":null,"Scopes":["c","d"]}`,
		`{"sub":"a","scope":"","roles":["x"]}`: `{"Subject":"a","Realm":"","Roles":null,"Scopes":[]}`,
		`{"sub":"a","scope":null,"scp":"c d"}`: `{"Subject":"a","Realm":"","Roles":null,"Scopes":["c","d"]}`,
	} {
		token, err := v.Verify(t.Context(), hs256(jwt, payload))
		if err != nil {
			t.Fatal(err)
		}
		id := token.Identity
		got, _ := json.Marshal(struct {
			Subject, Realm string
			Roles, Scopes  []string
		}{id.Subject, id.Realm, id.Roles, id.Scopes})
		if string(got) != want || id.Claims == nil {
			t.Errorf("Identity(%s) = %s, want %s", payload, got, want)
		}
	}
}

func TestAudiencePatterns(t *testing.T) {
	v := newVerifier(t, `{"audience":["x",{"regex":"/^APP-\\d+$/i"}]}`, func() time.Time { return noon })
	for payload, want := range map[string]string{
		`{"aud":"app-1"}`:        "",
		`{"aud":["q","App-22"]}`: "",
		`{"aud":"x"}`:            "",
		`{"aud":"app-1x"}`:       "jwt audience invalid. expected: x or /^APP-\\d+$/i",
		`{"aud":{"0":"app-1"}}`:  "jwt audience invalid. expected: x or /^APP-\\d+$/i",
		`{}`:                     "jwt audience invalid. expected: x or /^APP-\\d+$/i",
	} {
		_, err := v.Verify(t.Context(), hs256(jwt, payload))
		var e *Error
		if got := ""; errors.As(err, &e) {
			got = e.Message
			if got != want {
				t.Errorf("Verify(%s) = %s, want %s", payload, got, want)
			}
		} else if want != "" || err != nil {
			t.Errorf("Verify(%s) = %v, want %s", payload, err, want)
		}
	}
}

// Never panic; never allow what is not one of the tokens that were really signed.
func FuzzVerify(f *testing.F) {
	genuine := map[string]bool{}
	for _, payload := range []string{`{}`, `5`, `{"exp":1795348810,"aud":["a","b"],"scope":"x y"}`, `{"exp":"x"}`, `notjson`} {
		for _, header := range []string{jwt, `{"alg":"HS256","kid":"x"}`} {
			token := hs256(header, payload)
			genuine[token] = true
			f.Add(token, `{}`)
			f.Add(token, `{"audience":"a","maxAge":"1h","algorithms":["HS256","none","RS256"]}`)
		}
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.", `{"algorithms":["none"]}`)
	f.Fuzz(func(t *testing.T, token, options string) {
		var o Options
		if json.Unmarshal([]byte(options), &o) != nil {
			return
		}
		_ = o.Problems()
		set, err := jwks.FromSecret(secret)
		if err != nil {
			t.Fatal(err)
		}
		v := NewVerifier(set, o, func() time.Time { return noon })
		tok, err := v.Verify(t.Context(), token)
		if err == nil {
			if !genuine[token] {
				t.Errorf("Verify(%q) allows", token)
			}
			_, _ = v.View(tok)
		}
		if _, again := v.Verify(t.Context(), token); (again == nil) != (err == nil) {
			t.Errorf("Verify(%q) = %v, then %v", token, err, again)
		}
	})
}
