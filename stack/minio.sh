# The private MinIO. Debian has no package of it, so it is built from source, once: the binary is kept outside the
# checkout, under a name that holds its version. A minio on PATH is used as it is.
# shellcheck shell=bash

minio_version=v0.0.0-20260212201848-7aac2a2c5b7c
minio_go=1.24
minio_cached=$cache/bin/minio-$minio_version
minio_log=$cache/minio-build.log

minio_binary() { command -v minio || { [ -x "$minio_cached" ] && echo "$minio_cached"; }; }

# The build takes minutes: start it before all else, in the background, and wait for it where MinIO is needed.
minio_prepare() {
	minio_binary >/dev/null && return
	minio_building && return
	mkdir -p "$cache/bin"
	if ! minio_toolchain >/dev/null && command -v apt-get >/dev/null && [ -n "$(package_missing python3-venv)" ]; then
		package_update
		package_install python3-venv ca-certificates
	fi
	say "Building MinIO in the background, once: 5 to 10 minutes on two cores (log: $minio_log)"
	setsid nice -n 10 bash "$top/stack/minio-build" </dev/null >"$minio_log" 2>&1 8>&- &
	disown
}

minio_building() { [ -e "$cache/build.lock" ] && ! flock -n "$cache/build.lock" true; }

# The go command of a toolchain that is new enough, if the machine has one.
minio_toolchain() {
	local go

	for go in go "$cache/build/venv/bin/go"; do
		command -v "$go" >/dev/null || continue
		if printf 'go%s\n' "$minio_go" "$("$go" env GOVERSION | sed 's/^go//')" | sort -CV; then command -v "$go"; return; fi
	done
	return 1
}

minio_await() {
	local begun=$SECONDS said=$SECONDS

	minio_prepare
	while ! minio_binary >/dev/null; do
		sleep 1
		if ! minio_building && ((SECONDS - begun > 3)) && ! minio_binary >/dev/null; then
			tail -n 15 "$minio_log" >&2
			die "MinIO could not be built; the log is $minio_log" "Or put a minio binary on PATH."
		fi
		if ((SECONDS - said >= 30)); then
			note "MinIO is still being built ($(duration $((SECONDS - started))))"
			said=$SECONDS
		fi
	done
}

# MinIO runs as the caller: unlike the others it does not mind root, and its binary lives in the caller's home.
minio_start() {
	minio_await
	mkdir -p -m 700 "$state/minio"
	env_port MinIO "$(s3_port)"
	MINIO_ROOT_USER=$S3_ACCESS_KEY MINIO_ROOT_PASSWORD=$S3_SECRET_KEY MINIO_BROWSER=off MINIO_UPDATE=off \
		process_start minio "$(minio_binary)" server --quiet --address "127.0.0.1:$(s3_port)" \
		--certs-dir "$state/run/certs" "$state/minio"
	process_wait minio minio_answers
}

minio_answers() {
	local answer

	exec 3<>"/dev/tcp/127.0.0.1/$(s3_port)" || return 1
	printf 'GET /minio/health/ready HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
	read -r answer <&3
	exec 3>&-
	[[ $answer == *" 200 "* ]]
}

minio_stop() { process_stop minio TERM KILL; }
