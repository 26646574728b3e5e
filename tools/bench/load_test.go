package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

func TestLoadText(t *testing.T) {
	l := verify("config_token=x", map[string]string{"Authorization": "Bearer " + hole, "Accept": "text/html"})
	text := l.text()
	if strings.Count(text, hole) != 1 {
		t.Fatalf("text() = %q, want one hole", text)
	}
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, hole, "y"))))
	if err != nil {
		t.Fatal(err)
	}
	if req.RequestURI != "/verify?proxy=nginx&config_token=x" || req.Host != "auth.example.com" || req.Header.Get("X-Forwarded-Host") != "app.example.com" {
		t.Errorf("text() = %q", text)
	}
	// The client's own header takes the place of the usual one.
	if got := req.Header.Values("Accept"); len(got) != 1 || got[0] != "text/html" {
		t.Errorf("Accept = %q, want text/html alone", got)
	}
	if l.text() != text {
		t.Error("two servers would get different bytes")
	}
}

func TestLoadScript(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		in   load
		want string
	}{
		{"always the same", verify("x", nil), "function wrk.format() return text end"},
		{"fills", load{path: "/verify?" + hole, fills: []string{"a", "b"}}, "requests[n] = before .. fill .. after"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script, err := tt.in.lua(dir)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(text); !strings.Contains(got, tt.want) || strings.Contains(got, hole) {
				t.Errorf("lua() = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFirst(t *testing.T) {
	var asked atomic.Value
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Host + r.URL.String() + " " + r.Header.Get("Authorization"))
		w.WriteHeader(status)
	}))
	defer s.Close()
	l := load{path: "/verify?x=1", headers: map[string]string{"Authorization": "Bearer " + hole}, fills: []string{"a", "b"}}
	if err := l.first(s.URL); err != nil || asked.Load() != "auth.example.com/verify?x=1 Bearer a" {
		t.Errorf("first() = %v, asked %q", err, asked.Load())
	}
	// A login page is no allow.
	for _, status = range []int{http.StatusFound, http.StatusNoContent, http.StatusUnauthorized, http.StatusServiceUnavailable} {
		if err := l.first(s.URL); err == nil {
			t.Errorf("first(%d) = nil, want an error", status)
		}
	}
}
