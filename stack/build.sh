# Builds the modules and installs them into the PostgreSQL that the stack runs.
# shellcheck shell=bash

build_install() {
	local log=$state/run/build.log

	say "Building and installing the extensions"
	make -s -C "$top" all >"$log" 2>&1 || build_failed "$log"
	if [ -w "$("${PG_CONFIG:-pg_config}" --pkglibdir)" ]; then
		make -s -C "$top" install >>"$log" 2>&1 || build_failed "$log"
	else
		as_root make -s -C "$top" install PG_CONFIG="${PG_CONFIG:-pg_config}" >>"$log" 2>&1 || build_failed "$log"
	fi
}

build_failed() {
	tail -n 30 "$1" >&2
	die "the build failed; its log is $1"
}
