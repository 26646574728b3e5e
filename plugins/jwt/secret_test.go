package jwt_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/jwt"
	"github.com/easgate/easgate/plugins/plugintest"
)

// tryBuild builds a plugin with that secret; texts are quoted. warnings are what a token of the old format complains of.
func tryBuild(t *testing.T, secret any, options string, native bool) (p plugins.Plugin, warnings []string, err error) {
	t.Helper()
	text, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	env := plugintest.Env(t)
	env.Native = native
	env.Now = time.Now
	p, problems, err := plugins.Of(jwt.New).Build(json.RawMessage(`{"config":{"secret":`+string(text)+`,"options":`+options+`}}`), env)
	if native && err == nil && len(problems) > 0 { // as in a compilation
		return nil, nil, errors.Join(problems...)
	}
	for _, err := range problems {
		warnings = append(warnings, err.Error())
	}
	return p, warnings, err
}

// forms are texts by which others know a public key, and what a native token makes of them: "" for the key itself.
func forms(t *testing.T, k key) map[string]struct{ text, want string } {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.public())
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.public(), k.jwk.Key)
	if err != nil {
		t.Fatal(err)
	}
	std := base64.StdEncoding.EncodeToString
	body := std(der)
	armored := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	jwk, err := json.Marshal(k.jwk.Public())
	if err != nil {
		t.Fatal(err)
	}
	const plainly = "a URL: write it without blanks and quotes"
	return map[string]struct{ text, want string }{
		"PEM":                                  {armored, ""},
		"PEM in quotes":                        {`"` + armored + `"`, ""},
		"a bare key, as Keycloak shows it":     {body, ""},
		"a bare key in lines":                  {strings.Join(strings.Split(armored, "\n")[1:8], "\n  ") + "\n", ""},
		"a bare key that is cut off":           {body[:300], "base64 of a key that cannot be read"},
		"the part that RSA keys share":         {body[:44], "base64 of a key that cannot be read"},
		"a bare EC key that is cut off":        {"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "base64 of a key that cannot be read"},
		"a bare certificate":                   {std(cert), ""},
		"base64url":                            {base64.RawURLEncoding.EncodeToString(der), ""},
		"hexadecimal":                          {hex.EncodeToString(der), ""},
		"base64 of PEM, as Kubernetes has it":  {std([]byte(armored)), ""},
		"base64 of base64 of DER":              {std([]byte(body)), ""},
		"base64 of base64 of PEM":              {std([]byte(std([]byte(armored)))), ""},
		"a JWK as text":                        {string(jwk), ""},
		"a JWK set as text":                    {k.set(), ""},
		"base64 of a JWK set":                  {std([]byte(k.set())), ""},
		"JSON without a key":                   {`{"issuer":"https://login.example.com/","jwks_uri":"x"}`, "JSON or PEM without a key"},
		"a list of JWKs":                       {`[` + string(jwk) + `]`, "JSON or PEM without a key"},
		"an SSH key":                           {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 alice@example.com", "an SSH key: write it as PEM"},
		"an SSH key alone":                     {"AAAAC3NzaC1lZDI1NTE5AAAAIJ0j1aU3xV2kq6cJ6yq0A1c1r6B3Y4cXkQ1Zb0J8yQ2a", "an SSH key"},
		"PEM with \\n as text":                 {strings.ReplaceAll(armored, "\n", `\n`), "looks like PEM and has no key"},
		"a bare key with \\n as text":          {strings.Join(strings.Split(armored, "\n")[1:8], `\n`), ""},
		"PEM that is encoded for URLs":         {url.QueryEscape(armored), "looks like PEM and has no key"},
		"PEM that is encoded with %20":         {url.PathEscape(armored), "looks like PEM and has no key"},
		"a JWK set with a comma too many":      {strings.Replace(k.set(), "]", ",]", 1), "a JWK or JWK set that is no JSON"},
		"a JWK set that is cut off":            {k.set()[:200], "a JWK or JWK set that is no JSON"},
		"a JWK set as JavaScript":              {strings.ReplaceAll(k.set(), `"`, "'"), "a JWK or JWK set that is no JSON"},
		"a JWK in escaped quotes":              {strings.ReplaceAll(string(jwk), `"`, `\"`), "a JWK or JWK set that is no JSON"},
		"a JWK as a text of JSON":              {strconv.Quote(string(jwk)), "a JWK or JWK set that is no JSON"},
		"a JWK as YAML":                        {"kty: RSA\nn: " + body + "\ne: AQAB", "a JWK or JWK set that is no JSON"},
		"a key as XML":                         {"<RSAKeyValue><Modulus>AQAB</Modulus></RSAKeyValue>", "a key as XML"},
		"a URL after a blank":                  {" " + keysURL, plainly},
		"a URL with a line end":                {keysURL + "\n", plainly},
		"a URL in capitals":                    {"HTTPS" + keysURL[5:], plainly},
		"a URL after a byte order mark":        {"\ufeff" + keysURL, plainly},
		"a URL in angle brackets":              {"<" + keysURL + ">", plainly},
		"a URL in typographic quotes":          {"“" + keysURL + "”", plainly},
		"a URL with one slash":                 {"https:" + keysURL[7:], plainly},
		"a URL without a colon":                {"https" + keysURL[6:], plainly},
		"a URL that is encoded":                {url.QueryEscape(keysURL), plainly},
		"a URL in quotes":                      {`"` + keysURL + `"`, plainly},
		"a URL without its scheme":             {keysURL[8:], "a URL without its scheme"},
		"a URL without its scheme, by address": {"10.0.0.7:8080/realms/x/protocol/openid-connect/certs", "a URL without its scheme"},
		"half a scheme":                        {keysURL[6:], "a URL without its scheme"},
		"another scheme":                       {"file:///etc/jwt/public.pem", "a URL that nothing is fetched from"},
		"base64 of a URL":                      {std([]byte(keysURL + "\n")), plainly},
		"a data URL":                           {"data:application/x-pem-file;base64," + std([]byte(armored)), "a URL that nothing is fetched from"},
	}
}

// ATTACKS 83: what is meant to be a public key, and known to everybody, verifies no HS256.
func TestKnownTextsAreNoSecrets(t *testing.T) {
	k := newKey(t, jose.RS256, "k1")
	good := k.sign(t, claims)
	for name, tt := range forms(t, k) {
		t.Run(name, func(t *testing.T) {
			for _, options := range []string{`{}`, `{"algorithms":["HS256","RS256"]}`, `{"algorithms":["HS256"]}`} {
				p, _, err := tryBuild(t, tt.text, options, true)
				if tt.want != "" {
					if err == nil || !strings.Contains(err.Error(), "config.secret: "+tt.want) {
						t.Errorf("%s, native: Build = %v, want %s", options, err, tt.want)
					}
				} else if err != nil {
					t.Errorf("%s, native: Build = %v", options, err)
				} else {
					want := http.StatusOK
					if !strings.Contains(options, "RS256") && options != `{}` {
						want = http.StatusUnauthorized
					}
					if got := status(t, p, good); got != want {
						t.Errorf("%s, native: Verify(the issuer's) = %d, want %d", options, got, want)
					}
				}
				old, warnings, err := tryBuild(t, tt.text, options, false)
				if err != nil {
					t.Fatalf("%s: Build = %v", options, err)
				}
				if !strings.HasPrefix(name, "PEM") && len(warnings) == 0 {
					t.Errorf("%s: nobody is told", options)
				}
				for _, secret := range []string{tt.text, strings.TrimSpace(tt.text)} {
					forged := forge(`{"alg":"HS256","typ":"JWT","kid":"k1"}`, []byte(secret), sha256.New)
					if p != nil && status(t, p, forged) != http.StatusUnauthorized {
						t.Errorf("%s, native: Verify(forged) allows", options)
					}
					if got := status(t, old, forged); got != http.StatusUnauthorized {
						t.Errorf("%s: Verify(forged) = %d, want 401", options, got)
					}
				}
			}
			// Saying that it is a secret does not make it one.
			if _, _, err := tryBuild(t, map[string]any{"text": tt.text, "allow_short": true}, `{}`, true); err == nil {
				t.Error("{text: …}: Build = nil, want an error")
			}
		})
	}
}

func TestSharedSecrets(t *testing.T) {
	const long = "down the rabbit-hole, and into the pool of tears"
	type m = map[string]any
	for _, tt := range []struct {
		name    string
		secret  any
		options string
		// is is the secret that is right, want part of the error, and old part of the old format's warnings.
		is, want, old string
	}{
		{"text beside an HS algorithm", long, `{"algorithms":["HS256"]}`, long, "", ""},
		{"text without algorithms", long, `{}`, long, "needs options.algorithms with HS256", ""},
		{"text beside RS256", long, `{"algorithms":["RS256"]}`, "", "needs options.algorithms with HS256", ""},
		{"text that says so", m{"text": long}, `{}`, long, "", ""},
		{"base64", m{"base64": base64.StdEncoding.EncodeToString([]byte(long)) + "\n"}, `{}`, long, "", ""},
		{"base64 without padding", m{"base64": base64.RawStdEncoding.EncodeToString([]byte(long))}, `{}`, long, "", ""},
		{"base64url", m{"base64url": base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff\xfe", 20)))}, `{}`, strings.Repeat("\xff\xfe", 20), "", ""},
		{"the wrong base64", m{"base64": base64.URLEncoding.EncodeToString([]byte(strings.Repeat("\xff\xfe", 20)))}, `{}`, "", "not in the encoding that it says", "!"},
		{"base64 of PEM", m{"base64": base64.StdEncoding.EncodeToString([]byte("-----BEGIN PUBLIC KEY-----"))}, `{}`, "", "looks like PEM", "!"},
		{"two forms", m{"text": long, "base64": "AAAA"}, `{}`, "", "want text, a JWK set, or one of", "!"},
		{"no form", m{"txt": long}, `{}`, "", "want text, a JWK set, or one of", "!"},
		{"another case", m{"Text": long}, `{}`, "", "want text, a JWK set, or one of", "!"},
		{"an empty form", m{"text": ""}, `{}`, "", "want text, a JWK set, or one of", "!"},
		{"a list", []string{long}, `{}`, "", "want text, a JWK set, or one of", "!"},

		{"31 bytes", long[:31], `{"algorithms":["HS256"]}`, long[:31], "a secret of 31 bytes: want 32 or more", ""},
		{"32 bytes", long[:32], `{"algorithms":["HS256"]}`, long[:32], "", ""},
		{"32 bytes for HS512", long[:32], `{"algorithms":["HS256","HS512"]}`, long[:32], "a secret of 32 bytes: want 64 or more", ""},
		{"31 bytes that say so", m{"text": long[:31]}, `{}`, long[:31], "want 32 or more", ""},
		{"31 bytes, allowed", m{"text": long[:31], "allow_short": true}, `{}`, long[:31], "", ""},
		{"a short JWK", m{"kty": "oct", "k": "YSBzZWNyZXQ"}, `{}`, "a secret", "a secret of 8 bytes: want 32 or more", ""},
		{"a short JWK, allowed", m{"kty": "oct", "k": "YSBzZWNyZXQ", "allow_short": true}, `{}`, "a secret", "", ""},

		{"a YAML block", long + "\n", `{"algorithms":["HS256"]}`, long + "\n", "ends with a line end, as a YAML block does", "ends with a line end"},
		{"a line end that belongs to it", m{"text": long + "\n"}, `{}`, long + "\n", "", ""},

		{"a file's name", "/etc/easgate/keys/public-key.pem", `{"algorithms":["HS256"]}`, "/etc/easgate/keys/public-key.pem", "looks like the name of a file", "looks like the name of a file"},
		{"a file's name on Windows", `C:\keys\public-key-of-our-issuer.pem`, `{"algorithms":["HS256"]}`, `C:\keys\public-key-of-our-issuer.pem`, "looks like the name of a file", "looks like"},
		{"a relative name", "config/keys/public-key-of-our-issuer.pem", `{"algorithms":["HS256"]}`, "config/keys/public-key-of-our-issuer.pem", "looks like the name of a file", "looks like"},
		{"a variable", "$A_LONG_NAME_FOR_A_JWT_SHARED_SECRET", `{"algorithms":["HS256"]}`, "$A_LONG_NAME_FOR_A_JWT_SHARED_SECRET", "looks like a variable", "looks like a variable"},
		{"a variable in braces", "${A_LONG_NAME_FOR_A_JWT_SHARED_SECRET}", `{"algorithms":["HS256"]}`, "${A_LONG_NAME_FOR_A_JWT_SHARED_SECRET}", "looks like a variable", "looks like a variable"},
		{"a template", "{{ .Values.auth.jwt.sharedSecret }}", `{"algorithms":["HS256"]}`, "{{ .Values.auth.jwt.sharedSecret }}", "looks like a variable", "looks like a variable"},
		{"a host", "auth.internal.services.login.example.com", `{"algorithms":["HS256"]}`, "auth.internal.services.login.example.com", "looks like a host", "looks like a host"},
		{"jwt.io's example", "a-string-secret-at-least-256-bits-long", `{"algorithms":["HS256"]}`, "a-string-secret-at-least-256-bits-long", "an example that everybody knows", "an example"},
		{"JSON", `{"what":"a secret that somebody made of JSON"}`, `{"algorithms":["HS256"]}`, `{"what":"a secret that somebody made of JSON"}`, "looks like JSON", "looks like JSON"},
		{"it is a secret all the same", m{"text": "/etc/easgate/keys/public-key.pem"}, `{}`, "/etc/easgate/keys/public-key.pem", "", ""},

		// Random secrets must not be taken for anything else.
		{"base64 with slashes", "/9j/4AAQ+SkZJRgABAQEAYABgAAD/2wBDAAgGBgcG==", `{"algorithms":["HS256"]}`, "/9j/4AAQ+SkZJRgABAQEAYABgAAD/2wBDAAgGBgcG==", "", ""},
		{"dollars", "$2y$10$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa", `{"algorithms":["HS256"]}`, "$2y$10$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa", "", ""},
		{"hexadecimal", strings.Repeat("3082abcd", 8), `{"algorithms":["HS256"]}`, strings.Repeat("3082abcd", 8), "", ""},
		{"words", "correct horse battery staple, and more of it", `{"algorithms":["HS256"]}`, "correct horse battery staple, and more of it", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			good := forge(`{"alg":"HS256","typ":"JWT"}`, []byte(tt.is), sha256.New)
			p, _, err := tryBuild(t, tt.secret, tt.options, true)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("native: Build = %v, want %s", err, tt.want)
				}
			} else if err != nil || status(t, p, good) != http.StatusOK {
				t.Errorf("native: Build = %v, or its issuer's token denied", err)
			}
			p, warnings, err := tryBuild(t, tt.secret, tt.options, false)
			said := strings.Join(warnings, "\n")
			switch {
			case tt.old == "!":
				if err == nil && len(warnings) == 0 {
					t.Error("nobody is told")
				}
				return
			case err != nil, tt.old == "" && said != "", !strings.Contains(said, tt.old):
				t.Fatalf("Build = %v, warns %q, want %q", err, said, tt.old)
			}
			want := http.StatusOK
			if tt.is == "" {
				want = http.StatusUnauthorized
			}
			if got := status(t, p, good); got != want {
				t.Errorf("Verify = %d, want %d as ever", got, want)
			}
		})
	}
}

