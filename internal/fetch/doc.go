// Package fetch gets documents from other servers: bounded in time and size, without redirects to another origin, and
// with errors that hold neither URL parameters nor passwords. A [Document] is one that is needed again and again, such
// as a JWK set or a provider's metadata: fetched when it is first needed, by one request for all that wait, and
// refreshed in the background. No flood of calls fetches more often than a bucket allows.
//
// What a document means is for its parse function. Answers about a token or a user are remembered by whoever asks.
package fetch
