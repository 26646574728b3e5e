package configtoken

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzOpen: no text makes an opener panic, every failure is ErrUnreadable, and nothing opens in a verify URL
// but claims that were sealed here.
func FuzzOpen(f *testing.F) {
	d := readJSON[recorded](f, "testdata/eas.json")
	ring := must[*Keyring](f)(must[*Keyring](f)(newRing(f).WithSigning()).Rotate())
	keys := must[*EASKeys](f)(NewEASKeys("fuzz-signs", "fuzz-seals", "")) // what EAS recorded does not open under these
	f.Add(seal(f, ring, noop))
	f.Add(must[string](f)(keys.Seal(json.RawMessage(noop))))
	for _, c := range d.Tokens {
		f.Add(c.Text)
	}
	for _, c := range d.Store {
		f.Add(string(c.Value))
	}
	for _, text := range readJSON[struct{ Tokens map[string]string }](f, "testdata/native.json").Tokens {
		f.Add(text)
	}
	all := Formats{Native: NewLive(ring), EAS: keys, AllowPlain: true}
	url, store := must[Opener](f)(NewOpener(all)), must[Opener](f)(NewStoreOpener(all))
	f.Fuzz(func(t *testing.T, text string) {
		tok, err := url.Open(text)
		if err != nil && !unreadable(err) {
			t.Errorf("Open = %v, want %v", err, ErrUnreadable)
		}
		if err == nil && string(tok.Claims) != noop {
			t.Errorf("Open(%q) = %s, which nobody sealed", text, tok.Claims)
		}
		tok, err = store.Open(text)
		if err != nil && !unreadable(err) {
			t.Errorf("stored: Open = %v, want %v", err, ErrUnreadable)
		}
		if err == nil && !json.Valid(tok.Claims) {
			t.Errorf("stored: Open(%q) = %q, want JSON", text, tok.Claims)
		}
		if err == nil && repeated(tok.Claims) {
			t.Errorf("stored: Open(%q) = %s, with a member twice", text, tok.Claims)
		}
		if id := KeyID(text); id != "" && !keyID.MatchString(id) {
			t.Errorf("KeyID(%q) = %q", text, id)
		}
	})
}

// FuzzParseKeyring: what parses prints and parses again as the same keyring.
func FuzzParseKeyring(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"a","k":"` + bits + `"},{"kty":"OKP","kid":"s","crv":"Ed25519","x":"` + rfcX + `","d":"` + rfcD + `"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := ParseKeyring(in)
		if err != nil {
			return
		}
		again, err := ParseKeyring(k.JWKSet())
		if err != nil || !again.equal(k) {
			t.Errorf("ParseKeyring(JWKSet of %v) = %v, %v", k, again, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	ring := newRing(b)
	signing := must[*Keyring](b)(ring.WithSigning())
	keys := easKeys(b)
	native := seal(b, ring, noop)
	forged := native[:len(native)-2] + "AA"
	for _, c := range []struct{ name, text string }{
		{"native", native},
		{"signed", seal(b, signing, noop)},
		{"eas", must[string](b)(keys.Seal(json.RawMessage(noop)))},
		{"forged native", forged},
		{"64KB of garbage", strings.Repeat("A", MaxSealed)},
	} {
		o := must[Opener](b)(NewOpener(Formats{Native: NewLive(signing), EAS: keys}))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = o.Open(c.text)
			}
		})
	}
}
