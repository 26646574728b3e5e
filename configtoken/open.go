package configtoken

import (
	"encoding/json"
	"errors"
	"strings"
)

// Formats says which sealed texts are opened.
type Formats struct {
	// Native is the keyring of native tokens; nil closes the format.
	Native *Live
	// EAS are the keys of external-auth-server's tokens; nil closes the format (EAS_TOKEN_FORMATS=native).
	EAS *EASKeys
	// RequireSigned refuses native tokens without a signature of a key in the keyring. Other formats must be closed
	// then: whoever reads this server's secrets could write them.
	RequireSigned bool
	// AllowPlain takes unsealed JSON objects from stores (EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS).
	// It says nothing about a verify URL, which never carries any.
	AllowPlain bool
}

func (f Formats) check() error {
	switch {
	case f.Native == nil && f.EAS == nil:
		return errors.New("config token: no keys: neither a keyring nor the secrets of EAS's format")
	case f.RequireSigned && f.EAS != nil:
		return errors.New("config token: signed tokens are required, but EAS's format is open, which anybody with its " +
			"secrets can write")
	case f.RequireSigned && f.AllowPlain:
		return errors.New("config token: signed tokens are required, but plain ones are allowed")
	case f.RequireSigned && len(f.Native.Keyring().sign) == 0:
		return errors.New("config token: signed tokens are required, but the keyring has no key that verifies")
	}
	return nil
}

// NewOpener returns what opens the config token of a verify URL, which is a stranger's text until it has opened.
// It is safe for concurrent use.
func NewOpener(f Formats) (Opener, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return urlOpener{f}, nil
}

// NewStoreOpener returns what opens the config tokens that a store holds: sealed text; a JWT that is signed with EAS's
// secret and not encrypted; a plain JSON object if they are allowed; or a JSON string with sealed or signed text in it.
//
// A JSON string never holds a plain token: with EAS's file and env stores the value of an id may be an object, which
// is a plain token, or a string, which is sealed. Those stores therefore hand on the JSON of the value as it is.
// It is safe for concurrent use.
func NewStoreOpener(f Formats) (Opener, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return storeOpener{f}, nil
}

type urlOpener struct{ Formats }

func (o urlOpener) Open(sealed string) (Token, error) { return o.open(sealed) }

// open opens text in whichever format it has the shape of: a JWE has dots, EAS's base64 has none.
func (f Formats) open(sealed string) (Token, error) {
	switch {
	case len(sealed) > MaxSealed:
		return Token{}, ErrUnreadable
	case f.Native != nil && strings.Count(sealed, ".") == 4:
		return openNative(sealed, f.Native.Keyring(), f.RequireSigned)
	case f.EAS != nil:
		return f.EAS.open(sealed)
	}
	return Token{}, ErrUnreadable
}

type storeOpener struct{ Formats }

func (o storeOpener) Open(sealed string) (Token, error) {
	s := strings.TrimSpace(sealed)
	if strings.HasPrefix(s, "{") {
		return o.plain(s)
	}
	if strings.HasPrefix(s, `"`) {
		var inner string
		if json.Unmarshal([]byte(s), &inner) != nil {
			return Token{}, ErrUnreadable
		}
		s = strings.TrimSpace(inner)
	}
	if o.EAS != nil && strings.Count(s, ".") == 2 {
		return o.EAS.openSigned(s)
	}
	return o.open(s)
}

func (f Formats) plain(s string) (Token, error) {
	if !f.AllowPlain {
		return Token{}, ErrUnreadable
	}
	t, err := parse(Plain, []byte(s))
	if err != nil {
		return Token{}, ErrUnreadable
	}
	return t, nil
}
