package sqldb

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/easgate/easgate/internal/secret"
)

// Config describes a database as knex does (https://knexjs.org/guide/#configuration-options).
// Settings of knex that change nothing for us are accepted and ignored.
type Config struct {
	// Client is the knex name of the driver: mysql, mysql2, pg, postgres, sqlite3, better-sqlite3, mssql, oracledb.
	Client     string     `json:"client"`
	Connection Connection `json:"connection"`
	Pool       Pool       `json:"pool"`
	// AcquireConnectionTimeout bounds making a connection, in milliseconds; 0 means 3 seconds.
	AcquireConnectionTimeout Millis `json:"acquireConnectionTimeout"`

	// Silence is how long a server may keep an open query waiting before its connection is given up, for drivers that
	// do not heed a context while they wait. The program sets it; 0 means 30 seconds.
	Silence time.Duration `json:"-"`
	// PageCache is how much of a SQLite file each connection keeps in memory, in KiB. The program sets it; 0 means 512.
	PageCache int `json:"-"`
	// Roots are the certificate authorities to trust where SSL names none, nil for the system's; Warn is told of odd
	// certificates. The program sets them.
	Roots *x509.CertPool    `json:"-"`
	Warn  func(text string) `json:"-"`

	knexOnly
}

// A Pool bounds the connections of one process. Times are in milliseconds.
type Pool struct {
	// Max is how many connections there are at most; 0 means 10, and 4 for SQLite.
	Max int `json:"max"`
	// IdleTimeout is when an idle connection is closed; 0 means 5 minutes.
	IdleTimeout Millis `json:"idleTimeoutMillis"`

	Min                       any `json:"min"`
	AcquireTimeoutMillis      any `json:"acquireTimeoutMillis"`
	CreateTimeoutMillis       any `json:"createTimeoutMillis"`
	CreateRetryIntervalMillis any `json:"createRetryIntervalMillis"`
	DestroyTimeoutMillis      any `json:"destroyTimeoutMillis"`
	ReapIntervalMillis        any `json:"reapIntervalMillis"`
	PropagateCreateError      any `json:"propagateCreateError"`
}

type knexOnly struct {
	UseNullAsDefault   any `json:"useNullAsDefault"`
	AsyncStackTraces   any `json:"asyncStackTraces"`
	CompileSQLOnError  any `json:"compileSqlOnError"`
	Debug              any `json:"debug"`
	Version            any `json:"version"`
	FetchAsString      any `json:"fetchAsString"`
	Migrations         any `json:"migrations"`
	Seeds              any `json:"seeds"`
	JSONBindingSupport any `json:"jsonbSupport"`
}

// A Connection is where the database is and who asks. In JSON it is an object or text: a URL such as
// postgres://user:password@host:5432/database?sslmode=verify-full, for SQLite the file, for SQL Server also its own
// "Server=…;User Id=…" form. Fields that a dialect has no use for are ignored.
type Connection struct {
	// ConnectionString is the text form.
	ConnectionString Secret `json:"connectionString"`

	Host string `json:"host"`
	// Server is SQL Server's name for Host.
	Server string `json:"server"`
	// Port is 0 for the dialect's own: 3306, 5432, 1433, 1521.
	Port Port   `json:"port"`
	User string `json:"user"`
	// UserName is SQL Server's name for User.
	UserName string `json:"userName"`
	Password Secret `json:"password"`
	// Database is the name of the database; Oracle's service name.
	Database string `json:"database"`
	// SocketPath is a Unix socket of MySQL, used instead of Host and Port. For PostgreSQL, Host is the socket's folder.
	SocketPath string `json:"socketPath"`
	// Filename is SQLite's file. It must exist unless the database is opened to be changed.
	Filename string `json:"filename"`
	// ConnectString is Oracle's "host:port/service", used instead of Host, Port and Database.
	ConnectString string `json:"connectString"`

	// SSL switches on TLS for MySQL, PostgreSQL and Oracle.
	SSL SSL `json:"ssl"`
	// SSLMode is libpq's setting, for PostgreSQL: disable, allow, prefer, require, verify-ca, verify-full; it wins over
	// SSL.
	SSLMode string `json:"sslmode"`
	// Encrypt switches on TLS for SQL Server.
	Encrypt bool `json:"encrypt"`
	// Options are SQL Server's.
	Options Options `json:"options"`
	// ApplicationName is shown by PostgreSQL in pg_stat_activity; "" means easgate.
	ApplicationName string `json:"application_name"`
	// SearchPath is PostgreSQL's search_path.
	SearchPath string `json:"search_path"`

	driverOnly
}

