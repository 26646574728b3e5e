#!/bin/sh
# Makes the JavaScript that internal/query/sandbox embeds. Needs npm and Go.
set -eu
cd "$(dirname "$0")"
if ! command -v npm >/dev/null; then
	echo "error: npm: not installed" >&2
	echo "hint: apt-get install npm; without it easgate builds too, with the native subsets of the query languages only" >&2
	exit 1
fi
npm ci --no-progress
go run . -out ../../internal/query/sandbox/bundle
