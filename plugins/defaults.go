package plugins

import "github.com/easgate/easgate/internal/query"

// A Completer is a configuration whose entry external-auth-server completes with defaults, which queries of tokens in
// its format then see in plugin_config and config_token. Complete is called on the zero value, and changes entry.
type Completer interface {
	Complete(entry *query.Object)
}

// ObjectIn returns the object that is o's member of that name, and makes an empty one where there is nothing, in
// JavaScript's sense. It is nil where something else is.
func ObjectIn(o *query.Object, name string) *query.Object {
	v, _ := o.Get(name)
	if !query.Truthy(v) {
		v = &query.Object{}
		o.Set(name, v)
	}
	object, _ := v.(*query.Object)
	return object
}

// Default sets o's member of that name to v where there is none, not even null.
func Default(o *query.Object, name string, v query.Value) {
	if _, there := o.Get(name); !there {
		o.Set(name, v)
	}
}
