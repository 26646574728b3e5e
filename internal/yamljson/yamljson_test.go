package yamljson_test

import (
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/yamljson"
)

func TestConvert(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"JSON stays as it is", "{\"b\": 1.50, \"a\" : [1e3]}\n", "{\"b\": 1.50, \"a\" : [1e3]}\n"},
		{"byte order mark", "\xef\xbb\xbf{}", "{}"},
		{"order of keys", "b: 1\na: {z: x, y: true}\n", `{"b":1,"a":{"z":"x","y":true}}`},
		{"scalars", "a: 1.5\nb: 0x10\nc: ~\nd: 2020-01-01\ne: yes\nf: '5'\n", `{"a":1.5,"b":16,"c":null,"d":"2020-01-01","e":"yes","f":"5"}`},
		{"keys that are no text", "1: x\ntrue: y\n", `{"1":"x","true":"y"}`},
		{"block text", "a: |\n  x\n  y <&>\n", `{"a":"x\ny <&>\n"}`},
		{"merge key", "base: &b {p: 1, q: 2}\nmine:\n  <<: *b\n  q: 3\n", `{"base":{"p":1,"q":2},"mine":{"p":1,"q":3}}`},
		{"flow mapping that is no JSON", "{a: 1, b: [x, y]}", `{"a":1,"b":["x","y"]}`},
		{"text alone", "justastring\n", `"justastring"`},
		{"nothing", "", "null"},
		{"infinity", "a: .inf", `{"a":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := yamljson.Convert([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("Convert(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

// Configuration holds passwords, and errors end in logs.
func TestErrorsNameTheLineAndQuoteNothing(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"JSON cut off", "{\n\"password\": \"s3cret", "JSON: line 2: unexpected end of JSON input"},
		{"JSON with a stray comma", "{\n\"password\": \"s3cret\",\n,}", "JSON: line 3: invalid character"},
		{"YAML with a tab", "a:\n\tpassword: s3cret\n", "YAML: line 2: "},
		{"YAML with an open quote", "a: 1\npassword: 's3cret\n", "YAML: line 2: "},
		{"a key twice", "password: s3cret\npassword: s3cret2\n", `YAML: line 2: mapping key "password" already defined`},
		{"two documents", "a: s3cret\n---\nb: s3cret\n", "YAML: more than one document"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := yamljson.Convert([]byte(tt.in))
			if err == nil {
				t.Fatalf("Convert(%q) = %s, want an error", tt.in, got)
			}
			if !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Convert(%q) = %q, want %q", tt.in, err, tt.want)
			}
		})
	}
}
