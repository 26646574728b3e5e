package jsonpath

import (
	"strconv"

	"github.com/easgate/easgate/internal/query"
)

// slice is [start:end:step], on lists only.
type slice struct {
	start, end, step int
	hasStart, hasEnd bool
}

// each calls see with the indexes that the slice selects in a list of n elements.
func (s slice) each(n int, see func(i int) error) error {
	if s.step == 0 {
		return errStep
	}
	start, end := 0, n
	if s.step < 0 {
		start, end = n-1, -1
	}
	if s.hasStart {
		if start = s.start; start < 0 {
			start += n
		}
	}
	if s.hasEnd {
		if end = s.end; end < 0 {
			end += n
		}
	}
	if s.step > 0 {
		for i := max(start, 0); i < min(end, n); i += s.step {
			if err := see(i); err != nil {
				return err
			}
		}
		return nil
	}
	// The reference clamps to n, not to n-1, and may give the element that is not there: it then throws, but not in a
	// union.
	for i := min(start, n); i > max(end, -1); i += s.step {
		if err := see(i); err != nil {
			return err
		}
	}
	return nil
}

func (s slice) apply(r *run, v query.Value, out []any) ([]any, error) {
	a, ok := v.([]any)
	if !ok {
		return out, nil
	}
	err := s.each(len(a), func(i int) error {
		if err := r.look(); err != nil {
			return err
		}
		if i >= len(a) {
			return errSlice
		}
		out = append(out, a[i])
		return nil
	})
	return out, err
}

// union is ['a','b',0,1:3]: what its parts find, each place once.
type union []step

func (s union) apply(r *run, v query.Value, out []any) ([]any, error) {
	seen := map[string]bool{}
	add := func(key string, found query.Value) error {
		if err := r.look(); err != nil {
			return err
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, found)
		}
		return nil
	}
	for _, part := range s {
		var err error
		switch part := part.(type) {
		case slice:
			a, ok := v.([]any)
			if !ok {
				continue
			}
			err = part.each(len(a), func(i int) error {
				if i >= len(a) {
					return nil
				}
				return add(strconv.Itoa(i), a[i])
			})
		case member:
			var found query.Value
			var ok bool
			if found, ok, err = part.one(v); ok {
				err = add(part.name, found)
			}
		case index:
			if found, ok, _ := part.one(v); ok {
				err = add(query.Number(float64(part)), found)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
