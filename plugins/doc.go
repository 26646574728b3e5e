// Package plugins is the contract between the pipeline and the ways to authenticate.
//
// A plugin judges one request at a time and answers with a [Result]: a verdict, who was authenticated, and what to
// send back. It is built once for each config token that names it, from its typed configuration, and used by many
// requests at once. A plugin never sees a ResponseWriter, a store, another plugin or the server.
//
// To add one: a folder with Config and New, and one line in plugins/builtin.
package plugins
