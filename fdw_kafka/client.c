/*
 * client.c
 *		Servers and user mappings into clients; consumers, made and kept; questions about topics.
 *
 * A consumer is a handle of the library's with its threads and connections. Scans that run at the same time have one
 * each: the library reads a partition once per handle. What stands in records, others know.
 */
#include "postgres.h"

#include "fdw_kafka/client.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/connection.h"
#include "fdw_kafka/consumer.h"
#include "fdw_kafka/option.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

/* The first question waits this long at a time, later ones longer: a broker far away needs more than one slice. */
#define SLICE_FIRST_MS 250
#define SLICE_LAST_MS 800
/* How long to go on where all brokers refuse: one that was reached before may be about to come back. */
#define REFUSED_FIRST_MS 500
#define REFUSED_LATER_MS 5000
#define RETRY_MS 50
/* What the library keeps of a record beside its bytes, rounded up. */
#define RECORD_OVERHEAD 512
/* Consumers of a client that are kept for later scans. */
#define MAX_IDLE 4

/* ---- clients ---- */

static KafkaClient *
client_open(UserMapping *mapping)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fdw_kafka client", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ForeignServer *server = GetForeignServer(mapping->serverid);
	KafkaClient *client = palloc0(sizeof(KafkaClient));

	client->context = context;
	client->umid = mapping->umid;
	client->server = pstrdup(server->servername);
	client->settings = kafka_server_options(server, mapping)->settings;
	MemoryContextSwitchTo(caller);
	/* Until here an ERROR frees it all; from here on the cache does. */
	MemoryContextSetParent(context, TopMemoryContext);
	return client;
}

static void consumer_destroy(KafkaConsumer *consumer);

static void
client_close(void *handle)
{
	KafkaClient *client = handle;
	KafkaConsumer *consumer;
	KafkaConsumer *next;

	if (client->close_producers != NULL)
		client->close_producers(client);
	for (consumer = client->consumers; consumer != NULL; consumer = next)
	{
		next = consumer->next;
		consumer->client = NULL;
		/* A transaction that failed still holds it: the end of its scan destroys it. */
		if (!consumer->busy)
			consumer_destroy(consumer);
	}
	if (client->settings.password != NULL)
		explicit_bzero(client->settings.password, strlen(client->settings.password));
	if (client->settings.key_password != NULL)
		explicit_bzero(client->settings.key_password, strlen(client->settings.key_password));
	MemoryContextDelete(client->context);
}

/* What the transaction wrote through goes, where it must not be used again; after pending.c is through with it. */
static void
client_ended(Connection *connection)
{
	if (!library_reusable())
		connection_close(connection);
}

static const ConnectionClass client_class = {
	.name = "fdw_kafka",
	.close = client_close,
	.committed = client_ended,
	.aborted = client_ended,
};

void
client_init(void)
{
	connection_init(&client_class);
}

KafkaClient *
client_get(Oid serverid, Oid userid)
{
	UserMapping *mapping = GetUserMapping(userid, serverid);
	Connection *connection = connection_get(mapping);

	if (connection->handle == NULL)
		connection->handle = client_open(mapping);
	return (KafkaClient *) connection->handle;
}

/* ---- consumers ---- */

/* Bytes and records that wait in the queue, and the greatest answer to a fetch: together less than the budget. */
static void
set_budget(KafkaConsumer *consumer, rd_kafka_conf_t *conf)
{
	const KafkaClient *client = consumer->client;
	int64		bytes = consumer->fetch_budget / 4;
	int64		fetch = Max(consumer->fetch_budget / 64, 256 * 1024);

	consumer->queue_bytes = bytes;
	consumer->queue_records = bytes / RECORD_OVERHEAD;
	library_set_number(client, conf, "queued.max.messages.kbytes", Min(bytes / 1024, 2097151));
	library_set_number(client, conf, "queued.min.messages", Min(consumer->queue_records, 10000000));
	library_set_number(client, conf, "message.max.bytes", fetch);
	library_set_number(client, conf, "fetch.max.bytes", fetch);
	library_set_number(client, conf, "max.partition.fetch.bytes", fetch);
	/* A record may be longer than that: it comes alone. */
	library_set_number(client, conf, "receive.message.max.bytes", 1024 * 1024 * 1024);
}

