# What every command of the stack begins with: where the checkout and the state are, how to speak, how to fail, as whom
# to run. The servers have files of their own (postgres.sh, mariadb.sh, kafka.sh, minio.sh), as have packages and processes.
# shellcheck shell=bash
set -euo pipefail

# What stands at the head of the command is its help.
case ${1:-} in -h | --help)
	awk 'NR > 1 { if (!/^#/ || /shellcheck/) exit; sub(/^# ?/, ""); print }' "$0"
	exit ;;
esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pg_medallion
started=$SECONDS

say() { printf '%s\n' "$*"; }
note() { printf '  %s\n' "$*"; }
# no_arguments "$@": of a command that takes none
no_arguments() { [ $# -eq 0 ] || die "unknown argument \"$1\"" "See $(basename "$0") --help."; }
die() { printf '%s: %s\n' "$(basename "$0")" "$1" >&2; shift; [ $# -eq 0 ] || printf '  %s\n' "$@" >&2; exit 1; }

# Does a piece of work that may take long, with its output in a log: says every half minute that it is still at it, and
# shows the end of the log if it fails.
#   work 'installing packages' LOG COMMAND…
work() {
	local what=$1 log=$2 said=$SECONDS pid
	shift 2
	"$@" >>"$log" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 0.1
		if ((SECONDS - said >= 30)); then
			note "still $what ($(duration $((SECONDS - started))))"
			said=$SECONDS
		fi
	done
	wait $pid && return
	tail -n 20 "$log" >&2
	die "$what failed; its log is $log"
}

is_root() { [ "$(id -u)" = 0 ]; }

# Seconds as a person says them.
duration() { if [ "$1" -lt 60 ]; then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi; }

# Something as root: packages and `make install` need it, nothing else does.
as_root() {
	if is_root; then "$@"; return; fi
	command -v sudo >/dev/null || die "this needs root, and there is no sudo: $*" \
		"Install sudo and allow $(id -un) to use it, or run the command as root."
	sudo "$@"
}

# Something as the user whose servers these are: PostgreSQL refuses root, MariaDB should not have it.
server_user=$(is_root && echo postgres || id -un)
server_prefix() {
	! is_root || echo "setpriv --reuid=$server_user --regid=$(id -g "$server_user") --init-groups -- env HOME=/"
}
# shellcheck disable=SC2046 # a list of words
as_server() { (cd "$state" && exec $(server_prefix) "$@"); }

# The state (data, logs, pids, env) is .stack in the checkout. Where root's servers could not enter that (a checkout
# under /root), .stack is a link to a folder in /var/tmp. STACK_DIR names another folder, for a second stack.
state_open() {
	local real

	link=$(realpath -sm "${STACK_DIR:-$top/.stack}")
	if is_root && ! unprivileged_enters "$(dirname "$link")"; then
		real=/var/tmp/pg_medallion-$(printf %s "$link" | sha256sum | cut -c1-12)
		mkdir -m 711 "$real" 2>/dev/null || [ -O "$real" ] || die "$real belongs to somebody else"
		[ -L "$link" ] || [ -e "$link" ] || ln -s "$real" "$link"
	fi
	mkdir -p "$link"
	state=$(cd "$link" && pwd -P)
	[ -O "$state" ] || die "the stack in $link belongs to $(stat -c %U "$state")" "Run this as that user."
	chmod 711 "$state"
	mkdir -p -m 700 "$state/run"
}

unprivileged_enters() { setpriv --reuid=65534 --regid=65534 --clear-groups -- test -x "$1" 2>/dev/null; }

# A folder of the state that the servers own.
server_folder() {
	mkdir -p "$state/$1"
	chmod 700 "$state/$1"
	if is_root; then chown "$server_user:" "$state/$1"; fi
}

# Standard input, in a file that nobody else reads.
private_file() { (umask 077 && cat >"$1"); }
