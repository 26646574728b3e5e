package config

import (
	"slices"
	"strings"
	"time"

	"github.com/easgate/easgate/internal/parent"
)

// A setting is one row of the table that files, variables, flags and documentation are made from.
type setting struct {
	name, group, doc string
	value            value
}

func row(name string, v value, doc string) setting { return setting{name: name, value: v, doc: doc} }

func (s setting) env() string  { return "EAS_" + strings.ToUpper(s.name) }
func (s setting) flag() string { return strings.ReplaceAll(s.name, "_", "-") }

// hasFlag is false for secrets, because a command line is public on its machine.
func (s setting) hasFlag() bool { return !s.value.secret }

const (
	twinSuffix   = "_file"
	keyringFile  = "keyring_file"
	revokedFile  = "revoked_jtis_file"
	minSecretLen = 32
	nodeExtraCA  = "NODE_EXTRA_CA_CERTS"
)

func group(name string, rows ...setting) []setting {
	for i := range rows {
		rows[i].group = name
	}
	return rows
}

// settings are the rows of the table, over the fields of c.
func settings(c *Config) []setting {
	return slices.Concat(listening(c), trust(c), keysAndTokens(c), storesAndRevocation(c), pages(c), logins(c), logs(c))
}

func listening(c *Config) []setting {
	return group("Listening",
		row("port", port(&c.Port), "Port of the main listener: /verify, /ping, /healthz, /readyz."),
		row("addr", text(&c.Addr, "an address, or unix:/path"),
			"Address that the main listener binds, without the port; or a unix socket, which has none."),
		row("verify_addr", text(&c.VerifyAddr, "host:port, or unix:/path"),
			"A listener of its own for /verify, which then leaves the main one."),
		row("admin_addr", text(&c.AdminAddr, "host:port, unix:/path, or off"),
			"Address of /metrics and administration; keep it from strangers. `off` turns it off."),
		row("socket_mode", mode(&c.SocketMode), "Permission of unix sockets."),
		row("socket_group", text(&c.SocketGroup, "a group"),
			"Group of unix sockets, by name or number; easgate's own if it is not set."),
		row("h2c", boolean(&c.H2C), "Takes HTTP/2 without TLS for /verify, from proxies that start with it."),
		row("standard_deadlines", boolean(&c.StandardDeadlines),
			"Cuts off slow clients by net/http's deadlines instead of easgate's own watchdog, which is some 4 % faster."),
		row("metrics_on_main", boolean(&c.MetricsOnMain), "Serves /metrics on the main listener too, where EAS has it."),
		row("disable_metrics", boolean(&c.DisableMetrics), "Turns /metrics off."),
		row("ssl_cert", file(&c.SSLCert),
			"PEM file with the certificate chain; with ssl_key the main listener speaks TLS."),
		row("ssl_key", file(&c.SSLKey), "PEM file with the certificate's private key."),
		row("verify_timeout", duration(&c.VerifyTimeout), "How long one verification may take; then it is denied."),
		row("grpc_port", port(&c.GRPCPort), "Port of Envoy's ext_authz over gRPC; not served if it is not set."),
		row("grpc_address", text(&c.GRPCAddress, "an address, or unix:/path"),
			"Address that the gRPC listener binds, without the port; or a unix socket, which has none."),
		row("grpc_ssl_cert", file(&c.GRPCSSLCert),
			"PEM file with the gRPC listener's certificate chain; with grpc_ssl_key it speaks TLS."),
		row("grpc_ssl_key", file(&c.GRPCSSLKey), "PEM file with that certificate's private key."),
	)
}

func trust(c *Config) []setting {
	return group("Trust",
		row("trusted_proxies", proxies(&c.TrustedProxies),
			"Peers whose forwarding headers are believed. Others are denied."),
		row("trust_sockets", boolean(&c.TrustSockets),
			"Believes the forwarding headers of whoever may open a unix socket."),
		row("proxy_profile", profile(&c.ProxyProfile),
			"Which proxy's headers describe the parent request, where the verify URL has no `proxy=`."),
		row("ca_file", file(&c.CAFile),
			"PEM file of certificate authorities to trust beside the system's, wherever easgate is the client: "+
				"directories, identity providers, databases, `forward`. Without it `NODE_EXTRA_CA_CERTS` is read."),
		row("signin_origins", origins(&c.SigninOrigins),
			"Origins such as https://idp.example.com that /nginx/auth-signin may redirect to."),
		row("url_queries", boolean(&c.URLQueries), "Lets a verify URL pick the token's id by a query on the request."),
		row("url_query_timeout", duration(&c.URLQueryTimeout), "How long one evaluation of such a query may take."),
		row("url_query_memory", megabytes(&c.URLQueryMemory),
			"Memory that one evaluation of such a query may take, in MB."),
	)
}

