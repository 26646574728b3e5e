// Package verify answers verify requests: it takes what a proxy says about the request that it was asked for, has the
// pipeline of a config token decide, and replies in the proxy's dialect.
//
// A [Verifier] is made once. Over HTTP it does all of it:
//
//	mux.HandleFunc("/verify", func(w http.ResponseWriter, r *http.Request) { v.Verify(w, r) })
//
// What comes by another protocol fills in a [Request] and has it decided:
//
//	q := v.Begin(v.Peer(conn.RemoteAddr()))
//	q.Params, q.Parent, q.Header = …
//	d := v.Decide(ctx, q, nil)
//	v.Finish(ctx, q, &d)
//
// Peers that are no trusted proxies are refused here, and whatever a client can send is bounded here, before it is
// looked at. Listeners and slow clients are package listen's, and how a decision comes about is package pipeline's.
package verify
