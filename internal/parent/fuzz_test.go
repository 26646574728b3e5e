package parent_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
)

// An accepted request means the same to whoever parses its text again, and its path has no dot segments.
func FuzzParse(f *testing.F) {
	f.Add(uint8(0), "https", "h", "/a?x=1", "GET", "", "", "", "", "", false)
	f.Add(uint8(2), "", "", "", "", "https://h/%2e%2e", "GET", "", "", "", false)
	f.Add(uint8(3), "http", "[::1]:80", "/x/%5c..", "GET", "", "", "", "/a/", "", true)
	f.Add(uint8(6), "https", "", "", "", "", "", "", "", "/..;/", false)
	f.Add(uint8(7), "https", "a/public?", "@evil%zz#", "", "", "", "://%", "", "", false)
	f.Fuzz(func(t *testing.T, profile uint8, proto, host, uri, method, original, originalMethod, eas, prefix, suffix string, strip bool) {
		p := parent.Profile(profile % 8)
		in := parent.Input{Header: http.Header{}, Host: host, Method: method, Suffix: suffix, TrustStrip: strip}
		for name, v := range map[string]string{
			"X-Forwarded-Proto": proto, "X-Forwarded-Host": host, "X-Forwarded-Uri": uri, "X-Forwarded-Method": method,
			"X-Original-Url": original, "X-Original-Method": originalMethod, "X-Eas-Request-Uri": eas, "X-Forwarded-Prefix": prefix,
		} {
			if v != "" {
				in.Header.Set(name, v)
			}
		}
		got, err := p.Parse(in)
		if err != nil {
			return
		}
		info := parent.Info(got.Method, got.URI(), false)
		if _, err := query.ParseJSON([]byte(query.JSON(info))); err != nil {
			t.Fatalf("Info(%q) is not JSON: %v", got.URI(), err)
		}
		for _, canonical := range []bool{false, true} {
			querytest.Lazy(t, func() *query.Object { return parent.Info(got.Method, got.URI(), canonical) }, "error", "fragment", "userinfo", method)
		}
		if p == parent.EAS {
			return
		}
		again, err := url.Parse(got.URL.String())
		if err != nil {
			t.Fatalf("%s.Parse() = %q, which does not parse: %v", p, &got.URL, err)
		}
		if again.Scheme != got.URL.Scheme || again.Host != got.URL.Host || again.Path != got.URL.Path || again.User != nil || again.Fragment != "" {
			t.Fatalf("%s.Parse() = %q, which parses as %#v", p, &got.URL, again)
		}
		for path := range map[string]bool{got.URL.Path: true, strings.ReplaceAll(got.URL.Path, `\`, "/"): true} {
			for segment := range strings.SplitSeq(path, "/") {
				if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
					t.Fatalf("%s.Parse() = %q, which has a dot segment", p, &got.URL)
				}
			}
		}
		// The canonical path is the path that was sent, and its own canonical path.
		path := pathOf(parent.Info("", got.URI(), true))
		if plain, err := url.PathUnescape(path); err != nil || plain != got.URL.Path {
			t.Fatalf("%s: the canonical path %q is %q, plugins see %q", p, path, plain, got.URL.Path)
		}
		if again := pathOf(parent.Info("", "https://h"+path, true)); again != path {
			t.Fatalf("%s: the canonical path of %q is %q", p, path, again)
		}
		// Rules look at parsedUri, plugins at URL: neither may be fooled without the other.
		if strings.ContainsFunc(got.URI(), func(r rune) bool { return r >= 0x80 }) {
			return // JavaScript takes each byte for a character
		}
		seen := pathOf(info)
		if path, err := url.PathUnescape(seen); err != nil || path != got.URL.Path {
			t.Fatalf("%s: queries see the path %q, plugins %q", p, seen, got.URL.Path)
		}
	})
}

func pathOf(info *query.Object) string {
	parsed, _ := info.Get("parsedUri")
	path, _ := parsed.(*query.Object).Get("path")
	return path.(string)
}
