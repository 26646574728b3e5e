// Package identity says who was authenticated, in the words that every plugin, header and minted token shares.
package identity

// An Identity is who a request was allowed as. The zero value is nobody.
type Identity struct {
	// Subject is the stable name of the user or client within Realm: a user name, a DN, a JWT's sub.
	Subject string
	// Name is what the user logged in as, as the one who vouches for it writes it; "" for Subject.
	Name string
	// Realm says who vouches for Subject: a realm name, an issuer's URL.
	Realm string
	// Roles are the groups that Subject belongs to.
	Roles []string
	// Scopes limit what the presented credential may do; nil means everything.
	Scopes []string
	// Attributes are facts about Subject, such as department: engineering.
	Attributes map[string]string
	// Claims are the verified claims of a token, as decoded JSON; nil when there was no token.
	Claims map[string]any
}
