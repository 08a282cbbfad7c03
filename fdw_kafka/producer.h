/*
 * producer.h
 *		Messages to Kafka and the broker's word that they stand there. Knows librdkafka, but neither rows nor transactions of
 *		PostgreSQL.
 *
 * A producer is idempotent: what librdkafka repeats arrives once, and in order within a partition. A keyed message goes
 * to the partition that Java's client would choose (murmur2), one without a key to any.
 *
 * Whatever waits here can be cancelled, and gives up when the broker has confirmed nothing for the option send_timeout.
 * After an ERROR out of these functions the producer is unusable: the caller closes it.
 */
#ifndef MEDALLION_KAFKA_PRODUCER_H
#define MEDALLION_KAFKA_PRODUCER_H

#include "postgres.h"

#include "common/wait.h"
#include "fdw_kafka/client.h"
#include "fdw_kafka/message.h"

#pragma GCC visibility push(hidden)

/* What the last attempt to abort a Kafka transaction may take, where nothing can be cancelled. */
#define PRODUCER_CLOSE_MS 300

typedef struct KafkaProducer KafkaProducer;
typedef struct ProducerTopic ProducerTopic;

/* What producers of one client differ in. */
typedef struct ProducerKind
{
	bool		transactional;
	const char *compression;	/* librdkafka's name; a constant */
	int			max_message;	/* bytes */
} ProducerKind;

/* What the broker has confirmed for one partition since the topic was opened. */
typedef struct PartitionCount
{
	int64		messages;
	int64		first;			/* offsets */
	int64		last;
} PartitionCount;

/* The client's producer of that kind, kept for the session; opened when there is none. */
extern KafkaProducer *producer_get(KafkaClient *client, const ProducerKind *kind);

/*
 * Look a topic up and forget what was counted for it. ERROR where it is not there or may not be written to. The first
 * time, a producer of kind transactional also introduces itself to its coordinator.
 */
extern ProducerTopic *producer_open(KafkaProducer *producer, const char *topic);

/* Send a message; "serial" is what an ERROR calls it. Begins a Kafka transaction where the kind asks for one. */
extern void producer_send(ProducerTopic *topic, const KafkaMessage *message, int64 serial);

/* Wait until the broker has confirmed all that was sent by the topic's producer. */
extern void producer_flush(ProducerTopic *topic);

/* Counts by partition; "*partitions" is their number. Valid until the topic is opened again. */
extern const PartitionCount *producer_counts(const ProducerTopic *topic, int *partitions);

/* One sentence or more about what was sent to the topic and stays there, or may; NULL where nothing was. No ERROR but memory. */
extern char *producer_remains(const ProducerTopic *topic);

/* Has a Kafka transaction that is neither committed nor aborted. */
extern bool producer_in_transaction(const KafkaProducer *producer);

/* Commit the Kafka transaction; can be cancelled only when the coordinator is slow. */
extern void producer_commit(KafkaProducer *producer);

/* Whether the commit is under way, so that nobody knows how it ends. */
extern bool producer_committing(const KafkaProducer *producer);

/* Abort the Kafka transaction by "deadline", or else close the producer: the broker then aborts it later. No ERROR. */
extern void producer_abort(KafkaProducer *producer, Deadline deadline);

/* Close a producer now, whatever is under way; a Kafka transaction is aborted by "deadline" if it can be. No ERROR. */
extern void producer_close(KafkaProducer *producer, Deadline deadline);

/* Close all producers of a client. No ERROR. */
extern void producer_close_all(KafkaClient *client);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_PRODUCER_H */
