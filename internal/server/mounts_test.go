package server

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/easgate/easgate/internal/server/mount"
	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// Over real HTTP, fixed paths come before mounts, and mounts before 404; the path of a mount is taken as it was sent.
func TestMounts(t *testing.T) {
	table, err := mount.Parse(json.RawMessage(`[
		{"path": "/Auth", "config_token_store_id": "main", "config_token_id": "open"},
		{"host": "whole.example.com", "path": "/", "config_token": ` + quoted(passwordToken) + `}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	callback := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	newFixture(t, func(c *Config) {
		c.Inherited, c.Mounts = map[string]net.Listener{MainListener: l}, table
		c.Endpoints = []Endpoint{{Methods: []string{"GET", "POST"}, Path: "/oauth/callback", Handler: callback}}
	}).run(t)
	for _, tt := range []struct {
		method, host, path, password string
		want                         int
	}{
		{"GET", "a.example.com", "/Auth/whoami", "", 200},
		{"HEAD", "a.example.com", "/Auth/whoami", "", 200},
		{"POST", "a.example.com", "/Auth/whoami", "", 405},
		{"GET", "a.example.com", "/auth/whoami", "", 404},
		{"GET", "a.example.com", "/Auth/whoami/", "", 404},
		{"GET", "a.example.com", "/whoami", "", 404},
		{"GET", "whole.example.com", "/whoami", "", 401},
		{"GET", "whole.example.com", "/whoami", "password", 200},
		{"GET", "whole.example.com", "/ping", "", 200},
		{"GET", "whole.example.com", "/verify", "password", 403}, // whatever is mounted
		{"GET", "a.example.com", "/oauth/callback", "", 418},
		{"POST", "a.example.com", "/OAuth/callback/", "", 418},
		{"PUT", "a.example.com", "/oauth/callback", "", 404},
	} {
		r, err := http.NewRequest(tt.method, "http://"+l.Addr().String()+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tt.host
		if tt.password != "" {
			r.SetBasicAuth("alice", tt.password)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if _ = res.Body.Close(); res.StatusCode != tt.want {
			t.Errorf("%s %s%s = %d %s, want %d", tt.method, tt.host, tt.path, res.StatusCode, body, tt.want)
		}
	}
}

const passwordToken = `{"eas":{"plugins":[{"type":"htpasswd","htpasswd":"alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}]}}`

// A verify listener of its own has no pages: what proxies reach is not what browsers reach.
func TestMountsAreOnTheMainListener(t *testing.T) {
	table, err := mount.Parse(json.RawMessage(`[{"path": "/", "config_token_store_id": "main", "config_token_id": "open"}]`))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.VerifyAddr, c.Mounts = "127.0.0.1:0", table })
	r := httptest.NewRequest("GET", "/whoami", nil)
	for name, tt := range map[string]struct {
		h    http.Handler
		want int
	}{"main": {f.main, 200}, "verify": {f.verifySite, 404}, "admin": {f.admin, 404}} {
		w := httptest.NewRecorder()
		if tt.h.ServeHTTP(w, r.Clone(t.Context())); w.Code != tt.want {
			t.Errorf("/whoami at %s = %d, want %d", name, w.Code, tt.want)
		}
	}
	if got := f.do(verifytest.Request("GET", verifytest.NoopToken("200"), "")).StatusCode; got != 200 {
		t.Errorf("verify = %d, want 200", got)
	}
}
