package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

// What an operator looks for at night: which store, which service, and how its calls went.
func TestServeMetrics(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			_, _ = io.WriteString(w, `{"keys":[]}`)
		}
	}))
	t.Cleanup(service.Close)
	dir := t.TempDir()
	database, ring, token := filepath.Join(dir, "tokens.sqlite"), filepath.Join(dir, "ring.json"), filepath.Join(dir, "token.json")
	if err := os.WriteFile(token, []byte(openToAll), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"EAS_KEYRING_FILE=" + ring, "EAS_METRICS_ON_MAIN=true",
		fmt.Sprintf(`EAS_CONFIG_TOKEN_STORES={"main":{"adapter":"sql","options":{"config":{"client":"sqlite3","connection":{"filename":%q}},"query":"SELECT id, token FROM config_tokens WHERE id = ? AND revoked != 1","cache_ttl":60}}}`, database)}
	command := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		c := &cli.CLI{In: strings.NewReader(""), Out: &out, Err: &errs, Env: env, Now: time.Now}
		if code := run(t.Context(), c, args); code != 0 {
			t.Fatalf("%v exits with %d: %s", args, code, &errs)
		}
		return strings.TrimSpace(out.String())
	}
	command("keys", "new", "--out", ring)
	command("store", "init", "main")
	command("store", "put", "main", "app", token)
	seal := func(plugin string) string { return sealed(t, `{"eas":{"plugins":[`+plugin+`]}}`, env...) }
	r := start(t, env...)
	ask := func(token string, headers ...string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/verify?config_token="+url.QueryEscape(token), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range append(headers, "X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: secret.example.com", "X-Forwarded-Uri: /secret") {
			name, v, _ := strings.Cut(h, ": ")
			req.Header.Set(name, v)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	app := command("token", "pointer", "main", "app")
	ask(app)
	ask(app)
	ask(command("token", "pointer", "main", "secret-id"))
	ask(seal(`{"type":"forward","url":"` + service.URL + `/secret"}`))
	ask(seal(`{"type":"forward","url":"http://127.0.0.1:1/secret"}`))
	ask(seal(`{"type":"ldap","connection":{"url":"ldaps://127.0.0.1:1","bindDN":"cn=secret","bindCredentials":"secret","searchBase":"dc=secret","searchFilter":"(uid={{username}})"}}`),
		"Authorization: Basic c2VjcmV0OnNlY3JldA==")
	// {"alg":"RS256","kid":"secret"}.{"sub":"secret"}
	ask(seal(`{"type":"jwt","config":{"secret":"`+service.URL+`/jwks","options":{"algorithms":["RS256"]}}}`),
		"Authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6InNlY3JldCJ9.eyJzdWIiOiJzZWNyZXQifQ.c2VjcmV0")

	res, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`easgate_build_info\{goversion="go[^"]*",revision="[^"]*",version="dev"\} 1`,
		`easgate_store_lookup_seconds_count\{result="found",store="main"\} 1`,
		`easgate_store_lookup_seconds_count\{result="absent",store="main"\} 1`,
		`easgate_store_cache_total\{result="hit"\} 1`,
		`easgate_store_cache_total\{result="miss"\} 2`,
		`easgate_call_seconds_count\{result="ok",service="forward"\} 1`,
		`easgate_call_seconds_count\{result="error",service="forward"\} 1`,
		`easgate_call_seconds_count\{result="error",service="ldap"\} 1`,
		`easgate_call_seconds_count\{result="[a-z]*",service="jwks"\} 1`,
		`easgate_cache_total\{cache="url",result="hit"\} 1`,
		`easgate_cache_total\{cache="url",result="miss"\} 6`,
		`easgate_cache_total\{cache="token",result="hit"\} 2`,
		`easgate_cache_total\{cache="token",result="miss"\} 7`,
		`easgate_cache_total\{cache="pipeline",result="miss"\} 5`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).Match(text) {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(string(text), "secret") || strings.Contains(string(text), "127.0.0.1") {
		t.Errorf("somebody's secret is a label:\n%s", text)
	}
	if t.Failed() {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "easgate_") && !strings.Contains(line, "_bucket") {
				t.Log(line)
			}
		}
	}
}
