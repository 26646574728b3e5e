package ldap

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxRemembered bounds what all remembered logins of a plugin weigh, in bytes.
const maxRemembered = 16 << 20

// A cache remembers logins that succeeded, and only those: a stranger cannot fill it. The zero value remembers nothing.
type cache struct {
	ttl time.Duration
	now func() time.Time

	mu     sync.RWMutex
	logins map[mac]*login
	weight int
	// sweeper gives the memory of expired logins back; what counts as expired is decided by get.
	sweeper *time.Timer
}

// get returns the login of the credentials with the MAC m, or nil.
func (c *cache) get(m mac) *login {
	c.mu.RLock()
	l := c.logins[m]
	c.mu.RUnlock()
	if l == nil || !c.now().Before(l.until) {
		return nil
	}
	return l
}

// put remembers l. When there is no room, others are forgotten, whichever come first.
func (c *cache) put(m mac, l *login) {
	if c.ttl <= 0 || l.weight > maxRemembered/4 {
		return
	}
	l.until = c.now().Add(c.ttl)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(m)
	for other := range c.logins {
		if c.weight+l.weight <= maxRemembered {
			break
		}
		c.forget(other)
	}
	if c.logins == nil {
		c.logins = make(map[mac]*login)
	}
	c.logins[m] = l
	c.weight += l.weight
	if c.sweeper == nil {
		c.sweeper = time.AfterFunc(c.ttl, c.sweep)
	}
}

func (c *cache) forget(m mac) {
	if l, ok := c.logins[m]; ok {
		delete(c.logins, m)
		c.weight -= l.weight
	}
}

func (c *cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sweeper == nil {
		return
	}
	now := c.now()
	for m, l := range c.logins {
		if !now.Before(l.until) {
			c.forget(m)
		}
	}
	if len(c.logins) == 0 {
		// A map keeps the room that it once needed.
		c.logins, c.sweeper = nil, nil
		return
	}
	c.sweeper.Reset(c.ttl)
}

// clear forgets everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sweeper != nil {
		c.sweeper.Stop()
	}
	c.logins, c.weight, c.sweeper = nil, 0, nil
}

type mac [sha256.Size]byte

// A macKey is the two padded keys of HMAC-SHA256 (RFC 2104).
type macKey struct{ inner, outer [sha256.BlockSize]byte }

func newMACKey(key []byte) (k macKey) {
	copy(k.inner[:], key)
	copy(k.outer[:], key)
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// mac returns the HMAC-SHA256 of user and password, which a colon keeps apart: a user name has none. It does what
// crypto/hmac does in a third of the time and without its allocations.
func (k *macKey) mac(user, password string) mac {
	var stack [256]byte
	b := append(stack[:0], k.inner[:]...)
	b = append(b, user...)
	b = append(b, ':')
	b = append(b, password...)
	sum := sha256.Sum256(b)
	b = append(b[:0], k.outer[:]...)
	return sha256.Sum256(append(b, sum[:]...))
}
