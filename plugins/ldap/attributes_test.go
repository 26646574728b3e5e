package ldap

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/query"
)

// values returns an entry's attributes as userinfo shows them, without dn and controls.
func values(t *testing.T, s *shape, attributes ...string) (string, *login, error) {
	t.Helper()
	e := entry("cn=x", attributes...)
	for _, a := range e.Attributes {
		for _, v := range a.Values {
			a.ByteValues = append(a.ByteValues, []byte(v))
		}
	}
	l := &login{}
	o, err := s.object(e, l)
	if err != nil {
		return "", l, err
	}
	return strings.TrimPrefix(query.JSON(o), `{"dn":"cn=x","controls":[]`), l, nil
}

func TestAttributes(t *testing.T) {
	const (
		guid = "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
		sid  = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\xf4\x01\x00\x00"
	)
	for _, tt := range []struct {
		name   string
		in     []string
		native string
		eas    string
	}{
		{"one value", []string{"memberOf", "cn=a"}, `,"memberOf":["cn=a"]}`, `,"memberOf":"cn=a"}`},
		{"several", []string{"mail", "a", "mail", "b"}, `,"mail":["a","b"]}`, `,"mail":["a","b"]}`},
		{"one by its schema", []string{"displayName", "A", "sAMAccountName", "a"},
			`,"displayName":"A","sAMAccountName":"a"}`, `,"displayName":"A","sAMAccountName":"a"}`},
		{"one by the configuration", []string{"employeeType", "x"}, `,"employeeType":"x"}`, `,"employeeType":"x"}`},
		{"bytes", []string{"custom", "\xff"}, `,"custom":["/w=="]}`, `,"custom":"/w=="}`},
		{"bytes beside text", []string{"custom", "a", "custom", "\xff"}, `,"custom":["YQ==","/w=="]}`, `,"custom":["YQ==","/w=="]}`},
		{"bytes that happen to be text", []string{"jpegPhoto", "abc"}, `,"jpegPhoto":["YWJj"]}`, `,"jpegPhoto":"YWJj"}`},
		{"asked for as bytes", []string{"cn;Binary", "abc"}, `,"cn;Binary":["YWJj"]}`, `,"cn;Binary":"YWJj"}`},
		{"a GUID", []string{"objectGUID", guid},
			`,"objectGUID":"00112233-4455-6677-8899-aabbccddeeff","objectGUID;binary":"MyIRAFVEd2aImaq7zN3u/w=="}`,
			`,"objectGUID":"00112233-4455-6677-8899-aabbccddeeff","objectGUID;binary":"MyIRAFVEd2aImaq7zN3u/w=="}`},
		{"a GUID that is none", []string{"objectGUID", "abc"}, `,"objectGUID":"YWJj"}`, `,"objectGUID":"YWJj"}`},
		{"a SID", []string{"objectSid", sid},
			`,"objectSid":"S-1-5-21-1-2-3-500","objectSid;binary":"AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAA9AEAAA=="}`,
			`,"objectSid":"S-1-5-21-1-2-3-500","objectSid;binary":"AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAA9AEAAA=="}`},
		{"a SID cut off", []string{"objectSid", sid[:20]}, `,"objectSid":"AQUAAAAAAAUVAAAAAQAAAAIAAAA="}`, `,"objectSid":"AQUAAAAAAAUVAAAAAQAAAAIAAAA="}`},
		{"secrets", []string{"userPassword", "{SSHA}x", "USERPASSWORD;lang-de", "x", "unicodePwd", "x", "krbPrincipalKey", "\xff", "2.5.4.35", "x",
			"sambaNTPassword", "x", "ms-Mcs-AdmPwd", "x", "cn", "a"}, `,"cn":["a"]}`, `,"cn":"a"}`},
		{"not asked for", []string{"uid", "a", "uid;lang-en", "b"}, `,"uid;lang-en":["b"]}`, `,"uid;lang-en":"b"}`},
		{"not the DN", []string{"dn", "cn=forged"}, `}`, `}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &shape{lists: true, single: names("displayName sAMAccountName objectGUID objectSid employeeType"), hidden: names("uid")}
			if got, _, err := values(t, s, tt.in...); got != tt.native || err != nil {
				t.Errorf("native: %s, %v, want %s", got, err, tt.native)
			}
			s.lists = false
			if got, _, err := values(t, s, tt.in...); got != tt.eas || err != nil {
				t.Errorf("EAS's format: %s, %v, want %s", got, err, tt.eas)
			}
		})
	}
}

// What rules could misunderstand is an error, and so a denial.
func TestAttributesThatCannotBeShown(t *testing.T) {
	s := &shape{lists: true, single: names("employeeType")}
	for name, in := range map[string][]string{
		"several values of an attribute that has one": {"employeeType", "a", "employeeType", "b"},
		"some of the groups":                          {"memberOf;range=0-1499", "cn=a"},
		"too much of it":                              {"description", strings.Repeat("x", maxUserInfo)},
	} {
		if got, _, err := values(t, s, in...); err == nil {
			t.Errorf("%s: %.100s, want an error", name, got)
		}
	}
	if got, _, err := values(t, s, "member;range=0-1499", "cn=a", "memberOf;range=1500-*", "cn=b"); err != nil {
		t.Errorf("other ranges: %s, %v", got, err)
	}
}

// A photo fills no header and no memory that nobody asked to fill.
func TestLongBytesAreShownWhenAsked(t *testing.T) {
	photo := "\xff" + strings.Repeat("x", maxUnasked)
	for _, asked := range []bool{false, true} {
		s := &shape{lists: true}
		if asked {
			s.asked = names("jpegphoto")
		}
		got, l, err := values(t, s, "jpegPhoto", photo, "cn", "a")
		if err != nil || strings.Contains(got, "jpegPhoto") != asked || (len(l.leftOut) == 0) != asked || !strings.Contains(got, `"cn":["a"]`) {
			t.Errorf("asked for = %v: %.60s, left out %q, %v", asked, got, l.leftOut, err)
		}
	}
}

func TestRefusal(t *testing.T) {
	const ad = "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data %s, v3839"
	for _, tt := range []struct {
		name    string
		code    uint16
		message string
		policy  int8
		want    string
	}{
		{"a wrong password", 49, "", -1, "wrong password"},
		{"AD: a wrong password", 49, strings.Replace(ad, "%s", "52e", 1), -1, "wrong password"},
		{"AD: disabled", 49, strings.Replace(ad, "%s", "533", 1), -1, "bind refused: account disabled (result code 49, data 533)"},
		{"AD: locked", 49, strings.Replace(ad, "%s", "775", 1), -1, "bind refused: account locked (result code 49, data 775)"},
		{"AD: expired", 49, strings.Replace(ad, "%s", "701", 1), -1, "bind refused: account expired (result code 49, data 701)"},
		{"AD: must be changed", 49, strings.Replace(ad, "%s", "773", 1), -1, "bind refused: password must be changed (result code 49, data 773)"},
		{"AD: unheard of", 49, strings.Replace(ad, "%s", "99", 1), -1, "bind refused (result code 49, data 99)"},
		{"ppolicy: locked", 49, "", 1, "bind refused: account locked (result code 49)"},
		{"ppolicy: expired", 49, "", 0, "bind refused: password expired (result code 49)"},
		{"ppolicy: of no interest", 49, "", 5, "wrong password"},
		{"389 Directory Server: inactivated", 53, "Account inactivated. Contact system administrator.", -1,
			`bind refused: Unwilling To Perform (result code 53): "Account inactivated. Contact system administrator."`},
		{"without a message", 19, "", -1, "bind refused: Constraint Violation (result code 19)"},
		{"a message of several lines", 49, "a\nb", -1, `wrong password: "a\nb"`},
		{"a long message", 49, strings.Repeat("x", 500), -1, `wrong password: "` + strings.Repeat("x", maxDiagnostic) + `…"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := ldap.NewControlBeheraPasswordPolicy()
			policy.Error = tt.policy
			err := &ldap.Error{ResultCode: tt.code, Err: errorText(tt.message)}
			if got := refusal(tt.code, err, []ldap.Control{policy}); got != tt.want {
				t.Errorf("refusal = %s\nwant      %s", got, tt.want)
			}
			if tt.policy < 0 && refusal(tt.code, err, nil) != tt.want {
				t.Error("it is otherwise without the control")
			}
		})
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }
