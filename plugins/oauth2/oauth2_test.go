package oauth2_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/login/logintest"
	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/handlebars"
	"github.com/easgate/easgate/internal/query/jsonpath"
	"github.com/easgate/easgate/internal/seal"
	"github.com/easgate/easgate/internal/server/oauth"
	"github.com/easgate/easgate/internal/session/memory"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/oauth2"
	"github.com/easgate/easgate/plugins/plugintest"
)

const app = "https://app.example.com/x?y"

// house is a provider that has an API, and whoever asks it.
type house struct {
	*logintest.Provider
	now  time.Time
	env  plugins.Env
	keys seal.Keys
	// api answers by path and page.
	api map[string]string
}

func newHouse(t testing.TB) *house {
	h := &house{now: plugintest.Now, api: map[string]string{"/api/user": `{"id":583231000000000001,"login":"octocat"}`}}
	clock := func() time.Time { return h.now }
	h.Provider = logintest.NewProvider(t, clock)
	h.NoRefresh = true
	h.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		text, ok := h.api[r.URL.Path+strings.TrimPrefix("?page="+r.URL.Query().Get("page"), "?page=")]
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			return false
		}
		switch {
		case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer at-") || r.Header.Get("User-Agent") == "":
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write([]byte(text))
		}
		return true
	}
	secrets := map[seal.Purpose]seal.Secrets{}
	for _, p := range []seal.Purpose{seal.State, seal.Cookie, seal.Session} {
		secrets[p] = seal.Secrets{Setting: "X", Current: []byte("a secret of more than 32 bytes, for tests of logins")}
	}
	h.keys = seal.New(secrets, nil, clock)
	e := plugintest.Env(t)
	e.Now, e.HTTP, e.Sessions, e.Seal, e.Native, e.Audience = clock, &http.Client{}, memory.New(memory.Options{Now: clock}), h.keys, true, "audience"
	e.Log = slog.New(slog.DiscardHandler)
	e.Query = query.Engines{"jp": jsonpath.New(nil), "handlebars": handlebars.New(nil)}
	h.env = e
	return h
}

