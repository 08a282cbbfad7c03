# The private MariaDB. The accounts are set at every start, before it listens: what `env` says is what holds.
# shellcheck shell=bash

mariadb_start() {
	server_folder mariadb
	[ -e "$state/mariadb.made" ] || mariadb_make
	env_port MariaDB "$MYSQL_PORT"
	mariadb_accounts
	# shellcheck disable=SC2046 # a list of words
	process_start mariadb $(server_prefix) mariadbd --no-defaults --datadir="$state/mariadb" --init-file="$state/mariadb/accounts.sql" \
		--bind-address=127.0.0.1 --port="$MYSQL_PORT" --socket=mariadb.sock --pid-file=mariadb.pid --skip-name-resolve \
		--character-set-server=utf8mb4 --collation-server=utf8mb4_general_ci --default-time-zone=+00:00 \
		--innodb-buffer-pool-size=512M --max-allowed-packet=64M
	process_wait mariadb mariadb-admin --no-defaults --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" ping
}

mariadb_make() {
	rm -rf "$state/mariadb"
	server_folder mariadb
	work "making MariaDB's data folder" "$state/run/mariadb-install-db.log" as_server mariadb-install-db --no-defaults \
		--datadir="$state/mariadb" --skip-test-db --auth-root-authentication-method=normal
	touch "$state/mariadb.made"
}

mariadb_accounts() {
	private_file "$state/mariadb/accounts.sql" <<-EOF
		CREATE USER IF NOT EXISTS '$MYSQL_USER'@'%';
		ALTER USER '$MYSQL_USER'@'%' IDENTIFIED BY '$MYSQL_PWD';
		GRANT ALL PRIVILEGES ON *.* TO '$MYSQL_USER'@'%' WITH GRANT OPTION;
		CREATE USER IF NOT EXISTS '$RETAIL_USER'@'%';
		ALTER USER '$RETAIL_USER'@'%' IDENTIFIED BY '$RETAIL_PWD';
		GRANT SELECT, SHOW VIEW ON retaildb.* TO '$RETAIL_USER'@'%';
		DELETE FROM mysql.global_priv WHERE User IN ('root', '');
		FLUSH PRIVILEGES;
	EOF
	if is_root; then chown "$server_user:" "$state/mariadb/accounts.sql"; fi
}

# The client, as the administrator.
mariadb_client() { mariadb --no-defaults --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" "$@"; }

# Which RetailDB is loaded. The mark lives outside retaildb, which holds six tables and nothing else.
mariadb_loaded() { mariadb_client --skip-column-names --batch -e "SELECT what FROM stack.loaded" 2>/dev/null || true; }

mariadb_stop() { process_stop mariadb TERM KILL; }
