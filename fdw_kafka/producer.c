/*
 * producer.c
 *		The library's producers: opening, sending, delivery reports, Kafka transactions, and quick ends.
 *
 * The library's threads never run code of ours. Its callbacks do, inside rd_kafka_poll() and its like, on our stack: they
 * only write into the structs below, which malloc gave.
 */
#include "postgres.h"

#include "fdw_kafka/producer.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/compat.h"
#include "fdw_kafka/library.h"
#include "fdw_kafka/number.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* What may be on its way at once. Enough to keep the library's batches full, little enough for the backend's memory. */
#define FLIGHT_MESSAGES 50000
#define FLIGHT_BYTES (24 * 1024 * 1024)
/* What the library keeps for each message besides its bytes, about. */
#define MESSAGE_OVERHEAD 256
/* Look for reports after so many messages. */
#define POLL_EVERY 256
/* A batch is never larger, unless one message is: it must stay below a topic's usual max.message.bytes. */
#define BATCH_BYTES 1000000
/* While a Kafka transaction is being committed, nobody interrupts before that: the outcome would be unknown. */
#define COMMIT_GRACE_MS 700
/* How long a topic may be unknown to the broker that is asked, after it was made on another. */
#define UNKNOWN_TOPIC_MS 1000
/* How long to go on where all brokers refuse: those that were reached before may be about to come back. */
#define REFUSED_FIRST_MS 500
#define REFUSED_LATER_MS 5000
/* The first question waits this long, later ones longer: a broker far away needs more than that. */
#define ASK_FIRST_MS WAIT_SLICE_MS
#define ASK_LAST_MS 800
/* After a failure, how long to wait for the fate of what is on its way. */
#define SETTLE_MS 200
/* What the broker gives a Kafka transaction: the longer, the longer a crash holds up its readers. */
#define TRANSACTION_MS 60000
#define TRANSACTION_MOST_MS 900000

struct ProducerTopic
{
	ProducerTopic *next;
	KafkaProducer *producer;
	rd_kafka_topic_t *handle;
	char	   *name;
	int			partitions;		/* as the broker told last */
	PartitionCount *counts;
	int			ncounts;		/* of the array: a partition may be younger than "partitions" */
	int64		confirmed;
	int64		uncertain;		/* failed, but perhaps arrived */
	int64		on_way;			/* sent, and no report yet */
	bool		told;			/* an ERROR has said what remains */
};

/* The first message that failed. */
typedef struct Failure
{
	rd_kafka_resp_err_t code;	/* NO_ERROR: none */
	ProducerTopic *topic;
	int			partition;
	int64		serial;
	size_t		size;
} Failure;

struct KafkaProducer
{
	KafkaProducer *next;		/* of the same client */
	KafkaClient *client;
	ProducerKind kind;
	int			number;			/* of a transactional one, among the sessions that have one of this kind */
	rd_kafka_t *handle;
	rd_kafka_queue_t *queue;	/* its main one */
	int			wakeup;			/* eventfd: something came into the queue */
	ProducerTopic *topics;
	LibraryTrouble trouble;
	Failure		failure;
	int64		on_way;			/* messages without a report */
	int64		bytes_on_way;
	int64		reports;		/* so far */
	int			unpolled;		/* messages since the last look at the queue */
	bool		out_of_memory;	/* in a callback */
	bool		reached;		/* a broker has answered once */
	bool		initialized;	/* the coordinator knows us */
	bool		in_transaction;
	bool		committing;		/* the coordinator has been told to commit, and has not answered */
};

/* ---- callbacks: no ERROR, no palloc ---- */

/* The count of a partition; NULL without memory. */
static PartitionCount *
count_of(ProducerTopic *topic, int partition)
{
	if (partition >= topic->ncounts)
	{
		int			n = Max(partition + 1, topic->partitions);
		PartitionCount *counts = realloc(topic->counts, sizeof(PartitionCount) * n);

		if (counts == NULL)
			return NULL;
		memset(counts + topic->ncounts, 0, sizeof(PartitionCount) * (n - topic->ncounts));
		topic->counts = counts;
		topic->ncounts = n;
	}
	return &topic->counts[partition];
}

