package credential

import (
	"strings"
	"testing"
)

// Whatever their lengths, two credentials have two MACs, and one has the same each time.
func TestMAC(t *testing.T) {
	k := NewKey()
	seen := map[MAC]string{}
	for _, user := range []string{"", "a", "alice", strings.Repeat("x", 200)} {
		for _, password := range []string{"", "a", ":", "a:", "password", strings.Repeat("x", 1000)} {
			m := k.MAC(user, password)
			if other, taken := seen[m]; taken {
				t.Errorf("%s and %s:%s have the same MAC", other, user, password)
			}
			seen[m] = user + ":" + password
			if k.MAC(user, password) != m {
				t.Errorf("two MACs of %s:%s", user, password)
			}
		}
	}
}

// A MAC of one process, or of one plugin in it, tells another nothing.
func TestKeysDiffer(t *testing.T) {
	a, b := NewKey(), NewKey()
	if a.MAC("alice", "password") == b.MAC("alice", "password") {
		t.Error("two keys make the same MAC")
	}
}
