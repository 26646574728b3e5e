// Package memo remembers what was expensive to find out: a token that was opened, a login that a directory confirmed, a
// provider's answer. A [Memory] is bounded by entries or bytes, each entry has its own time to live, and requests that
// need the same value at the same time share one load.
//
// The hot path asks [Memory.Get], which allocates nothing; a miss calls [Memory.Load]:
//
//	if v, ok := m.Get(key); ok {
//		return v, nil
//	}
//	return m.Load(ctx, key, func(ctx context.Context) (memo.Entry[V], error) { … })
//
// A load ends neither with the request that began it nor in a panic: it goes on while anybody waits, and a panic is an
// error for those who do. Errors are not remembered; who wants that remembers a value that holds one.
//
// What is remembered lives in this process only. Documents that are served stale while they are refreshed are
// internal/fetch's.
package memo
