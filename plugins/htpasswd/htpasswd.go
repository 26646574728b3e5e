// Package htpasswd is HTTP Basic authentication (RFC 7617) against an Apache password file that the config token holds.
//
// It knows apr1, bcrypt, {SHA}, {SSHA}, MD5-crypt, SHA-crypt and traditional crypt(3). A password that was right is
// remembered for a while, so that bcrypt is paid once and not with every request; guesses queue for a bounded share of
// the processor; and an unknown user costs what a known one does.
package htpasswd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/plugins"
)

// DefaultRealm is external-auth-server's.
const DefaultRealm = "external authentication server"

const defaultCacheTTL = 60 * time.Second

// Config is the configuration of the htpasswd plugin.
type Config struct {
	// Realm is what the browser's login dialog shows, and the realm of the identity.
	// Default "external authentication server".
	Realm string `json:"realm,omitempty"`
	plugins.BasicConfig
	// Htpasswd is the content of a password file: lines of user:hash, "#" for comments; what follows a second colon is
	// read over, and so are blanks at either end of a line. Hashes are apr1 ($apr1$),
	// bcrypt ($2a$, $2b$, $2y$; cost up to 16), {SHA}, {SSHA}, MD5-crypt ($1$), SHA-crypt ($5$, $6$; up to a million
	// rounds) and crypt(3). Required.
	Htpasswd plugins.Secret `json:"htpasswd"`
	// AllowPlain takes what is none of these hashes for the password itself, unless it starts with "$" or "{".
	// 13 letters, digits, dots and slashes are always crypt(3). Default false.
	AllowPlain bool `json:"allow_plain,omitempty"`
	// CacheTTL is how many seconds a verified password is remembered; 0 checks the hash with every request. Default 60.
	CacheTTL *int `json:"cache_ttl,omitempty"`
}

// Migrate implements [plugins.Migrator].
func (c *Config) Migrate(say func(text string)) {
	c.BasicConfig.Migrate(say)
	quiet := func(error) {}
	there := reading{c.AllowPlain, false}.parse(string(c.Htpasswd), quiet)
	here := reading{c.AllowPlain, true}.parse(string(c.Htpasswd), quiet)
	if !slices.EqualFunc(there, here, func(a, b *user) bool { return a.name == b.name && a.hash == b.hash }) {
		say("htpasswd: blanks at either end of a line and what follows a second colon are read over, so that users can " +
			"log in " +
			"who cannot there")
	}
}

// Lint implements [plugins.Linter]. It names users whose hash is guessed in no time by who reads it, and repeats none.
func (c *Config) Lint(_ bool, say func(text string)) {
	users := reading{c.AllowPlain, true}.parse(string(c.Htpasswd), func(error) {})
	if u := dearest(users); u != nil && u.cost >= burst {
		took := time.Duration(u.cost) * time.Microsecond
		say(fmt.Sprintf("htpasswd: the hash of %q takes about %.1f s to check: when several log in at once they wait for "+
			"each "+
			"other, and beyond %d a processor they are told to come back; bcrypt of cost 10 takes a sixteenth of a second",
			u.name,
			took.Seconds(), 1+credential.Ahead(took)/took))
	}
	for _, u := range users {
		weak := ""
		switch {
		case strings.HasPrefix(u.hash, "{SHA}"), strings.HasPrefix(u.hash, "{SSHA}"):
			weak = "one round of SHA-1"
		case strings.HasPrefix(u.hash, "$1$"), strings.HasPrefix(u.hash, "$apr1$"):
			weak = "MD5"
		case len(u.hash) == 13 && !strings.HasPrefix(u.hash, "$"):
			weak = "DES, and only 8 characters of the password count"
		}
		if weak != "" {
			say(fmt.Sprintf("htpasswd: the hash of %q is %s; htpasswd -B makes better ones", u.name, weak))
		}
	}
}

