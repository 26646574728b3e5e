package listen

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestListenUnix(t *testing.T) {
	dir := t.TempDir()
	how := Sockets{GID: -1}
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if _, err := listenUnix(stale, how); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket that somebody answers on: %v, want it in use", err)
	}
	_ = l.Close()
	first, err := listenUnix(stale, how)
	if err != nil {
		t.Fatalf("a stale socket: %v, want it replaced", err)
	}
	// Somebody who removes the file and starts anew keeps the new socket when the old one ends.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	second, err := listenUnix(stale, how)
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	if _, err := os.Lstat(stale); err != nil {
		t.Errorf("the successor's socket: %v", err)
	}
	_ = second.Close()

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, "@abstract", "\x00abstract", "relative", filepath.Join(dir, "no", "folder"), "/" + strings.Repeat("x", 200)} {
		if l, err := listenUnix(path, how); err == nil {
			_ = l.Close()
			t.Errorf("listenUnix(%q) listens, want an error", path)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "x" {
		t.Errorf("the file in the way: %q, %v, want it kept", text, err)
	}
}
