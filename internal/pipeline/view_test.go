package pipeline

import (
	"net/http"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/querytest"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/plugintest"
)

// Rules see the same, whether they look at one member or at everything.
func TestRulesView(t *testing.T) {
	r := plugintest.Request{Header: http.Header{"X-A": {"1"}}}.Build()
	w := &whole{claims: []byte(`{"aud":"a","eas":{"plugins":[{"type":"noop"}]}}`)}
	for _, res := range []*plugins.Result{nil, {Status: 401, Header: http.Header{"X-B": {"1", "2"}}}} {
		querytest.Lazy(t, func() *query.Object {
			v := &rulesView{whole: w, source: r.Source, res: res}
			v.object = query.Lazy(v)
			return &v.object
		}, "parentRequestInfo", "request")
	}
}
