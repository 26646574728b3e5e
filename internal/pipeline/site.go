package pipeline

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/crosssite"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/plugins"
)

// site is what browsers may do, where easgate answers them itself or passes their requests on.
type site struct {
	rules *crosssite.Rules
	// cookies are the names of the plugins' own.
	cookies []string
}

// site reads the token's member cors, and asks the plugins for their cookies.
func (c *compilation) site(cors json.RawMessage, steps []step) *site {
	var s site
	if len(cors) > 0 {
		var cfg crosssite.Config
		err := strictjson.Unmarshal(cors, &cfg)
		if err == nil {
			s.rules, err = cfg.Rules()
		}
		if err != nil {
			c.complain("cors", problem.Prefix("cors", err))
		}
	}
	for i := range steps {
		if owner, ok := steps[i].plugin.(plugins.CookieOwner); ok {
			s.cookies = append(s.cookies, owner.Cookies()...)
		}
	}
	if s.rules == nil && s.cookies == nil {
		return nil
	}
	return &s
}

// CrossSite is what pages of other sites may do; nil lists none.
func (p *Pipeline) CrossSite() *crosssite.Rules {
	if p.site == nil {
		return nil
	}
	return p.site.rules
}

// HasCookies reports whether there are cookies of the plugins' own, and OwnCookie whether one of that name is.
func (p *Pipeline) HasCookies() bool { return p.site != nil && len(p.site.cookies) > 0 }

// OwnCookie reports whether a cookie is a plugin's own, and none of an application's.
func (p *Pipeline) OwnCookie(name string) bool {
	return p.site != nil && slices.Contains(p.site.cookies, name)
}

// Gone reports whether err says that a config token is in force no more: revoked, expired, taken out of its store.
func Gone(err error) bool {
	for _, gone := range []error{errUnknownToken, errRevoked, configtoken.ErrExpired} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// HeaderNames are the custom headers that any part of the token may send upstream.
func (p *Pipeline) HeaderNames() []string {
	if p.whole == nil {
		return nil
	}
	return p.whole.names
}
