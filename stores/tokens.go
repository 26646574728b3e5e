package stores

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/easgate/easgate/internal/document"
)

// Tokens are config tokens by id, as people write them into a file or a variable. They do not change.
type Tokens struct {
	sealed   map[string]string
	unusable map[string]error
}

// ParseTokens reads JSON or YAML: an object of ids, each with the text of a sealed token or, for a plain one, an
// object, which is kept as its compact JSON text, in its order and with its numbers as they are. null is an id
// without a token. An id that stands there twice is an error, because nobody can know which one is meant.
//
// An id with anything else, a number say, is unusable: looking it up fails, and it alone.
func ParseTokens(text []byte) (Tokens, error) {
	raw, err := document.ConvertLoosely(text)
	if err != nil {
		return Tokens{}, err
	}
	notObject := errors.New("want an object of ids and config tokens")
	d := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return Tokens{}, notObject
	}
	t := Tokens{map[string]string{}, map[string]error{}}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return Tokens{}, notObject
		}
		id := key.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return Tokens{}, notObject
		}
		if seen[id] {
			return Tokens{}, fmt.Errorf("%q: there are two of it", id)
		}
		seen[id] = true
		switch sealed, err := tokenText(value); {
		case err != nil:
			t.unusable[id] = fmt.Errorf("%q: %w", id, err)
		case sealed != "":
			t.sealed[id] = sealed
		}
	}
	return t, nil
}

var errNoToken = errors.New("want the text of a sealed config token, or a plain one as an object")

// tokenText returns "" for an id without a token.
func tokenText(value json.RawMessage) (string, error) {
	switch value[0] {
	case 'n':
		return "", nil
	case '{':
		var b bytes.Buffer
		err := json.Compact(&b, value)
		return b.String(), err
	case '"':
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return "", err
		}
		s = strings.TrimSpace(s)
		// EAS refuses it too: a plain token is an object, so that nobody gets one by quoting too much.
		if strings.HasPrefix(s, "{") {
			return "", errNoToken
		}
		return s, nil
	}
	return "", errNoToken
}

// Lookup is [Store]'s.
func (t Tokens) Lookup(id string) (sealed string, ok bool, err error) {
	if sealed, ok = t.sealed[id]; ok {
		return sealed, true, nil
	}
	return "", false, t.unusable[id]
}

// All returns the usable tokens by their ids.
func (t Tokens) All() map[string]string { return maps.Clone(t.sealed) }

// Unusable returns an error that names the ids whose tokens are none, nil if there is no such id.
func (t Tokens) Unusable() error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(t.unusable)) {
		errs = append(errs, t.unusable[id])
	}
	return errors.Join(errs...)
}
