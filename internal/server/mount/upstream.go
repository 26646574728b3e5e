package mount

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/easgate/easgate/internal/problem"
	"github.com/easgate/easgate/internal/secret"
)

// An Upstream makes a mount a route: what is for no page is passed on to an application, once it is decided. What is
// zero has a default.
type Upstream struct {
	// URL is http or https, a host and perhaps a port. A path in it is put before the requests' own.
	URL string `json:"url"`
	// StripPrefix takes the mount's path off.
	StripPrefix bool `json:"strip_prefix,omitempty"`
	// Connections is how many idle ones are kept, for IdleTimeout: 256, 90s.
	Connections int  `json:"connections,omitempty"`
	IdleTimeout Span `json:"idle_timeout,omitempty"`
	// ConnectTimeout bounds how long a connection may take to come about: 5s.
	ConnectTimeout Span `json:"connect_timeout,omitempty"`
	// Timeout is for how long nothing may happen, in either direction: 60s.
	Timeout Span `json:"timeout,omitempty"`
	// LookAgain is how often a connection that lasts is decided again: 60s.
	LookAgain Span `json:"look_again,omitempty"`
	// TLS says which https upstream to believe, and who we are.
	TLS TLS `json:"tls,omitzero"`

	parsed *url.URL
}

// TLS has the options that plugins have for https.
type TLS struct {
	// CA are authorities to trust instead of the system's, as PEM.
	CA string `json:"ca,omitempty"`
	// Cert and Key are what is shown to the upstream, as PEM.
	Cert string      `json:"cert,omitempty"`
	Key  secret.Text `json:"key,omitempty"`
	// ServerName is the name that its certificate must have; by default the URL's host.
	ServerName string `json:"server_name,omitempty"`
	// Fingerprint is the SHA-256 of its public key, and then the only thing that counts.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// A Span is a time span as people write it: "90s", "1m30s".
type Span time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Millisecond || d > 24*time.Hour {
		return errors.New(`want a time span from 1ms to 24h, such as "90s"`)
	}
	*s = Span(d)
	return nil
}

// Target is the URL, parsed.
func (u *Upstream) Target() *url.URL { return u.parsed }

func (u *Upstream) check() error {
	parsed, err := url.Parse(u.URL)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil ||
		parsed.RawQuery != "" || parsed.Fragment != "" {
		return problem.At("url", errors.New("want http or https, a host, and no more than a path"))
	}
	if u.Connections < 0 {
		return problem.At("connections", errors.New("want a number above 0"))
	}
	u.parsed = parsed
	return nil
}

// Forwards reports whether any mount has an upstream.
func (t *Table) Forwards() bool {
	return slices.ContainsFunc(t.Mounts(), func(m *Mount) bool { return m.Upstream != nil })
}
