package ldap

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/plugins"
)

// DefaultRealm is external-auth-server's.
const DefaultRealm = "external authentication server"

const (
	defaultSessionCacheTTL = 900 * time.Second
	defaultTimeout         = 3 * time.Second
	defaultConnectTimeout  = 10 * time.Second
	defaultIdleTimeout     = 10 * time.Second
	defaultMaxConnections  = 8
	maxTimeout             = time.Hour
)

// Config is the configuration of the ldap plugin.
type Config struct {
	// Realm is what the browser's login dialog shows, and the realm of the identity.
	// Default "external authentication server".
	Realm string `json:"realm,omitempty"`
	plugins.BasicConfig
	// SessionCacheTTL is how many seconds a login is remembered, with its user's attributes and groups; 0 asks the
	// directory with every request. Default 900.
	SessionCacheTTL *int `json:"session_cache_ttl,omitempty"`
	// Connection says where the directory is and how to find users in it. Required.
	Connection Connection `json:"connection"`
	// Assertions are what a user must satisfy besides knowing the password; who does not is answered 403.
	Assertions Assertions `json:"assertions,omitzero"`
}

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) {
	if c.Connection.TLSOptions.insecure() {
		say("connection.tlsOptions.rejectUnauthorized: any server that answers is believed and told the passwords; " +
			"fingerprint or ca tells the right one")
	}
	if len(c.Connection.SearchAttributes) == 0 {
		say("connection.searchAttributes: all attributes of the user are fetched and shown to rules and headers; name " +
			"those that you need")
	}
	for _, url := range c.Connection.URL {
		if plugins.InClear(url, "ldap") && !c.Connection.StartTLS {
			say("connection.url: ldap without starttls sends passwords in clear")
			return
		}
	}
}

// Migrate implements [plugins.Migrator].
func (c *Config) Migrate(say func(text string)) {
	c.BasicConfig.Migrate(say)
	if o := &c.Connection.TLSOptions; c.Connection.secured() && !o.insecure() && o.ServerName == "" {
		say("connection.url: a server certificate that has a common name and no alternative names is refused; " +
			"tlsOptions.servername with that name takes it, and so does tlsOptions.fingerprint with its public key")
	}
	say("every attribute but those in connection.singleValued is a list, even of one value: " +
		"$.mail of a query is [\"a@b\"], $.mail[0] is its text")
	if strings.Contains(c.Connection.GroupSearchFilter, string(username)) {
		say("connection.groupSearchFilter: {{username}} is the name that logs in; in external-auth-server it is the " +
			"user's uid")
	}
	say("bytes are base64, objectGUID and objectSid their usual text; passwords and keys that the bind may read are " +
		"not shown")
	say("a directory that is down is always 503 here, and mostly 401 there; " +
		"a remembered login counts for this token alone, assertions included")
}

// Assertions are rules on what the directory says about a user.
type Assertions struct {
	// UserInfo is a list of rules on the user's attributes, and on _groups.
	UserInfo assertion.Rules `json:"userinfo,omitempty"`
}

