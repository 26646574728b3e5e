package jsregexp

// A node of a parsed pattern.
type node interface{}

type (
	// charSet is one character out of a set.
	charSet struct{ set set }
	// sequence matches its parts in turn; an empty one matches the empty text.
	sequence []node
	// choice matches one of its parts.
	choice []node
	// group is a capturing group; others are just their body.
	group struct {
		number int
		// used: a backreference needs what it matches.
		used bool
		body node
	}
	// repeat is a quantifier. max is -1 for no bound.
	repeat struct {
		min, max int
		lazy     bool
		body     node
	}
	// anchor is one of ^ $ b B.
	anchor byte
	// look is a lookahead or lookbehind.
	look struct {
		behind, negative bool
		body             node
	}
	// backref repeats what a group matched.
	backref struct {
		number int
		// never: the group cannot have matched anything here, and then a backreference matches the empty text.
		never bool
	}
)

// children returns the parts of n.
func children(n node) []node {
	switch n := n.(type) {
	case sequence:
		return n
	case choice:
		return n
	case *group:
		return []node{n.body}
	case *repeat:
		return []node{n.body}
	case *look:
		return []node{n.body}
	}
	return nil
}

// nullable reports whether n may match the empty text.
func nullable(n node) bool {
	switch n := n.(type) {
	case charSet:
		return false
	case sequence:
		for _, part := range n {
			if !nullable(part) {
				return false
			}
		}
	case choice:
		for _, part := range n {
			if nullable(part) {
				return true
			}
		}
		return false
	case *group:
		return nullable(n.body)
	case *repeat:
		return n.min == 0 || nullable(n.body)
	}
	return true
}
