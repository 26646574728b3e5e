//go:build integration

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/easgate/easgate/cmd/easgate/internal/cli"
	"github.com/easgate/easgate/tools/corpus"
)

// What external-auth-server answered, easgate answers, but for what differences.yaml lists.
func TestCorpus(t *testing.T) {
	const folder = "../../testdata/corpus/"
	recording, err := corpus.Load(folder + "eas-corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	differences, err := corpus.LoadDifferences(folder + "differences.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stop, err := recording.StartUpstream()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var log bytes.Buffer
	replay := corpus.Replay{
		Corpus: recording,
		Dir:    t.TempDir(),
		Serve: func(ctx context.Context, env []string) error {
			c := &cli.CLI{In: strings.NewReader(""), Out: io.Discard, Err: &log, Now: time.Now}
			c.Env = append(env, "EAS_PROXY_PROFILE=eas", "EAS_ADMIN_ADDR=off")
			if status := run(ctx, c, []string{"serve"}); status != 0 {
				return fmt.Errorf("exit code %d", status)
			}
			return nil
		},
	}
	results, err := replay.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	t.Log("\n" + corpus.Summary(results))
	for _, w := range corpus.Check(results, differences) {
		t.Error(w)
	}

	// The people who move from EAS read these reasons, not the list.
	guide, err := os.ReadFile("../../docs/migrating-from-eas.md")
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(string(guide)), " ")
	for _, d := range differences {
		if !strings.Contains(said, strings.Join(strings.Fields(d.Reason), " ")) {
			t.Errorf("docs/migrating-from-eas.md does not say: %s", d.Reason)
		}
	}
}
