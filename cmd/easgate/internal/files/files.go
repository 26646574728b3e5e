// Package files writes files that hold keys: readable by their owner alone, whole or not at all.
package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/easgate/easgate/internal/problem"
)

// Private is the mode of files that hold keys.
const Private = 0o600

// Create writes text to a new file at path, readable by its owner alone. The whole file appears at once, and none is
// overwritten.
func Create(path string, text []byte) error {
	tmp, err := tempFile(path, text)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	// A link, unlike a rename, fails when the name is taken.
	if err := os.Link(tmp, path); errors.Is(err, os.ErrExist) {
		return problem.Hint(fmt.Errorf("%s exists", path),
			"easgate never overwrites keys: choose another name, or remove the file yourself")
	} else if err != nil {
		return createInPlace(path, text)
	}
	return syncDir(path)
}

// createInPlace is for file systems without hard links.
func createInPlace(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, Private)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Replace replaces the file at path, which exists, in one step: a reader sees the old text or the new one, under the
// same owner, group and mode. Where these cannot be kept, nothing is replaced: the service could not read it any more.
func Replace(path string, text []byte) error {
	// A symbolic link stays one; what it leads to is replaced.
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := tempFile(path, text)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(tmp, int(s.Uid), int(s.Gid)); err != nil {
			err = fmt.Errorf("%s: its owner %d:%d cannot be kept: %w", path, s.Uid, s.Gid, errors.Unwrap(err))
			return problem.Hint(err, "run this as the owner of the file, or as root")
		}
	}
	if err := os.Chmod(tmp, info.Mode().Perm()); err != nil { // after Chown, which may change the mode
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(path)
}

// tempFile writes text to a new file beside path and returns its name.
func tempFile(path string, text []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name()) // err is what went wrong first
		}
	}()
	if _, err = f.Write(text); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

// syncDir makes a new name last through a power cut.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = d.Sync() // some file systems have no such thing
	return d.Close()
}
