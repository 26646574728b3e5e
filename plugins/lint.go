package plugins

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// InClear reports whether address is a URL of that scheme, one without TLS, of another host than this one.
func InClear(address, scheme string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || !strings.EqualFold(u.Scheme, scheme) {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return !strings.EqualFold(u.Hostname(), "localhost") && (err != nil || !ip.IsLoopback())
}

// LintGuessable says which values are short enough to be guessed. The texts of values are not repeated.
func LintGuessable(option string, values map[string]Values, say func(text string)) {
	const enough = 16
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.ContainsFunc(values[name].Texts, func(s Secret) bool { return len(s) < enough }) {
			say(fmt.Sprintf("%s.%s: a value under %d characters can be guessed", option, name, enough))
		}
	}
}
