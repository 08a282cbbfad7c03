# The private PostgreSQL, with pg_cron.
# shellcheck shell=bash

pg_bin() { "${PG_CONFIG:-pg_config}" --bindir; }

postgres_start() {
	server_folder postgres
	server_folder log
	[ -e "$state/postgres.made" ] || postgres_make
	postgres_unlock
	env_port PostgreSQL "$PGPORT"
	postgres_configure
	as_server "$(pg_bin)/pg_ctl" start -s -w -t 120 -D "$state/postgres" -l "$state/log/postgres.log" \
		|| { tail -n 15 "$state/log/postgres.log" >&2; die "PostgreSQL did not start; its log is $state/log/postgres.log"; }
	postgres_accounts
}

# Made in full, or not at all: a folder without the mark is left over from an interrupted start.
postgres_make() {
	rm -rf "$state/postgres"
	server_folder postgres
	work "making PostgreSQL's data folder" "$state/run/initdb.log" \
		as_server "$(pg_bin)/initdb" -D "$state/postgres" -U "$PGUSER" -A trust -E UTF8 --locale=C.UTF-8
	echo "include = 'stack.conf'" >>"$state/postgres/postgresql.conf"
	touch "$state/postgres.made"
}

# pg_cron logs in through libpq, by TCP and without a password: the cluster trusts loopback, which is all it listens on.
postgres_configure() {
	cat >"$state/postgres/stack.conf" <<-EOF
		# Written by stack/up at every start.
		listen_addresses = '127.0.0.1'
		port = $PGPORT
		unix_socket_directories = ''
		shared_preload_libraries = 'pg_cron'
		cron.database_name = '$PGDATABASE'
		cron.host = '127.0.0.1'
		timezone = 'UTC'
		log_timezone = 'UTC'
		log_line_prefix = '%m [%p] %q%u@%d '
		shared_buffers = 512MB
		max_wal_size = 4GB
		max_prepared_transactions = 10
	EOF
	if is_root; then chown "$server_user:" "$state/postgres/stack.conf"; fi
}

# After a power loss another process may wear the pid in postmaster.pid, and PostgreSQL would refuse to start.
# Nothing works in its folder: process_alone saw to that.
postgres_unlock() {
	local pid

	pid=$(head -n 1 "$state/postgres/postmaster.pid" 2>/dev/null) || return 0
	if [ -e "/proc/$pid" ]; then rm "$state/postgres/postmaster.pid"; fi
}

# The stack's database, and a role named after whoever calls.
postgres_accounts() {
	local me

	me=$(id -un)
	postgres_sql "SELECT format('CREATE DATABASE %I', '$PGDATABASE') WHERE NOT EXISTS
		(SELECT FROM pg_database WHERE datname = '$PGDATABASE') \gexec" postgres
	postgres_sql "SELECT format('CREATE ROLE %I SUPERUSER LOGIN', '$me') WHERE NOT EXISTS
		(SELECT FROM pg_roles WHERE rolname = '$me') \gexec" postgres
}

postgres_sql() { echo "$1" | "$(pg_bin)/psql" -X -q -v ON_ERROR_STOP=1 -d "${2:-$PGDATABASE}"; }

postgres_stop() { process_stop postgres INT QUIT; }
