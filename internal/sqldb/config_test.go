package sqldb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	oracleconf "github.com/sijms/go-ora/v2/configurations"

	"github.com/easgate/easgate/internal/strictjson"
)

func decode(t *testing.T, text string) Config {
	t.Helper()
	var c Config
	if err := strictjson.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("Unmarshal(%s): %v", text, err)
	}
	return c
}

// expanded returns the connection as connectors see it.
func expanded(t *testing.T, text string) (Connection, Dialect) {
	t.Helper()
	c := decode(t, text)
	d, err := ParseClient(c.Client)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.Connection.expand(d)
	if err != nil {
		t.Fatal(err)
	}
	return conn, d
}

func TestConfigsOfKnexAreTaken(t *testing.T) {
	tests := []string{
		`{"client":"mysql","connection":{"host":"db","user":"u","password":"p","database":"eas"}}`,
		`{"client":"mysql2","connection":{"host":"db","port":"3307","user":"u","password":"p","database":"eas","charset":"utf8mb4","timezone":"UTC","ssl":{"rejectUnauthorized":false},"multipleStatements":true},"pool":{"min":0,"max":7,"idleTimeoutMillis":30000,"acquireTimeoutMillis":5}}`,
		`{"client":"pg","connection":"postgres://u:p%40ss@db:5433/eas?sslmode=require&application_name=x","acquireConnectionTimeout":60000,"version":"7.2"}`,
		`{"client":"postgres","connection":{"connectionString":"postgresql://u@db/eas","ssl":true,"statement_timeout":500}}`,
		`{"client":"sqlite3","connection":{"filename":"./x.db"},"useNullAsDefault":true}`,
		`{"client":"better-sqlite3","connection":"./x.db"}`,
		`{"client":"mssql","connection":{"server":"db","userName":"u","password":"p","database":"eas","options":{"encrypt":true,"instanceName":"i","enableArithAbort":true}}}`,
		`{"client":"mssql","connection":"Server=db;User Id=u;Password=p;Database=eas"}`,
		`{"client":"oracledb","connection":{"user":"u","password":"p","connectString":"db:1521/svc"}}`,
	}
	for _, in := range tests {
		t.Run(in, func(t *testing.T) {
			db, err := Open(decode(t, in))
			if err != nil {
				t.Fatalf("Open(%s): %v", in, err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBrokenConfigs(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a typing error in a name", `{"client":"mysql","connection":{"hots":"db","pasword":"s3cret"}}`, "connection.hots: unknown option\nconnection.pasword: unknown option"},
		{"an option of TLS", `{"client":"pg","connection":{"ssl":{"rejectUnauthorised":false}}}`, "connection.ssl.rejectUnauthorised: unknown option"},
		{"TLS as text", `{"client":"mysql","connection":{"ssl":"Amazon RDS"}}`, "connection.ssl: want true, false or an object with ca, cert, key, rejectUnauthorized"},
		{"port", `{"client":"pg","connection":{"port":"s3cret"}}`, "connection.port: want a port, 1 to 65535"},
		{"pool", `{"client":"pg","pool":{"max":"many"}}`, "pool.max: want a whole number, got string"},
		{"time", `{"client":"pg","acquireConnectionTimeout":-1}`, "acquireConnectionTimeout: want milliseconds, 0 or more"},
		{"client", `{"client":"mongo"}`, `client: unknown client "mongo": want one of better-sqlite3, cockroachdb, mariadb, mssql, mysql, mysql2, oracle, oracledb, pg, pgnative, postgres, postgresql, redshift, sqlite, sqlite3`},
		{"no client", `{}`, `client: unknown client ""`},
		{"a password that breaks the URL", `{"client":"pg","connection":"postgres://u:s3cret/x@db:5432/eas"}`, "connection: want a URL such as"},
		{"not a URL", `{"client":"mysql","connection":"s3cret"}`, "connection: want a URL such as"},
		{"another client's URL", `{"client":"mysql","connection":"postgres://u:s3cret@db/eas"}`, `connection: a URL of the scheme "postgres" is not for client mysql`},
		{"an unknown URL parameter", `{"client":"pg","connection":"postgres://u:s3cret@db/eas?sslmod=require"}`, "connection: sslmod: unknown option"},
		{"SQLite in memory", `{"client":"sqlite3","connection":":memory:"}`, "connection.filename: want the path of a file"},
		{"SQLite without a file", `{"client":"sqlite3","connection":{}}`, "connection.filename: required"},
		{"a CA that is none", `{"client":"mysql","connection":{"ssl":{"ca":"-----BEGIN nonsense"}}}`, "connection.ssl.ca: want PEM certificates"},
		{"a key that is no file", `{"client":"pg","connection":{"ssl":{"cert":"-----BEGIN x","key":"s3cret"}}}`, "connection.ssl.key: neither PEM nor a file: no such file or directory"},
		{"SQL Server's own form", `{"client":"mssql","connection":"Server=db;Password=s3cret;Port=x"}`, "connection: not a connection string that SQL Server's driver understands"},
		{"Oracle without a service", `{"client":"oracledb","connection":{"connectString":"db:1521","password":"s3cret"}}`, "connection.connectString: want host:port/service"},
		{"libpq's own setting", `{"client":"pg","connection":{"sslmode":"always","password":"s3cret"}}`, "connection: pq: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Config
			err := strictjson.Unmarshal([]byte(tt.in), &c)
			if err == nil {
				_, err = Open(c)
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Open(%s) = %v, want %q", tt.in, err, tt.want)
			}
			if strings.Contains(fmt.Sprint(err), "s3cret") {
				t.Errorf("Open(%s) = %v: that is a secret", tt.in, err)
			}
		})
	}
}

func TestPostgresDSN(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"object", `{"client":"pg","connection":{"host":"db","user":"u","password":"p' \\","database":"eas"}}`,
			`host='db' port='5432' user='u' password='p\' \\' dbname='eas' application_name='easgate' sslmode='disable'`},
		{"URL", `{"client":"pg","connection":"postgres://u:p%40ss@[::1]:5433/eas?sslmode=verify-ca&search_path=auth"}`,
			`host='::1' port='5433' user='u' password='p@ss' dbname='eas' search_path='auth' application_name='easgate' sslmode='disable'`},
		{"socket", `{"client":"pg","connection":{"host":"/run/postgresql","database":"eas","application_name":"x"}}`,
			`host='/run/postgresql' port='5432' dbname='eas' application_name='x' sslmode='disable'`},
		{"TLS is not the driver's", `{"client":"pg","connection":{"host":"db","ssl":true}}`,
			`host='db' port='5432' application_name='easgate' sslmode='disable'`},
		{"TLS where there is any", `{"client":"pg","connection":"pg://db/?sslmode=prefer"}`,
			`host='db' port='5432' application_name='easgate' sslmode='prefer'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := expanded(t, tt.in)
			if got := c.postgresDSN(); got != tt.want {
				t.Errorf("postgresDSN(%s) =\n%s, want\n%s", tt.in, got, tt.want)
			}
		})
	}
}

func TestMySQLAddress(t *testing.T) {
	tests := []struct{ name, in, host, user, pw, db string }{
		{"URL", `{"client":"mysql2","connection":"mysql://u:p%2Fw@db:3307/eas?charset=utf8mb4&ssl=true"}`, "db:3307", "u", "p/w", "eas"},
		{"default port", `{"client":"mysql","connection":{"host":"db","user":"u"}}`, "db:3306", "u", "", ""},
		{"no host", `{"client":"mysql","connection":{}}`, "127.0.0.1:3306", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := expanded(t, tt.in)
			if c.address(3306) != tt.host || c.User != tt.user || string(c.Password) != tt.pw || c.Database != tt.db {
				t.Errorf("%s: %s %s %s %s, want %v", tt.in, c.address(3306), c.User, string(c.Password), c.Database, tt)
			}
		})
	}
}

func TestSQLServerConfig(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"object", `{"client":"mssql","connection":{"host":"db","user":"u","password":"p@;'","database":"e as","options":{"encrypt":true,"trustServerCertificate":true}}}`,
			"db 1433 u p@;' e as  1 true"},
		{"instance", `{"client":"mssql","connection":{"host":"db","user":"u","options":{"instanceName":"i"}}}`, "db 0 u   i 0 false"},
		{"its own form", `{"client":"mssql","connection":"Server=db,1444;User Id=u;Password=p;Database=eas;Encrypt=false"}`, "db 1444 u p eas  0 false"},
		{"URL", `{"client":"mssql","connection":"mssql://u:p%40@db:1444/eas?encrypt=true"}`, "db 1444 u p@ eas  1 false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := expanded(t, tt.in)
			cfg, err := c.sqlServer()
			got := fmt.Sprint(cfg.Host, " ", cfg.Port, " ", cfg.User, " ", cfg.Password, " ", cfg.Database, " ", cfg.Instance, " ", cfg.Encryption, " ", cfg.TrustServerCertificate)
			if err != nil || got != tt.want {
				t.Errorf("sqlServer(%s) = %s, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestOracleDSN(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"connectString", `{"client":"oracledb","connection":{"user":"u","password":"p@/w","connectString":"db:1522/svc"}}`, "u p@/w db 1522 svc false"},
		{"host and database", `{"client":"oracledb","connection":{"host":"db","user":"u","password":"p","database":"svc","ssl":true}}`, "u p db 1521 svc true"},
		{"without a port", `{"client":"oracledb","connection":{"user":"u","password":"p","connectString":"db/svc"}}`, "u p db 1521 svc false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := expanded(t, tt.in)
			dsn, err := c.oracle(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := oracleconf.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(cfg.UserID, " ", cfg.Password, " ", cfg.Servers[0].Addr, " ", cfg.Servers[0].Port, " ", cfg.ServiceName, " ", cfg.SSL)
			if got != tt.want {
				t.Errorf("oracle(%s) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

// A name with a question mark in it would otherwise set options of the driver.
func TestSQLiteDSNEscapesTheName(t *testing.T) {
	c := Connection{Filename: "/a b/x?mode=memory#%"}
	dsn, err := c.sqliteDSN(false, 512)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Path != c.Filename || u.Query().Get("mode") != "rw" {
		t.Errorf("sqliteDSN(%s) = %s, %v", c.Filename, dsn, err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := decode(t, `{"client":"pg","connection":{"connectionString":"postgres://u:s3cret@db/x","password":"s3cret","ssl":{"key":"s3cret"}}}`)
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", c, "password", c.Connection.Password)
	texts := map[string]string{"JSON": string(js), "log": logged.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x", "%d"} {
		texts[verb] = fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, c.Connection.Password)
	}
	for name, text := range texts {
		if strings.Contains(text, "s3cret") || strings.Contains(text, fmt.Sprintf("%x", "s3cret")) {
			t.Errorf("%s prints the password: %s", name, text)
		}
	}
}

func TestDriverErrorsLoseTheSecret(t *testing.T) {
	cause := errors.New(`dial postgres://u:p%2Fw@db: no (tried "p/w")`)
	err := withoutSecret(fmt.Errorf("connect: %w", cause), "p/w")
	if want := `connect: dial postgres://u:[redacted]@db: no (tried "[redacted]")`; err.Error() != want {
		t.Errorf("withoutSecret = %s, want %s", err, want)
	}
	if !errors.Is(err, cause) {
		t.Error("withoutSecret loses the cause")
	}
}

// Servers that take the connection and never answer: the pool also connects on its own account, without a caller's deadline.
func TestConnectingIsBounded(t *testing.T) {
	for _, client := range []string{"mysql", "pg", "mssql", "oracledb"} {
		t.Run(client, func(t *testing.T) {
			host, port := silentServer(t)
			cfg := decode(t, fmt.Sprintf(`{"client":%q,"connection":{"host":%q,"port":%s,"user":"u","password":"s3cret","database":"d"},"acquireConnectionTimeout":50}`, client, host, port))
			cfg.Silence = 50 * time.Millisecond
			db, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			start := time.Now()
			if err := db.Ready(context.Background()); err == nil {
				t.Error("Ready = nil")
			} else if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Ready = %v: that is a secret", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("Ready took %v, want about 50 ms", d)
			}
		})
	}
}

// What node-postgres and mysql2 mean by it: nobody is trusted without proof, unless the configuration says so.
func TestTLS(t *testing.T) {
	for _, tt := range []struct {
		in       string
		insecure bool
	}{
		{`{"client":"pg","connection":{"host":"db","ssl":true}}`, false},
		{`{"client":"pg","connection":{"host":"db","ssl":{"rejectUnauthorized":false}}}`, true},
		{`{"client":"pg","connection":{"host":"db","ssl":{"rejectUnauthorized":false},"sslmode":"verify-full"}}`, false},
		{`{"client":"pg","connection":"pg://db/?sslmode=no-verify"}`, true},
		{`{"client":"pg","connection":"pg://db/?sslmode=require"}`, true},
	} {
		c, _ := expanded(t, tt.in)
		config, err := c.tls(&Config{}, c.SSLMode)
		if err != nil {
			t.Fatal(err)
		}
		if insecure := config.InsecureSkipVerify && config.VerifyConnection == nil; insecure != tt.insecure || config.ServerName != "db" {
			t.Errorf("%s: any server is believed = %v, want %v; its name is %s", tt.in, insecure, tt.insecure, config.ServerName)
		}
	}
}
