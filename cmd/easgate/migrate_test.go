package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/easgate/easgate/cmd/easgate/internal/config"
	"github.com/easgate/easgate/configtoken"
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
			env, quoted, err := testCLI().readEnvFile(file)
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
	text, err := os.ReadFile("../../testdata/corpus/eas-corpus.json")
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
	compiler, _, done := compiler(&config.Config{AllowEval: true, VerifyTimeout: time.Second}, slog.New(slog.DiscardHandler), time.Now)
	defer done()
	j := judge{&config.Config{}, compiler}
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

// The commands that docs/migrating-from-eas.md shows are run in its order, with two services to compare.
func TestMigrationGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/migrating-from-eas.md")
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=foo", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=bar"}
	eas, easgate := start(t, append(secrets, "EAS_PROXY_PROFILE=eas")...), start(t, append(secrets, "EAS_PROXY_PROFILE=eas")...)
	var steps strings.Builder
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllSubmatch(text, -1) {
		steps.Write(m[1])
	}
	script := `exec sh -eu prepare.sh
exec sh -eu steps.sh
stdout 'unsafe   EAS_CONFIG_TOKEN_SIGN_SECRET: 3 bytes'
stdout '^1 requests: 1 the same'
stdout '^1 config tokens, 1 open, 1 sealed natively into tokens.jsonl$'
grep '^EAS_PROXY_PROFILE=nginx$' native.env
grep '^EAS_KEYRING_FILE=keyring.json$' native.env
! grep SECRET native.env
-- eas.env --
` + strings.Join(secrets, "\n") + `
-- token.yaml --
jti: guide
eas: {plugins: [{type: request_header, headers: {X-Api-Key: 0123456789abcdef}}]}
-- prepare.sh --
T=$(set -a; . ./eas.env; easgate token seal token.yaml)
echo "proxy_pass http://eas:8080/verify?config_token=$T;" > nginx.conf
echo '{"path_and_query": "/verify?config_token='$T'", "headers": {"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.com", "X-Forwarded-Uri": "/a", "X-Api-Key": "0123456789abcdef"}}' > recorded.jsonl
-- steps.sh --
# Exit code 3 has something to say, and is no failure.
easgate() { command easgate "$@" || test $? = 3; }
` + strings.NewReplacer("http://eas:8080", eas.url, "http://easgate:8080", easgate.url).Replace(steps.String())
	file := filepath.Join(t.TempDir(), "guide.txtar")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: []string{file}})
}
