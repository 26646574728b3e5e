package ldap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// A fake is a directory in this process. It knows passwords by DN and search results by filter, and notes what it is
// asked on which connection. Set its fields before its first connection.
type fake struct {
	url       string
	passwords map[string]string
	entries   map[string][]*ldap.Entry
	// codes are results of searches other than success, by filter.
	codes map[string]uint16
	// bindCodes are results of binds, by DN.
	bindCodes map[string]uint16
	// messages are the diagnostic messages of refused binds, by DN.
	messages map[string]string
	// references says that searches also find references to other servers, as at the root of an Active Directory.
	references bool
	// gate is received from before a bind of a user is answered, if it is not nil.
	gate chan struct{}
	// deaf servers take connections and answer nothing.
	deaf bool

	listener net.Listener
	mu       sync.Mutex
	asked    []string
	conns    map[net.Conn]bool
	opened   int
	all      sync.WaitGroup
}

const (
	serviceDN = "cn=service,dc=test"
	aliceDN   = "uid=alice,ou=people,dc=test"
)

// entry is an LDAP entry; attributes are "name", "value" pairs, in order.
func entry(dn string, attributes ...string) *ldap.Entry {
	e := &ldap.Entry{DN: dn}
	for i := 0; i < len(attributes); i += 2 {
		name, value := attributes[i], attributes[i+1]
		j := slices.IndexFunc(e.Attributes, func(a *ldap.EntryAttribute) bool { return a.Name == name })
		if j < 0 {
			j = len(e.Attributes)
			e.Attributes = append(e.Attributes, &ldap.EntryAttribute{Name: name})
		}
		e.Attributes[j].Values = append(e.Attributes[j].Values, value)
	}
	return e
}

// prepare gives f a service account, and alice with the password "wonderland".
func (f *fake) prepare() {
	f.conns = map[net.Conn]bool{}
	if f.passwords == nil {
		f.passwords = map[string]string{}
	}
	f.passwords[serviceDN] = "t0ps3cret"
	f.passwords[aliceDN] = "wonderland"
	if f.entries == nil {
		f.entries = map[string][]*ldap.Entry{}
	}
	f.entries["(uid=alice)"] = []*ldap.Entry{entry(aliceDN, "uid", "alice", "mail", "a@test", "mail", "alice@test")}
}

// serve starts f on a port of its own.
func serve(t testing.TB, f *fake) *fake {
	t.Helper()
	f.prepare()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.listener, f.url = listener, "ldap://"+listener.Addr().String()
	f.all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			f.accept(c)
		}
	})
	t.Cleanup(func() {
		f.stop()
		f.all.Wait()
	})
	return f
}

// inBubble starts f inside a synctest bubble, where a plugin built by [buildInBubble] reaches it through pipes.
func inBubble(f *fake) *fake {
	f.prepare()
	f.url = "ldap://fake.test"
	return f
}

// dial takes the place of a plugin's dialer.
func (f *fake) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	f.accept(theirs)
	return ours, nil
}

func (f *fake) accept(c net.Conn) {
	f.mu.Lock()
	f.opened++
	n := f.opened
	f.conns[c] = true
	f.mu.Unlock()
	f.all.Go(func() {
		f.talk(n, c)
		_ = c.Close()
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
	})
}

// stop takes no more connections and cuts those that there are.
func (f *fake) stop() {
	_ = f.listener.Close()
	f.cut()
}

func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

func (f *fake) note(n int, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf("%d ", n)+fmt.Sprintf(format, args...))
}

// log returns what was asked since the last call, each line with the number of its connection.
func (f *fake) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.asked = nil }()
	return f.asked
}

// binds returns the DNs of the binds since the last call of it or log, but for those of the service account.
func (f *fake) binds() (dns []string) {
	for _, line := range f.log() {
		if _, dn, ok := strings.Cut(line, " bind "); ok && dn != serviceDN {
			dns = append(dns, dn)
		}
	}
	return dns
}

func (f *fake) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

// dialed is how many connections there were.
func (f *fake) dialed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

func (f *fake) talk(n int, c net.Conn) {
	r := bufio.NewReader(c)
	if f.deaf {
		_, _ = io.Copy(io.Discard, r)
		return
	}
	for {
		p, err := ber.ReadPacket(r)
		if err != nil {
			return
		}
		id, op := p.Children[0].Value.(int64), p.Children[1]
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			dn, password := op.Children[1].Value.(string), op.Children[2].Data.String()
			f.note(n, "bind %s", dn)
			if dn != serviceDN && f.gate != nil {
				<-f.gate
			}
			code, ok := f.bindCodes[dn]
			if want, known := f.passwords[dn]; !ok && (!known || want != password) {
				code = ldap.LDAPResultInvalidCredentials
			}
			if password == "" {
				// A directory that takes unauthenticated binds, as many do.
				code = 0
			}
			err = send(c, id, ldap.ApplicationBindResponse, code, f.messages[dn])
		case ldap.ApplicationSearchRequest:
			filter, _ := ldap.DecompileFilter(op.Children[6])
			f.note(n, "search %s %s", op.Children[0].Value, filter)
			for _, e := range f.entries[filter] {
				err = errors.Join(err, sendEntry(c, id, e))
			}
			if f.references {
				op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
				op.AppendChild(octets("ldap://ForestDnsZones.test/DC=ForestDnsZones,DC=test"))
				err = errors.Join(err, sendOp(c, id, op))
			}
			err = errors.Join(err, send(c, id, ldap.ApplicationSearchResultDone, f.codes[filter], ""))
		case ldap.ApplicationExtendedRequest:
			f.note(n, "extended")
			err = send(c, id, ldap.ApplicationExtendedResponse, ldap.LDAPResultUnwillingToPerform, "")
		case ldap.ApplicationUnbindRequest:
			f.note(n, "unbind")
			return
		}
		if err != nil {
			return
		}
	}
}

func send(c net.Conn, id int64, tag ber.Tag, code uint16, message string) error {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	op.AppendChild(octets(""))
	op.AppendChild(octets(message))
	return sendOp(c, id, op)
}

func sendEntry(c net.Conn, id int64, e *ldap.Entry) error {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(octets(e.DN))
	list := ber.NewSequence("")
	for _, a := range e.Attributes {
		attribute := ber.NewSequence("")
		attribute.AppendChild(octets(a.Name))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.Values {
			values.AppendChild(octets(v))
		}
		attribute.AppendChild(values)
		list.AppendChild(attribute)
	}
	op.AppendChild(list)
	return sendOp(c, id, op)
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func sendOp(c net.Conn, id int64, op *ber.Packet) error {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	_, err := c.Write(p.Bytes())
	return err
}
