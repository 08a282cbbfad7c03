/*
 * spool.h
 *		Messages that wait in a temporary file, in order. What they wait for, pending.c knows.
 *
 * Appended at the end, read from the front, truncated where a savepoint is undone.
 */
#ifndef MEDALLION_KAFKA_SPOOL_H
#define MEDALLION_KAFKA_SPOOL_H

#include "postgres.h"

#include "fdw_kafka/message.h"

#pragma GCC visibility push(hidden)

typedef struct Spool Spool;

/* A place between two messages. */
typedef struct SpoolPlace
{
	int64		count;			/* of the messages before it */
	int			file;
	off_t		offset;
} SpoolPlace;

/* An empty spool in the current memory context; its file lives until spool_free or the end of the top transaction. */
extern Spool *spool_create(void);
extern void spool_free(Spool *spool);

/* Append a message for a target, a number that is the caller's. */
extern void spool_append(Spool *spool, int target, const KafkaMessage *message);

/* The place after the last message, and the one after the message that was read last. */
extern SpoolPlace spool_end(const Spool *spool);
extern SpoolPlace spool_read_place(const Spool *spool);

/* Forget the messages after a place. No ERROR. */
extern void spool_truncate(Spool *spool, SpoolPlace place);

/* Read again from the first message on. No ERROR. */
extern void spool_rewind(Spool *spool);

/* The next message, whose bytes stay until the next call; false after the last. */
extern bool spool_next(Spool *spool, int *target, KafkaMessage *message);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_SPOOL_H */
