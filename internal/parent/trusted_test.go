package parent_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/parent"
)

func TestParseTrusted(t *testing.T) {
	trusted, err := parent.ParseTrusted("loopback, 192.0.2.0/24\n2001:db8::1 ::ffff:198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"192.0.2.9": true, "::ffff:192.0.2.9": true, "192.0.3.1": false,
		"2001:db8::1": true, "2001:db8::2": false, "198.51.100.7": true, "10.0.0.1": false,
	} {
		if got := trusted.Contains(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Contains(%s) = %v, want %v", addr, got, want)
		}
	}
	if trusted.Contains(netip.Addr{}) {
		t.Error("Contains(invalid address) = true")
	}
	if nobody, err := parent.ParseTrusted(" "); err != nil || nobody.Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("ParseTrusted(\"\") = %v, %v, want nobody", nobody, err)
	}
}

func TestParseTrustedErrors(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/33":            `"10.0.0.0/33": want a network`,
		"everyone":               `"everyone": want a network`,
		"proxy.internal":         `"proxy.internal": want a network`,
		"10.0.0.1/8":             "write 10.0.0.0/8, or 10.0.0.1",
		"::ffff:10.0.0.0/104":    "without ::ffff:",
		"fe80::1%eth0":           "want a network",
		"loopback, 10.0.0.0/8/8": `"10.0.0.0/8/8"`,
	} {
		if _, err := parent.ParseTrusted(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseTrusted(%s) = %v, want %q in it", in, err, want)
		}
	}
}

func TestClientIP(t *testing.T) {
	tests := []struct {
		name, peer string
		xff        []string
		want       string
	}{
		{"no header", "10.0.0.1", nil, "invalid IP"},
		{"an empty header", "10.0.0.1", []string{" , "}, "invalid IP"},
		{"one client", "10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a client's forgery is left of the truth", "10.0.0.1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"proxies are passed over", "10.0.0.1", []string{"203.0.113.9, 10.2.2.2,127.0.0.1"}, "203.0.113.9"},
		{"several fields", "10.0.0.1", []string{"1.1.1.1", "203.0.113.9", "10.9.9.9"}, "203.0.113.9"},
		{"an untrusted peer is not believed", "198.51.100.1", []string{"203.0.113.9"}, "198.51.100.1"},
		{"trusted all the way", "127.0.0.1", []string{"10.0.0.7"}, "10.0.0.7"},
		{"trusted all the way: the nearest", "127.0.0.1", []string{"10.0.0.8", "10.0.0.9, 10.0.0.7"}, "10.0.0.7"},
		{"no address", "10.0.0.1", []string{"203.0.113.9, unknown"}, "invalid IP"},
		{"no address behind trusted ones", "10.0.0.1", []string{"unknown, 10.0.0.7"}, "invalid IP"},
		{"no address, but the client's own", "10.0.0.1", []string{"unknown, 203.0.113.9"}, "203.0.113.9"},
		{"with a port", "10.0.0.1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"ipv6 with a port", "::1", []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		{"mapped", "::ffff:10.0.0.1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"empty entries", "10.0.0.1", []string{"203.0.113.9,, ", ""}, "203.0.113.9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parent.ClientIP(netip.MustParseAddr(tt.peer), tt.xff, parent.DefaultTrusted())
			if got.String() != tt.want {
				t.Errorf("ClientIP() = %s, want %s", got, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		xff  []string
		want string
	}{{[]string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"}, {nil, "invalid IP"}} {
		if got := parent.ClientIP(netip.Addr{}, tt.xff, parent.DefaultTrusted()); got.String() != tt.want {
			t.Errorf("ClientIP(a unix socket, %v) = %s, want %s", tt.xff, got, tt.want)
		}
	}
}
