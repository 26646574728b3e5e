package parent

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/query"
)

// parseQuery reads a query string as npm's query-string 7 does: keys sorted, several values of one key as an array,
// null for a key without '=', and escapes that are not UTF-8 left as they are.
func parseQuery(q string) *query.Object {
	q = strings.TrimSpace(q)
	if q != "" && strings.IndexByte("?#&", q[0]) >= 0 {
		q = q[1:]
	}
	values := map[string]query.Value{}
	for param := range strings.SplitSeq(q, "&") {
		if param == "" {
			continue
		}
		key, text, ok := strings.Cut(strings.ReplaceAll(param, "+", " "), "=")
		key = decodeComponent(key)
		var v query.Value
		if ok {
			v = decodeComponent(text)
		}
		switch old, there := values[key]; old := old.(type) {
		case []any:
			values[key] = append(old, v)
		default:
			if there {
				v = []any{old, v}
			}
			values[key] = v
		}
	}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	vals := make([]query.Value, len(keys))
	for i, k := range keys {
		vals[i] = values[k]
	}
	return query.ObjectOf(keys, vals)
}

// decodeComponent decodes escapes where they are UTF-8. In a text where some are not, it takes the few liberties of
// npm's decode-uri-component: byte order marks and a lone %C2 become U+FFFD.
func decodeComponent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	clean := true
	for i := 0; i < len(s); {
		if s[i] != '%' {
			b = append(b, s[i])
			i++
			continue
		}
		if r, n := escapedRune(s[i:]); n > 0 {
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		clean = false
		b = append(b, '%')
		i++
	}
	if clean {
		return string(b)
	}
	return liberties.Replace(string(b))
}

var liberties = strings.NewReplacer("%FE%FF", "\ufffd\ufffd", "%FF%FE", "\ufffd\ufffd", "%C2", "\ufffd")

// escapedRune decodes the character at the start of s, which is escaped; n is 0 if it is not UTF-8.
func escapedRune(s string) (r rune, n int) {
	var buf [utf8.UTFMax]byte
	b := buf[:0]
	for isEscape(s[n:]) && len(b) < utf8.UTFMax {
		b = append(b, unhex(s[n+1])<<4|unhex(s[n+2]))
		n += 3
		if utf8.FullRune(b) {
			break
		}
	}
	r, size := utf8.DecodeRune(b)
	if size != len(b) || (r == utf8.RuneError && size < 2) {
		return 0, 0
	}
	return r, n
}
