package verify

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
)

// What a client writes into cookies and query strings is shown to queries: it must never panic, and be text.
func FuzzViews(f *testing.F) {
	f.Add("a=b; c=\"d\"; e=s%3Aval.S6IAZwkOZfbGE5; j=j:{\"a\":1}", "a=1&a=2&b[c][d]=3&e[]=4&f[9]=x&f[0]=y")
	f.Add("=;;=;a", "[]=&[=&]=&a[=b&a]=c&a[b=c&%zz=%")
	f.Add("a=j:[[[[", "a[b][c][d][e][f][g][h]=1&a=2&a[0]=3")
	f.Fuzz(func(t *testing.T, cookie, raw string) {
		if len(cookie)+len(raw) > 64<<10 {
			t.Skip("more than a server reads")
		}
		start := time.Now()
		defer func() { // some milliseconds are usual, and the machine may be busy
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		}()
		asked, err := parent.EAS.Parse(parent.Input{Header: http.Header{"X-Original-Url": {"https://a/" + raw}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, native := range []bool{false, true} {
			testViews(t, cookie, raw, &asked, native)
		}
	})
}

func testViews(t *testing.T, cookie, raw string, asked *parent.Request, native bool) {
	build := func() *query.Object {
		header := http.Header{
			"Cookie": {cookie, raw}, "X-A": {raw, cookie}, "Age": {cookie, raw}, "X-Forwarded-For": {raw}, "7": {raw}, "1a-B_c": {cookie},
		}
		s := source{
			of:  &Request{Peer: &Peer{}, Header: header, Host: raw, RawQuery: raw, Parent: *asked},
			cfg: &Config{CookieSecret: []byte("cosign"), Trusted: parent.DefaultTrusted()}, native: native,
		}
		return s.Req()
	}
	querytest.Lazy(t, build, raw, cookie, "headers", "X-A", "x-b", "clientIP")
	text := query.JSON(build())
	if !utf8.ValidString(text) {
		t.Errorf("the view is no text: %q", text)
	}
	if _, err := query.ParseJSON([]byte(text)); err != nil {
		t.Errorf("the view is no JSON: %v", err)
	}
}

// ATTACKS 72: many cookies with descending numbers as names took a time that grew with the square of their number.
func TestDescendingCookies(t *testing.T) {
	var b strings.Builder
	for i := 300_000; i > 0; i-- {
		b.WriteString(strconv.Itoa(i))
		b.WriteString("=;")
	}
	start := time.Now()
	s := source{of: &Request{Header: http.Header{"Cookie": {b.String()}}}, cfg: &Config{}}
	cookies, _ := s.Req().Get("cookies")
	if o := cookies.(*query.Object); o.Len() != 300_000 {
		t.Errorf("%d cookies, want 300000", o.Len())
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// Whatever a verify URL says, it is understood or refused; a token is only ever what config_token says.
func FuzzParams(f *testing.F) {
	f.Add("config_token=x&fallback_plugin=0x1&proxy=nginx&strip=trust&redirect_http_code=302", false)
	f.Add(`{"config_token":"x","fallback_plugin":1}`, true)
	f.Add("config_token=%&config_token[]=x;config_token=y", false)
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		var p *Params
		if isJSON {
			p = parseJSONParams(text, nil)
		} else {
			p = parseParams(text, nil)
		}
		if p.err == nil && p.redirect != 0 && (p.redirect < 300 || p.redirect > 499) {
			t.Errorf("redirect_http_code %d", p.redirect)
		}
		if p.selector.Token != "" && (p.selector.Pointer.StoreID != "" || p.selector.Queries != nil) {
			t.Error("both a token and a pointer")
		}
	})
}
