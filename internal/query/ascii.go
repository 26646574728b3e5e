package query

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// ASCII returns the JSON text with \u in place of what is beyond ASCII, for a header: the same to whoever parses it.
func ASCII(json string) string {
	i := strings.IndexFunc(json, notASCII)
	if i < 0 {
		return json
	}
	b := append(make([]byte, 0, 2*len(json)), json[:i]...)
	for _, r := range json[i:] {
		if !notASCII(r) {
			b = append(b, byte(r))
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			b = fmt.Appendf(b, `\u%04x`, unit)
		}
	}
	return string(b)
}

func notASCII(r rune) bool { return r >= 0x7f }
