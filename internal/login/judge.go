package login

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/assertion"
	"github.com/easgate/easgate/internal/identity"
	"github.com/easgate/easgate/internal/jws"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/session"
	"github.com/easgate/easgate/plugins"
)

// known is what one version of a session comes to. Requests share it.
type known struct {
	id      session.ID
	session *kept
	// until is when it must be looked at again; zero for never.
	until time.Time
	// res allows. It is shared: nobody writes to its header.
	res plugins.Result
	// why is what is missing; "" for nothing. Then challenge is RFC 9470's, "" for none.
	why, challenge string
	// err is why nothing can be said.
	err error
}

// judge decides on a session: rules, step-up, and the headers for the upstream.
func (p *Plugin) judge(ctx context.Context, s *kept, until time.Time) (*known, error) {
	k, d := &known{id: s.ID, session: s, until: until}, &s.Value
	claims, view := payload(d.Tokens.ID, p.env.Native)
	var info query.Value = query.Undefined{}
	if d.Userinfo != nil {
		var err error
		if info, err = query.Parse(d.Userinfo, p.env.Native); err != nil {
			return nil, fmt.Errorf("userinfo: %w", err)
		}
	}
	_, access := payload(d.Tokens.Access, p.env.Native)
	for _, rule := range []struct {
		name string
		set  *assertion.Set
		data query.Value
	}{{"id_token", p.rules.idToken, view}, {"access_token", p.rules.accessToken, access},
		{"userinfo", p.rules.userInfo, info}} {
		if rule.set == nil {
			continue
		}
		ok, failed, err := rule.set.Eval(ctx, rule.data)
		if err != nil {
			return nil, fmt.Errorf("assertions.%s: %w", rule.name, err)
		}
		if !ok {
			k.why = "assertions." + rule.name + ": " + failed
			return k, nil
		}
	}
	if p.stepUp(k, claims); k.why != "" {
		return k, nil
	}
	header, err := p.header(d, info)
	if err != nil {
		return nil, err
	}
	k.res = plugins.Result{
		Verdict: plugins.Allow, Status: http.StatusOK, Header: header, Identity: p.identity(d, claims, info),
		Data: plugins.Data{IDToken: text(d.Tokens.ID), AccessToken: text(d.Tokens.Access),
			RefreshToken: text(d.Tokens.Refresh), UserInfo: info},
	}
	return k, nil
}

// text is s as queries see it: undefined when it is not there.
func text(s string) query.Value {
	if s == "" {
		return nil
	}
	return s
}

// payload returns the claims of a JWT, whose signature was checked when it came, as Go and queries have them; nil and
// null for what is none.
func payload(token string, exact bool) (map[string]any, query.Value) {
	c, err := jws.Split(token)
	if err != nil {
		return nil, nil
	}
	raw, err := c.DecodePayload()
	if err != nil {
		return nil, nil
	}
	view, err := query.Parse(raw, exact)
	if err != nil {
		return nil, nil
	}
	var claims map[string]any
	_ = json.Unmarshal(raw, &claims)
	return claims, view
}

// stepUp says whether the login was strong and recent enough.
func (p *Plugin) stepUp(k *known, claims map[string]any) {
	if len(p.s.ACR) > 0 {
		if acr, _ := claims["acr"].(string); !slices.Contains(p.s.ACR, acr) {
			k.why, k.challenge = fmt.Sprintf("acr is %.64q", acr), p.challenge(claims)
			return
		}
	}
	if p.s.MaxAge != nil {
		authTime, _ := claims["auth_time"].(float64)
		ends := time.Unix(int64(authTime)+*p.s.MaxAge, 0)
		if !p.env.Now().Before(ends) {
			k.why, k.challenge = "the login is older than max_age", p.challenge(claims)
			return
		}
		if k.until.IsZero() || ends.Before(k.until) {
			k.until = ends
		}
	}
}

// challenge is what a program is told that has to have somebody log in again (RFC 9470 §3).
func (p *Plugin) challenge(map[string]any) string {
	c := `, error="insufficient_user_authentication", error_description="a stronger or more recent login is needed"`
	if len(p.s.ACR) > 0 {
		c += ", acr_values=" + plugins.QuotedString(strings.Join(p.s.ACR, " "))
	}
	if p.s.MaxAge != nil {
		c += fmt.Sprintf(`, max_age="%d"`, *p.s.MaxAge)
	}
	return c
}

// ServiceHeaders implements [plugins.HeaderNames].
func (p *Plugin) ServiceHeaders() (names []string) {
	for _, h := range []struct {
		sends bool
		name  string
	}{
		{p.features.idToken, "X-Id-Token"}, {p.features.userInfo, "X-Userinfo"}, {p.features.accessToken, "X-Access-Token"},
		{p.features.AuthorizationToken != "", "Authorization"},
	} {
		if h.sends {
			names = append(names, h.name)
		}
	}
	return names
}

// header is what the upstream is told.
func (p *Plugin) header(d *data, info query.Value) (http.Header, error) {
	f := &p.features
	h := make(http.Header, 4)
	set := func(sends bool, name, value string) {
		if sends && value != "" {
			h[name] = []string{value}
		}
	}
	userinfo := ""
	if d.Userinfo != nil {
		raw, err := query.AppendJSON(nil, info)
		if err != nil {
			return nil, err
		}
		userinfo = query.ASCII(string(raw))
	}
	set(f.idToken, "X-Id-Token", d.Tokens.ID)
	set(f.userInfo, "X-Userinfo", userinfo)
	set(f.accessToken, "X-Access-Token", d.Tokens.Access)
	if f.AuthorizationToken != "" {
		token := map[string]string{
			"id_token": d.Tokens.ID, "access_token": d.Tokens.Access, "refresh_token": d.Tokens.Refresh,
		}[f.AuthorizationToken]
		if token != "" {
			token = "Bearer " + token
		}
		set(true, "Authorization", token)
	}
	return h, nil
}

// names are where a person's name is, the best first.
var names = []string{"preferred_username", "login", "username", "email", "name"}

func (p *Plugin) identity(d *data, claims map[string]any, info query.Value) identity.Identity {
	id := identity.Identity{Subject: d.Person.Subject, Realm: d.Person.Issuer, Provider: p.s.Type, Claims: claims}
	object, _ := info.(*query.Object)
	for _, name := range names {
		if id.Name, _ = claims[name].(string); id.Name != "" {
			break
		}
		if object != nil {
			v, _ := object.Get(name)
			if id.Name, _ = v.(string); id.Name != "" {
				break
			}
		}
	}
	if d.Tokens.Scope != "" {
		id.Scopes = strings.Fields(d.Tokens.Scope)
	}
	if e := d.expires(); e != 0 && !d.refreshes(&p.features) {
		id.Expires = time.Unix(e, 0)
	} else if d.Expires != 0 {
		id.Expires = time.Unix(d.Expires, 0)
	}
	return id
}
