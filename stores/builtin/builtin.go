// Package builtin is the list of store adapters that are built in.
package builtin

import (
	"github.com/easgate/easgate/stores"
	"github.com/easgate/easgate/stores/env"
	"github.com/easgate/easgate/stores/file"
	"github.com/easgate/easgate/stores/sql"
)

// Adapters returns every store adapter by the name that configurations use. To add one, add its line.
func Adapters() stores.Registry {
	return stores.Registry{
		"env":  stores.Of(env.New),
		"file": stores.Of(file.New),
		"sql":  stores.Of(sql.New),
	}
}
