package shadow

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
)

func TestCompare(t *testing.T) {
	is := func(status int, pairs ...string) *answer {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return &answer{status: status, header: h}
	}
	withBody := func(a *answer, body string) *answer { a.body = []byte(body); return a }
	none := &answer{err: errors.New("timeout")}
	tests := []struct {
		name         string
		eas, easgate *answer
		want         agreement
		says         string
	}{
		{"the same", is(200, "X-A", "1"), is(200, "X-A", "1"), same, ""},
		{"what every server decides for itself", is(200, "Etag", "1", "Date", "x"), is(200, "X-Eas-Decision-Id", "2", "Cache-Control", "no-store"), same, ""},
		{"JSON in another order", is(200, "X-A", `{"a":1,"b":2}`), is(200, "X-A", `{"b":2, "a":1}`), same, ""},
		{"an identity header without a value", is(200), is(200, "X-Userinfo", ""), same, ""},
		{"cookie values", is(401, "Set-Cookie", "s=1"), is(401, "Set-Cookie", "s=2"), same, ""},
		{"the type of an empty body", is(401, "Content-Type", "text/plain"), is(401), same, ""},
		{"another denial", is(401), is(403), answers, "status 401 403"},
		{"another header", is(200, "X-A", "secret"), is(200, "X-A", "secrets"), answers, "header X-A 6 bytes 7 bytes"},
		{"a header more", is(200), is(200, "X-A", "1"), answers, "header X-A none 1 bytes"},
		{"another cookie", is(401, "Set-Cookie", "s=1"), is(401), answers, `cookies  "s" `},
		{"another body", withBody(is(401), "no"), withBody(is(401), "nope"), answers, "body  2 bytes 4 bytes"},
		{"denied here", is(204), is(503), denies, "status 204 503"},
		{"denied here by silence", is(200), none, denies, "answer"},
		{"allowed here", is(401), is(200), allowsMore, "status 401 200"},
		{"allowed here, silence there", none, is(200), failed, "no answer: timeout 200"},
		{"a redirect is no allow", is(302), is(200), allowsMore, ""},
		{"silence there", none, is(503), failed, "no answer: timeout 503"},
		{"silence on both sides", none, none, failed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, list := compare(tt.eas, tt.easgate, false)
			var says []string
			for _, d := range list {
				says = append(says, d.What+" "+d.Name+" "+d.EAS+" "+d.Easgate)
			}
			text := strings.ReplaceAll(strings.Join(says, ", "), "status  ", "status ")
			if got != tt.want || !strings.Contains(text, tt.says) || (got == same) != (len(list) == 0) {
				t.Errorf("compare() = %s %q, want %s %q", got, text, tt.want, tt.says)
			}
			if strings.Contains(text, "secret") {
				t.Errorf("compare() shows a value: %q", text)
			}
		})
	}
}

// What a client library would repair goes over the wire as it was recorded, to both.
func TestShadowReplay(t *testing.T) {
	type seen struct {
		uri, host, ua string
		two           []string
		body          string
	}
	var got [2]seen
	serve := func(i, status int) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got[i] = seen{r.RequestURI, r.Host, r.Header.Get("User-Agent"), r.Header["X-Two"], string(body)}
			w.WriteHeader(status)
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	in := `{"method": "PUT", "path_and_query": "/verify?config_token=hunter2&x={", "body": "é",
		"headers": {"Host": "h", "X-Two": ["1", "é"], "Connection": "close", "X-Forwarded-Uri": "/a?key=hunter2", "X-Forwarded-Host": "app", "X-Forwarded-Proto": "https"}}
		{"id": "other", "request": {"path_and_query": "/verify?y"}, "env": {"A": "1"}}`
	var out, errs strings.Builder
	c := newCLI()
	c.In, c.Out, c.Err = strings.NewReader(in), &out, &errs
	code := c.Run(t.Context(), New(c), []string{"--eas", serve(0, 401), "--easgate", serve(1, 200), "--easgate-params", "proxy=nginx", "-"})
	if code != cli.ExitNo {
		t.Fatalf("shadow exits with %d, want %d: %s", code, cli.ExitNo, &errs)
	}
	want := seen{"/verify?config_token=hunter2&x={", "h", "", []string{"1", "\xe9"}, "é"}
	for i, uri := range []string{want.uri, want.uri + "&proxy=nginx"} {
		w := want
		w.uri = uri
		if g := got[i]; g.uri != w.uri || g.host != w.host || g.ua != w.ua || !slices.Equal(g.two, w.two) || g.body != w.body {
			t.Errorf("server %d saw %q, want %q", i, g, w)
		}
	}
	for _, text := range []string{`UNSAFE   #1 "PUT" "https://app/a?…"`, "status: EAS 401, easgate 200", "1 UNSAFE", "1 skipped"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("shadow does not say %q:\n%s", text, &out)
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("shadow shows a secret:\n%s", &out)
	}
}