static void
note_delivery(ProducerTopic *topic, const rd_kafka_message_t *message)
{
	PartitionCount *count = count_of(topic, message->partition);

	topic->confirmed++;
	if (count == NULL)
	{
		topic->producer->out_of_memory = true;
		return;
	}
	if (count->messages++ == 0)
		count->first = message->offset;
	count->first = Min(count->first, message->offset);
	count->last = Max(count->last, message->offset);
}

static void
note_failure(ProducerTopic *topic, const rd_kafka_message_t *message)
{
	Failure    *failure = &topic->producer->failure;

	if (rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
		topic->uncertain++;
	if (failure->code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	failure->code = message->err;
	failure->topic = topic;
	failure->partition = message->partition;
	failure->serial = (int64) (intptr_t) message->_private;
	failure->size = message->len;
}

static int64
flight_size(size_t key, size_t value)
{
	return key + value + MESSAGE_OVERHEAD;
}

static void
on_report(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	KafkaProducer *producer = opaque;
	ProducerTopic *topic = rd_kafka_topic_opaque(message->rkt);

	producer->reports++;
	producer->on_way--;
	producer->bytes_on_way -= flight_size(message->key_len, message->len);
	topic->on_way--;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		note_delivery(topic, message);
	else
		note_failure(topic, message);
}

static void
on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
	char		fatal[512];

	if (code == RD_KAFKA_RESP_ERR__FATAL)
	{
		code = rd_kafka_fatal_error(handle, fatal, sizeof(fatal));
		reason = fatal;
	}
	library_note(&((KafkaProducer *) opaque)->trouble, code, reason, reason == fatal);
}

/* ---- failures ---- */

char *
producer_remains(const ProducerTopic *topic)
{
	StringInfoData text;
	bool		first = true;
	int64		uncertain = topic->uncertain + topic->on_way;

	if (topic->told || topic->confirmed + uncertain == 0)
		return NULL;
	initStringInfo(&text);
	if (topic->producer->kind.transactional)
	{
		appendStringInfoString(&text, "The Kafka transaction is aborted: readers of committed messages see nothing of it.");
		return text.data;
	}
	appendStringInfo(&text, INT64_FORMAT " messages stay in Kafka", topic->confirmed);
	for (int i = 0; i < topic->ncounts; i++)
	{
		if (topic->counts[i].messages == 0)
			continue;
		appendStringInfo(&text, "%spartition %d: " INT64_FORMAT, first ? " (" : ", ", i, topic->counts[i].messages);
		first = false;
	}
	appendStringInfo(&text, "%s; " INT64_FORMAT " more may have arrived.", first ? "" : ")", uncertain);
	return text.data;
}

static void
serve(KafkaProducer *producer)
{
	producer->unpolled = 0;
	(void) rd_kafka_poll(producer->handle, 0);
}

/* Call off what has not left, and wait a moment for the reports on what has: the message says what remains. */
static void
settle(KafkaProducer *producer)
{
	(void) rd_kafka_purge(producer->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
	for (int waited = 0; waited < SETTLE_MS && producer->on_way > 0; waited += 20)
		(void) rd_kafka_poll(producer->handle, 20);
}

/* DETAIL: the reason, the message that failed, what stays in Kafka. */
static char *
failure_detail(KafkaProducer *producer, const ProducerTopic *topic, const char *reason, const Failure *failed)
{
	StringInfoData text;
	char	   *remains = topic != NULL ? producer_remains(topic) : NULL;

	initStringInfo(&text);
	appendStringInfoString(&text, reason);
	while (text.len > 0 && text.data[text.len - 1] == '.')
		text.data[--text.len] = '\0';
	appendStringInfoChar(&text, '.');
	if (failed != NULL)
		appendStringInfo(&text, " It is message " INT64_FORMAT " of the transaction, with a value of %zu bytes.",
						 failed->serial, failed->size);
	if (remains != NULL)
		appendStringInfo(&text, " %s", remains);
	if (producer->committing)
		appendStringInfoString(&text, " Whether Kafka has committed the transaction is not known.");
	producer->committing = false;
	return text.data;
}

static const char *
code_hint(rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		return "The options max_message of the foreign table and max.message.bytes of the topic are the limits.";
	return NULL;
}

pg_noreturn static void
fail(KafkaProducer *producer, ProducerTopic *topic, LibraryFailure *failure, const Failure *failed)
{
	const char *reason = failure->reason ? failure->reason : rd_kafka_err2str(failure->code);

	if (producer->on_way > 0)
		settle(producer);
	failure->topic = topic != NULL ? topic->name : NULL;
	failure->hint = failure->hint ? failure->hint : code_hint(failure->code);
	failure->detail = failure_detail(producer, topic, library_message(producer->client, reason), failed);
	if (topic != NULL)
		topic->told = true;
	library_raise(producer->client, failure);
}

/* A message that the broker or the library has refused. */
pg_noreturn static void
fail_message(KafkaProducer *producer, const Failure *failed)
{
	LibraryFailure failure = {.action = "send to", .partition = failed->partition, .code = failed->code};

	if (producer->trouble.fatal && failed->code == RD_KAFKA_RESP_ERR__FATAL)
		failure.reason = producer->trouble.reason;
	fail(producer, failed->topic, &failure, failed);
}

/* Nothing came for too long; the last thing that the handle complained of is the reason, if there is one. */
pg_noreturn static void
fail_late(KafkaProducer *producer, ProducerTopic *topic, const char *action, int timeout)
{
	LibraryFailure failure = {.action = action, .partition = -1, .code = RD_KAFKA_RESP_ERR__TIMED_OUT};

	failure.reason = psprintf("The brokers have not answered for %d s", (timeout + 999) / 1000);
	if (producer->trouble.code != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		failure.reason = producer->trouble.reason;
		failure.code = producer->trouble.code;
	}
	fail(producer, topic, &failure, NULL);
}

/* Refused for good: a password, a certificate. Where one of many brokers refuses, the others may do. */
static bool
is_hopeless(const KafkaProducer *producer)
{
	const LibraryTrouble *trouble = &producer->trouble;
	bool		refused = trouble->code == RD_KAFKA_RESP_ERR__AUTHENTICATION || trouble->code == RD_KAFKA_RESP_ERR__SSL;

	return trouble->fatal || (refused && (!producer->reached || trouble->all_down));
}

static void
check(KafkaProducer *producer, ProducerTopic *topic, const char *action)
{
	LibraryFailure failure = {.action = action, .partition = -1};

	if (producer->failure.code != RD_KAFKA_RESP_ERR_NO_ERROR)
		fail_message(producer, &producer->failure);
	if (producer->out_of_memory)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	if (!is_hopeless(producer))
		return;
	failure.code = producer->trouble.code;
	failure.reason = producer->trouble.reason;
	fail(producer, topic, &failure, NULL);
}

/* ---- opening ---- */

/* Nothing of PostgreSQL's may be needed to undo what is done here: an ERROR would leave a producer without an owner. */
static void
producer_free(KafkaProducer *producer)
{
	ProducerTopic *topic;

	while ((topic = producer->topics) != NULL)
	{
		producer->topics = topic->next;
		rd_kafka_topic_destroy(topic->handle);
		free(topic->counts);
		free(topic->name);
		free(topic);
	}
	if (producer->queue != NULL)
	{
		rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(producer->queue);
	}
	if (producer->handle != NULL)
		library_destroy(producer->handle);
	if (producer->wakeup >= 0)
	{
		close(producer->wakeup);
		ReleaseExternalFD();
	}
	free(producer);
}

static char *
kind_name(const ProducerKind *kind)
{
	return psprintf("%d-%s", kind->max_message, kind->compression);
}

/*
 * No two sessions have the same at a time, and the next one has it that begins to write after one has ended: so a
 * transaction that was left open is ended by whoever comes next. A copy of this cluster that runs elsewhere began at
 * another time.
 */
static char *
transactional_id(const KafkaProducer *producer)
{
	return psprintf("pg_medallion-" UINT64_FORMAT "-" INT64_FORMAT "-%u-%u-%d-%s", GetSystemIdentifier(), PgStartTime,
					MyDatabaseId, producer->client->umid, producer->number, kind_name(&producer->kind));
}

static rd_kafka_conf_t *
producer_conf(KafkaProducer *producer)
{
	KafkaClient *client = producer->client;
	rd_kafka_conf_t *conf = library_conf(client);

	library_set(client, conf, "enable.idempotence", "true");
	library_set(client, conf, "partitioner", "murmur2_random");
	library_set(client, conf, "compression.codec", producer->kind.compression);
	library_set_number(client, conf, "message.max.bytes", producer->kind.max_message);
	library_set_number(client, conf, "batch.size", Min(BATCH_BYTES, producer->kind.max_message));
	library_set_number(client, conf, "linger.ms", 5);
	/* Ours are the limits, FLIGHT_MESSAGES and FLIGHT_BYTES, and the deadline: send_timeout. */
	library_set_number(client, conf, "queue.buffering.max.messages", 10 * FLIGHT_MESSAGES);
	library_set_number(client, conf, "queue.buffering.max.kbytes", 2097151);
	library_set_number(client, conf, "message.timeout.ms", 0);
	if (producer->kind.transactional)
	{
		int			timeout = Min(Max(TRANSACTION_MS, 2 * (int64) client->settings.send_timeout), TRANSACTION_MOST_MS);

		library_set(client, conf, "transactional.id", transactional_id(producer));
		library_set_number(client, conf, "transaction.timeout.ms", timeout);
		library_set_number(client, conf, "message.timeout.ms", timeout);
	}
	rd_kafka_conf_set_events(conf, 0);
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_opaque(conf, producer);
	return conf;
}

/* The library writes eight bytes into the descriptor when something comes into the empty queue. */
static void
open_wakeup(KafkaProducer *producer)
{
	static const uint64 one = 1;

	if (!AcquireExternalFD())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not open a producer for server \"%s\": too many open files", producer->client->server));
	producer->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (producer->wakeup < 0)
	{
		ReleaseExternalFD();
		ereport(ERROR, errcode_for_file_access(), errmsg("could not make an event descriptor: %m"));
	}
	producer->queue = rd_kafka_queue_get_main(producer->handle);
	rd_kafka_queue_io_event_enable(producer->queue, producer->wakeup, &one, sizeof(one));
}

