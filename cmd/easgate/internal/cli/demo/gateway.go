// Package demo is the command demo, and what stands around easgate in it: a gateway that asks it as nginx's
// auth_request does, and an upstream that shows who it was called as. It is small enough to read, and for loopback
// only.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Route is a part of the gateway's site and the question that it asks before it forwards.
type Route struct {
	// Prefix is the path that the route starts with, such as "/team/".
	Prefix string
	// Verify is the URL that is asked, parameters included; "" asks nobody and forwards.
	Verify string
	// Title and About are shown on the upstream's pages.
	Title, About string
}

// identityHeaders are what the gateway takes from an answer and hands upstream. It sets each of them on every request,
// empty when the answer has none, so that a client's own cannot get through.
var identityHeaders = []string{"X-Auth-User", "X-Auth-Method"}

// ours are the headers that tell easgate about the parent request; a client's own must not reach it.
var ours = []string{
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Uri",
	"X-Forwarded-Prefix",
	"X-Replaced-Path", "X-Original-Url", "X-Original-Method", "X-Eas-Request-Uri", "X-Eas-Verify-Params", "Forwarded",
}

// newGateway returns a reverse proxy before upstream that asks for each request whether it may pass.
func newGateway(routes []Route, upstream *url.URL, log *slog.Logger) http.Handler {
	g := &gateway{
		routes: routes,
		client: &http.Client{
			Timeout:   15 * time.Second,
			Transport: transport(),
			// A redirect is an answer for the client, not one to follow.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		log: log,
	}
	g.proxy = &httputil.ReverseProxy{
		// The client's hop-by-hop headers are gone by now: whatever it wrote into Connection strips nothing that is set here.
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(upstream)
			p.Out.URL.RawQuery = p.In.URL.RawQuery // the one that was decided about
			p.Out.Host = p.In.Host
			for _, name := range ours {
				p.Out.Header.Del(name)
			}
			p.SetXForwarded()
			identity, _ := p.In.Context().Value(identityKey{}).(http.Header)
			for _, name := range identityHeaders {
				p.Out.Header.Set(name, identity.Get(name))
			}
		},
		Transport: transport(),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				log.Warn("the upstream did not answer", "error", err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return g
}

// transport sends requests as they came: Go would ask for compression on its own.
func transport() http.RoundTripper {
	return &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute,
		ResponseHeaderTimeout: 15 * time.Second,
	}
}

type gateway struct {
	routes []Route
	client *http.Client
	proxy  *httputil.ReverseProxy
	log    *slog.Logger
}

// identityKey is the context key of the answer that names the user, a [http.Header].
type identityKey struct{}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, ok := onePath(r)
	route, found := Route{}, false
	if ok {
		route, found = find(g.routes, r.URL.Path)
	}
	if !found {
		http.NotFound(w, r)
		return
	}
	if route.Verify == "" {
		g.proxy.ServeHTTP(w, r)
		return
	}
	status, answer, err := g.ask(r, route)
	if err != nil {
		g.log.Warn("easgate did not answer", "error", err)
		deny(w, r, route, http.StatusBadGateway)
		return
	}
	if status < 200 || status > 299 {
		for _, name := range []string{"Www-Authenticate", "Location", "Set-Cookie", "X-Eas-Decision-Id"} {
			w.Header()[name] = answer[name]
		}
		if status == http.StatusUnauthorized && answer.Get("Location") != "" {
			status = http.StatusFound // how a redirect travels through auth_request
		}
		deny(w, r, route, status)
		return
	}
	g.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, answer)))
}

// onePath returns r with its path decoded once and written in one way: that one is routed, decided about, and sent, so
// that no two parts see different paths. What a path could mean after cleaning it up is not guessed at.
func onePath(r *http.Request) (*http.Request, bool) {
	path := r.URL.Path
	for segment := range strings.SplitSeq(strings.TrimSuffix(path, "/"), "/") {
		if segment == "." || segment == ".." {
			return r, false
		}
	}
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.ContainsAny(path, "\\\x00") {
		return r, false
	}
	c := r.WithContext(r.Context())
	c.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	return c, true
}

// find returns the route with the longest prefix of path.
func find(routes []Route, path string) (best Route, ok bool) {
	for _, r := range routes {
		if strings.HasPrefix(path, r.Prefix) && (!ok || len(r.Prefix) > len(best.Prefix)) {
			best, ok = r, true
		}
	}
	return best, ok
}

// ask sends the verify request: the client's headers, and those that describe the request, set by the gateway alone.
func (g *gateway) ask(r *http.Request, route Route) (status int, answer http.Header, err error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, route.Verify, nil)
	if err != nil {
		return 0, nil, err
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	own := []string{"Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect"}
	for _, name := range slices.Concat(own, ours) {
		req.Header.Del(name)
	}
	req.Header.Set("X-Forwarded-Method", r.Method)
	req.Header.Set("X-Forwarded-Proto", "http")
	req.Header.Set("X-Forwarded-Host", r.Host)
	req.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	res, err := g.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	return res.StatusCode, res.Header, err
}

// deny answers the client in the gateway's own words.
func deny(w http.ResponseWriter, r *http.Request, route Route, status int) {
	text := map[int]string{
		http.StatusUnauthorized:       "This page needs credentials.",
		http.StatusForbidden:          "The credentials are not good for this page.",
		http.StatusServiceUnavailable: "No decision was possible: the config token was revoked, or cannot be opened.",
		http.StatusBadGateway:         "easgate did not answer, so nobody gets in.",
		http.StatusFound:              "Log in first.",
	}[status]
	if !wantsHTML(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "%d %s\n%s\n", status, http.StatusText(status), text)
		return
	}
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	writePage(w, status, page{Title: title, Denied: true, Lead: text, Here: route.Prefix})
}

func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }
