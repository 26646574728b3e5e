#!/bin/sh
# Installs the servers and tools that `make test` needs beyond Go, from Debian's packages.
# What is there already is left alone, so a second run only looks. The tests start their own
# servers on free ports of 127.0.0.1 and never touch a system service.
set -eu

# Debian keeps servers where a user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
missing=

# need PACKAGE FILE_OR_COMMAND...: the package is missing when none of them is there.
need() {
	package=$1
	shift
	for proof; do
		# A name that is no path is not looked for here: this repository has a folder called nginx.
		if command -v "$proof" >/dev/null || case $proof in /*) [ -x "$proof" ] ;; *) false ;; esac; then
			return
		fi
	done
	missing="$missing $package"
}

need nodejs node           # the JavaScript query engines are npm packages
need npm npm
need nginx-light nginx     # nginx/
need mariadb-server mariadbd # stores/sql
need postgresql /usr/lib/postgresql/*/bin/postgres # stores/sql
need pgbouncer pgbouncer # stores/sql
need redis-server redis-server # internal/session/redis
need redis-tools redis-cli
need slapd slapd           # plugins/ldap
need ldap-utils ldapadd
need samba samba           # plugins/ldap, as an Active Directory
need samba-ad-provision /usr/share/samba/setup
need samba-dsdb-modules /usr/lib/*/samba/ldb
need python3-samba /usr/lib/python3/dist-packages/samba/provision
need fail2ban fail2ban-regex # examples/fail2ban
need chromium chromium     # logins in a browser
need wrk wrk               # make bench

# The OpenID provider of the tests is an npm package: installed once for each lock file, and found there by
# internal/testserver. A second run needs no network.
provider() {
	from=$(dirname "$0")/../../internal/testserver/testdata/provider
	to=${XDG_CACHE_HOME:-$HOME/.cache}/easgate/oidc-provider-$(sha256sum "$from/package-lock.json" | cut -c1-12)
	if [ -d "$to/node_modules/oidc-provider" ]; then
		return
	fi
	echo "setup: installing oidc-provider" >&2
	part=$to.$$
	mkdir -p "$part"
	cp "$from/package.json" "$from/package-lock.json" "$part"
	(cd "$part" && npm ci --no-progress --no-audit --no-fund --ignore-scripts >&2)
	rm -rf "$to"
	mv "$part" "$to" # whole, or not there
}

if [ -z "$missing" ]; then
	provider
	exit 0
fi

line="apt-get install -y --no-install-recommends$missing"
run=
if [ "$(id -u)" -ne 0 ]; then
	run="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! $run true 2>/dev/null; then
	echo "setup: missing:$missing" >&2
	echo "hint: as root: apt-get update && $line" >&2
	exit 1
fi

install() {
	# Another installation may hold the lock: wait for it rather than fail.
	$run env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >&2
}
echo "setup: installing$missing" >&2
# The lists on this machine may do; only when they do not, fetch new ones.
# shellcheck disable=SC2086 # a list of words
install install -y --no-install-recommends $missing 2>/dev/null ||
	{ install update && install install -y --no-install-recommends $missing; }
provider
