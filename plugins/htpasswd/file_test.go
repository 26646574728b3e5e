package htpasswd

import (
	"strings"
	"testing"
)

const sha = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=" // "password"

func TestParse(t *testing.T) {
	text := "# comment\n" +
		"u1:" + sha + "\r\n" +
		"\n\r\n" +
		" u2:" + sha + "\n" +
		"twice:" + sha + "x\n" +
		"nohash\n" +
		"empty:\n" +
		":" + sha + "\n" +
		"#u3:" + sha + "\n" +
		"twice:" + sha + "\n" +
		"odd:$9$secret\n" +
		"last:" + sha
	var complaints []string
	users := reading{}.parse(text, func(err error) { complaints = append(complaints, err.Error()) })
	var got []string
	for _, u := range users {
		if u.kind == sha1Sum {
			got = append(got, u.name)
		} else {
			got = append(got, "!"+u.name)
		}
	}
	if got, want := strings.Join(got, ","), " u2,last,!odd,twice,u1"; got != want {
		t.Errorf("users = %s, want %s", got, want)
	}
	want := []string{
		`htpasswd: line 6: user "twice": ` + errUnknownHash.Error(),
		`htpasswd: line 7: want user:hash`,
		`htpasswd: line 8: user "empty": want user:hash`,
		`htpasswd: line 9: user "": want user:hash`,
		`htpasswd: line 11: user "twice": the user has an earlier line`,
		`htpasswd: line 12: user "odd": ` + errUnknownHash.Error(),
	}
	if got := strings.Join(complaints, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("complaints:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// Files as editors, nginx and Apache know them. In tokens of external-auth-server's format they mean what they do there.
func TestParseAsOthersWriteIt(t *testing.T) {
	for _, tt := range []struct {
		name, in    string
		eas, native string // users who can log in
	}{
		{"a byte order mark", "\ufeffu:" + sha, "u", "u"},
		{"a byte order mark before a comment", "\ufeff# users\r\nu:" + sha + "\r\n", "u", "u"},
		{"a third field", "u:" + sha + ":Alice from HR:x", "", "u"},
		{"blanks in front", " \tu:" + sha, " \tu", "u"},
		{"blanks at the end", "u:" + sha + " \t\r\n", "", "u"},
		{"a blank line, a comment after blanks", "  \n  # u2:" + sha + "\nu:" + sha, "  # u2,u", "u"},
		{"a decomposed name", "u\u0308:" + sha, "u\u0308", "\u00fc"},
	} {
		for native, want := range map[bool]string{false: tt.eas, true: tt.native} {
			users := reading{native: native}.parse(tt.in, func(error) {})
			var got []string
			for _, u := range users {
				if u.kind.check(u.hash, "password") {
					got = append(got, u.name)
				}
			}
			if strings.Join(got, ",") != want {
				t.Errorf("%s: native %v: users = %q, want %s", tt.name, native, got, want)
			}
		}
	}
	// What is sealed can log in, or is an error.
	for _, text := range []string{"u:secret:word", "u: " + sha} {
		problems := 0
		reading{allowPlain: text[2] == 's', native: true}.parse(text, func(error) { problems++ })
		if problems == 0 {
			t.Errorf("parse(%s) = nil, want an error", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# c\nu:"+sha+"\r\n:x\nu\nu:\n", true, false)
	f.Add("\ufeffa:b:c\n\x00:\xff", false, true)
	f.Fuzz(func(t *testing.T, text string, allowPlain, native bool) {
		users := reading{allowPlain, native}.parse(text, func(error) {})
		for i, u := range users {
			if u.name == "" || strings.Contains(u.name, ":") || u.hash == "" {
				t.Errorf("user %q with hash %q", u.name, u.hash)
			}
			if i > 0 && users[i-1].name >= u.name {
				t.Errorf("%q is not after %q", u.name, users[i-1].name)
			}
		}
	})
}
