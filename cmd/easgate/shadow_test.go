package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Two services, one strict and one in external-auth-server's way, as an operator compares them.
func TestShadowScript(t *testing.T) {
	secrets := []string{"EAS_CONFIG_TOKEN_SIGN_SECRET=0123456789abcdef0123456789abcdef", "EAS_CONFIG_TOKEN_ENCRYPT_SECRET=fedcba9876543210fedcba9876543210"}
	eas := start(t, append(secrets, "EAS_PROXY_PROFILE=eas")...)
	easgate := start(t, append(secrets, "EAS_PROXY_PROFILE=nginx")...)
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/shadow",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"mode": mode, "exits": exits},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, append(secrets, "EAS="+eas.url, "EASGATE="+easgate.url)...)
			return nil
		},
	})
}
