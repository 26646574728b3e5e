// Package sandbox runs the query languages whose reference implementation is JavaScript (jsonpath, jsonata,
// handlebars: the npm packages that external-auth-server uses) and the JavaScript that config tokens hold,
// in QuickJS, without cgo.
//
// An evaluation is bounded in time and memory, reaches nothing but its data (no environment, files, network,
// modules or host objects) and leaves nothing behind for the next one: every intrinsic is frozen, and a VM
// that hit a limit is thrown away. VMs are made on first use, pooled, and released when idle.
//
// The libraries are not committed: `make js` bundles them and the next build embeds them. A build without
// them works, and says so when a query needs one.
package sandbox
