package assertion

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/easgate/easgate/internal/query"
	"github.com/easgate/easgate/internal/query/jq"
	"github.com/easgate/easgate/internal/query/jsonpath"
)

func TestCIDR(t *testing.T) {
	for _, tt := range []struct{ name, value, found, want string }{
		{"inside", `"10.0.0.0/8"`, `"10.1.2.3"`, "holds"},
		{"outside", `"10.0.0.0/8"`, `"11.1.2.3"`, "does not hold"},
		{"one of a list", `["192.0.2.0/24","2001:db8::/32"]`, `"2001:db8::7"`, "holds"},
		{"one address", `"192.0.2.7"`, `"192.0.2.7"`, "holds"},
		{"everybody in IPv4", `"0.0.0.0/0"`, `"2001:db8::7"`, "does not hold"},
		{"IPv4 in IPv6 is IPv4", `"10.0.0.0/8"`, `"::ffff:10.1.2.3"`, "holds"},
		{"IPv4 in IPv6 as a network", `"::ffff:10.0.0.0/104"`, `"10.1.2.3"`, "holds"},
		{"IPv4 in IPv6 as an address", `["::ffff:10.1.2.3"]`, `"10.1.2.3"`, "holds"},
		{"a zone", `"fe80::/10"`, `"fe80::1%eth0"`, "holds"},
		{"nothing", `"10.0.0.0/8"`, `null`, "error"},
		{"no address", `"10.0.0.0/8"`, `"10.1.2.3, 10.1.2.4"`, "error"},
		{"an address with blanks", `"10.0.0.0/8"`, `" 10.1.2.3"`, "error"},
		{"a number", `"10.0.0.0/8"`, `167837955`, "error"},
		{"leading zeros", `"10.0.0.0/8"`, `"010.1.2.3"`, "error"},
		{"a list of one", `"10.0.0.0/8"`, `["10.1.2.3"]`, "holds"},
		{"several", `"10.0.0.0/8"`, `["10.1.2.3","11.1.1.1"]`, "error"},
	} {
		for _, negate := range []bool{false, true} {
			rules := fmt.Sprintf(`[{"query_engine":"jp","query":"$.a","rule":{"method":"cidr","value":%s,"negate":%v}}]`, tt.value, negate)
			s, err := Compile(json.RawMessage(rules), engines(), true)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			want := tt.want
			if negate && want != "error" {
				want = map[string]string{"holds": "does not hold", "does not hold": "holds"}[want]
			}
			if got := outcome(s, parseJSON(t, `{"a":`+tt.found+`}`)); got != want {
				t.Errorf("%s, negate %v: %s, want %s", tt.name, negate, got, want)
			}
		}
	}
	for value, want := range map[string]string{
		`"10.0.0.1/8"`: "write 10.0.0.0/8, or 10.0.0.1", `"10.0.0.0/33"`: "want a network", `"office"`: "want a network", `[]`: "at least one",
		`5`: "want networks", `["10.0.0.0/8",5]`: "want networks", `"::ffff:0.0.0.0/90"`: "holds more than", `"fe80::1%eth0"`: "want a network",
	} {
		rules := `[{"query_engine":"jp","query":"$.a","rule":{"method":"cidr","value":` + value + `}}]`
		if _, err := Compile(json.RawMessage(rules), engines(), true); err == nil || !strings.Contains(err.Error(), "[0].rule.value: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%s) = %v, want %q", value, err, want)
		}
	}
}

// Nothing is true of an address that nobody knows, whatever asks for it.
func TestUnknownClient(t *testing.T) {
	engines := query.Engines{"jp": jsonpath.New(nil), "jq": jq.New(jq.Limits{})}
	for _, q := range []string{`"jp","query":"$.req.clientIP"`, `"jp","query":"$.req['clientIP']"`, `"jq","query":".req.clientIP // \"10.1.1.1\""`} {
		for _, rule := range []string{`{"method":"cidr","value":"10.0.0.0/8"}`, `{"method":"eq","value":""}`, `{"method":"in","value":["192.0.2.1"],"negate":true}`, `{"method":"empty"}`} {
			s, err := Compile(json.RawMessage(`[{"query_engine":`+q+`,"rule":`+rule+`}]`), engines, true)
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(s, parseJSON(t, `{"req":{"headers":{}}}`)); got != "error" {
				t.Errorf("%s %s: %s, want an error", q, rule, got)
			}
			if got := outcome(s, parseJSON(t, `{"req":{"headers":{},"clientIP":"10.1.2.3"}}`)); got == "error" {
				t.Errorf("%s %s: an error although the address is known", q, rule)
			}
		}
	}
}

// The standard library's older package net agrees, and what is not an address never holds, not even negated.
func FuzzCIDR(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::ffff:10.0.0.0/104", "2001:db8::/32", "fe80::1%eth0", "0.0.0.0/0", "1.2.3.4", "::/0"} {
		f.Add(s, "10.1.2.3")
		f.Add(s, "::ffff:10.1.2.3")
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, network, address string) {
		n, err := compileNetworks(network)
		if err != nil {
			return
		}
		got, err := n.holds(context.Background(), address)
		bare, _, _ := strings.Cut(address, "%")
		ip := net.ParseIP(bare)
		if err != nil {
			if got || ip != nil && bare == address {
				t.Fatalf("%q in %q: %v, %v", address, network, got, err)
			}
			return
		}
		text := network
		if !strings.Contains(text, "/") {
			text += map[bool]string{true: "/128", false: "/32"}[strings.Contains(text, ":")]
		}
		_, other, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatalf("%q is taken for a network: %v", network, err)
		}
		if ones, bits := other.Mask.Size(); bits == 128 && ones >= 96 && other.IP.To4() != nil {
			other = &net.IPNet{IP: other.IP.To4(), Mask: net.CIDRMask(ones-96, 32)}
		}
		// net takes an IPv6 address that holds an IPv4 one for IPv4 as well.
		if want := ip != nil && other.Contains(ip); got != want {
			t.Errorf("%q in %q: %v, want %v", address, network, got, want)
		}
	})
}