static rd_kafka_conf_t *
consumer_conf(KafkaConsumer *consumer)
{
	const KafkaClient *client = consumer->client;
	rd_kafka_conf_t *conf = library_conf(client);

	set_budget(consumer, conf);
	library_set(client, conf, "isolation.level",
				consumer->isolation == KAFKA_ISOLATION_COMMITTED ? "read_committed" : "read_uncommitted");
	library_set(client, conf, "enable.partition.eof", "true");
	library_set(client, conf, "auto.offset.reset", "error");
	/* With it, the handle of a broker that is gone takes minutes to destroy. */
	library_set(client, conf, "enable.auto.commit", "false");
	library_set(client, conf, "enable.auto.offset.store", "false");
	library_set(client, conf, "fetch.min.bytes", "1");
	library_set(client, conf, "fetch.wait.max.ms", "5");
	library_set(client, conf, "fetch.error.backoff.ms", "20");
	library_set(client, conf, "check.crcs", "true");
	return conf;
}

/* Everything but the struct. */
static void
consumer_close_handle(KafkaConsumer *consumer)
{
	if (consumer->handle != NULL)
	{
		rd_kafka_queue_destroy(consumer->main_queue);
		library_destroy(consumer->handle);
	}
	if (consumer->wakeup >= 0)
	{
		close(consumer->wakeup);
		ReleaseExternalFD();
	}
	consumer->handle = NULL;
	consumer->wakeup = -1;
}

static void
consumer_unlink(KafkaConsumer *consumer)
{
	KafkaConsumer **link;

	if (consumer->client == NULL)
		return;
	for (link = &consumer->client->consumers; *link != NULL; link = &(*link)->next)
		if (*link == consumer)
		{
			*link = consumer->next;
			break;
		}
}

static void
consumer_destroy(KafkaConsumer *consumer)
{
	consumer_unlink(consumer);
	consumer_close_handle(consumer);
	MemoryContextDelete(consumer->context);
}

static void
consumer_open_wakeup(KafkaConsumer *consumer)
{
	if (!AcquireExternalFD())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not read from server \"%s\": too many open files", consumer->client->server));
	consumer->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (consumer->wakeup < 0)
	{
		ReleaseExternalFD();
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not create an event descriptor: %m"));
	}
}

/* In its own memory context; linked to the client last, when nothing can fail any more. */
static KafkaConsumer *
consumer_create(KafkaClient *client, int isolation, int64 fetch_budget)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "fdw_kafka consumer", ALLOCSET_SMALL_SIZES);
	KafkaConsumer *consumer = MemoryContextAllocZero(context, sizeof(KafkaConsumer));

	consumer->context = context;
	consumer->client = client;
	consumer->isolation = isolation;
	consumer->fetch_budget = fetch_budget;
	consumer->wakeup = -1;
	consumer->pid = MyProcPid;
	PG_TRY();
	{
		consumer_open_wakeup(consumer);
		consumer->handle = library_new(client, RD_KAFKA_CONSUMER, consumer_conf(consumer));
	}
	PG_CATCH();
	{
		consumer_close_handle(consumer);
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	consumer->main_queue = rd_kafka_queue_get_main(consumer->handle);
	consumer->next = client->consumers;
	client->consumers = consumer;
	return consumer;
}

static KafkaConsumer *
consumer_idle(KafkaClient *client, int isolation, int64 fetch_budget)
{
	for (KafkaConsumer *consumer = client->consumers; consumer != NULL; consumer = consumer->next)
		if (!consumer->busy && consumer->pid == MyProcPid && consumer->isolation == isolation &&
			consumer->fetch_budget == fetch_budget)
			return consumer;
	return NULL;
}

/* Give a consumer back when the memory of who has it goes. */
typedef struct ConsumerGuard
{
	MemoryContextCallback callback;
	KafkaConsumer *consumer;	/* NULL: given back */
} ConsumerGuard;

static void
guard_fire(void *arg)
{
	ConsumerGuard *guard = arg;

	if (guard->consumer == NULL)
		return;
	/* An ERROR: what is still on its way may hold up the connection for long. */
	guard->consumer->broken = true;
	consumer_release(guard->consumer);
}

KafkaConsumer *
consumer_acquire(KafkaClient *client, int isolation, int64 fetch_budget)
{
	ConsumerGuard *guard = palloc0(sizeof(ConsumerGuard));
	KafkaConsumer *consumer = consumer_idle(client, isolation, fetch_budget);

	if (consumer == NULL)
		consumer = consumer_create(client, isolation, fetch_budget);
	consumer->busy = true;
	consumer->broken = false;
	consumer->guard = guard;
	guard->consumer = consumer;
	guard->callback.func = guard_fire;
	guard->callback.arg = guard;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &guard->callback);
	library_listen(consumer->main_queue, &consumer->trouble);
	return consumer;
}

/* Destroy the oldest idle consumer where there are more than are worth keeping. */
static void
limit_idle(KafkaClient *client)
{
	KafkaConsumer *oldest = NULL;
	int			idle = 0;

	for (KafkaConsumer *consumer = client->consumers; consumer != NULL; consumer = consumer->next)
		if (!consumer->busy)
		{
			oldest = consumer;
			idle++;
		}
	if (idle > MAX_IDLE)
		consumer_destroy(oldest);
}

