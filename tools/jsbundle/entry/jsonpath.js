// The parser of filters is exported too: the sandbox remembers what it parsed.
module.exports = { jp: require('jsonpath/lib/index'), filters: require('jsonpath/lib/aesprim') };
