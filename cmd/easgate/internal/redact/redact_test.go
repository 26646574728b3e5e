package redact

import "testing"

func TestJSON(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"nothing secret", `{"b":1.50,"a":[true,null,"x<y"]}`, `{"b":1.50,"a":[true,null,"x<y"]}`},
		{"htpasswd", `{"type":"htpasswd","htpasswd":"u:{SHA}x","realm":"r"}`, `{"type":"htpasswd","htpasswd":"[redacted]","realm":"r"}`},
		{"any spelling", `{"bindCredentials":"a","client_secret":"b","Client-Secret":"c","clientSecret":"d","DB_PASSWORD":"e"}`, `{"bindCredentials":"[redacted]","client_secret":"[redacted]","Client-Secret":"[redacted]","clientSecret":"[redacted]","DB_PASSWORD":"[redacted]"}`},
		{"numbers and objects too", `{"password":1234,"secret":{"keys":[1]}}`, `{"password":"[redacted]","secret":"[redacted]"}`},
		{"nothing there", `{"password":"","secret":null,"secrets":true}`, `{"password":"","secret":null,"secrets":true}`},
		{"a key set's address", `{"secret":"https://idp.example.com/jwks"}`, `{"secret":"https://idp.example.com/jwks"}`},
		{"an address with a password", `{"secret":"https://u:p@idp.example.com/jwks","url":"postgres://u:p@db/x"}`, `{"secret":"[redacted]","url":"postgres://u:[redacted]@db/x"}`},
		// What a client must present is the secret itself, whatever its header is called.
		{"request_header", `{"type":"request_header","headers":{"X-A":"v","X-B":["w"]}}`, `{"type":"request_header","headers":{"X-A":"[redacted]","X-B":"[redacted]"}}`},
		{"request_param", `{"params":{"k":"v"},"type":"request_param"}`, `{"params":{"k":"[redacted]"},"type":"request_param"}`},
		{"headers elsewhere", `{"type":"noop","headers":{"X-A":"v"}}`, `{"type":"noop","headers":{"X-A":"v"}}`},
		{"ids of tokens are no tokens", `{"config_token_id":"a","config_token_store_id":"b"}`, `{"config_token_id":"a","config_token_store_id":"b"}`},
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
