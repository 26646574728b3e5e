package sqldb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
	oracle "github.com/sijms/go-ora/v2"
	"modernc.org/sqlite"
)

const applicationName = "easgate"

func (c *Connection) newConnector(d Dialect, create bool, connecting, silence time.Duration) (driver.Connector, error) {
	switch d {
	case SQLite:
		return c.sqlite(create)
	case MySQL:
		return c.mysql()
	case Postgres:
		return c.postgres(connecting, silence)
	case SQLServer:
		cfg, err := c.sqlServer()
		if err != nil {
			return nil, err
		}
		cfg.ConnTimeout = silence // of every read: the driver waits for a handshake without its context
		return mssql.NewConnectorConfig(cfg), nil
	case Oracle:
		dsn, err := c.oracle(silence)
		if err != nil {
			return nil, err
		}
		return oracle.NewConnector(dsn), nil
	}
	return nil, errors.New("client: required")
}

func (c *Connection) address(port uint16) string {
	host := c.Host
	if host == "" {
		host = "127.0.0.1"
	}
	if c.Port != 0 {
		port = uint16(c.Port)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

func (c *Connection) mysql() (driver.Connector, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = c.User, string(c.Password), c.Database
	cfg.Net, cfg.Addr = "tcp", c.address(3306)
	if c.SocketPath != "" {
		cfg.Net, cfg.Addr = "unix", c.SocketPath
	}
	// The driver's log repeats what its errors say, on stderr.
	cfg.Logger = &mysql.NopLogger{}
	if c.SSL.On {
		var err error
		if cfg.TLS, err = c.SSL.config(c.Host); err != nil {
			return nil, err
		}
	}
	return mysql.NewConnector(cfg)
}

func (c *Connection) postgres(connecting, silence time.Duration) (driver.Connector, error) {
	cfg, err := pq.NewConfig(c.postgresDSN())
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	cfg.ConnectTimeout = connecting // the handshake too, which is not bounded by the context
	if c.SSL.On && c.SSLMode == "" {
		// Not through files in the DSN: the driver ignores a root certificate that it cannot find.
		cfg.SSLInline = true
		if cfg.SSLCert, err = pemText(c.SSL.Cert); err != nil {
			return nil, fmt.Errorf("connection.ssl.cert: %w", err)
		}
		if cfg.SSLKey, err = pemText(string(c.SSL.Key)); err != nil {
			return nil, fmt.Errorf("connection.ssl.key: %w", err)
		}
		if c.SSL.verifies() {
			if cfg.SSLRootCert, err = pemText(c.SSL.CA); err != nil {
				return nil, fmt.Errorf("connection.ssl.ca: %w", err)
			}
		}
	}
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	connector.Dialer(silentDialer{silence: silence})
	return connector, nil
}

// postgresDSN is in the keyword/value form of libpq.
func (c *Connection) postgresDSN() string {
	var b strings.Builder
	set := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s='%s' ", key, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
		}
	}
	host, port, _ := net.SplitHostPort(c.address(5432))
	set("host", host)
	set("port", port)
	set("user", c.User)
	set("password", string(c.Password))
	set("dbname", c.Database)
	set("search_path", c.SearchPath)
	name := c.ApplicationName
	if name == "" {
		name = applicationName
	}
	set("application_name", name)
	switch {
	case c.SSLMode == "no-verify": // node-postgres's own
		set("sslmode", "require")
	case c.SSLMode != "":
		set("sslmode", c.SSLMode)
	case !c.SSL.On:
		set("sslmode", "disable")
	case c.SSL.verifies():
		set("sslmode", "verify-full")
	default:
		set("sslmode", "require")
	}
	return strings.TrimSpace(b.String())
}

func (c *Connection) sqlServer() (msdsn.Config, error) {
	dsn := string(c.ConnectionString)
	if dsn == "" {
		q := url.Values{"app name": {applicationName}}
		q.Set("encrypt", strconv.FormatBool(c.Encrypt || c.Options.Encrypt))
		q.Set("TrustServerCertificate", strconv.FormatBool(c.Options.TrustServerCertificate))
		if c.Database != "" {
			q.Set("database", c.Database)
		}
		u := url.URL{Scheme: "sqlserver", Host: c.address(1433), Path: c.Options.InstanceName, RawQuery: q.Encode()}
		if c.Options.InstanceName != "" && c.Port == 0 {
			u.Host = c.Host // the port is asked of the SQL Server Browser
		}
		if c.User != "" {
			u.User = url.UserPassword(c.User, string(c.Password))
		}
		dsn = u.String()
	}
	cfg, err := msdsn.Parse(dsn)
	if err != nil {
		// The driver's error may quote the text.
		return cfg, errors.New("connection: not a connection string that SQL Server's driver understands")
	}
	return cfg, nil
}

