/*
 * scan.h
 *		A scan: the table's objects, fetched some ahead, and their rows one after the other.
 *
 * All of a scan sees one list of objects, each pinned by its etag: rows of two versions never mix. Nothing connects
 * before the first row is asked for.
 */
#ifndef MEDALLION_S3_SCAN_H
#define MEDALLION_S3_SCAN_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "fdw_s3/option.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct S3Scan S3Scan;

/* What EXPLAIN ANALYZE tells. */
typedef struct S3ScanCounters
{
	int64		objects;		/* opened for reading */
	int64		pruned;			/* passed over because of a condition on metadata columns */
	int64		bytes;			/* of bodies, as they came over the wire */
} S3ScanCounters;

/*
 * Prepare a scan, in a memory context of its own below the current one. "all" columns are wanted, or those in "wanted"
 * (attribute numbers). "listing" is what the keys begin with: the table's prefix or more; NULL for the table's own.
 */
extern S3Scan *scan_begin(Relation rel, Oid userid, bool all, const Bitmapset *wanted, const char *listing);

/* Pass over objects for which these conditions on metadata columns do not hold. */
extern void scan_filter(S3Scan *scan, List *conditions, PlanState *parent);

/* Store the next row into a virtual slot; its values live in the current memory context. False at the end. */
extern bool scan_next(S3Scan *scan, TupleTableSlot *slot);

/* Begin anew, with the same list of objects. */
extern void scan_rewind(S3Scan *scan);

/* The table's objects, without reading any: their number and bytes, for ANALYZE. */
extern void scan_measure(S3Scan *scan, int64 *objects, int64 *bytes);

extern const S3ScanCounters *scan_counters(const S3Scan *scan);

/* Close everything and free the scan. */
extern void scan_end(S3Scan *scan);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_SCAN_H */
