package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// signin answers /nginx/auth-signin?rd=URL, where ingress-nginx sends a browser whose request was answered 401: it
// redirects to the login that the verify reply named. Only to an origin that the operator listed: anything else is
// somebody's phishing link and a 400. What verify replies redirect to is no proof, for a forward service may take it
// from the request.
func (s *Server) signin(c echo.Context) error {
	target, err := redirectTarget(c.Request().URL.RawQuery)
	if err == nil && !s.isLogin(target) {
		err = errors.New("rd: not a login that this server sends people to")
	}
	if err != nil {
		s.cfg.Log.Info("auth-signin refused", "error", err, "hint", "list the login's origin in EAS_SIGNIN_ORIGINS")
		return c.String(http.StatusBadRequest, err.Error()+"\n")
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", target.String())
	return c.NoContent(http.StatusFound)
}

// redirectTarget reads rd. nginx does not escape what it puts there, so rd is the last parameter and holds all that
// follows; if it is escaped, it is one value.
func redirectTarget(query string) (*url.URL, error) {
	_, rd, ok := strings.Cut("&"+query, "&rd=")
	if !ok || rd == "" {
		return nil, errors.New("rd: missing")
	}
	if !strings.Contains(rd, "://") {
		rd, _, _ = strings.Cut(rd, "&")
		text, err := url.QueryUnescape(rd)
		if err != nil {
			return nil, errors.New("rd: bad escape")
		}
		rd = text
	}
	u, err := url.Parse(rd)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
		strings.ContainsAny(rd, "\\\"<>") {
		return nil, errors.New("rd: want an absolute http or https URL")
	}
	return u, nil
}

// origin is scheme and host, in the form that comparing needs.
func origin(u *url.URL) string {
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)
}

func (s *Server) isLogin(u *url.URL) bool {
	o := origin(u)
	for _, listed := range s.cfg.SigninOrigins {
		if strings.EqualFold(strings.TrimSuffix(listed, "/"), o) {
			return true
		}
	}
	return false
}
