/*
 * deparse.h
 *		MySQL text of what pushdown.c let through. Decides nothing.
 */
#ifndef FDW_MYSQL_DEPARSE_H
#define FDW_MYSQL_DEPARSE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pathnodes.h"
#include "pushdown.h"
#include "utils/array.h"

#pragma GCC visibility push(hidden)

/* A statement in the making. */
typedef struct Deparse
{
	PlannerInfo *root;
	RelOptInfo *rel;
	Oid			relid;
	StringInfoData sql;
	List	   *params;			/* expressions for the statement's ?, in order */
	List	   *param_kinds;	/* IntList of triples beside them: Kind, Rounding, attribute number compared with */
	List	   *proofs;			/* IntList of triples: attribute number, Kind, PROOF_... bits */
} Deparse;

#define PARAM_COLUMNS 3
#define PROOF_COLUMNS 3
#define PROOF_SORTED 1			/* the order relies on it: there is nothing to fall back on */
#define PROOF_NOT_NULL 2		/* and on there being no NULL */
#define PROOF_SCALE_SHIFT 8		/* above: digits after the point that the column must have */

extern void deparse_identifier(StringInfo sql, const char *name);
extern void deparse_string(StringInfo sql, const char *bytes, size_t length);
extern void deparse_table(StringInfo sql, const Options *options);
extern char *deparse_column_name(Oid relid, AttrNumber attnum);

/* Has this constant an exact form in MySQL? */
extern bool deparse_can_print(const Const *constant, Kind kind);

/* Digits after the point of a numeric constant, trailing zeros left out. */
extern int	deparse_scale(const Const *constant);

extern void deparse_elements(ArrayType *array, Datum **values, bool **nulls, int *count);

/* " WHERE ..." over RestrictInfos. */
extern void deparse_where(Deparse *deparse, List *conditions);
/* " ORDER BY ..." for pathkeys that order_column() found columns for. */
extern void deparse_order(Deparse *deparse, List *pathkeys);
/* The column of the table that a pathkey sorts by and MySQL sorts alike, or NULL. */
extern Var *deparse_order_column(PlannerInfo *root, RelOptInfo *rel, PathKey *pathkey, int *proof);

/*
 * A parameter's value as the statement wants it; false when MySQL has no such value. "scale" becomes the digits after
 * the point that the column must have.
 */
extern bool deparse_param(Kind kind, Rounding rounding, Oid type, Datum value, bool null, ClientParam *param, int *scale);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_DEPARSE_H */
