package tokenhandler

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
)

const (
	// publicSecret is what go-token-handler takes when nobody chose a secret. Everybody knows it.
	publicSecret = "my-secret-key-CHANGE-ME-IN-PROD!"
	// sessionLife is how long a session lasts that is not refreshed, in seconds.
	sessionLife = 1800
	// audience binds sessions, whatever else is in the config tokens.
	audience = "token-handler"
)

// A Translation is go-token-handler's configuration in easgate's words.
type Translation struct {
	// Settings are those of easgate, by name; text, or what becomes JSON.
	Settings map[string]any
	// Pages are the claims of the config token with the pages, Proxied those of what is passed on: the same without pages.
	Pages, Proxied map[string]any
	keyring        *configtoken.Keyring
}

// Translate makes of g what easgate needs, with new keys for config tokens. The error is a [config.Problems].
func Translate(g Given) (*Translation, error) {
	t := &translator{Given: g, settings: map[string]any{"log_format": "json", "url_queries": "false",
		"token_formats": "native"}}
	t.required()
	t.site()
	t.listen()
	t.secrets()
	t.database()
	t.proxies()
	if len(t.problems) > 0 {
		return nil, t.problems
	}
	ring, err := configtoken.NewKeyring()
	if err != nil {
		return nil, err
	}
	out := &Translation{Settings: t.settings, Pages: t.claims(true), Proxied: t.claims(false), keyring: ring}
	out.Settings["keyring"] = string(ring.JWKSet())
	if err := t.mount(out, ring); err != nil {
		return nil, err
	}
	return out, nil
}

type translator struct {
	Given
	settings map[string]any
	problems config.Problems
	// callback is OIDC_REDIRECT_URL.
	callback *url.URL
	routes   []route
}

func (t *translator) complain(name, hint, format string, args ...any) {
	t.problems = append(t.problems, t.problem(name, hint, format, args...))
}

func (t *translator) required() {
	for _, name := range []string{"OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "DB_NAME"} {
		if t.text(name) == "" {
			t.complain(name, "", "required")
		}
	}
	if domain := t.text("COOKIE_DOMAIN"); domain == "localhost" && t.production() {
		t.complain("COOKIE_DOMAIN", "name the site's domain, or unset IS_PRODUCTION", "localhost is not for production")
	}
}

func (t *translator) production() bool {
	on, err := strconv.ParseBool(t.text("IS_PRODUCTION"))
	if err != nil && t.text("IS_PRODUCTION") != "" {
		return true // site says what is wrong with it
	}
	return on
}

// site checks the URLs.
func (t *translator) site() {
	if _, err := strconv.ParseBool(t.text("IS_PRODUCTION")); err != nil {
		t.complain("IS_PRODUCTION", "", "want true or false")
	}
	for _, name := range []string{"OIDC_ISSUER", "OIDC_REDIRECT_URL", "OIDC_POST_LOGIN_REDIRECT_URL",
		"OIDC_POST_LOGOUT_REDIRECT_URL"} {
		text := t.text(name)
		u, err := url.Parse(text)
		switch {
		case text == "":
			t.complain(name, "", "required")
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
			t.complain(name, "", "want an http or https URL")
		case name != "OIDC_REDIRECT_URL":
		case u.Path == "" || u.Path == "/" || u.RawQuery != "":
			t.complain(name, "https://app.example.com/callback is such a URL", "want a URL with a path, and without a query")
		default:
			t.callback = u
		}
	}
}

// listen translates the listener and the log. There is no other listener, unless EAS_ADMIN_ADDR is set.
func (t *translator) listen() {
	host, port, err := net.SplitHostPort(t.text("LISTEN_ADDR"))
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
		t.complain("LISTEN_ADDR", "", "want host:port or :port")
	}
	t.settings["addr"], t.settings["port"], t.settings["admin_addr"] = host, port, "off"
	level := strings.ToLower(t.text("LOG_LEVEL"))
	switch level {
	case "trace":
		level = "debug"
	case "warning":
		level = "warn"
	case "fatal", "panic", "dpanic":
		level = "error"
	case "debug", "info", "warn", "error":
	default:
		t.complain("LOG_LEVEL", "", "want debug, info, warn or error")
	}
	t.settings["log_level"] = level
}

