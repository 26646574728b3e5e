// Package sqlstore finds the SQL stores of the configuration, for the commands that change them.
package sqlstore

import (
	"fmt"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/strictjson"
	"github.com/easgate/easgate/stores/sql"
)

// Options returns the options of the SQL store with that id.
func Options(cfg *config.Config, id string) (sql.Config, error) {
	var options sql.Config
	all, err := cfg.StoreEntries()
	if err != nil {
		return options, fmt.Errorf("%s: %w", cfg.Origin("config_token_stores"), err)
	}
	entry, ok := all[id]
	switch {
	case !ok:
		return options, problem.Hint(fmt.Errorf("there is no store %q in the configuration", id),
			"EAS_CONFIG_TOKEN_STORES or --config names them; sqlite:FILE and postgres://… are databases themselves")
	case entry.Adapter != "sql":
		return options, problem.Hint(
			fmt.Errorf("store %q has the adapter %q, and only sql stores are changed here", id, entry.Adapter),
			"change its file or variable instead: easgate reads it again")
	}
	if err := strictjson.Unmarshal(entry.Options, &options); err != nil {
		return options, fmt.Errorf("store %q: options.%w", id, err)
	}
	options.Config.Roots = cfg.CARoots
	return options, nil
}
