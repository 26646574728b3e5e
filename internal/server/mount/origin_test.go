package mount

import (
	"strings"
	"testing"
)

// An origin replaces what the request says of its host: one that is more than scheme and host would be half obeyed.
func TestOriginAndErrors(t *testing.T) {
	tests := []struct{ name, origin, errors, want string }{
		{"none", "", "", ""},
		{"both", "https://app.example.com", "status", ""},
		{"a port", "http://127.0.0.1:8080", "page", ""},
		{"a path", "https://app.example.com/x", "", "origin"},
		{"a slash", "https://app.example.com/", "", "origin"},
		{"a user", "https://a@app.example.com", "", "origin"},
		{"no scheme", "app.example.com", "", "origin"},
		{"another scheme", "ftp://app.example.com", "", "origin"},
		{"unknown errors", "", "json", "errors"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &Mount{Path: "/", Token: "x", Origin: tt.origin, Errors: tt.errors}
			err := m.check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("check: %v", err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
				t.Errorf("check = %v, want an error about %s", err, tt.want)
			case tt.want == "" && (m.Site() != nil) != (tt.origin != ""):
				t.Errorf("Site() = %v", m.Site())
			}
		})
	}
}