func keysAndTokens(c *Config) []setting {
	return group("Keys and config tokens",
		row("keyring", secret(&c.Keyring),
			"Keys of native config tokens, a JSON Web Key Set (`easgate keys new`). The first seals, all open."),
		row(keyringFile, file(&c.KeyringFile), "File with the keyring; read again on SIGHUP and when it changes."),
		row("config_token_sign_secret", secret(&c.SignSecret), "Signs config tokens in EAS's format."),
		row("config_token_encrypt_secret", secret(&c.EncryptSecret), "Encrypts config tokens in EAS's format."),
		row("encrypt_iv_secret", secret(&c.IVSecret),
			"Makes the IV of config tokens in EAS's format, and changes how their key is made."),
		row("token_formats", list(&c.TokenFormats, "native", "eas"),
			"Formats of config tokens that are opened. `native` alone ends EAS's."),
		row("require_signed_tokens", boolean(&c.RequireSignedTokens),
			"Opens only native config tokens that an issuer's key signed."),
		row("allow_plain_server_side_tokens", boolean(&c.AllowPlainTokens),
			"Lets stores hold config tokens as plain JSON."),
		row("allow_eval", boolean(&c.AllowEval), "Allows JavaScript (`js`) in config tokens."),
		row("query_timeout", duration(&c.QueryTimeout), "How long one evaluation of a config token's query may take."),
		row("query_memory", megabytes(&c.QueryMemory),
			"Memory that one evaluation of a config token's query may take, in MB."),
	)
}

func storesAndRevocation(c *Config) []setting {
	return group("Stores and revocation",
		row("config_token_stores", structured(&c.Stores, false),
			"Stores of server-side config tokens, by id: `adapter` (file, env, sql) and `options`."),
		row("revoked_jtis", structured(&c.RevokedJTIs, true), "`jti` claims of config tokens that are no longer taken."),
		row(revokedFile, file(&c.RevokedJTIsFile), "File with more of them, read again when it changes."),
	)
}

func pages(c *Config) []setting {
	return group("Pages",
		row("mounts", structured(&c.Mounts, true),
			"Where browsers and programs ask easgate itself: each with `path`, a `host` if not for "+
				"every one, and `config_token`, or `config_token_store_id` and `config_token_id`."),
	)
}

func logs(c *Config) []setting {
	return group("Logs",
		row("log_level", level(&c.LogLevel), "What is logged. Denials and faults are info, allows are debug."),
		row("log_format", enum(&c.LogFormat, "json", "text"), "Form of the log."),
		row("log_allows", boolean(&c.LogAllows), "Logs allowed requests at info; costs about a fifth of a request."),
		row("log_users", boolean(&c.LogUsers), "Names in the log who was denied with a password, and who was allowed."),
	)
}

func logins(c *Config) []setting {
	const older = "The secret before, while what it sealed is in use."
	return group("Browser logins",
		row("store_opts", structured(&c.StoreOpts, false),
			"Where sessions are kept: `store` (memory, sql, redis, ioredis) and its options; see docs/sessions.md."),
		row("issuer_encrypt_secret", secret(&c.IssuerEncryptSecret),
			"Seals the state of logins. Without it, the keyring's keys do; so for the next ones."),
		row("issuer_sign_secret", secret(&c.IssuerSignSecret), "Has a part in that key, where it is set."),
		row("issuer_encrypt_secret_old", secret(&c.IssuerEncryptSecretOld), older),
		row("issuer_sign_secret_old", secret(&c.IssuerSignSecretOld), older),
		row("cookie_encrypt_secret", secret(&c.CookieEncryptSecret), "Seals cookies that name a session."),
		row("cookie_sign_secret", secret(&c.CookieSignSecret),
			"Has a part in that key, where it is set; and verifies signed cookies, where rules look at them."),
		row("cookie_encrypt_secret_old", secret(&c.CookieEncryptSecretOld), older),
		row("cookie_sign_secret_old", secret(&c.CookieSignSecretOld), older),
		row("backchannel_logout_config", structured(&c.BackchannelLogout, false),
			"Which providers may end sessions: EAS's `enabled`, with `_fallback` and `issuers`, each `default` or `forced`."),
		row("session_encrypt_secret", secret(&c.SessionEncryptSecret), "Seals sessions where they are kept."),
		row("session_encrypt_secret_old", secret(&c.SessionEncryptSecretOld), older),
	)
}

func defaults() *Config {
	return &Config{
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
}