// secrets translates the keys. The cookie and the state of a login are sealed with the first two, sessions with the
// third, or with the first where there is no third: none is stored in clear.
func (t *translator) secrets() {
	const make = "openssl rand -hex 16 prints 32 bytes"
	for name, sizes := range map[string][]int{
		"SESSION_AUTH_SECRET": {32, 64}, "SESSION_OLD_AUTH_SECRET": {32, 64}, "SESSION_ENC_SECRET": {16, 24, 32},
		"SESSION_OLD_ENC_SECRET": {16, 24, 32}, "SESSION_DB_KEY": {32}, "SESSION_OLD_DB_KEY": {32},
	} {
		switch text := t.text(name); {
		case text == "" && name == "SESSION_AUTH_SECRET":
			t.complain(name, make, "required: go-token-handler would take a secret that everybody knows")
		case text == "":
		case text == publicSecret:
			t.complain(name, make+"; as an old one, unset it: people log in once more",
				"this is go-token-handler's default, which everybody knows")
		case !slices.Contains(sizes, len(text)):
			t.complain(name, make, "want %s bytes, got %d", orList(sizes), len(text))
		}
	}
	slices.SortFunc(t.problems, func(a, b config.Problem) int { return strings.Compare(a.Source, b.Source) })
	set := func(name, from string) {
		if text := t.text(from); text != "" {
			t.settings[name] = text
		}
	}
	for _, use := range []string{"cookie", "issuer"} {
		set(use+"_encrypt_secret", "SESSION_AUTH_SECRET")
		set(use+"_encrypt_secret_old", "SESSION_OLD_AUTH_SECRET")
		set(use+"_sign_secret", "SESSION_ENC_SECRET")
		set(use+"_sign_secret_old", "SESSION_OLD_ENC_SECRET")
	}
	set("session_encrypt_secret", "SESSION_AUTH_SECRET")
	set("session_encrypt_secret_old", "SESSION_OLD_AUTH_SECRET")
	if t.text("SESSION_DB_KEY") != "" {
		set("session_encrypt_secret_old", "SESSION_AUTH_SECRET") // a key that is set for the first time loses nobody
		set("session_encrypt_secret", "SESSION_DB_KEY")
		set("session_encrypt_secret_old", "SESSION_OLD_DB_KEY")
	}
}

