package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
)

// demoRun runs the demo in dir until the test ends.
func demoRun(t *testing.T, dir string) (site string, lines []string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	c := &cli.CLI{In: strings.NewReader(""), Out: write, Err: io.Discard, Now: time.Now}
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, c, []string{"demo", "--dir", dir, "--port", "0", "--service-port", "0"})
		_ = write.Close()
	}()
	t.Cleanup(cancel)
	scan := bufio.NewScanner(read)
	for scan.Scan() {
		lines = append(lines, scan.Text())
		if m := regexp.MustCompile(`Open in a browser: +(\S+)/`).FindStringSubmatch(scan.Text()); m != nil {
			site = m[1]
		}
		if strings.HasPrefix(scan.Text(), "Ctrl-C") {
			break
		}
	}
	if site == "" {
		t.Fatalf("demo ended with %d", <-done)
	}
	go func() {
		for scan.Scan() {
		}
	}()
	return site, lines, func() int { cancel(); return <-done }
}

type want struct {
	status int
	text   string
}

func fetch(t *testing.T, url, user, password string, header ...string) want {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return want{res.StatusCode, string(text)}
}

// What make run promises: allowed, denied, through a pointer token, revoked while it runs; and all of it stops.
func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".easgate")
	site, lines, stop := demoRun(t, dir)
	tests := []struct {
		name           string
		path           string
		user, password string
		header         []string
		want           want
	}{
		{"open to all", "/", "", "", nil, want{200, "called as nobody in particular"}},
		{"no credentials", "/private/", "", "", nil, want{401, ""}},
		{"alice", "/private/", "alice", "wonderland", nil, want{200, "called as alice"}},
		{"a guess", "/private/", "alice", "guess", nil, want{401, ""}},
		{"a key through a pointer token", "/team/", "", "", []string{"X-Api-Key", "robot-key"}, want{200, "called as robot"}},
		{"a password through a pointer token", "/team/", "alice", "wonderland", nil, want{200, "called as alice"}},
		{"bob", "/partner/", "bob", "builder", nil, want{200, "called as bob"}},
		{"bob elsewhere", "/private/", "bob", "builder", nil, want{401, ""}},
		// What the client says about itself must not get through.
		{"a forged identity", "/", "", "", []string{"X-Auth-User", "root"}, want{200, "called as nobody in particular"}},
		{"a forged path", "/private/", "", "", []string{"X-Forwarded-Uri", "/", "X-Original-Url", "http://h/"}, want{401, ""}},
		{"a path that leads elsewhere", "/team/%2e%2e/private/", "", "", nil, want{400, ""}},
		{"a page", "/", "", "", []string{"Accept", "text/html"}, want{200, "<main id=\"content\">"}},
		{"a page for the denied", "/private/", "", "", []string{"Accept", "text/html"}, want{401, "<h1>"}},
		{"whoever is not logged in, at the provider's page", "/login/", "", "", []string{"Accept", "text/html"}, want{200, "Alice Liddell"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fetch(t, site+tt.path, tt.user, tt.password, tt.header...)
			if got.status != tt.want.status || !strings.Contains(got.text, tt.want.text) {
				t.Errorf("GET %s = %d %.300q, want %d %q", tt.path, got.status, got.text, tt.want.status, tt.want.text)
			}
		})
	}

	// The line that it prints is the line that works.
	revoke := ""
	for _, l := range lines {
		if _, args, ok := strings.Cut(l, " store revoke "); ok {
			revoke = "store revoke " + args
		}
	}
	c := testCLI()
	if code := run(t.Context(), c, strings.Fields(revoke)); code != 0 {
		t.Fatalf("%q exits with %d", revoke, code)
	}
	if got := fetch(t, site+"/partner/", "bob", "builder"); got.status != http.StatusServiceUnavailable {
		t.Errorf("GET /partner/ after its token was revoked = %d, want 503", got.status)
	}
	if got := fetch(t, site+"/team/", "alice", "wonderland"); got.status != http.StatusOK {
		t.Errorf("GET /team/ after another token was revoked = %d, want 200", got.status)
	}
	if code := stop(); code != 0 {
		t.Errorf("demo exits with %d, want 0", code)
	}

	// A second run keeps the keys, and everything works again.
	before, err := os.ReadFile(filepath.Join(dir, "keyring.json"))
	if err != nil {
		t.Fatal(err)
	}
	site, _, stop = demoRun(t, dir)
	if got := fetch(t, site+"/partner/", "bob", "builder"); got.status != http.StatusOK {
		t.Errorf("GET /partner/ in the next run = %d, want 200", got.status)
	}
	if code := stop(); code != 0 {
		t.Errorf("the second demo exits with %d, want 0", code)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "keyring.json")); err != nil || string(after) != string(before) {
		t.Errorf("the keyring was overwritten (%v)", err)
	}
	for _, name := range []string{"keyring.json", "easgate.yaml", "tokens.sqlite"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != files.Private {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
}
