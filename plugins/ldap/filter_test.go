package ldap

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/problem"
)

func TestFilter(t *testing.T) {
	for _, tt := range []struct{ name, text, user, dn, want string }{
		{"plain", "(uid={{username}})", "alice", "", "(uid=alice)"},
		{"everywhere", "(|(uid={{username}})(mail={{username}}@test))", "alice", "", "(|(uid=alice)(mail=alice@test))"},
		{"without parentheses", " uid={{username}} ", "alice", "", "(uid=alice)"},
		{"special characters, once", "(uid={{username}})", `*()\` + "\x00", "", `(uid=\2a\28\29\5c\00)`},
		{"UTF-8", "(uid={{username}})", "é", "", `(uid=\c3\a9)`},
		{"slash", "(uid={{username}})", "a/b", "", "(uid=a/b)"},
		{"a DN with an escaped comma", "(member={{dn}})", "", `cn=Smith\, J (x),dc=test`, `(member=cn=Smith\5c, J \28x\29,dc=test)`},
		{"a name that is a placeholder", "(&(a={{username}})(b={{dn}}))", "{{dn}}", "{{username}}", "(&(a={{dn}})(b={{username}}))"},
		{"dollars", "(uid={{username}})", "$&$1", "", "(uid=$&$1)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := parseFilter(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.fill(tt.user, tt.dn); got != tt.want {
				t.Errorf("fill(%q, %q) = %q, want %q", tt.user, tt.dn, got, tt.want)
			}
		})
	}
}

// FuzzFilter: whatever the name is, it is the value that is compared, and the filter keeps its shape.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"alice", "*", "bob)(uid=*", `\2a`, "\x00", "é", "{{username}}", "{{dn}}", `\`, "a)(|(uid=*", ""} {
		f.Add(s, s)
	}
	template, err := parseFilter("(&(objectClass=person)(uid={{username}})(!(member={{dn}})))")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, dn string) {
		text := template.fill(name, dn)
		p, err := ldap.CompileFilter(text)
		if err != nil {
			t.Fatalf("fill(%q, %q) = %q: %v", name, dn, text, err)
		}
		if !utf8.ValidString(text) || strings.ContainsAny(text, "*\x00") {
			t.Errorf("fill(%q, %q) = %q", name, dn, text)
		}
		if len(p.Children) != 3 || p.Children[1].Tag != ldap.FilterEqualityMatch || p.Children[2].Tag != ldap.FilterNot {
			t.Fatalf("fill(%q, %q) = %q: another filter", name, dn, text)
		}
		user, member := p.Children[1].Children, p.Children[2].Children[0].Children
		if got := user[1].Data.String(); user[0].Data.String() != "uid" || got != name {
			t.Errorf("uid is compared to %q, want %q", got, name)
		}
		if got := member[1].Data.String(); member[0].Data.String() != "member" || got != dn {
			t.Errorf("member is compared to %q, want %q", got, dn)
		}
	})
}

// Filters as people copy them from Active Directory's tools, whose DNs are escaped otherwise.
func TestFilterErrors(t *testing.T) {
	for text, want := range map[string]string{
		`(memberOf=CN=Smith\, J,DC=x)`:           `a backslash in a value is written \5c, so \, of a DN is \5c,`,
		`(memberOf=CN=A \(EU\),DC=x)`:            `parentheses in a value are \28 and \29`,
		`(memberOf=CN=A#1\#,DC=x)`:               `so \# of a DN is \5c#`,
		`(memberOf=CN=A\)`:                       `a backslash in a value`,
		`(memberOf=CN=Admins (EU),OU=x)`:         `a "(" in a value is written \28`,
		`(&(uid=a)(memberOf=CN=Admins (EU),O=x)`: `a "(" in a value is written \28`,
		`(&(uid=a)`:                              "",
		`(uid`:                                   "",
	} {
		if _, err := parseFilter(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseFilter(%s) = %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		`(memberOf=CN=Smith\5c, J,DC=x)`, `(memberOf=CN=Admins \28EU\29,OU=x)`, `(memberOf:1.2.840.113556.1.4.1941:=CN=a,DC=x)`,
		`(&(objectClass=user)(|(sAMAccountName={{username}})(userPrincipalName={{username}}@x))(!(userAccountControl:1.2.840.113556.1.4.803:=2)))`,
	} {
		if _, err := parseFilter(text); err != nil {
			t.Errorf("parseFilter(%s) = %v", text, err)
		}
	}
}

func TestLoginName(t *testing.T) {
	for _, tt := range []struct {
		name, filter string
		user         []string
		typed, want  string
	}{
		{"as it is", "(uid={{username}})", []string{"uid", "bob"}, "bob", "bob"},
		{"in capitals", "(uid={{username}})", []string{"uid", "bob"}, "BOB", "bob"},
		{"one of several", "(uid={{username}})", []string{"uid", "bob", "uid", "Bobby"}, "bobby", "Bobby"},
		{"a spelling that only the directory takes for it", "(cn={{username}})", []string{"cn", "Jos\u00e9"}, "jose", "Jos\u00e9"},
		{"by mail", "(|(uid={{username}})(mail={{username}}))", []string{"uid", "bob", "mail", "Bob@x"}, "bob@x", "Bob@x"},
		{"a part of it", "(userPrincipalName={{username}}@corp.test)", []string{"userPrincipalName", "Bob@CORP.test"}, "bob", "Bob"},
		{"in a larger filter", "(&(objectClass=person)(UID={{username}}))", []string{"uid", "bob"}, "BOB", "bob"},
		{"nothing to tell it by", "(uid={{username}})", nil, "BOB", "BOB"},
		{"several and none of them", "(uid={{username}})", []string{"uid", "a", "uid", "b"}, "c", "c"},
		{"compared by a rule of its own", "(uid:caseExactMatch:={{username}})", []string{"uid", "bob"}, "bob", "bob"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := parseFilter(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got := loginName(entry(aliceDN, tt.user...), f.loginAttributes(), tt.typed); got != tt.want {
				t.Errorf("loginName(%s) = %s, want %s", tt.typed, got, tt.want)
			}
		})
	}
}

func TestFilterHints(t *testing.T) {
	for in, want := range map[string]string{
		"(uid=%(username)s)":            "%(username)s is another program's",
		"(&(a=b)(sAMAccountName=%s))":   "%s is another",
		"(uid={0})":                     "{0} is another",
		"(uid={{ username }})":          "{{ username }} is another",
		"(uid=${user})":                 "${user} is another",
		"(uid=alice)":                   "",
		"(|(uid={{username}})(cn={0}))": "", // it has the right one as well
	} {
		f, _ := parseFilter(in)
		if got := problem.HintOf(f.hint(errors.New("x"))); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("hint for %s = %q, want %q", in, got, want)
		}
	}
}
