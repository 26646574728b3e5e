// Package tokenhandler lets easgate stand in for go-token-handler: the commands "token-handler serve" and "import
// token-handler". It reads that program's flags, variables and files, and translates them: into settings of easgate,
// config tokens with the oidc plugin, and mounts. The server that then runs is the usual one.
//
//	given, err := Read(Sources{Env: os.Environ(), Dirs: Dirs(os.Environ())})
//	t, err := Translate(given)
//	cfg, warnings, err := t.Config(os.Environ())
//
// What go-token-handler does otherwise is not imitated here: it is an option of the plugin or the mount that does it,
// or a difference that docs/migrating-from-go-token-handler.md names.
package tokenhandler
