package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/files"
	"github.com/easgate/easgate/cmd/easgate/internal/sqlstore"
	"github.com/easgate/easgate/cmd/easgate/internal/tokens"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/stores/sql"
)

const (
	configName  = "easgate.yaml"
	keyringName = "keyring.json"
	storeID     = "demo"
	apiKey      = "robot-key"
)

// routeTokens are what guards the routes.
type routeTokens struct{ open, login, private, team, partner string }

// A provider is where people log in: its issuer, and the client that we are.
type provider struct{ issuer, client, secret string }

// makeFolder makes what is missing in dir: keys, configuration, store, and the tokens in the store.
func makeFolder(c *cli.CLI, ctx context.Context, dir string, port int,
	idp provider) (*config.Config, routeTokens, error) {
	var urls routeTokens
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, urls, err
	}
	ring, err := configtoken.NewKeyring()
	if err != nil {
		return nil, urls, err
	}
	if err := createMissing(filepath.Join(dir, keyringName), ring.JWKSet()); err != nil {
		return nil, urls, err
	}
	database, err := filepath.Abs(filepath.Join(dir, "tokens.sqlite"))
	if err != nil {
		return nil, urls, err
	}
	path := filepath.Join(dir, configName)
	if err := createMissing(path, fmt.Appendf(nil, configYAML, database)); err != nil {
		return nil, urls, err
	}
	cfg, err := load(path, port)
	if err != nil {
		return nil, urls, err
	}
	urls, err = fill(c, ctx, cfg, idp)
	return cfg, urls, err
}

const configYAML = `# Made by easgate demo, and yours to change: it is never overwritten.
keyring_file: keyring.json
log_format: text
config_token_stores:
  demo:
    adapter: sql
    options:
      query: SELECT id, token FROM config_tokens WHERE id = ? AND revoked != 1
      config:
        client: sqlite3
        connection:
          filename: %q
`

// createMissing is files.Create, but a file that exists is as good.
func createMissing(path string, text []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return files.Create(path, text)
}

// fill seals the demo's config tokens, and puts those into the store that are not there, or are revoked.
func fill(c *cli.CLI, ctx context.Context, cfg *config.Config, idp provider) (urls routeTokens, err error) {
	ring, err := tokens.Keyring(cfg)
	if err != nil {
		return urls, err
	}
	sealer, err := ring.Sealer()
	if err != nil {
		return urls, err
	}
	options, err := sqlstore.Options(cfg, storeID)
	if err != nil {
		return urls, err
	}
	store, err := sql.NewAdmin(options, c.Now)
	if err != nil {
		return urls, err
	}
	defer store.Close()
	if _, err := store.Init(ctx); err != nil {
		return urls, err
	}
	seal := func(claims map[string]any) (sealed string) {
		var text []byte
		if err == nil {
			text, err = json.Marshal(claims)
		}
		if err == nil {
			sealed, err = sealer.Seal(text)
		}
		return sealed
	}
	own := func(id string, plugins ...any) string {
		return seal(map[string]any{"jti": "demo-" + id, "eas": map[string]any{"plugins": plugins}})
	}
	// stored puts the token into the store, and returns one that points to it.
	stored := func(id string, plugins ...any) string {
		sealed := own(id, plugins...)
		if err == nil {
			err = put(ctx, store, id, sealed)
		}
		return seal(map[string]any{"eas": configtoken.Pointer{StoreID: storeID, TokenID: id}})
	}
	alice := user("alice", "wonderland", "demo")
	robot := map[string]any{
		"type": "request_header", "headers": map[string]any{"X-Api-Key": apiKey},
		"custom_service_headers": identityOf("robot", "API key"),
	}
	urls = routeTokens{
		open:    own("open", map[string]any{"type": "noop", "custom_service_headers": identityOf("", "")}),
		login:   own("login", loginAt(idp)),
		private: own("private", alice),
		team:    stored("team", robot, alice),
		partner: stored("partner", user("bob", "builder", "demo partner")),
	}
	return urls, err
}

// put leaves a token alone that is there and not revoked.
func put(ctx context.Context, store *sql.Admin, id, sealed string) error {
	r, err := store.Get(ctx, id)
	if err == nil && !r.Revoked {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrUnknown) {
		return err
	}
	return store.Put(ctx, "easgate demo", id, sealed)
}

func user(name, password, realm string) any {
	hash, _ := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost) // fails for long passwords alone
	return map[string]any{
		"type": "htpasswd", "realm": realm, "htpasswd": name + ":" + string(hash),
		"custom_service_headers": identityOf(name, "password"),
	}
}

func identityOf(user, method string) map[string]any {
	header := func(text string) map[string]string { return map[string]string{"source": "static", "query": text} }
	return map[string]any{"X-Auth-User": header(user), "X-Auth-Method": header(method)}
}

// loginAt is a login with a browser. The application is told who it is, and never sees a token.
func loginAt(idp provider) map[string]any {
	return map[string]any{
		"type": "oidc", "scopes": []string{"openid", "profile", "email"},
		"issuer":   map[string]any{"discover_url": idp.issuer},
		"client":   map[string]any{"client_id": idp.client, "client_secret": idp.secret},
		"features": map[string]any{"filtered_service_headers": []string{"X-Id-Token", "X-Access-Token"}},
		"custom_service_headers": map[string]any{
			"X-Auth-Method": map[string]string{"source": "static", "query": "login"},
			"X-Auth-User": map[string]any{
				"source": "identity", "query_engine": "jp", "query": "$.name", "query_opts": map[string]bool{"single_value": true},
			},
		},
	}
}
