package stores_test

import (
	"strings"
	"testing"

	"github.com/easgate/easgate/stores"
)

func TestParseTokens(t *testing.T) {
	tests := []struct {
		name, in, id string
		want         string
		ok, err      bool
	}{
		{"sealed", `{"1": "abc=="}`, "1", "abc==", true, false},
		{"plain keeps order and numbers", "{\"1\": {\"b\": 1.50, \"a\" : [1e3, \"x y\"]}}", "1", `{"b":1.50,"a":[1e3,"x y"]}`, true, false},
		{"YAML", "1: |\n  abc==\n", "1", "abc==", true, false},
		{"plain in YAML", "a:\n  eas:\n    z: 1\n    plugins:\n      - type: noop\n", "a", `{"eas":{"z":1,"plugins":[{"type":"noop"}]}}`, true, false},
		{"numbers of YAML are those that sealing sees", "a:\n  exp: 9e9\n  eas: {}\n", "a", `{"exp":9e9,"eas":{}}`, true, false},
		{"YAML in text is text", `{"a": "eas:\n  plugins: []\n"}`, "a", "eas:\n  plugins: []", true, false},
		{"unknown", `{"a": "x"}`, "b", "", false, false},
		{"null", `{"a": null}`, "a", "", false, false},
		{"empty text", `{"a": ""}`, "a", "", false, false},
		{"a number", `{"a": 5, "b": "x"}`, "a", "", false, true},
		{"a list", `{"a": [1, 2]}`, "a", "", false, true},
		{"a bool in YAML", "a: true\n", "a", "", false, true},
		// EAS denies it as well.
		{"JSON in text", `{"a": " {\"eas\":{}}"}`, "a", "", false, true},
		{"others are not touched by an unusable one", `{"a": 5, "b": "x"}`, "b", "x", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tokens, err := stores.ParseTokens([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			got, ok, err := tokens.Lookup(tt.id)
			if got != tt.want || ok != tt.ok || (err != nil) != tt.err {
				t.Errorf("Lookup(%s) = %q, %v, %v, want %q, %v", tt.id, got, ok, err, tt.want, tt.ok)
			}
		})
	}
}

func TestParseTokensRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"text", "justastring\n", "want an object of ids and config tokens"},
		{"a list", `["s3cret"]`, "want an object of ids and config tokens"},
		{"nothing", "", "want an object of ids and config tokens"},
		{"half a file", `{"a": "s3cret`, "1:13: unexpected end of JSON input"},
		{"an id twice", `{"a": "s3cret", "a": "s3cret2"}`, `"a": there are two of it`},
		{"an id twice in YAML", "a: s3cret\na: s3cret2\n", `2:1: mapping key "a" already defined`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := stores.ParseTokens([]byte(tt.in))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("ParseTokens(%s) = %v, want %q", tt.in, err, tt.want)
			}
		})
	}
}
