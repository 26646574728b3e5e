package jwtverify

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/jwks"
)

// A reference is what the npm package jsonwebtoken says; testdata/jsonwebtoken.js recorded it.
type reference struct {
	Now   int64
	Keys  map[string]string
	Cases []struct {
		Note, Key, Token string
		Options          json.RawMessage
		Want             struct {
			OK            bool
			Name, Message string
		}
	}
}

// verifier makes of a key what the jwt plugin makes of it.
func verifier(t *testing.T, key string, o Options, now func() time.Time) *Verifier {
	t.Helper()
	set, err := jwks.FromSecret(key)
	if jwks.IsPEM(key) {
		set, err = jwks.FromPEM(key)
	}
	if errors.Is(err, jwks.ErrBadPEM) {
		return NoKey(&Error{Name: Invalid, Message: "invalid algorithm"}, o, now)
	}
	if err != nil {
		t.Fatal(err)
	}
	return NewVerifier(set, o, now)
}

// differences are the cases that jsonwebtoken accepts, or refuses in other words, by their notes.
var differences = map[string]struct{ want, why string }{
	"HS256 with broken pem":              {"invalid algorithm", "jsonwebtoken takes the text of a public key for a secret"},
	"HS384 with broken pem":              {"invalid algorithm", "the same"},
	"HS512 with broken pem":              {"invalid algorithm", "the same"},
	"payload {, no typ":                  {"invalid token", "what looks like claims and cannot be read may be claims"},
	`payload {"exp":1e400}`:              {"invalid token", "no number that Go knows"},
	`payload {"exp":1e400}, no typ`:      {"invalid token", "the same"},
	`payload {"exp":1e400}, an audience`: {"invalid token", "the same"},
	"crit":                               {"invalid token", "RFC 7515 §4.1.11: no extension is understood"},
}

// ours are jsonwebtoken's own classes of error.
var ours = map[string]bool{Invalid: true, expired: true, notBefore: true}

func TestJSONWebToken(t *testing.T) {
	raw, err := os.ReadFile("testdata/jsonwebtoken.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Unix(ref.Now, 0) }
	for _, c := range ref.Cases {
		t.Run(c.Note, func(t *testing.T) {
			var o Options
			if c.Options != nil {
				if err := json.Unmarshal(c.Options, &o); err != nil {
					t.Fatal(err)
				}
			}
			want := c.Want.Name + ": " + c.Want.Message
			if c.Want.OK {
				want = ""
			}
			_, err := verifier(t, ref.Keys[c.Key], o, now).Verify(t.Context(), c.Token)
			got := ""
			if err != nil {
				got = err.Error()
			}
			d, differs := differences[c.Note]
			switch {
			case differs:
				if want == "JsonWebTokenError: "+d.want {
					t.Fatal("listed, but no difference")
				}
				want = "JsonWebTokenError: " + d.want
			case strings.HasSuffix(c.Want.Name, "Error") && !ours[c.Want.Name]:
				// It throws something else, which external-auth-server answers with 503: here the token is at fault.
				want = got
				if got != "JsonWebTokenError: invalid algorithm" && got != "JsonWebTokenError: invalid token" {
					want = "a refusal"
				}
			}
			if got != want {
				t.Errorf("Verify = %q, want %q", got, want)
			}
		})
	}
}
