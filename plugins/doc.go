// Package plugins is the contract between the pipeline and the ways to authenticate.
//
// A plugin judges one request at a time and answers with a [Result]: a verdict, who was authenticated, and what to
// send back. It is built once for each config token that names it, from its typed configuration, and used by many
// requests at once. A plugin never sees a ResponseWriter, a store, another plugin or the server.
//
// # Adding one
//
// A plugin is one folder, with Config and New, and one line in plugins/builtin. All that is said about it elsewhere
// (JSON Schema, option tables, what inspect hides, lint, migration) comes from its configuration type:
//
//		type Config struct {
//			// URL is where the service is. Required.
//			URL string `json:"url" example:"https://auth.example.com"`
//			// Mode is how it is asked. Default query.
//			Mode string `json:"mode,omitempty" enum:"query,form"`
//			// Password is ours.
//			Password plugins.Secret `json:"password,omitempty"`
//		}
//
//	  - The comment is the option's description. An option without omitempty or omitzero is required, and says so.
//	  - enum lists the texts that an option takes, or the elements of its list. A native token with another is refused with
//	    the path and the nearest; New sees another only in a token of external-auth-server's format. A type that has the
//	    list anyway has a method Enum instead (internal/strictjson).
//	  - example is a value that an editor offers.
//	  - A [Secret] never prints. secret:"true" marks what else is one, the values in a map included; secret:"url" what is
//	    shown, without its password, when it is an http or https URL; secret:"false" a text that is only called as one.
//	  - A type that decodes itself says what it takes by a method Schema (internal/strictjson). A list of rules is an
//	    assertion.Rules, a text or a list of texts a [List], what a client must present a [Values], TLS a [TLS].
//	  - Config may implement [Linter], [Migrator] and [Completer].
package plugins
