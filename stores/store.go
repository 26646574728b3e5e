// Package stores is the contract of the places where server-side config tokens live, and the cache in front of them.
//
// A store maps ids to sealed text. It knows nothing of plugins, keys or what the text means.
package stores

import "context"

// A Store holds sealed config tokens under ids.
type Store interface {
	// Lookup returns the sealed config token stored under id.
	// An unknown or revoked id is ok == false with a nil error; err is for a store that cannot answer.
	// Ids are case-sensitive and come from strangers.
	// A store of JSON or YAML values (file, env) returns the JSON of the value, a string with its quotes: in EAS an
	// object is a plain token and a string never is, whatever it holds, and only the quotes still tell them apart.
	Lookup(ctx context.Context, id string) (sealed string, ok bool, err error)
	// Ready reports whether the store can answer, for /readyz.
	Ready(ctx context.Context) error
	Close() error
}
