package configtoken

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseRevocations(t *testing.T) {
	cases := []struct {
		name, in string
		want     string // the ids, sorted, or the error
	}{
		{"JSON", `["bad-jti", 42]`, `[42 bad-jti]`},
		{"YAML", "# gone\n- bad-jti\n- 42\n- '007'\n- \"yes\"\n", `[007 42 bad-jti yes]`},
		{"numbers have one spelling", `[42.0, 4.3e1, -1, 0.5]`, `[-1 0.5 42 43]`},
		{"digits beyond a float's", `[9007199254740993]`, `[9007199254740993]`},
		{"nothing is revoked", `[]`, `[]`},
		{"empty", ``, `revocations: empty: write [] to revoke nothing`},
		{"a comment alone", "# nothing\n", `revocations: empty: write [] to revoke nothing`},
		{"null", `null`, `revocations: empty: write [] to revoke nothing`},
		{"cut", `["a", "b`, `revocations: not a JSON or YAML list`},
		{"a string", `bad-jti`, `revocations: not a JSON or YAML list`},
		{"an object", `{"a": true}`, `revocations: not a JSON or YAML list`},
		{"a boolean", `["a", true]`, `revocations: [1]: want a string or a number that is not empty`},
		{"an empty id", `[""]`, `revocations: [0]: want a string or a number that is not empty`},
		{"a list in it", `[["a"]]`, `revocations: [0]: want a string or a number that is not empty`},
	}
	for _, c := range cases {
		ids, err := ParseRevocations([]byte(c.in))
		got := fmt.Sprint(slices.Sorted(maps.Keys(ids)))
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("ParseRevocations(%s) = %s, want %s", c.name, got, c.want)
		}
	}
}

// What a list says and what a token says meet, whichever way the number is written (corpus token-079, token-082).
func TestRevoked(t *testing.T) {
	r := must[*Revocations](t)(NewRevocations(`["bad-jti", 42, "7"]`))
	for claims, want := range map[string]bool{
		`{"jti":"bad-jti"}`: true, `{"jti":42}`: true, `{"jti":"42"}`: true, `{"jti":42.0}`: true, `{"jti":42e0}`: true, `{"jti":7}`: true,
		`{"jti":"Bad-jti"}`: false, `{"jti":421}`: false, `{"jti":""}`: false, `{"jti":null}`: false, `{}`: false,
	} {
		tok, err := parse(Native, []byte(claims))
		if err != nil || r.Revoked(tok.ID) != want {
			t.Errorf("Revoked(jti of %s) = %v, %v, want %v", claims, r.Revoked(tok.ID), err, want)
		}
	}
	for _, id := range []string{"", "a"} {
		if new(Revocations).Revoked(id) || must[*Revocations](t)(NewRevocations("")).Revoked(id) {
			t.Errorf("Revoked(%q) = true with nothing revoked", id)
		}
	}
	if _, err := NewRevocations("bad-jti"); err == nil {
		t.Error("NewRevocations of a bare word = nil, want an error")
	}
}

func TestRevocationsLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "revoked.yaml")
	r := must[*Revocations](t)(NewRevocations(`["given"]`))
	steps := []struct {
		name, file string
		ok         bool
		want       string // of given, a, b
	}{
		{"first", "- a\n", true, "true true false"},
		{"another", "- a\n- b\n", true, "true true true"},
		{"empty: being written", "", false, "true true true"},
		{"broken", "- a\n- {", false, "true true true"},
		{"taken back", "[b]", true, "true false true"},
		{"nothing", "[]", true, "true false false"},
	}
	for _, s := range steps {
		if err := os.WriteFile(path, []byte(s.file), 0o600); err != nil {
			t.Fatal(err)
		}
		err := r.Load(path)
		if (err == nil) != s.ok || err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Load = %v, want ok = %v and the file's name", s.name, err, s.ok)
		}
		if got := fmt.Sprint(r.Revoked("given"), r.Revoked("a"), r.Revoked("b")); got != s.want {
			t.Errorf("%s: revoked = %s, want %s", s.name, got, s.want)
		}
	}
	if r.Load(path+".missing") == nil {
		t.Error("Load of no file = nil, want an error")
	}
}

func TestKeyID(t *testing.T) {
	k := must[*Keyring](t)(newRing(t).WithSigning())
	native := seal(t, k, noop)
	eas := must[string](t)(easKeys(t).Seal([]byte(noop)))
	named := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + ".b.c.d.e"
	}
	for _, tt := range []struct{ name, in, want string }{
		{"native", native, k.seal[0].id},
		{"native, of a keyring that is not here", named(`{"kid":"other"}`), "other"},
		{"EAS", eas, ""},
		{"signed only", decrypt(easKeys(t), eas), ""},
		{"plain", noop, ""},
		{"not base64", "a!.b.c.d.e", ""},
		{"not JSON", named(`abc`), ""},
		{"an id that would speak to a terminal", named(`{"kid":"\u001b[2J"}`), ""},
		{"a word", "garbage", ""},
		{"long", native + strings.Repeat("A", MaxSealed), ""},
	} {
		if got := KeyID(tt.in); got != tt.want {
			t.Errorf("KeyID(%s) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A list is read again at each change of its file, while requests wait for a processor.
func TestParseRevocationsLong(t *testing.T) {
	const n = 100_000
	var yaml, jsonList strings.Builder
	for i := range n {
		fmt.Fprintf(&yaml, "- 0a1b2c3d-4e5f-6071-8293-%012d # left in May\n", i)
		fmt.Fprintf(&jsonList, "%c\n%q", "[,"[min(i, 1)], fmt.Sprintf("0a1b2c3d-4e5f-6071-8293-%012d", i))
	}
	jsonList.WriteString("]")
	for name, text := range map[string]string{"YAML": yaml.String(), "JSON": jsonList.String()} {
		start := time.Now()
		ids, err := ParseRevocations([]byte(text))
		if took := time.Since(start); err != nil || len(ids) != n || took > 5*time.Second {
			t.Errorf("%s: %d ids, %v in %v, want %d in well under a second", name, len(ids), err, took, n)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}
