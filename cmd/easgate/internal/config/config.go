package config

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/document"
	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/plugins"
)

// A Config is everything that an operator decides. [Load] makes one; its zero value is not the default.
type Config struct {
	// Addr is the IP address or host name that the main listener binds, "" for all, at Port; or "unix:/path".
	Addr string
	Port int
	// VerifyAddr, when set, is the only listener that answers verifications.
	VerifyAddr string
	// AdminAddr is "" when there is no such listener.
	AdminAddr string

	// SocketMode and SocketGroup are those of unix sockets.
	SocketMode  fs.FileMode
	SocketGroup string
	// H2C takes HTTP/2 without TLS.
	H2C bool
	// StandardDeadlines has net/http cut off slow clients.
	StandardDeadlines bool

	MetricsOnMain, DisableMetrics bool

	SSLCert, SSLKey string

	// GRPCPort is 0 where Envoy's gRPC is not served.
	GRPCPort                             int
	GRPCAddress, GRPCSSLCert, GRPCSSLKey string

	TrustedProxies parent.Trusted
	// TrustSockets believes who comes through a unix socket.
	TrustSockets bool
	// SigninOrigins are where /nginx/auth-signin may redirect to, such as https://idp.example.com.
	SigninOrigins []string
	ProxyProfile  parent.Profile
	// URLQueries allows config_token_id_query and the like in verify URLs.
	URLQueries bool
	// The bounds of one evaluation of a query; memory in bytes.
	QueryTimeout, URLQueryTimeout time.Duration
	QueryMemory, URLQueryMemory   int

	Keyring       plugins.Secret
	KeyringFile   string
	SignSecret    plugins.Secret
	EncryptSecret plugins.Secret
	IVSecret      plugins.Secret
	// CookieSignSecret verifies cookies that external-auth-server signed.
	CookieSignSecret plugins.Secret

	TokenFormats        []string
	RequireSignedTokens bool
	AllowPlainTokens    bool
	AllowEval           bool

	// RevokedJTIs is a JSON list of texts and numbers; RevokedJTIsFile is read again when it changes.
	RevokedJTIs     json.RawMessage
	RevokedJTIsFile string
	// Stores is a JSON object, store id to its configuration.
	Stores json.RawMessage
	// Mounts is a JSON list; see package mount.
	Mounts json.RawMessage
	// MountsOnly is what the command gateway sets: nothing but mounts is served on the main address.
	MountsOnly bool

	LogLevel  slog.Level
	LogFormat string
	LogAllows bool
	// LogUsers names in the log who logged in or tried to.
	LogUsers bool

	VerifyTimeout time.Duration

	// CAFile holds certificate authorities in PEM; CARoots are these beside the system's, nil for the system's alone.
	CAFile  string
	CARoots *x509.CertPool

	// StoreOpts is a JSON object: where sessions are kept.
	StoreOpts json.RawMessage
	// BackchannelLogout is a JSON object: which providers may end sessions.
	BackchannelLogout json.RawMessage
	// The secrets of states, cookies and sessions, and the older ones of each.
	IssuerSignSecret, IssuerSignSecretOld         plugins.Secret
	IssuerEncryptSecret, IssuerEncryptSecretOld   plugins.Secret
	CookieSignSecretOld                           plugins.Secret
	CookieEncryptSecret, CookieEncryptSecretOld   plugins.Secret
	SessionEncryptSecret, SessionEncryptSecretOld plugins.Secret

	origin map[string]string
	// file and text are the configuration file, for Locate.
	file string
	text []byte
}

// MainAddr is the main listener's address, "host:port" or "unix:/path".
func (c *Config) MainAddr() string {
	if isSocket(c.Addr) {
		return c.Addr
	}
	return net.JoinHostPort(c.Addr, strconv.Itoa(c.Port))
}

func isSocket(addr string) bool { return strings.HasPrefix(addr, "unix:") }

// GRPCAddr is the gRPC listener's address, "" for none.
func (c *Config) GRPCAddr() string {
	if isSocket(c.GRPCAddress) {
		return c.GRPCAddress
	}
	if c.GRPCPort == 0 {
		return ""
	}
	return net.JoinHostPort(c.GRPCAddress, strconv.Itoa(c.GRPCPort))
}

// Origin says where the setting's value came from: "easgate.yaml:3:7", "EAS_PORT", "--port", or "" for its default.
func (c *Config) Origin(name string) string { return c.origin[name] }

// Locate is Origin with the line of what stands at path below the setting in the configuration file.
func (c *Config) Locate(name string, path ...string) string {
	at, ok := document.Locate(c.text, append([]string{name}, path...)...)
	if !ok || !strings.HasPrefix(c.origin[name], c.file+":") {
		return c.origin[name]
	}
	return fmt.Sprintf("%s:%d:%d", c.file, at.Line, at.Column)
}

// A StoreEntry is a store of the configuration.
type StoreEntry struct {
	Adapter string          `json:"adapter"`
	Options json.RawMessage `json:"options"`
}

// StoreEntries returns the stores by their ids, options as they are.
func (c *Config) StoreEntries() (all map[string]StoreEntry, err error) {
	if len(c.Stores) > 0 && json.Unmarshal(c.Stores, &all) != nil {
		return nil, errors.New("want stores with adapter and options")
	}
	return all, nil
}