static KafkaProducer *
producer_new(KafkaClient *client, const ProducerKind *kind)
{
	KafkaProducer *producer = calloc(1, sizeof(KafkaProducer));

	if (producer == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	producer->client = client;
	producer->kind = *kind;
	producer->wakeup = -1;
	PG_TRY();
	{
		if (kind->transactional)
			producer->number = number_take(client->umid, kind_name(kind));
		producer->handle = library_new(client, RD_KAFKA_PRODUCER, producer_conf(producer));
		open_wakeup(producer);
	}
	PG_CATCH();
	{
		producer_free(producer);
		PG_RE_THROW();
	}
	PG_END_TRY();
	/* From here on the client owns it. */
	producer->next = client->producers;
	client->producers = producer;
	client->close_producers = producer_close_all;
	return producer;
}

static bool
same_kind(const ProducerKind *a, const ProducerKind *b)
{
	return a->transactional == b->transactional && a->max_message == b->max_message &&
		strcmp(a->compression, b->compression) == 0;
}

/* Another session that has its number has its transactional.id. */
static bool
is_usable(const KafkaProducer *producer)
{
	return !producer->trouble.fatal && producer->failure.code == RD_KAFKA_RESP_ERR_NO_ERROR &&
		(!producer->kind.transactional || number_keep(producer->client->umid, kind_name(&producer->kind), producer->number));
}

KafkaProducer *
producer_get(KafkaClient *client, const ProducerKind *kind)
{
	KafkaProducer *producer = client->producers;

	while (producer != NULL && !same_kind(&producer->kind, kind))
		producer = producer->next;
	if (producer != NULL)
	{
		serve(producer);
		if (!is_usable(producer))
		{
			producer_close(producer, DEADLINE_NONE);
			producer = NULL;
		}
	}
	return producer ? producer : producer_new(client, kind);
}

/* ---- topics ---- */

static ProducerTopic *
topic_new(KafkaProducer *producer, const char *name)
{
	ProducerTopic *topic = calloc(1, sizeof(ProducerTopic));
	char	   *copy = strdup(name);
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(producer->handle);

	if (topic != NULL && copy != NULL)
	{
		rd_kafka_topic_conf_set_opaque(conf, topic);
		topic->handle = rd_kafka_topic_new(producer->handle, name, conf);
	}
	if (topic == NULL || copy == NULL || topic->handle == NULL)
	{
		rd_kafka_topic_conf_destroy(conf);
		free(topic);
		free(copy);
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not open topic \"%s\"", name));
	}
	topic->name = copy;
	topic->producer = producer;
	topic->next = producer->topics;
	producer->topics = topic;
	return topic;
}

