/*
 * kafka_tool.c
 *		What the tests do to Kafka behind the back of the code under test, and the mock cluster that they break.
 *
 *	kafka_tool [-b BROKERS] [-X PROPERTY=VALUE]... COMMAND, with BROKERS from KAFKA_BROKERS
 *		create TOPIC PARTITIONS [CONFIG=VALUE]...	returns when every partition has a leader
 *		delete TOPIC								also when it is not there; returns when it is gone
 *		grow TOPIC PARTITIONS						more partitions
 *		configure TOPIC CONFIG=VALUE...				settings that are not named go back to their defaults
 *		truncate TOPIC PARTITION OFFSET				what lies below the offset is gone, as after retention
 *		watermarks TOPIC							lines of partition, low, high (of committed records)
 *		produce TOPIC								records from standard input, see below
 *		read TOPIC									all committed records, in the form that produce takes, offset first
 *		flood TOPIC COUNT START SECONDS CITIES SEED	plausible OpenWeather records of about 600 bytes, spread evenly over
 *													the seconds from START (Unix time) on, which is also their time in Kafka
 *		mock BROKERS								a mock cluster in this process: prints its address, then obeys lines
 *													(see mock_obey) until standard input ends
 *
 * A record is a line of fields with tabs between: partition (-1: by key), timestamp (ms, -1: now), key, value, and
 * headers as pairs of name and value, any number. A field is -: NULL, =text, or hexadecimal digits. The line "flush"
 * waits for what was sent and prints partition and offset of each record; so does the end of the input. With -X
 * transactional.id=... the records belong to a transaction, which the line "commit" or "abort" ends; without either
 * it is left open when the input ends.
 *
 * Results go to standard output; an error ends the program with status 1.
 */
#include <ctype.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000

/* One sent record: where it went, once the broker has answered. */
typedef struct Sent
{
	int32_t		partition;
	int64_t		offset;
	rd_kafka_resp_err_t error;
	bool		answered;
} Sent;

/* A field of a record: bytes, or NULL. */
typedef struct Field
{
	char	   *bytes;
	size_t		length;
} Field;

static rd_kafka_conf_t *conf;
static char problem[512];
static size_t undelivered;
static rd_kafka_resp_err_t undelivered_error;

static void __attribute__((format(printf, 1, 2), noreturn))
die(const char *format,...)
{
	va_list		arguments;

	fflush(stdout);
	fputs("kafka_tool: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	_exit(1);
}

static void
check(rd_kafka_resp_err_t error, const char *what)
{
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("%s: %s", what, rd_kafka_err2str(error));
}

static void
check_error(rd_kafka_error_t *error, const char *what)
{
	if (error != NULL)
		die("%s: %s", what, rd_kafka_error_string(error));
}

static void
set(const char *name, const char *value)
{
	if (rd_kafka_conf_set(conf, name, value, problem, sizeof(problem)) != RD_KAFKA_CONF_OK)
		die("%s", problem);
}

static rd_kafka_t *
client(rd_kafka_type_t type)
{
	rd_kafka_t *rk = rd_kafka_new(type, conf, problem, sizeof(problem));

	if (rk == NULL)
		die("%s", problem);
	return rk;
}

static void
pause_ms(int ms)
{
	nanosleep(&(struct timespec) {ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* ---------------------------------------------------------------- topics ---------------------------------------- */

static rd_kafka_resp_err_t
topic_result(const rd_kafka_event_t *event)
{
	const rd_kafka_topic_result_t **results = NULL;
	size_t		count = 0;

	switch (rd_kafka_event_type(event))
	{
		case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
			results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result((rd_kafka_event_t *) event), &count);
			break;
		case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
			results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result((rd_kafka_event_t *) event), &count);
			break;
		case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
			results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result((rd_kafka_event_t *) event),
															  &count);
			break;
		case RD_KAFKA_EVENT_ALTERCONFIGS_RESULT:
			{
				const rd_kafka_ConfigResource_t **resources =
					rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result((rd_kafka_event_t *) event), &count);

				return count > 0 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR__FAIL;
			}
		case RD_KAFKA_EVENT_DELETERECORDS_RESULT:
			return rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result((rd_kafka_event_t *) event))->elems[0].err;
		default:
			return RD_KAFKA_RESP_ERR__FAIL;
	}
	return count > 0 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
}

