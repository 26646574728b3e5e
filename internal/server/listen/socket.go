package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Sockets says how unix sockets are made.
type Sockets struct {
	// Mode is the permission of a socket's file; 0 means 0660. GID is its group, -1 the process's own.
	Mode fs.FileMode
	GID  int
}

// A socket is a listener on a unix socket, whose file it removes at its end.
type socket struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// listenUnix makes the socket under another name first, so that nobody finds it without its mode and group.
func listenUnix(path string, how Sockets) (net.Listener, error) {
	if !strings.HasPrefix(path, "/") { // abstract names have no permissions
		return nil, errors.New("want an absolute path")
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// Whatever the process's umask: until it has its group and mode, the socket is its owner's alone.
	umask := syscall.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	syscall.Umask(umask)
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	s := socket{UnixListener: l, path: path}
	mode := how.Mode
	if mode == 0 {
		mode = 0o660
	}
	if how.GID >= 0 {
		err = os.Lchown(fresh, -1, how.GID)
	}
	if err == nil {
		err = os.Chmod(fresh, mode)
	}
	if err == nil {
		s.file, err = os.Lstat(fresh)
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		_ = l.Close()
		_ = os.Remove(fresh)
		return nil, err
	}
	return s, nil
}

// removeStale removes a socket on which nobody answers any more. Everything else stays, and is an error.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is no socket")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = c.Close()
		return syscall.EADDRINUSE
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fmt.Errorf("is somebody there? %w", err)
}

// Addr implements [net.Listener].
func (s socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close implements [net.Listener]. A socket that somebody else put in its place stays.
func (s socket) Close() error {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		_ = os.Remove(s.path)
	}
	return s.UnixListener.Close()
}
