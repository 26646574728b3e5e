package query_test

import (
	"testing"

	"github.com/easgate/easgate/internal/query"
)

func TestLatin1(t *testing.T) {
	tests := []struct{ name, header, js string }{
		{"empty", "", ""},
		{"ascii", "a b~", "a b~"},
		{"latin", "caf\xe9", "café"},
		// A client that sends UTF-8 gives JavaScript two characters for one.
		{"utf-8", "caf\xc3\xa9", "cafÃ©"},
		{"every high byte", "\x80\xff", "\u0080ÿ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := query.Latin1(tt.header); got != tt.js {
				t.Errorf("Latin1(%q) = %q, want %q", tt.header, got, tt.js)
			}
			if got, ok := query.Latin1Bytes(tt.js); !ok || got != tt.header {
				t.Errorf("Latin1Bytes(%q) = %q, %v, want %q", tt.js, got, ok, tt.header)
			}
		})
	}
	for _, s := range []string{"日", "Ā", "\xff"} { // the last is no UTF-8 at all
		if got, ok := query.Latin1Bytes(s); ok {
			t.Errorf("Latin1Bytes(%q) = %q, want none", s, got)
		}
	}
}
