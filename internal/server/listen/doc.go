// Package listen opens listeners, serves on them, and shuts them down. It knows connections and what they may cost:
// TLS, unix sockets and listeners that were handed over, the bounds of headers, slow clients, HTTP/2 in clear. What
// is answered is the handlers' business.
//
//	err := listen.Run(ctx, listen.Config{Log: log}, []listen.Site{{Name: "main", Addr: ":8080", Handler: mux}}, nil)
package listen
