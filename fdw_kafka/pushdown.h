/*
 * pushdown.h
 *		What the planner can know: which columns and which ranges of a topic a query needs, and what it costs.
 */
#ifndef MEDALLION_KAFKA_PUSHDOWN_H
#define MEDALLION_KAFKA_PUSHDOWN_H

#include "postgres.h"

#include "fdw_kafka/option.h"
#include "nodes/pathnodes.h"

#pragma GCC visibility push(hidden)

/* What is known of a table while it is planned; rel->fdw_private. */
typedef struct KafkaTable
{
	KafkaOptions *options;
	struct RangeColumns *columns;
} KafkaTable;

extern KafkaTable *pushdown_table(RelOptInfo *rel, Oid relid);

/* Set the relation's size. Connects where use_remote_estimate says so, and never else. */
extern void pushdown_estimate_size(PlannerInfo *root, RelOptInfo *rel, Oid relid);

/* Add the paths: one for the whole, and one for each set of tables whose columns say which ranges to read. */
extern void pushdown_add_paths(PlannerInfo *root, RelOptInfo *rel);

/* Attribute numbers of the columns that the query and these clauses need, as a List of integers. */
extern List *pushdown_columns(RelOptInfo *rel, List *clauses);

/* Those of the clauses (RestrictInfo) that ranges come of, bare. All clauses stay with the executor as well. */
extern List *pushdown_range_conditions(RelOptInfo *rel, List *clauses);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_PUSHDOWN_H */
