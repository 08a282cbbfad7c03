# The private Kafka: one process, broker and controller, without ZooKeeper. Debian has no package of it, so mvn brings its
# jars, once: they are kept outside the checkout, in a folder that holds the version. KAFKA_VERSION=4.1.0 takes another.
# shellcheck shell=bash

kafka_version=${KAFKA_VERSION:-3.9.1}
kafka_jars=$cache/lib/kafka_2.13-$kafka_version
kafka_log=$cache/kafka-jars.log

# The jars take half a minute: bring them in the background, and wait for them where Kafka is needed.
kafka_prepare() {
	[ ! -d "$kafka_jars" ] || return 0
	! kafka_coming || return 0
	mkdir -p "$cache"
	say "Bringing Kafka's jars in the background, once: about half a minute (log: $kafka_log)"
	setsid bash "$top/stack/kafka-jars" </dev/null >"$kafka_log" 2>&1 8>&- &
	disown
}

kafka_coming() { [ -e "$cache/kafka.lock" ] && ! flock -n "$cache/kafka.lock" true; }

kafka_await() {
	local begun=$SECONDS said=$SECONDS

	kafka_prepare
	while [ ! -d "$kafka_jars" ]; do
		sleep 0.2
		if ! kafka_coming && ((SECONDS - begun > 3)) && [ ! -d "$kafka_jars" ]; then
			tail -n 15 "$kafka_log" >&2
			die "Kafka's jars could not be had; the log is $kafka_log"
		fi
		if ((SECONDS - said >= 30)); then
			note "Kafka's jars are still on their way ($(duration $((SECONDS - started))))"
			said=$SECONDS
		fi
	done
}

# This version runs on Java 17 to 23. The machine's own may be another.
kafka_java() {
	local java version

	for java in java /usr/lib/jvm/java-17-openjdk-*/bin/java /usr/lib/jvm/java-21-openjdk-*/bin/java; do
		version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || continue
		if ((${version:-0} >= 17 && version <= 23)); then command -v "$java"; return; fi
	done
	return 1
}

# Kafka runs as the caller: it does not mind root, and its jars lie in the caller's home.
kafka_start() {
	kafka_await
	env_port Kafka "$(kafka_port)"
	[ -e "$state/kafka.made" ] || kafka_make
	kafka_configure
	mkdir -p "$state/log"
	kafka_begun=$(stat -c %s "$state/log/kafka.log" 2>/dev/null || echo 0)
	process_start kafka "$(kafka_java)" -Xms256m -Xmx512m -XX:+ExitOnOutOfMemoryError -Dorg.slf4j.simpleLogger.showDateTime=true \
		-Dorg.slf4j.simpleLogger.dateTimeFormat='yyyy-MM-dd HH:mm:ss.SSS' -cp "$kafka_jars/*" \
		kafka.Kafka "$state/run/kafka.properties" --override "log.dirs=$state/kafka"
	process_wait kafka kafka_answers
}

# Ready is when it says so: it answers a moment before it leads its partitions.
kafka_answers() { [[ $(tail -c "+$((kafka_begun + 1))" "$state/log/kafka.log") == *'Kafka Server started'* ]]; }

# Made in full, or not at all, as the others' folders.
kafka_make() {
	rm -rf "$state/kafka"
	mkdir -m 700 "$state/kafka"
	kafka_configure
	work "making Kafka's data folder" "$state/run/kafka-format.log" "$(kafka_java)" -Xmx256m -cp "$kafka_jars/*" \
		kafka.tools.StorageTool format --cluster-id "$(kafka_id)" --config "$state/run/kafka.properties"
	touch "$state/kafka.made"
}

# 16 random bytes, in base64 for addresses. One that begins with a hyphen would look like an option.
kafka_id() { echo "k$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | cut -c1-20)A"; }

# Small internal topics, one copy of all; retention and compaction are looked after often, for tests that wait for them.
# Records stay for ever unless a topic says otherwise: tests and demos write old ones. A broker that was killed comes back
# only when the controller no longer waits for it: soon.
kafka_configure() {
	local port control

	port=$(kafka_port)
	control=$(port_free $((port + 1)))
	cat >"$state/run/kafka.properties" <<-EOF
		# Written by stack/up at every start.
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$control
		listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$control
		advertised.listeners=PLAINTEXT://127.0.0.1:$port
		inter.broker.listener.name=PLAINTEXT
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
		log.dirs=$state/kafka
		auto.create.topics.enable=false
		message.max.bytes=20000000
		replica.fetch.max.bytes=20000000
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=1
		group.initial.rebalance.delay.ms=0
		broker.session.timeout.ms=1000
		broker.heartbeat.interval.ms=200
		log.retention.ms=-1
		log.retention.check.interval.ms=1000
		log.segment.delete.delay.ms=1000
		log.cleaner.backoff.ms=500
		log.cleaner.dedupe.buffer.size=2097152
	EOF
}

kafka_stop() { process_stop kafka TERM KILL; }
