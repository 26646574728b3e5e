package verify_test

import (
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/server/verify/verifytest"
)

// A verify URL has at most 64 KB behind its question mark.
func TestVerifyURLIsBounded(t *testing.T) {
	f := verifytest.New(t, nil)
	for _, tt := range []struct {
		name   string
		length int
		want   int
	}{
		{"at the bound", 64 << 10, 200},
		{"one byte beyond", 64<<10 + 1, 503},
		{"far beyond", 1 << 20, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := verifytest.Request("GET", verifytest.NoopToken("200"), "&pad=")
			r.URL.RawQuery += strings.Repeat("x", tt.length-len(r.URL.RawQuery))
			for range 2 { // what is remembered of the URL is bounded as well
				if got := f.Do(r).StatusCode; got != tt.want {
					t.Errorf("status = %d, want %d", got, tt.want)
				}
			}
		})
	}
}

// The headers of a reply are at most 16 KB together, counted as HTTP/1.1 writes them.
func TestReplyHeadersAreBounded(t *testing.T) {
	f := verifytest.New(t, nil)
	for _, tt := range []struct {
		name   string
		length int
		want   int
	}{
		{"at the bound", 16 << 10, 200},
		{"one byte beyond", 16<<10 + 1, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const one, two = "X-One: 1\r\n", "X-Two: \r\n"
			pad := strings.Repeat("x", tt.length-len(one)-len(two))
			res := f.Do(verifytest.Request("GET", `{"eas":{"plugins":[{"type":"noop"}],"custom_service_headers":{
				"X-One":{"source":"static","query":"1"},"X-Two":{"source":"static","query":"`+pad+`"}}}}`, ""))
			if res.StatusCode != tt.want || len(res.Header.Get("X-Two")) != map[int]int{200: len(pad)}[tt.want] {
				t.Errorf("status = %d with %d bytes in X-Two, want %d", res.StatusCode, len(res.Header.Get("X-Two")), tt.want)
			}
		})
	}
}

// ATTACKS 72: what rules look at one by one is bounded, however many lines the cookies come in.
func TestCookiesAreBounded(t *testing.T) {
	f := verifytest.New(t, nil)
	for _, tt := range []struct {
		name  string
		lines []string
		want  int
	}{
		{"at the bound", []string{strings.Repeat("a=1; ", 1000-1) + "a=1"}, 200},
		{"one more", []string{strings.Repeat("a=1; ", 1000) + "a=1"}, 403},
		{"one more in a line of its own", []string{strings.Repeat("a=1; ", 1000-1) + "a=1", "b=1"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := verifytest.Request("GET", verifytest.NoopToken("200"), "")
			r.Header["Cookie"] = tt.lines
			if got := f.Do(r).StatusCode; got != tt.want {
				t.Errorf("status = %d, want %d", got, tt.want)
			}
		})
	}
}

// nginx obeys X-Accel-Redirect in the answer to an auth subrequest: no answer, of a plugin or of a token's headers, has it.
func TestNoAnswerSteersNginx(t *testing.T) {
	f := verifytest.New(t, nil)
	for _, name := range []string{"X-Accel-Redirect", "x-accel-redirect", "X-ACCEL-BUFFERING", "X-Accel-Anything"} {
		for status, where := range map[string]string{"200": "custom_service_headers", "403": "custom_error_headers"} {
			res := f.Do(verifytest.Request("GET", `{"eas":{"plugins":[{"type":"noop","status_code":`+status+`}],"`+where+`":{
				"`+name+`":{"source":"static","query":"/secret"},"X-Kept":{"source":"static","query":"1"}}}}`, ""))
			if res.Header.Get(name) != "" || res.Header.Get("X-Kept") != "1" {
				t.Errorf("%s with %s: %v", where, name, res.Header)
			}
		}
	}
}
