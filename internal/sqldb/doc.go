// Package sqldb opens SQL databases: configuration in the words of knex, which external-auth-server uses, five
// dialects, connection pools that recover by themselves, and migrations.
//
// It knows no tables and no queries. Opening does no network I/O; a database that is down fails the calls that need it
// and serves the next one after it has come back.
package sqldb
