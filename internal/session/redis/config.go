package redis

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/easgate/easgate/internal/secret"
	"github.com/easgate/easgate/internal/tlsclient"
)

// Config is the options of the stores "redis" and "ioredis", by the names of external-auth-server's Node.js clients:
// node-redis and ioredis. What changes nothing here is accepted and ignored.
type Config struct {
	Server
	// Prefix stands before every key; default "easgate:". KeyPrefix is ioredis's name for it.
	Prefix    string `json:"prefix"`
	KeyPrefix string `json:"keyPrefix"`

	// Sentinels are asked for the server called Name; SentinelUsername and SentinelPassword are theirs.
	Sentinels        []Address   `json:"sentinels"`
	Name             string      `json:"name"`
	SentinelUsername string      `json:"sentinelUsername"`
	SentinelPassword secret.Text `json:"sentinelPassword"`
	// SentinelTLS is TLS to sentinels; it counts for the server as well, as TLS does for them.
	SentinelTLS TLS `json:"sentinelTLS"`
	// Cluster are nodes of a cluster to start from.
	Cluster Cluster `json:"clusterConfig"`

	// LocalCache is how long a replica may answer from its own memory, in milliseconds, at most 1000; 0 is not at all.
	LocalCache int `json:"local_cache"`

	ignored
}

// A Server is where a server is and who asks.
type Server struct {
	// URL is redis://user:password@host:6379/0, or rediss:// for TLS; it wins over the rest.
	URL  secret.Text `json:"url"`
	Host string      `json:"host"` // default 127.0.0.1
	Port int         `json:"port"` // default 6379
	// Path is a unix socket, used instead of Host and Port.
	Path     string `json:"path"`
	Username string `json:"username"`
	// Password also goes by the names auth_pass and auth.
	Password secret.Text `json:"password"`
	AuthPass secret.Text `json:"auth_pass"`
	DB       int         `json:"db"`
	TLS      TLS         `json:"tls"`
}

// An Address is a host and port; in JSON also text, "host:port" or a URL.
type Address struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// UnmarshalJSON takes an object or text.
func (a *Address) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		type object Address
		return json.Unmarshal(raw, (*object)(a))
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	_, after, found := strings.Cut(text, "://")
	if !found {
		after = text
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(after, "/"))
	if err == nil {
		a.Host = host
		a.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		return errors.New("want host:port")
	}
	return nil
}

// Cluster is ioredis's clusterConfig.
type Cluster struct {
	Nodes   []Address      `json:"nodes"`
	Options ClusterOptions `json:"options"`
}

// ClusterOptions holds what all nodes have in common.
type ClusterOptions struct {
	// RedisOptions may hold username, password and tls, as beside clusterConfig.
	RedisOptions Server `json:"redisOptions"`
	KeyPrefix    string `json:"keyPrefix"`

	MaxRedirections           any `json:"maxRedirections"`
	ScaleReads                any `json:"scaleReads"`
	EnableOfflineQueue        any `json:"enableOfflineQueue"`
	EnableReadyCheck          any `json:"enableReadyCheck"`
	RetryDelayOnFailover      any `json:"retryDelayOnFailover"`
	RetryDelayOnClusterDown   any `json:"retryDelayOnClusterDown"`
	RetryDelayOnTryAgain      any `json:"retryDelayOnTryAgain"`
	SlotsRefreshTimeout       any `json:"slotsRefreshTimeout"`
	SlotsRefreshInterval      any `json:"slotsRefreshInterval"`
	LazyConnect               any `json:"lazyConnect"`
	ShowFriendlyErrorStack    any `json:"showFriendlyErrorStack"`
	RetryDelayOnMoved         any `json:"retryDelayOnMoved"`
	EnableAutoPipelining      any `json:"enableAutoPipelining"`
	UseSRVRecords             any `json:"useSRVRecords"`
	ResolveSRVRecordsWithFull any `json:"natMap"`
}