/* The outcome of the one request whose answer comes to the queue. */
static rd_kafka_resp_err_t
answer(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
	rd_kafka_resp_err_t error;

	if (event == NULL)
		return RD_KAFKA_RESP_ERR__TIMED_OUT;
	error = rd_kafka_event_error(event);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		error = topic_result(event);
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	return error;
}

/* Partitions of a topic that have a leader; -1 if there is no such topic. */
static int
partitions(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	int			count = -1;

	check(rd_kafka_metadata(rk, 0, rkt, &metadata, PATIENCE_MS), "metadata");
	if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		count = 0;
		for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
			count += metadata->topics[0].partitions[i].leader >= 0;
	}
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(rkt);
	return count;
}

static void
await_partitions(rd_kafka_t *rk, const char *topic, int wanted)
{
	for (int i = 0; i < PATIENCE_MS / 20; i++)
	{
		if (partitions(rk, topic) == wanted)
			return;
		pause_ms(20);
	}
	die("topic \"%s\" does not come to %d partitions", topic, wanted);
}

static void
create(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(argv[0], atoi(argv[1]), 1, problem, sizeof(problem));

	if (topic == NULL)
		die("%s", problem);
	for (int i = 2; i < argc; i++)
	{
		char	   *value = strchr(argv[i], '=');

		if (value == NULL)
			die("\"%s\" is no setting", argv[i]);
		*value++ = '\0';
		check(rd_kafka_NewTopic_set_config(topic, argv[i], value), argv[i]);
	}
	rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
	check(answer(queue), argv[0]);
	await_partitions(rk, argv[0], atoi(argv[1]));
}

static void
delete(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(argv[0]);
	rd_kafka_resp_err_t error;

	rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
	error = answer(queue);
	if (error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		check(error, argv[0]);
	await_partitions(rk, argv[0], -1);
}

static void
grow(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(argv[0], atoi(argv[1]), problem, sizeof(problem));

	if (more == NULL)
		die("%s", problem);
	rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
	check(answer(queue), argv[0]);
	await_partitions(rk, argv[0], atoi(argv[1]));
}

static void
configure(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, argv[0]);

	for (int i = 1; i < argc; i++)
	{
		char	   *value = strchr(argv[i], '=');

		if (value == NULL)
			die("\"%s\" is no setting", argv[i]);
		*value++ = '\0';
		check(rd_kafka_ConfigResource_set_config(resource, argv[i], value), argv[i]);
	}
	rd_kafka_AlterConfigs(rk, &resource, 1, NULL, queue);
	check(answer(queue), argv[0]);
}

static void
truncate_topic(rd_kafka_t *rk, int argc, char **argv)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *records;

	rd_kafka_topic_partition_list_add(offsets, argv[0], atoi(argv[1]))->offset = atoll(argv[2]);
	records = rd_kafka_DeleteRecords_new(offsets);
	rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
	check(answer(queue), argv[0]);
}

static void
watermarks(rd_kafka_t *rk, int argc, char **argv)
{
	int			count = partitions(rk, argv[0]);

	if (count < 0)
		die("there is no topic \"%s\"", argv[0]);
	for (int i = 0; i < count; i++)
	{
		int64_t		low,
					high;

		check(rd_kafka_query_watermark_offsets(rk, argv[0], i, &low, &high, PATIENCE_MS), argv[0]);
		printf("%d\t%" PRId64 "\t%" PRId64 "\n", i, low, high);
	}
}

/* ---------------------------------------------------------------- records --------------------------------------- */

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	Sent	   *sent = message->_private;

	if (sent == NULL)
	{
		if (message->err)
		{
			undelivered++;
			undelivered_error = message->err;
		}
		return;
	}
	sent->partition = message->partition;
	sent->offset = message->offset;
	sent->error = message->err;
	sent->answered = true;
}

static int
digit(char c)
{
	return isdigit((unsigned char) c) ? c - '0' : tolower((unsigned char) c) - 'a' + 10;
}

