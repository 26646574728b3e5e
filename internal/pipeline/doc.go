// Package pipeline decides: it compiles a config token once — plugins built, rules and queries compiled — and then
// answers for one request after the other which plugin allowed it, or what to tell the client.
//
// It knows nothing of HTTP servers and proxies. Decide reads only what compiling made; it decodes, compiles and
// allocates nothing that a request does not ask for.
package pipeline
