package configtoken

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestNative(t *testing.T) {
	ring := newRing(t)
	signing := must[*Keyring](t)(ring.WithSigning())
	other := newRing(t)
	rotated := must[*Keyring](t)(signing.Rotate())
	stranger := must[*Keyring](t)(ring.WithSigning()) // the same sealing key, another issuer

	plain, signed := seal(t, ring, noop), seal(t, signing, noop)
	cases := []struct {
		name   string
		ring   *Keyring
		signed bool // required
		in     string
		want   bool
	}{
		{"own key", ring, false, plain, true},
		{"another key", other, false, plain, false},
		{"after rotation", must[*Keyring](t)(ring.Rotate()), false, plain, true},
		{"the new key at a server that has the old one", ring, false, seal(t, must[*Keyring](t)(ring.Rotate()), noop), false},
		{"signed", signing, true, signed, true},
		{"signed, at the server", signing.Public(), true, signed, true},
		{"signed, after rotation", rotated.Public(), true, signed, true},
		{"signed by nobody known", ring, false, signed, false},
		{"signed by somebody else", stranger.Public(), false, signed, false},
		{"unsigned where signatures are not required", signing.Public(), false, plain, true},
		{"unsigned where they are", signing.Public(), true, plain, false},
	}
	for _, c := range cases {
		f := Formats{Native: NewLive(c.ring), RequireSigned: c.signed}
		tok, err := urlOpen(t, f)(c.in)
		if (err == nil) != c.want || err != nil && !unreadable(err) {
			t.Errorf("%s: Open = %v, want opens = %v", c.name, err, c.want)
		}
		if err == nil && (tok.Format != Native || string(tok.Claims) != noop) {
			t.Errorf("%s: Open = %v %s, want %s", c.name, tok.Format, tok.Claims, noop)
		}
	}
}

// The format is the RFCs', not go-jose's: what another implementation made opens.
func TestNativeForeign(t *testing.T) {
	d := readJSON[struct {
		Claims  string
		Keyring json.RawMessage
		Tokens  map[string]string
	}](t, "testdata/native.json")
	ring := must[*Keyring](t)(ParseKeyring(d.Keyring))
	for name, text := range d.Tokens {
		tok, err := openNative(text, ring.Public(), strings.HasPrefix(name, "signed"))
		if err != nil || string(tok.Claims) != d.Claims {
			t.Errorf("Open(%s) = %s, %v, want %s", name, tok.Claims, err, d.Claims)
		}
	}
}

// ATTACKS 37: a native token is authenticated and has one spelling, so no other text near it opens.
func TestNativeTampered(t *testing.T) {
	ring := must[*Keyring](t)(newRing(t).WithSigning())
	sealed := seal(t, ring, noop)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\x00\xff"
	for i := range sealed {
		for _, c := range []byte(alphabet) {
			if sealed[i] == c {
				continue
			}
			b := []byte(sealed)
			b[i] = c
			if _, err := openNative(string(b), ring, false); !unreadable(err) {
				t.Fatalf("byte %d as %q: Open = %v, want %v", i, c, err, ErrUnreadable)
			}
		}
		for _, in := range []string{sealed[:i], sealed[i:], sealed[:i] + "\n" + sealed[i:], sealed[:i] + "A" + sealed[i:]} {
			if _, err := openNative(in, ring, false); !unreadable(err) && in != sealed {
				t.Fatalf("cut or filled at %d: Open(%q) = %v, want %v", i, in, err, ErrUnreadable)
			}
		}
	}
}

// ATTACKS 35: what a stranger can send in the shape of a JWE, or nearly. Each must be refused before any work that
// the stranger chose, which is what the algorithms say.
func TestNativeHostile(t *testing.T) {
	ring := newRing(t)
	kid := ring.seal[0].id
	part := func(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }
	with := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + ".." + part(12) + "." + part(100) + "." + part(16)
	}
	cases := map[string]string{
		"nothing":                   "",
		"a million dots":            strings.Repeat(".", 1_000_000),
		"dots within the size":      strings.Repeat(".", MaxSealed),
		"four dots":                 "....",
		"PBES2":                     with(`{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":1000000000,"p2s":"AAAA","kid":"` + kid + `"}`),
		"RSA":                       with(`{"alg":"RSA-OAEP","enc":"A256GCM","kid":"` + kid + `"}`),
		"a key from the web":        with(`{"alg":"dir","enc":"A256GCM","jku":"http://127.0.0.1:1/","kid":"` + kid + `"}`),
		"a path as kid":             with(`{"alg":"dir","enc":"A256GCM","kid":"../../etc/passwd"}`),
		"no kid":                    with(`{"alg":"dir","enc":"A256GCM"}`),
		"another cipher":            with(`{"alg":"dir","enc":"A256CBC-HS512","kid":"` + kid + `"}`),
		"crit":                      with(`{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1,"kid":"` + kid + `"}`),
		"a header that is a number": with(`1`),
		"a header without end":      with(strings.Repeat(`{"a":`, 100)),
		"a long header":             with(`{"alg":"dir","enc":"A256GCM","kid":"` + strings.Repeat("k", 2000) + `"}`),
		"an encrypted key":          strings.Replace(with(`{"alg":"dir","enc":"A256GCM","kid":"`+kid+`"}`), "..", "."+part(32)+".", 1),
		"too long":                  with(`{"alg":"dir","enc":"A256GCM","kid":"`+kid+`"}`) + strings.Repeat("A", MaxSealed),
	}
	for name, in := range cases {
		if _, err := urlOpen(t, Formats{Native: NewLive(ring), EAS: easKeys(t)})(in); !unreadable(err) {
			t.Errorf("Open(%s) = %v, want %v", name, err, ErrUnreadable)
		}
		if allocs := testing.AllocsPerRun(1, func() { _, _ = openNative(in, ring, false) }); allocs > 150 {
			t.Errorf("Open(%s) takes %v allocations, want few", name, allocs)
		}
	}
}

