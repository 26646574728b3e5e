package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/easgate/easgate/internal/parent"
	"github.com/easgate/easgate/internal/tlsclient"
	"github.com/easgate/easgate/plugins"
)

// check says what is wrong between settings that are each well-formed.
func (l *loader) check() {
	c := l.c
	l.checkKeys()
	l.checkListeners()
	l.checkPair("ssl_cert", c.SSLCert, "ssl_key", c.SSLKey)
	l.checkPair("grpc_ssl_cert", c.GRPCSSLCert, "grpc_ssl_key", c.GRPCSSLKey)
	l.checkRoots()
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			l.warn(c.origin["trusted_proxies"],
				fmt.Sprintf("%s trusts everybody: any client that reaches easgate can say which path it asks for", p),
				"name the addresses of your proxies")
		}
	}
	if len(c.TrustedProxies) == 0 {
		l.problem(c.origin["trusted_proxies"], errors.New("nobody is trusted, so every verification would be denied"),
			"leave it out for the default, or name the addresses of your proxies")
	}
	if c.ProxyProfile == parent.EAS {
		l.warn(c.origin["proxy_profile"], "the profile eas believes every forwarding header that a client sends",
			"use it while migrating; then the profile of your proxy, or auto")
	}
	l.checkLogins()
}

func (l *loader) checkPair(certName, cert, keyName, key string) {
	if (cert == "") != (key == "") {
		l.problem(cmp.Or(l.c.origin[certName], l.c.origin[keyName]),
			errors.New("a certificate needs its key, and a key its certificate"),
			fmt.Sprintf("set both EAS_%s and EAS_%s", strings.ToUpper(certName), strings.ToUpper(keyName)))
	}
}

func (l *loader) checkRoots() {
	c := l.c
	if c.CAFile == "" {
		return
	}
	var err error
	c.CARoots, err = tlsclient.Roots(c.CAFile)
	switch {
	case err == nil:
	case c.origin["ca_file"] == nodeExtraCA:
		// Node.js goes on without it too.
		l.warn(nodeExtraCA, fmt.Sprintf("its certificate authorities are not read: %v", err),
			"take it out, or name the file in EAS_CA_FILE")
	default:
		l.problem(c.origin["ca_file"], err, "EAS_CA_FILE names a PEM file of certificate authorities")
	}
}

func (l *loader) checkKeys() {
	c := l.c
	easOpen := slices.Contains(c.TokenFormats, "eas")
	native := slices.Contains(c.TokenFormats, "native")
	keyring := c.Keyring != "" || c.KeyringFile != ""
	eas := c.SignSecret != "" || c.EncryptSecret != ""
	switch {
	case len(c.TokenFormats) == 0:
		l.problem(c.origin["token_formats"], errors.New("no format of config tokens is left"), "name native, eas or both")
	case easOpen && (c.SignSecret == "") != (c.EncryptSecret == ""):
		missing := "EAS_CONFIG_TOKEN_SIGN_SECRET"
		if c.SignSecret != "" {
			missing = "EAS_CONFIG_TOKEN_ENCRYPT_SECRET"
		}
		l.problem("", fmt.Errorf("%s is not set, and config tokens in EAS's format need it", missing),
			"set it (or "+missing+"_FILE), or end EAS's format with EAS_TOKEN_FORMATS=native")
	case !l.keysOptional && !(native && keyring) && !(easOpen && eas):
		l.problem("", errors.New("EAS_KEYRING_FILE is not set: there is no key to open config tokens with"), keyHint(easOpen))
	case c.RequireSignedTokens && (easOpen && eas || c.AllowPlainTokens):
		l.problem(c.origin["require_signed_tokens"],
			errors.New("tokens in EAS's format and plain ones carry no issuer's signature"),
			"set EAS_TOKEN_FORMATS=native and leave EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS out")
	case c.RequireSignedTokens && !keyring:
		l.problem(c.origin["require_signed_tokens"],
			errors.New("only a keyring can check who issued a config token, and there is none"),
			"set EAS_KEYRING_FILE")
	}
	if !easOpen {
		return
	}
	for _, s := range []struct {
		name   string
		secret plugins.Secret
	}{
		{"config_token_sign_secret", c.SignSecret},
		{"config_token_encrypt_secret", c.EncryptSecret},
		{"encrypt_iv_secret", c.IVSecret},
	} {
		if n := len(s.secret); 0 < n && n < minSecretLen {
			l.warn(c.origin[s.name], fmt.Sprintf("%d bytes are a weak secret: it can be guessed from one config token", n),
				fmt.Sprintf("use at least %d random bytes, such as openssl rand -hex 32 prints; "+
					"config tokens have to be sealed again", minSecretLen))
		}
	}
}

