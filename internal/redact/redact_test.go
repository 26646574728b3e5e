package redact

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/easgate/easgate/internal/secret"
)

func TestJSON(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"nothing secret", `{"b":1.50,"a":[true,null,"x<y"]}`, `{"b":1.50,"a":[true,null,"x<y"]}`},
		{"htpasswd", `{"type":"htpasswd","htpasswd":"u:{SHA}x","realm":"r"}`, `{"type":"htpasswd","htpasswd":"[redacted]","realm":"r"}`},
		{
			"any spelling",
			`{"bindCredentials":"a","client_secret":"b","Client-Secret":"c","clientSecret":"d","DB_PASSWORD":"e"}`,
			`{"bindCredentials":"[redacted]","client_secret":"[redacted]","Client-Secret":"[redacted]",` +
				`"clientSecret":"[redacted]","DB_PASSWORD":"[redacted]"}`,
		},
		{"numbers and objects too", `{"password":1234,"secret":{"keys":[1]}}`, `{"password":"[redacted]","secret":"[redacted]"}`},
		{"nothing there", `{"password":"","secret":null,"secrets":true}`, `{"password":"","secret":null,"secrets":true}`},
		{"a key set's address", `{"secret":"https://idp.example.com/jwks"}`, `{"secret":"https://idp.example.com/jwks"}`},
		{
			"an address with a password", `{"secret":"https://u:p@idp.example.com/jwks","url":"postgres://u:p@db/x"}`,
			`{"secret":"[redacted]","url":"postgres://u:[redacted]@db/x"}`,
		},
		{"a password with an @", `{"url":"postgres://u:p@ss@db/x"}`, `{"url":"postgres://u:[redacted]@db/x"}`},
		{
			"ids of tokens are no tokens",
			`{"config_token_id":"a","config_token_store_id":"b"}`, `{"config_token_id":"a","config_token_store_id":"b"}`,
		},
		{"a private key's members", `{"kty":"OKP","x":"pub","d":"priv"}`, `{"kty":"OKP","x":"pub","d":"[redacted]"}`},
		{"deep", `{"eas":{"plugins":[{"connection":{"password":"x"}}]}}`, `{"eas":{"plugins":[{"connection":{"password":"[redacted]"}}]}}`},
		{"a lone text", `"x"`, `"x"`},
		{"not JSON", `{"a":`, `"[redacted]"`},
		{"not JSON at all", `hunter2`, `"[redacted]"`},
		{"nothing", ``, `"[redacted]"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(JSON([]byte(tt.in))); got != tt.want {
				t.Errorf("JSON(%s) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

// What a plugin's options say counts, whatever they are called.
func TestToken(t *testing.T) {
	type options struct {
		Code   secret.Text                        `json:"code"`
		Nested struct{ Code *secret.Text }        `json:"nested"`
		List   []struct{ Code secret.Text }       `json:"list"`
		Open   string                             `json:"password_hint"`
		Script string                             `json:"script" secret:"true"`
		Map    map[string][]string                `json:"map" secret:"true"`
		Maps   map[string]struct{ C secret.Text } `json:"maps"`
		Where  secret.Text                        `json:"where" secret:"url"`
		Rules  json.RawMessage                    `json:"id_token"`
	}
	known := func(plugin string) reflect.Type {
		if plugin == "known" {
			return reflect.TypeFor[options]()
		}
		return nil
	}
	for _, tt := range []struct{ name, in, want string }{
		{"by type", `"code":"x","nested":{"Code":"x"},"list":[{"Code":"x"}]`,
			`"code":"[redacted]","nested":{"Code":"[redacted]"},"list":[{"Code":"[redacted]"}]`},
		{"by tag", `"script":"x"`, `"script":"[redacted]"`},
		{"no secret, whatever its name", `"password_hint":"x"`, `"password_hint":"x"`},
		{"in an option that is none", `"id_token":[{"query":"$.x","password":"x"}]`, `"id_token":[{"query":"$.x","password":"[redacted]"}]`},
		{"names in a map stay", `"map":{"X-A":"x","X-B":["y"]},"maps":{"a":{"C":"x"}}`,
			`"map":{"X-A":"[redacted]","X-B":"[redacted]"},"maps":{"a":{"C":"[redacted]"}}`},
		{"of another type than it should be", `"code":["x"],"script":{"a":"x"},"map":"x","where":5`,
			`"code":"[redacted]","script":"[redacted]","map":"[redacted]","where":"[redacted]"`},
		{"an address", `"where":"https://u:x@h/p"`, `"where":"https://u:[redacted]@h/p"`},
		{"no address", `"where":"x"`, `"where":"[redacted]"`},
		{"no option at all", `"Code":"x","secret":"x","pcb":{"skip":[]}`, `"Code":"x","secret":"[redacted]","pcb":{"skip":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const token = `{"iss":"a","eas":{"plugins":[{"code":"x","type":5},{%s,"type":"known"}],"token":"x"}}`
			want := fmt.Sprintf(`{"iss":"a","eas":{"plugins":[{"code":"x","type":5},{%s,"type":"known"}],"token":"[redacted]"}}`, tt.want)
			if got := string(Token(fmt.Appendf(nil, token, tt.in), known)); got != want {
				t.Errorf("Token = %s, want %s", got, want)
			}
		})
	}
}

// FuzzToken: whatever a token holds, JSON comes out and no panic.
func FuzzToken(f *testing.F) {
	for _, s := range []string{`{}`, `{"eas":{"plugins":[{"type":"a"},[],null]}}`, `{"eas":[{"plugins":{}}]}`, `{"eas":{"plugins":{"type":"a"}}}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if got := Token(in, func(string) reflect.Type { return reflect.TypeFor[map[string]secret.Text]() }); !json.Valid(got) {
			t.Errorf("Token(%q) = %q, which is not JSON", in, got)
		}
	})
}