/* Decodes the next field, in place. */
static Field
field(char **line)
{
	char	   *text = strsep(line, "\t");
	Field		result = {text, 0};

	if (text == NULL)
		die("a record lacks a field");
	if (strcmp(text, "-") == 0)
		return (Field) {NULL, 0};
	if (*text == '=')
		return (Field) {text + 1, strlen(text + 1)};
	for (; isxdigit((unsigned char) text[0]) && isxdigit((unsigned char) text[1]); text += 2)
		result.bytes[result.length++] = digit(text[0]) << 4 | digit(text[1]);
	if (*text != '\0')
		die("a field of a record is none of -, =text, hexadecimal digits");
	return result;
}

static void
send_record(rd_kafka_t *rk, const char *topic, char *line, Sent *sent)
{
	const char *partition = strsep(&line, "\t");
	const char *timestamp = strsep(&line, "\t");
	Field		key = field(&line);
	Field		value = field(&line);
	rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
	int64_t		ms;

	while (line != NULL)
	{
		Field		name = field(&line);
		Field		content = field(&line);

		check(rd_kafka_header_add(headers, name.bytes, name.length, content.bytes, content.length), "header");
	}
	ms = atoll(timestamp);
	check(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(atoi(partition)),
							RD_KAFKA_V_TIMESTAMP(ms < 0 ? 0 : ms), RD_KAFKA_V_KEY(key.bytes, key.length),
							RD_KAFKA_V_VALUE(value.bytes, value.length), RD_KAFKA_V_HEADERS(headers),
							RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_OPAQUE(sent),
							RD_KAFKA_V_END),
		  "produce");
}

/* Waits for the answers to what was sent, and prints them. */
static void
flush_records(rd_kafka_t *rk, Sent **sent, size_t *count)
{
	rd_kafka_flush(rk, PATIENCE_MS);
	for (size_t i = 0; i < *count; i++)
	{
		if (!sent[i]->answered)
			die("a record was not delivered in time");
		check(sent[i]->error, "a record was not delivered");
		printf("%" PRId32 "\t%" PRId64 "\n", sent[i]->partition, sent[i]->offset);
		free(sent[i]);
	}
	*count = 0;
	fflush(stdout);
}

static void
produce(const char *topic, bool transactional)
{
	rd_kafka_t *rk;
	Sent	  **sent = NULL;
	size_t		count = 0;
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		length;

	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rk = client(RD_KAFKA_PRODUCER);
	if (transactional)
	{
		check_error(rd_kafka_init_transactions(rk, PATIENCE_MS), "init");
		check_error(rd_kafka_begin_transaction(rk), "begin");
	}
	while ((length = getline(&line, &size, stdin)) > 0)
	{
		if (line[length - 1] == '\n')
			line[--length] = '\0';
		if (strcmp(line, "flush") == 0)
		{
			flush_records(rk, sent, &count);
			puts("flushed");
			fflush(stdout);
		}
		else if (strcmp(line, "commit") == 0 || strcmp(line, "abort") == 0)
		{
			bool		commit = *line == 'c';

			flush_records(rk, sent, &count);
			check_error(commit ? rd_kafka_commit_transaction(rk, PATIENCE_MS) : rd_kafka_abort_transaction(rk, PATIENCE_MS), line);
			puts(commit ? "committed" : "aborted");
			fflush(stdout);
			check_error(rd_kafka_begin_transaction(rk), "begin");
		}
		else
		{
			sent = realloc(sent, (count + 1) * sizeof(Sent *));
			sent[count] = calloc(1, sizeof(Sent));
			send_record(rk, topic, line, sent[count]);
			count++;
			rd_kafka_poll(rk, 0);
		}
	}
	flush_records(rk, sent, &count);
	if (transactional)
		_exit(0);				/* destroying the client would abort */
	rd_kafka_destroy(rk);
}

static void
print_field(const void *bytes, size_t length)
{
	if (bytes == NULL)
	{
		fputs("\t-", stdout);
		return;
	}
	putchar('\t');
	for (size_t i = 0; i < length; i++)
		printf("%02x", ((const unsigned char *) bytes)[i]);
}

