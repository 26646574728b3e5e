package login

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/easgate/easgate/plugins"
)

// A failure is where a person ends up whose login came to nothing.
type failure struct {
	// code is the JSON answer's error.
	code   string
	status int
	// title and text are for the person.
	title, text string
}

// failed are the ends of a login.
var failed = struct {
	malformed, state, late, used, cookies, denied, provider, tokens, forbidden, insecure, target, out failure
}{
	malformed: failure{"malformed", http.StatusBadRequest, "The login did not work", "The answer of the login page cannot be read."},
	state: failure{"unknown_state", http.StatusBadRequest, "The login did not work",
		"This answer does not belong to a login that was begun here."},
	late: failure{"state_expired", http.StatusBadRequest, "The login took too long", "Please begin again."},
	used: failure{"state_used", http.StatusBadRequest, "This login is already done", "A login counts once. Go on where you wanted to go."},
	cookies: failure{"no_cookie", http.StatusBadRequest, "Your browser did not send the cookie of this login",
		"Allow cookies for this site, and begin again in one browser."},
	denied: failure{"access_denied", http.StatusForbidden, "You are not logged in", "The login was refused or cancelled."},
	provider: failure{"provider_failed", http.StatusServiceUnavailable, "The login does not work at the moment",
		"The login service did not do what it should. Please try again later."},
	tokens: failure{"invalid_tokens", http.StatusForbidden, "The login did not work",
		"What the login service said about you cannot be accepted."},
	forbidden: failure{"forbidden", http.StatusForbidden, "You have no access", "You are logged in, but this page is not for your account."},
	insecure: failure{"insecure_request", http.StatusBadRequest, "The login needs https",
		"This site was opened without encryption, and its login would never be kept. " +
			"The operator finds the remedy in the log: X-Forwarded-Proto, https, or cookie.secure."},
	target: failure{"invalid_redirect", http.StatusBadRequest, "You are still logged in", "The logout would have led to another site."},
	out:    failure{"logged_out", http.StatusForbidden, "You are logged out", "You can close this window."},
}

// fail answers with a page about f. why is for the log, with the remedy.
func (p *Plugin) fail(r *plugins.Request, f failure, why string) plugins.Result {
	return p.retry(r, f, why, "")
}

// retry is fail with a link to go on with.
func (p *Plugin) retry(r *plugins.Request, f failure, why, target string) plugins.Result {
	res := p.page(r, f.status, f)
	if target != "" && !wantsJSON(r, p) {
		res.Body = html(f, target)
	}
	res.Reason = why
	return res
}

func (p *Plugin) page(r *plugins.Request, status int, f failure) plugins.Result {
	res := plugins.Result{Verdict: plugins.Deny, Status: status}
	if wantsJSON(r, p) {
		res.Header = http.Header{"Content-Type": {"application/json"}}
		res.Body, _ = json.Marshal(map[string]string{"error": f.code, "message": f.title}) // texts
		return res
	}
	res.Header = http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"},
	}
	res.Body = html(f, "")
	return res
}

// wantsJSON reports whether r is a program's.
func wantsJSON(r *plugins.Request, p *Plugin) bool {
	accept := strings.Join(r.Header["Accept"], ",")
	return !strings.Contains(accept, "text/html") && (strings.Contains(accept, "application/json") || p.isScript(r))
}

var layout = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto 0;padding:0 1rem}</style></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p>{{with .Target}}<p><a href="{{.}}">Continue</a></p>{{end}}</main></body></html>
`))

func html(f failure, target string) []byte {
	var b bytes.Buffer
	_ = layout.Execute(&b, struct{ Title, Text, Target string }{f.title, f.text, target}) // into memory
	return b.Bytes()
}