func (h *house) plugin(t testing.TB, userinfo map[string]any, rule string) plugins.Plugin {
	t.Helper()
	config := map[string]any{
		"issuer": map[string]any{"authorization_endpoint": h.URL + "/authorize", "token_endpoint": h.URL + "/token"},
		"client": map[string]any{"client_id": "gate", "client_secret": "s3cret"}, "scopes": []string{"read:user"},
		"features": map[string]any{"userinfo": userinfo, "userinfo_expiry": 60},
	}
	if rule != "" {
		config["assertions"] = map[string]any{"userinfo": []any{map[string]any{"query_engine": "jp", "query": "$.teams[*].slug",
			"rule": map[string]any{"method": "contains", "value": rule}}}}
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p, unknown, err := plugins.Of(oauth2.New).Build(raw, h.env)
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	return p
}

func TestGitHub(t *testing.T) {
	h := newHouse(t)
	page := make([]string, 100)
	for i := range page {
		page[i] = fmt.Sprintf(`{"slug":"team-%d"}`, i)
	}
	h.api["/api/user/teams1"] = "[" + strings.Join(page, ",") + "]"
	h.api["/api/user/teams2"] = `[{"slug":"operators"}]`
	h.api["/api/user/orgs1"] = `[{"login":"github"}]`
	h.api["/api/user/emails1"] = `[{"email":"octocat@github.com"}]`
	github := map[string]any{"provider": "github", "config": map[string]any{
		"url": h.URL + "/api", "fetch_teams": true, "fetch_organizations": true, "fetch_emails": true,
	}}
	b := logintest.NewBrowser(t, h.plugin(t, github, "operators"), h.Provider)
	res := b.Login(app)
	if res.Verdict != plugins.Allow {
		t.Fatalf("login: %d %s", res.StatusCode(), res.Reason)
	}
	if id := res.Identity; id.Subject != "583231000000000001" || id.Name != "octocat" || id.Realm != h.URL+"/token" || id.Provider != "oauth2" {
		t.Errorf("identity = %+v", id)
	}
	var info struct {
		Teams, Organizations, Emails []map[string]string
	}
	if err := json.Unmarshal([]byte(res.Header.Get("X-Userinfo")), &info); err != nil || len(info.Teams) != 101 || info.Organizations[0]["login"] != "github" || info.Emails[0]["email"] == "" {
		t.Errorf("X-Userinfo = %.200s %v", res.Header.Get("X-Userinfo"), err)
	}
	if res.Header.Get("X-Id-Token") != "" {
		t.Error("there is an ID token that nobody has checked")
	}
	h.api["/api/user/teams2"] = `[]`
	h.now = h.now.Add(61 * time.Second)
	if res := b.Login(app); res.StatusCode() != http.StatusForbidden {
		t.Errorf("after leaving the team: %d %s, want 403", res.StatusCode(), res.Reason)
	}
	h.api["/api/user"] = `{"id":2,"login":"octocat"}`
	h.api["/api/user/teams2"] = `[{"slug":"operators"}]`
	h.now = h.now.Add(61 * time.Second)
	if res, err := b.Get(app); err != nil || res.StatusCode() != http.StatusFound {
		t.Errorf("somebody else behind the same token: %v %d %v, want a login", res.Verdict, res.StatusCode(), err)
	}
	delete(h.api, "/api/user/teams1")
	if res := b.Login(app); res.StatusCode() != http.StatusServiceUnavailable || !strings.Contains(res.Reason, "404") {
		t.Errorf("an API that has no teams: %d %s", res.StatusCode(), res.Reason)
	}
}

func TestGeneric(t *testing.T) {
	for _, tt := range []struct {
		name, answer, subject, want string
		status                      int
	}{
		{"sub", `{"sub":"a","id":1}`, "", "a", 200},
		{"id", `{"id":12345678901234567890}`, "", "12345678901234567890", 200},
		{"named", `{"sub":"a","uid":"b"}`, "uid", "b", 200},
		{"nobody", `{"name":"x"}`, "", "", 403},
		{"an empty one", `{"sub":""}`, "", "", 403},
		{"not an object", `[]`, "", "", 503},
		{"not JSON", `hello`, "", "", 503},
		{"null", `null`, "", "", 503},
	} {
		h := newHouse(t)
		h.api["/api/me"] = tt.answer
		p := h.plugin(t, map[string]any{"provider": "generic", "config": map[string]any{"url": h.URL + "/api/me", "subject": tt.subject}}, "")
		res := logintest.NewBrowser(t, p, h.Provider).Login(app)
		if res.StatusCode() != tt.status || res.Identity.Subject != tt.want {
			t.Errorf("%s: %d %q %s, want %d %q", tt.name, res.StatusCode(), res.Identity.Subject, res.Reason, tt.status, tt.want)
		}
	}
}

func TestContract(t *testing.T) {
	raw, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.Secret = "c3ntipede"
	h.api["/api/user/teams1"], h.api["/api/user/emails1"] = `[{"slug":"operators"}]`, `[]`
	h.env.HTTP = &http.Client{Transport: github{h}}
	env := func(testing.TB) plugins.Env { return h.env }
	p, unknown, err := plugins.Of(oauth2.New).Build(raw, h.env)
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	attempts, err := oauthflow.NewAttempts(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	b := logintest.NewBrowser(t, p, h.Provider)
	b.Fixed = oauth.New(oauth.Config{Attempts: attempts, Log: h.env.Log, Now: h.env.Now, Timeout: time.Second})
	res, err := b.Get(app)
	if err != nil {
		t.Fatal(err)
	}
	res.Header.Set("Location", strings.Replace(res.Header.Get("Location"), "https://github.com/login/oauth", h.URL, 1))
	if res := b.Login(b.Authorize(res)); res.Verdict != plugins.Allow {
		t.Fatalf("login: %d %s", res.StatusCode(), res.Reason)
	}
	const name = "__Host-_eas_oauth_session"
	good := `"issuer":{"authorization_endpoint":"https://i/a","token_endpoint":"https://i/t"},"client":{"client_id":"c"}`
	plugintest.Run(t, plugintest.Contract{
		Factory: plugins.Of(oauth2.New), Config: raw, Env: env, Secrets: []string{"c3ntipede"},
		Allowed: plugintest.Request{Header: http.Header{"Cookie": {name + "=" + b.Cookie(app, name)}}},
		BadConfigs: map[string]string{
			`{}`:             "features.userinfo: required",
			`{` + good + `}`: "features.userinfo: required, or issuer.userinfo_endpoint",
			`{` + good + `,"features":{"userinfo":{"provider":"github","config":{"url":"x"}}}}`: "features.userinfo.config.url",
			`{"client":{"client_id":"c"},"features":{"fetch_userinfo":false}}`:                  "issuer: required",
			`{` + good + `,"features":{"fetch_userinfo":false},"response_mode":"form_post"}`:    "response_mode: form_post needs redirect_uri",
		},
	})
}

// github is where the provider is found under GitHub's names.
type github struct{ h *house }

func (g github) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	switch r.URL.Host {
	case "api.github.com":
		r.URL.Path = "/api" + r.URL.Path
	case "github.com":
		r.URL.Path = "/token"
	}
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(g.h.URL, "http://")
	return http.DefaultTransport.RoundTrip(r)
}
