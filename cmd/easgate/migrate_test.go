package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

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
