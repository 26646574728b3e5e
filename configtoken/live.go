package configtoken

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/easgate/easgate/internal/watch"
)

// Live is a keyring that can be replaced while others read it. It is safe for concurrent use.
type Live struct {
	ring atomic.Pointer[Keyring]

	file    watch.Loader
	swap    sync.Mutex // one Swap at a time, so that the hooks see changes in order
	changed []func()
}

// NewLive returns a Live that holds k.
func NewLive(k *Keyring) *Live {
	l := new(Live)
	l.ring.Store(k)
	return l
}

// Keyring returns the keyring in use.
func (l *Live) Keyring() *Keyring { return l.ring.Load() }

// OnChange has f called after each change of the keyring, before the Swap or Load that made it returns.
// What was opened with the keyring before may not open now, and the other way round: f drops it.
// An Open under way meanwhile may still end with what the old keyring said.
func (l *Live) OnChange(f func()) {
	l.swap.Lock()
	defer l.swap.Unlock()
	l.changed = append(l.changed, f)
}

// Swap replaces the keyring and reports whether k differs from the one before.
func (l *Live) Swap(k *Keyring) bool {
	l.swap.Lock()
	defer l.swap.Unlock()
	if l.ring.Swap(k).equal(k) {
		return false
	}
	for _, f := range l.changed {
		f()
	}
	return true
}

// Load replaces the keyring by the one in the file at path (see [ParseKeyring]) and reports whether it differs.
// On an error the keyring in use stays. It is what SIGHUP and a change of the file call.
func (l *Live) Load(path string) (changed bool, err error) {
	err = l.file.Load(func(contents [][]byte, err error) error {
		k, err := parseKeyringFile(path, contents, err)
		if err == nil {
			changed = l.Swap(k)
		}
		return err
	}, path)
	return changed, err
}

// LoadKeyring reads the keyring in the file at path.
func LoadKeyring(path string) (*Keyring, error) {
	contents, err := watch.Read(path)
	return parseKeyringFile(path, contents, err)
}

// parseKeyringFile reads what [watch.Read] returned.
func parseKeyringFile(path string, contents [][]byte, err error) (*Keyring, error) {
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	k, err := ParseKeyring(contents[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}
