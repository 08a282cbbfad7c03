/*
 * encode.h
 *		A row as a message: which columns become its key, its headers, its value, and in which format.
 *
 * The opposite of decoding. Where messages go, and when, modify.c and pending.c know.
 */
#ifndef MEDALLION_KAFKA_ENCODE_H
#define MEDALLION_KAFKA_ENCODE_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "fdw_kafka/message.h"
#include "fdw_kafka/option.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct Encoder Encoder;

/* Prepare for the rows of a table, in the current memory context. ERROR where the table cannot be written to. */
extern Encoder *encoder_begin(Relation rel, const KafkaOptions *options);

/* Encode a row whose columns are deformed; the bytes stay until the next call. Allocates in the current (the row's) context. */
extern void encoder_row(Encoder *encoder, TupleTableSlot *slot, KafkaMessage *message);

/* The column that is being encoded, for the context of an ERROR; NULL for none. */
extern const char *encoder_column(const Encoder *encoder);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_ENCODE_H */