// A secret in a file is read when it is needed, and again when it has changed. ATTACKS 84: what is no file to read denies.
func TestSecretFile(t *testing.T) {
	const first, second = "down the rabbit-hole, and into the pool of tears", "a caucus-race and a long tale, and the rabbit again"
	k := newKey(t, jose.ES256, "k1")
	path := filepath.Join(t.TempDir(), "jwt")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token := func(secret string) string { return forge(`{"alg":"HS256"}`, []byte(secret), sha256.New) }
	synctest.Test(t, func(t *testing.T) {
		p, _, err := tryBuild(t, map[string]any{"file": path}, `{}`, true)
		if err != nil {
			t.Fatalf("Build without the file = %v", err) // it is sealed elsewhere
		}
		for _, tt := range []struct {
			name, text string
			token      string
			want       int
		}{
			{"not there", "", token(first), http.StatusServiceUnavailable},
			{"a secret", first + "\n", token(first), http.StatusOK},
			{"another secret", second, token(second), http.StatusOK},
			{"the old one", second, token(first), http.StatusUnauthorized},
			{"a key set", k.set(), k.sign(t, claims), http.StatusOK},
			{"the key set is no secret", k.set(), token(k.set()), http.StatusUnauthorized},
		} {
			if tt.text != "" {
				write(tt.text)
			}
			time.Sleep(2 * time.Minute)
			_ = status(t, p, tt.token) // is served what was read before, and starts the refresh
			synctest.Wait()
			if got := status(t, p, tt.token); got != tt.want {
				t.Errorf("%s: Verify = %d, want %d", tt.name, got, tt.want)
			}
		}
	})
	write("short")
	pipe := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(pipe, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, want string }{
		"a short one":  {path, "a secret of 5 bytes: want 32 or more"},
		"a folder":     {pipe, "not a regular file"},
		"a device":     {"/dev/zero", "not a regular file"},
		"nothing":      {path + ".not", "no such file"},
		"nothing else": {"/dev/null", "not a regular file"},
	} {
		p, _, err := tryBuild(t, map[string]any{"file": tt.path}, `{}`, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(t.Context(), request(token("short"))); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "short\"") {
			t.Errorf("%s: Verify = %v, want %s", name, err, tt.want)
		}
	}
	if _, _, err := tryBuild(t, map[string]any{"file": "jwt.secret"}, `{}`, true); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("Build with a relative path = %v, want an error", err)
	}
}