func (c *Connection) oracle(silence time.Duration) (string, error) {
	opts := map[string]string{"TIMEOUT": strconv.Itoa(int((silence + time.Second - 1) / time.Second))}
	if c.SSL.On {
		opts["SSL"] = "true"
		opts["SSL VERIFY"] = strconv.FormatBool(c.SSL.verifies())
	}
	text := c.ConnectString
	if strings.HasPrefix(text, "(") {
		return oracle.BuildJDBC(c.User, string(c.Password), text, opts), nil
	}
	if text == "" {
		text = c.address(1521) + "/" + c.Database
	}
	hostport, service, ok := strings.Cut(strings.TrimPrefix(text, "//"), "/")
	if !ok || service == "" {
		return "", errors.New("connection.connectString: want host:port/service")
	}
	host, portText, err := net.SplitHostPort(hostport)
	if err != nil {
		host, portText = hostport, "1521"
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", errors.New("connection.connectString: want host:port/service")
	}
	return oracle.BuildUrl(host, int(port), service, c.User, string(c.Password), opts), nil
}

// sqlite opens files only: a database in memory would be another one for each connection.
func (c *Connection) sqlite(create bool) (driver.Connector, error) {
	dsn, err := c.sqliteDSN(create)
	if err != nil {
		return nil, err
	}
	return dsnConnector{dsn, &sqlite.Driver{}}, nil
}

func (c *Connection) sqliteDSN(create bool) (string, error) {
	if c.Filename == "" {
		return "", errors.New("connection.filename: required")
	}
	if strings.HasPrefix(c.Filename, "file:") || strings.Contains(c.Filename, ":memory:") {
		return "", errors.New("connection.filename: want the path of a file")
	}
	q := url.Values{
		"_txlock": {"immediate"}, // a transaction that reads and then writes must not fail in between
		"mode":    {"rw"},        // which is read-only where the file is, and never makes an empty database of a typing error
		"_pragma": {
			"busy_timeout(2000)",
			"cache_size(-512)", // KiB for each connection; the operating system caches the file as well
		},
	}
	if create {
		q.Set("mode", "rwc")
		q.Add("_pragma", "journal_mode(wal)")
	}
	return "file:" + (&url.URL{Path: c.Filename}).EscapedPath() + "?" + q.Encode(), nil
}

type dsnConnector struct {
	dsn    string
	driver driver.Driver
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

func (s *SSL) verifies() bool { return s.RejectUnauthorized == nil || *s.RejectUnauthorized }

func (s *SSL) config(host string) (*tls.Config, error) {
	cfg := &tls.Config{
		ServerName:         host,
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: !s.verifies(), //nolint:gosec // rejectUnauthorized: false says so
	}
	if s.ServerName != "" {
		cfg.ServerName = s.ServerName
	}
	ca, err := pemText(s.CA)
	if err != nil {
		return nil, fmt.Errorf("connection.ssl.ca: %w", err)
	}
	if ca != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, errors.New("connection.ssl.ca: no certificate in it")
		}
	}
	if s.Cert == "" {
		return cfg, nil
	}
	cert, err := pemText(s.Cert)
	if err != nil {
		return nil, fmt.Errorf("connection.ssl.cert: %w", err)
	}
	key, err := pemText(string(s.Key))
	if err != nil {
		return nil, fmt.Errorf("connection.ssl.key: %w", err)
	}
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return nil, fmt.Errorf("connection.ssl.cert: %w", err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	return cfg, nil
}

// pemText returns text that is PEM, or what the file of that name holds.
func pemText(text string) (string, error) {
	if text == "" || strings.Contains(text, "-----BEGIN ") {
		return text, nil
	}
	b, err := os.ReadFile(text)
	var pe *os.PathError
	if errors.As(err, &pe) {
		return "", fmt.Errorf("neither PEM nor a file: %w", pe.Err) // without the name, which may be a broken key
	}
	return string(b), err
}

// connector bounds how long a connection may take to make, also those that the pool makes on its own account, and
// keeps secrets out of the errors of drivers.
type connector struct {
	driver.Connector
	timeout time.Duration
	secret  string
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, withoutSecret(err, c.secret)
	}
	return conn, nil
}

type cleaned struct {
	text string
	err  error
}

func (e cleaned) Error() string { return e.text }
func (e cleaned) Unwrap() error { return e.err }

func withoutSecret(err error, secret string) error {
	text := err.Error()
	if secret == "" {
		return err
	}
	clean := text
	for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
		clean = strings.ReplaceAll(clean, form, hidden)
	}
	if clean == text {
		return err
	}
	return cleaned{clean, err}
}
