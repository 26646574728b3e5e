// Package config is the configuration of the easgate command: every setting, in one table, read from a file (YAML),
// from EAS_ environment variables and from flags. A flag wins over the environment, the environment over the file.
//
// A setting has one name: admin_addr in the file is EAS_ADMIN_ADDR and --admin-addr. Secrets have no flag, because a
// command line is public on its machine; each has a twin, NAME_file, that names a file to read it from.
package config
