package tokenhandler

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var key32 = strings.Repeat("k", 32)

// base is the least that go-token-handler needs.
func base(more ...string) []string {
	return append([]string{
		"OIDC_ISSUER=https://op.example.com", "OIDC_CLIENT_ID=app", "OIDC_CLIENT_SECRET=s3cret", "DB_NAME=sessions.db",
		"OIDC_REDIRECT_URL=https://app.example.com/callback", "OIDC_POST_LOGIN_REDIRECT_URL=https://www.example.com/in",
		"OIDC_POST_LOGOUT_REDIRECT_URL=https://www.example.com/out", "SESSION_AUTH_SECRET=" + key32,
	}, more...)
}

func translate(t *testing.T, s Sources) (*Translation, error) {
	t.Helper()
	g, err := Read(s)
	if err != nil {
		return nil, err
	}
	return Translate(g)
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct{ name, env, want string }{
		{"no secret", "SESSION_AUTH_SECRET=", "SESSION_AUTH_SECRET: required"},
		{"the default secret", "SESSION_AUTH_SECRET=" + publicSecret, "SESSION_AUTH_SECRET: this is go-token-handler's default"},
		{"the default secret as the old one", "SESSION_OLD_AUTH_SECRET=" + publicSecret, "SESSION_OLD_AUTH_SECRET: this is go-token-handler's default"},
		{"a short secret", "SESSION_AUTH_SECRET=foo", "SESSION_AUTH_SECRET: want 32 or 64 bytes, got 3"},
		{"a long encryption key", "SESSION_ENC_SECRET=" + key32 + "x", "SESSION_ENC_SECRET: want 16, 24 or 32 bytes, got 33"},
		{"an old encryption key", "SESSION_OLD_ENC_SECRET=x", "SESSION_OLD_ENC_SECRET: want 16, 24 or 32 bytes, got 1"},
		{"a database key", "SESSION_DB_KEY=x", "SESSION_DB_KEY: want 32 bytes, got 1"},
		{"an old database key", "SESSION_OLD_DB_KEY=x", "SESSION_OLD_DB_KEY: want 32 bytes, got 1"},
		{"production at localhost", "IS_PRODUCTION=true", "COOKIE_DOMAIN: localhost is not for production"},
		{"no boolean", "IS_PRODUCTION=maybe", "IS_PRODUCTION: want true or false"},
		{"no issuer", "OIDC_ISSUER=", "OIDC_ISSUER: required"},
		{"an issuer that is no URL", "OIDC_ISSUER=op", "OIDC_ISSUER: want an http or https URL"},
		{"no client", "OIDC_CLIENT_ID=", "OIDC_CLIENT_ID: required"},
		{"no client secret", "OIDC_CLIENT_SECRET=", "OIDC_CLIENT_SECRET: required"},
		{"no database", "DB_NAME=", "DB_NAME: required"},
		{"another database", "DB_TYPE=oracle", `DB_TYPE: want sqlite or postgresql, got "oracle"`},
		{"PostgreSQL without a host", "DB_TYPE=postgresql", "DB_HOST: want a host"},
		{"a callback without a path", "OIDC_REDIRECT_URL=https://app.example.com", "OIDC_REDIRECT_URL: want a URL with a path"},
		{"a listener", "LISTEN_ADDR=9080", "LISTEN_ADDR: want host:port"},
		{"a level", "LOG_LEVEL=loud", "LOG_LEVEL: want debug, info, warn or error"},
		{"no proxy file", "PROXY_CONFIG=/nowhere.yaml", "PROXY_CONFIG: open /nowhere.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name, _, _ := strings.Cut(tt.env, "=")
			var env []string
			for _, kv := range base() {
				if !strings.HasPrefix(kv, name+"=") {
					env = append(env, kv)
				}
			}
			_, err := translate(t, Sources{Env: append(env, tt.env)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Translate = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestTranslate(t *testing.T) {
	dir := t.TempDir()
	proxies := filepath.Join(dir, "proxy.yaml")
	err := os.WriteFile(proxies, []byte("proxies:\n- endpoint: /proxy/\n  target: http://127.0.0.1:9081/base\n  parameters: "+
		"{idle-conn-timeout: 120s, max-idle-conns: 100, keep-alive: 30s, timeout: 90s}\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := translate(t, Sources{Env: base("COOKIE_DOMAIN=example.com", "COOKIE_NAME=sid", "LISTEN_ADDR=127.0.0.1:1234", "LOG_LEVEL=WARNING",
		"DB_TYPE=postgresql", "DB_HOST=db:5433", "DB_USERNAME=u", "DB_PASSWORD=p", "IS_PRODUCTION=1", "SESSION_ENC_SECRET="+key32[:16],
		"SESSION_DB_KEY="+strings.Repeat("d", 32), "PROXY_CONFIG="+proxies)})
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(tr.Settings)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(tr.Pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"addr":"127.0.0.1"`, `"port":"1234"`, `"admin_addr":"off"`, `"log_level":"warn"`, `"client":"pg"`, `"host":"db"`, `"port":5433`,
		`"session_encrypt_secret":"ddd`, `"session_encrypt_secret_old":"kkk`, `"cookie_encrypt_secret":"kkk`, `"issuer_sign_secret":"kkk`,
		`"path":"/proxy"`, `"url":"http://127.0.0.1:9081/base"`, `"strip_prefix":true`, `"connections":100`, `"idle_timeout":"120s"`,
		`"connect_timeout":"90s"`, `"origin":"https://app.example.com"`,
	} {
		if !strings.Contains(string(settings), want) {
			t.Errorf("no %s in the settings", want)
		}
	}
	for _, want := range []string{
		`"name":"sid"`, `"domain":"example.com"`, `"origins":["https://app.example.com","https://www.example.com"]`, `"credentials":true`,
		`"session_expiry":1800`, `"authorization_token":"access_token"`, `"callback":["/callback"]`,
	} {
		if !strings.Contains(string(claims), want) {
			t.Errorf("no %s in %s", want, claims)
		}
	}
	cfg, _, err := tr.Config([]string{"EAS_ADMIN_ADDR=127.0.0.1:0", "EAS_PORT=9"})
	if err != nil || cfg.AdminAddr != "127.0.0.1:0" || cfg.Port != 1234 {
		t.Errorf("Config = %v %v", cfg.AdminAddr, err)
	}
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"/proxy": "", "/": "", "/login": "own", "/callback/": "own", "/oauth/x": "own", "/verify": "own", "x": "slash", "/verifyx": "", "/loginx": "",
	} {
		p := proxy{Endpoint: endpoint, Target: "http://127.0.0.1"}
		r, err := p.route()
		if err == nil {
			err = (&translator{}).free(r.path)
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
}

// The file is weaker than variables, and these than flags; both spellings of a flag are one.
func TestSources(t *testing.T) {
	dir := t.TempDir()
	text := "# ours\nexport COOKIE_NAME=\"from file\" # said\noidc_client_id='a#b'\nDB_HOST=file #x\nLOG_LEVEL=debug\n"
	if err := os.WriteFile(filepath.Join(dir, "token_handler"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := &cobra.Command{RunE: func(*cobra.Command, []string) error { return nil }}
	given := flags(cmd)
	cmd.SetArgs([]string{"--oidc_issuer=https://a", "--db-username", "b", "--is_production", "--log_level=error"})
	cmd.SetOut(io.Discard)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	g, err := Read(Sources{Dirs: []string{"/nowhere", dir}, Env: []string{"DB_HOST=env", "LOG_LEVEL=warn", "DB_NAME="}, Flags: given})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"COOKIE_NAME": "from file", "OIDC_CLIENT_ID": "a#b", "DB_HOST": "env", "LOG_LEVEL": "error", "OIDC_ISSUER": "https://a",
		"DB_USERNAME": "b", "IS_PRODUCTION": "true", "DB_TYPE": "sqlite",
	} {
		if got := g.text(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "token_handler"), []byte("OIDC_ISUER=x\nnothing\nDB_NAME=\"x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Read(Sources{Dirs: []string{dir}})
	for _, want := range []string{"token_handler:1: ", "OIDC_ISUER", "token_handler:2: want KEY=value", "token_handler:3: DB_NAME: a quote is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read = %v, want %s", err, want)
		}
	}
}