void
consumer_release(KafkaConsumer *consumer)
{
	consumer->guard->consumer = NULL;
	consumer->guard = NULL;
	consumer->busy = false;
	consumer_close_topic(consumer);
	/* One that never reached a broker is not worth its threads. */
	if (consumer->client == NULL || consumer->broken || !consumer->proven || !library_reusable())
		consumer_destroy(consumer);
	else
		limit_idle(consumer->client);
}

/* ---- failures ---- */

void
consumer_fail(KafkaConsumer *consumer, LibraryFailure *failure)
{
	/* What is wrong with a topic is not the consumer's fault. */
	consumer->broken = failure->code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
		failure->code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
	library_raise(consumer->client, failure);
}

void
consumer_give_up(KafkaConsumer *consumer, const char *action, const char *topic, int partition,
				 rd_kafka_resp_err_t code)
{
	const LibraryTrouble *trouble = &consumer->trouble;
	LibraryFailure failure = {.action = action, .topic = topic, .partition = partition, .code = code};

	/* A timeout says nothing where the library has told of a reason meanwhile. */
	if (library_transient(code) && trouble->code != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		failure.code = trouble->code;
		failure.reason = trouble->reason;
	}
	consumer_fail(consumer, &failure);
}

/* ---- questions: calls of the library's that block, in slices ---- */

typedef struct Question
{
	KafkaConsumer *consumer;
	const char *action;			/* for messages: "look up" */
	const char *topic;			/* NULL: none */
	Deadline	deadline;
	Deadline	refused;		/* give up then where all brokers refuse */
	int			slice;
} Question;

static void
question_begin(Question *question, KafkaConsumer *consumer, const char *action, const char *topic)
{
	const KafkaSettings *s = &consumer->client->settings;

	question->consumer = consumer;
	question->action = action;
	question->topic = topic;
	question->deadline = deadline_in(consumer->proven ? s->read_timeout : s->connect_timeout);
	question->refused = deadline_in(consumer->proven ? REFUSED_LATER_MS : REFUSED_FIRST_MS);
	question->slice = SLICE_FIRST_MS;
	CHECK_FOR_INTERRUPTS();
}

/* How long the call may block; to be called anew before each. */
static int
question_slice(Question *question)
{
	return (int) Max(deadline_cap(question->deadline, question->slice), 1);
}

/*
 * Whether the answer is there. False: ask again, after this has waited where that is due. ERROR for what will not pass,
 * or has not passed in time.
 */
static bool
question_answered(Question *question, rd_kafka_resp_err_t code)
{
	KafkaConsumer *consumer = question->consumer;
	LibraryTrouble *trouble = &consumer->trouble;
	bool		hopeless;

	CHECK_FOR_INTERRUPTS();
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		consumer->proven = true;
		library_calm(trouble);
		return true;
	}
	library_listen(consumer->main_queue, trouble);
	hopeless = trouble->code == RD_KAFKA_RESP_ERR__AUTHENTICATION || trouble->code == RD_KAFKA_RESP_ERR__SSL ||
		(trouble->all_down && deadline_left(question->refused) == 0);
	if (!library_transient(code) || hopeless || deadline_left(question->deadline) == 0)
		consumer_give_up(consumer, question->action, question->topic, -1, code);
	/* Looks for a client that went away, too. */
	wait_sleep(code == RD_KAFKA_RESP_ERR__TIMED_OUT ? 1 : RETRY_MS);
	question->slice = Min(question->slice * 2, SLICE_LAST_MS);
	return false;
}

/* One topic's metadata, or all topics' (NULL); to be destroyed by the caller, who must not raise an ERROR before. */
static const struct rd_kafka_metadata *
ask_metadata(KafkaConsumer *consumer, const char *topic)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_topic_t *handle = NULL;
	rd_kafka_resp_err_t code;
	Question	question;

	question_begin(&question, consumer, topic ? "look up" : "list the topics of", topic);
	do
	{
		if (topic != NULL)
			handle = rd_kafka_topic_new(consumer->handle, topic, NULL);
		code = rd_kafka_metadata(consumer->handle, topic == NULL, handle, &metadata, question_slice(&question));
		if (handle != NULL)
			rd_kafka_topic_destroy(handle);
		/* The answer may be about the topic alone. */
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR && topic != NULL)
		{
			code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
			if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			{
				consumer->proven = true;
				rd_kafka_metadata_destroy(metadata);
			}
		}
	} while (!question_answered(&question, code));
	return metadata;
}

static int
compare_partitions(const void *a, const void *b)
{
	return ((const KafkaPartition *) a)->partition - ((const KafkaPartition *) b)->partition;
}