// Options are what the SQL Server driver of Node keeps in connection.options.
type Options struct {
	Encrypt                bool   `json:"encrypt"`
	TrustServerCertificate bool   `json:"trustServerCertificate"`
	InstanceName           string `json:"instanceName"`

	EnableArithAbort any `json:"enableArithAbort"`
	Readonly         any `json:"readonly"`
	RequestTimeout   any `json:"requestTimeout"`
	UseUTC           any `json:"useUTC"`
	AppName          any `json:"appName"`
}

// driverOnly are settings of the Node drivers that have no meaning for one SELECT by id.
type driverOnly struct {
	Charset              any `json:"charset"`
	Collation            any `json:"collation"`
	Timezone             any `json:"timezone"`
	TypeCast             any `json:"typeCast"`
	DateStrings          any `json:"dateStrings"`
	DecimalNumbers       any `json:"decimalNumbers"`
	SupportBigNumbers    any `json:"supportBigNumbers"`
	BigNumberStrings     any `json:"bigNumberStrings"`
	StringifyObjects     any `json:"stringifyObjects"`
	MultipleStatements   any `json:"multipleStatements"`
	Flags                any `json:"flags"`
	Debug                any `json:"debug"`
	Trace                any `json:"trace"`
	ConnectTimeout       any `json:"connectTimeout"`
	ConnectionTimeout    any `json:"connectionTimeout"`
	ConnectTimeoutMillis any `json:"connectionTimeoutMillis"`
	KeepAlive            any `json:"keepAlive"`
	EnableKeepAlive      any `json:"enableKeepAlive"`
	QueryTimeout         any `json:"query_timeout"`
	StatementTimeout     any `json:"statement_timeout"`
	RequestTimeout       any `json:"requestTimeout"`
	Mode                 any `json:"mode"`
}

// UnmarshalJSON takes text or an object.
func (c *Connection) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return json.Unmarshal(raw, &c.ConnectionString)
	}
	type object Connection
	return json.Unmarshal(raw, (*object)(c))
}

// SSL describes TLS to the database. In JSON it is true, false or an object; an object switches it on.
type SSL struct {
	On bool `json:"-"`
	// CA, Cert and Key are PEM text, or the path of a file that holds it. Without CA the system's roots are trusted.
	CA   string `json:"ca"`
	Cert string `json:"cert"`
	Key  Secret `json:"key"`
	// RejectUnauthorized is true when nil: a server that cannot prove its name is not talked to.
	RejectUnauthorized *bool `json:"rejectUnauthorized"`
	// ServerName is the name that the server must have instead of Host; a certificate without alternative names may have
	// it as its common name.
	ServerName string `json:"servername"`
	// Fingerprint pins the server's public key, or one of a list: its SHA-256, in base64 or hexadecimal.
	Fingerprint List `json:"fingerprint"`

	MinVersion any `json:"minVersion"`
}

// UnmarshalJSON takes a bool or an object.
func (s *SSL) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "null":
		return nil
	case "true", "false":
		return json.Unmarshal(raw, &s.On)
	}
	if !bytes.HasPrefix(raw, []byte("{")) {
		return errors.New("want true, false or an object with ca, cert, key, rejectUnauthorized")
	}
	type object SSL
	s.On = true
	return json.Unmarshal(raw, (*object)(s))
}

// A List is a list of texts; in JSON one text stands for a list of it.
type List []string

// UnmarshalJSON takes text or a list.
func (l *List) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		*l = List{""}
		return json.Unmarshal(raw, &(*l)[0])
	}
	return json.Unmarshal(raw, (*[]string)(l))
}

// A Port is a TCP port; in JSON a number or its text.
type Port uint16

// UnmarshalJSON takes a number or text.
func (p *Port) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	n, err := strconv.ParseUint(string(bytes.Trim(raw, `"`)), 10, 16)
	if err != nil {
		return errors.New("want a port, 1 to 65535")
	}
	*p = Port(n)
	return nil
}

// Millis is a length of time, in JSON a number of milliseconds, 0 or more.
type Millis time.Duration

// UnmarshalJSON takes a number.
func (m *Millis) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || n < 0 || n > 1e12 {
		return errors.New("want milliseconds, 0 or more")
	}
	*m = Millis(n * float64(time.Millisecond))
	return nil
}

// or returns m, or d when m is 0.
func (m Millis) or(d time.Duration) time.Duration {
	if m == 0 {
		return d
	}
	return time.Duration(m)
}

// A Secret is text that is never printed.
type Secret = secret.Text
