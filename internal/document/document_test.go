package document

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestConvert(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"JSON keeps order and digits", `{"b": 1.50, "a": 12345678901234567890, "c": "\ud83d\ude00"}`, `{"b":1.50,"a":12345678901234567890,"c":"\ud83d\ude00"}`},
		{"YAML keeps order and digits", "b: 1.50\na: 12345678901234567890\n", `{"b":1.50,"a":12345678901234567890}`},
		{"one member", "a: x", `{"a":"x"}`},
		{"numbers that JSON writes otherwise", "[0x1F, 1e3, -2, 1_000]", `[31,1e3,-2,1000]`},
		{"text that looks like something else", "[\"1\", '2', yes, on, 1.2.3]", `["1","2","yes","on","1.2.3"]`},
		{"null and booleans", "a: ~\nb:\nc: true\n", `{"a":null,"b":null,"c":true}`},
		{"flow mappings need no quotes", "{a: 1, b: [x, y]}", `{"a":1,"b":["x","y"]}`},
		{"literals", "a: |\n  one\n  two\nb: >-\n  one\n  two\n", `{"a":"one\ntwo\n","b":"one two"}`},
		{"HTML is left alone", `a: <b>&c`, `{"a":"<b>&c"}`},
		{"aliases", "a: &x {n: 1}\nb: *x\n", `{"a":{"n":1},"b":{"n":1}}`},
		{"merge keys, own keys win", "a: &x {n: 1, m: 2}\nb:\n  <<: *x\n  n: 3\n", `{"a":{"n":1,"m":2},"b":{"m":2,"n":3}}`},
		{"tags", "a: !!str 5\n", `{"a":"5"}`},
		{"comments", "# one\na: 1 # two\n# three\n", `{"a":1}`},
		{"one document with markers", "---\na: 1\n", `{"a":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Convert([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("Convert(%s) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	bomb := "a0: &a0 [xxxxxxxxxx]\n"
	for i := 1; i < 12; i++ {
		name := string(rune('a' + i))
		before := string(rune('a' + i - 1))
		if i == 1 {
			before = "a0"
		}
		bomb += name + ": &" + name + " [" + strings.Repeat("*"+before+",", 9) + "*" + before + "]\n"
	}
	tests := []struct {
		name, in, want string
	}{
		{"nothing", "", "1:1: the document is empty"},
		{"only a comment", "# nothing\n", "1:1: the document is empty"},
		{"two documents", "a: 1\n---\nb: 2\n", "3:1: want one document"},
		{"repeated YAML keys", "a: 1\na: 2\n", `2:1: mapping key "a" already defined`},
		{"repeated JSON keys", "{\"a\": 1,\n \"a\": 2}", `2:4: the key "a" stands here a second time`},
		{"broken JSON", "{\"a\": 1,\n \"b\" 2}", "2:6: invalid character '2'"},
		{"half of JSON", `{"a": [1,`, "1:9: unexpected end of JSON input"},
		{"more after the value", `{"a": 1} x`, "1:10: invalid character 'x' after top-level value"},
		{"broken YAML", "a: [1\n", "1:4: "},
		{"a tab", "a:\n\tb: 1", "2:1: "},
		{"infinity", "a: .inf", ".inf has no JSON form"},
		{"unknown alias", "a: *x", "no anchor &x"},
		{"unknown tag", "a: !binary aGk=", "the tag !binary is not supported"},
		{"deep JSON", strings.Repeat("[", 300) + strings.Repeat("]", 300), "too deep"},
		// A billion laughs: 21 lines that ask for gigabytes.
		{"alias bomb", bomb, "expand to more than 4 MB"},
		{"an alias of itself", "a: &x [*x]", "too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Convert([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Convert(%.80s) = %.80s, %v, want an error with %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	got, err := Members([]byte("# head\nport: 80\nlist: &l\n  - a\nagain: *l\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Member{
		{"port", json.RawMessage("80"), Position{2, 1}, Position{2, 7}},
		{"list", json.RawMessage(`["a"]`), Position{3, 1}, Position{3, 7}},
		{"again", json.RawMessage(`["a"]`), Position{5, 1}, Position{5, 8}},
	}
	if len(got) != len(want) {
		t.Fatalf("Members = %v, want %v", got, want)
	}
	for i := range want {
		if got[i].Name != want[i].Name || string(got[i].Value) != string(want[i].Value) || got[i].Key != want[i].Key || got[i].At != want[i].At {
			t.Errorf("Members[%d] = %v %s, want %v %s", i, got[i], got[i].Value, want[i], want[i].Value)
		}
	}
	if got, err := Members(nil); len(got) != 0 || err != nil {
		t.Errorf("Members of nothing = %v, %v, want none", got, err)
	}
	if _, err := Members([]byte("- a\n")); err == nil {
		t.Error("Members of a list: no error")
	}
}

func TestLocate(t *testing.T) {
	text := []byte("a: 1\nb:\n  c:\n    d: {e: 2}\n")
	tests := []struct {
		path string
		want Position
		ok   bool
	}{
		{"a", Position{1, 1}, true},
		{"b.c.d.e", Position{4, 9}, true},
		{"b.c.x", Position{3, 3}, true},
		{"a.x", Position{1, 1}, true},
		{"x", Position{}, false},
	}
	for _, tt := range tests {
		if got, ok := Locate(text, strings.Split(tt.path, ".")...); got != tt.want || ok != tt.ok {
			t.Errorf("Locate(%s) = %v, %v, want %v, %v", tt.path, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzConvert: whatever a person pastes is JSON or an error, in bounded time and size.
func FuzzConvert(f *testing.F) {
	for _, s := range []string{"a: 1", `{"a":[1,2]}`, "a: &x [*x]", "a: !!str\n", "? a\n: b", "<<: *x", "a: |\n x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Convert(text)
		if err == nil && !json.Valid(got) {
			t.Errorf("Convert(%q) = %q, which is not JSON", text, got)
		}
	})
}
