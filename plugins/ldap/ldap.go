// Package ldap is HTTP Basic authentication (RFC 7617) against an LDAP directory.
//
// A login is a search for the user, a bind as that user, and a search for the user's groups if there is to be one;
// what the directory says about the user can be asserted on and sent upstream. Searches and passwords have connections
// of their own. A login that succeeded is remembered, with its attributes, for as long as the configuration says.
package ldap

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/memo"
	"github.com/easgate/easgate/plugins"
)

// maxRemembered bounds what all remembered logins of a plugin weigh, in bytes.
const maxRemembered = 16 << 20

// maxName is how long a user name may be, in bytes: servers hang up on requests that are too long for them.
const maxName = 1024

// Plugin asks one directory.
type Plugin struct {
	realm string
	basic *plugins.BasicReader

	user *search
	// groups is nil when groups are not asked for.
	groups                        *search
	bindProperty, groupDNProperty string
	rules                         *assertion.Set
	logins                        []loginAttribute
	native                        bool
	log                           *slog.Logger
	// leftOut is for the first login that lacks attributes.
	leftOut sync.Once
	// nobody is a DN that is nobody's.
	nobody string

	// service searches; passwords does nothing but bind, as one user after the other.
	service, passwords *pool

	key credential.Key
	// verdicts are remembered for ttl if they are logins, and shared by requests with the same credentials otherwise.
	verdicts *memo.Memory[credential.MAC, verdict]
	ttl      time.Duration
	called   func(time.Duration, error)
}

// New builds the plugin. It does not connect yet.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	rules, err := c.Assertions.UserInfo.Compile(env.Query, env.Native)
	if err != nil {
		return nil, fmt.Errorf("assertions.userinfo: %w", err)
	}
	env.Within("assertions.userinfo: ").Problem(rules.Err())
	p := &Plugin{
		realm: c.Realm, rules: rules, key: credential.NewKey(), native: env.Native, log: env.Log, called: env.Calls("ldap"),
		verdicts: memo.New(memo.Options[credential.MAC, verdict]{Bytes: maxRemembered, Now: env.Now}),
		ttl:      defaultSessionCacheTTL,
	}
	if p.realm == "" {
		p.realm = DefaultRealm
	}
	if p.basic, err = c.Reader(p.realm, env.Native); err != nil {
		return nil, err
	}
	if n := c.SessionCacheTTL; n != nil {
		if *n < 0 {
			env.Problem(errors.New("session_cache_ttl: want seconds, 0 or more"))
		}
		p.ttl = time.Duration(*n) * time.Second
	}
	if err := p.connection(&c.Connection, env.Within("connection.")); err != nil {
		return nil, fmt.Errorf("connection.%w", err)
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	p.nobody = "cn=" + hex.EncodeToString(random[:])
	if p.user.base != "" {
		p.nobody += "," + p.user.base
	}
	return p, nil
}

// connection takes over c. Its errors start with the name of the option.
func (p *Plugin) connection(c *Connection, env plugins.Env) (err error) {
	d := &directory{dial: (&net.Dialer{}).DialContext}
	if len(c.URL) == 0 {
		return errors.New("url: required")
	}
	tls, err := env.ClientTLS("", c.TLSOptions.settings())
	if err != nil {
		return fmt.Errorf("tlsOptions.%w", err)
	}
	for _, text := range c.URL {
		s, err := parseServer(text, c.StartTLS, tls)
		if err != nil {
			return fmt.Errorf("url: %w", err)
		}
		d.servers = append(d.servers, s)
	}
	if d.timeouts, err = c.timeouts(); err != nil {
		return err
	}
	if err := c.older(env); err != nil {
		return err
	}
	switch {
	case c.BindDN != "" && c.BindCredentials == "":
		// Such a bind would succeed, as nobody.
		return errors.New("bindCredentials: required with bindDN")
	case c.BindDN == "" && c.BindCredentials != "":
		env.Problem(errors.New("bindDN: without it bindCredentials are not used"))
		c.BindCredentials = ""
	}
	if p.user, p.groups, err = c.searches(env); err != nil {
		return err
	}
	p.logins = p.user.filter.loginAttributes()
	if p.bindProperty = c.BindProperty; p.bindProperty == "" {
		p.bindProperty = "dn"
	}
	if p.groupDNProperty = c.GroupDNProperty; p.groupDNProperty == "" {
		p.groupDNProperty = "dn"
	}
	size := c.MaxConnections
	if size == 0 {
		size = defaultMaxConnections
	}
	if size < 1 || size > 1000 {
		return errors.New("maxConnections: want 1 to 1000")
	}
	p.service = newPool(d, binding{c.BindDN, string(c.BindCredentials)}, size)
	p.passwords = newPool(d, binding{}, size)
	return nil
}

// Verify allows a request with the name and password of one user who satisfies the assertions. Without Basic
// credentials it abstains; both ways the answer is 401 with a challenge, and the same for unknown users and wrong
// passwords. A user who fails the assertions gets 403. A directory that does not answer, or not us, is an error.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	c, tried := p.basic.Credentials(r.Header)
	if !tried {
		return p.basic.Unauthorized(plugins.Abstain, c, "no Basic credentials"), nil
	}
	if !usable(c) {
		return p.basic.Unauthorized(plugins.Deny, c, "credentials not usable"), nil
	}
	m := p.key.MAC(c.User, c.Password)
	if v, ok := p.verdicts.Get(m); ok {
		return v.login.allow(), nil
	}
	v, err := p.verdicts.Load(ctx, m, func(ctx context.Context) (memo.Entry[verdict], error) { return p.ask(ctx, c) })
	switch {
	case err != nil:
		return plugins.Result{}, fmt.Errorf("ldap: %w", err)
	case v.login != nil:
		return v.login.allow(), nil
	case v.status == http.StatusForbidden:
		return plugins.Result{Status: http.StatusForbidden, Tried: c.User, Reason: v.reason}, nil
	}
	return p.basic.Unauthorized(plugins.Deny, c, v.reason), nil
}

// usable reports whether c can be asked about. A bind without a password succeeds for anybody (RFC 4513 §5.1.2), and
// to a server written in C one that starts with a NUL may be none.
func usable(c plugins.Basic) bool {
	return c.User != "" && len(c.User) <= maxName && utf8.ValidString(c.User) && strings.IndexByte(c.User, 0) < 0 &&
		c.Password != "" && strings.IndexByte(c.Password, 0) < 0
}

func (l *login) allow() plugins.Result {
	return plugins.Result{
		Verdict:  plugins.Allow,
		Status:   http.StatusOK,
		Identity: l.identity,
		Data:     plugins.Data{UserInfo: l.userInfo},
	}
}

// ask logs in. Only a success is remembered: nobody else can fill the memory.
func (p *Plugin) ask(ctx context.Context, c plugins.Basic) (e memo.Entry[verdict], err error) {
	start := time.Now()
	e.Value, err = p.login(ctx, c)
	p.called(time.Since(start), err)
	if l := e.Value.login; l != nil {
		e.Bytes, e.TTL = l.weight, p.ttl
	}
	return e, err
}

// Close closes the connections and forgets the logins.
func (p *Plugin) Close() error {
	p.service.close()
	p.passwords.close()
	p.verdicts.Clear()
	return nil
}
