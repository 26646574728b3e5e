package headers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jq"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

type token struct{ v query.Value }

func (t token) ConfigToken() query.Value     { return t.v }
func (t token) PluginConfig(int) query.Value { return t.v }

func apply(t *testing.T, config string, data plugins.Data, omit bool) http.Header {
	t.Helper()
	s, err := Compile([]byte(config), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	s.Apply(t.Context(), &Sources{Request: plugintest.Request{}.Build(), Data: data, Token: token{nil}, Step: -1}, h, omit, nil)
	return h
}

func TestValues(t *testing.T) {
	object := &query.Object{}
	object.Set("k", "v")
	data := plugins.Data{UserInfo: object, AccessToken: "opaque", IDToken: "é", RefreshToken: "a b/?"}
	tests := []struct{ name, entry, want string }{
		{"static", `{"source":"static","query":"x"}`, "x"},
		{"static number", `{"source":"static","query":5}`, "5"},
		{"static object", `{"source":"static","query":{"a":1}}`, `{"a":1}`},
		{"static 0 is undefined", `{"source":"static","query":0}`, ""},
		{"whole object", `{"source":"userinfo"}`, `{"k":"v"}`},
		{"text as it is", `{"source":"access_token"}`, "opaque"},
		{"Latin-1 is one byte", `{"source":"id_token"}`, "\xe9"},
		{"base64 is of UTF-8", `{"source":"id_token","encoding":"base64"}`, "w6k="},
		{"uri", `{"source":"refresh_token","encoding":"uri"}`, "a%20b%2F%3F"},
		{"undefined", `{"source":"config_token"}`, ""},
		{"undefined as uri", `{"source":"config_token","encoding":"uri"}`, "undefined"},
		{"undefined as base64", `{"source":"config_token","encoding":"base64"}`, ""},
		{"beyond Latin-1", `{"source":"static","query":"日本"}`, ""},
		{"line break", `{"source":"static","query":"a\nX-Evil: 1"}`, ""},
		{"NUL", `{"source":"static","query":"a\u0000"}`, ""},
		{"DEL", `{"source":"static","query":"a\u007f"}`, ""},
		{"unknown engine", `{"source":"userinfo","query_engine":"zz","query":"$"}`, ""},
		{"unknown encoding is plain", `{"source":"static","query":"x","encoding":"zzz"}`, "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := apply(t, `{"x-t":`+tt.entry+`}`, data, false)
			if got, ok := h["X-T"]; !ok || got[0] != tt.want {
				t.Errorf("X-T = %q, want %q", got, tt.want)
			}
		})
	}
}

// Integers beyond 2⁵³ keep their digits in native tokens; in external-auth-server's format they are what JavaScript made
// of them. What is no value of a query is an error.
func TestIntegers(t *testing.T) {
	for _, tt := range []struct{ name, config, native, eas string }{
		{"static", `{"X-T":{"source":"static","query":9007199254740993}}`, "9007199254740993", "9007199254740992"},
		{"identity", `{"X-T":{"source":"identity"}}`, `{"subject":"a","name":"a","realm":"","provider":"","roles":[],"attributes":{},"claims":{"id":9007199254740993}}`,
			`{"subject":"a","name":"a","realm":"","provider":"","roles":[],"attributes":{},"claims":{"id":9007199254740993}}`},
		{"a token's claims", `{"X-T":{"source":"id_token","query_engine":"jp","query":"$.id"}}`, "[9007199254740993]", "[9007199254740992]"},
		{"userinfo", `{"X-T":{"source":"userinfo"}}`, `{"id":9007199254740993}`, `{"id":9007199254740993}`},
	} {
		for native, want := range map[bool]string{true: tt.native, false: tt.eas} {
			s, err := Compile([]byte(tt.config), query.Engines{"jp": jsonpath.New(nil)}, native)
			if err != nil {
				t.Fatal(err)
			}
			info := query.ObjectOf([]string{"id"}, []query.Value{query.Integer("9007199254740993")})
			data := plugins.Data{UserInfo: info, IDToken: "x." + base64.RawURLEncoding.EncodeToString([]byte(query.JSON(info))) + ".x"}
			id := identity.Identity{Subject: "a", Claims: map[string]any{"id": json.Number("9007199254740993")}}
			h := http.Header{}
			s.Apply(t.Context(), &Sources{Data: data, Identity: id, Step: -1}, h, false, nil)
			if h.Get("X-T") != want {
				t.Errorf("%s, native %v: %s, want %s", tt.name, native, h.Get("X-T"), want)
			}
		}
	}
	h := apply(t, `{"X-T":{"source":"userinfo"}}`, plugins.Data{UserInfo: []any{json.Number("5")}}, false)
	if got := h.Get("X-T"); got != "" {
		t.Errorf("a value of an unknown type = %q, want nothing", got)
	}
}

