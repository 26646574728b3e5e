package jsregexp

// class reads […].
func (p *parser) class() (node, error) {
	p.i++
	negative := p.take("^")
	var chars, classes set
	for {
		if !p.more() {
			return nil, p.errorf("missing ]")
		}
		if p.take("]") {
			break
		}
		lo, loSet, err := p.classAtom()
		if err != nil {
			return nil, err
		}
		if p.at(0) != '-' || p.at(1) == ']' || p.at(1) == -1 {
			chars, classes = add(chars, classes, lo, loSet)
			continue
		}
		p.i++
		hi, hiSet, err := p.classAtom()
		switch {
		case err != nil:
			return nil, err
		case loSet != nil || hiSet != nil:
			if p.unicode {
				return nil, p.errorf("invalid range in class")
			}
			// Annex B: the dash stands for itself.
			chars = append(chars, '-', '-')
			chars, classes = add(chars, classes, lo, loSet)
			chars, classes = add(chars, classes, hi, hiSet)
		case lo > hi:
			return nil, p.errorf("range out of order in class")
		default:
			chars = append(chars, lo, hi)
		}
	}
	// \d, \w, \s are closed under folding, \p was folded when it was read.
	s := chars.normalize().fold(p.flags).union(classes)
	if negative {
		s = s.complement()
	}
	return charSet{s}, nil
}

func add(chars, classes set, c rune, s set) (set, set) {
	if s != nil {
		return chars, append(classes, s...)
	}
	return append(chars, c, c), classes
}

// classAtom reads one character, or a class escape as a set that is not nil.
func (p *parser) classAtom() (rune, set, error) {
	c := p.at(0)
	p.i++
	if c != '\\' {
		return c, nil, nil
	}
	if s, ok, err := p.classEscape(); ok || err != nil {
		return 0, s, err
	}
	r, err := p.characterEscape(true)
	return r, nil, err
}
