package plugins

import (
	"net/http"
	"strings"
	"testing"
)

func TestBasicCredentials(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     Basic
		tried    bool
	}{
		{"plain", "Basic dTpwYXNzd29yZA==", Basic{"u", "password"}, true},
		{"lower case scheme", "basic dTpwYXNzd29yZA==", Basic{"u", "password"}, true},
		{"upper case scheme", "BASIC dTpwYXNzd29yZA==", Basic{"u", "password"}, true},
		{"no padding", "Basic dTpwYXNzd29yZA", Basic{"u", "password"}, true},
		{"UTF-8", "Basic w7xuw686cMOkc3N3w7ZyZA==", Basic{"ünï", "pässwörd"}, true},
		{"Latin-1 stays as it is", "Basic /G7vOnDkc3N39nJk", Basic{"\xfcn\xef", "p\xe4ssw\xf6rd"}, true},
		{"URL alphabet", "Basic dTo_Pz8-", Basic{"u", "???>"}, true},
		{"colons belong to the password", "Basic dTphOmI6Yw==", Basic{"u", "a:b:c"}, true},
		{"empty password", "Basic dTo=", Basic{"u", ""}, true},
		{"empty user", "Basic OnBhc3N3b3Jk", Basic{"", "password"}, true},
		{"a word after a space", "Basic dTpwYXNzd29yZA== zzz", Basic{"u", "password"}, true},
		{"comma list", "Basic dTpwYXNzd29yZA==, Bearer x", Basic{"u", "password"}, true},
		{"two spaces", "Basic  dTpwYXNzd29yZA==", Basic{}, true},
		{"scheme alone", "Basic", Basic{}, true},
		{"scheme and space", "Basic ", Basic{}, true},
		{"no colon", "Basic bm9jb2xvbg==", Basic{}, true},
		{"not base64", "Basic !!!!", Basic{}, true},
		{"both alphabets", "Basic dTo/Pz8-", Basic{}, true},
		{"half a byte", "Basic d", Basic{}, true},
		{"tab", "Basic\tdTpwYXNzd29yZA==", Basic{}, false},
		{"another scheme", "Bearer dTpwYXNzd29yZA==", Basic{}, false},
		{"a longer scheme", "Basically dTpwYXNzd29yZA==", Basic{}, false},
		{"empty", "", Basic{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, tried := BasicCredentials(http.Header{"Authorization": {tt.in}})
			if got != tt.want || tried != tt.tried {
				t.Errorf("BasicCredentials(%q) = %q, %v, want %q, %v", tt.in, got, tried, tt.want, tt.tried)
			}
		})
	}
	if got, tried := BasicCredentials(nil); got != (Basic{}) || tried {
		t.Errorf("BasicCredentials(no header) = %v, %v, want nothing", got, tried)
	}
}

func FuzzBasicCredentials(f *testing.F) {
	for _, s := range []string{"", "Basic ", "Basic dTpwYXNzd29yZA==", "basic dTo_Pz8-, Bearer", "Basic \x00", "Basic OnA="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, tried := BasicCredentials(http.Header{"Authorization": {s}})
		if !tried && c != (Basic{}) {
			t.Errorf("BasicCredentials(%q) = %q although Basic was not tried", s, c)
		}
		if strings.Contains(c.User, ":") {
			t.Errorf("BasicCredentials(%q): user %q holds a colon", s, c.User)
		}
	})
}

func TestQuotedString(t *testing.T) {
	for in, want := range map[string]string{
		"":                `""`,
		"my realm":        `"my realm"`,
		`a"b\c`:           `"a\"b\\c"`,
		"caf\u00e9":       "\"caf\xe9\"",
		"日本":              `"??"`,
		"a\r\nSet-Cookie": `"a??Set-Cookie"`,
		"\x00\x7f\u0085":  `"???"`,
		"\xff":            `"?"`,
	} {
		if got := QuotedString(in); got != want {
			t.Errorf("QuotedString(%q) = %q, want %q", in, got, want)
		}
	}
}
