// Package recorded reads and writes verify requests in files, as shadow and explain take them: a JSON object each, with
// method, path_and_query, headers and body.
package recorded

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/internal/httpfield"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/redact"
)

// A Request is what a proxy asked, byte for byte.
type Request struct {
	ID, Method, Target, Host string
	// Header holds bytes as they were sent, Latin-1.
	Header http.Header
	Body   []byte
}

// line is a Request in a file. Header values are texts or lists of texts, characters standing for bytes (Latin-1); the
// body is UTF-8.
type line struct {
	ID     string `json:"id,omitempty"`
	Method string `json:"method,omitempty"`
	Target string `json:"path_and_query,omitempty"`
	// URL is another name of Target.
	URL     string                     `json:"url,omitempty"`
	Headers map[string]json.RawMessage `json:"headers,omitempty"`
	Body    *string                    `json:"body,omitempty"`
}

// value is one JSON value of a file: a request, a case that holds one, or a recording with a list of cases.
type value struct {
	line
	Request *line `json:"request"`
	// Env is the environment that the server had; cases with one are for another server than ours.
	Env   map[string]string `json:"env"`
	Cases []value           `json:"cases"`
}

// Read calls f with each request in r, and returns how many were passed over because of their environment.
func Read(r io.Reader, f func(*Request) error) (skipped int, err error) {
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var v value
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF):
			return skipped, nil
		case err != nil:
			return skipped, problem.Hint(fmt.Errorf("request %d: not JSON of a request", n),
				`a line is {"method": "GET", "path_and_query": "/verify?…", "headers": {…}}`)
		}
		cases := v.Cases
		if cases == nil {
			cases = []value{v}
		}
		for _, c := range cases {
			if len(c.Env) > 0 {
				skipped++
				continue
			}
			l := c.line
			if c.Request != nil {
				l = *c.Request
				l.ID = c.ID
			}
			req, err := l.request()
			if err != nil {
				return skipped, fmt.Errorf("request %d: %w", n, err)
			}
			if err := f(req); err != nil {
				return skipped, err
			}
		}
	}
}

func (l *line) request() (*Request, error) {
	r := &Request{
		ID: l.ID, Method: cmp.Or(l.Method, http.MethodGet), Target: cmp.Or(l.Target, l.URL), Header: http.Header{},
	}
	if !strings.HasPrefix(r.Target, "/") || strings.ContainsAny(r.Target, " \r\n") {
		return nil, errors.New("path_and_query: want /verify?…")
	}
	for name, raw := range l.Headers {
		if err := r.set(name, raw); err != nil {
			return nil, fmt.Errorf("headers.%s: %w", name, err)
		}
	}
	if l.Body != nil {
		r.Body = []byte(*l.Body)
	}
	return r, nil
}

func (r *Request) set(name string, raw json.RawMessage) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return errors.New("not a header name")
	}
	var one string
	var many []string
	if json.Unmarshal(raw, &one) == nil {
		many = []string{one}
	} else if json.Unmarshal(raw, &many) != nil {
		return errors.New("want text or a list of text")
	}
	for _, v := range many {
		b, ok := query.Latin1Bytes(v)
		if !ok {
			return errors.New("a character that no header can carry")
		}
		if strings.EqualFold(name, "Host") {
			r.Host = b
		} else if name := textproto.CanonicalMIMEHeaderKey(name); !HopByHop(name) {
			r.Header[name] = append(r.Header[name], b)
		}
	}
	return nil
}

// Line is r as a line of a file, with the newline. A body that is no text is left out: easgate never looks at it.
func (r *Request) Line() ([]byte, error) {
	l := line{ID: r.ID, Method: r.Method, Target: r.Target, Headers: map[string]json.RawMessage{}}
	for name, values := range r.Header {
		l.set(name, values)
	}
	l.set("Host", []string{r.Host})
	if len(r.Body) > 0 && utf8.Valid(r.Body) {
		body := string(r.Body)
		l.Body = &body
	}
	var b bytes.Buffer
	err := cli.WriteLine(&b, l)
	return b.Bytes(), err
}

func (l *line) set(name string, values []string) {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = query.Latin1(v)
	}
	raw, _ := json.Marshal(texts) // texts always have a JSON form
	if len(texts) == 1 {
		raw, _ = json.Marshal(texts[0])
	}
	l.Headers[name] = raw
}

// Label names r for people: what the client asked the proxy for, without its query, which may hold secrets.
func (r *Request) Label() string {
	get := func(name string) string { return query.Latin1(r.Header.Get(name)) }
	method, uri := get("X-Forwarded-Method"), get("X-Original-Url")
	if method == "" {
		method = get("X-Original-Method")
	}
	if path := get("X-Forwarded-Uri"); path != "" {
		uri = get("X-Forwarded-Proto") + "://" + get("X-Forwarded-Host") + path
	}
	if uri == "" {
		method, uri = r.Method, r.Target
	}
	if method == "" {
		method = r.Method
	}
	// Quoted, because strangers choose it and a terminal obeys control characters.
	return fmt.Sprintf("%.16q %.200q", method, redact.URL(uri))
}

// HopByHop reports whether a header belongs to one connection or is made anew for each.
func HopByHop(name string) bool { return httpfield.HopByHop(name) || name == "Content-Length" }
