/*
 * consumer.c
 *		Records of a topic's partitions as they come. Which ranges are wanted, and when a partition is done, scan.c knows.
 *
 * All partitions of a scan are fetched at once into one queue, whose length in records and bytes bounds them together.
 */
#include "postgres.h"

#include "fdw_kafka/consumer.h"

#include <unistd.h>

#include "miscadmin.h"

/* Records that are taken at once are at most about this long together: the library fetches anew meanwhile. */
#define BATCH_BYTES (4 * 1024 * 1024)
/* How often to look around while nothing comes. */
#define LOOK_MS 20
/* How long to wait before a nudge where it is likely to help, and where not; and for its answer. */
#define NUDGE_MS 10
#define NUDGE_LATER_MS 250
#define NUDGE_WAIT_MS 100

void
consumer_open(KafkaConsumer *consumer, const char *topic)
{
	uint64		one = 1;

	consumer_close_topic(consumer);
	consumer->topic_name = MemoryContextStrdup(consumer->context, topic);
	consumer->mean_bytes = BATCH_BYTES / 16;
	/* No configuration of its own: it would take the place of the consumer's, auto.offset.reset above all. */
	consumer->topic = rd_kafka_topic_new(consumer->handle, topic, NULL);
	if (consumer->topic == NULL)
		consumer_give_up(consumer, "fetch from", topic, -1, rd_kafka_last_error());
	consumer->queue = rd_kafka_queue_new(consumer->handle);
	rd_kafka_queue_io_event_enable(consumer->queue, consumer->wakeup, &one, sizeof(one));
}

void
consumer_start(KafkaConsumer *consumer, int partition, int64 offset)
{
	MemoryContext old = MemoryContextSwitchTo(consumer->context);

	consumer->started = lappend_int(consumer->started, partition);
	MemoryContextSwitchTo(old);
	if (rd_kafka_consume_start_queue(consumer->topic, partition, offset, consumer->queue) != 0)
		consumer_give_up(consumer, "fetch from", consumer->topic_name, partition, rd_kafka_last_error());
}

/* Drop what was taken from the library and not returned; of one partition, or with -1 of all. */
static void
drop_taken(KafkaConsumer *consumer, int partition)
{
	int			kept = 0;

	for (int i = 0; i < consumer->taken; i++)
	{
		rd_kafka_message_t *message = consumer->batch[i];

		/* The one before the next is in use by the caller. */
		if (partition < 0 || (i >= consumer->next_message && message->partition == partition))
			rd_kafka_message_destroy(message);
		else
			consumer->batch[kept++] = message;
	}
	consumer->taken = kept;
	if (partition < 0)
		consumer->next_message = 0;
}

void
consumer_stop(KafkaConsumer *consumer, int partition)
{
	drop_taken(consumer, partition);
	consumer->started = list_delete_int(consumer->started, partition);
	rd_kafka_consume_stop(consumer->topic, partition);
}

void
consumer_close_topic(KafkaConsumer *consumer)
{
	ListCell   *lc;

	drop_taken(consumer, -1);
	foreach(lc, consumer->started)
		rd_kafka_consume_stop(consumer->topic, lfirst_int(lc));
	list_free(consumer->started);
	consumer->started = NIL;
	if (consumer->answer != NULL)
		rd_kafka_event_destroy(consumer->answer);
	if (consumer->request != NULL)
		rd_kafka_AdminOptions_destroy(consumer->request);
	consumer->answer = NULL;
	consumer->request = NULL;
	if (consumer->queue != NULL)
	{
		rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(consumer->queue);
	}
	if (consumer->topic != NULL)
		rd_kafka_topic_destroy(consumer->topic);
	if (consumer->topic_name != NULL)
		pfree((char *) consumer->topic_name);
	consumer->queue = NULL;
	consumer->topic = NULL;
	consumer->topic_name = NULL;
	consumer->peak = 0;
}

/*
 * The library's thread for a broker sleeps for up to a second once the queue was full, and emptying the queue does not
 * wake it. A question to that broker does: the offsets at the ends of our partitions. The answer is of no interest.
 */
static void
nudge(KafkaConsumer *consumer)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(list_length(consumer->started));
	ListCell   *lc;

	foreach(lc, consumer->started)
		rd_kafka_topic_partition_list_add(list, consumer->topic_name, lfirst_int(lc))->offset = RD_KAFKA_OFFSET_END;
	(void) rd_kafka_offsets_for_times(consumer->handle, list, NUDGE_WAIT_MS);
	rd_kafka_topic_partition_list_destroy(list);
	consumer->peak = 0;
	consumer->nudge = deadline_in(NUDGE_LATER_MS);
}

/* Whether the queue was so long since the last nudge that the library may have stopped to fetch. */
static bool
was_long(const KafkaConsumer *consumer)
{
	return consumer->peak >= Min(consumer->queue_records, consumer->queue_bytes / Max(consumer->mean_bytes, 1)) / 4;
}

/* Nudge when a long queue has shrunk to half: while the library fetches that does not happen. */
static void
watch_queue(KafkaConsumer *consumer)
{
	int64		length = rd_kafka_queue_length(consumer->queue);

	consumer->peak = Max(consumer->peak, length);
	if (length < consumer->peak / 2 && was_long(consumer))
		nudge(consumer);
}

