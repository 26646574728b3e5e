package configtoken

// junk is what [sextet] returns for a byte that stands for nothing in base64.
const junk = 0xff

// sextet returns the six bits that c stands for in base64 or base64url (RFC 4648 §4, §5).
func sextet(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A'
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26
	case '0' <= c && c <= '9':
		return c - '0' + 52
	case c == '+', c == '-':
		return 62
	case c == '/', c == '_':
		return 63
	}
	return junk
}

// decodeLenient reads base64 as Node's Buffer.from(s, "base64") does, which reads every EAS token in use: both
// alphabets, padding or none, whatever else stands between skipped, up to the first '='. Bits that make no whole byte
// are dropped.
func decodeLenient(s string) []byte {
	out := make([]byte, 0, len(s)/4*3+3)
	var bits uint32
	n := 0
	for i := range len(s) {
		if s[i] == '=' {
			break
		}
		v := sextet(s[i])
		if v == junk {
			continue
		}
		bits = bits<<6 | uint32(v)
		if n += 6; n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
		}
	}
	return out
}
