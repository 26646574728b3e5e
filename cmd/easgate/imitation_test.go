package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/server/oauth"
	"github.com/easgate/easgate/internal/session/memory"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

const (
	deepLink   = "https://app.example.com/a/b?x=1"
	pageSecret = "c3ntipede" // of the client in all pages
)

// imitator is the provider in this process behind the names of a real one: whatever the token asks goes through it.
type imitator struct {
	*logintest.Provider
	imitation
	person personLogin
	client string
	now    time.Time
	mu     sync.Mutex
	// asked are the URLs that were asked, without their queries, and what the browser brought to /authorize.
	urls []string
	sent url.Values
	// own are the provider's access tokens by the JWT that was given for them, latest its newest refresh token.
	own     map[string]string
	latest  string
	refuses string
}

func newImitator(t *testing.T, im imitation, text string) *imitator {
	m := &imitator{imitation: im, now: plugintest.Now, own: map[string]string{}}
	_, rest, _ := strings.Cut(text, "client_id: ")
	m.client, _, _ = strings.Cut(rest, ",")
	m.Provider = logintest.NewProvider(t, func() time.Time { return m.now })
	m.Name, m.NoRefresh = im.issuer, im.issuer == ""
	maps.Copy(m.Metadata, im.metadata)
	m.IDToken = func(claims map[string]any) {
		claims["aud"] = m.client
		maps.Copy(claims, m.person.id)
	}
	m.Userinfo = func(claims map[string]any) { maps.Copy(claims, m.person.info) }
	m.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/authorize" {
			m.sent = r.URL.Query()
			q := r.URL.Query()
			if q.Get("client_id") == m.client {
				q.Set("client_id", "gate")
			}
			r.URL.RawQuery = q.Encode()
		}
		return false
	}
	return m
}

// RoundTrip implements [http.RoundTripper].
func (m *imitator) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.urls = append(m.urls, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
	if r.URL.Host == "api.github.com" {
		return answer(http.StatusOK, m.person.api[r.URL.Path]), nil
	}
	form := url.Values{}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if form, err = url.ParseQuery(string(text)); err != nil {
			return nil, err
		}
	}
	r = r.Clone(r.Context())
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/.well-known/openid-configuration"):
		r.URL.Path = "/.well-known/openid-configuration"
	case path == "/token" || path == "/login/oauth/access_token":
		return m.token(r, form)
	case path == "/userinfo":
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if own := m.own[token]; own != "" {
			r.Header.Set("Authorization", "Bearer "+own)
		}
	}
	return m.forward(r, form)
}

// forward asks the provider in this process.
func (m *imitator) forward(r *http.Request, form url.Values) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(m.URL, "http://")
	text := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return http.DefaultTransport.RoundTrip(r)
}

func (m *imitator) token(r *http.Request, form url.Values) (*http.Response, error) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	if id != m.client || secret != pageSecret || basic == m.post {
		return answer(http.StatusUnauthorized, object{"error": "invalid_client"}), nil
	}
	r.SetBasicAuth("gate", m.Secret)
	refreshes := form.Get("grant_type") == "refresh_token"
	if refreshes && m.refuses != "" {
		return answer(http.StatusBadRequest, object{"error": m.refuses}), nil
	}
	if refreshes && m.keeps {
		form.Set("refresh_token", m.latest)
	}
	r.URL.Path = "/token"
	res, err := m.forward(r, form)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var said object
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil || res.StatusCode != http.StatusOK {
		return answer(res.StatusCode, said), err
	}
	if m.person.access != nil {
		claims := object{"iss": m.issuer, "sub": m.User, "exp": m.now.Add(m.TTL).Unix()}
		maps.Copy(claims, m.person.access)
		token := m.Sign(claims)
		m.own[token], _ = said["access_token"].(string)
		said["access_token"] = token
	}
	if m.latest, _ = said["refresh_token"].(string); refreshes && m.keeps {
		delete(said, "refresh_token")
	}
	if m.post { // as GitHub does
		delete(said, "expires_in")
		said["scope"] = "read:org,read:user"
	}
	return answer(http.StatusOK, said), nil
}

func answer(status int, v any) *http.Response {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(text)),
	}
}

// decided is a whole config token in the place of a plugin.
type decided struct{ pipeline *pipeline.Pipeline }

func (d decided) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	x := d.pipeline.Decide(ctx, r, pipeline.Options{Fallback: -1})
	return x.Result, x.Err
}

