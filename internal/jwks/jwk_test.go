package jwks

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/easgate/easgate/internal/fetch"
	"github.com/easgate/easgate/internal/jws"
)

// certificate is a certificate of key as x5c has it.
func certificate(t *testing.T, key any, signer any) string {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// A signer makes tokens.
type signer struct {
	alg     jose.SignatureAlgorithm
	private any
	public  map[string]any // its JWK
}

func newSigner(t *testing.T, alg jose.SignatureAlgorithm, private any) *signer {
	t.Helper()
	pub := jose.JSONWebKey{Key: private}
	if !pub.IsPublic() && alg[0] != 'H' {
		pub = pub.Public()
	}
	text, err := pub.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{alg: alg, private: private}
	if err := json.Unmarshal(text, &s.public); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *signer) sign(t *testing.T) *jws.Compact {
	t.Helper()
	js, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.private}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := js.Sign([]byte(`{"sub":"alice"}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	c, err := jws.Split(token)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// with is the public JWK with other members; nil takes one away.
func (s *signer) with(members map[string]any) string {
	j := map[string]any{"kid": "s"}
	for name, v := range s.public {
		j[name] = v
	}
	for name, v := range members {
		j[name] = v
		if v == nil {
			delete(j, name)
		}
	}
	text, err := json.Marshal(j)
	if err != nil {
		panic(err) // maps of texts and lists always marshal
	}
	return string(text)
}

// leading is a number with zeros in front of it, or, negative, with that many bytes less.
func leading(member any, zeros int) string {
	b, _ := base64.RawURLEncoding.DecodeString(member.(string))
	if zeros < 0 {
		return base64.RawURLEncoding.EncodeToString(b[-zeros:])
	}
	return base64.RawURLEncoding.EncodeToString(append(make([]byte, zeros), b...))
}

// Only what verifying needs decides whether a key is used. The reasons are what the log says.
func TestWhatMakesAKeyUsable(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ecKey := withLeadingZero(t)
	rs, ec := newSigner(t, jose.RS256, key), newSigner(t, jose.ES256, ecKey)
	weak := newSigner(t, jose.RS256, short)
	okp := &signer{public: map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}
	n := rs.public["n"].(string)
	padded := n + strings.Repeat("=", (4-len(n)%4)%4)
	even := new(big.Int).Sub(key.N, big.NewInt(1)).Bytes()
	for _, tt := range []struct {
		name    string
		s       *signer
		members map[string]any
		want    string
	}{
		{"as it is", rs, nil, ""},
		{"x5c is no certificate", rs, map[string]any{"x5c": []string{"MIIB"}}, ""},
		{"x5c is no list", rs, map[string]any{"x5c": "MIIB"}, ""},
		{"x5c is another key's", rs, map[string]any{"x5c": []string{certificate(t, short.Public(), short)}}, ""},
		{"x5t in hexadecimal", rs, map[string]any{"x5t": "a1:b2", "x5t#S256": 5, "x5u": "nowhere"}, ""},
		{"n with padding", rs, map[string]any{"n": padded}, ""},
		{"n in the other alphabet", rs, map[string]any{"n": strings.NewReplacer("-", "+", "_", "/").Replace(padded)}, ""},
		{"n with zeros before it", rs, map[string]any{"n": leading(n, 2), "e": leading(rs.public["e"], 1)}, ""},
		{"n and e in x5c only, as Auth0 once had them", rs, map[string]any{"n": nil, "e": nil, "x5c": []string{certificate(t, key.Public(), key)}}, ""},
		{"members of a private key", rs, map[string]any{"d": rs.public["n"], "p": "x"}, ""},
		{"a key_ops of one", rs, map[string]any{"key_ops": "verify"}, ""},
		{"members that are null", rs, map[string]any{"use": json.RawMessage("null"), "alg": json.RawMessage("null"), "key_ops": json.RawMessage("null")}, ""},
		{"y with a zero before it", ec, nil, ""},
		{"y without its zero", ec, map[string]any{"y": leading(ec.public["y"], -1)}, ""},
		{"x with more zeros", ec, map[string]any{"x": leading(ec.public["x"], 3)}, ""},

		{"n in hexadecimal with colons", rs, map[string]any{"n": "00:a1:b2"}, "n: not base64url"},
		{"n with a line end", rs, map[string]any{"n": n[:40] + " " + n[40:]}, "n: not base64url"},
		{"n is a number", rs, map[string]any{"n": 5}, "n: not a string"},
		{"n is empty", rs, map[string]any{"n": ""}, "n: missing"},
		{"no n, no x5c", rs, map[string]any{"n": nil}, "n, e: missing"},
		{"no n, and x5c is no certificate", rs, map[string]any{"n": nil, "x5c": []string{"MIIB"}}, "n, e: missing, and x5c is not a certificate"},
		{"no n, and x5c is not base64", rs, map[string]any{"n": nil, "x5c": []string{"?"}}, "n, e: missing, and x5c is not base64"},
		{"no n, and x5c has an EC key", rs, map[string]any{"n": nil, "x5c": []string{certificate(t, ecKey.Public(), ecKey)}},
			"n, e: missing, and the certificate in x5c has no RSA key"},
		{"e of 1: everything is its own signature", rs, map[string]any{"e": "AQ"}, "e: want an odd number from 3 on"},
		{"e even", rs, map[string]any{"e": "BA"}, "e: want an odd number from 3 on"},
		{"e beyond 31 bits", rs, map[string]any{"e": "gAAAAQ"}, "e: too large"},
		{"n even", rs, map[string]any{"n": base64.RawURLEncoding.EncodeToString(even)}, "n: even, and so no RSA modulus"},
		{"n tiny", rs, map[string]any{"n": "AQAB"}, "n: 17 bits, want 2048 to 16384"},
		{"n huge: verifying would take seconds", rs, map[string]any{"n": strings.Repeat("_", 4000)}, "n: 24000 bits, want 2048 to 16384"},
		{"RFC 7518 §3.3: 2048 bits", weak, nil, "an RSA key of 1024 bits: want 2048 or more (RFC 7518 §3.3)"},
		{"use is enc", rs, map[string]any{"use": "enc"}, "not for verifying signatures"},
		{"key_ops without verify", rs, map[string]any{"key_ops": []string{"sign", "wrapKey"}}, "not for verifying signatures"},
		{"an algorithm for encryption", rs, map[string]any{"alg": "RSA-OAEP"}, `alg "RSA-OAEP" does not suit the key`},
		{"alg none", rs, map[string]any{"alg": "none"}, `alg "none" does not suit the key`},
		{"alg HS256 on a public key", rs, map[string]any{"alg": "HS256"}, `alg "HS256" does not suit the key`},
		{"kid is a number", rs, map[string]any{"kid": 5}, "kid: not a string"},
		{"no kty", rs, map[string]any{"kty": nil}, `kty "": unsupported key: want RSA, EC P-256, P-384 or P-521, Ed25519 or a secret`},
		{"another curve", ec, map[string]any{"crv": "secp256k1"}, `crv "secp256k1": unsupported key: want RSA, EC P-256, P-384 or P-521, Ed25519 or a secret`},
		{"the wrong curve", ec, map[string]any{"crv": "P-384"}, "x, y: not on the curve P-384"},
		{"not on the curve", ec, map[string]any{"x": ec.public["y"]}, "x, y: not on the curve P-256"},
		{"the point at infinity", ec, map[string]any{"x": "AA", "y": "AA"}, "x, y: not on the curve P-256"},
		{"x too long", ec, map[string]any{"x": ec.public["x"].(string) + "AAAA"}, "x: too long for P-256"},
		{"no y", ec, map[string]any{"y": nil}, "y: missing"},
		{"a short Ed25519 key", okp, map[string]any{"x": "AAAA"}, "x: 3 bytes, want 32"},
		{"X25519 is for agreement", okp, map[string]any{"crv": "X25519"}, `crv "X25519": unsupported key: want RSA, EC P-256, P-384 or P-521, Ed25519 or a secret`},
		{"a secret that everybody can read", rs, map[string]any{"kty": "oct", "k": "YSBzZWNyZXQ"}, "a shared secret, which everybody can read there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.s.with(tt.members)
			set, err := ParseJWKS([]byte(`{"keys":[`+text+`]}`), true)
			if tt.want == "" {
				if err != nil {
					t.Fatalf("ParseJWKS = %v, %v", set.left.out, err)
				}
				if k := set.All()[0]; k.ID != "s" || !set.Verify(k, string(tt.s.alg), tt.s.sign(t)) {
					t.Errorf("%v does not verify", k)
				}
				return
			}
			want := "keys[0] (kid s): " + tt.want
			if strings.HasPrefix(tt.want, "kid") {
				want = "keys[0]: " + tt.want
			}
			if err == nil || len(set.left.out) != 1 || set.left.out[0] != want {
				t.Errorf("ParseJWKS = %v, want %s", set.left.out, want)
			}
		})
	}
	// Without strict, a short key is used with a warning.
	set, err := ParseJWKS([]byte(`{"keys":[`+weak.with(nil)+`]}`), false)
	if err != nil || !set.Verify(set.All()[0], "RS256", weak.sign(t)) || len(set.Warnings) != 1 {
		t.Errorf("ParseJWKS(1024 bits) = %v, %v", set, err)
	}
}

// withLeadingZero is a key whose y starts with a zero byte, which one in 256 does.
func withLeadingZero(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	for {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := k.PublicKey.Bytes(); err == nil && b[33] == 0 {
			return k
		}
	}
}

// Keys of one name are tried one after the other, but not any number of them.
func TestTwins(t *testing.T) {
	signers := make([]*signer, maxTwins+1)
	var keys []string
	for i := range signers {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signers[i] = newSigner(t, jose.ES256, k)
		keys = append(keys, signers[i].with(map[string]any{"kid": "same"}))
	}
	other := newSigner(t, jose.ES256, withLeadingZero(t))
	set, err := ParseJWKS([]byte(`{"keys":[`+bilboRSA+`,`+strings.Join(keys, ",")+`,`+other.with(map[string]any{"kid": "other"})+`]}`), true)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range signers {
		if got := set.Verify(set.Find("same", "ES256"), "ES256", s.sign(t)); got != (i < maxTwins) {
			t.Errorf("Verify(signed by key %d of that name) = %v", i, got)
		}
	}
	if set.Verify(set.Find("same", "ES256"), "ES256", other.sign(t)) {
		t.Error("a key of another name verifies")
	}
}

// A key that has no name in a configuration is meant for tokens with and without one.
func TestStaticWithoutID(t *testing.T) {
	s := newSigner(t, jose.ES256, withLeadingZero(t))
	set, err := FromJWKS([]byte(s.with(map[string]any{"kid": nil})))
	if err != nil {
		t.Fatal(err)
	}
	if k := set.Find("whatever", "ES256"); k == nil || !set.Verify(k, "ES256", s.sign(t)) || set.ByID() {
		t.Errorf("Find(whatever) = %v, want the key", k)
	}
	if set, err = FromJWKS([]byte(s.with(map[string]any{"kid": "a"}))); err != nil || set.Find("whatever", "ES256") != nil {
		t.Errorf("Find(whatever) = a key of another name, %v", err)
	}
	if set, err = ParseJWKS([]byte(`{"keys":[`+s.with(map[string]any{"kid": nil})+`]}`), true); err != nil || set.Find("whatever", "ES256") != nil || !set.ByID() {
		t.Errorf("Find(whatever) in a provider's set = a key, %v", err)
	}
}

// The log is told once per document, and of nothing that is as it should be.
func TestLeftOutIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		p := &provider{status: 200}
		r, err := Fetcher{HTTP: &http.Client{Transport: p}, Now: time.Now, Log: log}.Set("https://u:hunter2@login.example.com/jwks?key=hunter2", ParseJWKS)
		if err != nil {
			t.Fatal(err)
		}
		bad := jwk(`,"kid":"s"`)
		bad = strings.Replace(bad, "f83O", "f?3O", 1)
		for _, tt := range []struct{ name, keys, want string }{
			{"some bad", jwk("") + `,` + bad, `level=WARN msg="key set: keys that are left out, or odd" url=https://login.example.com/jwks used=1 left_out=1 keys="[keys[1] (kid s): x: not base64url]"` + "\n"},
			{"fine", jwk("") + `,` + jwk(`,"kid":"a"`), ""},
			{"for encryption", jwk("") + `,` + jwk(`,"use":"enc"`), ""},
			{"only for encryption", jwk(`,"use":"enc"`), `level=WARN msg="key set: keys that are left out, or odd" url=https://login.example.com/jwks used=0 left_out=1 keys="[keys[0]: not for verifying signatures]"` + "\n"},
			{"private", jwk(private), `level=WARN msg="key set: keys that are left out, or odd" url=https://login.example.com/jwks used=1 left_out=0 keys="[keys[0]: ` + publicHalf + `]"` + "\n"},
		} {
			out.Reset()
			p.set(200, `{"keys":[`+tt.keys+`]}`)
			for range 3 {
				time.Sleep(fetch.Cooldown)
				_, _ = r.Refetch(t.Context())
			}
			if out.String() != tt.want {
				t.Errorf("%s: logged %s\nwant %s", tt.name, out.String(), tt.want)
			}
		}
		out.Reset()
		p.set(200, `{"keys":[`+strings.Repeat("{},", 5000)+`{}]}`)
		time.Sleep(fetch.Cooldown)
		_, err = r.Refetch(t.Context())
		if n := out.Len(); n > 4096 || n == 0 || err != nil {
			t.Errorf("5001 bad keys: logged %d bytes, %v", n, err)
		}
		if strings.Contains(fmt.Sprint(out.String(), err), "hunter2") {
			t.Error("a secret of the URL is printed")
		}
	})
}

// Each weak point is one: the signature of nothing verifies some message with it. None is taken for a key.
func TestSmallOrder(t *testing.T) {
	sig := append([]byte{1}, make([]byte, 63)...) // R is the neutral element, S is 0
	for _, weak := range weakPoints {
		for _, sign := range []byte{0, 0x80} {
			k := []byte(weak)
			k[31] |= sign
			forged := false
			for i := range 200 {
				forged = forged || ed25519.Verify(k, []byte{byte(i)}, sig)
			}
			_, err := FromJWKS([]byte(`{"kty":"OKP","crv":"Ed25519","x":"` + base64.RawURLEncoding.EncodeToString(k) + `"}`))
			if !forged || err == nil {
				t.Errorf("%x: forged %v, FromJWKS = %v", k, forged, err)
			}
		}
	}
}
