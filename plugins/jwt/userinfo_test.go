package jwt_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
)

// ATTACKS 86: an answer about somebody else, or for somebody else, is not used (OpenID Connect Core 1.0 §5.3.2).
func TestUserinfoOfSomebodyElse(t *testing.T) {
	i := newIssuer(t)
	stranger := newKey(t, jose.ES256, "k1")
	shared := newKey(t, jose.HS256, "k1")
	now := time.Now().Unix()
	said := func(k key, more map[string]any) string {
		claims := map[string]any{"iss": issuerURL, "aud": "spa", "sub": "alice", "name": "Al"}
		for name, v := range more {
			claims[name] = v
		}
		return k.sign(t, claims)
	}
	jwt := "application/jwt"
	for _, tt := range []struct {
		name, mediaType, body string
		want                  int
	}{
		{"JSON", "application/json", `{"sub":"alice","name":"Al"}`, 200},
		{"no media type", "", `{"sub":"alice","name":"Al"}`, 200},
		{"about somebody else", "application/json", `{"sub":"bob"}`, 401},
		{"about nobody", "application/json", `{"name":"Al"}`, 401},
		{"about a list", "application/json", `{"sub":["alice"]}`, 401},
		{"signed", jwt, said(i.key, nil), 200},
		{"signed, with a parameter", "Application/JWT; charset=utf-8", said(i.key, nil), 200},
		{"signed, for several", jwt, said(i.key, map[string]any{"aud": []string{"x", "spa"}}), 200},
		{"signed, about somebody else", jwt, said(i.key, map[string]any{"sub": "bob"}), 401},
		{"signed, for another client", jwt, said(i.key, map[string]any{"aud": "other"}), 503},
		{"signed, for nobody", jwt, said(i.key, map[string]any{"aud": []string{}}), 503},
		{"signed, no audience", jwt, said(i.key, map[string]any{"aud": nil}), 503},
		{"signed, by another issuer", jwt, said(i.key, map[string]any{"iss": "https://other"}), 503},
		{"signed, expired", jwt, said(i.key, map[string]any{"exp": now - 10}), 503},
		{"signed by another key", jwt, said(stranger, nil), 503},
		{"signed with a secret", jwt, said(shared, nil), 503},
		{"not signed", jwt, `{"sub":"alice"}`, 503},
		{"none", jwt, enc([]byte(`{"alg":"none"}`)) + "." + strings.Split(said(i.key, nil), ".")[1] + ".", 503},
		{"encrypted", jwt, "a.b.c.d.e", 503},
		{"a JWT that says it is JSON", "application/json", said(i.key, nil), 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := i.answering(t, "/userinfo", func(r *http.Request) *http.Response {
				if accept := r.Header.Get("Accept"); !strings.Contains(accept, "application/json") || !strings.Contains(accept, "application/jwt") {
					t.Errorf("Accept: %s", accept)
				}
				res := answer(r, http.StatusOK, tt.body)
				res.Header.Set("Content-Type", tt.mediaType)
				return res
			})
			// No client: the endpoint is asked with the user's token.
			p := build(t, oidc(`"features":{"fetch_userinfo":true}`), env)
			res, err := p.Verify(t.Context(), request(i.key.sign(t, map[string]any{"sub": "alice", "azp": "spa", "exp": now + 60})))
			got := res.StatusCode()
			if err != nil {
				got = http.StatusServiceUnavailable
			}
			if got != tt.want {
				t.Errorf("Verify = %d (%s), %v, want %d", got, res.Reason, err, tt.want)
			}
			if got == http.StatusOK && !strings.Contains(res.Header.Get("X-Userinfo"), `"name":"Al"`) {
				t.Errorf("X-Userinfo = %s", res.Header.Get("X-Userinfo"))
			}
		})
	}
}

// The keys of the configuration verify what the issuer signs, where it names none by itself.
func TestSignedUserinfoByConfiguredKeys(t *testing.T) {
	i := newIssuer(t)
	env := i.answering(t, "/userinfo", func(r *http.Request) *http.Response {
		res := answer(r, http.StatusOK, i.key.sign(t, map[string]any{"iss": issuerURL, "aud": "gate", "sub": "alice"}))
		res.Header.Set("Content-Type", "application/jwt")
		return res
	})
	p := build(t, `{"config":{"secret":`+i.key.set()+`},"oidc":{"enabled":true,"issuer":{"issuer":"`+issuerURL+`","userinfo_endpoint":"`+issuerURL+`/userinfo"},
		"client":{"client_id":"gate"},"features":{"fetch_userinfo":true}}}`, env)
	if got := status(t, p, i.key.sign(t, map[string]any{"sub": "alice"})); got != http.StatusOK {
		t.Errorf("Verify = %d, want 200", got)
	}
}

// Where nobody says which client a token was issued to, signed userinfo must be for somebody all the same.
func TestSignedUserinfoForNobody(t *testing.T) {
	i := newIssuer(t)
	for _, tt := range []struct {
		aud  any
		want int
	}{{"gate", 200}, {[]any{5, "gate"}, 200}, {nil, 503}, {5, 503}, {[]any{}, 503}, {"", 503}} {
		env := i.answering(t, "/userinfo", func(r *http.Request) *http.Response {
			res := answer(r, http.StatusOK, i.key.sign(t, map[string]any{"iss": issuerURL, "aud": tt.aud, "sub": "alice"}))
			res.Header.Set("Content-Type", "application/jwt")
			return res
		})
		if got := status(t, build(t, oidc(`"features":{"fetch_userinfo":true}`), env), i.token(t)); got != tt.want {
			t.Errorf("aud %v: Verify = %d, want %d", tt.aud, got, tt.want)
		}
	}
}

// External-auth-server does not ask userinfo for a sub; what it has must be the token's all the same.
func TestUserinfoWithoutSubject(t *testing.T) {
	i := newIssuer(t)
	for body, want := range map[string]int{`{"name":"Al"}`: 200, `{"sub":"bob"}`: 401} {
		i.set(func() { i.userinfo = body })
		env := i.env(t)
		p, _, err := plugins.Of(jwt.New).Build(json.RawMessage(oidc(`"features":{"fetch_userinfo":true}`)), env)
		if err != nil {
			t.Fatal(err)
		}
		if got := status(t, p, i.token(t)); got != want {
			t.Errorf("%s: Verify = %d, want %d", body, got, want)
		}
	}
}
