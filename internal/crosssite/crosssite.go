package crosssite

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Config is who may call from other sites, in the words of the Fetch standard's CORS protocol.
type Config struct {
	// Origins are scheme, host and port of the sites, such as "https://app.example.com"; "*" is every one, which can
	// read but gets no credentials.
	Origins []string `json:"origins"`
	// Methods are those beside GET, HEAD and POST. Default: PUT, PATCH and DELETE.
	Methods []string `json:"methods,omitempty"`
	// Headers of requests that a page may set. Default: Content-Type and Authorization.
	Headers []string `json:"headers,omitempty"`
	// ExposeHeaders are those of answers that a page may read.
	ExposeHeaders []string `json:"expose_headers,omitempty"`
	// MaxAge is for how many seconds a browser may remember a preflight. Default: 600.
	MaxAge int `json:"max_age,omitempty"`
	// Credentials lets pages send the session's cookie along.
	Credentials bool `json:"credentials,omitempty"`
	// Preflight says who answers preflights: "answer", the default, is easgate, "pass" the upstream, which then sends all
	// CORS headers itself.
	Preflight string `json:"preflight,omitempty"`
}

// Rules are a [Config], ready to use. They are safe for concurrent use.
type Rules struct {
	protection  http.CrossOriginProtection
	origins     map[string]bool
	everyone    bool
	pass        bool
	credentials bool
	methods     string
	headers     string
	exposed     string
	maxAge      string
}

var (
	errWildcard  = errors.New(`origins: "*" and credentials: name the origins that may use a session`)
	errPreflight = errors.New(`preflight: "answer" or "pass"`)
	errOrigins   = errors.New("origins: required")
	errAge       = errors.New("max_age: want seconds, at most a day")
)

// Rules checks c and returns its rules.
func (c Config) Rules() (*Rules, error) {
	r := &Rules{origins: map[string]bool{}, pass: c.Preflight == "pass", credentials: c.Credentials}
	switch {
	case c.Preflight != "" && c.Preflight != "answer" && c.Preflight != "pass":
		return nil, errPreflight
	case len(c.Origins) == 0:
		return nil, errOrigins
	case c.MaxAge < 0 || c.MaxAge > int((24*time.Hour).Seconds()):
		return nil, errAge
	}
	for _, origin := range c.Origins {
		if origin == "*" {
			r.everyone = true
			continue
		}
		if err := checkOrigin(origin); err != nil {
			return nil, fmt.Errorf("origins: %w", err)
		}
		if err := r.protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("origins: %w", err)
		}
		r.origins[origin] = true
	}
	if r.everyone && c.Credentials {
		return nil, errWildcard
	}
	if c.Methods == nil {
		c.Methods = []string{http.MethodPut, http.MethodPatch, http.MethodDelete}
	}
	if c.Headers == nil {
		c.Headers = []string{"Content-Type", "Authorization"}
	}
	for name, all := range map[string][]string{"methods": c.Methods, "headers": c.Headers,
		"expose_headers": c.ExposeHeaders} {
		for _, one := range all {
			if !httpguts.ValidHeaderFieldName(one) { // both are tokens, and "*" is one
				return nil, fmt.Errorf("%s: %q is no name", name, one)
			}
		}
	}
	if c.MaxAge == 0 {
		c.MaxAge = 600
	}
	r.methods, r.headers = strings.Join(c.Methods, ", "), strings.Join(c.Headers, ", ")
	r.exposed, r.maxAge = strings.Join(c.ExposeHeaders, ", "), strconv.Itoa(c.MaxAge)
	return r, nil
}

// checkOrigin refuses what a browser never writes into Origin (RFC 6454 §6.2), and so would never match.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin:
		return fmt.Errorf("%q: want https://host, with a port if it is not 443, and nothing after it", origin)
	case strings.Contains(u.Host, "*"):
		return fmt.Errorf("%q: no patterns: name each origin", origin)
	case strings.ToLower(origin) != origin:
		return fmt.Errorf("%q: browsers write it in lower case", origin)
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return fmt.Errorf("%q: browsers leave this port out", origin)
	}
	return nil
}

// none are the rules of a config token without any.
var none Rules

// Check refuses a request that carries the cookie of a session although a page of another site sends it: if it could
// change something, or become a connection. Requests that say nothing of where they come from are not a browser's, and
// pass.
func (r *Rules) Check(req *http.Request, session bool) error {
	if !session {
		return nil
	}
	if r == nil {
		r = &none
	}
	if req.Method == http.MethodGet && req.Header.Get("Upgrade") != "" {
		upgrade := *req // by itself GET is harmless, but this one opens a connection that no CORS protects
		upgrade.Method = http.MethodPost
		req = &upgrade
	}
	return r.protection.Check(req)
}

// allows reports whether origin may call.
func (r *Rules) allows(origin string) bool { return origin != "" && (r.everyone || r.origins[origin]) }

// IsPreflight reports whether a browser asks, without credentials, for leave to send a request.
func IsPreflight(req *http.Request) bool {
	return req.Method == http.MethodOptions && req.Header.Get("Origin") != "" &&
		req.Header.Get("Access-Control-Request-Method") != ""
}

// Passes reports whether a preflight is for the upstream to answer, without a decision: it has no credentials.
func (r *Rules) Passes(req *http.Request) bool { return r != nil && r.pass && IsPreflight(req) }

// Preflight answers a preflight, and reports whether it was one that it answers.
func (r *Rules) Preflight(w http.ResponseWriter, req *http.Request) bool {
	if r == nil || r.pass || !IsPreflight(req) {
		return false
	}
	h := w.Header()
	r.Apply(h, req)
	if !r.allows(req.Header.Get("Origin")) {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	h.Set("Access-Control-Allow-Methods", r.methods)
	h.Set("Access-Control-Allow-Headers", r.headers)
	h.Set("Access-Control-Max-Age", r.maxAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// Apply tells a browser whether the page that asked may read the answer that h belongs to; what the upstream says of it
// goes, if it is not for the upstream to say.
func (r *Rules) Apply(h http.Header, req *http.Request) {
	if r == nil || r.pass {
		return
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	if !slices.Contains(h["Vary"], "Origin") {
		h.Add("Vary", "Origin")
	}
	origin := req.Header.Get("Origin")
	if !r.allows(origin) {
		return
	}
	if !r.origins[origin] {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if r.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.exposed != "" {
		h.Set("Access-Control-Expose-Headers", r.exposed)
	}
}
