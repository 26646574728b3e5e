package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/jws"
)

func block(typ string, der []byte, err error) string {
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
}

func TestFromPEM(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkix := func(k any) string { der, err := x509.MarshalPKIXPublicKey(k); return block("PUBLIC KEY", der, err) }
	pkcs8 := func(k any) string { der, err := x509.MarshalPKCS8PrivateKey(k); return block("PRIVATE KEY", der, err) }
	sec1, err := x509.MarshalECPrivateKey(ec)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)}
	cert, certErr := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	const private = "[PEM: " + publicHalf + "]"
	const two = "[PEM: more than one block, of which the first counts: several keys are a JWK set]"
	for _, tt := range []struct {
		name, in, suits, warning string
		bad                      error
	}{
		{"PKIX", pkix(key.Public()), "RS256", "[]", nil},
		{"PKIX, EC", pkix(ec.Public()), "ES384", "[]", nil},
		{"PKCS #1", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey), nil), "PS512", "[]", nil},
		{"an expired certificate", block("CERTIFICATE", cert, certErr), "RS256", "[]", nil},
		{"text before, no line end after", "our key\n" + strings.TrimSpace(pkix(key.Public())), "RS256", "[]", nil},
		{"PKCS #8", pkcs8(key), "RS256", private, nil},
		{"PKCS #1, private", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil), "RS256", private, nil},
		{"SEC 1", block("EC PRIVATE KEY", sec1, err), "ES384", private, nil},
		{"a key and its certificate", pkix(key.Public()) + block("CERTIFICATE", cert, certErr), "RS256", two, nil},
		{"a key and half of another", pkix(key.Public()) + pkix(key.Public())[:200], "RS256", two, nil},
		{"a curve that JWS has no name for", pkix(p224.Public()), "", "", errKeyType},
		{"line ends as text", strings.ReplaceAll(pkix(key.Public()), "\n", `\n`), "", "", ErrBadPEM},
		{"cut off", pkix(key.Public())[:200], "", "", ErrBadPEM},
		{"another type", strings.ReplaceAll(pkix(key.Public()), "PUBLIC", "STRANGE"), "", "", ErrBadPEM},
		{"the wrong type", strings.ReplaceAll(pkix(key.Public()), "PUBLIC KEY", "CERTIFICATE"), "", "", ErrBadPEM},
		{"no PEM", "secret", "", "", ErrBadPEM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := FromPEM(tt.in)
			if !errors.Is(err, tt.bad) || err == nil && fmt.Sprint(s.Warnings) != tt.warning {
				t.Fatalf("FromPEM = %v, %v, want %v, %v", s, err, tt.warning, tt.bad)
			}
			if err == nil && (!s.All()[0].Suits(tt.suits) || s.All()[0].Suits("HS256")) {
				t.Errorf("the key suits %v, want %s", s.All()[0].algorithms, tt.suits)
			}
		})
	}
	// What is meant to be a public key must not become a secret that everybody knows.
	if _, err := FromSecret(strings.ReplaceAll(pkix(key.Public()), "\n", `\n`)); !errors.Is(err, ErrBadPEM) {
		t.Errorf("FromSecret(PEM) = %v, want %v", err, ErrBadPEM)
	}
	if _, err := FromSecret(""); err == nil {
		t.Error("FromSecret(nothing) = nil, want an error")
	}
}

func jwk(members string) string {
	return `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"` + members + `}`
}

const (
	oct     = `{"kty":"oct","k":"YSBzZWNyZXQ"}`
	private = `,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"`
)

