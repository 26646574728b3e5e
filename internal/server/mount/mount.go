// Package mount is the table that says which config token stands behind a URL, for what browsers and programs ask
// easgate directly: pages, and applications that requests are passed on to. It comes from the operator's configuration
// alone; a request has no say in it.
//
//	table, err := mount.Parse(json.RawMessage(`[{"host": "login.example.com", "path": "/auth", "config_token": "…"}]`))
//	m := table.Find("Login.example.com:443", "/auth/whoami")
//
// What is done with a request below a mount is not its business.
package mount

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/secret"
	"github.com/easgate/easgate/internal/strictjson"
)

// A Mount is a place for a config token.
type Mount struct {
	// Host is a host name or address without a port, in any case; "" and "*" are every host.
	Host string `json:"host,omitempty"`
	// Path begins with a slash. What is below it belongs to the mount: /auth and /auth/x, but not /authors.
	Path string `json:"path"`
	// Either Token, or StoreID and TokenID.
	Token   secret.Text `json:"config_token,omitempty"`
	StoreID string      `json:"config_token_store_id,omitempty"`
	TokenID string      `json:"config_token_id,omitempty"`
	// Origin is what browsers call the site, "https://app.example.com", where no proxy in front says so. Without it
	// scheme and host are the request's own.
	Origin string `json:"origin,omitempty"`
	// Errors is how failures are told that no plugin tells: page, the default, or status: JSON for everybody, with the
	// members code, status, message and timestamp.
	Errors string `json:"errors,omitempty"`
	// Upstream, if there is one, is where requests go that are for no page.
	Upstream *Upstream `json:"upstream,omitempty"`

	site *url.URL
}

// Site is the origin, parsed, or nil.
func (m *Mount) Site() *url.URL { return m.site }

// Below returns the part of path, which belongs to m, that is below the mount: "/" for the mount itself.
func (m *Mount) Below(path string) string {
	if rest := path[len(m.prefix()):]; rest != "" {
		return rest
	}
	return "/"
}

// prefix is Path without a slash at its end.
func (m *Mount) prefix() string { return strings.TrimSuffix(m.Path, "/") }

// String says where m is: "login.example.com/auth".
func (m *Mount) String() string {
	if m.Host == "" {
		return "*" + m.Path
	}
	return m.Host + m.Path
}

// A Table finds mounts. The zero value, and nil, have none. It is not changed once it is made.
type Table struct{ mounts []*Mount }

// Parse reads a JSON list of mounts, and says all that is wrong with it.
func Parse(raw json.RawMessage) (*Table, error) {
	if len(raw) == 0 {
		return &Table{}, nil
	}
	var list []*Mount
	if err := strictjson.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	t := &Table{}
	var problems []error
	for i, m := range list {
		at := fmt.Sprintf("[%d]", i)
		if m == nil {
			problems = append(problems, problem.At(at, errors.New("want an object")))
			continue
		}
		if err := m.check(); err != nil {
			problems = append(problems, problem.At(at, err))
			continue
		}
		if other := t.exactly(m.Host, m.prefix()); other != nil {
			problems = append(problems, problem.At(at, fmt.Errorf("there is another mount at %s", m)))
			continue
		}
		t.mounts = append(t.mounts, m)
	}
	return t, errors.Join(problems...)
}

var (
	errPath = errors.New("want a path that begins with a slash, as it stands in a URL, without dot segments or a query")
	errBoth = errors.New("beside config_token_store_id and config_token_id: want one or the other")
)

// check checks m, and puts Host and Path into one form.
func (m *Mount) check() error {
	if m.Host == "*" {
		m.Host = ""
	}
	if m.Path == "" {
		return problem.At("path", errors.New("required: / for all of the host"))
	}
	host := m.Host
	if host == "" {
		host = "any"
	}
	asked, err := parent.Direct.Parse(parent.Input{Method: "GET", Scheme: "https", Host: host, Suffix: m.Path})
	switch {
	case m.Host != "" && hostname(m.Host) != strings.ToLower(m.Host):
		return problem.At("host", errors.New("want a host without a port"))
	case err != nil && strings.Contains(err.Error(), "Host"):
		return problem.At("host", fmt.Errorf("%q is no host", m.Host))
	case err != nil || strings.Contains(m.Path, "?") || asked.Path() != m.Path || strings.Contains(m.Path, "//"):
		return problem.At("path", errPath)
	}
	m.Host = strings.ToLower(m.Host)
	if m.Path != "/" {
		m.Path = m.prefix()
	}
	if m.Errors != "" && m.Errors != "page" && m.Errors != "status" {
		return problem.At("errors", errors.New("want page or status"))
	}
	if m.Origin != "" {
		u, err := url.Parse(m.Origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != m.Origin {
			return problem.At("origin", errors.New("want https://host, with a port if it is not 443, and nothing after it"))
		}
		m.site = u
	}
	if m.Upstream != nil {
		if err := m.Upstream.check(); err != nil {
			return problem.At("upstream", err)
		}
	}
	pointer := m.StoreID != "" || m.TokenID != ""
	switch {
	case m.Token != "" && pointer:
		return problem.At("config_token", errBoth)
	case pointer && (m.StoreID == "" || m.TokenID == ""):
		return problem.At("config_token_id", errors.New("needs config_token_store_id, and the other way round"))
	case m.Token == "" && !pointer:
		return problem.At("config_token", errors.New("required, or config_token_store_id and config_token_id"))
	}
	return nil
}

func (t *Table) exactly(host, prefix string) *Mount {
	for _, m := range t.mounts {
		if m.Host == host && m.prefix() == prefix {
			return m
		}
	}
	return nil
}

// Mounts are all mounts, in the order of the configuration.
func (t *Table) Mounts() []*Mount {
	if t == nil {
		return nil
	}
	return t.mounts
}

// Clear reports whether path leads to the same mount for whoever decodes it once more, or takes two slashes for one.
// Otherwise an application that does so would serve what another mount's config token guards.
func (t *Table) Clear(host, path string) bool {
	if !strings.Contains(path, "//") && !strings.Contains(path, "%2F") {
		return true
	}
	lenient := strings.ReplaceAll(path, "%2F", "/")
	for strings.Contains(lenient, "//") {
		lenient = strings.ReplaceAll(lenient, "//", "/")
	}
	return t.Find(host, lenient) == t.Find(host, path)
}

// Find returns the mount with the longest path that path is below; of two, the one that names host. nil is none.
// host may have a port; path is checked, and in one spelling.
func (t *Table) Find(host, path string) (found *Mount) {
	host = hostname(host)
	for _, m := range t.Mounts() {
		prefix := m.prefix()
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok || rest != "" && rest[0] != '/' || m.Host != "" && m.Host != host {
			continue
		}
		if found == nil || len(prefix) > len(found.prefix()) || len(prefix) == len(found.prefix()) && m.Host != "" {
			found = m
		}
	}
	return found
}

// hostname is host in lower case without its port. An IPv6 address keeps its brackets, as in a URL.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
		if strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	return strings.ToLower(host)
}
