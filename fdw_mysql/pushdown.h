/*
 * pushdown.h
 *		Which conditions MySQL evaluates as PostgreSQL would.
 *
 * The answer rests on the types of the remote columns, which planning does not ask for. So each use of a column names
 * the kind that it assumes, and the scan compares that with the statement's metadata before it relies on it.
 */
#ifndef FDW_MYSQL_PUSHDOWN_H
#define FDW_MYSQL_PUSHDOWN_H

#include "postgres.h"

#include "client.h"
#include "common/column.h"
#include "nodes/pathnodes.h"
#include "option.h"

#pragma GCC visibility push(hidden)

/* What a column or a value is compared as. */
typedef enum Kind
{
	KIND_NONE,
	KIND_BOOL,
	KIND_INTEGER,
	KIND_NUMERIC,
	KIND_DOUBLE,
	KIND_DATE,
	KIND_TIMESTAMP,
	KIND_TIMESTAMPTZ,
	KIND_TEXT,
	KIND_ANY,					/* only its being NULL matters */
	KIND_TIMELESS				/* the same, but a zero date would be taken for NULL */
} Kind;

/* How much of a condition can be left to MySQL; in order. */
typedef enum Shipping
{
	SHIP_NO,
	SHIP_SUPERSET,				/* it lets rows through that PostgreSQL would not: check again */
	SHIP_EXACT
} Shipping;

/* An operator that means the same on both sides. */
typedef struct Operator
{
	Oid			function;		/* PostgreSQL's */
	const char *name;			/* MySQL's */
	Kind		left;
	Kind		right;
	Shipping	shipping;
} Operator;

/*
 * How a moment that may be finer than its column is sent. MySQL cuts such a value to the column's precision where it
 * looks into an index (seen on MariaDB 10.11: dt < '00:00:05.5' does not find 00:00:05), so whole seconds are sent,
 * rounded to the side that lets more rows through.
 */
typedef enum Rounding
{
	ROUND_NOT,
	ROUND_DOWN,
	ROUND_UP
} Rounding;

/* What the planner knows of a foreign table: RelOptInfo.fdw_private. */
typedef struct RemoteTable
{
	Oid			relid;
	Oid			userid;			/* as whom to connect */
	Options    *options;
	List	   *remote_conditions;	/* RestrictInfos: MySQL evaluates them */
	List	   *local_conditions;	/* RestrictInfos: PostgreSQL does; those of SHIP_SUPERSET are in both */
	double		tuples;			/* rows of the table */
	double		retrieved;		/* rows that come over the wire */
} RemoteTable;

extern const Operator *pushdown_operator(Oid function);

/* The kind of a PostgreSQL type, KIND_NONE where it has none. */
extern Kind pushdown_kind(Oid type);

extern bool pushdown_is_date(Kind kind);

/* The column that an expression is, but for casts that do not change its value; NULL when it is none of the table's. */
extern Var *pushdown_column(const RelOptInfo *rel, Expr *expr);

/* The rounding of a value that stands on the left or the right of a comparison with a column. */
extern Rounding pushdown_rounding(const Operator *operator, Expr *value, bool left);

/* Must the column's dates be looked at here, because a zero date is read as NULL? */
extern bool pushdown_zero_dates(const RemoteTable *table, const Var *var);

extern Shipping pushdown_classify(PlannerInfo *root, RelOptInfo *rel, Expr *expr);

/* Is a remote column what a condition, or an order, took it for? */
extern bool pushdown_holds(Kind kind, const ClientField *field);
/* Is the local column too coarse for some of the remote values? Such a value must be seen here, to be refused. */
extern bool pushdown_narrows(const Column *local, const ClientField *field);
extern bool pushdown_sorts(Kind kind, const ClientField *field);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_PUSHDOWN_H */
