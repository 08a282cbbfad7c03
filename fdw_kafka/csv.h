/*
 * csv.h
 *		A record's value as a line of comma separated values, taken apart by COPY's own parser.
 */
#ifndef MEDALLION_KAFKA_CSV_H
#define MEDALLION_KAFKA_CSV_H

#include "postgres.h"

#include "common/column.h"
#include "fdw_kafka/option.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct CsvReader CsvReader;

/* For those columns, all of the value's in its order; only those "wanted" are converted. In the current memory context. */
extern CsvReader *csv_begin(Relation rel, const KafkaOptions *options, Column *columns, const bool *wanted, int count,
							Place *place);

/*
 * One value into values and nulls at the columns' attnum - 1. An ERROR leaves the reader ready for the next one, where the
 * caller goes on after it.
 */
extern void csv_read(CsvReader *reader, const char *value, size_t length, Datum *values, bool *nulls);

extern void csv_end(CsvReader *reader);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_CSV_H */
