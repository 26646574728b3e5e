package jsregexp

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/query/sandbox"
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

// unhurried has the expressions of a test run with another bound on time: the machine may be busy with other things.
func unhurried(t testing.TB, limit time.Duration) {
	own, shared := sandbox.New(sandbox.Options{Limits: sandbox.Limits{Time: limit}}), vms
	vms = func() *sandbox.Sandbox { return own }
	t.Cleanup(func() {
		vms = shared
		own.Close()
	})
}

func TestReference(t *testing.T) {
	unhurried(t, 10*time.Second)
	linear := 0
	rows := readRows(t)
	for _, r := range rows {
		re, err := Compile(r.L)
		var got bool
		if err == nil {
			if len(re.linear) > 0 {
				linear++
			}
			got, err = re.Match(context.Background(), r.S)
		}
		switch {
		case err != nil && strings.Contains(r.L, "{99999999999"):
			// V8 has another limit.
		case (err != nil) != (r.Err != ""):
			t.Errorf("Match(%q, %q) = %v, %v, want %v %s", r.L, r.S, got, err, r.R, r.Err)
		case got != r.R:
			t.Errorf("Match(%q, %q) = %v, want %v", r.L, r.S, got, r.R)
		}
	}
	t.Logf("of %d: %d linear", len(rows), linear)
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
		{"too deep", "/" + strings.Repeat("(", 300) + strings.Repeat(")", 300) + "/"},
		{"ES2025's modifiers", "/(?i:a)/"},
		{"ES2025's duplicate names", "/(?<n>a)|(?<n>b)/"},
	} {
		if _, err := Compile(tt.literal); err == nil {
			t.Errorf("%s: Compile(%.40q) has no error", tt.name, tt.literal)
		}
	}
}

func TestMatch(t *testing.T) {
	unhurried(t, 10*time.Second)
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
		{`/(?:(a)|b)*\1/`, "ab", true},
		{`/^(?!\/admin|\/api)(?=.*a).*$/`, "/alpha", true},
		{`/^(?!\/admin|\/api)(?=.*a).*$/`, "/api", false},
		{`/^(?!a)b|a/`, "a", true},
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
			if got, err := re.Match(context.Background(), tt.text); got != tt.want || err != nil {
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
		{`/^(?!b)(a|aa)+$/`, nil},
		{"/(a+)+$/u", ErrTimeout},
		{`/^(a|aa)+(?!b)$(?=x)/`, ErrTimeout},
	} {
		re, err := Compile(tt.literal)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		got, err := re.Match(context.Background(), text)
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

// Compiling happens in a request's time; a token's author should not make it long by mistake.
func TestLargePatterns(t *testing.T) {
	for _, tt := range []struct {
		name, literal string
		ok, slow      bool
	}{
		{"nested counts", "/((((a{1000}){1000}){1000}){1000})/", true, false},
		{"nested counts with lookahead", "/(?=(((a{1000}){1000}){1000}){1000})/", true, false},
		{"many characters with another case", "/" + strings.Repeat("é", 3000) + "/i", true, false},
		{"many ranges", "/" + strings.Repeat("[à-ü]", 800) + "/i", true, false},
		{"many properties", "/" + strings.Repeat(`\p{L}`, 1000) + "/iu", false, true},
		{"long", "/" + strings.Repeat("a", 9000) + "/", false, false},
	} {
		start := time.Now()
		re, err := Compile(tt.literal)
		if (err == nil) != tt.ok && !tt.slow {
			t.Errorf("%s: Compile = %v, want ok %v", tt.name, err, tt.ok)
		}
		if err == nil {
			if _, err := re.Match(context.Background(), "a😀"); err != nil && !(tt.slow && errors.Is(err, ErrTimeout)) {
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
		ok, err := re.Match(t.Context(), text)
		if ok && err != nil {
			t.Errorf("Match(%q, %q) = true, %v", literal, text, err)
		}
		// What package regexp says, QuickJS says.
		if v, unsure := re.script.Eval(t.Context(), text); err == nil && unsure == nil && v != ok {
			t.Errorf("Match(%q, %q) = %v, in QuickJS %v", literal, text, ok, v)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, tt := range []struct{ name, literal, text string }{
		{"plain", "/^Bearer /", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"},
		{"ignoring_case", "/^bearer/i", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"},
		{"classes", `/^[\w.+-]+@example\.(?:com|org)$/i`, "alice.smith@example.com"},
		{"leading_lookahead", `/^(?!\/admin).*$/`, "/api/v4/projects?page=2"},
		{"lookbehind", "/(?<=Bea)rer/", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"},
		{"beyond_U+FFFF", "/^.+rer/", "Bearer 😀"},
	} {
		re, err := Compile(tt.literal)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := re.Match(context.Background(), tt.text); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, literal := range []string{"/^Bearer /", `/^(?!\/admin).*$/`, "/(?<=Bea)rer/"} {
		b.Run(literal, func(b *testing.B) {
			for b.Loop() {
				if _, err := Compile(literal); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// ATTACKS 70: one token's slow expression does not keep others waiting: of the virtual machines one is always left for them.
func TestFlood(t *testing.T) {
	unhurried(t, 250*time.Millisecond)
	slow, err := Compile("/^(a|aa)+$(?=x)/")
	if err != nil {
		t.Fatal(err)
	}
	good, err := Compile("/(?<=Bea)rer/")
	if err != nil {
		t.Fatal(err)
	}
	slow, good = slow.For("slow"), good.For("good")
	ctx, stop := context.WithCancel(context.Background())
	text := strings.Repeat("a", 50_000) + "!"
	var flood sync.WaitGroup
	for range 64 {
		flood.Go(func() {
			for ctx.Err() == nil {
				_, _ = slow.Match(ctx, text)
			}
		})
	}
	for range 20 {
		start := time.Now()
		if ok, err := good.Match(ctx, "Bearer x"); !ok || err != nil {
			t.Errorf("a good expression during a flood: %v, %v", ok, err)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("a good expression during a flood took %v", d)
		}
	}
	stop()
	flood.Wait()
}
