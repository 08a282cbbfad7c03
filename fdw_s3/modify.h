/*
 * modify.h
 *		Rows into objects: which row goes into which object, and when one begins and ends.
 *
 * Nothing connects before the first row, and nothing becomes visible before the transaction commits (pending.h).
 */
#ifndef MEDALLION_S3_MODIFY_H
#define MEDALLION_S3_MODIFY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

typedef struct S3Modify S3Modify;

/* Prepare a statement, in a memory context of its own below the current one. */
extern S3Modify *modify_begin(Relation rel, Oid userid);

/* Write a row; opens the object that it belongs to. */
extern void modify_insert(S3Modify *modify, TupleTableSlot *slot);

/* Write an object without rows under a planned name. */
extern void modify_empty(S3Modify *modify, const char *key);

/* The last object is complete; frees everything. The uploads stay with the transaction. */
extern void modify_end(S3Modify *modify);

/* What EXPLAIN ANALYZE tells. */
extern int	modify_objects(const S3Modify *modify);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_MODIFY_H */