// The application can be told who it is by any plugin's word for it.
func TestIdentity(t *testing.T) {
	s, err := Compile([]byte(`{"X-Who":{"source":"identity"}}`), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	id := identity.Identity{Subject: "uid=alice,dc=x", Name: "alice", Realm: "example", Roles: []string{"dev"}, Provider: "ldap",
		Attributes: map[string][]string{"b": {"2", "3"}, "a": {"1"}}}
	s.Apply(t.Context(), &Sources{Data: plugins.Data{}, Identity: id, Step: -1}, h, false, nil)
	if want := `{"subject":"uid=alice,dc=x","name":"alice","realm":"example","provider":"ldap","roles":["dev"],"attributes":{"a":["1"],"b":["2","3"]}}`; h.Get("X-Who") != want {
		t.Errorf("X-Who = %s, want %s", h.Get("X-Who"), want)
	}
	page, err := os.ReadFile("../../docs/headers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, row, _ := strings.Cut(string(page), "`identity` is the same object")
	row, _, _ = strings.Cut(row, "\n\n")
	id.Scopes, id.Claims, id.Expires = []string{"s"}, map[string]any{"c": "1"}, time.Unix(1, 0)
	view, err := identityView(&id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range view.(*query.Object).Len() {
		if name, _ := view.(*query.Object).At(i); !strings.Contains(row, "`"+name+"`") {
			t.Errorf("docs/headers.md: identity lacks %s", name)
		}
	}
	s.Apply(t.Context(), &Sources{Data: plugins.Data{}, Identity: identity.Identity{}, Step: -1}, h, false, nil)
	if got, ok := h["X-Who"]; !ok || got[0] != "" {
		t.Errorf("X-Who of nobody = %q, want it empty", got)
	}
}

// What cannot be had is sent empty, so that the client's own header of the name does not get through; external-auth-server
// leaves it out.
func TestOmit(t *testing.T) {
	const config = `{"X-T":{"source":"userinfo","encoding":"base64"},"X-Ok":{"source":"static","query":"1"}}`
	if h := apply(t, config, plugins.Data{}, true); len(h["X-T"]) != 0 || h.Get("X-Ok") != "1" {
		t.Errorf("headers = %v, want X-Ok alone", h)
	}
	if h := apply(t, config, plugins.Data{}, false); len(h["X-T"]) != 1 || h.Get("X-T") != "" {
		t.Errorf("headers = %v, want an empty X-T", h)
	}
}

// An entry that is no object has no source, and is sent empty as every undefined one.
func TestEntryWithoutSource(t *testing.T) {
	for _, entry := range []string{`"v"`, `5`, `true`, `["a"]`, `null`} {
		if got, ok := apply(t, `{"X-T":`+entry+`}`, plugins.Data{}, true)["X-T"]; !ok || got[0] != "" {
			t.Errorf("%s: X-T = %q, %v, want it empty", entry, got, ok)
		}
		if _, err := Compile([]byte(`{"X-T":`+entry+`}`), nil, true); err == nil {
			t.Errorf("%s is sealed", entry)
		}
	}
}

// Names that would break the reply are never set, however the token came in; a native one is not sealed.
func TestReservedNames(t *testing.T) {
	for _, name := range []string{
		"Connection", "Content-Length", "Date", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
		"transfer-encoding", "TRAILER", "bad name", "", "a:b", "a\\nb", "é",
	} {
		config := `{"` + name + `":{"source":"static","query":"x"}}`
		if h := apply(t, config, plugins.Data{}, false); len(h) != 0 {
			t.Errorf("%q: headers = %v, want none", name, h)
		}
		if _, err := Compile([]byte(config), nil, true); err == nil {
			t.Errorf("%q: a native token may set it", name)
		}
	}
}

// Native tokens send text in UTF-8, as applications read it, and JSON in ASCII; encoding latin1 is what Node.js sends, and
// all that tokens in external-auth-server's format do.
func TestEncodings(t *testing.T) {
	object := &query.Object{}
	object.Set("név", "Łukasz 山田 😀")
	data := plugins.Data{UserInfo: object, AccessToken: "Łukasz", RefreshToken: "Müller", IDToken: "a\u0085b\tc"}
	r := plugintest.Request{Header: http.Header{"X-Raw": {"M\xc3\xbcller"}, "X-Old": {"M\xfcller"}}}.Build()
	for _, tt := range []struct{ name, entry, native, eas string }{
		{"beyond Latin-1", `"source":"access_token"`, "Łukasz", ""},
		{"in Latin-1", `"source":"refresh_token"`, "Müller", "M\xfcller"},
		{"in Latin-1, as asked", `"source":"refresh_token","encoding":"latin1"`, "M\xfcller", "M\xfcller"},
		{"beyond Latin-1, as asked", `"source":"access_token","encoding":"latin1"`, "", ""},
		{"JSON", `"source":"userinfo"`, `{"n\u00e9v":"\u0141ukasz \u5c71\u7530 \ud83d\ude00"}`, ""},
		{"JSON of a query", `"source":"userinfo","query_engine":"jp","query":"$['név']"`, `["\u0141ukasz \u5c71\u7530 \ud83d\ude00"]`, ""},
		{"base64 is of UTF-8", `"source":"refresh_token","encoding":"base64"`, "TcO8bGxlcg==", "TcO8bGxlcg=="},
		{"a tab, and a control character of Latin-1", `"source":"id_token"`, "a\u0085b\tc", "a\x85b\tc"},
		{"bytes of the request stay the same", `"source":"req","query_engine":"jp","query":"$.headers['x-raw']","query_opts":{"single_value":true}`, "M\xc3\xbcller", "M\xc3\xbcller"},
		{"whatever they are", `"source":"req","query_engine":"jp","query":"$.headers['x-old']","query_opts":{"single_value":true}`, "M\xfcller", "M\xfcller"},
	} {
		for native, want := range map[bool]string{true: tt.native, false: tt.eas} {
			s, err := Compile([]byte(`{"X-T":{`+tt.entry+`}}`), query.Engines{"jp": jsonpath.New(nil)}, native)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			h := http.Header{}
			unsent := s.Apply(t.Context(), &Sources{Request: r, Data: data, Step: -1}, h, false, nil)
			if got := h.Get("X-T"); got != want || (unsent == 1) != (want == "") {
				t.Errorf("%s, native %v: %q, %d unsent, want %q", tt.name, native, got, unsent, want)
			}
			if v, err := query.ParseJSON([]byte(h.Get("X-T"))); native && strings.HasPrefix(tt.name, "JSON") && (err != nil || !strings.Contains(query.JSON(v), "Łukasz 山田 😀")) {
				t.Errorf("%s: %q does not parse back: %v", tt.name, h.Get("X-T"), err)
			}
		}
	}
}

// A header that could not be sent is told of once, without what it holds; one that has nothing to say is not.
func TestWarnOnce(t *testing.T) {
	s, err := Compile([]byte(`{"X-A":{"source":"access_token"},"X-B":{"source":"userinfo","query_engine":"jq","query":".a[]"},
		"X-C":{"source":"id_token","query_engine":"jp","query":"$.sub"},"X-D":{"source":"userinfo","encoding":"base64"},"X-E":{"source":"identity"}}`),
		query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})}, true)
	if err != nil {
		t.Fatal(err)
	}
	info := &query.Object{}
	info.Set("a", "s3cret")
	var said []string
	for range 3 {
		src := &Sources{Data: plugins.Data{AccessToken: "a\ns3cret", UserInfo: info}, Step: -1, Warn: func(name, why string) { said = append(said, name+": "+why) }}
		if unsent := s.Apply(t.Context(), src, http.Header{}, false, nil); unsent != 2 {
			t.Errorf("%d unsent, want X-A and X-B", unsent)
		}
	}
	if want := "X-A: value cannot be sent in a header|X-B: its query fails; easgate explain says how"; strings.Join(said, "|") != want {
		t.Errorf("said %q, want %q", said, want)
	}
}