// craft seals any payload under any headers with a key of the ring: what a key holder's other programs might do.
func craft(t *testing.T, ring *Keyring, payload []byte, zip jose.CompressionAlgorithm, cty any) string {
	t.Helper()
	o := &jose.EncrypterOptions{Compression: zip}
	if cty != nil {
		o.ExtraHeaders = map[jose.HeaderKey]any{jose.HeaderContentType: cty}
	}
	e := must[jose.Encrypter](t)(jose.NewEncrypter(jose.A256GCM,
		jose.Recipient{Algorithm: jose.DIRECT, Key: ring.seal[0].secret, KeyID: ring.seal[0].id}, o))
	jwe := must[*jose.JSONWebEncryption](t)(e.Encrypt(payload))
	return must[string](t)(jwe.CompactSerialize())
}

func TestNativeKeyHoldersMistakes(t *testing.T) {
	ring := must[*Keyring](t)(newRing(t).WithSigning())
	bomb := []byte(`{"a":"` + strings.Repeat("a", 20<<20) + `"}`)
	large := []byte(`{"a":"` + strings.Repeat("a", maxClaims) + `"}`)
	hs256 := must[jose.Signer](t)(jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256,
		Key: jose.JSONWebKey{Key: []byte(ring.sign[0].public), KeyID: ring.sign[0].id}}, nil))
	confused := must[string](t)(must[*jose.JSONWebSignature](t)(hs256.Sign([]byte(noop))).CompactSerialize())
	cases := map[string]string{
		"a zip bomb":                             craft(t, ring, bomb, jose.DEFLATE, nil),
		"claims beyond the limit":                craft(t, ring, large, jose.DEFLATE, nil),
		"not JSON":                               craft(t, ring, []byte("plugins: []"), jose.NONE, nil),
		"an array":                               craft(t, ring, []byte("[]"), jose.NONE, nil),
		"exp as a string":                        craft(t, ring, []byte(`{"exp":"1"}`), jose.NONE, nil),
		"claims that say they are signed":        craft(t, ring, []byte(noop), jose.NONE, nested),
		"an unknown content type":                craft(t, ring, []byte(noop), jose.NONE, "application/json"),
		"a content type that is no string":       craft(t, ring, []byte(noop), jose.NONE, 1),
		"HS256 with the public key (ATTACKS 31)": craft(t, ring, []byte(confused), jose.NONE, nested),
	}
	for name, in := range cases {
		if _, err := openNative(in, ring, false); !unreadable(err) {
			t.Errorf("Open(%s) = %v, want %v", name, err, ErrUnreadable)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	noise := make([]byte, MaxSealed)
	_, _ = rand.Read(noise)
	s := must[Sealer](t)(newRing(t).Sealer())
	for name, in := range map[string]string{
		"not JSON":           `{`,
		"two values":         `{}{}`,
		"not an object":      `["a"]`,
		"a member twice":     `{"eas":{"plugins":[],"plugins":[]}}`,
		"exp as a string":    `{"exp":"1"}`,
		"too long":           `{"a":"` + base64.StdEncoding.EncodeToString(noise) + `"}`,
		"too long when open": `{"a":"` + strings.Repeat("a", maxClaims) + `"}`,
	} {
		for format, s := range map[string]Sealer{"native": s, "eas": easKeys(t)} {
			if text, err := s.Seal(json.RawMessage(in)); err == nil {
				t.Errorf("%s: Seal(%s) = %d bytes, want an error", format, name, len(text))
			}
		}
	}
	if _, err := must[*Keyring](t)(newRing(t).WithSigning()).Public().Sealer(); err == nil {
		t.Error("a server's keyring seals: want an error, its tokens would be unsigned among signed ones")
	}
}

// Tokens must be short: proxies have 4 to 8 KB for a URL. A format that grows is seen here first.
func TestSealedSize(t *testing.T) {
	ring := newRing(t)
	signing := must[*Keyring](t)(ring.WithSigning())
	typical := `{"jti":"app-1","eas":{"plugins":[{"type":"htpasswd","realm":"app","htpasswd":"alice:$2y$10$wE5rpkvIQ0Gm0bqmdIZEPO5u2uYFJKRYcQqcVYGmdCvqqTmBWCuRS\n"},` +
		`{"type":"request_header","headers":{"X-Api-Key":"0c9a5a0b1ab14b4fb2c7"},"pcb":{"skip":[{"query_engine":"jp","query":"$.req.headers.authorization","rule":{"method":"regex","value":"/^basic/i"}}]}}],` +
		`"custom_service_headers":{"X-User":{"source":"userinfo","query_engine":"jp","query":"$.username","query_opts":{"single_value":true}}}}}`
	cases := []struct {
		name, claims        string
		native, signed, eas int // at most
	}{
		{"pointer", `{"eas":{"config_token_store_id":"main","config_token_id":"app-1"}}`, 190, 400, 236},
		{"noop", noop, 152, 360, 192},
		{"typical", typical, 552, 850, 984},
	}
	for _, c := range cases {
		eas := must[string](t)(easKeys(t).Seal(json.RawMessage(c.claims)))
		got := []int{len(seal(t, ring, c.claims)), len(seal(t, signing, c.claims)), len(eas)}
		t.Logf("%s: %d bytes of claims; native %d, signed %d, EAS %d", c.name, len(c.claims), got[0], got[1], got[2])
		for i, most := range []int{c.native, c.signed, c.eas} {
			if got[i] > most {
				t.Errorf("%s: %s is %d bytes, want at most %d", c.name, []string{"native", "signed", "EAS"}[i], got[i], most)
			}
		}
	}
}

func TestFormats(t *testing.T) {
	ring := newRing(t)
	live, keys := NewLive(ring), easKeys(t)
	native, eas := seal(t, ring, noop), must[string](t)(keys.Seal(json.RawMessage(noop)))
	cases := []struct {
		name string
		f    Formats
		want map[string]bool // in a URL, then in a store
	}{
		{"both", Formats{Native: live, EAS: keys}, map[string]bool{native: true, eas: true, noop: false, `"` + native + `"`: false}},
		{"native", Formats{Native: live}, map[string]bool{native: true, eas: false, noop: false}},
		{"EAS", Formats{EAS: keys}, map[string]bool{native: false, eas: true, noop: false}},
		{"plain", Formats{EAS: keys, AllowPlain: true}, map[string]bool{native: false, eas: true, noop: false}},
	}
	for _, c := range cases {
		for in, want := range c.want {
			if _, err := urlOpen(t, c.f)(in); (err == nil) != want {
				t.Errorf("%s: Open(%.20s…) = %v, want opens = %v", c.name, in, err, want)
			}
		}
	}
}

func TestStoreOpener(t *testing.T) {
	ring := newRing(t)
	keys := easKeys(t)
	native, eas := seal(t, ring, noop), must[string](t)(keys.Seal(json.RawMessage(noop)))
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	cases := []struct {
		name, in      string
		sealed, plain bool // opens without, and with AllowPlain
	}{
		{"native", native, true, true},
		{"native, with a newline", native + "\n", true, true},
		{"native, quoted", quoted(native), true, true},
		{"EAS", eas, true, true},
		{"EAS, quoted", quoted(eas), true, true},
		{"plain", " " + noop + "\n", false, true},
		{"plain, as a string", quoted(noop), false, false},
		{"plain YAML", "eas:\n  plugins: []\n", false, false},
		{"plain, cut", noop[:len(noop)-1], false, false},
		{"plain, with text behind", noop + "x", false, false},
		{"plain with exp as a string", `{"exp":"1"}`, false, false},
		{"null", "null", false, false},
		{"number", "5", false, false},
		{"list", "[1,2]", false, false},
		{"nothing", "", false, false},
		{"an empty string", `""`, false, false},
		{"a quote", `"`, false, false},
	}
	for _, c := range cases {
		for _, plain := range []bool{false, true} {
			f := Formats{Native: NewLive(ring), EAS: keys, AllowPlain: plain}
			want := c.sealed
			if plain {
				want = c.plain
			}
			tok, err := must[Opener](t)(NewStoreOpener(f)).Open(c.in)
			if (err == nil) != want || err != nil && !unreadable(err) {
				t.Errorf("%s, plain allowed = %v: Open = %v, want opens = %v", c.name, plain, err, want)
			}
			if err == nil && string(tok.Claims) != noop {
				t.Errorf("%s: claims = %s, want %s", c.name, tok.Claims, noop)
			}
		}
	}
}

func TestFormatsRefused(t *testing.T) {
	signing := must[*Keyring](t)(newRing(t).WithSigning())
	for name, f := range map[string]Formats{
		"no keys":                          {},
		"signatures and EAS":               {Native: NewLive(signing), EAS: easKeys(t), RequireSigned: true},
		"signatures and EAS alone":         {EAS: easKeys(t), RequireSigned: true},
		"signatures and plain":             {Native: NewLive(signing), AllowPlain: true, RequireSigned: true},
		"signatures that nothing verifies": {Native: NewLive(newRing(t)), RequireSigned: true},
	} {
		if _, err := NewOpener(f); err == nil {
			t.Errorf("NewOpener(%s) = nil, want an error", name)
		}
		if _, err := NewStoreOpener(f); err == nil {
			t.Errorf("NewStoreOpener(%s) = nil, want an error", name)
		}
	}
}