func TestShadowRefuses(t *testing.T) {
	dead := "http://127.0.0.1:1"
	tests := []struct {
		name, in string
		args     []string
		exits    int
		says     string
	}{
		{"no peers", "", []string{"-"}, cli.ExitUsage, "both are needed"},
		{"no requests", "", []string{"--eas", dead, "--easgate", dead}, cli.ExitUsage, "want a FILE"},
		{"a URL that is none", "", []string{"--eas", "eas:8080", "--easgate", dead, "-"}, cli.ExitUsage, "want a URL"},
		{"both ways", "", []string{"--eas", dead, "--easgate", dead, "--listen", ":0", "-"}, cli.ExitUsage, "leave out the files"},
		{"recording a replay", "", []string{"--eas", dead, "--easgate", dead, "--record", "x", "-"}, cli.ExitUsage, "--listen"},
		{"no JSON", "GET /verify", []string{"--eas", dead, "--easgate", dead, "-"}, cli.ExitFailure, "request 1: not JSON"},
		{"no path", `{"path_and_query": "verify"}`, []string{"--eas", dead, "--easgate", dead, "-"}, cli.ExitFailure, "want /verify"},
		{"a smuggled line", `{"path_and_query": "/verify HTTP/1.1\r\nX: y"}`, []string{"--eas", dead, "--easgate", dead, "-"}, cli.ExitFailure, "want /verify"},
		{"a header that is none", `{"path_and_query": "/verify", "headers": {"X": 1}}`, []string{"--eas", dead, "--easgate", dead, "-"}, cli.ExitFailure, "headers.X"},
		{"nobody there", `{"path_and_query": "/verify?config_token=hunter2"}`, []string{"--eas", dead, "--easgate", dead, "-"}, cli.ExitSilent, "did not answer 1 of 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			c := newCLI()
			c.In, c.Out, c.Err = strings.NewReader(tt.in), &out, &out
			code := c.Run(t.Context(), New(c), tt.args)
			if code != tt.exits || !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), "hunter2") {
				t.Errorf("shadow %v exits with %d, want %d and %q:\n%s", tt.args, code, tt.exits, tt.says, &out)
			}
		})
	}
}

// While external-auth-server is down an allow of easgate is no finding; that it is down is said once.
func TestShadowSilence(t *testing.T) {
	easgate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer easgate.Close()
	var out strings.Builder
	c := newCLI()
	c.In, c.Out, c.Err = strings.NewReader(strings.Repeat(`{"path_and_query": "/verify"}`+"\n", 5)), &out, &out
	code := c.Run(t.Context(), New(c), []string{"--eas", "http://127.0.0.1:1", "--easgate", easgate.URL, "-"})
	if code != cli.ExitSilent || strings.Contains(out.String(), "UNSAFE   #") || strings.Count(out.String(), "EAS no answer") != 1 ||
		!strings.Contains(out.String(), "0 UNSAFE, 5 without an answer") || !strings.Contains(out.String(), "did not answer 5 of 5 requests") {
		t.Errorf("shadow exits with %d, want %d:\n%s", code, cli.ExitSilent, &out)
	}
}

// The proxy gets external-auth-server's answer as it is, whatever easgate does, and easgate is asked afterwards.
func TestMirror(t *testing.T) {
	eas := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "s=1")
		w.Header().Add("Location", "https://login.example.com/")
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte("go there"))
	}))
	defer eas.Close()
	// This one answers when the test says so: were the proxy's answer to wait for it, the test would never get so far.
	asked, release := make(chan string, 10), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.RequestURI + " " + r.Header.Get("X-Forwarded-Uri")
		<-release
	}))
	defer slow.Close()

	record := filepath.Join(t.TempDir(), "recorded.jsonl")
	var out strings.Builder
	done, url, stop := startMirror(t, &out, "--eas", eas.URL, "--easgate", slow.URL, "--queue", "1", "--parallel", "1", "--record", record, "--json")
	ask := func() *http.Response {
		req, err := http.NewRequest(http.MethodPost, url+"/verify?config_token=x{", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-Uri", "/a")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	res := ask()
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "https://login.example.com/" || res.Header.Get("Set-Cookie") != "s=1" {
		t.Errorf("the mirror answers %d %v", res.StatusCode, res.Header)
	}
	if got := <-asked; got != "POST /verify?config_token=x{ /a" {
		t.Errorf("easgate was asked %q", got)
	}
	// One is with easgate, one waits, and the others are answered all the same.
	for range 5 {
		ask()
	}
	close(release)
	stop()
	if code := <-done; code != cli.ExitNo {
		t.Errorf("shadow exits with %d, want %d: easgate allowed\n%s", code, cli.ExitNo, &out)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var summary struct{ Summary counts }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &summary); err != nil {
		t.Fatal(err)
	}
	if want := (counts{Requests: 2, Unsafe: 2, Skipped: 4}); summary.Summary != want {
		t.Errorf("summary = %+v, want %+v\n%s", summary.Summary, want, &out)
	}
	text, err := os.ReadFile(record)
	if err != nil || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), `"path_and_query":"/verify?config_token=x{"`) {
		t.Errorf("recorded %q, %v", text, err)
	}
}

// Without external-auth-server nobody gets in.
func TestMirrorDenies(t *testing.T) {
	easgate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer easgate.Close()
	var out strings.Builder
	done, url, stop := startMirror(t, &out, "--eas", "http://127.0.0.1:1", "--easgate", easgate.URL)
	res, err := http.Get(url + "/verify")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("the mirror answers %d, want 502", res.StatusCode)
	}
	stop()
	if code := <-done; code != cli.ExitSilent {
		t.Errorf("shadow exits with %d, want %d", code, cli.ExitSilent)
	}
}

func startMirror(t *testing.T, out io.Writer, args ...string) (done <-chan int, url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	c := newCLI()
	c.Out, c.Err = out, write
	ended := make(chan int, 1)
	go func() {
		ended <- c.Run(ctx, New(c), append([]string{"--listen", "127.0.0.1:0"}, args...))
		_ = write.Close()
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), " at ")
	if err != nil || !ok {
		t.Fatalf("shadow says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	return ended, url, cancel
}

func newCLI() *cli.CLI {
	return &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Now: time.Now}
}
