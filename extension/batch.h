/*
 * batch.h
 *		The batch of records that this transaction is landing: what they add up to, and the rows that they give.
 */
#ifndef MEDALLION_BATCH_H
#define MEDALLION_BATCH_H

#include "postgres.h"

#include "reading.h"

#include "utils/tuplestore.h"

#pragma GCC visibility push(hidden)

typedef struct BatchTotals
{
	int64		records;
	int64		readings;
	int64		dead;
	int64		errors;
	int64		first_offset;		/* of the records, if there are any */
	int64		last_offset;
	bool		has_last_timestamp;
	TimestampTz last_timestamp; /* of the record with the last offset */
	TimestampTz min_event;		/* of the readings, if there are any */
	TimestampTz max_event;
} BatchTotals;

/* Start an empty batch in the place of any other. */
extern void batch_begin(void);

/*
 * Count a record into the batch. An ERROR where none has been begun, or where a part of the transaction that used
 * it was rolled back.
 */
extern void batch_add(const Record *record, Reading *reading);

extern const BatchTotals *batch_totals(void);

/* The key and value of the record with the last offset. */
extern void batch_last(Bytes *key, Bytes *value);

extern void batch_read_windows(Tuplestorestate *out);
extern void batch_read_rejected(Tuplestorestate *out);
extern void batch_read_errors(Tuplestorestate *out);

#pragma GCC visibility pop

#endif							/* MEDALLION_BATCH_H */
