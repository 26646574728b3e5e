package shadow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"github.com/easgate/easgate/cmd/easgate/internal/redact"
	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/query"
)

// A verifyRequest is what a proxy asked, byte for byte.
type verifyRequest struct {
	id, method, target, host string
	// header holds bytes as they were sent, Latin-1.
	header http.Header
	body   []byte
}

// recordedLine is a verifyRequest in a file: a JSON object, one a line. Header values are texts or lists of texts,
// characters standing for bytes (Latin-1); the body is UTF-8.
type recordedLine struct {
	ID      string                     `json:"id,omitempty"`
	Method  string                     `json:"method,omitempty"`
	Target  string                     `json:"path_and_query,omitempty"`
	Headers map[string]json.RawMessage `json:"headers,omitempty"`
	Body    *string                    `json:"body,omitempty"`
}

// recordedValue is one JSON value of a file: a request, a case that holds one, or a recording with a list of cases.
type recordedValue struct {
	recordedLine
	Request *recordedLine `json:"request"`
	// Env is the environment that the server had; cases with one are for another server than ours.
	Env   map[string]string `json:"env"`
	Cases []recordedValue   `json:"cases"`
}

// readRequests calls f with each request in r, and returns how many were passed over because of their environment.
func readRequests(r io.Reader, f func(*verifyRequest) error) (skipped int, err error) {
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var v recordedValue
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF):
			return skipped, nil
		case err != nil:
			return skipped, problem.Hint(fmt.Errorf("request %d: not JSON of a request", n), `a line is {"method": "GET", "path_and_query": "/verify?…", "headers": {…}}`)
		}
		cases := v.Cases
		if cases == nil {
			cases = []recordedValue{v}
		}
		for _, c := range cases {
			if len(c.Env) > 0 {
				skipped++
				continue
			}
			line := c.recordedLine
			if c.Request != nil {
				line = *c.Request
				line.ID = c.ID
			}
			req, err := line.request()
			if err != nil {
				return skipped, fmt.Errorf("request %d: %w", n, err)
			}
			if err := f(req); err != nil {
				return skipped, err
			}
		}
	}
}

func (l *recordedLine) request() (*verifyRequest, error) {
	r := &verifyRequest{id: l.ID, method: l.Method, target: l.Target, header: http.Header{}}
	if r.method == "" {
		r.method = http.MethodGet
	}
	if !strings.HasPrefix(r.target, "/") || strings.ContainsAny(r.target, " \r\n") {
		return nil, errors.New("path_and_query: want /verify?…")
	}
	for name, raw := range l.Headers {
		var one string
		var many []string
		if json.Unmarshal(raw, &one) == nil {
			many = []string{one}
		} else if json.Unmarshal(raw, &many) != nil {
			return nil, fmt.Errorf("headers.%s: want text or a list of text", name)
		}
		for _, v := range many {
			b, ok := query.Latin1Bytes(v)
			if !ok {
				return nil, fmt.Errorf("headers.%s: a character that no header can carry", name)
			}
			if strings.EqualFold(name, "Host") {
				r.host = b
			} else if name := textproto.CanonicalMIMEHeaderKey(name); !hopByHop(name) {
				r.header[name] = append(r.header[name], b)
			}
		}
	}
	if l.Body != nil {
		r.body = []byte(*l.Body)
	}
	return r, nil
}

// line is r as a line of a file, with the newline. A body that is no text is left out: easgate never looks at it.
func (r *verifyRequest) line() ([]byte, error) {
	l := recordedLine{ID: r.id, Method: r.method, Target: r.target, Headers: map[string]json.RawMessage{}}
	set := func(name string, values []string) error {
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = query.Latin1(v)
		}
		var raw []byte
		var err error
		if len(texts) == 1 {
			raw, err = json.Marshal(texts[0])
		} else {
			raw, err = json.Marshal(texts)
		}
		l.Headers[name] = raw
		return err
	}
	for name, values := range r.header {
		if err := set(name, values); err != nil {
			return nil, err
		}
	}
	if err := set("Host", []string{r.host}); err != nil {
		return nil, err
	}
	if len(r.body) > 0 && utf8.Valid(r.body) {
		body := string(r.body)
		l.Body = &body
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return b.Bytes(), err
}

// label names r for people: what the client asked the proxy for, without its query, which may hold secrets.
func (r *verifyRequest) label() string {
	get := func(name string) string { return query.Latin1(r.header.Get(name)) }
	method, uri := get("X-Forwarded-Method"), get("X-Original-Url")
	if method == "" {
		method = get("X-Original-Method")
	}
	if path := get("X-Forwarded-Uri"); path != "" {
		uri = get("X-Forwarded-Proto") + "://" + get("X-Forwarded-Host") + path
	}
	if uri == "" {
		method, uri = r.method, r.target
	}
	if method == "" {
		method = r.method
	}
	// Quoted, because strangers choose it and a terminal obeys control characters.
	return fmt.Sprintf("%.16q %.200q", method, redact.URL(uri))
}

// hopByHop reports whether a header belongs to one connection (RFC 9110 §7.6.1) or is made anew for each.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding",
		"Upgrade", "Content-Length":
		return true
	}
	return false
}