func TestSets(t *testing.T) {
	big := `{"keys":[` + strings.Repeat(jwk(`,"kid":"x"`)+",", 50) + jwk("") + `]}`
	for _, tt := range []struct {
		name, in string
		// remote and inline are how many keys are used of a set behind a URL and of one in a configuration, -1 for an error.
		remote, inline int
	}{
		{"a key", `{"keys":[` + jwk(`,"kid":"a"`) + `]}`, 1, 1},
		{"for signing", `{"keys":[` + jwk(`,"use":"sig","alg":"ES256","key_ops":["verify"]`) + `]}`, 1, 1},
		{"one JWK, no set", jwk(""), -1, 1},
		{"no keys", `{"keys":[]}`, -1, -1},
		{"no keys member", `{}`, -1, -1},
		{"null", `null`, -1, -1},
		{"not JSON", `{not json`, -1, -1},
		{"for encryption", `{"keys":[` + jwk(`,"use":"enc"`) + `]}`, -1, -1},
		{"use without a value", `{"keys":[` + jwk(`,"use":""`) + `]}`, -1, -1},
		{"only for signing, not verifying", `{"keys":[` + jwk(`,"key_ops":["sign"]`) + `]}`, -1, -1},
		{"an algorithm for encryption", `{"keys":[` + jwk(`,"alg":"ECDH-ES"`) + `]}`, -1, -1},
		{"an algorithm of another curve", `{"keys":[` + jwk(`,"alg":"ES384"`) + `]}`, -1, -1},
		{"an algorithm of another type", `{"keys":[` + jwk(`,"alg":"HS256"`) + `]}`, -1, -1},
		{"a secret", `{"keys":[` + oct + `]}`, -1, 1},
		{"a secret among others", `{"keys":[` + oct + `,` + jwk("") + `]}`, 1, 2},
		{"an empty secret", `{"keys":[{"kty":"oct","k":""}]}`, -1, -1},
		{"a private key", `{"keys":[` + jwk(private) + `]}`, 1, 1},
		{"not on the curve", `{"keys":[` + strings.Replace(jwk(""), "f83O", "f83P", 1) + `]}`, -1, -1},
		{"an unknown type beside a known one", `{"keys":[{"kty":"quantum"},` + jwk("") + `]}`, 1, -1},
		{"no object beside a key", `{"keys":[5,null,` + jwk("") + `]}`, 1, -1},
		{"many", big, 51, 51},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, want := range map[string]int{"remote": tt.remote, "inline": tt.inline} {
				s, err := ParseJWKS([]byte(tt.in), true)
				if how == "inline" {
					s, err = FromJWKS([]byte(tt.in))
				}
				got := -1
				if err == nil {
					got = s.Len()
				}
				if got != want {
					t.Errorf("%s: %d keys, %v, want %d", how, got, err, want)
				}
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	s, err := FromJWKS([]byte(oct))
	if err != nil {
		t.Fatal(err)
	}
	k := s.All()[0]
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k)} {
		if strings.Contains(text, "a secret") || strings.Contains(text, "97 32") || strings.Contains(text, "0x61") {
			t.Errorf("printed %s", text)
		}
	}
}

func TestFind(t *testing.T) {
	s, err := FromJWKS([]byte(`{"keys":[` + jwk(`,"kid":"a"`) + `,` + bilboRSA + `,{"kty":"oct","kid":"a","k":"YSBzZWNyZXQ"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if k := s.Find("a", "ES256"); k != s.All()[0] {
		t.Errorf("Find(a, ES256) = %v, want the first key", k)
	}
	if k := s.Find("a", "HS256"); k != s.All()[2] {
		t.Errorf("Find(a, HS256) = %v, want the key that suits", k)
	}
	if k := s.Find("a", "RS256"); k != s.All()[0] {
		t.Errorf("Find(a, RS256) = %v, want the first of that name", k)
	}
	if k := s.Find("", "ES256"); k != nil {
		t.Errorf("Find(no name) = %v, want nil", k)
	}
}

func FuzzToken(f *testing.F) {
	for _, ex := range examples {
		f.Add(ex.token)
	}
	f.Add("e30.e30.")
	f.Add("..")
	var keys []*Key
	genuine := map[string]bool{}
	for _, ex := range examples {
		s, err := FromJWKS([]byte(ex.key))
		if err != nil {
			f.Fatal(err)
		}
		keys = append(keys, s.All()...)
		genuine[ex.token] = true
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := jws.Split(token)
		if err != nil {
			return
		}
		h, err := jws.ParseHeader(c.Header)
		if err != nil {
			return
		}
		_, _ = c.DecodePayload()
		for _, k := range keys {
			if k.Verify(h.Algorithm, &c) && !genuine[token] {
				t.Errorf("%v verifies %q", k, token)
			}
		}
	})
}

func FuzzParseJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[` + jwk(`,"kid":"a"`) + `,` + oct + `,` + bilboRSA + `]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AA","e":"AA"},{"kty":"OKP","crv":"Ed25519","x":""}]}`))
	c, err := jws.Split(examples[1].token)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseJWKS(text, len(text)%2 == 0)
		if (s == nil || s.Len() == 0) != (err != nil) {
			t.Fatalf("ParseJWKS = %v, %v", s, err)
		}
		if err != nil {
			return
		}
		for _, k := range s.All() {
			if k.Secret() {
				t.Errorf("a secret from a URL")
			}
			for _, alg := range everyAlgorithm {
				_ = k.Verify(alg, &c)
			}
		}
		if !json.Valid(text) {
			t.Error("a set of what is not JSON")
		}
	})
}
