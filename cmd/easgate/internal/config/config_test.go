package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write golden files")

// keys are the least that a configuration needs.
var keys = []string{"EAS_KEYRING_FILE=/keys.json"}

const strong = "0123456789abcdef0123456789abcdef"

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	tests := []struct {
		name  string
		file  string
		env   []string
		flags map[string]string
		want  int
		from  string
	}{
		{"default", "", nil, nil, 8080, ""},
		{"file", "port: 1\n", nil, nil, 1, "c.yaml:1:7: port"},
		{"environment over file", "port: 1\n", []string{"EAS_PORT=2"}, nil, 2, "EAS_PORT"},
		{"flag over environment", "port: 1\n", []string{"EAS_PORT=2"}, map[string]string{"port": "3"}, 3, "--port"},
		{"flag over file", "port: 1\n", nil, map[string]string{"port": "3"}, 3, "--port"},
		// Compose files pass every variable on, set or not.
		{"an empty variable is none", "port: 1\n", []string{"EAS_PORT="}, nil, 1, "c.yaml:1:7: port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			s := Sources{Env: append(tt.env, keys...), Flags: tt.flags}
			if tt.file != "" {
				s.File = write(t, ".", "c.yaml", tt.file)
			}
			c, _, err := Load(s)
			if err != nil {
				t.Fatal(err)
			}
			if c.Port != tt.want || c.Origin("port") != tt.from {
				t.Errorf("port = %d from %q, want %d from %q", c.Port, c.Origin("port"), tt.want, tt.from)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir, "secret", strong+"\n")
	c, warnings, err := Load(Sources{Env: []string{
		"EAS_CONFIG_TOKEN_SIGN_SECRET_FILE=" + secret,
		"EAS_CONFIG_TOKEN_ENCRYPT_SECRET=" + strong,
		"EAS_TRUSTED_PROXIES=192.0.2.7, 2001:db8::/32",
		"EAS_TOKEN_FORMATS=eas",
		"EAS_ALLOW_EVAL=0",
		"EAS_ALLOW_PLAIN_SERVER_SIDE_TOKENS=1",
		"EAS_DISABLE_METRICS=false",
		"EAS_LOG_LEVEL=silly",
		"EAS_CONFIG_TOKEN_STORES=f:\n  adapter: file\n  options:\n    path: /x\n",
		`EAS_REVOKED_JTIS=["a", 42]`,
		"EAS_VERIFY_TIMEOUT=3",
		"EAS_ADMIN_ADDR=off",
		"OTHER=ignored",
	}})
	if err != nil || len(warnings) != 0 {
		t.Fatalf("Load = %v, warnings %v, want neither", err, warnings)
	}
	for what, ok := range map[string]bool{
		"secret from its file, newline cut": string(c.SignSecret) == strong,
		"trusted proxies":                   fmt.Sprint(c.TrustedProxies) == "[192.0.2.7/32 2001:db8::/32]",
		"formats":                           slices.Equal(c.TokenFormats, []string{"eas"}),
		`"0" is off`:                        !c.AllowEval,
		`"1" is on`:                         c.AllowPlainTokens,
		`"false" is off`:                    !c.DisableMetrics,
		"EAS's levels":                      c.LogLevel.String() == "DEBUG",
		"stores as YAML":                    string(c.Stores) == `{"f":{"adapter":"file","options":{"path":"/x"}}}`,
		"jtis as JSON":                      string(c.RevokedJTIs) == `["a",42]` || string(c.RevokedJTIs) == `["a", 42]`,
		"seconds":                           c.VerifyTimeout.Seconds() == 3,
		"no admin listener":                 c.AdminAddr == "",
		"main address":                      c.MainAddr() == ":8080",
	} {
		if !ok {
			t.Errorf("%s: not so in %+v", what, c)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, *c); strings.Contains(text, strong) {
		t.Errorf("a printed Config shows a secret: %s", text)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "sign", strong)
	path := write(t, dir, "easgate.yaml", `
keyring_file: keys/ring.json
config_token_sign_secret_file: sign
config_token_encrypt_secret: `+strong+`
trusted_proxies:
  - 10.1.0.0/16
  - 127.0.0.1
token_formats: [native, eas]
log_allows: true
config_token_stores:
  main:
    adapter: sql
    options: {cache_ttl: 30}
revoked_jtis: [a, 7]
`)
	c, _, err := Load(Sources{File: path})
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"relative to the file": c.KeyringFile == filepath.Join(dir, "keys/ring.json"),
		"a secret's file too":  string(c.SignSecret) == strong,
		"lists":                fmt.Sprint(c.TrustedProxies) == "[10.1.0.0/16 127.0.0.1/32]",
		"booleans":             c.LogAllows,
		"mappings":             string(c.Stores) == `{"main":{"adapter":"sql","options":{"cache_ttl":30}}}`,
		"numbers in lists":     string(c.RevokedJTIs) == `["a",7]`,
	} {
		if !ok {
			t.Errorf("%s: not so in %+v", what, c)
		}
	}
	stores := write(t, dir, "stores.yaml", "s: {adapter: env, options: {var: X}}\n")
	if c, _, err := Load(Sources{Env: append(keys, "EAS_CONFIG_TOKEN_STORES_FILE="+stores)}); err != nil || string(c.Stores) != `{"s":{"adapter":"env","options":{"var":"X"}}}` {
		t.Errorf("stores from a file = %s, %v", c.Stores, err)
	}
	if _, _, err := Load(Sources{Env: []string{"EAS_CONFIG_FILE=" + path}}); err != nil {
		t.Errorf("EAS_CONFIG_FILE: %v", err)
	}
}

// A keyring in the environment replaces the file that the configuration names.
func TestKeyringPrecedence(t *testing.T) {
	path := write(t, t.TempDir(), "c.yaml", "keyring_file: ring.json\n")
	c, _, err := Load(Sources{File: path, Env: []string{"EAS_KEYRING=" + strong}})
	if err != nil || c.KeyringFile != "" || string(c.Keyring) != strong || c.Origin("keyring_file") != "" {
		t.Errorf("keyring %q, file %q, %v, want the environment's alone", string(c.Keyring), c.KeyringFile, err)
	}
	c, _, err = Load(Sources{Env: []string{"EAS_KEYRING=" + strong}, Flags: map[string]string{"keyring_file": "/f"}})
	if err != nil || c.KeyringFile != "/f" || c.Keyring != "" {
		t.Errorf("keyring %q, file %q, %v, want the flag's alone", string(c.Keyring), c.KeyringFile, err)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name string
		file string
		env  []string
		want []string
	}{
		{"no keys", "", []string{}, []string{"EAS_KEYRING_FILE is not set: there is no key to open config tokens with"}},
		{"half of EAS's secrets", "", []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo"}, []string{"EAS_CONFIG_TOKEN_ENCRYPT_SECRET is not set, and config tokens in EAS's format need it"}},
		{"EAS's secrets without its format", "", []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar", "EAS_TOKEN_FORMATS=native"}, []string{"EAS_KEYRING_FILE is not set"}},
		{"port", "", []string{"EAS_PORT=http"}, []string{`EAS_PORT: want a port, 0 to 65535, got "http"`}},
		{"boolean", "", []string{"EAS_ALLOW_EVAL=maybe"}, []string{`EAS_ALLOW_EVAL: want true or false, got "maybe"`}},
		{"profile", "", []string{"EAS_PROXY_PROFILE=ngnix"}, []string{`EAS_PROXY_PROFILE: want one of auto, nginx,`}},
		{"abstract socket", "", []string{"EAS_ADDR=unix:@easgate"}, []string{`EAS_ADDR: want an absolute path, got "@easgate"`}},
		{"relative socket", "", []string{"EAS_GRPC_ADDRESS=unix:s", "EAS_VERIFY_ADDR=unix:"}, []string{`EAS_VERIFY_ADDR: want an absolute path`, `EAS_GRPC_ADDRESS: want an absolute path`}},
		{"a path alone", "", []string{"EAS_ADDR=/run/s"}, []string{`EAS_ADDR: want an address, got "/run/s"`}},
		{"a long path", "", []string{"EAS_ADMIN_ADDR=unix:/" + strings.Repeat("x", 103)}, []string{`EAS_ADMIN_ADDR: the socket's path has 104 bytes`}},
		{"mode", "", []string{"EAS_SOCKET_MODE=rw"}, []string{`EAS_SOCKET_MODE: want an octal mode`}},
		{"mode as a number", "socket_mode: 0660\n", nil, []string{"socket_mode: want an octal mode such as 0660 in quotes, got 432"}},
		{"address", "", []string{"EAS_ADMIN_ADDR=9091"}, []string{`EAS_ADMIN_ADDR: want host:port, got "9091"`}},
		{"address with a port", "", []string{"EAS_ADDR=0.0.0.0:80"}, []string{`EAS_ADDR: want an address without a port`}},
		{"proxies", "", []string{"EAS_TRUSTED_PROXIES=10.0.0.0/8, proxy"}, []string{`EAS_TRUSTED_PROXIES: trusted proxies: "proxy": want a network`}},
		{"key without certificate", "", []string{"EAS_SSL_KEY=/k"}, []string{"EAS_SSL_KEY: a certificate needs its key"}},
		// ATTACKS 49.
		{"missing secret file", "", []string{"EAS_CONFIG_TOKEN_SIGN_SECRET_FILE=/nowhere"}, []string{"EAS_CONFIG_TOKEN_SIGN_SECRET_FILE: /nowhere: no such file"}},
		{"a secret twice", "", []string{"EAS_ENCRYPT_IV_SECRET=x", "EAS_ENCRYPT_IV_SECRET_FILE=/y"}, []string{"EAS_ENCRYPT_IV_SECRET_FILE: EAS_ENCRYPT_IV_SECRET is given too"}},
		{"signed tokens only, and EAS's", "", []string{"EAS_REQUIRE_SIGNED_TOKENS=1", "EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar"}, []string{"EAS_REQUIRE_SIGNED_TOKENS: tokens in EAS's format"}},
		{"two keyrings", "", []string{"EAS_KEYRING={}"}, []string{"EAS_KEYRING_FILE: EAS_KEYRING is given too"}},
		{"stores", "", []string{"EAS_CONFIG_TOKEN_STORES={"}, []string{"EAS_CONFIG_TOKEN_STORES: want a mapping in YAML or JSON: 1:1"}},
		{"stores that are a list", "", []string{"EAS_CONFIG_TOKEN_STORES=[]"}, []string{"EAS_CONFIG_TOKEN_STORES: want a mapping"}},
		{"stores that are a text", "", []string{"EAS_CONFIG_TOKEN_STORES=x"}, []string{"EAS_CONFIG_TOKEN_STORES: want a mapping"}},
		{"revoked jtis that are a mapping", "", []string{"EAS_REVOKED_JTIS={}"}, []string{"EAS_REVOKED_JTIS: want a list"}},
		{"broken YAML", "port: [1\n", nil, []string{"c.yaml:1:7: sequence end token"}},
		{"not a mapping", "- port\n", nil, []string{"c.yaml:1:1: want a mapping"}},
		{"repeated key", "port: 1\nport: 2\n", nil, []string{"c.yaml:2:1: mapping key"}},
		{"unknown setting", "port: 1\n\nprot: 2\n", nil, []string{`c.yaml:3:1: unknown setting "prot"`}},
		{"wrong kind", "port:\n  - 1\n", nil, []string{"c.yaml:2:3: port: want a port, 0 to 65535, got a list"}},
		{"mapping in a list", "trusted_proxies:\n  - a: 1\n", nil, []string{"trusted_proxies: want a list of networks, addresses, loopback, private, got a mapping in it"}},
		{"everything at once", "prot: 1\nlog_format: xml\n", []string{"EAS_PORT=-1"}, []string{"c.yaml:1:1", `c.yaml:2:13: log_format: want one of json, text, got "xml"`, "EAS_PORT: want"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			s := Sources{Env: tt.env}
			if !strings.Contains(tt.want[0], "is not set") {
				s.Env = append(s.Env, keys...)
			}
			if tt.file != "" {
				s.File = write(t, ".", "c.yaml", tt.file)
			}
			_, _, err := Load(s)
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != len(tt.want) {
				t.Fatalf("Load = %v, want %d problems", err, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(problems[i].Error(), want) {
					t.Errorf("problem %d = %q, want %q", i, problems[i], want)
				}
			}
		})
	}
}

func TestHints(t *testing.T) {
	tests := []struct {
		name string
		env  string
		want string
	}{
		{"a Service named eas", "EAS_PORT=tcp://10.0.0.1:80", "enableServiceLinks: false"},
		{"a missing key", "EAS_LOG_LEVEL=info", "easgate keys new"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Load(Sources{Env: []string{tt.env}})
			var problems Problems
			if !errors.As(err, &problems) || !slices.ContainsFunc(problems, func(p Problem) bool { return strings.Contains(p.Hint, tt.want) }) {
				t.Errorf("Load(%s) = %+v, want a hint with %q", tt.env, problems, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"weak secrets", []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=" + strong}, "EAS_CONFIG_TOKEN_SIGN_SECRET: 3 bytes are a weak secret"},
		{"everybody trusted", []string{"EAS_TRUSTED_PROXIES=0.0.0.0/0"}, "EAS_TRUSTED_PROXIES: 0.0.0.0/0 trusts everybody"},
		{"a socket for everybody", []string{"EAS_ADDR=unix:/run/s", "EAS_SOCKET_MODE=0666"}, "EAS_SOCKET_MODE: every user of the machine"},
		{"a socket for some", []string{"EAS_ADDR=unix:/run/s", "EAS_SOCKET_MODE=660"}, ""},
		{"an open socket that is not trusted", []string{"EAS_ADDR=unix:/run/s", "EAS_SOCKET_MODE=0666", "EAS_TRUST_SOCKETS=false"}, ""},
		{"profile eas", []string{"EAS_PROXY_PROFILE=eas"}, "EAS_PROXY_PROFILE: the profile eas believes"},
		{"a weak secret of logins", []string{"EAS_COOKIE_ENCRYPT_SECRET=foo"}, "EAS_COOKIE_ENCRYPT_SECRET: 3 bytes are a weak secret: whoever guesses it"},
		{"a typing mistake", []string{"EAS_PROT=1"}, "EAS_PROT: no setting of that name"},
		// Kubernetes sets these for a Service named eas.
		{"not Kubernetes' variables", []string{"EAS_SERVICE_HOST=10.0.0.1", "EAS_PORT_80_TCP_ADDR=10.0.0.1", "EAS_SERVER_PORT=tcp://10.0.0.1:80"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, warnings, err := Load(Sources{Env: append(tt.env, keys...)})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(warnings) > 0 || tt.want != "" && (len(warnings) != 1 || !strings.HasPrefix(warnings[0].Error(), tt.want)) {
				t.Errorf("warnings = %v, want %q", warnings, tt.want)
			}
		})
	}
}

// A socket takes the place of host and port.
func TestSockets(t *testing.T) {
	c, _, err := Load(Sources{Env: append([]string{"EAS_ADDR=unix:/run/a", "EAS_PORT=1", "EAS_GRPC_ADDRESS=unix:/run/g", "EAS_VERIFY_ADDR=unix:/run/v"}, keys...)})
	if err != nil || c.MainAddr() != "unix:/run/a" || c.GRPCAddr() != "unix:/run/g" || c.VerifyAddr != "unix:/run/v" || !c.TrustSockets || c.SocketMode != 0o660 {
		t.Errorf("Load = %s, %s, %s, %v, %v, %v", c.MainAddr(), c.GRPCAddr(), c.VerifyAddr, c.TrustSockets, c.SocketMode, err)
	}
}

// What show prints is a configuration file, and it holds no secret.
func TestShow(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "c.yaml", "keyring: "+strong+"\nport: 99\nsocket_mode: '0666'\nconfig_token_stores:\n  s: {adapter: sql, options: {config: {connection: {password: hunter2, host: db}}}}\n")
	c, _, err := Load(Sources{File: path})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.Contains(got, strong) || strings.Contains(got, "hunter2") {
		t.Errorf("a secret is shown:\n%s", got)
	}
	again := write(t, dir, "again.yaml", got)
	d, _, err := Load(Sources{File: again})
	if err != nil || d.Port != 99 || d.SocketMode != 0o666 || !strings.Contains(string(d.Stores), `"host":"db"`) {
		t.Errorf("Load of what was shown = port %d, stores %s, %v:\n%s", d.Port, d.Stores, err, got)
	}
}

func TestFlags(t *testing.T) {
	given := map[string]string{}
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(fs, given)
	if err := fs.Parse([]string{"--port=1", "--log-allows", "--trusted-proxies", "10.0.0.0/8"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"port": "1", "log_allows": "true", "trusted_proxies": "10.0.0.0/8"}
	if fmt.Sprint(given) != fmt.Sprint(want) {
		t.Errorf("flags = %v, want %v", given, want)
	}
	fs.VisitAll(func(f *pflag.Flag) {
		if strings.Contains(f.Name, "secret") || f.Name == "keyring" {
			t.Errorf("--%s: a secret on a command line is public on its machine", f.Name)
		}
	})
}

// docs/configuration.md is made from the table: run the test with -update.
func TestReference(t *testing.T) {
	const path, begin, end = "../../../../docs/configuration.md", "<!-- settings -->\n", "<!-- /settings -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s: no %s", path, begin)
	}
	want := Reference() + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Errorf("%s is not what the settings say: run go test ./cmd/easgate/internal/config -update", path)
	}
}

// Every setting has a name of its own in each place, and says what it is.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range names() {
		if seen[n] {
			t.Errorf("%s stands in the table twice", n)
		}
		seen[n] = true
	}
	for _, s := range settings(defaults()) {
		if s.doc == "" || !strings.HasSuffix(s.doc, ".") && !strings.HasSuffix(s.doc, "off.") {
			t.Errorf("%s: doc %q is no sentence", s.name, s.doc)
		}
	}
}

// FuzzFile: whatever stands in a file is a configuration or problems, and no secret of it is in the problems.
func FuzzFile(f *testing.F) {
	f.Add("port: 1\nkeyring: &a x\n")
	f.Add("config_token_stores: {a: 1}\ntrusted_proxies: [1, 2]\n")
	f.Add("revoked_jtis: |\n  [1]\nlog_level: 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, t.TempDir(), "c.yaml", text)
		if c, _, _ := Load(Sources{File: path}); c == nil {
			t.Error("Load: no configuration at all")
		}
	})
}

func TestCertificateAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	dir := t.TempDir()
	ours := write(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	none := write(t, dir, "none.pem", "no PEM")
	for _, tt := range []struct {
		name              string
		env               []string
		known, warns, bad bool
	}{
		{"unset", nil, false, false, false},
		{"EAS_CA_FILE", []string{"EAS_CA_FILE=" + ours}, true, false, false},
		{"Node.js' variable", []string{"NODE_EXTRA_CA_CERTS=" + ours}, true, false, false},
		{"both", []string{"NODE_EXTRA_CA_CERTS=" + none, "EAS_CA_FILE=" + ours}, true, false, false},
		{"no file", []string{"EAS_CA_FILE=" + ours + "x"}, false, false, true},
		{"no certificates", []string{"EAS_CA_FILE=" + none}, false, false, true},
		{"no file in Node.js' variable", []string{"NODE_EXTRA_CA_CERTS=" + ours + "x"}, false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, warnings, err := Load(Sources{KeysOptional: true, Env: tt.env})
			if (err != nil) != tt.bad || (len(warnings) > 0) != tt.warns {
				t.Errorf("Load = %v, warnings %v", err, warnings)
			}
			if _, err := server.Certificate().Verify(x509.VerifyOptions{Roots: c.CARoots}); (err == nil) != tt.known {
				t.Errorf("Verify = %v, want success = %v", err, tt.known)
			}
		})
	}
}
