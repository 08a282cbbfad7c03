/*
 * range.h
 *		Conditions on partition, offset and timestamp as what of a topic has to be read.
 *
 * A condition becomes a set of boxes that holds every record for which it is true, and perhaps more: the executor checks
 * all conditions again. Their values are taken when the scan begins, so that parameters count too.
 */
#ifndef MEDALLION_KAFKA_RANGE_H
#define MEDALLION_KAFKA_RANGE_H

#include "postgres.h"

#include "fdw_kafka/option.h"
#include "nodes/execnodes.h"

#pragma GCC visibility push(hidden)

/* Both ends belong to it. */
typedef struct RangeBox
{
	int64		first_partition;
	int64		last_partition;
	int64		first_offset;
	int64		last_offset;
	int64		first_time;		/* ms since 1970; RANGE_NO_TIME: none */
} RangeBox;

#define RANGE_NO_TIME PG_INT64_MIN

/* Offsets of one partition: first <= offset < end. */
typedef struct OffsetRange
{
	int64		first;
	int64		end;
} OffsetRange;

/* Which column of a table holds which fact, by attribute number. */
typedef struct RangeColumns
{
	Index		varno;
	int			count;
	KafkaMetadata *metadata;	/* by attnum - 1; NONE for what no range comes of */
} RangeColumns;

extern RangeColumns *range_columns(Oid relid, int count, Index varno);

/* Whether anything can be left unread because of a clause. For the planner. */
extern bool range_narrows(const RangeColumns *columns, Node *clause);

typedef struct RangeCondition RangeCondition;

/* Prepare clauses that all hold, in the current memory context. "parent" evaluates their values. */
extern RangeCondition *range_compile(const RangeColumns *columns, List *clauses, PlanState *parent);

/* The boxes, a List of RangeBox * in the current memory context; NIL: no record can satisfy the clauses. */
extern List *range_boxes(RangeCondition *condition, ExprContext *context);

/* Sort them, and join those that touch or overlap in the same partitions; changes the boxes. */
extern List *range_join_boxes(List *boxes);

/* Whether the values are known before the plan runs: constants and parameters of the statement. */
extern bool range_is_fixed(List *clauses);

/* Sort, and join what touches or overlaps; returns how many are left. */
extern int	range_normalize(OffsetRange *ranges, int count);

/* Boxes as EXPLAIN shows them. */
extern char *range_text(List *boxes);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_RANGE_H */
