package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A Route is a part of the demo's site.
type Route struct {
	// Prefix is the path that it starts with, such as "/team/".
	Prefix string
	// Token is the config token that guards it.
	Token string
	// Title and About are shown on the application's pages. Logout, if not "", is where a login ends.
	Title, About, Logout string
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

// page is what page.html shows.
type page struct {
	Title, Lead, Logout string
	// Here is the prefix of the route that the page belongs to.
	Here   string
	Routes []Route
	// User is who the upstream was called as.
	User    string
	Request []row
	Tries   []Try
}

type row struct{ Name, Value string }

// A Try is a command line that shows something.
type Try struct{ Title, Command string }

// newUpstream returns the demo application: every page shows the request as it arrived behind the gateway.
func newUpstream(routes []Route, tries []Try) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := page{Title: "easgate demo", Routes: routes, User: r.Header.Get("X-Auth-User"), Request: describe(r)}
		if route, ok := find(routes, r.URL.Path); ok {
			p.Here, p.Title, p.Lead, p.Logout = route.Prefix, route.Title, route.About, route.Logout
		}
		if p.Here == "/" {
			p.Tries = tries
		}
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			writeText(w, p)
			return
		}
		writePage(w, http.StatusOK, p)
	})
}

func describe(r *http.Request) []row {
	rows := []row{{"method", r.Method}, {"host", r.Host}, {"path", r.URL.RequestURI()}}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := strings.Join(r.Header[name], ", ")
		if name == "Authorization" || name == "X-Api-Key" {
			value = "(there, not shown)"
		}
		rows = append(rows, row{name, value})
	}
	return rows
}

func writeText(w http.ResponseWriter, p page) {
	var b bytes.Buffer
	who := p.User
	if who == "" {
		who = "nobody in particular"
	}
	fmt.Fprintf(&b, "called as %s\n", who)
	for _, r := range p.Request {
		fmt.Fprintf(&b, "  %s: %s\n", r.Name, r.Value)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the client went away
}

func writePage(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client went away
}
