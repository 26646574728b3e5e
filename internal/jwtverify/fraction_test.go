package jwtverify

import (
	"testing"
	"time"
)

// A NumericDate may have a fraction (RFC 7519 §2), and issuers write now() with one into nbf.
func TestDatesWithAFraction(t *testing.T) {
	now := time.Unix(1795348800, 500_000_000)
	for _, tt := range []struct {
		name, options, payload string
		want                   bool
	}{
		{"nbf a moment ago", `{}`, `{"nbf":1795348800.45}`, true},
		{"nbf now", `{}`, `{"nbf":1795348800.5}`, true},
		{"nbf in a moment", `{}`, `{"nbf":1795348800.55}`, false},
		{"nbf this second", `{}`, `{"nbf":1795348800}`, true},
		{"exp in a moment", `{}`, `{"exp":1795348800.55}`, true},
		{"exp now", `{}`, `{"exp":1795348800.5}`, false},
		{"exp a moment ago", `{}`, `{"exp":1795348800.45}`, false},
		{"exp this second", `{}`, `{"exp":1795348800}`, false},
		{"just young enough", `{"maxAge":10}`, `{"iat":1795348790.55}`, true},
		{"just too old", `{"maxAge":10}`, `{"iat":1795348790.45}`, false},
	} {
		v := newVerifier(t, tt.options, func() time.Time { return now })
		if _, err := v.Verify(t.Context(), hs256(jwt, tt.payload)); (err == nil) != tt.want {
			t.Errorf("%s: Verify = %v, want it allowed: %v", tt.name, err, tt.want)
		}
	}
}