// Connection is the connection in the words of the npm package ldapauth-fork. Times are milliseconds.
type Connection struct {
	// URL is where the directory is, ldap://host:port or ldaps://host:port, or a list of such URLs: when one does not
	// answer, the next is asked. Ports default to 389 and 636. Required.
	URL plugins.List `json:"url" example:"ldaps://ldap.example.com"`
	// BindDN is who searches. Default is nobody: searches are anonymous.
	BindDN string `json:"bindDN,omitempty"`
	// BindCredentials is the password of BindDN.
	BindCredentials plugins.Secret `json:"bindCredentials,omitempty"`
	// BindDn is an older name of BindDN.
	BindDn string `json:"bindDn,omitempty"`
	// AdminDn is an older name of BindDN.
	AdminDn string `json:"adminDn,omitempty"`
	// Credentials is an older name of BindCredentials.
	Credentials plugins.Secret `json:"Credentials,omitempty"`
	// AdminPassword is an older name of BindCredentials.
	AdminPassword plugins.Secret `json:"adminPassword,omitempty"`

	// SearchBase is the DN below which users are searched; "" is the root. Required.
	SearchBase *string `json:"searchBase" example:"ou=people,dc=example,dc=com"`
	// SearchFilter finds the one user (RFC 4515); {{username}} in it stands for the name that logs in. Required.
	SearchFilter string `json:"searchFilter" example:"(uid={{username}})"`
	// SearchScope is how deep. Default sub.
	SearchScope string `json:"searchScope,omitempty" enum:"base,one,sub"`
	// SearchAttributes are the attributes of the user to ask for. Default is all but operational ones, such as
	// OpenLDAP's memberOf, and without bytes over 4 KiB, such as photos.
	SearchAttributes plugins.List `json:"searchAttributes,omitempty"`
	// SingleValued are attributes that have one value at most: in native tokens they are text, and all others lists, even
	// of one. Those that a standard or Active Directory declares such, like displayName or uidNumber, need not be named.
	SingleValued plugins.List `json:"singleValued,omitempty"`
	// BindProperty is the user's attribute to bind with, "dn" for the DN. Default dn.
	BindProperty string `json:"bindProperty,omitempty"`

	// GroupSearchBase is the DN below which groups are searched, which become _groups. Default is no search for groups.
	GroupSearchBase string `json:"groupSearchBase,omitempty"`
	// GroupSearchFilter finds the groups; in it {{dn}} stands for the user's GroupDNProperty and {{username}} for the name
	// that logs in, as the directory writes it (in EAS's format for the uid).
	GroupSearchFilter string `json:"groupSearchFilter,omitempty"`
	// GroupSearchScope is how deep. Default sub.
	GroupSearchScope string `json:"groupSearchScope,omitempty" enum:"base,one,sub"`
	// GroupSearchAttributes are the attributes of groups to ask for. Default is all but operational ones.
	GroupSearchAttributes plugins.List `json:"groupSearchAttributes,omitempty"`
	// GroupDNProperty is the user's attribute that {{dn}} stands for. Default dn.
	GroupDNProperty string `json:"groupDnProperty,omitempty"`

	// StartTLS secures ldap:// connections before anything else is sent (RFC 4511 §4.14); without TLS nothing is.
	StartTLS bool `json:"starttls,omitempty"`
	// TLSOptions say whom to trust, with ldaps:// and StartTLS.
	TLSOptions TLSOptions `json:"tlsOptions,omitzero"`

	// Timeout is how long one search or bind may take. Default 3000.
	Timeout int `json:"timeout,omitempty"`
	// ConnectTimeout is how long connecting to one server may take, with TLS and the bind of BindDN. Default 10000.
	ConnectTimeout int `json:"connectTimeout,omitempty"`
	// IdleTimeout is how long an unused connection is kept. Default 10000.
	IdleTimeout int `json:"idleTimeout,omitempty"`
	// MaxConnections is how many connections search at once, and how many more check passwords. Default 8.
	MaxConnections int `json:"maxConnections,omitempty"`

	// Tokens written for ldapauth-fork have these too.

	// Reconnect means nothing here: connections are always replaced.
	Reconnect any `json:"reconnect,omitempty"`
	// Cache means nothing here: session_cache_ttl is the only cache.
	Cache any `json:"cache,omitempty"`
	// Log means nothing here: the log is the server's.
	Log any `json:"log,omitempty"`
	// StrictDN means nothing here: DNs are the directory's to read.
	StrictDN any `json:"strictDN,omitempty"`
	// QueueSize means nothing here: requests wait for a connection as long as a verification may take.
	QueueSize any `json:"queueSize,omitempty"`
	// QueueTimeout means nothing here, as QueueSize.
	QueueTimeout any `json:"queueTimeout,omitempty"`
	// QueueDisable means nothing here, as QueueSize.
	QueueDisable any `json:"queueDisable,omitempty"`
	// IncludeRaw adds no _raw: bytes are base64 in the attribute itself. Set to true it is refused.
	IncludeRaw bool `json:"includeRaw,omitempty"`
	// SocketPath is refused: the directory is named by its URL.
	SocketPath string `json:"socketPath,omitempty"`
}

// secured reports whether any connection has TLS.
func (c *Connection) secured() bool {
	return c.StartTLS || slices.ContainsFunc(c.URL,
		func(u string) bool { return strings.HasPrefix(strings.ToLower(u), "ldaps:") })
}

// timeouts are a Connection's, with defaults.
type timeouts struct{ op, connect, idle time.Duration }

func (c *Connection) timeouts() (t timeouts, err error) {
	for _, o := range []struct {
		name string
		ms   int
		def  time.Duration
		to   *time.Duration
	}{
		{"timeout", c.Timeout, defaultTimeout, &t.op},
		{"connectTimeout", c.ConnectTimeout, defaultConnectTimeout, &t.connect},
		{"idleTimeout", c.IdleTimeout, defaultIdleTimeout, &t.idle},
	} {
		if o.ms < 0 || o.ms > int(maxTimeout/time.Millisecond) {
			return t, fmt.Errorf("%s: want milliseconds, up to an hour", o.name)
		}
		*o.to = time.Duration(o.ms) * time.Millisecond
		if o.ms == 0 {
			*o.to = o.def
		}
	}
	return t, nil
}

