package htpasswd

import (
	"errors"
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
	users, err := parse(text, false, func(err error) error {
		complaints = append(complaints, err.Error())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
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
		`htpasswd: line 6: user "twice": unknown hash: nothing matches it`,
		`htpasswd: line 7: want user:hash`,
		`htpasswd: line 8: user "empty": want user:hash`,
		`htpasswd: line 9: user "": want user:hash`,
		`htpasswd: line 11: user "twice": the user has an earlier line`,
		`htpasswd: line 12: user "odd": unknown hash: nothing matches it`,
	}
	if got := strings.Join(complaints, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("complaints:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}

	stop := errors.New("stop")
	if _, err := parse(text, false, func(error) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("parse = %v, want the first complaint", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# c\nu:"+sha+"\r\n:x\nu\nu:\n", true)
	f.Add("a:b:c\n\x00:\xff", false)
	f.Fuzz(func(t *testing.T, text string, allowPlain bool) {
		users, err := parse(text, allowPlain, func(err error) error { return nil })
		if err != nil {
			t.Fatalf("parse = %v although complaints are accepted", err)
		}
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
