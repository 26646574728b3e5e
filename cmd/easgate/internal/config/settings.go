package config

import (
	"strings"
	"time"

	"github.com/easgate/easgate/internal/parent"
)

// A setting is one row of the table that files, variables, flags and documentation are made from.
type setting struct {
	name  string
	group string
	doc   string
	value func(*Config) value
	// later marks what is accepted for EAS's sake and does nothing in this version.
	later bool
}

func (s setting) env() string  { return "EAS_" + strings.ToUpper(s.name) }
func (s setting) flag() string { return strings.ReplaceAll(s.name, "_", "-") }

func (s setting) secret() bool {
	_, ok := s.value(&Config{}).(secretValue)
	return ok
}

const (
	groupListen  = "Listening"
	groupTrust   = "Trust"
	groupKeys    = "Keys and config tokens"
	groupStores  = "Stores and revocation"
	groupLog     = "Logs"
	groupLater   = "Accepted from EAS, unused in this version"
	twinSuffix   = "_file"
	keyringFile  = "keyring_file"
	revokedFile  = "revoked_jtis_file"
	minSecretLen = 32
	nodeExtraCA  = "NODE_EXTRA_CA_CERTS"
)

var table = []setting{
	{name: "port", group: groupListen, doc: "Port of the main listener: /verify, /ping, /healthz, /readyz.", value: func(c *Config) value { return portValue{&c.Port} }},
	{name: "addr", group: groupListen, doc: "Address that the main listener binds, without the port; or a unix socket, which has none.", value: func(c *Config) value { return textValue{&c.Addr, "an address, or unix:/path"} }},
	{name: "verify_addr", group: groupListen, doc: "A listener of its own for /verify, which then leaves the main one.", value: func(c *Config) value { return textValue{&c.VerifyAddr, "host:port, or unix:/path"} }},
	{name: "admin_addr", group: groupListen, doc: "Address of /metrics and administration; keep it from strangers. `off` turns it off.", value: func(c *Config) value { return textValue{&c.AdminAddr, "host:port, unix:/path, or off"} }},
	{name: "socket_mode", group: groupListen, doc: "Permission of unix sockets.", value: func(c *Config) value { return modeValue{&c.SocketMode} }},
	{name: "socket_group", group: groupListen, doc: "Group of unix sockets, by name or number; easgate's own if it is not set.", value: func(c *Config) value { return textValue{&c.SocketGroup, "a group"} }},
	{name: "h2c", group: groupListen, doc: "Takes HTTP/2 without TLS for /verify, from proxies that start with it.", value: func(c *Config) value { return boolValue{&c.H2C} }},
	{name: "metrics_on_main", group: groupListen, doc: "Serves /metrics on the main listener too, where EAS has it.", value: func(c *Config) value { return boolValue{&c.MetricsOnMain} }},
	{name: "disable_metrics", group: groupListen, doc: "Turns /metrics off.", value: func(c *Config) value { return boolValue{&c.DisableMetrics} }},
	{name: "ssl_cert", group: groupListen, doc: "PEM file with the certificate chain; with ssl_key the main listener speaks TLS.", value: func(c *Config) value { return textValue{&c.SSLCert, "a file"} }},
	{name: "ssl_key", group: groupListen, doc: "PEM file with the certificate's private key.", value: func(c *Config) value { return textValue{&c.SSLKey, "a file"} }},
	{name: "verify_timeout", group: groupListen, doc: "How long one verification may take; then it is denied.", value: func(c *Config) value { return durationValue{&c.VerifyTimeout} }},

	{name: "grpc_port", group: groupListen, doc: "Port of Envoy's ext_authz over gRPC; not served if it is not set.", value: func(c *Config) value { return portValue{&c.GRPCPort} }},
	{name: "grpc_address", group: groupListen, doc: "Address that the gRPC listener binds, without the port; or a unix socket, which has none.", value: func(c *Config) value { return textValue{&c.GRPCAddress, "an address, or unix:/path"} }},
	{name: "grpc_ssl_cert", group: groupListen, doc: "PEM file with the gRPC listener's certificate chain; with grpc_ssl_key it speaks TLS.", value: func(c *Config) value { return textValue{&c.GRPCSSLCert, "a file"} }},
	{name: "grpc_ssl_key", group: groupListen, doc: "PEM file with that certificate's private key.", value: func(c *Config) value { return textValue{&c.GRPCSSLKey, "a file"} }},

	{name: "trusted_proxies", group: groupTrust, doc: "Peers whose forwarding headers are believed. Others are denied.", value: func(c *Config) value { return proxiesValue{&c.TrustedProxies} }},
	{name: "trust_sockets", group: groupTrust, doc: "Believes the forwarding headers of whoever may open a unix socket.", value: func(c *Config) value { return boolValue{&c.TrustSockets} }},
	{name: "proxy_profile", group: groupTrust, doc: "Which proxy's headers describe the parent request, where the verify URL has no `proxy=`.", value: func(c *Config) value { return profileValue{&c.ProxyProfile} }},

	{name: "ca_file", group: groupTrust, doc: "PEM file of certificate authorities to trust beside the system's, wherever easgate is the client: directories, identity providers, databases, `forward`. Without it `NODE_EXTRA_CA_CERTS` is read.", value: func(c *Config) value { return textValue{&c.CAFile, "a file"} }},
	{name: "signin_origins", group: groupTrust, doc: "Origins such as https://idp.example.com that /nginx/auth-signin may redirect to.", value: func(c *Config) value { return originsValue{&c.SigninOrigins} }},
	{name: "url_queries", group: groupTrust, doc: "Lets a verify URL pick the token's id by a query on the request.", value: func(c *Config) value { return boolValue{&c.URLQueries} }},
	{name: "url_query_timeout", group: groupTrust, doc: "How long one evaluation of such a query may take.", value: func(c *Config) value { return durationValue{&c.URLQueryTimeout} }},
	{name: "url_query_memory", group: groupTrust, doc: "Memory that one evaluation of such a query may take, in MB.", value: func(c *Config) value { return megabytesValue{&c.URLQueryMemory} }},

	{name: "keyring", group: groupKeys, doc: "Keys of native config tokens, a JSON Web Key Set (`easgate keys new`). The first seals, all open.", value: func(c *Config) value { return secretValue{&c.Keyring} }},
	{name: keyringFile, group: groupKeys, doc: "File with the keyring; read again on SIGHUP and when it changes.", value: func(c *Config) value { return textValue{&c.KeyringFile, "a file"} }},
	{name: "config_token_sign_secret", group: groupKeys, doc: "Signs config tokens in EAS's format.", value: func(c *Config) value { return secretValue{&c.SignSecret} }},
	{name: "config_token_encrypt_secret", group: groupKeys, doc: "Encrypts config tokens in EAS's format.", value: func(c *Config) value { return secretValue{&c.EncryptSecret} }},
	{name: "encrypt_iv_secret", group: groupKeys, doc: "Makes the IV of config tokens in EAS's format, and changes how their key is made.", value: func(c *Config) value { return secretValue{&c.IVSecret} }},
	{name: "token_formats", group: groupKeys, doc: "Formats of config tokens that are opened. `native` alone ends EAS's.", value: func(c *Config) value { return listValue{&c.TokenFormats, []string{"native", "eas"}} }},
	{name: "require_signed_tokens", group: groupKeys, doc: "Opens only native config tokens that an issuer's key signed.", value: func(c *Config) value { return boolValue{&c.RequireSignedTokens} }},
	{name: "cookie_sign_secret", group: groupKeys, doc: "Verifies signed cookies, where rules look at them.", value: func(c *Config) value { return secretValue{&c.CookieSignSecret} }},
	{name: "allow_plain_server_side_tokens", group: groupKeys, doc: "Lets stores hold config tokens as plain JSON.", value: func(c *Config) value { return boolValue{&c.AllowPlainTokens} }},
	{name: "allow_eval", group: groupKeys, doc: "Allows JavaScript (`js`) in config tokens.", value: func(c *Config) value { return boolValue{&c.AllowEval} }},
	{name: "query_timeout", group: groupKeys, doc: "How long one evaluation of a config token's query may take.", value: func(c *Config) value { return durationValue{&c.QueryTimeout} }},
	{name: "query_memory", group: groupKeys, doc: "Memory that one evaluation of a config token's query may take, in MB.", value: func(c *Config) value { return megabytesValue{&c.QueryMemory} }},

	{name: "config_token_stores", group: groupStores, doc: "Stores of server-side config tokens, by id: `adapter` (file, env, sql) and `options`.", value: func(c *Config) value { return documentValue{&c.Stores, false} }},
	{name: "revoked_jtis", group: groupStores, doc: "`jti` claims of config tokens that are no longer taken.", value: func(c *Config) value { return documentValue{&c.RevokedJTIs, true} }},
	{name: revokedFile, group: groupStores, doc: "File with more of them, read again when it changes.", value: func(c *Config) value { return textValue{&c.RevokedJTIsFile, "a file"} }},

	{name: "log_level", group: groupLog, doc: "What is logged. Denials and faults are info, allows are debug.", value: func(c *Config) value { return levelValue{&c.LogLevel} }},
	{name: "log_format", group: groupLog, doc: "Form of the log.", value: func(c *Config) value { return enumValue{&c.LogFormat, []string{"json", "text"}} }},
	{name: "log_allows", group: groupLog, doc: "Logs allowed requests at info; costs about a fifth of a request.", value: func(c *Config) value { return boolValue{&c.LogAllows} }},
	{name: "log_users", group: groupLog, doc: "Names in the log who was denied with a password, and who was allowed.", value: func(c *Config) value { return boolValue{&c.LogUsers} }},

	{name: "store_opts", group: groupLater, later: true, doc: "EAS's session store. Sessions come with the browser logins.", value: func(c *Config) value { return secretValue{&c.StoreOpts} }},
	{name: "issuer_sign_secret", group: groupLater, later: true, doc: "Browser logins: state.", value: func(c *Config) value { return secretValue{&c.IssuerSignSecret} }},
	{name: "issuer_encrypt_secret", group: groupLater, later: true, doc: "Browser logins: state.", value: func(c *Config) value { return secretValue{&c.IssuerEncryptSecret} }},
	{name: "cookie_encrypt_secret", group: groupLater, later: true, doc: "Browser logins: cookies.", value: func(c *Config) value { return secretValue{&c.CookieEncryptSecret} }},
	{name: "session_encrypt_secret", group: groupLater, later: true, doc: "Browser logins: sessions.", value: func(c *Config) value { return secretValue{&c.SessionEncryptSecret} }},
}

func defaults() *Config {
	c := &Config{
		URLQueries:      true,
		SocketMode:      0o660,
		TrustSockets:    true,
		Port:            8080,
		AdminAddr:       "127.0.0.1:9091",
		TokenFormats:    []string{"native", "eas"},
		LogFormat:       "json",
		LogUsers:        true,
		VerifyTimeout:   10 * time.Second,
		QueryTimeout:    50 * time.Millisecond,
		QueryMemory:     32 << 20,
		URLQueryTimeout: 20 * time.Millisecond,
		URLQueryMemory:  16 << 20,
		TrustedProxies:  parent.DefaultTrusted(),
		origin:          map[string]string{},
	}
	return c
}
