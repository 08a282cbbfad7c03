/*
 * scan.h
 *		Running a foreign scan, and the plan's private data that tell it what to run.
 */
#ifndef FDW_MYSQL_SCAN_H
#define FDW_MYSQL_SCAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "common/compat.h"
#include "nodes/execnodes.h"

#pragma GCC visibility push(hidden)

/* Members of ForeignScan.fdw_private. */
enum ScanPrivate
{
	SCAN_SQL,					/* String: the statement */
	SCAN_PLAIN_SQL,				/* String: the same without WHERE, for where the remote types are not as declared */
	SCAN_COLUMNS,				/* IntList: attribute numbers, in the order of the statement's columns */
	SCAN_PROOFS,				/* IntList: triples of what the statement's conditions and order rely on */
	SCAN_PARAM_KINDS			/* IntList: triples for fdw_exprs, see Deparse */
};

extern void mysqlBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *mysqlIterateForeignScan(ForeignScanState *node);
extern void mysqlReScanForeignScan(ForeignScanState *node);
extern void mysqlEndForeignScan(ForeignScanState *node);

extern void mysqlExplainForeignScan(ForeignScanState *node, ExplainState *es);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_SCAN_H */
