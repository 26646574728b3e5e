package query

import "unicode/utf16"

// Length is JavaScript's s.length: UTF-16 code units.
func Length(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// CharAt is JavaScript's s[i], [Undefined] when s is shorter. Half a surrogate pair is U+FFFD, which it becomes when
// it is written as UTF-8.
func CharAt(s string, i int) Value {
	for _, r := range s {
		n := utf16.RuneLen(r)
		if i >= n {
			i -= n
			continue
		}
		if n > 1 {
			r = '\ufffd'
		}
		return string(r)
	}
	return Undefined{}
}

// ArrayIndex returns the element that key selects in a list: keys are texts in JavaScript, and only "0", "1", "2" …
// are elements.
func ArrayIndex(key string) (int, bool) {
	n, ok := arrayIndex(key)
	return int(n), ok
}
