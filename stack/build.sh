# Builds the modules and installs them into the PostgreSQL that the stack runs.
# shellcheck shell=bash

build_install() {
	local log=$state/run/build.log prefix=as_root

	if [ -w "$("${PG_CONFIG:-pg_config}" --pkglibdir)" ]; then prefix=; fi
	say "Building and installing the extensions"
	rm -f "$log"
	work 'building' "$log" make -s -C "$top" all
	work 'installing' "$log" $prefix make -s -C "$top" install PG_CONFIG="${PG_CONFIG:-pg_config}"
}
