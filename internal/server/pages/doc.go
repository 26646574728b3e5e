// Package pages serves what people and programs ask easgate directly: the pages of the plugins of mounted config
// tokens ([plugins.Pages]), and /whoami, which every mount has.
//
//	site := pages.New(verifier, table, log)
//	handled := site.Serve(w, r)
//
// The request is its own parent request. It is checked as any parent request is, then routed: mount, method, path
// below the mount. A page that is not public is shown to whom the token's pipeline allows; to others goes the
// pipeline's own answer, such as the redirect to a login, in plain HTTP. A request that a login marked as its own
// runs the pipeline at any path.
package pages