/* Its partitions by number, without watermarks. */
static KafkaPartition *
ask_partitions(KafkaConsumer *consumer, const char *topic, int *count)
{
	const struct rd_kafka_metadata *metadata = ask_metadata(consumer, topic);
	const struct rd_kafka_metadata_topic *found = &metadata->topics[0];
	KafkaPartition *partitions = palloc_extended(sizeof(KafkaPartition) * Max(found->partition_cnt, 1),
												 MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);

	*count = found->partition_cnt;
	for (int i = 0; partitions != NULL && i < *count; i++)
		partitions[i].partition = found->partitions[i].id;
	rd_kafka_metadata_destroy(metadata);
	if (partitions == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	qsort(partitions, *count, sizeof(KafkaPartition), compare_partitions);
	return partitions;
}

/* The first error of a partition in an answer. */
static rd_kafka_resp_err_t
list_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return list->elems[i].err;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/*
 * The offsets that belong to a time in all partitions, by one request per leader, into "found". The library passes on the
 * two times that stand for the ends of the log as well. A time behind the last record is answered by -1.
 */
static void
ask_offsets(KafkaConsumer *consumer, const char *topic, KafkaPartition *partitions, int count, int64 time)
{
	rd_kafka_resp_err_t code;
	Question	question;

	if (count == 0)
		return;
	question_begin(&question, consumer, "look up the offsets of", topic);
	do
	{
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

		for (int i = 0; i < count; i++)
			rd_kafka_topic_partition_list_add(list, topic, partitions[i].partition)->offset = time;
		code = rd_kafka_offsets_for_times(consumer->handle, list, question_slice(&question));
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			code = list_error(list);
		for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++)
			partitions[i].found = rd_kafka_topic_partition_list_find(list, topic, partitions[i].partition)->offset;
		rd_kafka_topic_partition_list_destroy(list);
	} while (!question_answered(&question, code));
}

KafkaPartition *
consumer_watermarks(KafkaConsumer *consumer, const char *topic, int *count)
{
	KafkaPartition *partitions = ask_partitions(consumer, topic, count);

	ask_offsets(consumer, topic, partitions, *count, RD_KAFKA_OFFSET_BEGINNING);
	for (int i = 0; i < *count; i++)
		partitions[i].low = partitions[i].found;
	ask_offsets(consumer, topic, partitions, *count, RD_KAFKA_OFFSET_END);
	for (int i = 0; i < *count; i++)
		partitions[i].high = Max(partitions[i].found, partitions[i].low);
	return partitions;
}

void
consumer_find_times(KafkaConsumer *consumer, const char *topic, KafkaPartition *partitions, int count, int64 time)
{
	ask_offsets(consumer, topic, partitions, count, time);
	for (int i = 0; i < count; i++)
		if (partitions[i].found < 0)
			partitions[i].found = partitions[i].high;
}

int
consumer_leaders(KafkaConsumer *consumer, const char *topic)
{
	const struct rd_kafka_metadata *metadata = ask_metadata(consumer, NULL);
	int			leaders = 0;

	for (int i = 0; i < metadata->topic_cnt; i++)
	{
		const struct rd_kafka_metadata_topic *found = &metadata->topics[i];

		if (strcmp(found->topic, topic) == 0)
			for (int j = 0; j < found->partition_cnt; j++)
				leaders += found->partitions[j].leader >= 0;
	}
	rd_kafka_metadata_destroy(metadata);
	return leaders;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

List *
consumer_topics(KafkaConsumer *consumer)
{
	const struct rd_kafka_metadata *metadata = ask_metadata(consumer, NULL);
	List	   *names = NIL;

	PG_TRY();
	{
		for (int i = 0; i < metadata->topic_cnt; i++)
			/* Kafka's own begin so. */
			if (strncmp(metadata->topics[i].topic, "__", 2) != 0 &&
				metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
				names = lappend(names, pstrdup(metadata->topics[i].topic));
	}
	PG_FINALLY();
	{
		rd_kafka_metadata_destroy(metadata);
	}
	PG_END_TRY();
	list_sort(names, compare_names);
	return names;
}

char *
consumer_cluster_id(KafkaConsumer *consumer)
{
	Question	question;
	char	   *found;
	char	   *id;

	question_begin(&question, consumer, "look up the cluster of", NULL);
	do
		found = rd_kafka_clusterid(consumer->handle, question_slice(&question));
	while (!question_answered(&question, found ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__TIMED_OUT));
	id = palloc_extended(strlen(found) + 1, MCXT_ALLOC_NO_OOM);
	if (id != NULL)
		strcpy(id, found);
	rd_kafka_mem_free(consumer->handle, found);
	if (id == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	return id;
}
