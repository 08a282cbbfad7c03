/*
 * analyze.h
 *		Sampling for ANALYZE: pieces of the topic, or all of a small one.
 */
#ifndef MEDALLION_KAFKA_ANALYZE_H
#define MEDALLION_KAFKA_ANALYZE_H

#include "postgres.h"

#include "access/htup.h"
#include "storage/block.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

/* What the topic would take up in pages. */
extern BlockNumber analyze_pages(Relation rel);

/* An AcquireSampleRowsFunc. */
extern int	analyze_sample(Relation rel, int elevel, HeapTuple *rows, int wanted, double *total, double *dead);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_ANALYZE_H */