// Plugin checks passwords.
type Plugin struct {
	realm string
	basic *plugins.BasicReader
	users []*user
	// dearest is the user whose hash costs most to check; unknown users are checked against it.
	// Nil if no line can match.
	dearest *user

	key     credential.Key
	hashing *credential.Queue
	// right remembers passwords that were right, for ttl.
	right *memo.Memory[credential.MAC, bool]
	ttl   time.Duration
	// check is kind.check, but for tests that count the work.
	check func(k kind, hash, password string) bool
}

// New builds the plugin. In native tokens a line that nothing matches, such as one with an unknown hash, is an error
// with its number; in those of EAS's format the line denies.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	ttl := defaultCacheTTL
	if c.CacheTTL != nil {
		if *c.CacheTTL < 0 {
			return nil, errors.New("cache_ttl: want seconds, 0 or more")
		}
		ttl = time.Duration(*c.CacheTTL) * time.Second
	}
	if c.Realm == "" {
		c.Realm = DefaultRealm
	}
	basic, err := c.Reader(c.Realm, env.Native)
	if err != nil {
		return nil, err
	}
	users := reading{c.AllowPlain, env.Native}.parse(string(c.Htpasswd), env.Problem)
	if len(users) == 0 {
		env.Problem(errors.New("htpasswd: required: at least one line of user:hash"))
	}
	p := &Plugin{
		realm:   c.Realm,
		basic:   basic,
		users:   users,
		dearest: dearest(users),
		ttl:     ttl,
		key:     credential.NewKey(),
		hashing: env.Hashing.Queue(),
		right:   memo.New(memo.Options[credential.MAC, bool]{Entries: maxRemembered, Now: env.Now}),
		check:   kind.check,
	}
	return p, nil
}

// maxRemembered is how many right passwords are remembered.
const maxRemembered = 100_000

// burst is the cost of a hash from which on several logins at once are felt, in microseconds: that of bcrypt's 12.
const burst = 60 << 12

// dearest returns the user whose hash costs most to check, nil if no line can match.
func dearest(users []*user) (most *user) {
	for _, u := range users {
		if u.kind != unknown && (most == nil || u.cost > most.cost) {
			most = u
		}
	}
	return most
}

// Verify allows a request with the name and password of a user. Without Basic credentials it abstains; both ways the
// answer is 401 with a challenge. A password that waited too long for its turn is denied with 503 and Retry-After.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	c, tried := p.basic.Credentials(r.Header)
	if !tried {
		return p.basic.Unauthorized(plugins.Abstain, c, "no Basic credentials"), nil
	}
	// An empty password is what an unset variable becomes. A NUL ends a password in C's eyes but not in Go's, and
	// lets bcrypt repeat it.
	if c.User == "" || c.Password == "" || strings.IndexByte(c.Password, 0) >= 0 {
		return p.basic.Unauthorized(plugins.Deny, c, "credentials not usable"), nil
	}
	u := p.find(c.User)
	ok, err := p.matches(ctx, u, c)
	switch {
	case errors.Is(err, credential.ErrBusy), ctx.Err() != nil && err != nil:
		return plugins.Result{
			Status: http.StatusServiceUnavailable,
			Header: http.Header{"Retry-After": {"1"}},
			Tried:  c.User,
			Reason: "password not checked in time",
		}, nil
	case err != nil:
		return plugins.Result{}, fmt.Errorf("htpasswd: %w", err)
	case !ok:
		return p.basic.Unauthorized(plugins.Deny, c, "wrong user or password"), nil
	}
	return plugins.Result{
		Verdict:  plugins.Allow,
		Status:   http.StatusOK,
		Identity: identity.Identity{Subject: u.name, Realm: p.realm},
	}, nil
}

// find returns the user called name, or nil.
func (p *Plugin) find(name string) *user {
	i, ok := slices.BinarySearchFunc(p.users, name,
		func(u *user, name string) int { return strings.Compare(u.name, name) })
	if !ok {
		return nil
	}
	return p.users[i]
}
