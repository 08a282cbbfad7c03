/*
 * modify.h
 *		INSERT and COPY into a topic: rows become messages that wait for the transaction's end (pending.h).
 */
#ifndef MEDALLION_KAFKA_MODIFY_H
#define MEDALLION_KAFKA_MODIFY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct KafkaModify KafkaModify;

/* Prepare a statement, in a memory context of its own below the current one. Connects to nothing. */
extern KafkaModify *modify_begin(Relation rel, Oid userid);

/* Spool a row. */
extern void modify_insert(KafkaModify *modify, TupleTableSlot *slot);

/* Frees everything; the messages stay with the transaction. */
extern void modify_end(KafkaModify *modify);

/* What EXPLAIN ANALYZE tells. */
extern int64 modify_messages(const KafkaModify *modify);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_MODIFY_H */
