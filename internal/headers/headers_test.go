package headers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/query"
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
		{"identity", `{"X-T":{"source":"identity"}}`, `{"subject":"a","realm":"","roles":[],"attributes":{},"claims":{"id":9007199254740993}}`,
			`{"subject":"a","realm":"","roles":[],"attributes":{},"claims":{"id":9007199254740993}}`},
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
	id := identity.Identity{Subject: "alice", Realm: "example", Roles: []string{"dev"}, Attributes: map[string]string{"b": "2", "a": "1"}}
	s.Apply(t.Context(), &Sources{Data: plugins.Data{}, Identity: id, Step: -1}, h, false, nil)
	if want := `{"subject":"alice","realm":"example","roles":["dev"],"attributes":{"a":"1","b":"2"}}`; h.Get("X-Who") != want {
		t.Errorf("X-Who = %s, want %s", h.Get("X-Who"), want)
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

// Names that would break the reply are never set, however the token came in.
func TestReservedNames(t *testing.T) {
	h := apply(t, `{"Content-Length":{"source":"static","query":"5"},"transfer-encoding":{"source":"static","query":"chunked"},
		"bad name":{"source":"static","query":"x"},"":{"source":"static","query":"x"},"a:b":{"source":"static","query":"x"}}`, plugins.Data{}, false)
	if len(h) != 0 {
		t.Errorf("headers = %v, want none", h)
	}
}
