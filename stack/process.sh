# Server processes: which one is ours, is it alive, how it ends. A pid is only a number: after a crash or a power loss
# it may be somebody else's, so a process is ours only if its command line names our data folder.
# shellcheck shell=bash

pid_file() {
	case $1 in
		postgres) echo "$state/postgres/postmaster.pid" ;;
		*) echo "$state/run/$1.pid" ;;
	esac
}

# Prints the pid of our running server, or fails.
process_pid() {
	local pid

	pid=$(head -n 1 "$(pid_file "$1")" 2>/dev/null) || return 1
	[[ $pid =~ ^[0-9]+$ ]] && process_is_ours "$1" "$pid" && echo "$pid"
}

process_is_ours() {
	grep -zqxF -e "$state/$1" -e "--datadir=$state/$1" -e "log.dirs=$state/$1" -e "-Djava.io.tmpdir=$state/$1" "/proc/$2/cmdline" 2>/dev/null
}

# Every process that works inside our data folder, whatever any pid file says.
process_inside() {
	local proc

	for proc in /proc/[0-9]*; do
		case $(readlink "$proc/cwd" 2>/dev/null) in
			"$state/$1" | "$state/$1"/*) echo "${proc#/proc/}" ;;
		esac
	done
}

# Two servers in one folder would ruin it.
process_alone() {
	local stray

	stray=$(process_inside "$1")
	[ -z "$stray" ] || die "processes that are not on record work in $state/$1: ${stray//$'\n'/ }" "End them, then run this again."
}

# Starts a server that does not detach itself: no terminal, output to its log, pid recorded.
process_start() {
	local server=$1
	shift
	server_folder log
	(
		cd "$state/$server" 2>/dev/null || cd /
		exec setsid "$@" </dev/null >>"$state/log/$server.log" 2>&1
	) &
	echo $! >"$state/run/$server.pid"
	disown
}

# Waits until the check given says yes; a server that died, or is too slow, is shown by the end of its log.
process_wait() {
	local server=$1 i
	shift
	for ((i = 0; i < 600; i++)); do
		if "$@" >/dev/null 2>&1; then return; fi
		if ((i > 5)) && ! process_pid "$server" >/dev/null; then break; fi
		sleep 0.1
	done
	tail -n 15 "$state/log/$server.log" >&2 || true
	die "$server did not start; its log is $state/log/$server.log"
}

# Asks with the first signal, then insists with the second.
process_stop() {
	local server=$1 pid signal

	pid=$(process_pid "$server") || return 1
	for signal in "$2" "$3"; do
		kill -s "$signal" "$pid" 2>/dev/null || true
		process_gone "$pid" && { rm -f "$state/run/$server.pid"; return; }
	done
	die "$server (pid $pid) does not stop"
}

process_gone() {
	local i

	for ((i = 0; i < 300; i++)); do
		[ -e "/proc/$1" ] || return 0
		sleep 0.1
	done
	return 1
}
