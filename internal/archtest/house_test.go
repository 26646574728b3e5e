package archtest

// product is all of our packages but the tools, which are for people.
var product = []string{"cmd/...", "configtoken", "plugins/...", "stores/...", "internal/..."}

// floor is what everything may stand on, and stands on nothing of ours.
var floor = []string{"internal/memo", "internal/problem", "internal/secret", "internal/httpfield"}

// house says who may import whom; docs/architecture.md tells the story.
var house = []rule{
	{"cmd/easgate", product, "wire puts the product together, and knows every part of it; it needs none of the tools"},
	{"cmd/easgate/internal/cli", []string{"cmd/easgate/internal/config", "cmd/easgate/internal/files", "internal/pipeline"},
		"what all commands share knows none of them"},
	{"cmd/easgate/internal/cli/*", []string{"cmd/easgate/internal/*", "configtoken", "plugins", "stores", "stores/sql", "internal/assertion", "internal/document", "internal/parent",
		"internal/pipeline", "internal/query", "internal/redact", "internal/schema", "internal/seal", "internal/server", "internal/session", "internal/sqldb"},
		"a command sees neither another one nor wire: main hands it what it needs of them"},
	{"cmd/easgate/internal/dropin/*", []string{"cmd/easgate/internal/*", "configtoken", "internal/document", "internal/strictjson"},
		"a drop-in translates a foreign configuration, and runs nothing of its own"},
	{"cmd/easgate/internal/*", []string{"cmd/easgate/internal/*", "configtoken", "plugins", "stores/sql", "internal/assertion", "internal/document", "internal/parent",
		"internal/pipeline", "internal/query", "internal/redact", "internal/seal", "internal/server", "internal/server/listen",
		"internal/session", "internal/session/builtin", "internal/strictjson",
		"internal/tlsclient", "internal/watch"},
		"what several commands need knows none of them"},

	{"internal/memo", nil, "everybody remembers something"},
	{"internal/problem", nil, "everybody reports problems"},
	{"internal/httpfield", nil, "what a header field is for is the same for everybody"},
	{"internal/secret", nil, "everybody has secrets"},
	{"configtoken", []string{"internal/watch", "internal/document"}, "a config token is text and keys, some of them in files; what its claims configure is not its business"},
	{"internal/query", nil, "the words of the query languages are the floor that everything else stands on"},
	{"internal/query/*", []string{"internal/query", "internal/query/*"}, "an engine knows queries and values, not who asks"},
	{"internal/jws", nil, "taking a token apart is the same, whoever signed it"},
	{"internal/fetch", []string{"internal/tlsclient"}, "getting a document is the same, whatever it says"},
	{"internal/jwks", []string{"internal/fetch", "internal/jws"}, "keys are the same, whoever verifies with them"},
	{"internal/sqldb", []string{"internal/strictjson", "internal/tlsclient"}, "opening a database is the same for everything that needs one"},
	{"internal/redact", []string{"internal/strictjson"}, "what must not be shown is the same for every command, and types say it, not plugins"},
	{"internal/strictjson", nil, "reading JSON is the same for every configuration"},
	{"internal/document", nil, "reading YAML and JSON is the same for every configuration"},
	{"internal/tlsclient", nil, "whom to believe is the same for everything that dials, whatever it then speaks"},
	{"internal/watch", nil, "watching a file is the same for keys, stores and revocations"},

	{"internal/seal", nil, "what seals must not depend on what is sealed"},
	{"internal/session", []string{"internal/seal"}, "a session is a sealed value under a hash; whose it is, the plugins know"},
	{"internal/session/sessiontest", []string{"internal/session"}, "the contract suite knows the contract"},
	{"internal/session/builtin", []string{"internal/session", "internal/session/*", "internal/strictjson"}, "the list of session stores is a list"},
	{"internal/session/*", []string{"internal/session", "internal/sqldb", "internal/tlsclient"}, "a store maps hashed ids to sealed values; it can open none"},
	{"internal/identity", nil, "who was authenticated must not depend on how"},
	{"internal/assertion", []string{"internal/query", "internal/query/jsregexp"}, "a rule judges values; it knows no requests and no plugins"},
	{"internal/headers", []string{"plugins", "internal/query", "internal/strictjson", "internal/identity"}, "headers are made from data that others gathered"},
	{"internal/parent", []string{"internal/query"}, "it turns headers into a parent request before anything is decided"},
	{"internal/jwtverify", []string{"internal/query", "internal/query/jsregexp", "internal/identity", "internal/jwks", "internal/jws"},
		"what a JWT must be is the same in a request's header and in a provider's answer"},
	{"internal/bearer", []string{"plugins", "internal/query", "internal/fetch", "internal/jws", "internal/jwtverify"},
		"what the plugins that take bearer tokens share follows the rule of plugins"},
	{"internal/oauthclient", nil, "how a client authenticates is the same for introspection, logins and whoever asks a provider next"},
	{"internal/oauthflow", []string{"internal/fetch", "internal/jwks", "internal/oauthclient", "internal/seal"},
		"it speaks to providers; what a login is for, and where its session is, others know"},
	{"internal/login", []string{"plugins", "internal/assertion", "internal/bearer", "internal/fetch", "internal/identity", "internal/jws", "internal/oauthclient", "internal/oauthflow", "internal/page", "internal/query", "internal/seal", "internal/session"},
		"what the plugins that log people in share follows the rule of plugins; it knows session stores by their contract"},
	{"internal/login/logintest", []string{"plugins", "plugins/plugintest", "internal/oauthflow"}, "a provider and a browser for tests"},
	{"internal/credential", nil, "remembering a password is the same wherever it is checked"},

	{"plugins", []string{"internal/query", "internal/seal", "internal/session", "internal/strictjson", "internal/identity", "internal/tlsclient", "internal/credential"},
		"the contract names what a plugin may reach, and nothing that reaches plugins"},
	{"plugins/builtin", []string{"plugins", "plugins/*"}, "the list of plugins is a list"},
	{"plugins/plugintest", []string{"plugins", "internal/query", "internal/credential", "internal/redact"}, "the contract suite knows the contract"},
	{"plugins/*", []string{"plugins", "internal/assertion", "internal/query", "internal/identity", "internal/fetch", "internal/jwks", "internal/jwtverify", "internal/bearer", "internal/oauthclient", "internal/oauthflow", "internal/login", "internal/credential", "internal/tlsclient"},
		"a plugin never sees another plugin, a store, the pipeline or the server: whatever it needs comes through plugins.Env"},

	{"stores", []string{"internal/strictjson", "internal/document"}, "a store maps ids to sealed text; it cannot open it"},
	{"stores/builtin", []string{"stores", "stores/*"}, "the list of stores is a list"},
	{"stores/*", []string{"stores", "internal/sqldb", "internal/watch"}, "a store maps ids to sealed text; it knows no plugins, keys or tokens"},

	{"internal/schema", []string{"plugins", "internal/assertion", "internal/headers", "internal/query/builtin", "internal/strictjson"},
		"it describes what can be configured; nothing that serves needs it"},
	{"internal/pipeline", []string{"configtoken", "plugins", "stores", "internal/assertion", "internal/query", "internal/strictjson", "internal/headers",
		"internal/crosssite"},
		"the pipeline decides; it knows plugins by their contract, and neither HTTP servers nor proxies"},
	{"internal/server", []string{"internal/server/*", "internal/page", "internal/pipeline"},
		"the hall puts rooms and routes together; what is done with a request is the rooms'"},
	{"internal/server/verify", []string{"internal/pipeline", "internal/parent", "plugins", "configtoken", "internal/query", "internal/server/metrics"},
		"it names tokens and queries, and all that is done with them is the pipeline's"},
	{"internal/server/verify/verifytest", []string{"internal/server/verify", "internal/server/metrics", "internal/pipeline", "internal/parent",
		"internal/query/jsonpath", "configtoken", "stores", "plugins", "plugins/*"}, "tests of the server need something to decide"},
	{"internal/server/envoy", []string{"internal/server/verify", "internal/server/listen", "internal/pipeline", "internal/parent", "plugins"},
		"another protocol for the same questions"},
	{"internal/server/mount", []string{"internal/parent", "internal/strictjson"}, "a table of names; what they stand for is somebody else's"},
	{"internal/server/pages", []string{"internal/server/verify", "internal/server/mount", "internal/server/listen", "internal/page", "internal/pipeline", "internal/gateway",
		"internal/tlsclient", "configtoken", "plugins"},
		"a page is shown, and a request passed on, to whom the pipeline allows; which plugin it is from is all the same"},
	{"internal/server/oauth", []string{"internal/oauthflow", "internal/page", "internal/pipeline", "plugins"},
		"it sends browsers on and hands over logout tokens; it decides about nobody"},
	{"internal/server/metrics", []string{"plugins"}, "it counts for whoever has something to count, and knows none of them"},
	{"internal/server/listen", nil, "connections are the same whatever is answered"},
	{"internal/gateway", nil, "forwarding is the same, whoever decided; it is told what was decided"},
	{"internal/crosssite", nil, "where a request comes from is the same question for pages and for routes"},
	{"internal/page", nil, "people see one layout, whoever shows it"},
	{"internal/testserver", nil, "it starts servers for tests, whatever is tested"},
	{"internal/archtest", nil, "rules are about packages, not part of them"},

	{"tools/...", []string{"configtoken", "internal/..."}, "tools use whatever they measure or make"},
}

// confined are libraries that must be replaceable by changing one package, or that are safe in one place only.
var confined = []library{
	{"github.com/labstack/echo", []string{"internal/server", "tools/..."}, "echo v4 will end; leaving it must cost one package"},
	{"github.com/redis/go-redis", []string{"internal/session/redis", "internal/testserver"}, "Redis is one way to keep sessions"},
	{"github.com/spf13/cobra", []string{"cmd/..."}, "a command line belongs to a command"},
}

// misnamed are package names that say nothing about what is inside.
var misnamed = []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared"}
