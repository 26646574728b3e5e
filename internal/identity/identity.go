// Package identity says who was authenticated, in the words that every plugin, header and minted token shares.
package identity

import (
	"maps"
	"slices"
	"time"
)

// An Identity is who a request was allowed as. The zero value is nobody. A plugin may remember one and give it to many
// requests at once, so nothing that it refers to is ever changed; [Identity.With] copies.
type Identity struct {
	// Subject is the stable name of the user or client within Realm: a user name, a DN, a JWT's sub.
	Subject string
	// Name is what the user logged in as, as the one who vouches for it writes it; "" for Subject.
	Name string
	// Realm says who vouches for Subject: a realm name, an issuer's URL.
	Realm string
	// Provider is the type of the plugin that authenticated: "ldap", "oidc".
	Provider string
	// Roles are the groups that Subject belongs to.
	Roles []string
	// Scopes limit what the presented credential may do; nil means everything.
	Scopes []string
	// Attributes are facts about Subject, each with one or more values: department: [engineering].
	Attributes map[string][]string
	// Claims are the verified claims of a token, as decoded JSON; nil when there was no token.
	Claims map[string]any
	// Expires is when the login or the token ends; zero when nothing says so.
	Expires time.Time
}

// An Addition is what another source knows about an identity.
type Addition struct {
	Roles      []string
	Attributes map[string][]string
}

// With returns a copy of id that also has what a adds; nothing is taken away, and nothing comes twice. id is unchanged.
func (id Identity) With(a Addition) Identity {
	id.Roles = union(id.Roles, a.Roles)
	if len(a.Attributes) > 0 {
		all := make(map[string][]string, len(id.Attributes)+len(a.Attributes))
		maps.Copy(all, id.Attributes)
		for name, values := range a.Attributes {
			all[name] = union(all[name], values)
		}
		id.Attributes = all
	}
	return id
}

// union returns the strings of a, then those of b that a has not, in a slice of its own if it differs from a.
func union(a, b []string) []string {
	out := slices.Clip(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
