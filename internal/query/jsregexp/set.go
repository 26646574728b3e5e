package jsregexp

import (
	"slices"
	"unicode"
)

// A set is a set of characters: ranges from set[2i] to set[2i+1], ascending and apart.
// Without the flag u the characters are UTF-16 code units.
type set []rune

func setOf(ranges ...rune) set { return set(ranges).normalize() }

// normalize sorts the ranges and joins those that touch.
func (s set) normalize() set {
	type pair struct{ lo, hi rune }
	pairs := make([]pair, 0, len(s)/2)
	for i := 0; i < len(s); i += 2 {
		pairs = append(pairs, pair{s[i], s[i+1]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return int(a.lo - b.lo) })
	out := set{}
	for _, p := range pairs {
		if n := len(out); n > 0 && p.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p.hi)
			continue
		}
		out = append(out, p.lo, p.hi)
	}
	return out
}

func (s set) union(t set) set { return slices.Concat(s, t).normalize() }

func (s set) complement() set {
	out := set{}
	next := rune(0)
	for i := 0; i < len(s); i += 2 {
		if next < s[i] {
			out = append(out, next, s[i]-1)
		}
		next = s[i+1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, next, unicode.MaxRune)
	}
	return out
}

func fromTables(tables ...*unicode.RangeTable) set {
	out := set{}
	for _, t := range tables {
		for _, r := range t.R16 {
			out = appendStrided(out, rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			out = appendStrided(out, rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return out.normalize()
}

func appendStrided(s set, lo, hi, stride rune) set {
	if stride == 1 {
		return append(s, lo, hi)
	}
	for r := lo; r <= hi; r += stride {
		s = append(s, r, r)
	}
	return s
}

// Character classes of ECMA-262 §22.2.2.9.
func digits() set { return setOf('0', '9') }

func spaces() set {
	return setOf('\t', '\r', ' ', ' ', 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f,
		0x3000, 0x3000, 0xfeff, 0xfeff)
}

func newlines() set { return setOf('\n', '\n', '\r', '\r', 0x2028, 0x2029) }

// words is \w; with i and u together it has all that folds into it.
func words(f flags) set {
	s := setOf('0', '9', 'A', 'Z', '_', '_', 'a', 'z')
	if f.ignoreCase && f.unicode {
		s = s.union(setOf('ſ', 'ſ', '\u212a', '\u212a'))
	}
	return s
}

// fold returns all characters that are equal to one of s when case is ignored (ECMA-262 §22.2.2.7.3, Canonicalize).
func (s set) fold(f flags) set {
	switch {
	case !f.ignoreCase:
		return s
	case len(s) == 0 || s[len(s)-1] < 0x80 && !f.unicode:
		return s.foldASCII()
	case f.unicode:
		return s.foldUnicode()
	}
	return s.foldUpper()
}

func (s set) foldASCII() set {
	out := slices.Clone(s)
	for i := 0; i < len(s); i += 2 {
		if lo, hi := max(s[i], 'a'), min(s[i+1], 'z'); lo <= hi {
			out = append(out, lo-'a'+'A', hi-'a'+'A')
		}
		if lo, hi := max(s[i], 'A'), min(s[i+1], 'Z'); lo <= hi {
			out = append(out, lo-'A'+'a', hi-'A'+'a')
		}
	}
	return out.normalize()
}

// lastCased is beyond every character that has another case.
const lastCased = 0x1ffff

// foldUnicode folds by Unicode's simple case folding, as with the flag u.
func (s set) foldUnicode() set {
	return s.foldWhere(func(a, b rune) bool { return true })
}

// foldUpper folds code units by their upper case, as without the flag u. Code units with the same upper case also fold
// into each other.
func (s set) foldUpper() set {
	return s.foldWhere(func(a, b rune) bool { return canonical(a) == canonical(b) })
}

func (s set) foldWhere(equal func(a, b rune) bool) set {
	out := slices.Clone(s)
	for i := 0; i < len(s); i += 2 {
		for r := s[i]; r <= min(s[i+1], lastCased); r++ {
			for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
				if equal(r, o) {
					out = append(out, o, o)
				}
			}
		}
	}
	return out.normalize()
}

// canonical is the upper case of a code unit, if that is one code unit and does not lead from outside into ASCII.
func canonical(r rune) rune {
	up := unicode.ToUpper(r)
	switch {
	case r >= 0x80 && up < 0x80, up > 0xffff:
		return r
	case r >= 0x1f80 && r <= 0x1faf, r == 0x1fb3, r == 0x1fc3, r == 0x1ff3:
		// Their upper case is two letters (SpecialCasing.txt); unicode.ToUpper gives the title case.
		return r
	}
	return up
}