// ignored are options of external-auth-server's clients without a meaning here: what they tune, this one bounds by
// itself.
type ignored struct {
	Max                           any `json:"max"`
	TTL                           any `json:"ttl"`
	Family                        any `json:"family"`
	KeepAlive                     any `json:"keepAlive"`
	NoDelay                       any `json:"noDelay"`
	ConnectionName                any `json:"connectionName"`
	LazyConnect                   any `json:"lazyConnect"`
	ConnectTimeout                any `json:"connectTimeout"`
	ConnectTimeoutNodeRedis       any `json:"connect_timeout"`
	CommandTimeout                any `json:"commandTimeout"`
	MaxRetriesPerRequest          any `json:"maxRetriesPerRequest"`
	EnableReadyCheck              any `json:"enableReadyCheck"`
	EnableOfflineQueue            any `json:"enableOfflineQueue"`
	EnableOfflineQueueNodeRedis   any `json:"enable_offline_queue"`
	EnableTLSForSentinelMode      any `json:"enableTLSForSentinelMode"`
	EnableAutoPipelining          any `json:"enableAutoPipelining"`
	AutoResubscribe               any `json:"autoResubscribe"`
	AutoResendUnfulfilledCommands any `json:"autoResendUnfulfilledCommands"`
	DropBufferSupport             any `json:"dropBufferSupport"`
	Role                          any `json:"role"`
	PreferredSlaves               any `json:"preferredSlaves"`
	SentinelMaxConnections        any `json:"sentinelMaxConnections"`
	UpdateSentinels               any `json:"updateSentinels"`
	FailoverDetector              any `json:"failoverDetector"`
	ReadOnly                      any `json:"readOnly"`
	StringNumbers                 any `json:"stringNumbers"`
	StringNumbersNodeRedis        any `json:"string_numbers"`
	ShowFriendlyErrorStack        any `json:"showFriendlyErrorStack"`
	Parser                        any `json:"parser"`
	ReturnBuffers                 any `json:"return_buffers"`
	DetectBuffers                 any `json:"detect_buffers"`
	SocketKeepalive               any `json:"socket_keepalive"`
	SocketInitialDelay            any `json:"socket_initial_delay"`
	NoReadyCheck                  any `json:"no_ready_check"`
	RetryMaxDelay                 any `json:"retry_max_delay"`
	MaxAttempts                   any `json:"max_attempts"`
	RetryUnfulfilledCommands      any `json:"retry_unfulfilled_commands"`
	DisableResubscribing          any `json:"disable_resubscribing"`
	RenameCommands                any `json:"rename_commands"`
}

// TLS says whom to believe. In JSON it is true, false or an object; an object switches it on.
type TLS struct {
	On bool `json:"-"`
	// CA, Cert and Key are PEM text, or the path of a file that holds it. Without CA the system's roots are trusted.
	CA   string      `json:"ca"`
	Cert string      `json:"cert"`
	Key  secret.Text `json:"key"`
	// RejectUnauthorized is true when nil: a server that cannot prove its name is not talked to.
	RejectUnauthorized *bool `json:"rejectUnauthorized"`
	// ServerName is the name that the server must have instead of its host.
	ServerName string `json:"servername"`
}

// UnmarshalJSON takes a bool or an object.
func (t *TLS) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		return nil
	case !bytes.HasPrefix(raw, []byte("{")):
		return json.Unmarshal(raw, &t.On)
	}
	type object TLS
	t.On = true
	return json.Unmarshal(raw, (*object)(t))
}

func (t TLS) config(roots *x509.CertPool, warn func(string)) (*tls.Config, error) {
	if !t.On {
		return nil, nil
	}
	s := tlsclient.Settings{ServerName: t.ServerName, Insecure: t.RejectUnauthorized != nil && !*t.RejectUnauthorized}
	for _, f := range []struct {
		name, text string
		set        func(string)
	}{
		{"ca", t.CA, func(pem string) {
			if pem != "" {
				s.CA = []string{pem}
			}
		}},
		{"cert", t.Cert, func(pem string) { s.Cert = pem }},
		{"key", string(t.Key), func(pem string) { s.Key = pem }},
	} {
		pem, err := tlsclient.PEM(f.text)
		if err != nil {
			return nil, fmt.Errorf("tls.%s: %w", f.name, err)
		}
		f.set(pem)
	}
	c, err := s.Config("", roots, warn)
	if err != nil {
		return nil, fmt.Errorf("tls.%w", err)
	}
	return c, nil
}

