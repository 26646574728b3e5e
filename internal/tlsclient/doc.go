// Package tlsclient is the client's side of TLS: which server to believe, and who we are.
//
//	config, err := tlsclient.Settings{CA: []string{pem}}.Config("ldap.example.com", env.Roots, warn)
//
// A server is believed for a certificate that a trusted authority signed and that has the server's name among its
// subject alternative names; for its public key alone, when that is pinned; or, when its name is given expressly, for a
// certificate without alternative names whose common name it is, as Node.js takes it.
package tlsclient
