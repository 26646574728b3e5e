package server

import (
	"net/http/httptest"
	"testing"
)

// ATTACKS 24: EAS redirected anywhere.
func TestSignin(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.SigninOrigins = []string{"https://idp.example.com"} })
	tests := []struct {
		query string
		want  int
		to    string
	}{
		{"rd=https://idp.example.com/auth?a=b&c=d&e=f", 302, "https://idp.example.com/auth?a=b&c=d&e=f"},
		{"foo=1&rd=https://idp.example.com/auth?a=b", 302, "https://idp.example.com/auth?a=b"},
		{"rd=https%3A%2F%2Fidp.example.com%2Fauth%3Fa%3Db&foo=1", 302, "https://idp.example.com/auth?a=b"},
		{"rd=https://IDP.example.com/", 302, "https://IDP.example.com/"},
		{"rd=https://evil.example", 400, ""},
		{"rd=//evil.example", 400, ""},
		{"rd=/%5Cevil.example", 400, ""},
		{"rd=https://idp.example.com@evil.example/", 400, ""},
		{"rd=https://idp.example.com.evil.example/", 400, ""},
		{"rd=https://idp.example.com%5C@evil.example/", 400, ""},
		{"rd=http://idp.example.com/", 400, ""},
		{"rd=javascript:alert(1)", 400, ""},
		{"rd=https://idp.example.com/%0d%0aX-Evil:1", 302, "https://idp.example.com/%0d%0aX-Evil:1"},
		{"rd=https%3A%2F%2Fidp.example.com%2F%0d%0aX-Evil:1", 400, ""},
		{"third=https://zzz", 400, ""},
		{"rd=", 400, ""},
		{"", 400, ""},
	}
	for _, tt := range tests {
		res := f.do(httptest.NewRequest("GET", "/nginx/auth-signin?"+tt.query, nil))
		if got := res.Header.Get("Location"); res.StatusCode != tt.want || got != tt.to {
			t.Errorf("rd %q = %d to %q, want %d to %q", tt.query, res.StatusCode, got, tt.want, tt.to)
		}
	}
}
