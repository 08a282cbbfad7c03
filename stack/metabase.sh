# The private Metabase, from a jar of yours: it comes in no package. Its own database is H2, in the stack's state: good enough
# to look at, and for nothing else.
# shellcheck shell=bash

metabase_port() { echo "${METABASE_URL##*:}"; }

metabase_start() {
	local java

	java=$(command -v java) || java=$(kafka_java) || die "there is no Java for Metabase"
	mkdir -p -m 700 "$state/metabase"
	env_port Metabase "$(metabase_port)"
	MB_JETTY_HOST=127.0.0.1 MB_JETTY_PORT=$(metabase_port) MB_DB_TYPE=h2 MB_DB_FILE=$state/metabase/metabase.db \
		MB_PLUGINS_DIR=$state/metabase/plugins MB_ANON_TRACKING_ENABLED=false MB_CHECK_FOR_UPDATES=false MB_LOAD_SAMPLE_CONTENT=false \
		process_start metabase "$java" "-Djava.io.tmpdir=$state/metabase" -jar "$1"
	process_wait metabase port_taken "$(metabase_port)"
}

metabase_stop() { process_stop metabase TERM KILL; }