static ProducerTopic *
topic_get(KafkaProducer *producer, const char *name)
{
	ProducerTopic *topic = producer->topics;

	while (topic != NULL && strcmp(topic->name, name) != 0)
		topic = topic->next;
	return topic ? topic : topic_new(producer, name);
}

/* Ask once: what the broker says of the topic. */
static rd_kafka_resp_err_t
ask_topic(ProducerTopic *topic, int slice_ms)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;

	code = rd_kafka_metadata(topic->producer->handle, 0, topic->handle, &metadata, slice_ms);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return code;
	code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	for (int i = 0; i < metadata->topic_cnt; i++)
	{
		if (strcmp(metadata->topics[i].topic, topic->name) != 0)
			continue;
		code = metadata->topics[i].err;
		topic->partitions = metadata->topics[i].partition_cnt;
	}
	rd_kafka_metadata_destroy(metadata);
	return code;
}

static bool
may_pass(rd_kafka_resp_err_t code, Deadline unknown)
{
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return deadline_left(unknown) > 0;
	return library_transient(code);
}

/* Until the broker knows the topic: connections are made meanwhile, or refused. */
static void
find_topic(ProducerTopic *topic)
{
	KafkaProducer *producer = topic->producer;
	int			timeout = producer->client->settings.connect_timeout;
	Deadline	deadline = deadline_in(timeout);
	Deadline	unknown = deadline_in(UNKNOWN_TOPIC_MS);
	Deadline	refused = DEADLINE_NONE;
	int			slice = ASK_FIRST_MS;
	rd_kafka_resp_err_t code;

	while ((code = ask_topic(topic, slice)) != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		slice = Min(2 * slice, ASK_LAST_MS);
		CHECK_FOR_INTERRUPTS();
		serve(producer);
		check(producer, topic, "send to");
		if (!may_pass(code, unknown))
		{
			LibraryFailure failure = {.action = "send to", .partition = -1, .code = code};

			fail(producer, topic, &failure, NULL);
		}
		if (producer->trouble.all_down && refused == DEADLINE_NONE)
			refused = deadline_in(producer->reached ? REFUSED_LATER_MS : REFUSED_FIRST_MS);
		if (deadline_left(deadline) == 0 || deadline_left(refused) == 0)
			fail_late(producer, topic, "send to", timeout);
		wait_sleep(20);
	}
	producer->reached = true;
	library_calm(&producer->trouble);
}

