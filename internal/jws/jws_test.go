package jws

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"a token", "a.b.c", nil},
		{"no signature", "a.b.", nil},
		{"nothing", "", ErrMalformed},
		{"one part", "a", ErrMalformed},
		{"two parts", "a.b", ErrMalformed},
		{"four parts", "a.b.c.d", ErrMalformed},
		{"a JWE", "a.b.c.d.e", ErrMalformed},
		{"no header", ".b.c", ErrInvalid},
		{"no payload", "a..c", ErrInvalid},
		{"padding", "a=.b.c", ErrInvalid},
		{"white space", "a.b.c ", ErrInvalid},
		{"the other alphabet", "a+.b/.c", ErrInvalid},
		{"a million dots", strings.Repeat(".", 1_000_000), ErrMalformed},
		{"too long", strings.Repeat("a", MaxToken) + ".b.c", ErrMalformed},
	} {
		if _, err := Split(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("Split(%s) = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestParseHeader(t *testing.T) {
	for in, want := range map[string]Header{
		`{"alg":"HS256","typ":"JWT"}`:            {Algorithm: "HS256", JWT: true},
		`{"alg":"HS256","typ":"jwt","kid":""}`:   {Algorithm: "HS256", HasKeyID: true},
		`{"ALG":"none","alg":"HS256"}`:           {Algorithm: "HS256"},
		`{"alg":"HS256","ALG":"none","Kid":"x"}`: {Algorithm: "HS256"},
		`{"alg":5,"kid":5}`:                      {HasKeyID: true},
		`{"kid":null}`:                           {},
		`{"alg":"ES256","crit":[],"kid":"a\"b"}`: {Algorithm: "ES256", Critical: true, KeyID: `a"b`, HasKeyID: true},
		`{"alg":"none","alg":"HS256"}`:           {Algorithm: "HS256"},
	} {
		got, err := ParseHeader(base64.RawURLEncoding.EncodeToString([]byte(in)))
		if err != nil || got != want {
			t.Errorf("ParseHeader(%s) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "null", "5", "[]", `"x"`, "{", `{"alg":"HS256"}x`} {
		if h, err := ParseHeader(base64.RawURLEncoding.EncodeToString([]byte(in))); err == nil {
			t.Errorf("ParseHeader(%s) = %+v, want an error", in, h)
		}
	}
}