// checkLogins says which secrets of logins are weak.
func (l *loader) checkLogins() {
	c := l.c
	for _, s := range []struct {
		name   string
		secret plugins.Secret
	}{
		{"issuer_encrypt_secret", c.IssuerEncryptSecret},
		{"cookie_encrypt_secret", c.CookieEncryptSecret},
		{"session_encrypt_secret", c.SessionEncryptSecret},
	} {
		if n := len(s.secret); 0 < n && n < minSecretLen {
			l.warn(c.origin[s.name], fmt.Sprintf("%d bytes are a weak secret: whoever guesses it is logged in as anybody", n),
				fmt.Sprintf("use at least %d random bytes, such as openssl rand -hex 32 prints; "+
					"docs/sessions.md says how to replace it", minSecretLen))
		}
	}
}

func keyHint(easOpen bool) string {
	hint := "make a keyring with `easgate keys new --out keyring.json`"
	if easOpen {
		hint += ", or set EAS_CONFIG_TOKEN_SIGN_SECRET and " +
			"EAS_CONFIG_TOKEN_ENCRYPT_SECRET to open tokens of external-auth-server"
	}
	return hint
}

func (l *loader) checkListeners() {
	c := l.c
	if c.AdminAddr == "off" {
		c.AdminAddr = ""
	}
	for _, a := range []struct{ name, addr string }{
		{"verify_addr", c.VerifyAddr}, {"admin_addr", c.AdminAddr}, {"addr", c.Addr}, {"grpc_address", c.GRPCAddress},
	} {
		whole := strings.HasSuffix(a.name, "_addr") // with its port
		switch {
		case isSocket(a.addr):
			l.checkSocket(a.name, strings.TrimPrefix(a.addr, "unix:"))
		case strings.HasPrefix(a.addr, "/") || strings.HasPrefix(a.addr, "@"):
			l.problem(c.origin[a.name], fmt.Errorf("want an address, got %q", a.addr),
				"a socket is written unix:/run/easgate/easgate.sock")
		case whole && a.addr != "" && !isHostPort(a.addr):
			l.problem(c.origin[a.name], fmt.Errorf("want host:port, got %q", a.addr),
				"127.0.0.1:9091, :9091 and [::1]:9091 are such addresses")
		}
	}
	if isSocket(c.Addr) {
		return
	}
	c.Addr = strings.TrimSuffix(strings.TrimPrefix(c.Addr, "["), "]")
	if strings.Contains(c.Addr, ":") && net.ParseIP(c.Addr) == nil {
		l.problem(c.origin["addr"], fmt.Errorf("want an address without a port, got %q", c.Addr), "EAS_PORT holds the port")
	}
}

// maxSocketPath is what the kernel takes, less the ".new" under which a socket begins.
const maxSocketPath = 107 - len(".new")

func (l *loader) checkSocket(name, path string) {
	switch {
	case !strings.HasPrefix(path, "/"):
		l.problem(l.c.origin[name], fmt.Errorf("want an absolute path, got %q", path),
			"write unix:/run/easgate/easgate.sock; abstract names are open to every process of the machine")
	case len(path) > maxSocketPath:
		l.problem(l.c.origin[name],
			fmt.Errorf("the socket's path has %d bytes, at most %d are possible", len(path), maxSocketPath), "")
	case l.c.SocketMode&0o007 != 0 && l.c.TrustSockets:
		l.warn(l.c.origin["socket_mode"], "every user of the machine may open the socket, and is believed as a proxy is",
			"take the last digit of EAS_SOCKET_MODE back to 0 and set EAS_SOCKET_GROUP")
	}
}

func isHostPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && 0 <= n && n <= 65535
}
