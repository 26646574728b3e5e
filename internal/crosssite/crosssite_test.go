package crosssite_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/crosssite"
)

const listed = "https://spa.example.com"

func rules(t *testing.T, c crosssite.Config) *crosssite.Rules {
	t.Helper()
	r, err := c.Rules()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// request is one to https://app.example.com with headers "Name: value".
func request(method string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "https://app.example.com/x", nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestCheck(t *testing.T) {
	own := rules(t, crosssite.Config{Origins: []string{listed}, Credentials: true})
	for _, tt := range []struct {
		name    string
		rules   *crosssite.Rules
		in      *http.Request
		session bool
		want    bool // it passes
	}{
		{"a page of the site", nil, request("POST", "Sec-Fetch-Site: same-origin", "Origin: https://app.example.com"), true, true},
		{"an older browser", nil, request("POST", "Origin: https://app.example.com"), true, true},
		{"no browser", nil, request("POST"), true, true},
		{"typed into the address bar", nil, request("POST", "Sec-Fetch-Site: none"), true, true},
		{"another site", nil, request("POST", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"), true, false},
		{"another site, an older browser", nil, request("DELETE", "Origin: https://evil.example"), true, false},
		{"a sandboxed page", nil, request("POST", "Origin: null"), true, false},
		{"another site without a session", nil, request("POST", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"), false, true},
		{"another host of the site", nil, request("POST", "Sec-Fetch-Site: same-site", "Origin: https://blog.example.com"), true, false},
		{"a link from another site", nil, request("GET", "Sec-Fetch-Site: cross-site"), true, true},
		{"a websocket of another site", nil, request("GET", "Connection: Upgrade", "Upgrade: websocket", "Origin: https://evil.example"), true, false},
		{"a websocket of the site", nil, request("GET", "Upgrade: websocket", "Origin: https://app.example.com"), true, true},
		{"one on the list", own, request("POST", "Sec-Fetch-Site: cross-site", "Origin: "+listed), true, true},
		{"a websocket of one on the list", own, request("GET", "Upgrade: websocket", "Sec-Fetch-Site: cross-site", "Origin: "+listed), true, true},
		{"one that is not", own, request("POST", "Sec-Fetch-Site: cross-site", "Origin: "+listed+".evil.example"), true, false},
		{"everybody may read, and change nothing", rules(t, crosssite.Config{Origins: []string{"*"}}),
			request("POST", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.rules.Check(tt.in, tt.session); (err == nil) != tt.want {
				t.Errorf("Check = %v, want it to pass: %v", err, tt.want)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	ask := []string{"Access-Control-Request-Method: PUT", "Origin: " + listed}
	for _, tt := range []struct {
		name     string
		rules    *crosssite.Rules
		in       *http.Request
		answered bool
		status   int
		want     map[string]string
	}{
		{"on the list", rules(t, crosssite.Config{Origins: []string{listed}, Credentials: true, Headers: []string{"X-Mine"}, MaxAge: 60}),
			request("OPTIONS", ask...), true, 204, map[string]string{
				"Access-Control-Allow-Origin": listed, "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "PUT, PATCH, DELETE",
				"Access-Control-Allow-Headers": "X-Mine", "Access-Control-Max-Age": "60", "Vary": "Origin",
			}},
		{"not on the list", rules(t, crosssite.Config{Origins: []string{"https://other.example"}}), request("OPTIONS", ask...), true, 403,
			map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": "", "Vary": "Origin"}},
		{"everybody", rules(t, crosssite.Config{Origins: []string{"*"}}), request("OPTIONS", ask...), true, 204,
			map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": ""}},
		{"no rules", nil, request("OPTIONS", ask...), false, 200, nil},
		{"the upstream answers", rules(t, crosssite.Config{Origins: []string{listed}, Preflight: "pass"}), request("OPTIONS", ask...), false, 200, nil},
		{"no preflight", rules(t, crosssite.Config{Origins: []string{listed}}), request("OPTIONS", "Origin: "+listed), false, 200, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if got := tt.rules.Preflight(w, tt.in); got != tt.answered || w.Code != tt.status {
				t.Errorf("Preflight = %v, %d, want %v, %d", got, w.Code, tt.answered, tt.status)
			}
			for name, want := range tt.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if pass := tt.rules.Passes(tt.in); pass != (tt.name == "the upstream answers") {
				t.Errorf("Passes = %v", pass)
			}
		})
	}
}

func TestApply(t *testing.T) {
	r := rules(t, crosssite.Config{Origins: []string{listed}, Credentials: true, ExposeHeaders: []string{"X-Total"}})
	for origin, want := range map[string]string{listed: listed, "https://evil.example": "", "": ""} {
		h := http.Header{"Access-Control-Allow-Origin": {"*"}, "Access-Control-Expose-Headers": {"X-Theirs"}, "Vary": {"Accept"}}
		in := request("GET")
		if origin != "" {
			in.Header.Set("Origin", origin)
		}
		r.Apply(h, in)
		if got := h.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: %q, want %q", origin, got, want)
		}
		if got := h.Get("Access-Control-Expose-Headers"); (got == "X-Total") != (want != "") || got == "X-Theirs" {
			t.Errorf("%s: exposes %q", origin, got)
		}
		if got := strings.Join(h["Vary"], ","); got != "Accept,Origin" {
			t.Errorf("Vary: %q", got)
		}
	}
	h := http.Header{"Access-Control-Allow-Origin": {"theirs"}}
	rules(t, crosssite.Config{Origins: []string{listed}, Preflight: "pass"}).Apply(h, request("GET", "Origin: "+listed))
	if h.Get("Access-Control-Allow-Origin") != "theirs" {
		t.Error("what the upstream says of itself is gone")
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]crosssite.Config{
		"credentials for everybody": {Origins: []string{"*"}, Credentials: true},
		"the same, beside others":   {Origins: []string{listed, "*"}, Credentials: true},
		"nobody":                    {},
		"a path":                    {Origins: []string{listed + "/"}},
		"a port that is left out":   {Origins: []string{listed + ":443"}},
		"capitals":                  {Origins: []string{"https://SPA.example.com"}},
		"a host":                    {Origins: []string{"spa.example.com"}},
		"null":                      {Origins: []string{"null"}},
		"a pattern":                 {Origins: []string{"https://*.example.com"}},
		"a header with a newline":   {Origins: []string{listed}, Headers: []string{"X\r\nY: z"}},
		"no word for preflights":    {Origins: []string{listed}, Preflight: "deny"},
		"longer than a day":         {Origins: []string{listed}, MaxAge: 86401},
	} {
		if _, err := c.Rules(); err == nil {
			t.Errorf("%s: rules, want an error", name)
		}
	}
}