const (
	// timeout bounds each call, with what is tried again.
	timeout = 3 * time.Second
	// silence is how long a server may take to connect or to answer one command.
	silence = time.Second
)

// client returns what c describes. It does not connect.
func (c Config) client(roots *x509.CertPool, warn func(string)) (redis.UniversalClient, error) {
	s := c.Server
	if len(c.Cluster.Nodes) > 0 {
		s = s.or(c.Cluster.Options.RedisOptions)
	}
	if err := s.readURL(); err != nil {
		return nil, err
	}
	if c.SentinelTLS.On && !s.TLS.On {
		s.TLS = c.SentinelTLS
	}
	t, err := s.TLS.config(roots, warn)
	if err != nil {
		return nil, err
	}
	o := redis.UniversalOptions{
		DB: s.DB, Username: s.Username, Password: string(s.password()), TLSConfig: t, Protocol: 2,
		DialTimeout: silence, ReadTimeout: silence, WriteTimeout: silence, PoolTimeout: silence,
		ContextTimeoutEnabled: true, MaxRetries: 2, DialerRetries: 1, DisableIdentity: true, ConnMaxIdleTime: 5 * time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch {
	case len(c.Sentinels) > 0 && len(c.Cluster.Nodes) > 0:
		return nil, errors.New("clusterConfig: goes with no sentinels")
	case len(c.Sentinels) > 0 && c.Name == "":
		return nil, errors.New("name: required: what the sentinels call the server")
	case len(c.Sentinels) > 0:
		o.Addrs, o.MasterName = addresses(c.Sentinels, 26379), c.Name
		o.SentinelUsername, o.SentinelPassword = c.SentinelUsername, string(c.SentinelPassword)
		return redis.NewFailoverClient(o.Failover()), nil
	case len(c.Cluster.Nodes) > 0:
		if s.DB != 0 {
			return nil, errors.New("db: a cluster has none but 0")
		}
		o.Addrs = addresses(c.Cluster.Nodes, 6379)
		return redis.NewClusterClient(o.Cluster()), nil
	}
	o.Addrs = addresses([]Address{{s.Host, s.Port}}, 6379)
	simple := o.Simple()
	if s.Path != "" {
		simple.Network, simple.Addr = "unix", s.Path
	}
	return redis.NewClient(simple), nil
}

// or returns s with what it lacks from o.
func (s Server) or(o Server) Server {
	s.Username = cmp.Or(s.Username, o.Username)
	s.Password = cmp.Or(s.password(), o.password())
	if !s.TLS.On {
		s.TLS = o.TLS
	}
	return s
}

func (s Server) password() secret.Text { return cmp.Or(s.Password, s.AuthPass) }

// readURL replaces what URL says. Its errors quote nothing, because there is a password in it.
func (s *Server) readURL() error {
	if s.URL == "" {
		return nil
	}
	bad := errors.New("url: want redis://user:password@host:6379/0 or rediss://, special characters percent-encoded")
	u, err := url.Parse(string(s.URL))
	if err != nil || u.Hostname() == "" || u.RawQuery != "" {
		return bad
	}
	switch u.Scheme {
	case "rediss":
		s.TLS.On = true
	case "redis":
	default:
		return bad
	}
	s.Host, s.Username = u.Hostname(), u.User.Username()
	pw, _ := u.User.Password()
	s.Password = secret.Text(pw)
	if u.Port() != "" {
		if s.Port, err = strconv.Atoi(u.Port()); err != nil {
			return bad
		}
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if s.DB, err = strconv.Atoi(db); err != nil {
			return bad
		}
	}
	return nil
}

func addresses(list []Address, port int) (out []string) {
	for _, a := range list {
		out = append(out, net.JoinHostPort(cmp.Or(a.Host, "127.0.0.1"), strconv.Itoa(cmp.Or(a.Port, port))))
	}
	return out
}
