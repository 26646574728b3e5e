// Package forward asks another forward-auth service and passes its answer on.
//
// The service gets a GET with the client's headers and a description of the parent request, and its status decides.
// Redirects are answers and never followed: the login page that one leads to would be a 200.
package forward

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/httpfield"
	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
)

const (
	defaultTimeout = 5.0
	defaultMaxBody = 1 << 20
	// defaultMaxHeader is what nginx takes by default; what a service refuses by itself does it no harm.
	defaultMaxHeader = 32 << 10
)

// Config is the configuration of the forward plugin.
type Config struct {
	// URL is what to ask, http or https. A user and password in it are sent to the service as Basic credentials,
	// unless the client has an Authorization header of its own. Required.
	URL plugins.Secret `json:"url" secret:"url" example:"https://auth.example.com/verify"`
	// AllowInsecure takes any certificate of the service. Default false.
	AllowInsecure bool `json:"allow_insecure,omitempty"`
	// TLS says whom to trust, and who we are, when the URL is https. By default the system's certificate authorities
	// are trusted and no certificate is shown.
	TLS plugins.TLS `json:"tls,omitzero"`
	// Timeout is how many seconds the whole answer may take. Default 5.
	Timeout float64 `json:"timeout,omitempty"`
	// MaxHeader is how many bytes of headers the service may be sent; a request with more is denied without asking it.
	// Default 32 KiB.
	MaxHeader int `json:"max_header,omitempty"`
	// MaxBody is how many bytes the answer's body may have, after decompression; a longer one denies. Default 1 MiB.
	MaxBody int64 `json:"max_body,omitempty"`
}

// Lint implements [plugins.Linter].
func (c *Config) Lint(_ bool, say func(text string)) {
	if c.AllowInsecure {
		say("allow_insecure: any server that answers is believed; tls.fingerprint or tls.ca tells the right one")
	}
	if plugins.InClear(string(c.URL), "http") {
		say("url: http sends every request's headers in clear")
	}
}

// Migrate implements [plugins.Migrator].
func (c *Config) Migrate(say func(text string)) {
	if strings.HasPrefix(strings.ToLower(string(c.URL)), "https:") && !c.AllowInsecure && c.TLS.ServerName == "" {
		say("url: a server certificate that has a common name and no alternative names is refused; " +
			"tls.server_name with that name takes it, and so does tls.fingerprint with its public key")
	}
	say("external-auth-server follows redirects, so that a redirect to a login page lets the request pass; " +
		"here the redirect is the answer, and denies")
	say("the service is not sent Range, If-None-Match, Content-Type and their kin, which are about the application's " +
		"content")
}

// Plugin asks one service. Connections are pooled.
type Plugin struct {
	url       *url.URL
	basic     string
	timeout   time.Duration
	maxHeader int
	maxBody   int64
	// transport is the client's; own says that no other plugin uses it.
	client    *http.Client
	transport http.RoundTripper
	own       bool
	breaker   breaker
	called    func(time.Duration, error)
}

// An answer is what the service said, its body as sent and at most one byte longer than allowed.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// New builds the plugin. It does not ask the service yet.
func New(c Config, env plugins.Env) (plugins.Plugin, error) {
	u, err := parseURL(string(c.URL))
	if err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxHeader == 0 {
		c.MaxHeader = defaultMaxHeader
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	switch {
	case c.Timeout < 0 || c.Timeout > 3600:
		return nil, errors.New("timeout: want seconds, more than 0")
	case c.MaxHeader < 0:
		return nil, errors.New("max_header: want bytes")
	case c.MaxBody < 0 || c.MaxBody > 64<<20:
		return nil, errors.New("max_body: want bytes, up to 64 MiB")
	}
	p := &Plugin{
		url:       u,
		timeout:   time.Duration(c.Timeout * float64(time.Second)),
		maxHeader: c.MaxHeader,
		maxBody:   c.MaxBody,
		breaker:   breaker{now: env.Now},
		called:    env.Calls("forward"),
	}
	if u.User != nil {
		password, _ := u.User.Password()
		p.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	c.TLS.Insecure = c.AllowInsecure
	if p.client, p.own, err = c.TLS.Client(env); err != nil {
		return nil, fmt.Errorf("tls.%w", err)
	}
	if p.transport = p.client.Transport; p.transport == nil {
		p.transport = http.DefaultTransport
	}
	return p, nil
}

func parseURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("url: required")
	}
	u, err := url.Parse(s)
	// url.Parse's errors quote the URL, and with it the password.
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("url: want an absolute http or https URL")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// Verify passes r to the service. A 2xx allows; every other answer denies as the service said it, redirects included.
// Headers larger than the service takes are denied. A service that does not answer in time, or not in HTTP, is an
// error.
func (p *Plugin) Verify(ctx context.Context, r *plugins.Request) (plugins.Result, error) {
	header := p.requestHeader(r)
	if size := headerSize(header); size > p.maxHeader {
		return plugins.Result{
			Status: http.StatusRequestHeaderFieldsTooLarge,
			Reason: fmt.Sprintf("%d bytes of headers: the service takes max_header, %d", size, p.maxHeader),
		}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, errTimeout)
	defer cancel()
	a, err := p.breaker.do(func() (*answer, error) {
		start := time.Now()
		a, err := p.ask(ctx, header)
		p.called(time.Since(start), err)
		return a, blame(ctx, err)
	})
	if err != nil {
		return plugins.Result{}, fmt.Errorf("forward: %w", err)
	}
	if a.body, err = decode(a.header, a.body, p.maxBody); err != nil {
		return plugins.Result{}, fmt.Errorf("forward: answer: %w", err)
	}
	res := plugins.Result{Status: a.status, Header: a.header, Body: a.body, Reason: "the service denies"}
	if a.status <= 299 {
		res.Verdict, res.Reason = plugins.Allow, ""
	}
	return res, nil
}

func (p *Plugin) ask(ctx context.Context, header http.Header) (*answer, error) {
	req := (&http.Request{Method: http.MethodGet, URL: p.url, Host: p.url.Host, Header: header}).WithContext(ctx)
	// A transport follows no redirects; a client would.
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return nil, tlsclient.Explain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 {
		return nil, fmt.Errorf("answer: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, p.maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &answer{status: resp.StatusCode, header: responseHeader(resp.Header), body: body}, nil
}

// Close closes the plugin's idle connections if no other plugin shares them.
func (p *Plugin) Close() error {
	if p.own {
		p.client.CloseIdleConnections()
	}
	return nil
}

// responseHeader is what of h reaches the proxy: all but what belongs to the connection. Fields that come several
// times are joined (RFC 9110 §5.3), but for Set-Cookie.
func responseHeader(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		switch {
		case httpfield.HopByHop(name) || name == "Content-Length" || name == "Date":
		case name == "Set-Cookie" || len(values) == 1:
			out[name] = values
		default:
			out[name] = []string{strings.Join(values, ", ")}
		}
	}
	return out
}
