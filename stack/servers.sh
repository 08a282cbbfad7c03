# The servers as one: in the order in which they start.
# shellcheck shell=bash

. "$top/stack/env.sh"
. "$top/stack/process.sh"
. "$top/stack/package.sh"
. "$top/stack/postgres.sh"
. "$top/stack/mariadb.sh"
. "$top/stack/kafka.sh"
. "$top/stack/minio.sh"
. "$top/stack/metabase.sh"

servers=(postgres mariadb kafka minio)
declare -A title=([postgres]=PostgreSQL [mariadb]=MariaDB [kafka]=Kafka [minio]=MinIO [metabase]=Metabase)

server_port() {
	case $1 in
		postgres) echo "$PGPORT" ;;
		mariadb) echo "$MYSQL_PORT" ;;
		kafka) kafka_port ;;
		minio) s3_port ;;
		metabase) metabase_port ;;
	esac
}

servers_running() {
	local server

	for server in "${servers[@]}"; do process_pid "$server" >/dev/null || return 1; done
}

servers_show() {
	local server pid

	for server in "${servers[@]}"; do
		if pid=$(process_pid "$server"); then
			printf '  %-10s  running  127.0.0.1:%s  pid %s\n' "${title[$server]}" "$(server_port "$server")" "$pid"
		else
			printf '  %-10s  stopped\n' "${title[$server]}"
		fi
	done
	# not one that the stack needs
	if pid=$(process_pid metabase); then printf '  %-10s  running  %s  pid %s\n' Metabase "$METABASE_URL" "$pid"; fi
}
