package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/stores/sql"
)

const (
	demoConfig  = "easgate.yaml"
	demoKeyring = "keyring.json"
	demoStore   = "demo"
	demoAPIKey  = "robot-key"
)

// demoTokens are what stands in the gateway's verify URLs.
type demoTokens struct{ open, private, team, partner string }

// demoFolder makes what is missing in dir: keys, configuration, store, and the tokens in the store.
func (c *cli) demoFolder(ctx context.Context, dir string, port int) (*config.Config, demoTokens, error) {
	var tokens demoTokens
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, tokens, err
	}
	ring, err := configtoken.NewKeyring()
	if err != nil {
		return nil, tokens, err
	}
	if err := createMissing(filepath.Join(dir, demoKeyring), ring.JWKSet()); err != nil {
		return nil, tokens, err
	}
	database, err := filepath.Abs(filepath.Join(dir, "tokens.sqlite"))
	if err != nil {
		return nil, tokens, err
	}
	path := filepath.Join(dir, demoConfig)
	if err := createMissing(path, fmt.Appendf(nil, demoYAML, database)); err != nil {
		return nil, tokens, err
	}
	cfg, err := demoLoad(path, port)
	if err != nil {
		return nil, tokens, err
	}
	tokens, err = c.demoFill(ctx, cfg)
	return cfg, tokens, err
}

const demoYAML = `# Made by easgate demo, and yours to change: it is never overwritten.
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

// createMissing is createFile, but a file that exists is as good.
func createMissing(path string, text []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return createFile(path, text)
}

// demoFill seals the demo's config tokens, and puts those into the store that are not there, or are revoked.
func (c *cli) demoFill(ctx context.Context, cfg *config.Config) (demoTokens, error) {
	var tokens demoTokens
	ring, err := keyring(cfg)
	if err != nil {
		return tokens, err
	}
	sealer, err := ring.Sealer()
	if err != nil {
		return tokens, err
	}
	alice, err := demoUser("alice", "wonderland", "demo")
	if err != nil {
		return tokens, err
	}
	bob, err := demoUser("bob", "builder", "demo partner")
	if err != nil {
		return tokens, err
	}
	robot := map[string]any{
		"type": "request_header", "headers": map[string]any{"X-Api-Key": demoAPIKey}, "custom_service_headers": demoIdentity("robot", "API key"),
	}
	options, err := sqlStore(cfg, demoStore)
	if err != nil {
		return tokens, err
	}
	store, err := sql.NewAdmin(options, c.now)
	if err != nil {
		return tokens, err
	}
	defer store.Close()
	if _, err := store.Init(ctx); err != nil {
		return tokens, err
	}
	for _, t := range []struct {
		into    *string
		id      string
		stored  bool
		plugins []any
	}{
		{&tokens.open, "open", false, []any{map[string]any{"type": "noop"}}},
		{&tokens.private, "private", false, []any{alice}},
		{&tokens.team, "team", true, []any{robot, alice}},
		{&tokens.partner, "partner", true, []any{bob}},
	} {
		claims, err := json.Marshal(map[string]any{"jti": "demo-" + t.id, "eas": map[string]any{"plugins": t.plugins}})
		if err != nil {
			return tokens, err
		}
		if *t.into, err = sealer.Seal(claims); err != nil {
			return tokens, err
		}
		if !t.stored {
			continue
		}
		if err := demoPut(ctx, store, t.id, *t.into); err != nil {
			return tokens, err
		}
		if claims, err = json.Marshal(map[string]any{"eas": configtoken.Pointer{StoreID: demoStore, TokenID: t.id}}); err != nil {
			return tokens, err
		}
		if *t.into, err = sealer.Seal(claims); err != nil {
			return tokens, err
		}
	}
	return tokens, nil
}

// demoPut leaves a token alone that is there and not revoked.
func demoPut(ctx context.Context, store *sql.Admin, id, sealed string) error {
	r, err := store.Get(ctx, id)
	if err == nil && !r.Revoked {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrUnknown) {
		return err
	}
	return store.Put(ctx, "easgate demo", id, sealed)
}

func demoUser(name, password, realm string) (any, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	return map[string]any{
		"type": "htpasswd", "realm": realm, "htpasswd": name + ":" + string(hash), "custom_service_headers": demoIdentity(name, "password"),
	}, err
}

func demoIdentity(user, method string) map[string]any {
	header := func(text string) map[string]string { return map[string]string{"source": "static", "query": text} }
	return map[string]any{"X-Auth-User": header(user), "X-Auth-Method": header(method)}
}
