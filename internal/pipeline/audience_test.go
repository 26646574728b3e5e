package pipeline

import "testing"

// Cookies of a login are bound to the audience: two tokens for one audience share logins, however they are written.
func TestAudience(t *testing.T) {
	tests := []struct {
		name       string
		a, aClaims string
		b, bClaims string
		same       bool
	}{
		{"one audience", `"x"`, `{"aud":"x"}`, `"x"`, `{"aud":"x","eas":{}}`, true},
		{"spaces", `["x", "y"]`, `{}`, `["x","y"]`, `{}`, true},
		{"two audiences", `"x"`, `{}`, `"y"`, `{}`, false},
		{"none: the token itself", ``, `{"eas":1}`, ``, `{"eas":2}`, false},
		{"none: the same token", ``, `{"eas":1}`, ``, `{"eas": 1}`, true},
	}
	raw := func(s string) []byte {
		if s == "" {
			return nil
		}
		return []byte(s)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := audience(raw(tt.a), raw(tt.aClaims)), audience(raw(tt.b), raw(tt.bClaims))
			if a == "" || (a == b) != tt.same {
				t.Errorf("audience(%s %s) = %q, audience(%s %s) = %q, want the same: %v", tt.a, tt.aClaims, a, tt.b, tt.bClaims, b, tt.same)
			}
		})
	}
}
