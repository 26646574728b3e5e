package ldap

import (
	"context"
	"fmt"
	"net/http"
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
	// leftOut are attributes that were too long to be shown unasked.
	leftOut []string
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
	shape
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
	if code, _ := resultCode(err); code == ldap.LDAPResultReferral {
		err = fmt.Errorf("%w: the directory refers to another; in Active Directory ask the Global Catalog, at port 3268 "+
			"or 3269", err)
	}
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
	refused, err := p.refused(ctx, name, c.Password)
	switch {
	case err != nil:
		return verdict{}, fmt.Errorf("bind: %w", err)
	case user == nil:
		return unauthorized(reason), nil
	case refused != "":
		return unauthorized(refused), nil
	}
	l := &login{identity: identity.Identity{Subject: user.DN, Name: loginName(user, p.logins, c.User), Realm: p.realm}}
	if l.userInfo, err = p.user.object(user, l); err != nil {
		return verdict{}, fmt.Errorf("user: %w", err)
	}
	if p.groups != nil {
		groups, reason, err := p.findGroups(ctx, user, l)
		if groups == nil {
			return unauthorized(reason), err
		}
		l.userInfo.Set("_groups", groups)
	}
	if len(l.leftOut) > 0 {
		p.leftOut.Do(func() {
			p.log.Warn("ldap: attributes too long to be shown unasked; connection.searchAttributes and groupSearchAttributes "+
				"name those that are needed",
				"attributes", l.leftOut)
		})
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

// findGroups returns the user's groups; or nil and why.
func (p *Plugin) findGroups(ctx context.Context, user *ldap.Entry, l *login) (groups []any, reason string, err error) {
	name := l.identity.Name
	if !p.native {
		name = first(user, "uid")
	}
	entries, err := p.groups.do(ctx, p.service, name, p.groupName(user), 0)
	if code, ok := resultCode(err); ok && code == ldap.LDAPResultNoSuchObject {
		return nil, "groupSearchBase is not there", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("group search: %w", err)
	}
	groups = make([]any, len(entries))
	for i, e := range entries {
		if groups[i], err = p.groups.object(e, l); err != nil {
			return nil, "", fmt.Errorf("groups: %w", err)
		}
	}
	return groups, "", nil
}

// refused returns why the password is not that of the name, "" if it is. Neither is empty: a bind without a password
// succeeds for anybody, as nobody (RFC 4513 §5.1.2).
func (p *Plugin) refused(ctx context.Context, name, password string) (why string, err error) {
	var controls []ldap.Control
	err = p.passwords.do(ctx, func(c *ldap.Conn) error {
		// Servers without password policies pass over the control.
		result, err := c.SimpleBind(&ldap.SimpleBindRequest{
			Username: name, Password: password, Controls: []ldap.Control{ldap.NewControlBeheraPasswordPolicy()},
		})
		if result != nil {
			controls = result.Controls
		}
		return err
	})
	if err == nil {
		return "", nil
	}
	code, ok := resultCode(err)
	switch {
	case !ok:
		return "", err
	case code == ldap.LDAPResultOperationsError, code == ldap.LDAPResultProtocolError,
		code == ldap.LDAPResultAuthMethodNotSupported, code == ldap.LDAPResultStrongAuthRequired,
		code == ldap.LDAPResultConfidentialityRequired, code == ldap.LDAPResultOther,
		code == ldap.LDAPResultBusy, code == ldap.LDAPResultUnavailable:
		// The server does not take passwords, or not like this; whose it was makes no difference.
		return "", err
	}
	return refusal(code, err, controls), nil
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