static void
print_record(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t		size;

	printf("%" PRId64 "\t%" PRId32 "\t%" PRId64, message->offset, message->partition, rd_kafka_message_timestamp(message, NULL));
	print_field(message->key, message->key_len);
	print_field(message->payload, message->len);
	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		{
			print_field(name, strlen(name));
			print_field(value, size);
		}
	putchar('\n');
}

static void
read_topic(const char *topic)
{
	rd_kafka_t *rk;
	rd_kafka_topic_partition_list_t *assignment = rd_kafka_topic_partition_list_new(4);
	int			open;

	set("group.id", "kafka_tool");
	set("enable.partition.eof", "true");
	set("auto.offset.reset", "earliest");
	set("isolation.level", "read_committed");
	rk = client(RD_KAFKA_CONSUMER);
	open = partitions(rk, topic);
	if (open < 0)
		die("there is no topic \"%s\"", topic);
	for (int i = 0; i < open; i++)
		rd_kafka_topic_partition_list_add(assignment, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	check(rd_kafka_assign(rk, assignment), "assign");
	while (open > 0)
	{
		rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, PATIENCE_MS);

		if (message == NULL)
			die("\"%s\" does not come to its end", topic);
		if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			open--;
		else
		{
			check(message->err, topic);
			print_record(message);
		}
		rd_kafka_message_destroy(message);
	}
	fflush(stdout);
	_exit(0);
}

/* ---------------------------------------------------------------- weather --------------------------------------- */

typedef struct City
{
	const char *name;
	int			id;
	const char *country;
	int			lon;			/* hundredths of a degree */
	int			lat;
	int			timezone;		/* seconds */
} City;

static const City cities[] = {
	{"London", 2643743, "GB", -13, 5151, 3600},
	{"New Delhi", 1261481, "IN", 7723, 2861, 19800},
	{"New York", 5128581, "US", -7401, 4071, -14400},
	{"Paris", 2988507, "FR", 235, 4885, 7200},
	{"São Paulo", 3448439, "BR", -4664, -2355, -10800},
	{"Tokyo", 1850144, "JP", 13969, 3569, 32400},
	{"Cairo", 360630, "EG", 3125, 3006, 10800},
	{"Lagos", 2332459, "NG", 375, 645, 3600},
	{"Reykjavík", 3413829, "IS", -2189, 6414, 0},
	{"Sydney", 2147714, "AU", 15121, -3387, 36000},
	{"Berlin", 2950159, "DE", 1341, 5252, 7200},
	{"Mexico City", 3530597, "MX", -9914, 1943, -21600},
	{"Singapore", 1880252, "SG", 10385, 129, 28800},
	{"Nairobi", 184745, "KE", 3682, -128, 10800},
	{"Oslo", 3143244, "NO", 1075, 5991, 7200},
	{"Buenos Aires", 3435910, "AR", -5838, -3461, -10800},
	{"Toronto", 6167865, "CA", -7942, 4370, -14400},
	{"Madrid", 3117735, "ES", -370, 4042, 7200},
	{"Jakarta", 1642911, "ID", 10685, -621, 25200},
	{"Anchorage", 5879400, "US", -14990, 6122, -28800},
};

static uint64_t
draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#define HUNDREDTHS(v) (v) < 0 ? "-" : "", abs(v) / 100, abs(v) % 100

