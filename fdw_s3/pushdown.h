/*
 * pushdown.h
 *		What the planner can know without connecting: which columns and which objects a query needs, and what it costs.
 */
#ifndef MEDALLION_S3_PUSHDOWN_H
#define MEDALLION_S3_PUSHDOWN_H

#include "postgres.h"

#include "fdw_s3/option.h"
#include "nodes/pathnodes.h"

#pragma GCC visibility push(hidden)

/* Set the relation's size. */
extern void pushdown_estimate_size(PlannerInfo *root, RelOptInfo *rel, const S3Options *options);
extern void pushdown_estimate_cost(RelOptInfo *rel, Cost *startup, Cost *total);

/* Attribute numbers of the columns that the query needs, as a List of integers. */
extern List *pushdown_columns(RelOptInfo *rel);

/*
 * The conditions that speak of metadata columns alone: by them objects are passed over unread. All conditions stay with
 * the executor as well.
 */
extern List *pushdown_object_conditions(RelOptInfo *rel, Oid relid);

/* What all keys begin with that those conditions let through: the table's prefix or more. NULL for a table of one object. */
extern char *pushdown_listing(List *conditions, Oid relid, const S3Options *options);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_PUSHDOWN_H */
