/*
 * decode.h
 *		A record as a row: its metadata, and its value by the format. Where records come from, scan.c knows.
 */
#ifndef MEDALLION_KAFKA_DECODE_H
#define MEDALLION_KAFKA_DECODE_H

#include "postgres.h"

#include "common/column.h"
#include "fdw_kafka/client.h"
#include "fdw_kafka/option.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct Decoder Decoder;

/*
 * Prepare for the rows of a table, in the current memory context. All columns are wanted, or those in "wanted" (attribute
 * numbers). "place" is the scan's; its column is set around conversions. ERROR where a column does not suit what it is to
 * hold.
 */
extern Decoder *decoder_begin(Relation rel, const KafkaOptions *options, bool all, const Bitmapset *wanted, Place *place);

/* One row, whose columns are all NULL at first; values live in the current (the row's) memory context. */
extern void decoder_row(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls);

extern void decoder_end(Decoder *decoder);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_DECODE_H */
