package htpasswd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// A user is one line of a password file. A token may hold thousands, and a server tens of thousands of tokens:
// name and hash share the memory of the file's text.
type user struct {
	name, hash string
	kind       kind
	// cost is what a check costs, in about microseconds.
	cost int32
	// seen is the password that this user was last allowed with, if it is worth remembering.
	seen atomic.Pointer[seen]
}

// parse reads a password file: lines of user:hash, LF or CRLF, "#" for comments. Nothing is trimmed: a space at the
// start of a line belongs to the name. Of several lines for one user the last with a hash counts.
// complain is called for each line that nothing will ever match, with an error that holds no hash;
// what it returns ends the reading.
func parse(text string, allowPlain bool, complain func(error) error) ([]*user, error) {
	var users []*user
	byName := map[string]*user{}
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, hash, ok := strings.Cut(line, ":")
		fail := func(err error) error {
			if !ok {
				// Without a colon this may be anything, a password included.
				return complain(fmt.Errorf("htpasswd: line %d: %w", number, err))
			}
			return complain(fmt.Errorf("htpasswd: line %d: user %.64q: %w", number, name, err))
		}
		if !ok || name == "" || hash == "" {
			if err := fail(errNoUser); err != nil {
				return nil, err
			}
			continue
		}
		u := &user{name: name, hash: hash}
		var cost int
		var err error
		if u.kind, cost, err = classify(hash, allowPlain); err != nil {
			if err := fail(err); err != nil {
				return nil, err
			}
		}
		u.cost = int32(cost)
		if earlier := byName[name]; earlier != nil {
			if err := fail(errTwice); err != nil {
				return nil, err
			}
			earlier.hash, earlier.kind, earlier.cost = u.hash, u.kind, u.cost
			continue
		}
		byName[name] = u
		users = append(users, u)
	}
	slices.SortFunc(users, func(a, b *user) int { return cmp.Compare(a.name, b.name) })
	return slices.Clip(users), nil
}

var (
	errNoUser = errors.New("want user:hash")
	errTwice  = errors.New("the user has an earlier line")
)
