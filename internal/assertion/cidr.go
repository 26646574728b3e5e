package assertion

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/easgate/easgate/internal/query"
)

var (
	errNoClient  = errors.New("the client's address is unknown: no trusted proxy says it in X-Forwarded-For")
	errNoAddress = errors.New("query gives no IP address")
)

// clientKnown reports whether data, if it describes a request, has the client's address.
func clientKnown(data query.Value) bool {
	o, _ := data.(*query.Object)
	if o == nil {
		return true
	}
	req, _ := o.Get("req")
	r, ok := req.(*query.Object)
	if !ok {
		return true
	}
	_, known := r.Get("clientIP")
	return known
}

// networks is the method cidr: the address is in one of them.
type networks []netip.Prefix

func compileNetworks(value query.Value) (networks, error) {
	values, isList := value.([]any)
	if !isList {
		values = []any{value}
	}
	list := make(networks, 0, len(values))
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, errors.New("want networks such as 10.0.0.0/8")
		}
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, errors.New("want at least one network")
	}
	return list, nil
}

// parseNetwork reads a network or an address. IPv4 in IPv6 is IPv4.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errors.New("want a network such as 10.0.0.0/8, or an address")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errors.New("want a network such as 10.0.0.0/8, or an address")
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("holds more than the IPv4 addresses in IPv6")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("has bits set beyond its length: write %s, or %s for the one address", p.Masked(),
			p.Addr())
	}
	return p, nil
}

func (t networks) holds(_ context.Context, v query.Value) (bool, error) {
	text, _ := v.(string)
	a, err := netip.ParseAddr(text)
	if err != nil {
		return false, errNoAddress
	}
	a = a.Unmap().WithZone("")
	for _, p := range t {
		if p.Contains(a) {
			return true, nil
		}
	}
	return false, nil
}
