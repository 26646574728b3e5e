package ldap

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// A login is a user whose password was right and who satisfies the assertions.
type login struct {
	identity identity.Identity
	userInfo *query.Object
	// weight is roughly how much memory it takes, in bytes.
	weight int
	until  time.Time
}

// A verdict is what the directory has to say about credentials: a login, or why not.
type verdict struct {
	login  *login
	status int
	reason string
}

func unauthorized(reason string) verdict {
	return verdict{status: http.StatusUnauthorized, reason: reason}
}

// A search is what to ask the directory for.
type search struct {
	base       string
	scope      int
	filter     filter
	attributes []string
}

// do searches for at most limit entries; 0 is as many as the server gives.
func (s *search) do(ctx context.Context, p *pool, name, dn string, limit int) ([]*ldap.Entry, error) {
	request := &ldap.SearchRequest{
		BaseDN: s.base, Scope: s.scope, Filter: s.filter.fill(name, dn), Attributes: s.attributes,
		SizeLimit: limit, EnforceSizeLimit: true,
		TimeLimit: int((p.directory.op + time.Second - 1) / time.Second),
	}
	var entries []*ldap.Entry
	err := p.do(ctx, func(c *ldap.Conn) error {
		result, err := c.Search(request)
		if result != nil {
			entries = result.Entries
		}
		return err
	})
	return entries, err
}

// login asks the directory whether the password is the user's, and who the user is.
func (p *Plugin) login(ctx context.Context, c plugins.Basic) (verdict, error) {
	user, reason, err := p.find(ctx, c.User)
	if err != nil {
		return verdict{}, fmt.Errorf("user search: %w", err)
	}
	name := p.nobody
	if user != nil {
		name = p.bindName(user)
		if name == "" {
			user, reason, name = nil, "user without a name to bind with", p.nobody
		}
	}
	// Who is not there has a wrong password too: the answer must not come sooner than for those who are.
	ok, err := p.matches(ctx, name, c.Password)
	switch {
	case err != nil:
		return verdict{}, fmt.Errorf("bind: %w", err)
	case user == nil:
		return unauthorized(reason), nil
	case !ok:
		return unauthorized("wrong password"), nil
	}
	l := &login{identity: identity.Identity{Subject: user.DN, Realm: p.realm}}
	l.userInfo = l.object(user)
	if p.groups != nil {
		entries, err := p.groups.do(ctx, p.service, first(user, "uid"), p.groupName(user), 0)
		if code, ok := resultCode(err); ok && code == ldap.LDAPResultNoSuchObject {
			return unauthorized("groupSearchBase is not there"), nil
		}
		if err != nil {
			return verdict{}, fmt.Errorf("group search: %w", err)
		}
		groups := make([]any, len(entries))
		for i, e := range entries {
			groups[i] = l.object(e)
		}
		l.userInfo.Set("_groups", groups)
	}
	holds, failed, err := p.rules.Eval(ctx, l.userInfo)
	switch {
	case err != nil:
		return verdict{}, fmt.Errorf("assertions.userinfo: %w", err)
	case !holds:
		return verdict{status: http.StatusForbidden, reason: "assertions.userinfo: " + failed}, nil
	}
	return verdict{login: l}, nil
}

// find returns the one entry of the user called name; or nil and why.
func (p *Plugin) find(ctx context.Context, name string) (user *ldap.Entry, reason string, err error) {
	// The second is proof enough that the name is not unique.
	entries, err := p.user.do(ctx, p.service, name, "", 2)
	if err != nil {
		switch code, _ := resultCode(err); code {
		case ldap.LDAPResultNoSuchObject:
			return nil, "searchBase is not there", nil
		case ldap.LDAPResultSizeLimitExceeded:
			return nil, "several users", nil
		}
		return nil, "", err
	}
	switch len(entries) {
	case 0:
		return nil, "unknown user", nil
	case 1:
		return entries[0], "", nil
	}
	return nil, "several users", nil
}

// matches reports whether the password is that of the name. Neither is empty: a bind without a password succeeds for
// anybody, as nobody (RFC 4513 §5.1.2).
func (p *Plugin) matches(ctx context.Context, name, password string) (bool, error) {
	err := p.passwords.do(ctx, func(c *ldap.Conn) error { return c.Bind(name, password) })
	if err == nil {
		return true, nil
	}
	switch code, ok := resultCode(err); {
	case !ok:
		return false, err
	case code == ldap.LDAPResultOperationsError, code == ldap.LDAPResultProtocolError,
		code == ldap.LDAPResultAuthMethodNotSupported, code == ldap.LDAPResultStrongAuthRequired,
		code == ldap.LDAPResultConfidentialityRequired, code == ldap.LDAPResultOther,
		code == ldap.LDAPResultBusy, code == ldap.LDAPResultUnavailable:
		// The server does not take passwords, or not like this; whose it was makes no difference.
		return false, err
	}
	return false, nil
}

// bindName is what the user binds with, or "".
func (p *Plugin) bindName(user *ldap.Entry) string {
	if p.bindProperty == "dn" {
		return user.DN
	}
	if values := user.GetEqualFoldAttributeValues(p.bindProperty); len(values) == 1 {
		return values[0]
	}
	return ""
}

// groupName is what {{dn}} stands for in the filter of groups.
func (p *Plugin) groupName(user *ldap.Entry) string {
	if p.groupDNProperty == "dn" {
		return user.DN
	}
	return first(user, p.groupDNProperty)
}

func first(e *ldap.Entry, attribute string) string {
	if values := e.GetEqualFoldAttributeValues(attribute); len(values) > 0 {
		return values[0]
	}
	return ""
}

// object is e as ldapjs shows it: dn and controls, then each attribute, a string if it has one value and a list if it
// has several or none. It adds to l's weight.
func (l *login) object(e *ldap.Entry) *query.Object {
	o := query.NewObject(len(e.Attributes) + 3)
	o.Set("dn", e.DN)
	o.Set("controls", []any{})
	l.weight += 256 + len(e.DN)
	for _, a := range e.Attributes {
		// An attribute of that name must not pass for the DN.
		if _, taken := o.Get(a.Name); taken {
			continue
		}
		l.weight += 64 + len(a.Name)
		values := make([]any, len(a.ByteValues))
		for i, v := range a.ByteValues {
			values[i] = text(a.Name, v)
			l.weight += 32 + len(v)
		}
		if len(values) == 1 {
			o.Set(a.Name, values[0])
		} else {
			o.Set(a.Name, values)
		}
	}
	return o
}

// text is a value as a string: base64 where the attribute is asked for as ;binary, else as UTF-8.
func text(attribute string, value []byte) string {
	if strings.HasSuffix(attribute, ";binary") {
		return base64.StdEncoding.EncodeToString(value)
	}
	return strings.ToValidUTF8(string(value), "\ufffd")
}
