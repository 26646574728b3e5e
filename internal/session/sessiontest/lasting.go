package sessiontest

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easgate/easgate/internal/session"
)

// patience is how long a store may be out of reach.
const patience = 60 * time.Second

// A user is a logged-in browser whose session is refreshed and loaded all the time.
type user struct {
	id session.ID
	// acknowledged is the newest version that a save returned; tried is the newest that one was called with.
	acknowledged, tried atomic.Int64
	expires             time.Time
}

// value is what version of u's session has: nobody else's, and no other version's.
func (u *user) value(version int64) string {
	return fmt.Sprintf("%x version %d %s", u.id[:], version, strings.Repeat("v", 1000))
}

// Lasting keeps users logged in at b while disturb takes the store away and brings it back, and checks that every
// session whose save was acknowledged is there throughout, in that version or the one that was being saved, that nobody
// gets another's or an older one, and that the store answers again afterwards. forgives says whether a session may be
// older than acknowledged, because the store said so; nil for never.
func (b Bench) Lasting(t *testing.T, disturb func(), forgives func(session.ID) bool) {
	t.Helper()
	if forgives == nil {
		forgives = func(session.ID) bool { return false }
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	users := make([]*user, 16)
	var wg sync.WaitGroup
	var over atomic.Bool
	var saved, failed, loaded, away atomic.Int64
	for i := range users {
		r := b.New("")
		u := &user{id: r.ID, expires: r.Expires.Add(24 * time.Hour)}
		users[i] = u
		if err := b.refresh(ctx, u); err != nil {
			t.Fatal(err)
		}
		// until calls do again and again. wrong is the error that must not be; others are the store's, while it is away.
		until := func(done, away *atomic.Int64, wrong error, do func(context.Context, *user) error) {
			for !over.Load() {
				err := do(ctx, u)
				if errors.Is(err, wrong) && !forgives(u.id) {
					t.Errorf("user %v: %v, version %d was acknowledged", u.id, err, u.acknowledged.Load())
					return
				}
				if err != nil {
					away.Add(1)
				} else {
					done.Add(1)
				}
			}
		}
		wg.Go(func() { until(&saved, &failed, session.ErrConflict, b.refresh) })
		wg.Go(func() { until(&loaded, &away, errLost, b.look) })
	}
	disturb()
	for _, u := range users { // until it answers again
		for version := u.acknowledged.Load(); u.acknowledged.Load() == version && ctx.Err() == nil && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	over.Store(true)
	wg.Wait()
	if ctx.Err() != nil {
		t.Fatalf("the store does not answer %v after it is back", patience)
	}
	for _, u := range users {
		if err := b.look(ctx, u); err != nil && !forgives(u.id) {
			t.Errorf("user %v: %v", u.id, err)
		}
	}
	t.Logf("%d loads and %d saves; %d and %d failed while the store was away",
		loaded.Load(), saved.Load(), away.Load(), failed.Load())
}

// refresh saves the next version of u's session. Where the answer to the last save was lost, it finds out what is
// there.
func (b Bench) refresh(ctx context.Context, u *user) error {
	version := u.acknowledged.Load()
	if u.tried.Load() > version {
		r, ok, err := b.Load(ctx, u.id)
		if err != nil {
			return err
		}
		if ok && r.Version >= version {
			version = r.Version
			u.acknowledged.Store(version)
		}
	}
	u.tried.Store(version + 1)
	r := session.Record{
		ID: u.id, Version: version, Value: u.value(version + 1), Created: u.expires, Expires: u.expires, Subject: "everybody",
	}
	got, err := b.Save(ctx, r)
	if err == nil {
		u.acknowledged.Store(got)
	}
	return err
}

var errLost = errors.New("not what was saved")

// look loads u's session.
func (b Bench) look(ctx context.Context, u *user) error {
	acknowledged := u.acknowledged.Load()
	r, ok, err := b.Load(ctx, u.id)
	switch {
	case err != nil:
		return err
	case !ok && acknowledged > 0:
		return fmt.Errorf("%w: gone, version %d was acknowledged", errLost, acknowledged)
	case ok && r.Version < acknowledged:
		return fmt.Errorf("%w: version %d, %d was acknowledged", errLost, r.Version, acknowledged)
	case ok && (r.ID != u.id || r.Value != u.value(r.Version)):
		return fmt.Errorf("%w: %.90q in version %d", errLost, r.Value, r.Version)
	}
	return nil
}

// Write saves and refreshes sessions for ever, and writes one line for each save that was acknowledged. It is what the
// process does that [Bench.Killed] ends.
func (b Bench) Write(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				r := b.New("")
				u := &user{id: r.ID, expires: r.Expires.Add(24 * time.Hour)}
				for range 3 {
					if err := b.refresh(context.Background(), u); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					fmt.Fprintf(os.Stdout, "acknowledged %x %d\n", u.id[:], u.acknowledged.Load())
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
}

// Killed starts this test's program again to run the test called writer, with that environment variable, which calls
// [Bench.Write]; kills it without warning, and checks that every save that it had an answer to is in b.
func (b Bench) Killed(t *testing.T, writer, variable string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+writer+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[session.ID]int64{}
	lines, n := bufio.NewScanner(out), 0
	for lines.Scan() {
		var text string
		var version int64
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %s %d", &text, &version); err != nil {
			continue
		}
		var id session.ID
		if _, err := hex.Decode(id[:], []byte(text)); err != nil {
			t.Fatal(err)
		}
		acknowledged[id] = version
		if n++; n == 300 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	if n < 300 {
		t.Fatalf("the writer ended after %d saves", n)
	}
	for id, version := range acknowledged {
		u := &user{id: id}
		u.acknowledged.Store(version)
		if err := b.look(t.Context(), u); err != nil {
			t.Errorf("session %v: %v", id, err)
		}
	}
	t.Logf("%d sessions, %d saves", len(acknowledged), n)
}
