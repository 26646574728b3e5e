// Package watch tells when a file may have changed, so that keyrings, token stores and revocation lists are reloaded
// without a restart.
//
// It watches the file's directory, not the file: editors and configuration tools write a new file and rename it over
// the old one, and Kubernetes swaps the target of a symbolic link (..data) that the path leads through. Where the
// kernel gives no notice (network file systems, a directory that was replaced, no inotify watch left) a look at the
// file every few seconds finds the change all the same. What the content means, and whether it is any good, is the
// caller's business: it parses, and keeps what it had when that fails.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// A file is looked at once it was left alone for quiet, so that most writers are not caught half-way,
	// but after latest even if the writing goes on.
	quiet  = 50 * time.Millisecond
	latest = 500 * time.Millisecond
	// pollEvery bounds how late a change is seen that the kernel does not tell about.
	pollEvery = 5 * time.Second
)

// File calls changed after the content of the file at path may have changed, until ctx is done. It returns at once;
// changed is called from one goroutine, never twice at the same time, some 50 ms after the last of several writes.
//
// The file need not exist: its appearance is a change, and so is its removal. To miss nothing, call File first and
// read the file then. The error says that the directory of path is not there.
func File(ctx context.Context, path string, log *slog.Logger, changed func()) error {
	return file(ctx, path, log, changed, pollEvery)
}

func file(ctx context.Context, path string, log *slog.Logger, changed func(), every time.Duration) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if _, err := os.Stat(filepath.Dir(abs)); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("no notice of file changes: looking at the file from time to time", "path", path, "every", every, "error",
			err)
		notify = nil
	}
	w := watcher{path: abs, changed: changed, poll: every, notify: notify}
	w.follow()
	w.seen = look(abs)
	go w.run(ctx)
	return nil
}

type watcher struct {
	path    string
	changed func()
	poll    time.Duration
	notify  *fsnotify.Watcher // nil: polling alone
	seen    state
}

// follow watches the directory of the path, and that of the file which it leads to: an edit in place of a symbolic
// link's target is told there. Adding a directory again is how a replaced one is found; a failure leaves the polling.
func (w *watcher) follow() {
	if w.notify == nil {
		return
	}
	_ = w.notify.Add(filepath.Dir(w.path))
	if target, err := filepath.EvalSymlinks(w.path); err == nil && target != w.path {
		_ = w.notify.Add(filepath.Dir(target))
	}
}

func (w *watcher) run(ctx context.Context) {
	poll := time.NewTicker(w.poll)
	defer poll.Stop()
	settled := time.NewTimer(time.Hour)
	settled.Stop()
	defer settled.Stop()
	var events <-chan fsnotify.Event // silent when there is no notice
	var lost <-chan error
	if w.notify != nil {
		defer w.notify.Close()
		events, lost = w.notify.Events, w.notify.Errors
	}
	var since time.Time // of the first write that was not told yet; zero when all is told
	touched := func() {
		now := time.Now()
		if since.IsZero() {
			since = now
		}
		settled.Reset(min(quiet, latest-now.Sub(since)))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if w.concerns(e) {
				touched()
			}
		case <-lost: //nolint:errcheck // whatever it says, events may be missing
			touched()
		case <-poll.C:
			if !w.seen.same(look(w.path)) {
				touched()
			}
		case <-settled.C:
			since = time.Time{}
			w.seen = look(w.path) // before changed reads it: a later write is then another change
			w.follow()
			w.changed()
		}
	}
}

// concerns reports whether e may have changed the file: a neighbour's write matters only if it moved what the path
// leads to.
func (w *watcher) concerns(e fsnotify.Event) bool {
	return e.Name == w.path || !w.seen.same(look(w.path))
}

// state is what a look at a file shows without reading it. An unreadable file has the state of its error.
type state struct {
	target  string
	info    fs.FileInfo
	trouble string
}

// same reports whether nothing tells s and t apart. The identity of the file counts: two files written within one tick
// of the file system's clock (4 ms) agree in everything else.
func (s state) same(t state) bool {
	if s.info == nil || t.info == nil {
		return s.info == nil && t.info == nil && s.trouble == t.trouble
	}
	return s.target == t.target && os.SameFile(s.info, t.info) &&
		s.info.Size() == t.info.Size() && s.info.Mode() == t.info.Mode() && s.info.ModTime().Equal(t.info.ModTime())
}

func look(path string) state {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return state{trouble: cause(err)}
	}
	info, err := os.Stat(target)
	if err != nil {
		return state{trouble: cause(err)}
	}
	return state{target: target, info: info}
}

func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