// searches compiles what is searched for. groups is nil when groups are not asked for.
func (c *Connection) searches(env plugins.Env) (user, groups *search, err error) {
	if c.SearchBase == nil {
		return nil, nil, errors.New("searchBase: required")
	}
	if c.SearchFilter == "" {
		return nil, nil, errors.New("searchFilter: required")
	}
	user = &search{base: *c.SearchBase, attributes: c.SearchAttributes, shape: shape{lists: env.Native}}
	if user.scope, err = parseScope(c.SearchScope); err != nil {
		return nil, nil, fmt.Errorf("searchScope: %w", err)
	}
	if user.filter, err = parseFilter(c.SearchFilter); err != nil {
		return nil, nil, fmt.Errorf("searchFilter: %w", user.filter.hint(err))
	}
	if !user.filter.has(username) {
		env.Problem(user.filter.hint(errors.New("searchFilter: without {{username}} everybody is the same user")))
	}
	if user.filter.has(userDN) {
		return nil, nil, errors.New("searchFilter: {{dn}} is not known before the user is found")
	}
	c.shapes(user, env)
	for name, property := range map[string]string{"bindProperty": c.BindProperty, "groupDnProperty": c.GroupDNProperty} {
		if property != "" && property != "dn" && !asksFor(c.SearchAttributes, property) {
			env.Problem(fmt.Errorf("%s: %s is not among searchAttributes", name, property))
		}
	}
	if c.GroupSearchBase == "" || c.GroupSearchFilter == "" {
		if c.GroupSearchBase != c.GroupSearchFilter {
			env.Problem(errors.New("groupSearchBase: groups are searched only with groupSearchFilter too"))
		}
		return user, nil, nil
	}
	groups = &search{base: c.GroupSearchBase, attributes: c.GroupSearchAttributes}
	if groups.scope, err = parseScope(c.GroupSearchScope); err != nil {
		return nil, nil, fmt.Errorf("groupSearchScope: %w", err)
	}
	if groups.filter, err = parseFilter(c.GroupSearchFilter); err != nil {
		return nil, nil, fmt.Errorf("groupSearchFilter: %w", err)
	}
	groups.shape = shape{lists: user.lists, single: user.single, asked: lower(c.GroupSearchAttributes)}
	if groups.filter.has(username) && !user.lists && !asksFor(c.SearchAttributes, "uid") {
		env.Problem(errors.New("groupSearchFilter: {{username}} is the user's uid, which is not among searchAttributes"))
	}
	return user, groups, nil
}

// shapes says how the user's attributes are shown, and asks for those that tell the login name.
func (c *Connection) shapes(user *search, env plugins.Env) {
	user.asked, user.single = lower(c.SearchAttributes), maps.Clone(alwaysOne)
	maps.Copy(user.single, lower(c.SingleValued))
	for name, list := range map[string]plugins.List{"searchAttributes": c.SearchAttributes,
		"groupSearchAttributes": c.GroupSearchAttributes} {
		for _, a := range list {
			if secret[baseName(a)] {
				env.Problem(fmt.Errorf("%s: %s is a secret, which is shown to nobody", name, a))
			}
		}
	}
	user.hidden = map[string]bool{}
	for _, a := range user.filter.loginAttributes() {
		asked := func(b string) bool { return b == "*" || strings.EqualFold(a.name, b) }
		if len(user.attributes) > 0 && !slices.ContainsFunc(user.attributes, asked) {
			user.attributes = append(slices.Clone(user.attributes), a.name)
			user.hidden[strings.ToLower(a.name)] = true
		}
	}
}

func lower(list []string) map[string]bool {
	m := map[string]bool{}
	for _, name := range list {
		m[baseName(name)] = true
	}
	return m
}

// older takes over options by their older names. The first that there is counts, as in ldapauth-fork.
func (c *Connection) older(env plugins.Env) error {
	dn := []string{c.BindDn, c.BindDN, c.AdminDn}
	password := []string{string(c.BindCredentials), string(c.Credentials), string(c.AdminPassword)}
	given := func(s string) bool { return s != "" }
	different := func(list []string) bool {
		list = slices.Compact(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" }))
		return len(list) > 1
	}
	if different(dn) || different(password) {
		env.Problem(errors.New("bindDN: it is given by an older name too, and differs"))
	}
	c.BindDN, c.BindCredentials = "", ""
	if i := slices.IndexFunc(dn, given); i >= 0 {
		c.BindDN = dn[i]
	}
	if i := slices.IndexFunc(password, given); i >= 0 {
		c.BindCredentials = plugins.Secret(password[i])
	}
	if c.SocketPath != "" {
		return errors.New("socketPath: not supported; url names the directory")
	}
	if c.IncludeRaw {
		env.Problem(errors.New("includeRaw: there is no _raw; bytes are base64 in the attribute itself"))
	}
	return nil
}

// asksFor reports whether a search for attributes can return the one called name (RFC 4511 §4.5.1.8).
func asksFor(attributes []string, name string) bool {
	return len(attributes) == 0 || slices.ContainsFunc(attributes, func(a string) bool {
		return a == "*" || a == "+" || strings.EqualFold(a, name)
	})
}

func parseScope(s string) (int, error) {
	switch s {
	case "base":
		return ldap.ScopeBaseObject, nil
	case "one":
		return ldap.ScopeSingleLevel, nil
	case "sub", "":
		return ldap.ScopeWholeSubtree, nil
	}
	return 0, errors.New("want base, one or sub")
}
