/*
 * consumer.h
 *		A consumer from within: what client.c, consumer.c and admin.c share. All others know it by client.h alone.
 */
#ifndef MEDALLION_KAFKA_CONSUMER_H
#define MEDALLION_KAFKA_CONSUMER_H

#include "postgres.h"

#include "fdw_kafka/library.h"

#pragma GCC visibility push(hidden)

/* Records that are taken from the library at once. */
#define CONSUMER_BATCH 1000

struct KafkaConsumer
{
	MemoryContext context;		/* of this struct; below TopMemoryContext */
	KafkaClient *client;		/* NULL: closed meanwhile */
	struct KafkaConsumer *next; /* of the client */
	struct ConsumerGuard *guard;	/* of who has it */
	bool		busy;			/* somebody has it */
	bool		proven;			/* has reached a broker */
	bool		broken;			/* not to be used again */
	int			pid;			/* handles do not survive a fork */
	int			isolation;		/* KafkaIsolation */
	int64		fetch_budget;
	int64		queue_bytes;	/* beyond which the library fetches no more */
	int64		queue_records;

	rd_kafka_t *handle;
	rd_kafka_queue_t *main_queue;	/* tells of errors */
	LibraryTrouble trouble;

	/* While a topic is read. */
	const char *topic_name;		/* of who reads */
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;	/* all partitions' records */
	int			wakeup;			/* descriptor that the library writes to when records come */
	List	   *started;		/* of int: partitions that are fetched; below "context" */
	int			taken;			/* messages in "batch" */
	int			next_message;
	int64		mean_bytes;		/* of a record, roughly */
	int64		peak;			/* records in the queue, at most, since the last nudge */
	Deadline	nudge;			/* not before */
	rd_kafka_message_t *batch[CONSUMER_BATCH];

	/* While an admin request is under way; its answer comes into "queue" too. */
	rd_kafka_AdminOptions_t *request;
	rd_kafka_event_t *answer;
};

/* Stop whatever is read and let go of it. No ERROR. */
extern void consumer_close_topic(KafkaConsumer *consumer);

/* Report a failure, after which the consumer is in most cases not used again. */
pg_noreturn extern void consumer_fail(KafkaConsumer *consumer, LibraryFailure *failure);
/* The same for a code, with the reason that the library has told of meanwhile. */
pg_noreturn extern void consumer_give_up(KafkaConsumer *consumer, const char *action, const char *topic, int partition,
										 rd_kafka_resp_err_t code);

/* How many of a topic's partitions have a leader; 0 while it is not known. */
extern int	consumer_leaders(KafkaConsumer *consumer, const char *topic);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_CONSUMER_H */
