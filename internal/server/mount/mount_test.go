package mount

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	table, err := Parse(json.RawMessage(`[
		{"path": "/auth", "config_token": "any"},
		{"host": "*", "path": "/auth/admin/", "config_token": "any admin"},
		{"host": "Login.example.com", "path": "/", "config_token": "login"},
		{"host": "login.example.com", "path": "/auth", "config_token": "login auth"},
		{"host": "[::1]", "path": "/", "config_token": "v6"},
		{"host": "tokens.example.com", "path": "/a%20b", "config_token_store_id": "main", "config_token_id": "x"}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ host, path, want, below string }{
		{"other.example.com", "/auth", "any", "/"},
		{"other.example.com", "/auth/x", "any", "/x"},
		// A prefix that ends within a segment would give /authors to whoever has /auth.
		{"other.example.com", "/authors", "", ""},
		{"other.example.com", "/", "", ""},
		{"other.example.com", "/auth/admin", "any admin", "/"},
		{"other.example.com", "/auth/administrators", "any", "/administrators"},
		{"login.example.com", "/x/y", "login", "/x/y"},
		{"LOGIN.example.com:8443", "/auth/x", "login auth", "/x"},
		// The longer path wins even where the host is every host.
		{"login.example.com", "/auth/admin/x", "any admin", "/x"},
		{"login.example.com.evil.example", "/", "", ""},
		{"[::1]:8080", "/", "v6", "/"},
		{"tokens.example.com", "/a%20b/c", "", "/c"},
	} {
		m := table.Find(tt.host, tt.path)
		got, below := "", ""
		if m != nil {
			got, below = string(m.Token), m.Below(tt.path)
		}
		if got != tt.want || below != tt.below {
			t.Errorf("Find(%q, %q) = %q, below %q, want %q, %q", tt.host, tt.path, got, below, tt.want, tt.below)
		}
	}
	if m := (*Table)(nil).Find("a", "/"); m != nil {
		t.Errorf("a table that is not there has %v", m)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"no path", `[{"config_token": "s3cret"}]`, "[0].path: required"},
		{"no token", `[{"path": "/"}]`, "[0].config_token: required"},
		{"both", `[{"path": "/", "config_token": "s3cret", "config_token_id": "x"}]`, "[0].config_token: beside"},
		{"half a pointer", `[{"path": "/", "config_token_id": "x"}]`, "[0].config_token_id: needs"},
		{"a port", `[{"host": "a:80", "path": "/", "config_token": "s3cret"}]`, "[0].host: want a host without a port"},
		{"no host", `[{"host": "a/b", "path": "/", "config_token": "s3cret"}]`, "[0].host: "},
		{"a wildcard", `[{"host": "*.example.com", "path": "/", "config_token": "s3cret"}]`, "[0].host: "},
		{"relative", `[{"path": "auth", "config_token": "s3cret"}]`, "[0].path: want"},
		{"dots", `[{"path": "/a/../b", "config_token": "s3cret"}]`, "[0].path: want"},
		{"a query", `[{"path": "/a?b", "config_token": "s3cret"}]`, "[0].path: want"},
		{"two slashes", `[{"path": "//a", "config_token": "s3cret"}]`, "[0].path: want"},
		// It would never be found: requests are looked up in their one spelling.
		{"another spelling", `[{"path": "/%61", "config_token": "s3cret"}]`, "[0].path: want"},
		{"twice", `[{"path": "/a", "config_token": "s3cret"}, {"host": "*", "path": "/a/", "config_token": "s3cret"}]`, "[1]: there is another mount at */a"},
		{"an unknown member", `[{"path": "/", "config_tokn": "s3cret"}]`, "config_tokn"},
		{"null", `[null]`, "[0]: want an object"},
		{"a mapping", `{}`, ""},
	} {
		_, err := Parse(json.RawMessage(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
