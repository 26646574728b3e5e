package configtoken

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	bits = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" // 0, 1, 2 … 31
	// The key pair of RFC 8037, appendix A.
	rfcX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	rfcD = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
)

func TestParseKeyring(t *testing.T) {
	oct := `{"kty":"oct","kid":"a","k":"` + bits + `"}`
	cases := []struct {
		name, in string
		want     string // the keyring as it prints, or the error
	}{
		{"one key", `{"keys":[` + oct + `]}`, `keyring[{a seals}]`},
		{"all members", ` {"keys":[{"kty":"oct","kid":"a","alg":"A256GCM","use":"enc","k":"` + bits + `"}]}` + "\n", `keyring[{a seals}]`},
		{"two keys", `{"keys":[` + oct + `,{"kty":"oct","kid":"b","k":"` + bits + `"}]}`, `keyring[{a seals} {b opens}]`},
		{"key pair", `{"keys":[` + oct + `,{"kty":"OKP","kid":"s","crv":"Ed25519","alg":"EdDSA","use":"sig","x":"` + rfcX + `","d":"` + rfcD + `"}]}`,
			`keyring[{a seals} {s signs}]`},
		{"public half", `{"keys":[` + oct + `,{"kty":"OKP","kid":"s","crv":"Ed25519","x":"` + rfcX + `"}]}`, `keyring[{a seals} {s verifies}]`},

		{"nothing", ``, `keyring: not JSON`},
		{"a bare secret", bits, `keyring: not JSON`},
		{"cut", `{"keys":[` + oct, `keyring: not JSON`},
		{"a list", `[` + oct + `]`, `keyring: not a JWK set: not a JSON object`},
		{"one bare key", oct, `keyring: not a JWK set: want {"keys": [...]}`},
		{"keys is an object", `{"keys":{}}`, `keyring: not a JWK set: want {"keys": [...]}`},
		{"something beside keys", `{"keys":[` + oct + `],"default":"a"}`, `keyring: not a JWK set: want {"keys": [...]}`},
		{"no keys", `{"keys":[]}`, `keyring: no key of kty "oct"`},
		{"signing keys alone", `{"keys":[{"kty":"OKP","kid":"s","crv":"Ed25519","x":"` + rfcX + `"}]}`, `keyring: no key of kty "oct"`},
		{"keys twice", `{"keys":[` + oct + `],"keys":[` + oct + `]}`, `keyring: a member occurs twice in one object`},
		{"a key that is a string", `{"keys":["` + bits + `"]}`, `keyring: keys[0]: not an object`},
		{"no kid", `{"keys":[{"kty":"oct","k":"` + bits + `"}]}`, `keyring: keys[0]: kid: want 1 to 64 of A-Z a-z 0-9 . _ ~ -`},
		{"a strange kid", `{"keys":[{"kty":"oct","kid":"a\nb","k":"` + bits + `"}]}`, `keyring: keys[0]: kid: want 1 to 64 of A-Z a-z 0-9 . _ ~ -`},
		{"a kid twice", `{"keys":[` + oct + `,` + oct + `]}`, `keyring: keys[1] (kid "a"): kid: used by an earlier key`},
		{"a kid that is a number", `{"keys":[{"kty":"oct","kid":1,"k":"` + bits + `"}]}`, `keyring: keys[0]: kid: not a string`},
		{"k null", `{"keys":[{"kty":"oct","kid":"a","k":null}]}`, `keyring: keys[0] (kid "a"): k: not a string`},
		{"a misspelt member", `{"keys":[{"kty":"oct","kid":"a","K":"` + bits + `"}]}`,
			`keyring: keys[0] (kid "a"): a member that is none of kty, kid, use, alg, k, crv, x, d`},
		{"another kind", `{"keys":[{"kty":"RSA","kid":"a"}]}`, `keyring: keys[0] (kid "a"): kty: want "oct" or "OKP"`},
		{"no kind", `{"keys":[{"kid":"a"}]}`, `keyring: keys[0] (kid "a"): kty: want "oct" or "OKP"`},
		{"another algorithm", `{"keys":[{"kty":"oct","kid":"a","alg":"A128GCM","k":"` + bits + `"}]}`, `keyring: keys[0] (kid "a"): alg: want "A256GCM"`},
		{"another use", `{"keys":[{"kty":"oct","kid":"a","use":"sig","k":"` + bits + `"}]}`, `keyring: keys[0] (kid "a"): use: want "enc"`},
		{"short", `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}`, `keyring: keys[0] (kid "a"): k: want 32 bytes in base64url without padding`},
		{"padded", `{"keys":[{"kty":"oct","kid":"a","k":"` + bits + `="}]}`, `keyring: keys[0] (kid "a"): k: want 32 bytes in base64url without padding`},
		{"a mixture", `{"keys":[{"kty":"oct","kid":"a","k":"` + bits + `","d":"` + rfcD + `"}]}`, `keyring: keys[0] (kid "a"): crv, x, d: not for an oct key`},
		{"another curve", `{"keys":[{"kty":"OKP","kid":"s","crv":"X25519","x":"` + rfcX + `"}]}`, `keyring: keys[0] (kid "s"): crv: want "Ed25519"`},
		{"halves of two pairs", `{"keys":[{"kty":"OKP","kid":"s","crv":"Ed25519","x":"` + rfcX + `","d":"` + bits + `"}]}`,
			`keyring: keys[0] (kid "s"): d: x is not its public half`},
		{"only d", `{"keys":[{"kty":"OKP","kid":"s","crv":"Ed25519","d":"` + rfcD + `"}]}`,
			`keyring: keys[0] (kid "s"): x: want 32 bytes in base64url without padding`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k, err := ParseKeyring([]byte(c.in))
			got := fmt.Sprint(k)
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("ParseKeyring = %s, want %s", got, c.want)
			}
			for _, secret := range []string{bits[:8], rfcD[:8], "c2VjcmV0"} {
				if strings.Contains(got, secret) {
					t.Errorf("ParseKeyring = %s: shows what is in a key", got)
				}
			}
		})
	}
}

