// Package crosssite says what pages of other sites may do where browsers send a session's cookie along by themselves:
// change something only if they are the site's own or on a list, and read an answer only if they are on the list
// (CORS).
//
//	rules, err := crosssite.Config{Origins: []string{"https://app.example.com"}, Credentials: true}.Rules()
//	…
//	if rules.Preflight(w, r) { return }
//	if err := rules.Check(r, hasSessionCookie); err != nil { … 403 }
//	rules.Apply(w.Header(), r)
//
// nil rules list nobody. What a request may do apart from where it comes from is decided elsewhere.
package crosssite
