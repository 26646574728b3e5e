package configtoken

import (
	"errors"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	now := time.Unix(1_700_000_000, 999_999_999)
	s := now.Unix()
	cases := []struct {
		name string
		in   Token
		want error
	}{
		{"no bounds", Token{}, nil},
		{"expires in a second", Token{Expires: s + 1}, nil},
		// RFC 7519 §4.1.4: on or after.
		{"expires now", Token{Expires: s}, ErrExpired},
		{"expired", Token{Expires: 1}, ErrExpired},
		{"expired before 1970", Token{Expires: -1}, ErrExpired},
		{"from now", Token{NotBefore: s}, nil},
		{"from the next second", Token{NotBefore: s + 1}, ErrNotYetValid},
		{"both", Token{NotBefore: s - 1, Expires: s + 1}, nil},
		{"over before it begins", Token{NotBefore: s + 1, Expires: s - 1}, ErrExpired},
	}
	for _, c := range cases {
		if err := c.in.Check(now); !errors.Is(err, c.want) {
			t.Errorf("Check(%s) = %v, want %v", c.name, err, c.want)
		}
	}
}
