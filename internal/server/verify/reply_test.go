package verify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/plugins"
)

func TestDialect(t *testing.T) {
	location := http.Header{"Location": {"https://idp.example/"}}
	tests := []struct {
		name     string
		profile  parent.Profile
		res      plugins.Result
		redirect int
		want     int
	}{
		{"allow", parent.Nginx, plugins.Result{Verdict: plugins.Allow}, 0, 200},
		{"nginx: redirect", parent.Nginx, plugins.Result{Status: 302, Header: location}, 0, 401},
		{"nginx: 401", parent.Nginx, plugins.Result{Status: 401}, 0, 401},
		{"nginx: other 4xx", parent.Nginx, plugins.Result{Status: 429}, 0, 403},
		{"nginx: our fault", parent.Nginx, plugins.Result{Status: 503}, 0, 503},
		{"traefik: redirect", parent.Traefik, plugins.Result{Status: 302, Header: location}, 0, 302},
		{"redirect_http_code", parent.Traefik, plugins.Result{Status: 302, Header: location}, 401, 401},
		{"redirect_http_code is for redirects", parent.Traefik, plugins.Result{Status: 403}, 401, 403},
		{"a deny is never 2xx", parent.Traefik, plugins.Result{Status: 200}, 0, 503},
		{"an allow is always 2xx", parent.Traefik, plugins.Result{Verdict: plugins.Allow, Status: 302}, 0, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := Request{Params: &Params{redirect: tt.redirect}}
			if got := dialect(tt.profile, q.Status(&tt.res)); got != tt.want {
				t.Errorf("status = %d, want %d", got, tt.want)
			}
		})
	}
}

// nginx obeys X-Accel-Redirect in the answer to an auth subrequest, and so no plugin's answer has it.
func TestNoPluginSteersNginx(t *testing.T) {
	for _, name := range []string{"X-Accel-Redirect", "x-accel-redirect", "X-ACCEL-BUFFERING", "X-Accel-Anything"} {
		w := httptest.NewRecorder()
		Reply(w, &plugins.Result{Status: 403, Header: http.Header{name: {"/secret"}, "X-Kept": {"1"}}}, &Request{Profile: parent.Nginx, Params: &noParams})
		for got := range w.Header() {
			if strings.EqualFold(got, name) {
				t.Errorf("a plugin's %s is sent", name)
			}
		}
		if w.Header().Get("X-Kept") != "1" {
			t.Errorf("beside %s, X-Kept is not sent", name)
		}
	}
}
