// Package oauth is the room of the server's fixed endpoints for browser logins: where a provider sends browsers back
// to, and where it ends sessions. It decides about nobody. A state is opened for the URL that it holds, and the
// pipeline that guards that URL does the rest:
//
//	GET or POST /oauth/callback             → the URL that a login was begun for, with the provider's answer
//	GET /oauth/end-session-redirect         → the URL that a logout was to lead to
//	POST /oauth/backchannel-logout          → sessions end (OpenID Connect Back-Channel Logout 1.0)
package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/easgate/easgate/internal/oauthflow"
	"github.com/easgate/easgate/internal/page"
	"github.com/easgate/easgate/internal/pipeline"
	"github.com/easgate/easgate/plugins"
)

// maxForm is how many bytes a form may have: a code and a state, or a logout token.
const maxForm = 64 << 10

// Config is what the room needs.
type Config struct {
	// Attempts opens states; nil where there is no secret for them, and no endpoint then.
	Attempts *oauthflow.Attempts
	// Pipelines leads from a backchannel_config_token to the plugins whose sessions a logout token may end.
	Pipelines *pipeline.Cache
	// Allowed reports whether an issuer may end sessions; see [plugins.SessionEnder]. Nil allows what the token does.
	Allowed func(issuer string, configured *bool) bool
	// Timeout bounds one back-channel logout.
	Timeout time.Duration
	Log     *slog.Logger
	Now     func() time.Time
}

// Paths are what [New]'s handler answers.
var Paths = []string{"/oauth/callback", "/oauth/end-session-redirect", "/oauth/backchannel-logout"}

type room struct{ Config }

// New returns the handler of [Paths].
func New(c Config) http.Handler {
	r := room{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth/callback", r.callback)
	mux.HandleFunc("POST /oauth/callback", r.callback)
	mux.HandleFunc("GET /oauth/end-session-redirect", r.ended)
	mux.HandleFunc("POST /oauth/backchannel-logout", r.backchannel)
	return mux
}

// callback sends a browser on with the provider's answer.
func (r *room) callback(w http.ResponseWriter, req *http.Request) {
	answer := req.URL.Query()
	if req.Method == http.MethodPost { // response_mode form_post
		var err error
		if answer, err = form(w, req); err != nil {
			r.refuse(w, req, "login", err)
			return
		}
	}
	target, err := r.Attempts.Answer(answer, r.Now())
	if err != nil {
		r.refuse(w, req, "login", err)
		return
	}
	redirect(w, req, target)
}

// ended sends a browser on that has logged out at the provider.
func (r *room) ended(w http.ResponseWriter, req *http.Request) {
	target, err := r.Attempts.OpenTarget(req.URL.Query().Get("state"), r.Now())
	if err == nil && target == "" {
		err = errors.New("the logout named no redirect_uri")
	}
	if err != nil {
		r.refuse(w, req, "logout", err)
		return
	}
	redirect(w, req, target)
}

// redirect sends a browser to target, to get it whatever it posted.
func redirect(w http.ResponseWriter, req *http.Request, target string) {
	status := http.StatusFound
	if req.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", target)
	w.WriteHeader(status)
}

func (r *room) refuse(w http.ResponseWriter, req *http.Request, what string, err error) {
	r.Log.Info(what+": a request with a state that is not ours, or has expired", "error", err,
		"hint", "another server's, a secret that was replaced, or somebody's invention")
	page.Message{Status: http.StatusBadRequest, Reason: page.LoginExpired}.Write(w, req)
}

func form(w http.ResponseWriter, req *http.Request) (url.Values, error) {
	req.Body = http.MaxBytesReader(w, req.Body, maxForm)
	if err := req.ParseForm(); err != nil {
		return nil, errors.New("the form cannot be read")
	}
	return req.PostForm, nil
}

// backchannel ends the sessions that a provider's logout token names.
func (r *room) backchannel(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Pragma", "no-cache")
	ctx, cancel := context.WithTimeout(req.Context(), r.Timeout)
	defer cancel()
	status, n, err := r.end(ctx, w, req)
	if err != nil {
		r.Log.Warn("back-channel logout refused", "status", status, "error", err)
	} else {
		r.Log.Info("back-channel logout", "sessions", n)
	}
	w.WriteHeader(status)
}

func (r *room) end(ctx context.Context, w http.ResponseWriter, req *http.Request) (status, n int, err error) {
	posted, err := form(w, req)
	if err != nil {
		return http.StatusBadRequest, 0, err
	}
	token, logout := req.URL.Query()["backchannel_config_token"], posted["logout_token"]
	if len(token) != 1 || len(logout) != 1 {
		return http.StatusBadRequest, 0,
			errors.New("want one backchannel_config_token in the URL, and one logout_token in the form")
	}
	p, err := r.Pipelines.Pipeline(ctx, pipeline.Reference{Token: token[0]})
	if err != nil {
		return http.StatusServiceUnavailable, 0, err
	}
	defer p.Release()
	n, err = p.EndSessions(ctx, logout[0], r.Allowed)
	var refused *plugins.LogoutError
	switch {
	case errors.As(err, &refused):
		return http.StatusBadRequest, 0, err
	case err != nil:
		return http.StatusServiceUnavailable, 0, err
	}
	return http.StatusOK, n, nil
}