func TestKeyringRoundTrip(t *testing.T) {
	signing := must[*Keyring](t)(must[*Keyring](t)(newRing(t).WithSigning()).Rotate())
	for _, k := range []*Keyring{newRing(t), signing, signing.Public()} {
		got, err := ParseKeyring(k.JWKSet())
		if err != nil || !got.equal(k) {
			t.Errorf("ParseKeyring(JWKSet of %v) = %v, %v", k, got, err)
		}
	}
	if set := string(signing.Public().JWKSet()); strings.Contains(set, `"d"`) {
		t.Error("the server's part has a private key")
	}
}

func TestRotate(t *testing.T) {
	uses := func(k *Keyring) (u []KeyUse) {
		for _, i := range k.Keys() {
			u = append(u, i.Use)
		}
		return u
	}
	k := must[*Keyring](t)(newRing(t).WithSigning())
	next := must[*Keyring](t)(k.Rotate())
	// Of the old pair the private half is gone: nothing may be signed with it any more.
	if got, want := uses(next), []KeyUse{Seals, Opens, Signs, Verifies}; !slices.Equal(got, want) {
		t.Errorf("uses after Rotate = %v, want %v", got, want)
	}
	if got, want := uses(next.Public()), []KeyUse{Seals, Opens, Verifies, Verifies}; !slices.Equal(got, want) {
		t.Errorf("uses at the server = %v, want %v", got, want)
	}
	if n := strings.Count(string(next.JWKSet()), `"d"`); n != 1 {
		t.Errorf("%d private keys after Rotate, want 1", n)
	}
	if next.Keys()[1] != (KeyInfo{k.seal[0].id, Opens}) || next.Keys()[3] != (KeyInfo{k.sign[0].id, Verifies}) {
		t.Errorf("Rotate = %v, lost the keys of %v", next, k)
	}
	if len(k.Keys()) != 2 || k.sign[0].private == nil {
		t.Errorf("Rotate changed the keyring that it was asked of: %v", k)
	}
}

