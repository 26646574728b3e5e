package ldap

import (
	"sync"
	"time"

	"github.com/easgate/easgate/internal/credential"
)

// maxRemembered bounds what all remembered logins of a plugin weigh, in bytes.
const maxRemembered = 16 << 20

// A cache remembers logins that succeeded, and only those: a stranger cannot fill it. The zero value remembers nothing.
type cache struct {
	ttl time.Duration
	now func() time.Time

	mu     sync.RWMutex
	logins map[credential.MAC]*login
	weight int
	// sweeper gives the memory of expired logins back; what counts as expired is decided by get.
	sweeper *time.Timer
}

// get returns the login of the credentials with the MAC m, or nil.
func (c *cache) get(m credential.MAC) *login {
	c.mu.RLock()
	l := c.logins[m]
	c.mu.RUnlock()
	if l == nil || !c.now().Before(l.until) {
		return nil
	}
	return l
}

// put remembers l. When there is no room, others are forgotten, whichever come first.
func (c *cache) put(m credential.MAC, l *login) {
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
		c.logins = make(map[credential.MAC]*login)
	}
	c.logins[m] = l
	c.weight += l.weight
	if c.sweeper == nil {
		c.sweeper = time.AfterFunc(c.ttl, c.sweep)
	}
}

func (c *cache) forget(m credential.MAC) {
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
