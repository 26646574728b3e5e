package shadow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/recorded"
)

// maxAnswer bounds an answer's body in bytes.
const maxAnswer = 8 << 20

// A peer is one of the two services.
type peer struct {
	base      *url.URL
	params    string // added to every verify URL
	timeout   time.Duration
	transport *http.Transport
}

func newPeer(flag, base, params string, timeout time.Duration, parallel int) (*peer, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" {
		return nil, cli.Usage("%s: want a URL such as http://127.0.0.1:8080", flag)
	}
	return &peer{u, params, timeout, &http.Transport{
		DisableCompression:     true, // or the answer would be another one
		MaxIdleConnsPerHost:    parallel,
		MaxResponseHeaderBytes: 256 << 10,
		IdleConnTimeout:        time.Minute,
	}}, nil
}

// An answer is what a peer said, or why it said nothing.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (a *answer) allows() bool { return a.err == nil && a.status >= 200 && a.status <= 299 }

// ask sends r as it stands. Redirects are answers.
func (p *peer) ask(ctx context.Context, r *recorded.Request, body io.Reader) *answer {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	target := strings.TrimSuffix(p.base.Path, "/") + r.Target
	if p.params != "" {
		sep := "?"
		if strings.Contains(target, "?") {
			sep = "&"
		}
		target += sep + p.params
	}
	req := (&http.Request{
		Method: r.Method,
		// Opaque goes over the wire as it is.
		URL:    &url.URL{Scheme: p.base.Scheme, Host: p.base.Host, Opaque: target},
		Host:   r.Host,
		Header: r.Header.Clone(),
	}).WithContext(ctx)
	if r.Header["User-Agent"] == nil {
		req.Header["User-Agent"] = []string{""} // none, where net/http would add its own
	}
	if body != nil {
		req.Body = io.NopCloser(body)
		req.ContentLength = -1
	}
	if body == nil && len(r.Body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.Body)), int64(len(r.Body))
	}
	// A transport's errors name no URL, and with it no token; a client's do.
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return &answer{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode < 200 {
		return &answer{err: fmt.Errorf("status %d is no answer", res.StatusCode)}
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	if err != nil {
		return &answer{err: err}
	}
	return &answer{status: res.StatusCode, header: res.Header, body: text}
}

// agreement says how far easgate's answer agrees with external-auth-server's.
type agreement string

const (
	same agreement = "same"
	// answers is the same decision, said differently.
	answers agreement = "differs"
	// denies is a denial of what external-auth-server allowed.
	denies agreement = "denies"
	// allowsMore is an allow of what external-auth-server did not allow.
	allowsMore agreement = "UNSAFE"
	// failed could not be compared: external-auth-server did not answer, or denied where easgate did not.
	failed agreement = "failed"
)

// A difference is one part of two answers.
type difference struct {
	What    string `json:"what"`
	Name    string `json:"name,omitempty"`
	EAS     string `json:"eas"`
	Easgate string `json:"easgate"`
}

// compare compares the two answers. Values are shown as lengths unless values is set: they hold tokens and names.
func compare(eas, easgate *answer, values bool) (agreement, []difference) {
	list := differences(eas, easgate, values)
	switch {
	case eas.err != nil: // nobody knows what it would have said
		return failed, list
	case easgate.allows() && !eas.allows():
		return allowsMore, list
	case eas.allows() && !easgate.allows():
		return denies, list
	case easgate.err != nil:
		return failed, list
	case len(list) > 0:
		return answers, list
	}
	return same, nil
}

func differences(eas, easgate *answer, values bool) (list []difference) {
	if eas.err != nil || easgate.err != nil {
		text := func(a *answer) string {
			if a.err != nil {
				return "no answer: " + a.err.Error()
			}
			return fmt.Sprint(a.status)
		}
		return []difference{{"answer", "", text(eas), text(easgate)}}
	}
	if eas.status != easgate.status {
		list = append(list, difference{"status", "", fmt.Sprint(eas.status), fmt.Sprint(easgate.status)})
	}
	show := func(texts []string) string {
		switch {
		case len(texts) == 0:
			return "none"
		case values:
			return fmt.Sprintf("%.300q", strings.Join(texts, "; "))
		}
		return fmt.Sprintf("%d bytes", len(strings.Join(texts, "; ")))
	}
	names := map[string]bool{}
	for _, h := range []http.Header{eas.header, easgate.header} {
		for name := range h {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := eas.header[name], easgate.header[name]
		switch {
		case own(name), name == "Content-Type" && len(eas.body) == 0:
			continue
		// An identity header without a value is sent empty by easgate, so that a client's own one is overwritten.
		case strings.Join(a, "") == "" && strings.Join(b, "") == "":
			continue
		}
		if !slices.EqualFunc(a, b, equalValues) {
			list = append(list, difference{"header", name, show(a), show(b)})
		}
	}
	if a, b := cookieNames(eas.header), cookieNames(easgate.header); !slices.Equal(a, b) {
		list = append(list, difference{"cookies", "", strings.Join(a, " "), strings.Join(b, " ")})
	}
	if !equalValues(string(eas.body), string(easgate.body)) {
		list = append(list, difference{"body", "", show([]string{string(eas.body)}), show([]string{string(easgate.body)})})
	}
	return list
}

// own are headers that every server decides for itself, and cookies, which are compared by name.
func own(name string) bool {
	switch name {
	case "Date", "Etag", "X-Powered-By", "Cache-Control", "X-Eas-Decision-Id", "Set-Cookie", "Vary":
		return true
	}
	return recorded.HopByHop(name)
}

func cookieNames(h http.Header) []string {
	var names []string
	for _, c := range h["Set-Cookie"] {
		name, _, _ := strings.Cut(c, "=")
		names = append(names, fmt.Sprintf("%.100q", name))
	}
	slices.Sort(names)
	return names
}

// equalValues compares texts without the white space around them, and JSON without the order of keys.
func equalValues(a, b string) bool {
	if strings.TrimSpace(a) == strings.TrimSpace(b) {
		return true
	}
	var va, vb any
	return json.Unmarshal([]byte(a), &va) == nil && json.Unmarshal([]byte(b), &vb) == nil && reflect.DeepEqual(va, vb)
}
