package corpus

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// UpstreamAddr is where the recorded tokens look for the upstream that forward and JWKS cases call.
const UpstreamAddr = "127.0.0.1:18090"

// A Fixture is what the upstream answers on one path.
type Fixture struct {
	Status int
	// Headers are pairs of name and value.
	Headers   [][2]string
	Body      string
	BodyBytes []byte `json:"body_b64"`
	Chunked   bool
	// Echo answers with the request, as JSON.
	Echo bool
	// Close hangs up instead of answering.
	Close bool
}

// StartUpstream serves the recording's fixtures on [UpstreamAddr] until stop is called.
func (c *Corpus) StartUpstream() (stop func(), err error) {
	l, err := net.Listen("tcp", UpstreamAddr)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w (recorded tokens name this address: another replay is running?)", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(c.serveFixture), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends when it is closed
	}()
	return func() { _ = srv.Close(); <-done }, nil
}

func (c *Corpus) serveFixture(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	h := w.Header()
	h["Date"] = nil
	f, ok := c.Fixtures.Spec[r.URL.Path]
	switch {
	case !ok:
		h.Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "nofixture")
		return
	case f.Close:
		panic(http.ErrAbortHandler)
	case f.Echo:
		h.Set("Content-Type", "application/json")
		h.Set("X-Echo-Method", r.Method)
		h.Set("X-Echo-Url", r.RequestURI)
		f.BodyBytes = echo(r)
	default:
		h["Content-Type"] = nil // or net/http would guess one
		for _, nv := range f.Headers {
			h[http.CanonicalHeaderKey(nv[0])] = append(slices.Clip(h[http.CanonicalHeaderKey(nv[0])]), nv[1])
		}
	}
	body := f.BodyBytes
	if body == nil {
		body = []byte(f.Body)
	}
	if !f.Chunked {
		h.Set("Content-Length", fmt.Sprint(len(body)))
	}
	if f.Status == 0 {
		f.Status = http.StatusOK
	}
	w.WriteHeader(f.Status)
	if f.Chunked {
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = w.Write(body)
}

// echo describes r as JSON: headers in lower case, sorted, without Connection.
func echo(r *http.Request) []byte {
	headers := map[string]string{"host": r.Host}
	for name, vs := range r.Header {
		if name != "Connection" {
			headers[strings.ToLower(name)] = vs[len(vs)-1]
		}
	}
	if r.ContentLength > 0 {
		headers["content-length"] = fmt.Sprint(r.ContentLength)
	}
	b, err := json.Marshal(struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}{r.Method, r.RequestURI, headers})
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return b
}
