package jsregexp

import "slices"

// settleBackrefs decides what each backreference means, or that it cannot be said. JavaScript empties the groups
// within a loop at the start of every turn and refuses empty turns; regexp2 does neither. So a group within a loop is
// accepted only if every turn sets it, and none is empty.
func settleBackrefs(root node) error {
	w := walker{groups: map[int]place{}}
	w.walk(root)
	for _, ref := range w.refs {
		g := w.groups[ref.node.number]
		if behind(g.path) || behind(ref.path) {
			return errBackref
		}
		if ref.open < g.end || escapesNegation(g.path, ref.path) {
			ref.node.never = true
			continue
		}
		for i, n := range g.path {
			loop, ok := n.(*repeat)
			if ok && loop.max != 1 && loop.max != 0 && (nullable(loop.body) || !mandatory(g.path[i+1:])) {
				return errBackref
			}
		}
		g.group.used = true
	}
	return nil
}

// A place is where a group or a backreference stands: its ancestors, outermost first, and the numbers of its first and
// last node.
type place struct {
	path      []node
	open, end int
	group     *group
}

type walker struct {
	groups map[int]place
	refs   []struct {
		place
		node *backref
	}
	path []node
	n    int
}

func (w *walker) walk(n node) {
	w.n++
	open := w.n
	if ref, ok := n.(*backref); ok {
		w.refs = append(w.refs, struct {
			place
			node *backref
		}{place{path: slices.Clone(w.path), open: open, end: open}, ref})
		return
	}
	w.path = append(w.path, n)
	for _, child := range children(n) {
		w.walk(child)
	}
	w.path = w.path[:len(w.path)-1]
	if g, ok := n.(*group); ok {
		w.n++
		w.groups[g.number] = place{slices.Clone(w.path), open, w.n, g}
	}
}

func behind(path []node) bool {
	return slices.ContainsFunc(path, func(n node) bool { l, ok := n.(*look); return ok && l.behind })
}

// escapesNegation reports whether a group stands in a negative lookahead and the reference does not.
func escapesNegation(group, ref []node) bool {
	for _, n := range group {
		if l, ok := n.(*look); ok && l.negative && !slices.ContainsFunc(ref, func(m node) bool { return m == node(l) }) {
			return true
		}
	}
	return false
}

// mandatory reports whether nothing on the path can be left out.
func mandatory(path []node) bool {
	for _, n := range path {
		switch n := n.(type) {
		case choice:
			return false
		case *repeat:
			if n.min == 0 {
				return false
			}
		case *look:
			if n.negative {
				return false
			}
		}
	}
	return true
}
