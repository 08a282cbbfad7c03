# Debian packages: what the stack and the build need, and how it gets here.
# shellcheck shell=bash

# The release's own PostgreSQL, unless PG_CONFIG names, or the machine has, another.
pg_config_here() { command -v "${PG_CONFIG:-pg_config}" >/dev/null && [ -e "$("${PG_CONFIG:-pg_config}" --pgxs)" ]; }

package_postgres_major() {
	if pg_config_here; then
		"${PG_CONFIG:-pg_config}" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/'
	else
		apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1
	fi
}

package_list() {
	local major

	major=$(package_postgres_major)
	echo "postgresql-${major:-15} postgresql-server-dev-${major:-15} postgresql-${major:-15}-cron" \
		"mariadb-server mariadb-client libmariadb-dev librdkafka-dev libcurl4-openssl-dev libs3-dev libzstd-dev zlib1g-dev" \
		"$(package_java)" "kcat gcc libc6-dev make perl libipc-run-perl libio-socket-ssl-perl python3"
}

# Java for the Kafka broker, where there is none that it runs on; Maven while its jars are not here.
package_java() {
	local name

	if ! kafka_java >/dev/null; then
		for name in openjdk-17-jre-headless openjdk-21-jre-headless; do
			[[ $(apt-cache policy $name 2>/dev/null) != *'Candidate: '[0-9]* ]] || break
		done
		echo "$name"
	fi
	[ -d "$kafka_jars" ] || echo maven
}

package_missing() {
	local name have

	have=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' 2>/dev/null)"
	for name in "$@"; do
		case $have in *" $name:installed "*) ;; *) echo "$name" ;; esac
	done
}

# Brings apt's lists here, once: a bare machine has none, an old one has old ones.
package_update() {
	[ -z "${package_updated:-}" ] || return 0
	package_updated=1
	work 'reading the lists of packages' "$state/run/apt.log" as_root apt-get update -qq
}

package_install() {
	local missing

	missing=$(package_missing "$@")
	[ -n "$missing" ] || return 0
	say "Installing packages: "$missing
	# shellcheck disable=SC2086 # a list of words
	work 'installing packages' "$state/run/apt.log" \
		as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l sh -ec "$package_script" sh $missing
}

# The packages bring servers of their own, which would start now and at every boot. The stack needs the programs alone.
# shellcheck disable=SC2016 # for the shell that runs it
package_script='
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap "rm -f $policy" EXIT
		trap "exit 1" INT TERM
		printf "#!/bin/sh\nexit 101\n" >$policy
		chmod 755 $policy
	fi
	apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
	[ -d /run/systemd/system ] || exit 0
	case " $* " in *" mariadb-server "*) systemctl disable --quiet mariadb.service ;; esac
	case " $* " in *" postgresql-"[0-9]*) systemctl disable --quiet postgresql.service ;; esac
'

package_need() {
	local list

	command -v apt-get >/dev/null || package_elsewhere
	list=$(package_list)
	# shellcheck disable=SC2086 # a list of words
	[ -n "$(package_missing $list)" ] || return 0
	package_update
	# shellcheck disable=SC2046 # a list of words, asked again now that apt knows its release
	package_install $(package_list)
	note "packages are here ($(duration $((SECONDS - started))))"
}

# Not Debian: use what is there, or say what is not.
package_elsewhere() {
	local name missing=

	for name in "${PG_CONFIG:-pg_config}" mariadbd mariadb-install-db mariadb java mvn make gcc python3; do
		if [ "$name" = mvn ] && [ -d "$kafka_jars" ]; then continue; fi
		command -v "$name" >/dev/null || missing+=" $name"
	done
	[ -z "$missing" ] || die "not a Debian system, and these commands are missing:$missing" \
		"Install PostgreSQL 15 to 18 with its server headers and pg_cron, MariaDB, Java 17 or 21, Maven, the" \
		"development files of MariaDB Connector/C, librdkafka, libcurl, libs3, zstd and zlib, a C compiler and Python 3; then" \
		"run this again."
}
