package htpasswd

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

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
}

// A reading is how a password file is read.
type reading struct {
	allowPlain bool
	// native reads over blanks at either end of a line and over what follows a second colon, as nginx and Apache do, and
	// compares names in Unicode's NFC. External-auth-server takes blanks and colons for parts of name and hash.
	native bool
}

// parse reads a password file: lines of user:hash, LF or CRLF, "#" for comments, a byte order mark in front or none. Of
// several lines for one user the last with a hash counts. report is told of each line that nothing will ever match,
// with an error that holds no hash.
func (r reading) parse(text string, report func(error)) []*user {
	var users []*user
	byName := map[string]*user{}
	number := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		number++
		l, ok := r.line(line)
		if !ok {
			continue
		}
		u, err := r.user(&l)
		l.report(number, err, report)
		if u == nil {
			continue
		}
		if earlier := byName[u.name]; earlier != nil {
			l.report(number, errTwice, report)
			earlier.hash, earlier.kind, earlier.cost = u.hash, u.kind, u.cost
			continue
		}
		byName[u.name] = u
		users = append(users, u)
	}
	slices.SortFunc(users, func(a, b *user) int { return cmp.Compare(a.name, b.name) })
	return slices.Clip(users)
}

// A line is one that is not empty and no comment.
type line struct {
	text, name, hash string
	// colon says that there is one, third that there is a second.
	colon, third bool
}

// line returns false for what is none.
func (r reading) line(text string) (l line, ok bool) {
	text = strings.TrimSuffix(text, "\r")
	if r.native {
		text = norm.NFC.String(strings.Trim(text, " \t"))
	}
	if text == "" || strings.HasPrefix(text, "#") {
		return line{}, false
	}
	l.text = text
	l.name, l.hash, l.colon = strings.Cut(text, ":")
	if r.native {
		l.hash, _, l.third = strings.Cut(l.hash, ":")
	}
	return l, true
}

// user returns who may log in by l, nil for nobody; an error says why the hash, or the whole line, matches nothing.
func (r reading) user(l *line) (*user, error) {
	if !l.colon || l.name == "" || l.hash == "" {
		return nil, errNoUser
	}
	kind, cost, err := classify(l.hash, r.allowPlain)
	if err == nil && kind == plain && l.third {
		kind, err = unknown, errPlainColon
	}
	return &user{name: l.name, hash: l.hash, kind: kind, cost: int32(cost)}, err
}

func (l *line) report(number int, err error, report func(error)) {
	if err == nil {
		return
	}
	if h := hint(l.text, l.hash); h != "" {
		err = problem.Hint(err, "%s", h)
	}
	if !l.colon {
		// Without a colon this may be anything, a password included.
		report(fmt.Errorf("htpasswd: line %d: %w", number, err))
		return
	}
	report(fmt.Errorf("htpasswd: line %d: user %.64q: %w", number, l.name, err))
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
