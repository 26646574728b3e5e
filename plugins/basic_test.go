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
			for _, native := range []bool{false, true} {
				got, tried := reader(t, BasicConfig{}, native).Credentials(http.Header{"Authorization": {tt.in}})
				if got != tt.want || tried != tt.tried {
					t.Errorf("native %v: Credentials(%q) = %q, %v, want %q, %v", native, tt.in, got, tried, tt.want, tt.tried)
				}
			}
		})
	}
}

func reader(t testing.TB, c BasicConfig, native bool) *BasicReader {
	t.Helper()
	b, err := c.Reader("r", native)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	alice  = "Basic YWxpY2U6cGFzc3dvcmQ="
	bob    = "Basic Ym9iOnBhc3N3b3Jk"
	latin1 = "Basic /G7vOnDkc3N39nJk"     // "ünï:pässwörd" in Latin-1
	nfd    = "Basic dcyIbmnMiDpwYcyIc3M=" // "ünï:päss" as u with a combining diaeresis, and so on
)

// What native tokens read otherwise than external-auth-server.
func TestBasicOptions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config BasicConfig
		header http.Header
		want   [2]Basic // in EAS's format, in native tokens
	}{
		{"the second header", BasicConfig{}, http.Header{"Authorization": {"Bearer x", alice}}, [2]Basic{{}, {"alice", "password"}}},
		{"the same twice", BasicConfig{}, http.Header{"Authorization": {alice, "Bearer x", alice}},
			[2]Basic{{"alice", "password"}, {"alice", "password"}}},
		// The application could read the other.
		{"two that differ", BasicConfig{}, http.Header{"Authorization": {alice, bob}}, [2]Basic{{"alice", "password"}, {}}},
		{"joined by a proxy", BasicConfig{}, http.Header{"Authorization": {"Bearer x," + alice}}, [2]Basic{{}, {"alice", "password"}}},
		{"two joined by a proxy", BasicConfig{}, http.Header{"Authorization": {alice + ", " + bob}}, [2]Basic{{"alice", "password"}, {}}},
		{"two spaces", BasicConfig{}, http.Header{"Authorization": {"Basic  YWxpY2U6cGFzc3dvcmQ="}}, [2]Basic{{}, {"alice", "password"}}},
		{"another header", BasicConfig{HeaderName: "x-basic"}, http.Header{"Authorization": {bob}, "X-Basic": {alice}},
			[2]Basic{{"alice", "password"}, {"alice", "password"}}},
		{"another header, and none", BasicConfig{HeaderName: "Proxy-Authorization"}, http.Header{"Authorization": {bob}}, [2]Basic{}},
		{"Latin-1", BasicConfig{}, http.Header{"Authorization": {latin1}},
			[2]Basic{{"\xfcn\xef", "p\xe4ssw\xf6rd"}, {"\xfcn\xef", "p\xe4ssw\xf6rd"}}},
		{"Latin-1, read as such", BasicConfig{BasicCharset: "auto"}, http.Header{"Authorization": {latin1}},
			[2]Basic{{"ünï", "pässwörd"}, {"ünï", "pässwörd"}}},
		{"UTF-8 where Latin-1 is read", BasicConfig{BasicCharset: "AUTO"}, http.Header{"Authorization": {"Basic w7xuw686cMOkc3N3w7ZyZA=="}},
			[2]Basic{{"ünï", "pässwörd"}, {"ünï", "pässwörd"}}},
		{"combining characters", BasicConfig{}, http.Header{"Authorization": {nfd}},
			[2]Basic{{"u\u0308ni\u0308", "pa\u0308ss"}, {"ünï", "päss"}}},
	} {
		for i, native := range []bool{false, true} {
			if got, _ := reader(t, tt.config, native).Credentials(tt.header); got != tt.want[i] {
				t.Errorf("%s: native %v: Credentials = %q, want %q", tt.name, native, got, tt.want[i])
			}
		}
	}
	for want, c := range map[string]BasicConfig{"header_name: ": {HeaderName: "X Y"}, "basic_charset: want": {BasicCharset: "latin1"}} {
		if _, err := c.Reader("r", true); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Reader(%+v) = %v, want %s", c, err, want)
		}
	}
}

func TestBasicChallenge(t *testing.T) {
	for _, tt := range []struct {
		header string
		native bool
		want   string
	}{
		{"", false, `Basic realm="r"`},
		{"", true, `Basic realm="r", charset="UTF-8"`},
		// A browser would answer it in Authorization, and ask its user for ever.
		{"X-Basic", true, ""},
	} {
		res := reader(t, BasicConfig{HeaderName: tt.header}, tt.native).Unauthorized(Deny, Basic{User: "u"}, "why")
		if got := res.Header.Get("WWW-Authenticate"); got != tt.want || res.StatusCode() != 401 || res.Tried != "u" {
			t.Errorf("header %q, native %v: Unauthorized = %+v, want %s", tt.header, tt.native, res, tt.want)
		}
	}
}

func FuzzBasicCredentials(f *testing.F) {
	for _, s := range []string{"", "Basic ", "Basic dTpwYXNzd29yZA==", "basic dTo_Pz8-, Bearer", "Basic \x00", "Basic OnA=", latin1, nfd} {
		f.Add(s, true, "auto")
	}
	f.Fuzz(func(t *testing.T, s string, native bool, charset string) {
		b, err := (&BasicConfig{BasicCharset: charset}).Reader("r", native)
		if err != nil {
			return
		}
		c, tried := b.Credentials(http.Header{"Authorization": {s}})
		if !tried && c != (Basic{}) {
			t.Errorf("Credentials(%q) = %q although Basic was not tried", s, c)
		}
		if strings.Contains(c.User, ":") {
			t.Errorf("Credentials(%q): user %q holds a colon", s, c.User)
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
