#!/usr/bin/env bash
# Accounts and a RetailDB for the MariaDB of compose.yaml. The image runs this once, when its data folder is new: the
# accounts are those of stack/mariadb.sh, the data is generated or comes from a dump, as by stack/retail.
set -euo pipefail

client() { MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb --protocol=socket --user=root --default-character-set=utf8mb4 "$@"; }
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/['\\\\]/\\\\&/g")"; }

client <<SQL
CREATE USER 'administrator'@'%' IDENTIFIED BY $(quote "$ADMINISTRATOR_PWD");
GRANT ALL PRIVILEGES ON *.* TO 'administrator'@'%' WITH GRANT OPTION;
CREATE USER 'pipeline'@'%' IDENTIFIED BY $(quote "$RETAIL_PWD");
GRANT SELECT, SHOW VIEW ON retaildb.* TO 'pipeline'@'%';
CREATE DATABASE retaildb DEFAULT CHARACTER SET utf8mb4;
SQL

case $RETAIL_DUMP in
	'') { echo "SET @scale = $SCALE;"; cat /retail/retail.sql; } ;;
	*.gz) gzip -dc /retail/dump ;;
	*) cat /retail/dump ;;
esac | client retaildb
