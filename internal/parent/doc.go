// Package parent rebuilds the parent request, the one that the proxy asks about, from the headers of the verify
// request.
//
// A client can send any header, so what is read depends on the proxy in front, its [Profile]: one family of headers
// that this proxy sets itself, and nothing else. Scheme, host, URI and method are parsed and checked each by itself
// and only then put together; what two programs could read in two ways is refused. The profile eas is the exception:
// it reads and glues headers as external-auth-server does, for migration.
//
// It decides nothing about who may pass, and it does not know whether the peer is a proxy at all: that is asked
// with [Trusted] before.
package parent
