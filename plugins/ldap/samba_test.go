//go:build linux && integration

package ldap

import (
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/testserver"
	"github.com/easgate/easgate/plugins"
)

// Samba as an Active Directory. Asked at its root, it adds references to other servers to every search.
func TestActiveDirectory(t *testing.T) {
	d := testserver.Samba(t)
	// in builds a plugin for d; its certificate has a common name only.
	in := func(change func(*Connection)) *Plugin {
		base := "dc=ad,dc=example,dc=com"
		c := Config{SessionCacheTTL: new(int), Connection: Connection{
			URL: plugins.List{"ldaps://127.0.0.1"}, BindDN: d.User, BindCredentials: plugins.Secret(d.Password),
			SearchBase: &base, SearchFilter: "(&(objectClass=user)(sAMAccountName={{username}}))",
			TLSOptions: TLSOptions{CA: plugins.List{d.CA}, ServerName: "dc1.ad.example.com"},
			Timeout:    10_000,
		}}
		if change != nil {
			change(&c.Connection)
		}
		p := build(t, c)
		p.service.directory.dial = d.Dial
		return p
	}
	login := func(t *testing.T, p *Plugin, user string) *query.Object {
		t.Helper()
		res := verify(t, p, user, d.Password)
		o, ok := res.Data.UserInfo.(*query.Object)
		if res.Verdict != plugins.Allow || !ok {
			t.Fatalf("Verify(%s) = %v %q, want allow", user, res.Verdict, res.Reason)
		}
		return o
	}
	t.Run("attributes", func(t *testing.T) {
		o := login(t, in(nil), "alice")
		for name, want := range map[string]string{
			"sAMAccountName": `"alice"`, "displayName": `"Alice Ł"`, "mail": `["alice@example.com"]`, "thumbnailPhoto": "", "unicodePwd": "",
			"memberOf": `["CN=Smith\\, J (EU),CN=Users,DC=ad,DC=example,DC=com"]`,
		} {
			v, ok := o.Get(name)
			if got := query.JSON(v); ok && got != want || !ok && want != "" {
				t.Errorf("%s = %s, want %s", name, got, want)
			}
		}
		guid, _ := o.Get("objectGUID")
		sid, _ := o.Get("objectSid")
		if text, _ := guid.(string); len(text) != 36 || strings.Count(text, "-") != 4 {
			t.Errorf("objectGUID = %s", query.JSON(guid))
		}
		if text, _ := sid.(string); !strings.HasPrefix(text, "S-1-5-21-") {
			t.Errorf("objectSid = %s", query.JSON(sid))
		}
		if text := query.JSON(o); strings.Contains(text, "\ufffd") {
			t.Errorf("userinfo has replacement characters: %s", text)
		}
	})
	t.Run("the name as the directory writes it", func(t *testing.T) {
		if res := verify(t, in(nil), "ALICE", d.Password); res.Identity.Name != "alice" {
			t.Errorf("identity.name = %q", res.Identity.Name)
		}
	})
	t.Run("the photo, asked for", func(t *testing.T) {
		o := login(t, in(func(c *Connection) { c.SearchAttributes = plugins.List{"thumbnailPhoto"} }), "alice")
		if v, _ := o.Get("thumbnailPhoto"); !strings.HasPrefix(query.JSON(v), `"/9gA`) {
			t.Errorf("thumbnailPhoto = %.20s, want base64", query.JSON(v))
		}
	})
	t.Run("nested groups", func(t *testing.T) {
		o := login(t, in(func(c *Connection) {
			c.GroupSearchBase, c.GroupSearchFilter = "dc=ad,dc=example,dc=com", "(member:1.2.840.113556.1.4.1941:={{dn}})"
			c.GroupSearchAttributes = plugins.List{"cn"}
		}), "alice")
		v, _ := o.Get("_groups")
		if got := query.JSON(v); !strings.Contains(got, `"cn":["staff"]`) || !strings.Contains(got, `"cn":["Smith, J (EU)"]`) {
			t.Errorf("_groups = %s", got)
		}
	})
	t.Run("a group by its DN, escaped as the documentation says", func(t *testing.T) {
		p := in(func(c *Connection) {
			c.SearchFilter = `(&(sAMAccountName={{username}})(memberOf=CN=Smith\5c, J \28EU\29,CN=Users,DC=ad,DC=example,DC=com))`
		})
		login(t, p, "alice")
		if res := verify(t, p, "locked", d.Password); res.Verdict != plugins.Deny {
			t.Errorf("Verify of somebody else = %v", res.Verdict)
		}
	})
	t.Run("why a bind was refused", func(t *testing.T) {
		p := in(nil)
		for range 3 {
			verify(t, p, "locked", "guess")
		}
		for user, want := range map[string]string{
			"disabled": "account disabled", "expired": "account expired", "renew": "password must be changed", "locked": "account locked",
		} {
			res := verify(t, p, user, d.Password)
			if res.Verdict != plugins.Deny || res.StatusCode() != 401 || !strings.HasPrefix(res.Reason, "bind refused: "+want) {
				t.Errorf("Verify(%s) = %v %d %q, want %q", user, res.Verdict, res.StatusCode(), res.Reason, want)
			}
		}
		if res := verify(t, p, "alice", "guess"); res.Reason != "wrong password" {
			t.Errorf("Verify with a wrong password: %q", res.Reason)
		}
	})
	t.Run("certificates", func(t *testing.T) {
		for name, tt := range map[string]struct {
			change func(*TLSOptions)
			want   bool
		}{
			"without the name":  {func(o *TLSOptions) { o.ServerName = "" }, false},
			"its public key":    {func(o *TLSOptions) { *o = TLSOptions{Fingerprint: plugins.List{d.Fingerprint}} }, true},
			"another authority": {func(o *TLSOptions) { o.CA = plugins.List{otherCA(t)} }, false},
		} {
			_, err := in(func(c *Connection) { tt.change(&c.TLSOptions) }).Verify(t.Context(), basic("alice", d.Password).Build())
			if (err == nil) != tt.want {
				t.Errorf("%s: Verify = %v, want success = %v", name, err, tt.want)
			}
			if name == "without the name" && !strings.Contains(err.Error(), `the common name "dc1.ad.example.com"`) {
				t.Errorf("%s: Verify = %v, want what to do", name, err)
			}
		}
	})
}