// browser returns one in front of the token.
func (m *imitator) browser(t *testing.T, text string) *logintest.Browser {
	t.Helper()
	now := func() time.Time { return m.now }
	secrets := map[seal.Purpose]seal.Secrets{}
	for _, p := range []seal.Purpose{seal.State, seal.Cookie, seal.Session, seal.CSRF} {
		secrets[p] = seal.Secrets{Setting: "X", Current: []byte("a secret of more than 32 bytes, for tests of logins")}
	}
	keys := seal.New(secrets, nil, now)
	c := *sealable(t)
	c.Env.Now, c.Env.HTTP, c.Env.Seal = now, &http.Client{Transport: m}, keys
	c.Env.Sessions = memory.New(memory.Options{Now: now})
	claims, err := document.Convert([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := c.Compile(&configtoken.Token{Format: configtoken.Native, Claims: claims})
	if err != nil {
		t.Fatal(err)
	}
	attempts, err := oauthflow.NewAttempts(keys)
	if err != nil {
		t.Fatal(err)
	}
	b := logintest.NewBrowser(t, decided{p}, m.Provider)
	b.Fixed = oauth.New(oauth.Config{Attempts: attempts, Log: slog.New(slog.DiscardHandler), Now: now, Timeout: time.Second})
	return b
}

// login opens the deep link and goes to the end.
func (m *imitator) login(t *testing.T, b *logintest.Browser) plugins.Result {
	t.Helper()
	res, err := b.Get(deepLink)
	if err != nil || res.StatusCode() != http.StatusFound {
		t.Fatalf("without a session: %d %s %v", res.StatusCode(), res.Reason, err)
	}
	location := strings.Replace(res.Header.Get("Location"), "https://github.com/login/oauth", m.URL, 1)
	res.Header = http.Header{"Location": {location}}
	return b.Login(b.Authorize(res))
}

// People log in with the token of each page, at a provider that does what the real one's documentation says of claims,
// metadata, refresh tokens and logout; and are denied without what the page's rule asks for.
func TestProviders(t *testing.T) {
	for name, im := range imitations {
		raw, err := os.ReadFile("../../docs/providers/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, person := range im.logins {
			t.Run(name+"/"+person.name, func(t *testing.T) {
				m := newImitator(t, im, string(raw))
				m.person = person
				b := m.browser(t, string(raw))
				res := m.login(t, b)
				if res.StatusCode() != person.status || res.Verdict == plugins.Allow != (person.status == http.StatusOK) {
					t.Fatalf("%v %d %s, want %d", res.Verdict, res.StatusCode(), res.Reason, person.status)
				}
				m.asksAsDocumented(t)
				if person.status != http.StatusOK {
					return
				}
				for name, want := range person.headers {
					if got := res.Header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
				m.lasts(t, b)
				m.logsOut(t, b)
				m.endsSessions(t, b)
				m.asksAgain(t, b)
			})
		}
	}
}

func (m *imitator) asksAsDocumented(t *testing.T) {
	t.Helper()
	if m.discovery != "" && !slices.Contains(m.urls, m.discovery) {
		t.Errorf("asked %q, not %s", m.urls, m.discovery)
	}
	for name, want := range m.asked {
		if got := m.sent.Get(name); got != want {
			t.Errorf("authorization request: %s is %q, want %q", name, got, want)
		}
	}
	if m.sent.Get("code_challenge_method") != "S256" || m.sent.Get("redirect_uri") != "https://auth.example.com/oauth/callback" {
		t.Errorf("authorization request: %v", m.sent)
	}
}

// lasts has the session live on when its access token has expired, twice.
func (m *imitator) lasts(t *testing.T, b *logintest.Browser) {
	t.Helper()
	for i := range 2 {
		m.now = m.now.Add(m.TTL + time.Second)
		res, err := b.Get(deepLink)
		if err != nil || res.Verdict != plugins.Allow {
			t.Fatalf("after the access token has expired: %v %d %s %v", res.Verdict, res.StatusCode(), res.Reason, err)
		}
		if got := m.Calls["refresh_token"]; m.issuer != "" && got != i+1 {
			t.Errorf("%d refreshes, want %d", got, i+1)
		}
		if m.post && !slices.Equal(res.Identity.Scopes, []string{"read:org", "read:user"}) {
			t.Errorf("scopes are %q", res.Identity.Scopes)
		}
	}
}

func (m *imitator) logsOut(t *testing.T, b *logintest.Browser) {
	t.Helper()
	res, err := b.Get("https://app.example.com/?__eas_oauth_handler__=logout&redirect_uri=%2Fbye")
	if err != nil {
		t.Fatal(err)
	}
	want := "https://app.example.com/bye"
	if m.logout != "" {
		want = m.URL + m.logout + "?"
	}
	location := res.Header.Get("Location")
	if !strings.HasPrefix(location, want) || m.logout != "" && (!strings.Contains(location, "id_token_hint=ey") ||
		!strings.Contains(location, url.QueryEscape("https://auth.example.com/oauth/end-session-redirect"))) {
		t.Errorf("a logout leads to %s, want %s", location, want)
	}
	if res, err := b.Get(deepLink); err != nil || res.Verdict == plugins.Allow {
		t.Errorf("after logout: %v %v", res.Verdict, err)
	}
}

// endsSessions has the provider end a session by its own (OpenID Connect Back-Channel Logout 1.0 §2.4).
func (m *imitator) endsSessions(t *testing.T, b *logintest.Browser) {
	t.Helper()
	if !m.backchannel {
		return
	}
	if res := m.login(t, b); res.Verdict != plugins.Allow {
		t.Fatalf("a second login: %d %s", res.StatusCode(), res.Reason)
	}
	token := m.Sign(object{
		"iss": m.issuer, "aud": m.client, "sub": m.User, "sid": "sid-" + m.User, "jti": "logout-1",
		"iat": m.now.Unix(), "exp": m.now.Unix() + 120, "events": object{"http://schemas.openid.net/event/backchannel-logout": object{}},
	})
	n, err := b.Plugin.(decided).pipeline.EndSessions(t.Context(), token, nil)
	if err != nil || n != 1 {
		t.Errorf("back-channel logout ends %d sessions, %v; want one", n, err)
	}
	if res, err := b.Get(deepLink); err != nil || res.Verdict == plugins.Allow {
		t.Errorf("after back-channel logout: %v %v", res.Verdict, err)
	}
}

// asksAgain has a provider want to see the person again instead of refreshing: a login, not an error that stays.
func (m *imitator) asksAgain(t *testing.T, b *logintest.Browser) {
	t.Helper()
	if m.NoRefresh {
		return
	}
	for _, code := range []string{"interaction_required", "login_required", "consent_required", "mfa_required", "access_denied", "invalid_grant"} {
		m.refuses = ""
		if res := m.login(t, b); res.Verdict != plugins.Allow {
			t.Fatalf("a second login: %d %s", res.StatusCode(), res.Reason)
		}
		m.refuses = code
		m.now = m.now.Add(m.TTL + time.Second)
		if res, err := b.Get(deepLink); err != nil || res.StatusCode() != http.StatusFound {
			t.Errorf("a refresh that is answered %s: %d %s %v, want a login", code, res.StatusCode(), res.Reason, err)
		}
	}
}

// With a rule on groups, who is in too many of them for a token is denied, as docs/providers/entra-id.md says.
func TestEntraGroups(t *testing.T) {
	raw, err := os.ReadFile("../../docs/providers/entra-id.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const group = "11112222-bbbb-3333-cccc-4444dddd5555"
	text := strings.NewReplacer("[.roles //", "[.groups //", "value: Staff", "value: "+group).Replace(string(raw))
	for _, person := range []personLogin{
		{name: "in it", id: object{"groups": []string{group}}, status: 200},
		{name: "in another", id: object{"groups": []string{"x" + group}}, status: 403},
		{name: "in 200", id: object{"groups": slices.Repeat([]string{group}, 200)}, status: 200},
		{name: "in more than 200", id: object{
			"_claim_names": object{"groups": "src1"}, "_claim_sources": object{"src1": object{"endpoint": "https://graph.microsoft.com/" + group}},
		}, status: 403},
		{name: "hasgroups", id: object{"hasgroups": true}, status: 403},
	} {
		m := newImitator(t, imitations["entra-id"], text)
		m.person = person
		if res := m.login(t, m.browser(t, text)); res.StatusCode() != person.status {
			t.Errorf("%s: %d %s, want %d", person.name, res.StatusCode(), res.Reason, person.status)
		}
	}
}

// Metadata whose issuer is a template speak for every tenant, and so for nobody.
func TestEntraCommon(t *testing.T) {
	raw, err := os.ReadFile("../../docs/providers/entra-id.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "aaaabbbb-0000-cccc-1111-dddd2222eeee", "common", 1)
	m := newImitator(t, imitations["entra-id"], text)
	m.Name = "https://login.microsoftonline.com/{tenantid}/v2.0"
	res, err := m.browser(t, text).Get(deepLink)
	if res.Verdict == plugins.Allow || res.StatusCode() != http.StatusServiceUnavailable || err == nil && !strings.Contains(res.Reason, "issuer") {
		t.Errorf("common: %d %s %v, want 503", res.StatusCode(), res.Reason, err)
	}
}
