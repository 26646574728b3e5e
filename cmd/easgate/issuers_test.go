package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/lint"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// A recipe is a section of docs/jwt-issuers.md: a configuration, and the claims of a token that it lets in.
type recipe struct{ yaml, claims string }

func recipes(t *testing.T) map[string]recipe {
	t.Helper()
	text, err := os.ReadFile("../../docs/jwt-issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(section, language string) string {
		_, rest, _ := strings.Cut(section, "\n```"+language+"\n")
		body, _, _ := strings.Cut(rest, "\n```\n")
		return body
	}
	all := map[string]recipe{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		name, _, _ := strings.Cut(section, "\n")
		all[name] = recipe{block(section, "yaml"), block(section, "json")}
	}
	return all
}

// signed is a key set behind every URL, and the key that signs.
type signed struct {
	t     *testing.T
	key   jose.JSONWebKey
	asked string
}

func (s *signed) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = r.URL.String()
	set, err := json.Marshal(map[string]any{"keys": []any{s.key.Public()}, "public_cert": map[string]string{"kid": "x"}})
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(set)), Request: r}, err
}

// token signs claims that are valid now.
func (s *signed) token(claims map[string]any) string {
	s.t.Helper()
	now := time.Now().Unix()
	claims["iat"], claims["nbf"], claims["exp"] = now-5, now-5, now+300
	payload, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		s.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// opened is a recipe's config token, sealed, opened and compiled as a server does.
func opened(t *testing.T, r recipe, transport http.RoundTripper) *pipeline.Pipeline {
	t.Helper()
	claims, err := tokens.Parse("docs/jwt-issuers.md", []byte(r.yaml))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := configtoken.NewKeyring()
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := ring.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.Seal(claims)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := configtoken.NewOpener(configtoken.Formats{Native: configtoken.NewLive(ring)})
	if err != nil {
		t.Fatal(err)
	}
	token, err := opener.Open(sealed)
	if err != nil {
		t.Fatal(err)
	}
	limits := config.Config{QueryTimeout: time.Second, QueryMemory: 32 << 20, URLQueryTimeout: time.Second, URLQueryMemory: 32 << 20}
	compiler, _, done := compiler(&limits, slog.New(slog.DiscardHandler), time.Now)
	t.Cleanup(done)
	for _, f := range lint.Token(compiler, configtoken.Token{Format: configtoken.Plain, Claims: claims}) {
		t.Errorf("lint says %v", f)
	}
	compiler.Env.HTTP = &http.Client{Transport: transport}
	p, _, err := compiler.Compile(&token)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each recipe lets in the token that its page shows, and refuses what its issuer may also have signed.
func TestIssuers(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	type claims = map[string]any
	refused := map[string][]struct {
		change claims
		reason string
	}{
		"Keycloak": {
			{claims{"aud": "account"}, `aud "account", want "orders-api"`},
			{claims{"iss": "https://sso.example.com/realms/other"}, `want "https://sso.example.com/realms/main"`},
			{claims{"typ": "ID"}, "user did not pass assertions"},
			{claims{"realm_access": claims{"roles": []string{"offline_access"}}}, "user did not pass assertions"},
		},
		"Entra ID, version 2 tokens": {
			{claims{"aud": "00000003-0000-0000-c000-000000000000"}, `aud "00000003`},
			{claims{"iss": "https://sts.windows.net/5f3c8e1a-0d6b-4a52-8f0e-2b7a9c1d4e6f/"}, `iss "https://sts.windows.net`},
			{claims{"scp": "email access_as_user_too"}, "user did not pass assertions"},
			{claims{"scp": nil, "roles": []string{"access_as_user"}}, "user did not pass assertions"},
		},
		"Entra ID, version 1 tokens": {
			{claims{"aud": "c0a1f2d3-7b64-4c58-9e21-6d5f4a3b2c1d"}, `want "api://`},
			{claims{"iss": "https://sts.windows.net/another/"}, `iss "https://sts.windows.net/another/"`},
			{claims{"roles": nil}, "user did not pass assertions"},
		},
		"Auth0": {
			{claims{"aud": "https://example.eu.auth0.com/userinfo"}, `want "https://api.example.com/orders"`},
			{claims{"iss": "https://example.eu.auth0.com"}, `want "https://example.eu.auth0.com/"`},
			{claims{"permissions": []string{}}, "user did not pass assertions"},
		},
		"Amazon Cognito": {
			{claims{"token_use": "id", "aud": "1example23456789", "client_id": nil}, "user did not pass assertions"},
			{claims{"client_id": "another"}, "user did not pass assertions"},
			{claims{"cognito:groups": nil}, "user did not pass assertions"},
			{claims{"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Another"}, "eu-central-1_Another"},
		},
		"Cloudflare Access": {
			{claims{"aud": []string{"another application"}}, `aud ["another application"]`},
			{claims{"iss": "https://another.cloudflareaccess.com"}, "a cookie of another site?"},
		},
		"GitHub Actions": {
			{claims{"sub": "repo:octo-org/octo-repo:pull_request"}, "user did not pass assertions"},
			{claims{"repository_id": "75"}, "user did not pass assertions"},
			{claims{"ref": "refs/pull/1/merge"}, "user did not pass assertions"},
			{claims{"aud": "https://github.com/octo-org"}, `aud "https://github.com/octo-org"`},
		},
		"Kubernetes service accounts": {
			{claims{"sub": "system:serviceaccount:default:frontend"}, "user did not pass assertions"},
			{claims{"aud": []string{"https://kubernetes.default.svc.cluster.local"}}, "want \"https://orders.example.com\""},
		},
	}
	all := recipes(t)
	for name, r := range all {
		t.Run(name, func(t *testing.T) {
			if len(refused[name]) == 0 {
				t.Fatal("no claims that it refuses")
			}
			s := &signed{t: t, key: jose.JSONWebKey{Key: private, KeyID: "k1"}}
			p := opened(t, r, s)
			ask := func(token string) pipeline.Decision {
				h := http.Header{"Authorization": {"Bearer " + token}}
				if strings.Contains(r.yaml, "cookie:") {
					h = http.Header{"Cookie": {"CF_Authorization=" + token}}
				}
				return p.Decide(context.Background(), plugintest.Request{Header: h}.Build(), pipeline.Options{Fallback: -1})
			}
			claimed := func(change claims) claims {
				var c claims
				if err := json.Unmarshal([]byte(r.claims), &c); err != nil {
					t.Fatal(err)
				}
				for claim, v := range change {
					if c[claim] = v; v == nil {
						delete(c, claim)
					}
				}
				return c
			}
			if d := ask(s.token(claimed(nil))); d.Result.Verdict != plugins.Allow || !strings.Contains(r.yaml, s.asked) {
				t.Fatalf("Decide(its claims) = %v %s, %v; asked %s, want allow", d.Result.Verdict, d.Result.Reason, d.Err, s.asked)
			} else {
				for header := range d.Result.Header {
					if d.Result.Header.Get(header) == "" {
						t.Errorf("%s is empty", header)
					}
				}
			}
			for _, tt := range refused[name] {
				if d := ask(s.token(claimed(tt.change))); d.Result.Verdict == plugins.Allow || d.Err != nil || !strings.Contains(d.Result.Reason, tt.reason) {
					t.Errorf("Decide(%v) = %v %s, %v, want a denial: %s", tt.change, d.Result.Verdict, d.Result.Reason, d.Err, tt.reason)
				}
			}
			for token, reason := range map[string]string{"opaque": "no dots: an opaque token", "eyJhbGciOiJkaXIifQ..aa.bb.cc": "five parts: an encrypted JWE"} {
				if d := ask(token); d.Result.Verdict == plugins.Allow || !strings.Contains(d.Result.Reason, reason) {
					t.Errorf("Decide(%s) = %v %s, want %s", token, d.Result.Verdict, d.Result.Reason, reason)
				}
			}
		})
	}
	for name := range refused {
		if _, ok := all[name]; !ok {
			t.Errorf("docs/jwt-issuers.md has no %s", name)
		}
	}
}
