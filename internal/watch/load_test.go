package watch

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A reading that began earlier and takes longer must not undo a later one: a revocation would be lost (ATTACKS 80).
// The old file is a pipe, so that the test decides when its reading ends.
func TestLoaderSlowOldFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := syscall.Mkfifo(dir+"/old", 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, "old", path)
	var l Loader
	stored := make(chan string, 2)
	load := func(done chan<- error) {
		done <- l.Load(func(contents [][]byte, err error) error {
			if err == nil {
				stored <- string(contents[0])
			}
			return err
		}, path)
	}
	slow, fast := make(chan error, 1), make(chan error, 1)
	go load(slow)
	pipe, err := os.OpenFile(dir+"/old", os.O_WRONLY, 0) // returns once the slow one reads
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/new", "new")
	link(t, "new", dir+"/next")
	rename(t, dir+"/next", path)
	go load(fast)
	select {
	case err := <-fast:
		t.Fatalf("a second Load ended (%v) while the first was reading", err)
	case <-time.After(50 * time.Millisecond): // long enough for one that does not wait
	}
	if _, err := pipe.WriteString("old"); err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := <-stored; got != "new" {
			t.Errorf("Load stored %q, want what the path holds now", got)
		}
	}
	for _, done := range []chan error{slow, fast} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Process substitution and /dev/stdin are files that can be read once.
func TestReadPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(path, []byte("text"), 0o600) }()
	contents, err := Read(path)
	if err != nil || string(contents[0]) != "text" {
		t.Errorf("Read of a pipe = %q, %v, want its text", contents, err)
	}
}

func TestReadMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "text")
	if _, err := Read(path, path+".missing"); !os.IsNotExist(err) {
		t.Errorf("Read with a missing file = %v, want that it does not exist", err)
	}
}
