package watch

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// start watches path and returns what changed read, one string per call.
func start(t *testing.T, path string, poll time.Duration) <-chan string {
	t.Helper()
	got := make(chan string, 100)
	err := file(t.Context(), path, silent, func() {
		b, err := os.ReadFile(path)
		if err != nil {
			b = []byte("unreadable")
		}
		got <- string(b)
	}, poll)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// await fails unless changed reads want in the end. Intermediate states may be told or not.
func await(t *testing.T, got <-chan string, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	last := "nothing"
	for {
		select {
		case last = <-got:
			if last == want {
				return
			}
		case <-ctx.Done():
			t.Fatalf("changed read %q last, want %q", last, want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	cases := []struct {
		name   string
		before func(t *testing.T, dir string)
		change func(t *testing.T, dir string)
		want   string
	}{
		{
			name:   "written in place",
			before: func(t *testing.T, dir string) { write(t, dir+"/f", "old") },
			change: func(t *testing.T, dir string) { write(t, dir+"/f", "new") },
			want:   "new",
		},
		{
			name:   "another file renamed over it, as editors do",
			before: func(t *testing.T, dir string) { write(t, dir+"/f", "old") },
			change: func(t *testing.T, dir string) { write(t, dir+"/f~", "new"); rename(t, dir+"/f~", dir+"/f") },
			want:   "new",
		},
		{
			name:   "it appears",
			before: func(*testing.T, string) {},
			change: func(t *testing.T, dir string) { write(t, dir+"/f", "new") },
			want:   "new",
		},
		{
			name:   "it goes",
			before: func(t *testing.T, dir string) { write(t, dir+"/f", "old") },
			change: func(t *testing.T, dir string) {
				if err := os.Remove(dir + "/f"); err != nil {
					t.Fatal(err)
				}
			},
			want: "unreadable",
		},
		{
			name: "kubernetes swaps ..data",
			before: func(t *testing.T, dir string) {
				for _, v := range []string{"old", "new"} {
					if err := os.Mkdir(dir+"/.."+v, 0o700); err != nil {
						t.Fatal(err)
					}
					write(t, dir+"/.."+v+"/f", v)
				}
				link(t, "..old", dir+"/..data")
				link(t, "..data/f", dir+"/f")
			},
			change: func(t *testing.T, dir string) {
				link(t, "..new", dir+"/..data_tmp")
				rename(t, dir+"/..data_tmp", dir+"/..data")
			},
			want: "new",
		},
		{
			name: "the target of a symbolic link is written in its own directory",
			before: func(t *testing.T, dir string) {
				if err := os.Mkdir(dir+"/elsewhere", 0o700); err != nil {
					t.Fatal(err)
				}
				write(t, dir+"/elsewhere/f", "old")
				link(t, "elsewhere/f", dir+"/f")
			},
			change: func(t *testing.T, dir string) { write(t, dir+"/elsewhere/f", "new!") },
			want:   "new!",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.before(t, dir)
			got := start(t, dir+"/f", time.Hour) // the kernel's notice alone
			c.change(t, dir)
			await(t, got, c.want)
		})
	}
}

// A directory that was replaced takes its inotify watch with it: only a look finds the new one,
// and from then on the kernel tells again.
func TestFileDirectoryReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, d := range []string{"/conf", "/next"} {
		if err := os.Mkdir(dir+d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/conf/f", "old")
	write(t, dir+"/next/f", "new")
	got := start(t, dir+"/conf/f", 20*time.Millisecond)
	rename(t, dir+"/conf", dir+"/gone")
	rename(t, dir+"/next", dir+"/conf")
	await(t, got, "new")
	write(t, dir+"/conf/f", "newer")
	await(t, got, "newer")
}

// Where the kernel gives no notice at all, such as on NFS or when its watches are used up.
func TestFilePolled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	got := make(chan string, 100)
	w := watcher{path: path, poll: 20 * time.Millisecond, seen: look(path), changed: func() {
		b, _ := os.ReadFile(path)
		got <- string(b)
	}}
	go w.run(t.Context())
	write(t, path, "newer")
	await(t, got, "newer")
}

// A store file may lie beside a busy database: its writes are no reason to read the file again.
func TestConcerns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/old", "old")
	write(t, dir+"/new", "new")
	link(t, "old", dir+"/data")
	link(t, "data", dir+"/f")
	w := watcher{path: dir + "/f", seen: look(dir + "/f")}
	event := func(name string) fsnotify.Event { return fsnotify.Event{Name: dir + name, Op: fsnotify.Write} }
	if w.concerns(event("/neighbour")) {
		t.Error("a neighbour's write concerns the file")
	}
	if !w.concerns(event("/f")) {
		t.Error("a write to the path does not concern the file")
	}
	link(t, "new", dir+"/data2")
	rename(t, dir+"/data2", dir+"/data")
	if !w.concerns(event("/data")) {
		t.Error("a neighbour that leads the path elsewhere does not concern the file")
	}
}

func TestFileNoDirectory(t *testing.T) {
	t.Parallel()
	err := File(t.Context(), filepath.Join(t.TempDir(), "missing", "f"), silent, func() {})
	if err == nil {
		t.Error("File in a missing directory = nil, want an error")
	}
}

// A writer that never pauses must not keep a change from being seen.
func TestFileBusyWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	got := start(t, path, time.Hour)
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(quiet / 5)
	defer tick.Stop()
	for {
		select {
		case <-got:
			return
		case <-tick.C:
			write(t, path, "new")
		case <-deadline:
			t.Fatal("changed was not called while the file was being written")
		}
	}
}

func TestFileEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	w := watcher{path: dir + "/f", changed: func() { t.Error("changed was called after the end") }, poll: time.Hour, notify: notify}
	cancel()
	w.run(ctx) // returns, or the test hangs
	if err := w.notify.Add(dir); err == nil {
		t.Error("the kernel's watch outlives run")
	}
}
