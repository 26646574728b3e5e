package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return start }

// ring has one current secret for all purposes, and older ones.
func ring(current string, older ...string) *Ring {
	s := Secrets{Setting: "EAS_X_SECRET", Current: []byte(current)}
	for _, o := range older {
		s.Older = append(s.Older, []byte(o))
	}
	return New(map[Purpose]Secrets{State: s, Cookie: s, Session: s, CSRF: s}, nil, clock)
}

func boxOf(t testing.TB, k Keys, p Purpose, audience string) Box {
	t.Helper()
	b, err := k.For(p, audience)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpen(t *testing.T) {
	r := ring("secret")
	plain, end := []byte("a session"), start.Add(time.Hour)
	text := boxOf(t, r, Session, "aud").Seal(plain, end, "id")
	flip := func(i int) string {
		raw, _ := encoding.DecodeString(text)
		raw[i] ^= 1
		return encoding.EncodeToString(raw)
	}
	for _, tt := range []struct {
		name  string
		box   Box
		text  string
		bound string
		now   time.Time
		want  error
	}{
		{"as it was sealed", boxOf(t, r, Session, "aud"), text, "id", start, nil},
		{"a moment before its end", boxOf(t, r, Session, "aud"), text, "id", end.Add(-time.Millisecond), nil},
		{"at its end", boxOf(t, r, Session, "aud"), text, "id", end, ErrExpired},
		{"a ring of the same secret, as after a restart", boxOf(t, ring("secret"), Session, "aud"), text, "id", start, nil},
		{"an older secret", boxOf(t, ring("new", "secret"), Session, "aud"), text, "id", start, nil},
		{"a secret that is gone", boxOf(t, ring("new"), Session, "aud"), text, "id", start, ErrKey},
		// ATTACKS 48: values that were swapped in the database are bound to other ids.
		{"another id", boxOf(t, r, Session, "aud"), text, "id2", start, ErrForged},
		{"no id", boxOf(t, r, Session, "aud"), text, "", start, ErrForged},
		// A session of one token's audience must not log in at another's.
		{"another audience", boxOf(t, r, Session, "aud2"), text, "id", start, ErrForged},
		{"no audience", boxOf(t, r, Session, ""), text, "id", start, ErrForged},
		{"another audience, expired", boxOf(t, r, Session, "aud2"), text, "id", end, ErrForged},
		// A sealed session must not pass as a cookie, whose id is of another key.
		{"another purpose", boxOf(t, r, Cookie, "aud"), text, "id", start, ErrKey},
		// ATTACKS 16: what is cut, altered, spelled otherwise or endless.
		{"empty", boxOf(t, r, Session, "aud"), "", "id", start, ErrForged},
		{"cut", boxOf(t, r, Session, "aud"), text[:len(text)-1], "id", start, ErrForged},
		{"cut to its head", boxOf(t, r, Session, "aud"), text[:40], "id", start, ErrForged},
		{"longer", boxOf(t, r, Session, "aud"), text + "A", "id", start, ErrForged},
		{"padded", boxOf(t, r, Session, "aud"), text + "=", "id", start, ErrForged},
		{"with a space", boxOf(t, r, Session, "aud"), text[:9] + " " + text[9:], "id", start, ErrForged},
		{"with a newline", boxOf(t, r, Session, "aud"), text[:9] + "\n" + text[9:], "id", start, ErrForged},
		{"in the other alphabet", boxOf(t, r, Session, "aud"), strings.NewReplacer("-", "+", "_", "/").Replace(text + "--__")[:len(text)+4], "id", start, ErrForged},
		{"oversized", boxOf(t, r, Session, "aud"), strings.Repeat(text, 4000), "id", start, ErrForged},
		{"another version", boxOf(t, r, Session, "aud"), flip(0), "id", start, ErrForged},
		{"another key's id", boxOf(t, r, Session, "aud"), flip(1), "id", start, ErrKey},
		{"another nonce", boxOf(t, r, Session, "aud"), flip(headSize - 1), "id", start, ErrForged},
		{"another end", boxOf(t, r, Session, "aud"), flip(headSize), "id", start, ErrForged},
		{"another text", boxOf(t, r, Session, "aud"), flip(headSize + innerSize), "id", start, ErrForged},
		{"another tag", boxOf(t, r, Session, "aud"), flip(minSize), "id", start, ErrForged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.box.Open(tt.text, tt.now, tt.bound)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("Open = %v, want %v", err, tt.want)
			}
			if err == nil && !bytes.Equal(got, plain) || err != nil && got != nil {
				t.Errorf("Open = %q, want %q", got, plain)
			}
		})
	}
}

