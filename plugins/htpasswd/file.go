package htpasswd

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/text/unicode/norm"

	"github.com/easgate/easgate/internal/problem"
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

// A reading is how a password file is read.
type reading struct {
	allowPlain bool
	// native reads over blanks at either end of a line and over what follows a second colon, as nginx and Apache do, and
	// compares names in Unicode's NFC. External-auth-server takes blanks and colons for parts of name and hash.
	native bool
}

// parse reads a password file: lines of user:hash, LF or CRLF, "#" for comments, a byte order mark in front or none. Of
// several lines for one user the last with a hash counts. complain is called for each line that nothing will ever match,
// with an error that holds no hash; what it returns ends the reading.
func (r reading) parse(text string, complain func(error) error) ([]*user, error) {
	var users []*user
	byName := map[string]*user{}
	number := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		if r.native {
			line = norm.NFC.String(strings.Trim(line, " \t"))
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, hash, ok := strings.Cut(line, ":")
		third := false
		if r.native {
			hash, _, third = strings.Cut(hash, ":")
		}
		fail := func(err error) error {
			if h := hint(line, hash); h != "" {
				err = problem.Hint(err, "%s", h)
			}
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
		if u.kind, cost, err = classify(hash, r.allowPlain); err == nil && u.kind == plain && third {
			u.kind, err = unknown, errPlainColon
		}
		if err != nil {
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

// hint says what probably became of a line that means nothing, on its way here.
func hint(line, hash string) string {
	switch decoded, err := base64.StdEncoding.DecodeString(line); {
	case strings.HasPrefix(hash, "$$"):
		return "$$ is how Docker Compose writes a $: here it is written once"
	case strings.Contains(line, `\n`):
		return `\n inside a line is no new line: give each user a line (in YAML "htpasswd: |", and the lines indented below)`
	case err == nil && strings.Contains(string(decoded), ":"):
		return "this is base64, as the data of a Kubernetes secret is: decode it first"
	}
	return ""
}

var (
	errNoUser = errors.New("want user:hash")
	errTwice  = errors.New("the user has an earlier line")

	errPlainColon = errors.New("a password in clear ends at the second colon: hash it")
)
