package jsregexp

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// A row of reference.json: whether literal L matches text S in JavaScript, or the error it throws.
type row struct {
	L, S string
	R    bool
	Err  string
}

func readRows(t testing.TB) []row {
	file := "testdata/reference.json"
	if f := os.Getenv("JSREGEXP_REFERENCE"); f != "" {
		file = f
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestReference(t *testing.T) {
	fast, refused := 0, 0
	rows := readRows(t)
	for _, r := range rows {
		re, err := Compile(r.L)
		var got bool
		if err == nil {
			if re.fast != nil {
				fast++
			}
			got, err = re.Match(r.S)
		}
		switch {
		case err != nil && strings.Contains(r.L, "{99999999999"):
			// V8 has another limit.
		case errors.Is(err, errBackref), errors.Is(err, errCase), errors.Is(err, errEngine):
			refused++
		case (err != nil) != (r.Err != ""):
			t.Errorf("Match(%q, %q) = %v, %v, want %v %s", r.L, r.S, got, err, r.R, r.Err)
		case got != r.R:
			t.Errorf("Match(%q, %q) = %v, want %v", r.L, r.S, got, r.R)
		}
	}
	t.Logf("of %d: %d linear, %d refused", len(rows), fast, refused)
	if refused > len(rows)/50 {
		t.Errorf("%d of %d refused", refused, len(rows))
	}
}

func TestCompileErrors(t *testing.T) {
	for _, tt := range []struct{ name, literal string }{
		{"no slashes", "Alpha"},
		{"one slash", "/Alpha"},
		{"slashes on two lines", "/a\n/"},
		{"unknown flag", "/a/q"},
		{"flag twice", "/a/ii"},
		{"flag v", "/a/v"},
		{"RE2's own syntax", `/(?i)a/`},
		{"a named group of RE2", `/(?P<n>a)/`},
		{"unclosed group", "/(a/"},
		{"nothing to repeat", "/a**/"},
		{"lone brace with u", "/a{/u"},
		{"identity escape of a letter with u", `/\Z/u`},
		{"script extensions have no table", `/\p{scx=Latn}/u`},
		{"too deep", "/" + strings.Repeat("(", 300) + strings.Repeat(")", 300) + "/"},
		{"a backreference that JavaScript empties each turn", `/(?:(a)|b)*\1/`},
	} {
		if _, err := Compile(tt.literal); err == nil {
			t.Errorf("%s: Compile(%.40q) has no error", tt.name, tt.literal)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		literal, text string
		want          bool
	}{
		{"/^https://app\\.example\\.com/a/", "https://app.example.com/a/b", true},
		{"x/^A/", "Alpha", true},
		{"//", "", true},
		{"/^A{,2}lpha/", "Alpha", false},
		{`/\AAlpha/`, "Alpha", false},
		{`/^\p{L}+$/`, "ÄÖÜ", false},
		{`/^\p{L}+$/u`, "ÄÖÜ日本", true},
		{`/(?<=Al)pha/`, "Alpha", true},
		{`/(a).*\1|(l)p/`, "Alpha", true},
		{`/^(?<q>['"]).*\k<q>$/`, `"x"`, true},
		{`/^.$/`, "😀", false},
		{`/^.$/u`, "😀", true},
		{"/admin$/", "admin\n", false},
		{"/k/i", "\u212a", false},
		{"/k/iu", "\u212a", true},
		{"/^[^]$/", "\n", true},
		{"/[]/", "a", false},
	} {
		re, err := Compile(tt.literal)
		if err != nil {
			t.Errorf("Compile(%q): %v", tt.literal, err)
			continue
		}
		// A second time: the flag g keeps no state.
		for range 2 {
			if got, err := re.Match(tt.text); got != tt.want || err != nil {
				t.Errorf("Match(%q, %q) = %v, %v, want %v", tt.literal, tt.text, got, err, tt.want)
			}
		}
	}
}

// ATTACKS 23: the client writes the text. What is regular takes linear time, the rest is cut off.
func TestBlowUp(t *testing.T) {
	text := strings.Repeat("a", 50_000) + "!"
	for _, tt := range []struct {
		literal string
		want    error
	}{
		{"/(a+)+$/", nil},
		{"/(a+)+$/u", nil},
		{`/^(a|aa)+(?!b)$(?=x)/`, ErrTimeout},
	} {
		re, err := Compile(tt.literal)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		got, err := re.Match(text)
		if got || !errors.Is(err, tt.want) {
			t.Errorf("Match(%s) = %v, %v, want %v", tt.literal, got, err, tt.want)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("Match(%s) took %v", tt.literal, d)
		} else {
			t.Log(tt.literal, d)
		}
	}
}

// foldUpper looks for equal characters among those that fold into each other only.
func TestUpperCaseStaysWithinFolding(t *testing.T) {
	first := map[rune]rune{}
	for r := rune(0); r <= 0xffff; r++ {
		c := canonical(r)
		f, ok := first[c]
		if !ok {
			first[c] = r
			continue
		}
		if s := setOf(f, f).foldUpper(); !s.has(r) {
			t.Errorf("%U and %U have one upper case, but do not fold into each other", f, r)
		}
	}
}

func (s set) has(r rune) bool {
	for i := 0; i < len(s); i += 2 {
		if s[i] <= r && r <= s[i+1] {
			return true
		}
	}
	return false
}

// Compiling happens in a request's time; a token's author should not make it long by mistake.
func TestLargePatterns(t *testing.T) {
	for _, tt := range []struct {
		name, literal string
		ok            bool
	}{
		{"nested counts", "/((((a{1000}){1000}){1000}){1000})/", true},
		{"nested counts with lookahead", "/(?=(((a{1000}){1000}){1000}){1000})/", true},
		{"many characters with another case", "/" + strings.Repeat("é", 3000) + "/i", true},
		{"many ranges", "/" + strings.Repeat("[à-ü]", 800) + "/i", true},
		{"many properties", "/" + strings.Repeat(`\p{L}`, 1000) + "/iu", false},
		{"long", "/" + strings.Repeat("a", 9000) + "/", false},
	} {
		start := time.Now()
		re, err := Compile(tt.literal)
		if (err == nil) != tt.ok {
			t.Errorf("%s: Compile = %v, want ok %v", tt.name, err, tt.ok)
		}
		if err == nil {
			if _, err := re.Match("a😀"); err != nil {
				t.Errorf("%s: Match: %v", tt.name, err)
			}
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s took %v", tt.name, d)
		} else {
			t.Log(tt.name, d)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, r := range readRows(f) {
		f.Add(r.L, r.S)
	}
	f.Fuzz(func(t *testing.T, literal, text string) {
		re, err := Compile(literal)
		if err != nil {
			return
		}
		if ok, err := re.Match(text); ok && err != nil {
			t.Errorf("Match(%q, %q) = true, %v", literal, text, err)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, literal := range []string{"/^bearer/i", "/^Bearer /", "/(?<=Bea)rer/"} {
		re, err := Compile(literal)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(literal, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := re.Match("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
