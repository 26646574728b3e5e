package bearer

import (
	"net/http"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/jwtverify"
	"github.com/easgate/easgate/plugins"
)

func TestToken(t *testing.T) {
	type h = http.Header
	for _, tt := range []struct {
		name, header, scheme string
		in                   h
		want                 string
		ok                   bool
	}{
		{"default", "", "", h{"Authorization": {"Bearer x.y.z"}}, "x.y.z", true},
		{"scheme in any case", "", "", h{"Authorization": {"bEARER x"}}, "x", true},
		{"scheme alone", "", "", h{"Authorization": {"Bearer"}}, "", true},
		{"several blanks", "", "", h{"Authorization": {"Bearer   x"}}, "x", true},
		{"blanks alone", "", "", h{"Authorization": {"Bearer   "}}, "", true},
		{"more after it", "", "", h{"Authorization": {"Bearer x y"}}, "x y", true},
		{"another scheme", "", "", h{"Authorization": {"Basic x"}}, "", false},
		{"a longer scheme", "", "", h{"Authorization": {"BearerX x"}}, "", false},
		{"a tab", "", "", h{"Authorization": {"Bearer\tx"}}, "", false},
		{"nothing", "", "", h{}, "", false},
		{"an empty header", "", "", h{"Authorization": {""}}, "", false},
		{"two headers", "", "", h{"Authorization": {"Bearer x", "Bearer y"}}, "x", true},
		{"own scheme", "", "Token", h{"Authorization": {"token x"}}, "x", true},
		{"own header", "x-jwt", "", h{"X-Jwt": {"x"}}, "x", true},
		{"own header, two of them", "X-Jwt", "", h{"X-Jwt": {"x", "y"}}, "x, y", true},
		{"own header and scheme", "X-Jwt", "Token", h{"X-Jwt": {"Token x"}}, "x", true},
		{"own header, Authorization does not count", "X-Jwt", "", h{"Authorization": {"Bearer x"}}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := NewCarrier(tt.header, tt.scheme, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, ok := c.Token(&plugins.Request{Header: tt.in}); got != tt.want || ok != tt.ok {
				t.Errorf("Token = %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
	for _, bad := range []string{"X Jwt", "X:", "X\n", "é", "\x7f"} {
		if _, err := NewCarrier(bad, "", nil); err == nil {
			t.Errorf("NewCarrier(%q) = nil, want an error", bad)
		}
	}
}

func TestRefuse(t *testing.T) {
	e := &jwtverify.Error{Name: "Na\"me", Message: "a\\b \"c\"\r\nX: 1\x00\x7f caf\xc3\xa9 \xff", Why: "the \"why\""}
	for _, tt := range []struct {
		name, scheme string
		e            *jwtverify.Error
		verdict      plugins.Verdict
		want         string
	}{
		{"no token", "", nil, plugins.Abstain, `Bearer realm="a \"b\""`},
		{"refused", "", e, plugins.Deny, `Bearer realm="a \"b\"", error="Na\"me", error_description="a\\b \"c\"??X: 1?? ` + "caf\xc3\xa9 \xff\""},
		{"another scheme", "Token", e, plugins.Deny, ""},
	} {
		c, err := NewCarrier("", tt.scheme, nil)
		if err != nil {
			t.Fatal(err)
		}
		res := c.Refuse(401, `a "b"`, tt.e)
		if tt.e != nil && res.Reason != tt.e.Message+": the \"why\"" {
			t.Errorf("%s: reason = %s", tt.name, res.Reason)
		}
		if got := res.Header.Get("WWW-Authenticate"); got != tt.want || res.Verdict != tt.verdict || res.Status != 401 {
			t.Errorf("%s: Refuse = %v %d %s, want %v 401 %s", tt.name, res.Verdict, res.Status, got, tt.verdict, tt.want)
		}
	}
}

func FuzzRefuse(f *testing.F) {
	f.Add("https://x/?a=\"b\"", "x\r\nSet-Cookie: a")
	f.Fuzz(func(t *testing.T, realm, message string) {
		c, err := NewCarrier("", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		res := c.Refuse(401, realm, &jwtverify.Error{Name: "JsonWebTokenError", Message: message})
		if v := res.Header.Get("WWW-Authenticate"); strings.ContainsAny(v, "\r\n\x00") {
			t.Errorf("challenge %q", v)
		}
	})
}
