package config

import (
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
	if (c.SSLCert == "") != (c.SSLKey == "") {
		l.problem(c.originOf("ssl_cert", "ssl_key"), errors.New("a certificate needs its key, and a key its certificate"),
			"set both EAS_SSL_CERT and EAS_SSL_KEY")
	}
	if (c.GRPCSSLCert == "") != (c.GRPCSSLKey == "") {
		l.problem(c.originOf("grpc_ssl_cert", "grpc_ssl_key"), errors.New("a certificate needs its key, and a key its certificate"),
			"set both EAS_GRPC_SSL_CERT and EAS_GRPC_SSL_KEY")
	}
	l.checkRoots()
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			l.warn(c.origin["trusted_proxies"], fmt.Sprintf("%s trusts everybody: any client that reaches easgate can say which path it asks for", p),
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
	for _, s := range table {
		if s.later && c.origin[s.name] != "" {
			l.warn(c.origin[s.name], "accepted, but nothing in this version uses it", "")
		}
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
		l.warn(nodeExtraCA, fmt.Sprintf("its certificate authorities are not read: %v", err), "take it out, or name the file in EAS_CA_FILE")
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
		l.problem(c.origin["require_signed_tokens"], errors.New("tokens in EAS's format and plain ones carry no issuer's signature"),
			"set EAS_TOKEN_FORMATS=native and leave EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS out")
	case c.RequireSignedTokens && !keyring:
		l.problem(c.origin["require_signed_tokens"], errors.New("only a keyring can check who issued a config token, and there is none"),
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
				fmt.Sprintf("use at least %d random bytes, such as openssl rand -hex 32 prints; config tokens have to be sealed again", minSecretLen))
		}
	}
}

func keyHint(easOpen bool) string {
	hint := "make a keyring with `easgate keys new --out keyring.json`"
	if easOpen {
		hint += ", or set EAS_CONFIG_TOKEN_SIGN_SECRET and EAS_CONFIG_TOKEN_ENCRYPT_SECRET to open tokens of external-auth-server"
	}
	return hint
}

func (l *loader) checkListeners() {
	c := l.c
	for _, a := range []struct {
		name string
		addr *string
	}{{"verify_addr", &c.VerifyAddr}, {"admin_addr", &c.AdminAddr}} {
		if *a.addr == "" || (a.name == "admin_addr" && *a.addr == "off") {
			continue
		}
		_, port, err := net.SplitHostPort(*a.addr)
		if err == nil {
			var n int
			n, err = strconv.Atoi(port)
			if n < 0 || n > 65535 {
				err = errors.New("port out of range")
			}
		}
		if err != nil {
			l.problem(c.origin[a.name], fmt.Errorf("want host:port, got %q", *a.addr), "127.0.0.1:9091, :9091 and [::1]:9091 are such addresses")
		}
	}
	if c.AdminAddr == "off" {
		c.AdminAddr = ""
	}
	c.Addr = strings.TrimSuffix(strings.TrimPrefix(c.Addr, "["), "]")
	if strings.Contains(c.Addr, ":") && net.ParseIP(c.Addr) == nil {
		l.problem(c.origin["addr"], fmt.Errorf("want an address without a port, got %q", c.Addr), "EAS_PORT holds the port")
	}
}

// originOf returns where the first of the named settings that was given came from.
func (c *Config) originOf(names ...string) string {
	for _, n := range names {
		if o := c.origin[n]; o != "" {
			return o
		}
	}
	return ""
}
