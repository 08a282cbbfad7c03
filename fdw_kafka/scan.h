/*
 * scan.h
 *		A bounded scan of a topic: between the watermarks taken at its start, within ranges, every record or an ERROR.
 */
#ifndef MEDALLION_KAFKA_SCAN_H
#define MEDALLION_KAFKA_SCAN_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "fdw_kafka/option.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct KafkaScan KafkaScan;

/* What EXPLAIN ANALYZE tells. */
typedef struct KafkaScanCounters
{
	int			partitions;		/* with ranges to read */
	int			ranges;
	int64		offsets;		/* in those ranges; holes included */
	int64		messages;
	int64		bytes;			/* of keys and values */
} KafkaScanCounters;

/* When the module is loaded. */
extern void scan_init(void);

/*
 * Prepare a scan, in a memory context of its own below the current one. "all" columns are wanted, or those in "wanted"
 * (attribute numbers). Does not connect.
 */
extern KafkaScan *scan_begin(Relation rel, Oid userid, bool all, const Bitmapset *wanted);

/*
 * Read only what lies in these boxes (range.h), a List of RangeBox * that lives as long as the scan; before the first row,
 * and again after scan_rewind. Without it, everything.
 */
extern void scan_restrict(KafkaScan *scan, List *boxes);

/* Store the next row into a virtual slot; its values live in the current memory context. False at the end. */
extern bool scan_next(KafkaScan *scan, TupleTableSlot *slot);

/* Begin anew, between the same watermarks. */
extern void scan_rewind(KafkaScan *scan);

/* Whether a record that cannot be read is a row: its columns are then tried in subtransactions. */
extern bool scan_keeps_errors(const KafkaScan *scan);

/* The topic's partitions with their watermarks; connects. */
extern const KafkaPartition *scan_partitions(KafkaScan *scan, int *count);

extern const KafkaScanCounters *scan_counters(const KafkaScan *scan);

/* Close everything and free the scan. */
extern void scan_end(KafkaScan *scan);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_SCAN_H */