func TestWithout(t *testing.T) {
	old := must[*Keyring](t)(newRing(t).WithSigning())
	k := must[*Keyring](t)(old.Rotate())
	sealID, signID := k.Keys()[0].ID, k.Keys()[2].ID
	oldSealID, oldSignID := k.Keys()[1].ID, k.Keys()[3].ID
	for _, tt := range []struct {
		name string
		in   *Keyring
		id   string
		want string // the error
	}{
		{"the old sealing key", k, oldSealID, ""},
		{"the old signing key", k, oldSignID, ""},
		{"the old signing key, at the server", k.Public(), oldSignID, ""},
		{"the key that seals", k, sealID, fmt.Sprintf("keyring: key %q seals new tokens", sealID)},
		{"the key that signs", k, signID, fmt.Sprintf("keyring: key %q signs new tokens", signID)},
		{"no key", k, "none", `keyring: no key "none"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.in.Keys()
			got, err := tt.in.Without(tt.id)
			if !slices.Equal(tt.in.Keys(), before) {
				t.Errorf("Without(%s) changed the keyring that it was asked of: %v, was %v", tt.id, tt.in, before)
			}
			if tt.want != "" {
				if err == nil || err.Error() != tt.want {
					t.Errorf("Without(%s) = %v, %v, want %s", tt.id, got, err, tt.want)
				}
				return
			}
			rest := slices.DeleteFunc(before, func(i KeyInfo) bool { return i.ID == tt.id })
			if err != nil || !slices.Equal(got.Keys(), rest) {
				t.Fatalf("Without(%s) = %v, %v, want %v", tt.id, got, err, rest)
			}
			open := urlOpen(t, Formats{Native: NewLive(got)})
			if _, err := open(seal(t, old, noop)); !unreadable(err) {
				t.Errorf("Open of what the key made = %v, want unreadable", err)
			}
			if _, err := open(seal(t, k, noop)); err != nil {
				t.Errorf("Open of what the new keys made = %v", err)
			}
		})
	}
}

// Keys end up in logs by being part of something that is printed.
func TestKeysDoNotPrint(t *testing.T) {
	k := must[*Keyring](t)(newRing(t).WithSigning())
	e := must[*EASKeys](t)(NewEASKeys("foo-signs", "bar-seals", ""))
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", k, e, struct {
			K *Keyring
			E *EASKeys
		}{k, e})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("keys", "ring", k, "eas", e)
	}
	_ = json.NewEncoder(&out).Encode(map[string]any{"ring": k, "eas": e})
	for _, secret := range [][]byte{k.seal[0].secret, k.sign[0].private[:32], e.iv, []byte("foo-signs"), []byte("bar-seals")} {
		for form, s := range map[string]string{
			"raw": string(secret), "base64": base64.StdEncoding.EncodeToString(secret), "base64url": base64.RawURLEncoding.EncodeToString(secret),
			"%x": fmt.Sprintf("%x", secret), "%d": strings.Trim(fmt.Sprintf("%d", secret), "[]"), "%#v": strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"),
		} {
			if strings.Contains(out.String(), s) {
				t.Errorf("printed a key as %s", form)
			}
		}
	}
}

func TestLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring.json")
	write := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := newRing(t)
	live := NewLive(first)
	open := urlOpen(t, Formats{Native: live})
	var told int
	live.OnChange(func() { told++ })

	write(first.JWKSet())
	if changed, err := live.Load(path); changed || err != nil || told != 0 {
		t.Errorf("Load of the same keyring = %v, %v, told %d times, want no change", changed, err, told)
	}
	second := must[*Keyring](t)(first.Rotate())
	write(second.JWKSet())
	if changed, err := live.Load(path); !changed || err != nil || told != 1 {
		t.Errorf("Load after rotation = %v, %v, told %d times, want a change", changed, err, told)
	}
	old, young := seal(t, first, noop), seal(t, second, noop)
	for _, text := range []string{old, young} {
		if _, err := open(text); err != nil {
			t.Errorf("Open after rotation = %v, want nil", err)
		}
	}
	// A broken file costs nothing but a log line.
	for _, broken := range [][]byte{nil, second.JWKSet()[:100], []byte(`{"keys":[]}`)} {
		write(broken)
		_, err := live.Load(path)
		if err == nil || !strings.Contains(err.Error(), path) || told != 1 || live.Keyring() == nil {
			t.Errorf("Load(%q) = %v, told %d times, want an error that names the file", broken, err, told)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := live.Load(path); err == nil {
		t.Error("Load of no file = nil, want an error")
	}
	if _, err := open(young); err != nil {
		t.Errorf("Open after broken files = %v, want nil", err)
	}
	// The old key is taken away.
	live.Swap(&Keyring{seal: second.seal[:1]})
	if _, err := open(old); !unreadable(err) || told != 2 {
		t.Errorf("Open after the key went = %v, told %d times, want %v", err, told, ErrUnreadable)
	}
}

func TestLiveConcurrent(t *testing.T) {
	first := newRing(t)
	live := NewLive(first)
	open := urlOpen(t, Formats{Native: live})
	text := seal(t, first, noop)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				if _, err := open(text); err != nil {
					t.Errorf("Open during rotations = %v, want nil", err)
				}
			}
		})
	}
	for range 20 {
		live.Swap(must[*Keyring](t)(live.Keyring().Rotate()))
	}
	all.Wait()
}

// What is derived is as secret as the keys, and tells nothing of them or of another use.
func TestKeyringDerive(t *testing.T) {
	ring, err := NewKeyring()
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := ring.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	one, _ := ring.Derive("a")
	both, err := rotated.Derive("a")
	other, _ := ring.Derive("b")
	if err != nil || len(one) != 1 || len(both) != 2 || len(one[0]) != 32 {
		t.Fatalf("Derive = %d and %d secrets, %v, want 1 and 2", len(one), len(both), err)
	}
	if !bytes.Equal(both[1], one[0]) || bytes.Equal(both[0], one[0]) {
		t.Error("Derive: not in the order of the keys")
	}
	if bytes.Equal(one[0], other[0]) || bytes.Equal(one[0], ring.seal[0].secret) {
		t.Error("Derive: two uses with one secret")
	}
}