/* A reading at a moment, in microseconds of Unix time. */
static int
reading(char *json, size_t size, const City *city, int64_t moment, uint64_t *random)
{
	static time_t second = -1;
	static char stamp[32];
	time_t		now = moment / 1000000;
	int			hour = (now + city->timezone) % 86400 / 3600;
	int			temp = 30300 - abs(city->lat) / 2 - abs(hour - 14) * 70 + (int) (draw(random) % 200);
	int			humidity = 40 + draw(random) % 55;
	time_t		dt = now - 60 - draw(random) % 600;
	struct tm	utc;

	if (now != second)
	{
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &utc));
		second = now;
	}
	return snprintf(json, size,
					"{\"coord\":{\"lon\":%s%d.%02d,\"lat\":%s%d.%02d},\"weather\":[{\"id\":803,\"main\":\"Clouds\","
					"\"description\":\"broken clouds\",\"icon\":\"04d\"}],\"base\":\"stations\",\"main\":{\"temp\":%d.%02d,"
					"\"feels_like\":%d.%02d,\"temp_min\":%d.%02d,\"temp_max\":%d.%02d,\"pressure\":%d,\"humidity\":%d,"
					"\"sea_level\":1014,\"grnd_level\":1002},\"visibility\":10000,\"wind\":{\"speed\":%d.%02d,\"deg\":%d},"
					"\"clouds\":{\"all\":%d},\"dt\":%lld,\"sys\":{\"type\":2,\"id\":268730,\"country\":\"%s\",\"sunrise\":%lld,"
					"\"sunset\":%lld},\"timezone\":%d,\"id\":%d,\"name\":\"%s\",\"cod\":200,\"_ingest_ts\":\"%s.%06d+00:00\","
					"\"_city\":\"%s\",\"_units\":\"standard\"}",
					HUNDREDTHS(city->lon), HUNDREDTHS(city->lat), temp / 100, temp % 100, (temp - 60) / 100,
					(temp - 60) % 100, (temp - 90) / 100, (temp - 90) % 100, (temp + 110) / 100, (temp + 110) % 100,
					1000 + (int) (draw(random) % 40), humidity, (int) (draw(random) % 12), (int) (draw(random) % 100),
					(int) (draw(random) % 360), (int) (draw(random) % 101), (long long) dt, city->country,
					(long long) (now - now % 86400 + 21600), (long long) (now - now % 86400 + 64800), city->timezone, city->id,
					city->name, stamp, (int) (moment % 1000000), city->name);
}

static void
flood(char **argv)
{
	int64_t		count = atoll(argv[1]);
	int64_t		start = atoll(argv[2]) * 1000000;
	int64_t		span = atoll(argv[3]) * 1000000;
	int			places = atoi(argv[4]);
	uint64_t	random = (uint64_t) atoll(argv[5]) * 0x9E3779B97F4A7C15u + 1;
	rd_kafka_t *rk;

	if (places < 1 || places > (int) (sizeof(cities) / sizeof(cities[0])))
		die("there are 1 to %zu cities", sizeof(cities) / sizeof(cities[0]));
	set("compression.type", "lz4");
	set("linger.ms", "50");
	set("batch.num.messages", "10000");
	set("queue.buffering.max.messages", "500000");
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rk = client(RD_KAFKA_PRODUCER);
	for (int64_t i = 0; i < count; i++)
	{
		const City *city = &cities[i % places];
		int64_t		moment = start + (int64_t) ((__int128) span * i / count);
		char		json[1024];
		int			length = reading(json, sizeof(json), city, moment, &random);

		check(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(argv[0]), RD_KAFKA_V_TIMESTAMP(moment / 1000),
								RD_KAFKA_V_KEY(city->name, strlen(city->name)), RD_KAFKA_V_VALUE(json, length),
								RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_END),
			  "produce");
		if (i % 1000 == 0)
			rd_kafka_poll(rk, 0);
	}
	check(rd_kafka_flush(rk, 10 * PATIENCE_MS), "flush");
	if (undelivered > 0)
		die("%zu records were not delivered: %s", undelivered, rd_kafka_err2str(undelivered_error));
	rd_kafka_destroy(rk);
}

/* ---------------------------------------------------------------- mock cluster ---------------------------------- */

/*
 * APIs have Kafka's numbers (0 Produce, 1 Fetch, 2 ListOffsets, 3 Metadata, 22 InitProducerId, 24 AddPartitionsToTxn,
 * 26 EndTxn), errors librdkafka's (-195: the broker hangs up). Broker -1 is all of them.
 */
