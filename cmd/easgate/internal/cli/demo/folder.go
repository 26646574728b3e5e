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

// verifyTokens are what stands in the gateway's verify URLs.
type verifyTokens struct{ open, private, team, partner string }

// makeFolder makes what is missing in dir: keys, configuration, store, and the tokens in the store.
func makeFolder(c *cli.CLI, ctx context.Context, dir string, port int) (*config.Config, verifyTokens, error) {
	var urls verifyTokens
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
	urls, err = fill(c, ctx, cfg)
	return cfg, urls, err
}

const configYAML = `# Made by easgate demo, and yours to change: it is never overwritten.
keyring_file: keyring.json
proxy_profile: nginx
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
func fill(c *cli.CLI, ctx context.Context, cfg *config.Config) (verifyTokens, error) {
	var urls verifyTokens
	ring, err := tokens.Keyring(cfg)
	if err != nil {
		return urls, err
	}
	sealer, err := ring.Sealer()
	if err != nil {
		return urls, err
	}
	alice, err := user("alice", "wonderland", "demo")
	if err != nil {
		return urls, err
	}
	bob, err := user("bob", "builder", "demo partner")
	if err != nil {
		return urls, err
	}
	robot := map[string]any{
		"type": "request_header", "headers": map[string]any{"X-Api-Key": apiKey}, "custom_service_headers": identityOf("robot", "API key"),
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
	for _, t := range []struct {
		into    *string
		id      string
		stored  bool
		plugins []any
	}{
		{&urls.open, "open", false, []any{map[string]any{"type": "noop"}}},
		{&urls.private, "private", false, []any{alice}},
		{&urls.team, "team", true, []any{robot, alice}},
		{&urls.partner, "partner", true, []any{bob}},
	} {
		claims, err := json.Marshal(map[string]any{"jti": "demo-" + t.id, "eas": map[string]any{"plugins": t.plugins}})
		if err != nil {
			return urls, err
		}
		if *t.into, err = sealer.Seal(claims); err != nil {
			return urls, err
		}
		if !t.stored {
			continue
		}
		if err := put(ctx, store, t.id, *t.into); err != nil {
			return urls, err
		}
		if claims, err = json.Marshal(map[string]any{"eas": configtoken.Pointer{StoreID: storeID, TokenID: t.id}}); err != nil {
			return urls, err
		}
		if *t.into, err = sealer.Seal(claims); err != nil {
			return urls, err
		}
	}
	return urls, nil
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

func user(name, password, realm string) (any, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return map[string]any{
		"type": "htpasswd", "realm": realm, "htpasswd": name + ":" + string(hash), "custom_service_headers": identityOf(name, "password"),
	}, err
}

func identityOf(user, method string) map[string]any {
	header := func(text string) map[string]string { return map[string]string{"source": "static", "query": text} }
	return map[string]any{"X-Auth-User": header(user), "X-Auth-Method": header(method)}
}
