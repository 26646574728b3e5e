//go:build linux && integration

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/testserver"
)

// The first minute: a browser that logs in, sees who it is, and logs out.
func TestDemoInABrowser(t *testing.T) {
	site, _, stop := demoRun(t, filepath.Join(t.TempDir(), ".easgate"))
	b := testserver.Chromium(t, "")
	b.Open(site + "/")
	b.Screenshot("start")
	b.Open(site + "/login/deep?link=a%20b")
	if !strings.Contains(b.Text(), "Who are you?") {
		t.Fatalf("%s: %s", b.URL(), b.Text())
	}
	b.Screenshot("provider")
	b.Click("alice")
	if b.URL() != site+"/login/deep?link=a%20b" || !strings.Contains(b.Text(), "Alice Liddell") {
		t.Fatalf("%s: %s", b.URL(), b.Text())
	}
	b.Screenshot("logged in")
	if strings.Contains(b.Text(), "_eas_oauth_session") {
		t.Error("the application sees the session's cookie")
	}
	b.Click("logout")
	if b.URL() != site+"/" {
		t.Errorf("after the logout: %s", b.URL())
	}
	b.Open(site + "/login/")
	if !strings.Contains(b.Text(), "Who are you?") {
		t.Errorf("after the logout: %s", b.Text())
	}
	b.Click("refuse")
	b.Screenshot("refused")
	if !strings.Contains(b.URL(), site) || strings.Contains(b.Text(), "called as") {
		t.Errorf("refused: %s: %s", b.URL(), b.Text())
	}
	if code := stop(); code != 0 {
		t.Errorf("the demo exits with %d", code)
	}
}
