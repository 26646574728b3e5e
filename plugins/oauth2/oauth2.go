// Package oauth2 logs browsers in at an OAuth 2.0 provider that is no OpenID provider (RFC 6749 §4.1), such as GitHub,
// and keeps the session. How a login and a session work is internal/login's; here is how to find out who logged in.
package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/login"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/plugins"
)

const defaultGitHub = "https://api.github.com"

// New builds the plugin. Nothing is fetched before the first request needs it.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	s := login.Settings{Type: "oauth2", Config: c.Config, Features: c.Features.Features, Expired: !env.Native}
	if c.Assertions.Exp != nil {
		s.Expired = !*c.Assertions.Exp
	}
	s.Rules.AccessToken, s.Rules.UserInfo = c.Assertions.AccessToken, c.Assertions.UserInfo
	k, err := newKind(c)
	if err != nil {
		return nil, err
	}
	if err := s.Ask(env); err != nil {
		return nil, err
	}
	k.provider, k.issuer = s.Provider, &c.Issuer
	s.Kind = k
	return login.New(s, env)
}

// kind implements [login.Kind].
type kind struct {
	provider *oauthflow.Provider
	issuer   *login.Issuer
	// url is asked; "" is the provider's userinfo endpoint.
	url     string
	github  bool
	config  UserInfoConfig
	subject []string
}

func newKind(c Config) (*kind, error) {
	u := &c.Features.UserInfo
	k := &kind{config: u.Config, url: strings.TrimSuffix(u.Config.URL, "/"),
		subject: []string{"sub", "id", "user_id", "login"}}
	k.github = u.Provider == "github"
	if k.url != "" {
		if parsed, err := url.Parse(k.url); err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" ||
			parsed.Host == "" {
			return nil, errors.New("features.userinfo.config.url: want an http or https URL")
		}
	}
	fetch := c.Features.FetchUserinfo == nil || *c.Features.FetchUserinfo
	switch {
	case k.github:
		k.subject = []string{"id"}
		if k.url == "" {
			k.url = defaultGitHub
		}
	case fetch && k.url == "" && c.Issuer.UserinfoEndpoint == "" && c.Issuer.DiscoverURL == "":
		return nil, errors.New("features.userinfo: required, or issuer.userinfo_endpoint, or fetch_userinfo: false")
	}
	if u.Config.Subject != "" {
		k.subject = []string{u.Config.Subject}
	}
	return k, nil
}

// Check implements [login.Kind]: without an ID token, tokens say nothing about anybody.
func (k *kind) Check(_ context.Context, t *oauthflow.Tokens, want login.Expected) (login.Person, error) {
	if t.Access == "" {
		return login.Person{}, &login.Refusal{Why: "no access token"}
	}
	t.ID = "" // nobody checks it
	if k.github {
		t.Scope = strings.ReplaceAll(t.Scope, ",", " ") // GitHub's separator
	}
	return login.Person{Issuer: k.realm(), Subject: want.Subject}, nil
}

// realm names who vouches for the person.
func (k *kind) realm() string {
	if k.issuer.Issuer != "" {
		return k.issuer.Issuer
	}
	if k.issuer.TokenEndpoint != "" {
		return k.issuer.TokenEndpoint
	}
	return k.issuer.DiscoverURL
}

// Userinfo implements [login.Kind].
func (k *kind) Userinfo(ctx context.Context, t *oauthflow.Tokens,
	p login.Person) (json.RawMessage, login.Person, error) {
	var text json.RawMessage
	var err error
	switch {
	case k.github:
		text, err = k.askGitHub(ctx, t.Access)
	case k.url != "":
		text, err = k.get(ctx, k.url, t.Access)
	default:
		text, _, err = k.provider.Userinfo(ctx, t.Access)
	}
	var refused *oauthflow.Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		return nil, p, &login.Refusal{Why: "userinfo: the provider does not take its own access token"}
	}
	if err != nil {
		return nil, p, err
	}
	info, err := login.Object("userinfo", text)
	if err != nil {
		return nil, p, err
	}
	if p.Subject = k.subjectOf(text, info); p.Subject == "" {
		return nil, p, &login.Refusal{Why: "userinfo has no " + strings.Join(k.subject, ", ") +
			": name one in features.userinfo.config.subject"}
	}
	return text, p, nil
}

// subjectOf is the person's name for good. Ids are numbers often; their digits count.
func (k *kind) subjectOf(text []byte, info map[string]any) string {
	var exact map[string]json.RawMessage
	_ = json.Unmarshal(text, &exact)
	for _, name := range k.subject {
		switch v := info[name].(type) {
		case string:
			if v != "" {
				return v
			}
		case float64:
			return string(exact[name])
		}
	}
	return ""
}

func (k *kind) get(ctx context.Context, address, token string) (json.RawMessage, error) {
	body, _, err := k.provider.Fetch(ctx, "userinfo", address, http.Header{
		"Authorization": {"Bearer " + token}, "Accept": {"application/json"}, "User-Agent": {"easgate"}, // GitHub wants one
	})
	return body, err
}

// askGitHub returns the user, with what else is asked for in members of its own.
func (k *kind) askGitHub(ctx context.Context, token string) (json.RawMessage, error) {
	text, err := k.get(ctx, k.url+"/user", token)
	if err != nil {
		return nil, err
	}
	var user map[string]json.RawMessage
	if json.Unmarshal(text, &user) != nil || user == nil {
		_, err := login.Object("userinfo", text)
		return nil, err
	}
	for _, more := range []struct {
		wanted       bool
		member, path string
	}{
		{k.config.FetchOrganizations, "organizations", "/user/orgs"},
		{k.config.FetchTeams, "teams", "/user/teams"},
		{k.config.FetchEmails, "emails", "/user/emails"},
	} {
		if !more.wanted {
			continue
		}
		if user[more.member], err = k.list(ctx, k.url+more.path, token); err != nil {
			return nil, err
		}
	}
	return json.Marshal(user)
}

const (
	perPage = 100
	// maxPages bounds a list: who is in more teams is somebody's joke.
	maxPages = 10
)

// list returns a list that comes in pages.
func (k *kind) list(ctx context.Context, address, token string) (json.RawMessage, error) {
	all := []json.RawMessage{}
	for page := 1; page <= maxPages; page++ {
		text, err := k.get(ctx, address+"?per_page="+strconv.Itoa(perPage)+"&page="+strconv.Itoa(page), token)
		if err != nil {
			return nil, err
		}
		var some []json.RawMessage
		if json.Unmarshal(text, &some) != nil {
			return nil, &oauthflow.Error{Endpoint: "userinfo", Status: http.StatusOK,
				What: fmt.Sprintf("page %d is not a list", page)}
		}
		if all = append(all, some...); len(some) < perPage {
			break
		}
	}
	return json.Marshal(all)
}
