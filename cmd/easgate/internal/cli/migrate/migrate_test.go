package migrate

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
	"github.com/easgate/easgate/internal/credential"
	"github.com/easgate/easgate/internal/pipeline"
	engines "github.com/easgate/easgate/internal/query/builtin"
	"github.com/easgate/easgate/plugins"
	"github.com/easgate/easgate/plugins/builtin"
)

func TestReadEnvFile(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		quoted   []string
		err      string
	}{
		{"plain", "A=1\nB=two words\n", []string{"A=1", "B=two words"}, nil, ""},
		{"comments and space", "# c\n; c\n\n  A=1\r\n", []string{"A=1"}, nil, ""},
		{"a # inside is no comment", "A=x#y\n", []string{"A=x#y"}, nil, ""},
		{"export, as shells write it", "export A=1\n", []string{"A=1"}, nil, ""},
		{"JSON needs no quotes", `A={"a":"b"}`, []string{`A={"a":"b"}`}, nil, ""},
		{"single quotes", `A='["x"]'`, []string{`A=["x"]`}, []string{"A"}, ""},
		{"double quotes with escapes", `A="a\"b\\"`, []string{`A=a"b\`}, []string{"A"}, ""},
		{"several lines", "A='one\ntwo'\nB=3", []string{"A=one\ntwo", "B=3"}, []string{"A"}, ""},
		{"a name alone is Docker's: the caller's variable", "A\nB=1", []string{"B=1"}, nil, ""},
		{"an empty value", "A=\n", []string{"A="}, nil, ""},
		{"quotes that do not end", "A='x\n", nil, nil, ":1: the quotes do not end"},
		{"no name", "=x\n", nil, nil, ":1: want NAME=value"},
		{"a sentence", "this is not = a file\n", nil, nil, ":1: want NAME=value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "env")
			if err := os.WriteFile(file, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			env, quoted, err := readEnvFile(new(cli.CLI), file)
			if tt.err != "" {
				if err == nil || !strings.HasSuffix(err.Error(), tt.err) {
					t.Fatalf("readEnvFile(%q) = %v, want %s", tt.in, err, tt.err)
				}
				return
			}
			if err != nil || !slices.Equal(env, tt.want) || !slices.Equal(quoted, tt.quoted) {
				t.Errorf("readEnvFile(%q) = %q, %q, %v, want %q, %q", tt.in, env, quoted, err, tt.want, tt.quoted)
			}
		})
	}
}

func TestScan(t *testing.T) {
	token := strings.Repeat("aB3_-xyz", 20)
	jwe := "eyJhbGciOiJkaXIifQ..abcdefghijklmnop.qrstuvwxyz.0123456789"
	tests := []struct {
		name, in string
		want     []string
	}{
		{"nginx", `proxy_pass "http://eas/verify?redirect_http_code=401&config_token=` + token + `&fallback_plugin=1";`, []string{token}},
		{"Traefik", "address: http://eas/verify?config_token=" + token, []string{token}},
		{"ingress annotation", `auth-url: "http://eas/verify?config_token=` + token + `"`, []string{token}},
		{"percent-encoded", "config_token=" + token + "%2B%3D", []string{token + "+="}},
		{"a broken escape stays", "config_token=" + token + "%zz", []string{token + "%zz"}},
		{"two in a line", "config_token=" + token + "1 config_token=" + token + "2", []string{token + "1", token + "2"}},
		{"variables and placeholders", "config_token=$token config_token=REPLACE_ME config_token={{ .Values.token }}", nil},
		{"a pointer by parameters is no token", "/verify?config_token_id=grafana&config_token_store_id=main", nil},
		{"one a line", token + "\n" + jwe + "\n", []string{token, jwe}},
		{"in JSON", `{"a": "` + token + `=="}`, []string{token + "=="}},
		{"words", "There is no config token in this text, which is a little longer than one would be.", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range scan("f", tt.in) {
				got = append(got, c.text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("scan(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// Every recorded token is judged, broken ones too, and what is said repeats no secret of it.
func TestJudgeRecorded(t *testing.T) {
	text, err := os.ReadFile("../../../../../testdata/corpus/eas-corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var recording struct {
		Cases []struct {
			ID    string
			Plain json.RawMessage `json:"config_token_plain"`
		}
	}
	if err := json.Unmarshal(text, &recording); err != nil {
		t.Fatal(err)
	}
	languages, _, done := engines.Engines(engines.Options{AllowEval: true})
	defer done()
	j := judge{cfg: &config.Config{}, compiler: &pipeline.Compiler{
		Plugins: builtin.Registry(),
		Env: plugins.Env{
			Log: slog.New(slog.DiscardHandler), Now: time.Now, HTTP: http.DefaultClient, Query: languages,
			Hashing: credential.NewProcessors(1),
		},
	}}
	sealable := 0
	for _, c := range recording.Cases {
		if len(c.Plain) == 0 || c.Plain[0] != '{' {
			continue
		}
		var m migratedToken
		if j.token(&m, &configtoken.Token{Format: configtoken.EAS, Claims: c.Plain}) {
			sealable++
		}
		said, err := json.Marshal(m.Findings)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secretsOf(c.Plain) {
			if strings.Contains(string(said), secret) {
				t.Errorf("%s: a secret in %s", c.ID, said)
			}
		}
	}
	if sealable < 100 {
		t.Errorf("%d of the recorded tokens can be sealed natively, want hundreds", sealable)
	}
}

// secretsOf are the texts of members that hold secrets, and parts of them.
func secretsOf(raw json.RawMessage) (list []string) {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) == nil {
		for name, v := range o {
			var s string
			if json.Unmarshal(v, &s) == nil && slices.Contains([]string{"htpasswd", "secret", "bindCredentials", "api_key"}, name) {
				for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '\n' }) {
					if len(part) >= 10 && !strings.HasPrefix(part, "//") {
						list = append(list, part)
					}
				}
			}
			var presented map[string]string
			if (name == "headers" || name == "params") && json.Unmarshal(v, &presented) == nil {
				for _, text := range presented {
					if len(text) >= 6 && text != "undefined" {
						list = append(list, text)
					}
				}
			}
			list = append(list, secretsOf(v)...)
		}
		return list
	}
	var a []json.RawMessage
	if json.Unmarshal(raw, &a) == nil {
		for _, v := range a {
			list = append(list, secretsOf(v)...)
		}
	}
	return list
}