func orList(sizes []int) string {
	var texts []string
	for _, n := range sizes {
		texts = append(texts, strconv.Itoa(n))
	}
	last := len(texts) - 1
	if last == 0 {
		return texts[0]
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// database translates where sessions are kept.
func (t *translator) database() {
	type object = map[string]any
	switch kind := t.text("DB_TYPE"); kind {
	case "sqlite", "sqlite3":
		file, err := filepath.Abs(t.text("DB_NAME"))
		if err != nil {
			t.complain("DB_NAME", "", "%w", err)
		}
		t.settings["store_opts"] = object{"store": "sql",
			"config": object{"client": "sqlite3", "connection": object{"filename": file}}}
	case "postgresql", "postgres":
		host, port, err := net.SplitHostPort(t.text("DB_HOST"))
		if err != nil {
			host, port = t.text("DB_HOST"), "5432"
		}
		n, err := strconv.Atoi(port)
		if host == "" || err != nil {
			t.complain("DB_HOST", "", "want a host, or host:port")
		}
		t.settings["store_opts"] = object{"store": "sql", "config": object{"client": "pg", "connection": object{
			"host": host, "port": n, "user": t.text("DB_USERNAME"), "password": t.text("DB_PASSWORD"),
			"database": t.text("DB_NAME"), "sslmode": "prefer",
		}}}
	default:
		t.complain("DB_TYPE", "", "want sqlite or postgresql, got %q", kind)
	}
}

// claims are those of a config token.
func (t *translator) claims(pages bool) map[string]any {
	type object = map[string]any
	cookie := object{"name": t.text("COOKIE_NAME")}
	if domain := t.text("COOKIE_DOMAIN"); domain != "localhost" {
		cookie["domain"] = domain
	}
	after := t.text("OIDC_POST_LOGOUT_REDIRECT_URL")
	own := object{
		"enabled": pages, "only": true, "errors": "status",
		"login": "/login", "logout": "/logout", "userinfo": "/userinfo", "callback": t.callbacks(),
		"after_login": t.text("OIDC_POST_LOGIN_REDIRECT_URL"), "after_logout": after,
	}
	return object{"aud": audience, "eas": object{
		"cors": object{"origins": t.origins(), "credentials": true},
		"plugins": []object{{
			"type":         "oidc",
			"issuer":       object{"discover_url": t.text("OIDC_ISSUER")},
			"client":       object{"client_id": t.text("OIDC_CLIENT_ID"), "client_secret": t.text("OIDC_CLIENT_SECRET")},
			"scopes":       []string{"openid", "profile", "email"},
			"redirect_uri": t.text("OIDC_REDIRECT_URL"),
			"cookie":       cookie,
			"pages":        own,
			"features": object{
				"session_expiry": sessionLife, "authorization_token": "access_token",
				"filtered_service_headers": []string{"X-Id-Token", "X-Userinfo", "X-Access-Token"},
				"logout": object{"end_provider_session": object{"enabled": true,
					"post_logout_redirect_uri": after}},
			},
		}},
	}}
}

// callbacks are the paths of the callback: as browsers see it, and as it arrives where a proxy in front strips a
// prefix.
func (t *translator) callbacks() []string {
	if p := t.callback.EscapedPath(); p != "/callback" {
		return []string{p, "/callback"}
	}
	return []string{"/callback"}
}

// origins are the sites whose scripts may use a session: this one, and where logins and logouts lead.
func (t *translator) origins() (all []string) {
	for _, name := range []string{"OIDC_REDIRECT_URL", "OIDC_POST_LOGIN_REDIRECT_URL", "OIDC_POST_LOGOUT_REDIRECT_URL"} {
		u, err := url.Parse(t.text(name))
		if err != nil {
			continue // site said so
		}
		if o := originOf(u); !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}

// originOf is the origin of u as browsers write it.
func originOf(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return scheme + "://" + strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[scheme])
}

// mount puts the config tokens where go-token-handler answers.
func (t *translator) mount(out *Translation, ring *configtoken.Keyring) error {
	sealer, err := ring.Sealer()
	if err != nil {
		return err
	}
	sealed := map[bool]string{}
	for pages, claims := range map[bool]map[string]any{true: out.Pages, false: out.Proxied} {
		raw, err := json.Marshal(claims)
		if err != nil {
			return err
		}
		if sealed[pages], err = sealer.Seal(raw); err != nil {
			return fmt.Errorf("config token: %w", err)
		}
	}
	root := map[string]any{"path": "/", "origin": originOf(t.callback), "errors": "status", "config_token": sealed[true]}
	mounts := []map[string]any{root}
	for _, r := range t.routes {
		if r.path == "/" {
			root["upstream"] = r.upstream
			continue
		}
		mounts = append(mounts, map[string]any{
			"path": r.path, "origin": root["origin"], "errors": "status", "config_token": sealed[false], "upstream": r.upstream,
		})
	}
	t.settings["mounts"] = mounts
	return nil
}

// Config makes easgate's configuration, as [config.Load] does. Variables of easgate's own in env are taken over where
// go-token-handler has no word for them, such as EAS_ADMIN_ADDR and EAS_TRUSTED_PROXIES.
func (t *Translation) Config(env []string) (*config.Config, config.Problems, error) {
	variables := map[string]string{}
	for name, v := range t.Settings {
		text, ok := v.(string)
		if !ok {
			raw, err := json.Marshal(v)
			if err != nil {
				return nil, nil, err
			}
			text = string(raw)
		}
		variables["EAS_"+strings.ToUpper(name)] = text
	}
	for _, kv := range env {
		name, text, _ := strings.Cut(kv, "=")
		_, ours := t.Settings[strings.TrimSuffix(strings.ToLower(strings.TrimPrefix(name, "EAS_")), "_file")]
		if name == "EAS_ADMIN_ADDR" && text != "" || strings.HasPrefix(name, "EAS_") && !ours && name != "EAS_CONFIG_FILE" {
			variables[name] = text
		}
	}
	var list []string
	for name, text := range variables {
		list = append(list, name+"="+text)
	}
	return config.Load(config.Sources{Env: list})
}
