package firebasejwt

import (
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/plugins"
)

// Complete implements [plugins.Completer]. Issuer and audience are Firebase's, whatever the options say.
func (*Config) Complete(entry *query.Object) {
	v, _ := entry.Get("config")
	c, ok := v.(*query.Object)
	if !ok {
		return
	}
	options := plugins.ObjectIn(c, "options")
	plugins.ObjectIn(c, "features")
	if options == nil {
		return
	}
	project, _ := c.Get("project_id")
	if id, err := query.ToString(project); err == nil {
		options.Set("issuer", "https://securetoken.google.com/"+id)
		options.Set("audience", project)
	}
}
