package sqldb

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
	oracle "github.com/sijms/go-ora/v2"
	"modernc.org/sqlite"

	"github.com/easgate/easgate/internal/secret"
	"github.com/easgate/easgate/internal/tlsclient"
)

const applicationName = "easgate"

func (c *Connection) newConnector(d Dialect, create bool, cfg *Config) (driver.Connector, error) {
	switch d {
	case SQLite:
		return c.sqlite(create, cfg.PageCache)
	case MySQL:
		return c.mysql(cfg)
	case Postgres:
		return c.postgres(cfg)
	case SQLServer:
		own, err := c.sqlServer()
		if err != nil {
			return nil, err
		}
		if own.TLSConfig != nil && own.TLSConfig.RootCAs == nil {
			own.TLSConfig.RootCAs = cfg.Roots
		}
		own.ConnTimeout = cfg.Silence // of every read: the driver waits for a handshake without its context
		return mssql.NewConnectorConfig(own), nil
	case Oracle:
		dsn, err := c.oracle(cfg.Silence)
		if err != nil {
			return nil, err
		}
		return oracle.NewConnector(dsn), nil
	}
	return nil, errors.New("client: required")
}

func (c *Connection) address(port uint16) string {
	if c.Port != 0 {
		port = uint16(c.Port)
	}
	return net.JoinHostPort(c.host(), strconv.Itoa(int(port)))
}

func (c *Connection) host() string {
	if c.Host == "" {
		return "127.0.0.1"
	}
	return c.Host
}

func (c *Connection) mysql(cfg *Config) (driver.Connector, error) {
	own := mysql.NewConfig()
	own.User, own.Passwd, own.DBName = c.User, string(c.Password), c.Database
	own.Net, own.Addr = "tcp", c.address(3306)
	if c.SocketPath != "" {
		own.Net, own.Addr = "unix", c.SocketPath
	}
	// The driver's log repeats what its errors say, on stderr.
	own.Logger = &mysql.NopLogger{}
	if c.SSL.On {
		var err error
		if own.TLS, err = c.tls(cfg, ""); err != nil {
			return nil, err
		}
	}
	return mysql.NewConnector(own)
}

func (c *Connection) postgres(cfg *Config) (driver.Connector, error) {
	own, err := pq.NewConfig(c.postgresDSN())
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	// the handshake too, which is not bounded by the context
	own.ConnectTimeout = time.Duration(cfg.AcquireConnectionTimeout)
	// A query and its parameters in one round trip, by a statement without a name, as node-postgres does it: a pooler such
	// as PgBouncer gives the next round trip to another connection, where what this one prepared is unknown.
	own.BinaryParameters = true
	connector, err := pq.NewConnectorConfig(own)
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	dialer := silentDialer{silence: cfg.Silence}
	if c.postgresTLS() {
		if dialer.tls, err = c.tls(cfg, c.SSLMode); err != nil {
			return nil, err
		}
	}
	connector.Dialer(dialer)
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
	mode := c.SSLMode
	if mode == "" || c.postgresTLS() {
		mode = "disable" // in the driver
	}
	set("sslmode", mode)
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
func (c *Connection) sqlite(create bool, cacheKiB int) (driver.Connector, error) {
	dsn, err := c.sqliteDSN(create, cmp.Or(cacheKiB, 512))
	if err != nil {
		return nil, err
	}
	return dsnConnector{dsn, &sqlite.Driver{}}, nil
}

func (c *Connection) sqliteDSN(create bool, cacheKiB int) (string, error) {
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
			fmt.Sprintf("cache_size(-%d)", cacheKiB), // for each connection; the operating system caches the file as well
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
		return nil, withoutSecret(tlsclient.Explain(err), c.secret)
	}
	return conn, nil
}

type cleaned struct {
	text string
	err  error
}

func (e cleaned) Error() string { return e.text }
func (e cleaned) Unwrap() error { return e.err }

func withoutSecret(err error, password string) error {
	text := err.Error()
	if password == "" {
		return err
	}
	clean := text
	for _, form := range []string{password, url.QueryEscape(password), url.PathEscape(password)} {
		clean = strings.ReplaceAll(clean, form, secret.Redacted)
	}
	if clean == text {
		return err
	}
	return cleaned{clean, err}
}