/* Take what has come; false for nothing. */
static bool
take_batch(KafkaConsumer *consumer)
{
	int			wanted = Max(Min(BATCH_BYTES / Max(consumer->mean_bytes, 1), CONSUMER_BATCH), 1);
	int64		bytes = 0;
	ssize_t		taken;

	drop_taken(consumer, -1);
	taken = rd_kafka_consume_batch_queue(consumer->queue, 0, consumer->batch, wanted);
	if (taken <= 0)
		return false;
	consumer->taken = taken;
	for (int i = 0; i < taken; i++)
		bytes += consumer->batch[i]->len + consumer->batch[i]->key_len;
	consumer->mean_bytes = (consumer->mean_bytes + bytes / taken) / 2;
	watch_queue(consumer);
	return true;
}

static void
reject_silence(KafkaConsumer *consumer)
{
	const KafkaSettings *s = &consumer->client->settings;
	const LibraryTrouble *trouble = &consumer->trouble;
	LibraryFailure failure = {.action = "fetch from", .topic = consumer->topic_name, .partition = -1};

	failure.code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	failure.detail = psprintf("No record came for %g s%s%s.", s->read_timeout / 1000.0,
							  trouble->code ? ": " : "", trouble->code ? library_message(consumer->client, trouble->reason) : "");
	failure.hint = "The server option read_timeout says how long to wait.";
	consumer_fail(consumer, &failure);
}

static void
reject_fatal(KafkaConsumer *consumer)
{
	const LibraryTrouble *trouble = &consumer->trouble;
	LibraryFailure failure = {.action = "fetch from", .topic = consumer->topic_name, .partition = -1};

	failure.code = trouble->code;
	failure.reason = trouble->reason;
	consumer_fail(consumer, &failure);
}

/* Nothing comes: see whether that is for a reason. */
static void
look_around(KafkaConsumer *consumer, Deadline deadline)
{
	LibraryTrouble *trouble = &consumer->trouble;

	library_listen(consumer->main_queue, trouble);
	if (trouble->fatal || trouble->code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
		reject_fatal(consumer);
	if (deadline_left(deadline) == 0)
		reject_silence(consumer);
	if (deadline_left(consumer->nudge) <= 0)
		nudge(consumer);
}

static void
wait_batch(KafkaConsumer *consumer)
{
	Deadline	deadline = deadline_in(consumer->client->settings.read_timeout);
	uint64		count;

	CHECK_FOR_INTERRUPTS();
	if (take_batch(consumer))
		return;
	consumer->nudge = deadline_in(was_long(consumer) ? NUDGE_MS : NUDGE_LATER_MS);
	for (;;)
	{
		WaitSocket	wakeup = {consumer->wakeup, WL_SOCKET_READABLE, 0};

		/* First the descriptor, then the queue: what comes between sets the descriptor again. */
		(void) !read(consumer->wakeup, &count, sizeof(count));
		if (take_batch(consumer))
			return;
		if (wait_sockets(&wakeup, 1, deadline_cap(deadline, LOOK_MS)) == 0)
			look_around(consumer, deadline);
	}
}

/* A message that stands for an error. What the library goes on trying after is passed over. */
static void
reject_message(KafkaConsumer *consumer, const rd_kafka_message_t *message)
{
	LibraryFailure failure = {.action = "fetch from", .topic = consumer->topic_name, .partition = message->partition};

	failure.code = message->err;
	failure.reason = rd_kafka_message_errstr(message);
	if (library_transient(message->err))
	{
		consumer->trouble.code = message->err;
		strlcpy(consumer->trouble.reason, failure.reason, sizeof(consumer->trouble.reason));
		return;
	}
	if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
		failure.hint = "Records were removed while they were read, by retention or by hand. Run the query again.";
	consumer_fail(consumer, &failure);
}

static void
fill_record(KafkaRecord *record, rd_kafka_message_t *message)
{
	record->partition = message->partition;
	record->offset = message->offset;
	record->key = message->key;
	record->key_length = message->key_len;
	record->value = message->payload;
	record->value_length = message->len;
	record->message = message;
}

void
consumer_next(KafkaConsumer *consumer, KafkaRecord *record)
{
	for (;;)
	{
		rd_kafka_message_t *message;

		if (consumer->next_message >= consumer->taken)
			wait_batch(consumer);
		message = consumer->batch[consumer->next_message++];
		if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			fill_record(record, message);
			return;
		}
		if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		{
			record->partition = message->partition;
			record->offset = message->offset;
			record->message = NULL;
			return;
		}
		reject_message(consumer, message);
	}
}

int64
record_timestamp(const KafkaRecord *record, int *type)
{
	rd_kafka_timestamp_type_t found;
	int64		timestamp = rd_kafka_message_timestamp(record->message, &found);

	*type = found;
	return timestamp;
}

bool
record_header(const KafkaRecord *record, int place, const char **name, const char **value, size_t *value_length)
{
	rd_kafka_headers_t *headers;
	const void *found;

	if (rd_kafka_message_headers(record->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	if (rd_kafka_header_get_all(headers, place, name, &found, value_length) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	*value = found;
	return true;
}
