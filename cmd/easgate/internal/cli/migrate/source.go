package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/cmd/easgate/internal/sqlstore"
	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/sql"
)

// A candidate is text that looks like a config token.
type candidate struct {
	source, text string
	// store and id are where it is kept; "" for one that a verify URL carries.
	store, id string
}

var (
	inURL = regexp.MustCompile(`\bconfig_token=([^&"'\s;<>]+)`)
	// loose is sealed text by itself: base64, or a JWE.
	loose = regexp.MustCompile(`[A-Za-z0-9_+/-]{80,}(?:={1,2}|(?:\.[A-Za-z0-9_-]*){0,4})` +
		`|[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]*){4}`)
)

// tokensIn finds config tokens in files.
func tokensIn(c *cli.CLI, files []string) ([]candidate, error) {
	var found []candidate
	for _, name := range files {
		text, err := c.Input(name)
		if err != nil {
			return nil, err
		}
		if name == "-" {
			name = "standard input"
		}
		found = append(found, scan(name, string(text))...)
	}
	return found, nil
}

// scan finds the config tokens of verify URLs, and in text without any such URL whatever looks like a sealed one.
func scan(name, text string) []candidate {
	var urls, others []candidate
	n := 0
	for line := range strings.Lines(text) {
		n++
		source := fmt.Sprintf("%s:%d", name, n)
		for _, m := range inURL.FindAllStringSubmatch(line, -1) {
			token, err := url.QueryUnescape(m[1])
			if err != nil {
				token = m[1]
			}
			// $variables of a proxy, {{ templates }}, and REPLACE_ME are for somebody else.
			if len(token) >= 40 && !strings.ContainsAny(token, "${}") {
				urls = append(urls, candidate{source: source, text: token})
			}
		}
		for _, token := range loose.FindAllString(line, -1) {
			others = append(others, candidate{source: source, text: token})
		}
	}
	if len(urls) > 0 || inURL.MatchString(text) {
		return urls
	}
	return others
}

// A migratedStore is what was found in a store.
type migratedStore struct {
	ID      string `json:"id"`
	Adapter string `json:"adapter"`
	Tokens  int    `json:"tokens"`
	Error   string `json:"error,omitempty"`
}

// tokensInStores lists the config tokens of all configured stores.
func tokensInStores(c *cli.CLI, ctx context.Context, cfg *config.Config) (found []candidate, list []migratedStore) {
	list = []migratedStore{}
	entries, err := cfg.StoreEntries()
	if err != nil {
		return nil, []migratedStore{{Error: err.Error()}}
	}
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		var tokens map[string]string
		var err error
		switch e.Adapter {
		case "file", "env":
			tokens, err = written(c, e)
		case "sql":
			tokens, err = listed(c, ctx, cfg, id)
		default:
			err = errors.New("no such adapter")
		}
		s := migratedStore{ID: id, Adapter: e.Adapter, Tokens: len(tokens)}
		if err != nil {
			s.Error = err.Error()
		}
		list = append(list, s)
		for _, token := range slices.Sorted(maps.Keys(tokens)) {
			found = append(found, candidate{fmt.Sprintf("store %q, token %q", id, token), tokens[token], id, token})
		}
	}
	return found, list
}

// source is where a file or env store has its tokens.
type source struct {
	Path string `json:"path"`
	Var  string `json:"var"`
}

func writtenIn(e config.StoreEntry) (src source) {
	_ = json.Unmarshal(e.Options, &src) // config check says what is wrong with it
	return src
}

// written reads the tokens that people wrote into a file or a variable.
func written(c *cli.CLI, e config.StoreEntry) (map[string]string, error) {
	src := writtenIn(e)
	var text []byte
	if e.Adapter == "file" {
		var err error
		if text, err = os.ReadFile(src.Path); err != nil {
			return nil, err
		}
	} else {
		i := slices.IndexFunc(c.Env, func(kv string) bool { return strings.HasPrefix(kv, src.Var+"=") })
		if i < 0 {
			return nil, fmt.Errorf("%s is not set", src.Var)
		}
		text = []byte(c.Env[i][len(src.Var)+1:])
	}
	tokens, err := stores.ParseTokens(text)
	if err != nil {
		return nil, err
	}
	return tokens.All(), tokens.Unusable()
}

// listed reads the tokens in force of a SQL store that has the table config_tokens.
func listed(c *cli.CLI, ctx context.Context, cfg *config.Config, id string) (map[string]string, error) {
	options, err := sqlstore.Options(cfg, id)
	if err != nil {
		return nil, err
	}
	a, err := sql.NewAdmin(options, c.Now)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	tokens := map[string]string{}
	for page := (sql.Page{Limit: 1000}); ; {
		records, err := a.List(ctx, page)
		if err != nil {
			return nil, fmt.Errorf("the table config_tokens cannot be listed: %w", err)
		}
		for _, r := range records {
			if !r.Revoked {
				tokens[r.ID] = r.Sealed
			}
		}
		if len(records) < page.Limit {
			return tokens, nil
		}
		page.After = records[len(records)-1].ID
	}
}
