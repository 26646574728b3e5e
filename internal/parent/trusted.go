package parent

import (
	"fmt"
	"net/netip"
	"strings"
)

// Trusted is a list of networks whose hosts are believed to be proxies. The zero value trusts nobody.
type Trusted []netip.Prefix

var named = map[string][]string{
	"loopback": {"127.0.0.0/8", "::1/128"},
	// RFC 1918, RFC 4193, and the shared address space of RFC 6598, where some clouds put their balancers.
	"private": {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10"},
}

// DefaultTrusted trusts loopback and private addresses.
func DefaultTrusted() Trusted {
	t, err := ParseTrusted("loopback, private")
	if err != nil {
		panic(err) // the text above is wrong
	}
	return t
}

// ParseTrusted reads a list separated by commas or spaces of networks (10.0.0.0/8), addresses, and the names
// loopback and private. An empty list trusts nobody.
func ParseTrusted(text string) (Trusted, error) {
	var t Trusted
	for _, entry := range strings.FieldsFunc(text,
		func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		texts, ok := named[entry]
		if !ok {
			texts = []string{entry}
		}
		for _, text := range texts {
			p, err := parsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("trusted proxies: %q: %w", entry, err)
			}
			t = append(t, p)
		}
	}
	return t, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("want a network like 10.0.0.0/8, an address, loopback or private")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("want a network like 10.0.0.0/8, an address, loopback or private")
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("an IPv4 network is written without ::ffff: before it")
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("has bits set beyond its length: write %s, or %s for the one address", p.Masked(),
			p.Addr())
	}
	return p, nil
}

// Contains reports whether a, of either form if it is an IPv4 address, is in one of the networks.
func (t Trusted) Contains(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range t {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ClientIP returns the client's address as far as trusted proxies vouch for it: the peer's, if the peer is no
// trusted proxy; else the rightmost entry of X-Forwarded-For that is none; if all are trusted, the rightmost, which
// the nearest proxy wrote. It is invalid, for unknown, without that header or when an entry that decides is no
// address: never the proxy's own, or every client behind a private proxy would be a private client. An invalid peer
// is one without an address whose requests are believed, at a unix socket.
func ClientIP(peer netip.Addr, xff []string, trusted Trusted) netip.Addr {
	peer = peer.Unmap().WithZone("")
	if peer.IsValid() && !trusted.Contains(peer) {
		return peer
	}
	var nearest netip.Addr
	for i := len(xff) - 1; i >= 0; i-- {
		for list, more := xff[i], true; more; {
			entry := list
			c := strings.LastIndexByte(list, ',')
			if more = c >= 0; more {
				list, entry = list[:c], list[c+1:]
			}
			entry = strings.Trim(entry, " \t")
			if entry == "" {
				continue
			}
			a, ok := parseHop(entry)
			if !ok {
				return netip.Addr{}
			}
			if !trusted.Contains(a) {
				return a
			}
			if !nearest.IsValid() {
				nearest = a
			}
		}
	}
	return nearest
}

// parseHop reads an address with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}
