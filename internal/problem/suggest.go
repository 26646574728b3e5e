package problem

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Unknown is the error for a name that is none of known, with a hint on what was probably meant.
func Unknown(what, name string, known ...string) error {
	return Suggest(fmt.Errorf("unknown %s %q", what, name), name, known...)
}

// UnknownMember is the error for a member called name of an object that may have those in known.
func UnknownMember(name string, known ...string) error {
	return At(name, Suggest(errUnknownOption, name, known...))
}

var errUnknownOption = errors.New("unknown option")

// OneOf lists names for a person: "a", "a or b", "a, b or c"; of more than three it says "one of" them.
func OneOf(names []string) string {
	last := len(names) - 1
	switch {
	case last > 2:
		return "one of " + strings.Join(names, ", ")
	case last > 0:
		return strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return strings.Join(names, "")
}

// listed is how many names a hint lists when none of them is near.
const listed = 12

// Suggest returns err, which says that name is none of known, with a hint on what was probably meant. The hint never
// holds the name.
func Suggest(err error, name string, known ...string) error {
	if best := Nearest(name, known); best != "" {
		return Hint(err, "did you mean %s?", best)
	}
	switch n := len(known); {
	case n == 1:
		return Hint(err, "want %s", known[0])
	case 1 < n && n <= listed:
		return Hint(err, "want one of %s", strings.Join(known, ", "))
	}
	return err
}

// Nearest returns the one of known that name was probably meant to be: the same letters in another case or with other
// separators, another word for it, a part of it, or a typing error. It returns "" when there is none.
func Nearest(name string, known []string) string {
	plain := letters(name)
	for _, k := range known {
		if letters(k) == plain {
			return k
		}
	}
	for _, other := range synonyms[plain] {
		if slices.Contains(known, other) {
			return other
		}
	}
	for _, k := range known {
		l := letters(k)
		part := strings.HasPrefix(l, plain) || strings.HasSuffix(l, plain) || strings.HasPrefix(plain, l)
		if part && min(len(l), len(plain)) > 3 {
			return k
		}
	}
	best, bestDistance := "", 1+len(name)/4
	for _, k := range known {
		d := distance(strings.ToLower(name), strings.ToLower(k))
		if d < bestDistance || d == bestDistance && best == "" && d < len(k) {
			best, bestDistance = k, d
		}
	}
	return best
}

// letters is name without what people write differently.
func letters(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// synonyms are words that other software, or a person, has for ours. What fits is what the place knows.
var synonyms = map[string][]string{
	// plugins
	"basic": {"htpasswd"}, "basicauth": {"htpasswd"}, "passwd": {"htpasswd"}, "users": {"htpasswd"},
	"activedirectory": {"ldap"}, "ad": {"ldap"}, "bearer": {"jwt"}, "token": {"jwt"},
	"external": {"forward"}, "proxy": {"forward"}, "http": {"forward"}, "authrequest": {"forward"},
	"apikey": {"request_header"}, "query": {"request_param"}, "script": {"request_js"}, "javascript": {"js", "request_js"},
	"allow": {"noop"}, "anonymous": {"noop"}, "none": {"noop", "plain"},
	// options
	"audiences": {"audience"}, "aud": {"audience"}, "issuers": {"issuer"}, "iss": {"issuer"}, "alg": {"algorithms"},
	"key": {"secret"}, "publickey": {"secret"}, "jwks": {"secret"}, "jwksuri": {"secret"}, "jwksurl": {"secret"},
	"leeway": {"clockTolerance"}, "clockskew": {"clockTolerance"}, "uri": {"url"}, "endpoint": {"url"},
	"basedn": {"searchBase"}, "base": {"searchBase"}, "userfilter": {"searchFilter"}, "admindn": {"bindDN"},
	"password": {"bindCredentials"}, "bindpassword": {"bindCredentials"}, "adminpassword": {"bindCredentials"},
	"engine": {"query_engine"}, "language": {"query_engine"}, "expression": {"query"}, "jsonpath": {"jp", "query"},
	"ignorecase": {"case_insensitive"}, "not": {"negate"}, "invert": {"negate"}, "operator": {"method"},
	"rules": {"assertions"},
	// rule methods
	"equals": {"eq"}, "equal": {"eq"}, "is": {"eq"}, "==": {"eq"}, "=": {"eq"}, "===": {"eq"}, "matches": {"regex"},
	"match":   {"regex"},
	"pattern": {"regex"}, "oneof": {"in"}, "anyof": {"in"}, "any": {"contains-any"}, "all": {"contains-all"},
	"allof": {"contains-all"}, "includes": {"contains"}, "has": {"contains"}, "blank": {"empty"},
	// sources, encodings and query engines
	"user": {"userinfo"}, "profile": {"userinfo"}, "request": {"req"}, "parentrequest": {"parentRequestInfo"},
	"constant": {"static"}, "literal": {"static"}, "claims": {"id_token"},
	"b64": {"base64"}, "percent": {"uri"}, "urlencode": {"uri"}, "urlencoded": {"uri"}, "raw": {"plain"},
	"text":     {"plain"},
	"mustache": {"handlebars"}, "hbs": {"handlebars"}, "ecmascript": {"js"},
}

// distance is how many letters must be inserted, dropped, changed or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	var before []int // the row before the last one
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