/* ---- waiting ---- */

/* Wait for something to come into the queue, and serve it. */
static void
wait_reports(KafkaProducer *producer)
{
	WaitSocket	socket = {.fd = producer->wakeup, .events = WL_SOCKET_READABLE};
	uint64		count;

	(void) wait_sockets(&socket, 1, WAIT_SLICE_MS);
	/* What comes from here on makes it readable again. */
	(void) !read(producer->wakeup, &count, sizeof(count));
	serve(producer);
}

/* Wait until no more than that is on its way. */
static void
wait_until_left(KafkaProducer *producer, ProducerTopic *topic, int64 messages, int64 bytes)
{
	int			timeout = producer->client->settings.send_timeout;
	Deadline	deadline = deadline_in(timeout);
	int64		reports = producer->reports;

	while (producer->on_way > messages || producer->bytes_on_way > bytes)
	{
		wait_reports(producer);
		check(producer, topic, "send to");
		if (producer->reports > reports)
		{
			reports = producer->reports;
			deadline = deadline_in(timeout);
			library_calm(&producer->trouble);
		}
		else if (deadline_left(deadline) == 0)
			fail_late(producer, topic, "send to", timeout);
	}
}

/* ---- Kafka transactions ---- */

pg_noreturn static void
fail_transaction(KafkaProducer *producer, const char *action, rd_kafka_error_t *error)
{
	LibraryFailure failure = {.action = action, .partition = -1};

	failure.code = rd_kafka_error_code(error);
	failure.reason = pstrdup(rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	fail(producer, NULL, &failure, NULL);
}

/* A call that goes on behind our back when its time is over, and is taken up again by the next one. */
typedef rd_kafka_error_t *(*Step) (rd_kafka_t *handle, int timeout_ms);

static void
run_step(KafkaProducer *producer, Step step, const char *action, int grace_ms)
{
	int			timeout = producer->client->settings.send_timeout;
	Deadline	deadline = deadline_in(timeout);
	Deadline	grace = deadline_in(grace_ms);
	rd_kafka_error_t *error;

	while ((error = step(producer->handle, WAIT_SLICE_MS)) != NULL)
	{
		if (!rd_kafka_error_is_retriable(error))
		{
			/* Then it was not committed for sure. */
			if (rd_kafka_error_txn_requires_abort(error))
				producer->committing = false;
			fail_transaction(producer, action, error);
		}
		rd_kafka_error_destroy(error);
		if (grace == DEADLINE_NONE || deadline_left(grace) == 0)
			CHECK_FOR_INTERRUPTS();
		serve(producer);
		check(producer, NULL, action);
		if (deadline_left(deadline) == 0)
			fail_late(producer, NULL, action, timeout);
	}
}

static void
begin_transaction(KafkaProducer *producer)
{
	rd_kafka_error_t *error;

	if (!producer->initialized)
		run_step(producer, rd_kafka_init_transactions, "begin a Kafka transaction on", 0);
	producer->initialized = true;
	error = rd_kafka_begin_transaction(producer->handle);
	if (error != NULL)
		fail_transaction(producer, "begin a Kafka transaction on", error);
	producer->in_transaction = true;
}

bool
producer_in_transaction(const KafkaProducer *producer)
{
	return producer->in_transaction;
}

void
producer_commit(KafkaProducer *producer)
{
	producer->committing = true;
	run_step(producer, rd_kafka_commit_transaction, "commit the Kafka transaction on", COMMIT_GRACE_MS);
	producer->committing = producer->in_transaction = false;
}

bool
producer_committing(const KafkaProducer *producer)
{
	return producer->committing;
}

/* Whether it was aborted by "deadline". */
static bool
abort_transaction(KafkaProducer *producer, Deadline deadline)
{
	rd_kafka_error_t *error;
	bool		again = true;

	while ((error = rd_kafka_abort_transaction(producer->handle, Max(deadline_left(deadline), 1))) != NULL && again)
	{
		again = rd_kafka_error_is_retriable(error) && deadline_left(deadline) > 0;
		rd_kafka_error_destroy(error);
		serve(producer);
	}
	if (error == NULL)
		producer->in_transaction = false;
	else
		rd_kafka_error_destroy(error);
	return !producer->in_transaction;
}

void
producer_abort(KafkaProducer *producer, Deadline deadline)
{
	if (!abort_transaction(producer, deadline))
		producer_close(producer, DEADLINE_NONE);
}

/* ---- sending ---- */

ProducerTopic *
producer_open(KafkaProducer *producer, const char *name)
{
	ProducerTopic *topic = topic_get(producer, name);

	/* What was counted before is another transaction's affair, or was told. */
	topic->told = false;
	if (topic->ncounts > 0)
		memset(topic->counts, 0, sizeof(PartitionCount) * topic->ncounts);
	topic->confirmed = topic->uncertain = 0;
	find_topic(topic);
	if (producer->kind.transactional && !producer->in_transaction)
		begin_transaction(producer);
	return topic;
}

/* The block of headers as the library wants it; NULL where there are none. */
static rd_kafka_headers_t *
message_headers(const KafkaMessage *message)
{
	rd_kafka_headers_t *headers;
	const char *at = message->headers;
	const char *end = at + message->headers_length;

	if (message->headers_length == 0)
		return NULL;
	headers = rd_kafka_headers_new(8);
	while (at < end)
	{
		int32		name;
		int32		value;

		memcpy(&name, at, sizeof(int32));
		memcpy(&value, at + sizeof(int32), sizeof(int32));
		at += 2 * sizeof(int32);
		(void) rd_kafka_header_add(headers, at, name, value == MESSAGE_NULL ? NULL : at + name, Max(value, 0));
		at += name + Max(value, 0);
	}
	return headers;
}

static rd_kafka_resp_err_t
hand_over(ProducerTopic *topic, const KafkaMessage *message, int64 serial)
{
	rd_kafka_headers_t *headers = message_headers(message);
	bool		no_key = message->key_length == MESSAGE_NULL;
	bool		no_value = message->value_length == MESSAGE_NULL;
	rd_kafka_resp_err_t code;

	code = rd_kafka_producev(topic->producer->handle,
							 RD_KAFKA_V_RKT(topic->handle),
							 RD_KAFKA_V_PARTITION(message->partition == MESSAGE_ANY_PARTITION ? RD_KAFKA_PARTITION_UA
												  : message->partition),
							 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
							 RD_KAFKA_V_KEY(no_key ? NULL : message->key, no_key ? 0 : message->key_length),
							 RD_KAFKA_V_VALUE(no_value ? NULL : (void *) message->value, no_value ? 0 : message->value_length),
							 RD_KAFKA_V_TIMESTAMP(message->timestamp),
							 RD_KAFKA_V_HEADERS(headers),
							 RD_KAFKA_V_OPAQUE((void *) (intptr_t) serial),
							 RD_KAFKA_V_END);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL)
		rd_kafka_headers_destroy(headers);
	return code;
}

