/*
 * pending.h
 *		The messages of the running transaction: spooled until it commits, or until fdw_kafka_finish().
 *
 *	- ROLLBACK and ROLLBACK TO a savepoint drop what is spooled. What fdw_kafka_finish() has sent already stays in Kafka,
 *	  unless the table is transactional.
 *	- At pre-commit the rest is sent, then Kafka transactions are committed, last of all. A failure there is an ERROR; what
 *	  may have stayed in Kafka its DETAIL says (its CONTEXT, when the sending was cancelled).
 *	- An ERROR of PostgreSQL after that, or a crash, leaves the messages in Kafka: the two have no common commit.
 *	- PREPARE TRANSACTION with messages written is an ERROR.
 *	- At pre-commit no timeout of PostgreSQL's fires; the server option send_timeout is the deadline. Cancel works.
 */
#ifndef MEDALLION_KAFKA_PENDING_H
#define MEDALLION_KAFKA_PENDING_H

#include "postgres.h"

#include "fdw_kafka/message.h"
#include "fdw_kafka/producer.h"
#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

/* What was sent to one partition. */
typedef struct PendingSent
{
	const char *server;
	const char *topic;
	int			partition;
	int64		messages;
	int64		first_offset;
	int64		last_offset;
} PendingSent;

/* The number by which this transaction knows a topic and a way to send to it. */
extern int	pending_target(Oid serverid, Oid userid, const char *topic, const ProducerKind *kind);

/* Spool a message for a target. */
extern void pending_add(int target, const KafkaMessage *message);

/* Send what is spooled now; a List of PendingSent *, in the current memory context. */
extern List *pending_finish(void);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_PENDING_H */
