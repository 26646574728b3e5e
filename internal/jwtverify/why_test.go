package jwtverify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/jwks"
)

// The log says what a token has and what was wanted; the client hears what it always did.
func TestWhy(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for _, tt := range []struct{ name, options, token, message, want string }{
		{"expired", `{}`, hs256(jwt, `{"exp":1795338120}`), "jwt expired", "2h58m0s ago"},
		{"long expired", `{}`, hs256(jwt, `{"exp":1700000000}`), "jwt expired", "1104 days ago"},
		{"expired before time began", `{}`, hs256(jwt, `{"exp":-1e300}`), "jwt expired", "very long ago"},
		{"exp is text", `{}`, hs256(jwt, `{"exp":"x"}`), "invalid exp value", `exp "x"`},
		{"too early", `{}`, hs256(jwt, `{"nbf":1795348830}`), "jwt not active", "not for another 30s"},
		{"too old", `{"maxAge":"1h"}`, hs256(jwt, `{"iat":1795341600}`), "maxAge exceeded", "issued 2h0m0s ago, maxAge is 1h0m0s"},
		{"no iat", `{"maxAge":"1h"}`, hs256(jwt, `{}`), "iat required when maxAge is specified", "no iat"},
		{"audience", `{"audience":["a","b"]}`, hs256(jwt, `{"aud":["c",5,null,["x"]]}`), "jwt audience invalid. expected: a or b",
			`aud ["c", 5, something else, something else], want "a" or "b"`},
		{"no audience", `{"audience":"a"}`, hs256(jwt, `{}`), "jwt audience invalid. expected: a", `no aud, want "a"`},
		{"many audiences", `{"audience":"a"}`, hs256(jwt, `{"aud":["1","2","3","4","5","6","7"]}`), "jwt audience invalid. expected: a",
			`aud ["1", "2", "3", "4", "5" … (7)], want "a"`},
		{"nested audience", `{"audience":"a"}`, hs256(jwt, `{"aud":`+deep+`}`), "jwt audience invalid. expected: a", `aud [something else], want "a"`},
		{"issuer", `{"issuer":"https://iss/"}`, hs256(jwt, `{"iss":"https://iss"}`), "jwt issuer invalid. expected: https://iss/",
			`iss "https://iss", want "https://iss/"`},
		{"a line of its own", `{"issuer":"i"}`, hs256(jwt, `{"iss":"x\nlevel=INFO \u001b[31m\u202e"}`), "jwt issuer invalid. expected: i",
			`iss "x\nlevel=INFO \x1b[31m\u202e", want "i"`},
		{"a long issuer", `{"issuer":"i"}`, hs256(jwt, `{"iss":"`+strings.Repeat("x", 5000)+`"}`), "jwt issuer invalid. expected: i",
			`iss "` + strings.Repeat("x", 128) + `"…, want "i"`},
		{"subject", `{"subject":"alice"}`, hs256(jwt, `{"sub":"bob"}`), "jwt subject invalid. expected: alice", `sub "bob"`},
		{"algorithm", `{"algorithms":["ES256","HS512"]}`, hs256(jwt, `{}`), "invalid algorithm", `alg "HS256", want "ES256" or "HS512"`},
		{"an algorithm that does not suit the key", `{"algorithms":["RS256","HS512"]}`, hs256(`{"alg":"RS256"}`, `{}`),
			"secretOrPublicKey must be an asymmetric key when using RS256", `alg "RS256", want "HS512"`},
		{"none", `{}`, enc([]byte(`{"alg":"none"}`)) + ".e30.", "jwt signature is required", `alg "none", and no signature`},
		{"EdDSA", `{}`, hs256(`{"alg":"EdDSA"}`, `{}`), "invalid algorithm", `alg "EdDSA", which counts only where algorithms names it`},
		{"another key", `{}`, hs256(jwt, `{"iss":"https://other"}`) + "A", "invalid signature",
			`alg "HS256", not signed by key ""; it claims iss "https://other"`},
		{"opaque", `{}`, "2YotnFZFEjr1zCsicMWpAA", "jwt malformed",
			"no dots: an opaque token, about which only its issuer's introspection endpoint could tell"},
		{"JWE", `{}`, "a.b.c.d.e", "jwt malformed", "five parts: an encrypted JWE, which only its audience can read"},
		{"two parts", `{}`, "a.b", "jwt malformed", "2 parts, want 3"},
		{"too long", `{}`, strings.Repeat(".", 1<<20), "jwt malformed", "longer than 64 KB"},
		{"blanks", `{}`, "a.b.c d", "invalid token", "a part is empty or not base64url"},
		{"no header", `{}`, "AAAA.e30.AAAA", "invalid token", "the header is not a JSON object"},
		{"crit", `{}`, hs256(`{"alg":"HS256","crit":["x"]}`, `{}`), "invalid token", "crit in the header: an extension that is not known here"},
		{"no claims", `{}`, hs256(jwt, `{`), "invalid token", "the payload is not JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVerifier(t, tt.options, func() time.Time { return noon })
			_, err := v.Verify(t.Context(), tt.token)
			var e *Error
			if !errors.As(err, &e) || e.Message != tt.message || e.Why != tt.want {
				t.Errorf("Verify = %+v, want %s: %s", e, tt.message, tt.want)
			}
		})
	}
}

func TestWhyNoKey(t *testing.T) {
	var keys []string
	for i := range 7 {
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","k":"YSBzZWNyZXQ","kid":"k%d"}`, i))
	}
	set, err := jwks.FromJWKS(json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(set, Options{}, time.Now)
	const known = `, known are "k0", "k1", "k2", "k3", "k4" … (7)`
	for in, want := range map[string]string{
		hs256(`{"alg":"HS256","kid":"x"}`, `{"iss":"https://other"}`): `kid "x"` + known + `; it claims iss "https://other"`,
		hs256(`{"alg":"HS256"}`, `{}`):                                `no kid` + known,
		hs256(`{"alg":"HS256","kid":"x"}`, `notjson`):                 `kid "x"` + known,
	} {
		_, err := v.Verify(t.Context(), in)
		var e *Error
		if !errors.As(err, &e) || e.Why != want {
			t.Errorf("Verify(%s) = %+v, want %s", in, e, want)
		}
	}
}