static bool
mock_obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
	char		topic[256];
	int			a,
				b,
				c,
				d;

	if (sscanf(line, "topic %255s %d", topic, &a) == 2)
		return rd_kafka_mock_topic_create(cluster, topic, a, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "error %d %d %d", &a, &b, &c) == 3)	/* API, error, times */
	{
		while (c-- > 0)
			rd_kafka_mock_push_request_errors(cluster, a, 1, b);
		return true;
	}
	if (sscanf(line, "slow %d %d %d %d", &a, &b, &c, &d) == 4)	/* broker, API, milliseconds, times */
	{
		while (d-- > 0)
			rd_kafka_mock_broker_push_request_error_rtts(cluster, a, b, 1, RD_KAFKA_RESP_ERR_NO_ERROR, c);
		return true;
	}
	if (sscanf(line, "clear %d", &a) == 1)	/* API */
	{
		rd_kafka_mock_clear_request_errors(cluster, a);
		return true;
	}
	if (sscanf(line, "rtt %d %d", &a, &b) == 2) /* broker, milliseconds */
		return rd_kafka_mock_broker_set_rtt(cluster, a, b) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "down %d", &a) == 1)
		return rd_kafka_mock_broker_set_down(cluster, a) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "up %d", &a) == 1)
		return rd_kafka_mock_broker_set_up(cluster, a) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "leader %255s %d %d", topic, &a, &b) == 3) /* partition, broker */
		return rd_kafka_mock_partition_set_leader(cluster, topic, a, b) == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (sscanf(line, "topic_error %255s %d", topic, &a) == 2)
	{
		rd_kafka_mock_topic_set_error(cluster, topic, a);
		return true;
	}
	if (sscanf(line, "version %d %d %d", &a, &b, &c) == 3)	/* API, least and greatest version; -1: not there */
		return rd_kafka_mock_set_apiversion(cluster, a, b, c) == RD_KAFKA_RESP_ERR_NO_ERROR;
	return false;
}

static void
mock(int brokers)
{
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
	char		line[1024];

	set("bootstrap.servers", "");
	rk = client(RD_KAFKA_PRODUCER);
	cluster = rd_kafka_mock_cluster_new(rk, brokers);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		puts(mock_obey(cluster, line) ? "done" : "not understood");
		fflush(stdout);
	}
	_exit(0);
}

/* ---------------------------------------------------------------- commands -------------------------------------- */

static void
admin(void (*work) (rd_kafka_t *, int, char **), int argc, char **argv)
{
	rd_kafka_t *rk;

	set("isolation.level", "read_committed");
	rk = client(RD_KAFKA_CONSUMER);
	work(rk, argc, argv);
	fflush(stdout);
	_exit(0);					/* quicker than rd_kafka_destroy */
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		int			arguments;
		void		(*work) (rd_kafka_t *, int, char **);
	}			admins[] = {
		{"create", 2, create}, {"delete", 1, delete}, {"grow", 2, grow}, {"configure", 2, configure},
		{"truncate", 3, truncate_topic}, {"watermarks", 1, watermarks},
	};
	const char *brokers = getenv("KAFKA_BROKERS");
	bool		transactional = false;
	int			option;

	conf = rd_kafka_conf_new();
	set("broker.address.family", "v4");
	set("log_level", "2");
	set("linger.ms", "0");
	set("topic.metadata.propagation.max.ms", "3000");
	set("message.max.bytes", "100000000");
	set("receive.message.max.bytes", "200000000");
	while ((option = getopt(argc, argv, "+b:X:")) != -1)
	{
		char	   *value = option == 'X' ? strchr(optarg, '=') : NULL;

		if (option == 'b')
			brokers = optarg;
		else if (value == NULL)
			die("-b BROKERS or -X PROPERTY=VALUE was expected");
		else
		{
			*value++ = '\0';
			set(optarg, value);
			transactional |= strcmp(optarg, "transactional.id") == 0;
		}
	}
	set("bootstrap.servers", brokers != NULL ? brokers : "");
	argc -= optind;
	argv += optind;
	if (argc < 2)
		die("what to do? The beginning of kafka_tool.c tells");
	for (size_t i = 0; i < sizeof(admins) / sizeof(admins[0]); i++)
		if (strcmp(argv[0], admins[i].name) == 0 && argc > admins[i].arguments)
			admin(admins[i].work, argc - 1, argv + 1);
	if (strcmp(argv[0], "produce") == 0)
		produce(argv[1], transactional);
	else if (strcmp(argv[0], "read") == 0)
		read_topic(argv[1]);
	else if (strcmp(argv[0], "flood") == 0 && argc == 7)
		flood(argv + 1);
	else if (strcmp(argv[0], "mock") == 0)
		mock(atoi(argv[1]));
	else
		die("\"%s\" is not understood so. The beginning of kafka_tool.c tells", argv[0]);
	return 0;
}
