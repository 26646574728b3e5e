// Package oauthflow speaks OAuth 2.0 (RFC 6749) and OpenID Connect to a provider, as a client that logs people in.
//
// A [Provider] knows where the provider's endpoints are, by discovery or by hand, and asks them: codes for tokens,
// fresh tokens, userinfo, introspection, revocation. Answers are bounded in size and time, no redirect leads a request
// elsewhere, and every error says which endpoint failed and what to do about it:
//
//	p, err := oauthflow.New(oauthflow.Config{DiscoverURL: "https://login.example.com", Client: client, Now: time.Now})
//	tokens, err := p.Exchange(ctx, oauthflow.Grant{Code: code, RedirectURI: uri, Verifier: verifier})
//	var refused *oauthflow.Error
//	if errors.As(err, &refused) && refused.Code == "invalid_grant" { … }
//
// [Attempts] are the logins that a browser has begun and not finished. An attempt is its state, which the provider
// hands back, and a secret in one cookie of the browser: PKCE verifier, nonce and the proof that the browser is the
// one that began are all derived from the two, so that any number of tabs may log in at once.
//
// What the tokens mean, how long a session lasts and what a person sees are the business of internal/login.
package oauthflow
