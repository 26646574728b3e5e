package login

import (
	"net/http"

	"github.com/easgate/easgate/internal/page"
	"github.com/easgate/easgate/plugins"
)

// A failure is where a person ends up whose login came to nothing.
type failure struct {
	status int
	reason page.Reason
}

// failed are the ends of a login.
var failed = struct {
	malformed, state, late, used, cookies, denied, provider, tokens, forbidden, insecure, target, elsewhere, foreign,
	needed,
	out, unavailable failure
}{
	malformed: failure{http.StatusBadRequest, page.LoginFailed},
	state:     failure{http.StatusBadRequest, page.LoginFailed},
	late:      failure{http.StatusBadRequest, page.LoginExpired},
	used:      failure{http.StatusBadRequest, page.LoginUsed},
	cookies:   failure{http.StatusBadRequest, page.NoCookie},
	denied:    failure{http.StatusForbidden, page.LoginDenied},
	provider:  failure{http.StatusServiceUnavailable, page.LoginUnavailable},
	tokens:    failure{http.StatusForbidden, page.LoginFailed},
	forbidden: failure{http.StatusForbidden, page.NoAccess},
	insecure:  failure{http.StatusBadRequest, page.InsecureRequest},
	target:    failure{http.StatusBadRequest, page.InvalidRedirect},
	elsewhere: failure{http.StatusBadRequest, page.BadRequest},
	foreign:   failure{http.StatusBadRequest, page.BadRequest},
	needed:    failure{http.StatusUnauthorized, page.LoginNeeded},
	out:       failure{http.StatusForbidden, page.LoggedOut},

	unavailable: failure{http.StatusServiceUnavailable, page.Unavailable},
}

// fail answers with a page about f. why is for the log, with the remedy.
func (p *Plugin) fail(r *plugins.Request, f failure, why string) plugins.Result {
	return p.retry(r, f, why, "")
}

// retry is fail with a link to go on with.
func (p *Plugin) retry(r *plugins.Request, f failure, why, target string) plugins.Result {
	m := page.Message{Status: f.status, Reason: f.reason, Retry: target}
	res := plugins.Result{Verdict: plugins.Deny, Status: f.status, Reason: why}
	if p.s.Config.Pages.Errors == "status" {
		res.Header, res.Body = m.RenderStatus(p.env.Now())
		return res
	}
	asked := r.Header
	if p.isScript(r) && asked["Accept"] == nil {
		asked = http.Header{"Accept": {"application/json"}}
	}
	res.Header, res.Body = m.Render(asked)
	return res
}
