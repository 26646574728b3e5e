package login

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/bearer"
	"github.com/easgate/easgate/plugins"
)

const (
	// forever is how long a session is kept that nothing ends: what browsers keep a cookie at most.
	forever = 400 * 24 * time.Hour
	// refreshable is how long a session is kept whose refresh token does not say how long it lasts; counted anew with
	// each refresh.
	refreshable = 30 * 24 * time.Hour
)

// features are Features with their defaults.
type features struct {
	Features
	cookie, userinfo, session bearer.Seconds
	refresh, fetchUserinfo    bool
	// sends are the headers that are sent upstream.
	idToken, userInfo, accessToken bool
	revoke                         []string
}

func newFeatures(f Features, env plugins.Env) (features, error) {
	always := bearer.Seconds{Token: true}
	or := func(s *bearer.Seconds, byDefault bearer.Seconds) bearer.Seconds {
		if s == nil {
			return byDefault
		}
		return *s
	}
	sends := func(name string) bool {
		return !slices.ContainsFunc(f.FilteredServiceHeaders, func(s string) bool { return strings.EqualFold(s, name) })
	}
	out := features{
		Features: f, cookie: or(f.CookieExpiry, bearer.Seconds{}), userinfo: or(f.UserinfoExpiry, always),
		session: or(f.SessionExpiry, always), refresh: on(f.RefreshAccessToken, true),
		fetchUserinfo: on(f.FetchUserinfo, true),
		idToken:       sends("X-Id-Token"), userInfo: sends("X-Userinfo"), accessToken: sends("X-Access-Token"),
	}
	for _, name := range f.Logout.RevokeTokensOnLogout {
		switch name {
		case "access_token", "refresh_token":
			out.revoke = append(out.revoke, name)
		}
	}
	window := f.SessionExpiryRefreshWindow
	if window < 0 || window > 0 && out.session.Number > 0 && window >= out.session.Number {
		env.Problem(errors.New("session_expiry_refresh_window: want less than session_expiry"))
	}
	return out, nil
}

func seconds(n float64) time.Duration { return time.Duration(min(n, 1e9) * float64(time.Second)) }

// ends returns when a session that is saved now ends, in seconds since 1970; 0 for never.
func (f *features) ends(d *data, now time.Time) int64 {
	switch {
	case f.session.Number > 0:
		return now.Add(seconds(f.session.Number)).Unix()
	case !f.session.Token:
		return 0
	case d.refreshes(f):
		return d.Tokens.RefreshExpires
	}
	return d.expires()
}

// kept returns when the store may forget the session.
func (f *features) kept(d *data, now time.Time) time.Time {
	switch {
	case d.Expires != 0:
		return time.Unix(d.Expires, 0)
	case f.session.Token && d.refreshes(f):
		return now.Add(refreshable)
	}
	return now.Add(forever)
}

// cookieLife returns how long the browser may keep the cookie; 0 for until it is closed.
func (f *features) cookieLife(d *data, now time.Time) time.Duration {
	switch {
	case f.cookie.Number > 0:
		return seconds(f.cookie.Number)
	case f.cookie.Token && d.expires() != 0:
		return max(time.Unix(d.expires(), 0).Sub(now), time.Second)
	}
	return 0
}

// expires is when the tokens do, 0 when nothing says so.
func (d *data) expires() int64 {
	if d.Tokens.Expires != 0 {
		return d.Tokens.Expires
	}
	return d.Person.Expires
}

// refreshes reports whether the tokens can be refreshed.
func (d *data) refreshes(f *features) bool { return f.refresh && d.Tokens.Refresh != "" }

// A need is what a session has to have done before it is good for a request.
type need struct{ refresh, userinfo, introspect, slide, expired bool }

func (n need) any() bool { return n.refresh || n.userinfo || n.introspect || n.slide }

// needs returns what d needs at now, and until when it needs nothing else; a zero time is never.
func (p *Plugin) needs(d *data, now time.Time) (n need, until time.Time) {
	f, second := &p.features, now.Unix()
	earlier := func(t int64) {
		if u := time.Unix(t, 0); until.IsZero() || u.Before(until) {
			until = u
		}
	}
	if d.Expires != 0 {
		if second >= d.Expires {
			n.expired = true
			return n, until
		}
		earlier(d.Expires)
	}
	if e := d.expires(); e != 0 {
		switch {
		case second < e:
			earlier(e)
		case d.refreshes(f) && d.Client == p.client && (d.Tokens.RefreshExpires == 0 || second < d.Tokens.RefreshExpires):
			n.refresh = true
		case !p.s.Expired:
			n.expired = true
			return n, until
		}
	}
	if f.fetchUserinfo && f.userinfo.Number > 0 {
		due := d.UserinfoAt + int64(f.userinfo.Number)
		if n.userinfo = second >= due; !n.userinfo {
			earlier(due)
		}
	}
	if f.IntrospectAccessToken {
		if n.introspect = second >= d.Introspected; !n.introspect {
			earlier(d.Introspected)
		}
	}
	if f.session.Number > 0 && f.SessionExpiryRefreshWindow > 0 && d.Expires != 0 {
		from := d.Expires - int64(f.SessionExpiryRefreshWindow)
		if n.slide = second >= from; !n.slide {
			earlier(from)
		}
	}
	return n, until
}