// Of several PEM blocks the first counts, and somebody is told.
func TestSecondBlock(t *testing.T) {
	k, other := newKey(t, jose.ES256, ""), newKey(t, jose.ES256, "")
	armored := func(k key) string {
		der, err := x509.MarshalPKIXPublicKey(k.public())
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	both := armored(k) + armored(other)
	if _, _, err := tryBuild(t, both, `{}`, true); err == nil || !strings.Contains(err.Error(), "more than one block") {
		t.Errorf("native: Build = %v, want an error", err)
	}
	p, warnings, err := tryBuild(t, both, `{}`, false)
	if err != nil || len(warnings) != 1 || status(t, p, k.sign(t, claims)) != http.StatusOK || status(t, p, other.sign(t, claims)) != http.StatusUnauthorized {
		t.Errorf("Build = %v, warns %v; want the first key and a warning", err, warnings)
	}
}

// RFC 7518 §3.3 wants 2048 bits, of keys in a configuration as of others.
func TestShortRSAKey(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	k := key{jose.JSONWebKey{Key: private, Algorithm: "RS256"}}
	der, err := x509.MarshalPKIXPublicKey(k.public())
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]any{
		"PEM": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "JWK": k.jwk.Public(),
	} {
		if _, _, err := tryBuild(t, secret, `{}`, true); err == nil || !strings.Contains(err.Error(), "an RSA key of 1024 bits: want 2048 or more") {
			t.Errorf("%s, native: Build = %v, want an error", name, err)
		}
		p, warnings, err := tryBuild(t, secret, `{}`, false)
		if err != nil || len(warnings) != 1 || status(t, p, k.sign(t, claims)) != http.StatusOK {
			t.Errorf("%s: Build = %v, warns %v; want a warning, and its tokens taken", name, err, warnings)
		}
	}
}

// A JWK without kid takes tokens with one, as PEM does.
func TestStaticKeyWithoutID(t *testing.T) {
	k := newKey(t, jose.ES256, "")
	var set any = k.jwk.Public()
	for _, id := range []string{"", "k1"} {
		k.jwk.KeyID = id
		p, _, err := tryBuild(t, set, `{}`, true)
		if err != nil || status(t, p, k.sign(t, claims)) != http.StatusOK {
			t.Errorf("kid %q: denied, %v", id, err)
		}
	}
}
