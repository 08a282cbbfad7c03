/*
 * analyze.h
 *		ANALYZE of a foreign table: how much there is, and a sample of its rows.
 */
#ifndef MEDALLION_S3_ANALYZE_H
#define MEDALLION_S3_ANALYZE_H

#include "postgres.h"

#include "access/htup.h"
#include "storage/block.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

/* The bytes of the table's objects, in pages. Lists, reads nothing. */
extern BlockNumber analyze_pages(Relation rel);

/* An AcquireSampleRowsFunc: reads every row and keeps "wanted" of them, all with the same chance. */
extern int	analyze_sample(Relation rel, int elevel, HeapTuple *rows, int wanted, double *total, double *dead);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_ANALYZE_H */
