package document

import (
	"strings"
	"testing"
)

func TestConvertLoosely(t *testing.T) {
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
		{"numbers as YAML 1.2 writes them", "exp: 9e9\nnbf: 1.50\n", `{"exp":9e9,"nbf":1.50}`},
		{"bytes", "a: !!binary aGVsbG8=", `{"a":"hello"}`},
		{"a key of no text", "~: x\n0x10: y\n", `{"null":"x","16":"y"}`},
		{"infinity", "a: .inf", `{"a":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ConvertLoosely([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("ConvertLoosely(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

// Configuration holds passwords, and errors end in logs.
func TestErrorsNameTheLineAndQuoteNothing(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"JSON cut off", "{\n\"password\": \"s3cret", "2:19: unexpected end of JSON input"},
		{"JSON with a stray comma", "{\n\"password\": \"s3cret\",\n,}", "3:1: invalid character"},
		{"YAML with a tab", "a:\n\tpassword: s3cret\n", "2:"},
		{"YAML with an open quote", "a: 1\npassword: 's3cret\n", "2:"},
		{"a key twice", "password: s3cret\npassword: s3cret2\n", `2:1: mapping key "password" already defined`},
		{"two documents", "a: s3cret\n---\nb: s3cret\n", "3:1: want one document, found a second"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ConvertLoosely([]byte(tt.in))
			if err == nil {
				t.Fatalf("ConvertLoosely(%q) = %s, want an error", tt.in, got)
			}
			if !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("ConvertLoosely(%q) = %q, want %q", tt.in, err, tt.want)
			}
		})
	}
}
