package tokenhandler

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/internal/problem"
)

// A variable is one of go-token-handler's settings.
type variable struct{ name, byDefault, usage string }

func (v variable) flag() string { return strings.ReplaceAll(strings.ToLower(v.name), "_", "-") }

// variables are all of them, with its own defaults and words.
var variables = []variable{
	{"COOKIE_DOMAIN", "localhost", "the domain for the session cookie"},
	{"COOKIE_NAME", "session", "the name of the session cookie"},
	{"DB_HOST", "", "the database server: a host, or host:port"},
	{"DB_NAME", "", "the database's name; for sqlite, its file"},
	{"DB_PASSWORD", "", "the password to connect to the database with"},
	{"DB_TYPE", "sqlite", "the database: postgresql or sqlite"},
	{"DB_USERNAME", "", "the user to connect to the database as"},
	{"IS_PRODUCTION", "false", "refuse what is not for production"},
	{"LISTEN_ADDR", ":9080", "the address to listen on"},
	{"LOG_LEVEL", "info", "the logging level"},
	{"OIDC_CLIENT_ID", "", "the client id at the OpenID provider"},
	{"OIDC_CLIENT_SECRET", "", "the client secret at the OpenID provider"},
	{"OIDC_ISSUER", "", "the URL of the OpenID provider's issuer"},
	{"OIDC_POST_LOGIN_REDIRECT_URL", "", "where browsers go after a login"},
	{"OIDC_POST_LOGOUT_REDIRECT_URL", "", "where browsers go after a logout"},
	{"OIDC_REDIRECT_URL", "", "the URL of the callback: scheme and host are what browsers call this site"},
	{"PROXY_CONFIG", "", "the file that says which requests go on to where"},
	{"SESSION_AUTH_SECRET", "", "the authentication key of the session cookie: 32 or 64 bytes"},
	{"SESSION_DB_KEY", "", "the encryption key of stored sessions: 32 bytes"},
	{"SESSION_ENC_SECRET", "", "the encryption key of the session cookie: 16, 24 or 32 bytes"},
	{"SESSION_OLD_AUTH_SECRET", "", "the authentication key before, for its rotation"},
	{"SESSION_OLD_DB_KEY", "", "the encryption key of stored sessions before, for its rotation"},
	{"SESSION_OLD_ENC_SECRET", "", "the encryption key of the cookie before, for its rotation"},
}

// Sources are what settings are read from, the strongest last.
type Sources struct {
	// Dirs are looked through for the file token_handler; the first one counts.
	Dirs []string
	// Env holds NAME=value.
	Env []string
	// Flags are those that were given, by the variable's name.
	Flags map[string]string
}

// Dirs are the folders that go-token-handler looks through.
func Dirs(env []string) []string {
	dirs := []string{"."}
	for _, kv := range env {
		if home, ok := strings.CutPrefix(kv, "HOME="); ok && home != "" {
			dirs = append(dirs, filepath.Join(home, ".token_handler"))
		}
	}
	return append(dirs, "/etc/token_handler")
}

// A value is one setting as it was given.
type value struct {
	text string
	// source is where: "OIDC_ISSUER", "--oidc-issuer", "token_handler:3"; "" for the default.
	source string
}

// Given are all settings, by the variables' names.
type Given map[string]value

func (g Given) text(name string) string { return g[name].text }

// problem is about one setting.
func (g Given) problem(name, hint, format string, args ...any) config.Problem {
	source := g[name].source
	if source == "" {
		source = name
	} else if !strings.Contains(source, name) {
		source += ": " + name
	}
	return config.Problem{Source: source, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Read reads every setting. The error is a [config.Problems].
func Read(s Sources) (Given, error) {
	g := Given{}
	var problems config.Problems
	for _, v := range variables {
		g[v.name] = value{text: v.byDefault}
	}
	if path, text := find(s.Dirs); path != "" {
		problems = append(problems, g.file(path, text)...)
	}
	for _, kv := range s.Env {
		name, text, _ := strings.Cut(kv, "=")
		if _, ok := g[name]; ok && text != "" {
			g[name] = value{text, name}
		}
	}
	for name, text := range s.Flags {
		g[name] = value{text, "--" + variable{name: name}.flag()}
	}
	if len(problems) > 0 {
		return g, problems
	}
	return g, nil
}

// find returns the first file token_handler.
func find(dirs []string) (path string, text []byte) {
	for _, dir := range dirs {
		for _, path := range []string{filepath.Join(dir, "token_handler"), filepath.Join(dir, "token_handler.env"), dir} {
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				continue
			}
			text, err := os.ReadFile(path)
			if err == nil {
				return path, text
			}
		}
	}
	return "", nil
}

// file reads KEY=value lines.
func (g Given) file(path string, text []byte) (problems config.Problems) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export "))
		if line == "" || line[0] == '#' {
			continue
		}
		at := path + ":" + strconv.Itoa(n)
		name, text, ok := strings.Cut(line, "=")
		name = strings.ToUpper(strings.TrimSpace(name))
		if _, known := g[name]; !ok || !known {
			err := problem.Unknown("setting", name, names()...)
			if !ok {
				err = errors.New("want KEY=value")
			}
			problems = append(problems, config.Problem{Source: at, Err: err, Hint: problem.HintOf(err)})
			continue
		}
		text, err := unquote(strings.TrimSpace(text))
		if err != nil {
			problems = append(problems, config.Problem{Source: at, Err: fmt.Errorf("%s: %w", name, err)})
			continue
		}
		if text != "" {
			g[name] = value{text, at}
		}
	}
	return problems
}

// unquote reads a value as dotenv files have it.
func unquote(text string) (string, error) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		text, _, _ = strings.Cut(text, " #")
		return strings.TrimSpace(text), nil
	}
	quote := text[:1]
	rest := text[1:]
	end := strings.LastIndex(rest, quote)
	if end < 0 || strings.Trim(rest[end+1:], " \t") != "" && !strings.HasPrefix(strings.TrimSpace(rest[end+1:]), "#") {
		return "", errors.New("a quote is missing")
	}
	if quote == "'" {
		return rest[:end], nil
	}
	return strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`).Replace(rest[:end]), nil
}

func names() (all []string) {
	for _, v := range variables {
		all = append(all, v.name)
	}
	return all
}
