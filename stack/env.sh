# The stack's addresses and secrets: made once, kept in the state's file `env`, which a shell can source.
# shellcheck shell=bash

env_names=(PGHOST PGPORT PGUSER PGDATABASE MYSQL_HOST MYSQL_PORT MYSQL_USER MYSQL_PWD RETAIL_USER RETAIL_PWD
	KAFKA_BROKERS S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY METABASE_URL METABASE_EMAIL METABASE_PASSWORD)

secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first free port from the one given on.
port_free() {
	local port=$1

	while port_taken "$port"; do port=$((port + 1)); done
	echo "$port"
}

s3_port() { echo "${S3_ENDPOINT##*:}"; }
kafka_port() { echo "${KAFKA_BROKERS##*:}"; }

# Whoever calls may have servers of their own in the environment: they are not ours.
env_read() {
	unset PGHOSTADDR PGSERVICE PGOPTIONS PGPASSWORD PGPASSFILE PGSSLMODE "${env_names[@]}"
	[ -r "$state/env" ] || return 1
	# shellcheck source=/dev/null
	. "$state/env"
}

env_make() {
	PGHOST=127.0.0.1 PGPORT=$(port_free 27432) PGUSER=postgres PGDATABASE=medallion
	MYSQL_HOST=127.0.0.1 MYSQL_PORT=$(port_free 27306) MYSQL_USER=administrator MYSQL_PWD=$(secret)
	RETAIL_USER=pipeline RETAIL_PWD=$(secret)
	KAFKA_BROKERS=$(env_brokers)
	S3_ENDPOINT=http://127.0.0.1:$(port_free 27900) S3_ACCESS_KEY=medallion S3_SECRET_KEY=$(secret)
	env_metabase
	env_write
}

env_write() {
	local name

	{
		echo "# Addresses and secrets of the private stack in $state: source this file. Made by stack/up."
		for name in "${env_names[@]}"; do echo "export $name='${!name}'"; done
	} | private_file "$state/env.new"
	mv "$state/env.new" "$state/env"
	export "${env_names[@]?}"
}

env_brokers() { echo "127.0.0.1:$(port_free 27092)"; }

# Metabase refuses an address without a domain, and a password without a digit.
env_metabase() { METABASE_URL=http://127.0.0.1:$(port_free 27300) METABASE_EMAIL=admin@medallion.example METABASE_PASSWORD=$(secret)1; }

# A file of an earlier version lacks what has been added since.
env_complete() {
	[ -z "${KAFKA_BROKERS:-}" ] || [ -z "${METABASE_URL:-}" ] || return 0
	KAFKA_BROKERS=${KAFKA_BROKERS:-$(env_brokers)}
	[ -n "${METABASE_URL:-}" ] || env_metabase
	env_write
}

env_open() { if env_read; then env_complete; else env_make; fi; }

# Another program took a port of a server of ours that was down: move that server.
env_port() {
	local server=$1 now=$2 free

	free=$(port_free "$now")
	[ "$free" != "$now" ] || return 0
	note "port $now is taken by another program: $server moves to $free"
	case $server in
		PostgreSQL) PGPORT=$free ;;
		MariaDB) MYSQL_PORT=$free ;;
		Kafka) KAFKA_BROKERS=127.0.0.1:$free ;;
		MinIO) S3_ENDPOINT=http://127.0.0.1:$free ;;
		Metabase) METABASE_URL=http://127.0.0.1:$free ;;
	esac
	env_write
}
