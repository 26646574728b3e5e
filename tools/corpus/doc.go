// Package corpus replays what external-auth-server was asked and answered against another server, and compares.
//
// The recording is testdata/corpus/eas-corpus.json. Where easgate answers differently on purpose, differences.yaml
// beside it says so; the test in cmd/easgate fails when that list is wrong in either direction.
package corpus