/* The library would ask the broker about it again and again. */
static void
reject_partition(ProducerTopic *topic, const KafkaMessage *message)
{
	LibraryFailure failure = {.action = "send to", .partition = message->partition};

	if (message->partition < topic->partitions)
		return;
	failure.code = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
	failure.reason = psprintf("The topic has %d partitions, which are counted from 0", topic->partitions);
	fail(topic->producer, topic, &failure, NULL);
}

void
producer_send(ProducerTopic *topic, const KafkaMessage *message, int64 serial)
{
	KafkaProducer *producer = topic->producer;
	rd_kafka_resp_err_t code;

	reject_partition(topic, message);
	if (++producer->unpolled >= POLL_EVERY)
	{
		CHECK_FOR_INTERRUPTS();
		serve(producer);
	}
	check(producer, topic, "send to");
	if (producer->on_way >= FLIGHT_MESSAGES || producer->bytes_on_way >= FLIGHT_BYTES)
		wait_until_left(producer, topic, FLIGHT_MESSAGES / 2, FLIGHT_BYTES / 2);
	code = hand_over(topic, message, serial);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		Failure		failed = {code, topic, message->partition, serial, Max(message->value_length, 0)};

		fail_message(producer, &failed);
	}
	producer->on_way++;
	topic->on_way++;
	producer->bytes_on_way += flight_size(Max(message->key_length, 0), Max(message->value_length, 0));
}

void
producer_flush(ProducerTopic *topic)
{
	check(topic->producer, topic, "send to");
	wait_until_left(topic->producer, topic, 0, 0);
}

const PartitionCount *
producer_counts(const ProducerTopic *topic, int *partitions)
{
	*partitions = topic->ncounts;
	return topic->counts;
}

/* ---- ends ---- */

static void
unlink_producer(KafkaProducer *producer)
{
	KafkaProducer **link = &producer->client->producers;

	while (*link != producer)
		link = &(*link)->next;
	*link = producer->next;
}

void
producer_close(KafkaProducer *producer, Deadline deadline)
{
	unlink_producer(producer);
	if (producer->in_transaction && deadline != DEADLINE_NONE && !producer->trouble.fatal)
		(void) abort_transaction(producer, deadline);
	(void) rd_kafka_purge(producer->handle,
						  RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	(void) rd_kafka_poll(producer->handle, 0);
	producer_free(producer);
}

void
producer_close_all(KafkaClient *client)
{
	while (client->producers != NULL)
		producer_close(client->producers, DEADLINE_NONE);
}
