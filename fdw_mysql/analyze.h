/*
 * analyze.h
 *		Row counts and samples for the planner.
 */
#ifndef FDW_MYSQL_ANALYZE_H
#define FDW_MYSQL_ANALYZE_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "pushdown.h"

#pragma GCC visibility push(hidden)

/* MySQL's own estimate of the table's rows, or "otherwise" where it has none. Connects. */
extern double estimate_tuples(const RemoteTable *table, double otherwise);

extern bool mysqlAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *pages);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_ANALYZE_H */
