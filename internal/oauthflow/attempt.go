package oauthflow

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/seal"
)

const (
	// AttemptLife is how long somebody may take to log in.
	AttemptLife = time.Hour
	// BrowserLife is how long the cookie lives that logins are begun with; each beginning renews it.
	BrowserLife = 12 * time.Hour
	// stateLife is how long a state can still be read, to say that it has expired and where it led.
	stateLife = 7 * 24 * time.Hour

	// Handler is the parameter that makes a request a callback or a logout.
	Handler = "__eas_oauth_handler__"
	// Callback is [Handler]'s value for the provider's answer.
	Callback = "authorization_callback"
	// Logout is [Handler]'s value that ends a session.
	Logout = "logout"
)

// A Browser is the secret of one browser, in a sealed cookie. Its attempts derive from it what nobody else may know.
type Browser [32]byte

// NewBrowser returns a new secret.
func NewBrowser() (b Browser) {
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return b
}

func (b Browser) derive(label, id string) string {
	mac := hmac.New(sha256.New, b[:])
	mac.Write([]byte(label))
	mac.Write([]byte{0})
	mac.Write([]byte(id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// An Attempt is one login that was begun. It travels, sealed, as the parameter state.
type Attempt struct {
	// ID is random.
	ID string `json:"i"`
	// Login names the configuration that began it; another one does not take the answer.
	Login string `json:"l"`
	// Return is the URL to go back to, byte for byte.
	Return string `json:"r"`
	// Land is where to go back to instead of Return, if not "".
	Land string `json:"x,omitempty"`
	// Started is when, in seconds since 1970.
	Started int64 `json:"t"`
	// Tries is how many attempts went before it without the person having done anything.
	Tries int `json:"n,omitempty"`
	// Proof is what only the browser that began can show.
	Proof string `json:"p"`
	// Secret is the browser's, where no cookie holds it.
	Secret []byte `json:"s,omitempty"`
	// ACR and MaxAge are what the login was asked to be like; see OpenID Connect Core 1.0 §3.1.2.1.
	MaxAge *int64 `json:"a,omitempty"`
}

// NewAttempt returns an attempt of b, begun at now.
func NewAttempt(b Browser, login, target string, now time.Time) Attempt {
	a := Attempt{ID: rand.Text(), Login: login, Return: target, Started: now.Unix()}
	a.Proof = b.derive("browser", a.ID)
	return a
}

// Of reports whether b began a.
func (a *Attempt) Of(b Browser) bool {
	return hmac.Equal([]byte(a.Proof), []byte(b.derive("browser", a.ID)))
}

// Verifier is a's PKCE verifier (RFC 7636 §4.1).
func (a *Attempt) Verifier(b Browser) string { return b.derive("verifier", a.ID) }

// Challenge is the S256 challenge of a verifier (RFC 7636 §4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Nonce is what a's ID token must hold.
func (a *Attempt) Nonce(b Browser) string { return b.derive("nonce", a.ID) }

// Destination is where a login leads.
func (a *Attempt) Destination() string {
	if a.Land != "" {
		return a.Land
	}
	return a.Return
}

// Expires is when the attempt ends.
func (a *Attempt) Expires() time.Time { return time.Unix(a.Started, 0).Add(AttemptLife) }

// Attempts seals and opens attempts and browsers' secrets.
type Attempts struct{ box seal.Box }

// What [Attempts] bind their texts to, so that one is not taken for another.
const (
	boundState   = "state"
	boundBrowser = "browser"
	boundLogout  = "logout"
)

// NewAttempts returns what seals with keys. The boxes have no audience, for /oauth/callback serves all of them: an
// attempt names its login, and a browser's secret is the browser's.
func NewAttempts(keys seal.Keys) (*Attempts, error) {
	box, err := keys.For(seal.State, "")
	if err != nil {
		return nil, err
	}
	return &Attempts{box}, nil
}

// Seal returns a as the parameter state.
func (s *Attempts) Seal(a Attempt) string {
	text, err := json.Marshal(a)
	if err != nil { // strings and numbers
		return ""
	}
	return s.box.Seal(text, time.Unix(a.Started, 0).Add(stateLife), boundState)
}

// ErrLate says that an attempt took longer than [AttemptLife]. It comes with the attempt.
var ErrLate = errors.New("the login took too long")

// Open returns the attempt of a state.
func (s *Attempts) Open(state string, now time.Time) (a Attempt, err error) {
	text, err := s.box.Open(state, now, boundState)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, errors.New("state: not an attempt")
	}
	if !now.Before(a.Expires()) {
		return a, ErrLate
	}
	return a, nil
}

// SealBrowser returns b as a cookie's value.
func (s *Attempts) SealBrowser(b Browser, now time.Time) string {
	return s.box.Seal(b[:], now.Add(BrowserLife), boundBrowser)
}

// OpenBrowser returns the secret in a cookie's value.
func (s *Attempts) OpenBrowser(cookie string, now time.Time) (b Browser, ok bool) {
	text, err := s.box.Open(cookie, now, boundBrowser)
	if err != nil || len(text) != len(b) {
		return b, false
	}
	return Browser(text), true
}

// SealTarget returns where to go after the provider has ended its session, as the parameter state.
func (s *Attempts) SealTarget(target string, now time.Time) string {
	return s.box.Seal([]byte(target), now.Add(AttemptLife), boundLogout)
}

// OpenTarget returns the target of a state that [Attempts.SealTarget] made.
func (s *Attempts) OpenTarget(state string, now time.Time) (string, error) {
	text, err := s.box.Open(state, now, boundLogout)
	return string(text), err
}

// Answer returns where /oauth/callback sends a browser on with the provider's answer: to the URL that the login was
// begun for, its query replaced by the answer's parameters, sorted, and [Handler].
func (s *Attempts) Answer(answer url.Values, now time.Time) (string, error) {
	if len(answer["state"]) != 1 {
		return "", errors.New("state: missing")
	}
	a, err := s.Open(answer.Get("state"), now)
	if err != nil && !errors.Is(err, ErrLate) { // the page behind says so
		return "", err
	}
	return CallbackURL(a.Return, answer), nil
}

// answers are the parameters of a provider's answer (RFC 6749 §4.1.2, RFC 9207, OpenID Connect Session Management 1.0)
// that go on; whatever else comes is left behind.
var answers = []string{"code", "error", "error_description", "iss", "scope", "session_state", "state"}

// CallbackURL returns target with its query replaced by the answer and [Handler].
func CallbackURL(target string, answer url.Values) string {
	query := url.Values{Handler: {Callback}}
	for name, values := range answer {
		if slices.Contains(answers, name) {
			query[name] = values
		}
	}
	base, _, _ := strings.Cut(target, "?")
	return base + "?" + query.Encode()
}