// Every byte counts: a bit that may be changed is a bit that somebody can use.
func TestEveryByteIsAuthenticated(t *testing.T) {
	b := boxOf(t, ring("secret"), State, "aud")
	text := b.Seal([]byte("x"), start.Add(time.Hour), "id")
	raw, _ := encoding.DecodeString(text)
	for i := range raw {
		raw[i] ^= 0x80
		if _, err := b.Open(encoding.EncodeToString(raw), start, "id"); err == nil {
			t.Errorf("Open with byte %d changed: no error", i)
		}
		raw[i] ^= 0x80
	}
}

func TestSealNeverTheSame(t *testing.T) {
	b := boxOf(t, ring("secret"), Session, "aud")
	one, two := b.Seal(nil, time.Time{}, ""), b.Seal(nil, time.Time{}, "")
	if one == two {
		t.Error("Seal twice gave the same text")
	}
	if got, err := b.Open(one, start.AddDate(1000, 0, 0), ""); err != nil || len(got) != 0 {
		t.Errorf("Open of what never ends = %q, %v", got, err)
	}
	if len(one) != 92 {
		t.Errorf("Seal of nothing: %d bytes, want 92", len(one))
	}
}

// Where there is no secret, the keyring's keys seal; where there is one, they still open.
func TestKeyring(t *testing.T) {
	k1, k2 := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	none := map[Purpose]Secrets{Session: {Setting: "EAS_SESSION_ENCRYPT_SECRET"}}
	own := map[Purpose]Secrets{Session: {Setting: "EAS_SESSION_ENCRYPT_SECRET", Current: []byte("own")}}
	former := map[Purpose]Secrets{Session: {Older: [][]byte{[]byte("own")}}}
	for _, tt := range []struct {
		name        string
		seals, open *Ring
		want        error
	}{
		{"keyring", New(none, [][]byte{k1}, clock), New(none, [][]byte{k1}, clock), nil},
		{"rotated", New(none, [][]byte{k1}, clock), New(none, [][]byte{k2, k1}, clock), nil},
		{"taken out", New(none, [][]byte{k1}, clock), New(none, [][]byte{k2}, clock), ErrKey},
		{"a secret was set later", New(none, [][]byte{k1}, clock), New(own, [][]byte{k1}, clock), nil},
		{"the secret seals", New(own, [][]byte{k1}, clock), New(none, [][]byte{k1}, clock), ErrKey},
		{"a secret was taken back", New(own, nil, clock), New(former, [][]byte{k1}, clock), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := boxOf(t, tt.seals, Session, "a").Seal([]byte("x"), time.Time{}, "b")
			if _, err := boxOf(t, tt.open, Session, "a").Open(text, start, "b"); !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := New(none, nil, clock).For(Session, ""); err == nil || !strings.Contains(err.Error(), "EAS_SESSION_ENCRYPT_SECRET") {
		t.Errorf("For without a secret = %v, want the variable's name", err)
	}
	if _, err := New(former, nil, clock).Index(); err == nil {
		t.Error("Index with nothing but an older secret: no error")
	}
}

// A replica that reads a new keyring first must not seal what the others cannot open yet: they would send the browser
// to a new login.
func TestRekeyWaits(t *testing.T) {
	now := start
	k1, k2 := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	first := New(nil, [][]byte{k1}, func() time.Time { return now })
	slow, quick := boxOf(t, New(nil, [][]byte{k1}, clock), Session, "a"), boxOf(t, first, Session, "a")
	index, _ := first.Index()
	before := index.Hash("alice")

	first.Rekey([][]byte{k2, k1})
	first.Rekey([][]byte{k2, k1})
	if _, err := slow.Open(quick.Seal(nil, time.Time{}, ""), start, ""); err != nil {
		t.Errorf("a replica with the old keyring: Open = %v", err)
	}
	if got := index.Hash("alice"); got != before {
		t.Errorf("Hash = %s before the others know the key, want %s", got, before)
	}
	now = now.Add(Grace)
	text := quick.Seal(nil, time.Time{}, "")
	if _, err := slow.Open(text, start, ""); !errors.Is(err, ErrKey) {
		t.Errorf("after the grace: Open with the old keyring = %v, want %v: the new key does not seal", err, ErrKey)
	}
	if got := index.Hashes("alice"); len(got) != 2 || got[0] != index.Hash("alice") || got[1] != before {
		t.Errorf("Hashes = %v, want the new one, then %s", got, before)
	}
	first.Rekey([][]byte{k2})
	if _, err := quick.Open(text, start, ""); err != nil {
		t.Errorf("Open after the old key was taken out = %v", err)
	}
}

func TestReseal(t *testing.T) {
	end := start.Add(time.Hour)
	text := boxOf(t, ring("old"), Session, "aud").Seal([]byte("x"), end, "id")
	both, next := ring("new", "old"), ring("new")
	again, plain, err := both.Reseal(Session, text, "id")
	if err != nil || string(plain) != "x" || again == text {
		t.Fatalf("Reseal = %q, %v", plain, err)
	}
	if got, err := boxOf(t, next, Session, "aud").Open(again, start, "id"); err != nil || string(got) != "x" {
		t.Errorf("Open = %q, %v, want it to open with the new secret alone", got, err)
	}
	if _, err := boxOf(t, next, Session, "aud2").Open(again, start, "id"); !errors.Is(err, ErrForged) {
		t.Errorf("Open for another audience = %v, want %v", err, ErrForged)
	}
	if _, err := boxOf(t, next, Session, "aud").Open(again, end, "id"); !errors.Is(err, ErrExpired) {
		t.Errorf("Open at the end = %v, want %v", err, ErrExpired)
	}
	if same, _, err := both.Reseal(Session, again, "id"); same != again || err != nil {
		t.Errorf("Reseal of what the newest key sealed: changed, %v", err)
	}
	if _, _, err := next.Reseal(Session, text, "id"); !errors.Is(err, ErrKey) {
		t.Errorf("Reseal without the old secret = %v, want %v", err, ErrKey)
	}
}

func TestIndex(t *testing.T) {
	a, _ := ring("secret").Index()
	b, _ := ring("other").Index()
	if a.Hash("alice") == b.Hash("alice") || a.Hash("alice") == a.Hash("bob") {
		t.Error("Hash: two keys, or two names, with one hash")
	}
	if got := a.Hash("alice"); len(got) != 22 {
		t.Errorf("Hash = %q, want 22 characters", got)
	}
	if got := a.Hashes(""); a.Hash("") != "" || len(got) != 1 || got[0] != "" {
		t.Errorf("Hashes(\"\") = %q, want nothing for nothing", got)
	}
}

func TestNothingPrints(t *testing.T) {
	r := ring("very secret")
	b := boxOf(t, r, Session, "aud")
	i, _ := r.Index()
	for _, text := range []string{
		fmt.Sprint(r, b, i), fmt.Sprintf("%+v %+v %+v", r, b, i), fmt.Sprintf("%#v %#v %#v", r, b, i), fmt.Sprintf("%x %s", r, r),
	} {
		if strings.Contains(text, "very") || strings.Contains(text, fmt.Sprintf("%x", "very")) || strings.Contains(text, "118 101 114 121") {
			t.Errorf("printed %s", text)
		}
	}
}

func FuzzOpen(f *testing.F) {
	b := boxOf(f, ring("secret"), Session, "aud")
	f.Add("")
	f.Add(boxOf(f, ring("other"), Session, "aud").Seal([]byte("x"), time.Time{}, "id"))
	f.Add(boxOf(f, ring("secret"), Session, "aud2").Seal([]byte("x"), time.Time{}, "id"))
	f.Add(strings.Repeat("A", 92))
	f.Fuzz(func(t *testing.T, text string) {
		if plain, err := b.Open(text, start, "id"); err == nil || plain != nil {
			t.Errorf("Open(%q) = %q, %v", text, plain, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	bx := boxOf(b, ring("secret"), Session, "aud")
	text := bx.Seal(make([]byte, 3000), start.Add(time.Hour), strings.Repeat("i", 32))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bx.Open(text, start, strings.Repeat("i", 32)); err != nil {
			b.Fatal(err)
		}
	}
}
