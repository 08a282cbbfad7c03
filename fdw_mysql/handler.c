/*
 * handler.c
 *		The wrapper's entry point, and its planner callbacks: what to fetch, what MySQL filters and sorts, what it costs.
 *
 * Planning makes no connection, but for use_remote_estimate.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "analyze.h"
#include "catalog/pg_type.h"
#include "common/compat.h"
#include "deparse.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "import.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "pushdown.h"
#include "scan.h"
#include "session.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fdw_mysql_handler);

/* A table that was never analyzed. */
#define DEFAULT_TUPLES 1000
/* Costs: a round trip; a row that MySQL looks at; a row that comes over. */
#define COST_ROUND_TRIP 20.0
#define COST_REMOTE_ROW 0.002
#define COST_TRANSFER 0.01
/* What it costs MySQL to sort, as a share of the scan: little by the primary key, and still less than here. */
#define COST_SORT_SHARE 0.05

void		_PG_init(void);

void
_PG_init(void)
{
	session_init();
}

/* ---- sizes ---- */

/* Sort the conditions into those for MySQL and those for us. */
static void
classify_conditions(PlannerInfo *root, RelOptInfo *rel, List *conditions, List **remote, List **local)
{
	RemoteTable *table = rel->fdw_private;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		RestrictInfo *condition = lfirst_node(RestrictInfo, lc);
		Shipping	shipping = SHIP_NO;

		if (table->options->pushdown && !condition->pseudoconstant)
			shipping = pushdown_classify(root, rel, condition->clause);
		if (shipping != SHIP_NO)
			*remote = lappend(*remote, condition);
		if (shipping != SHIP_EXACT)
			*local = lappend(*local, condition);
	}
}

static double
known_tuples(RelOptInfo *rel)
{
	return rel->tuples > 0 ? rel->tuples : DEFAULT_TUPLES;
}

static void
mysqlGetForeignRelSize(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	RemoteTable *table = palloc0(sizeof(RemoteTable));

	table->relid = relid;
	table->userid = OidIsValid(rel->userid) ? rel->userid : GetUserId();
	table->options = options_of_table(relid, NULL);
	rel->fdw_private = table;
	classify_conditions(root, rel, rel->baserestrictinfo, &table->remote_conditions, &table->local_conditions);

	rel->tuples = known_tuples(rel);
	if (table->options->use_remote_estimate)
		rel->tuples = estimate_tuples(table, rel->tuples);
	table->tuples = rel->tuples;
	set_baserel_size_estimates(root, rel);
	table->retrieved = clamp_row_est(table->tuples *
									 clauselist_selectivity(root, table->remote_conditions, rel->relid, JOIN_INNER, NULL));
}

/* ---- paths ---- */

static Cost
scan_cost(PlannerInfo *root, RelOptInfo *rel, double looked_at, double retrieved)
{
	RemoteTable *table = rel->fdw_private;
	QualCost	local;

	cost_qual_eval(&local, extract_actual_clauses(table->local_conditions, false), root);
	return COST_ROUND_TRIP + local.startup + looked_at * COST_REMOTE_ROW +
		retrieved * (COST_TRANSFER + cpu_tuple_cost + local.per_tuple);
}

static void
add_plain_path(PlannerInfo *root, RelOptInfo *rel)
{
	RemoteTable *table = rel->fdw_private;

	add_path(rel, (Path *) compat_foreignscan_path(root, rel, rel->rows, COST_ROUND_TRIP,
												   scan_cost(root, rel, table->tuples, table->retrieved), NIL,
												   rel->lateral_relids, NIL));
}

static void
add_sorted_path(PlannerInfo *root, RelOptInfo *rel)
{
	RemoteTable *table = rel->fdw_private;
	Cost		total = scan_cost(root, rel, table->tuples, table->retrieved) * (1 + COST_SORT_SHARE);
	ListCell   *lc;

	if (!table->options->pushdown || root->query_pathkeys == NIL)
		return;
	foreach(lc, root->query_pathkeys)
	{
		int			proof;

		if (deparse_order_column(root, rel, lfirst(lc), &proof) == NULL)
			return;
	}
	add_path(rel, (Path *) compat_foreignscan_path(root, rel, rel->rows, COST_ROUND_TRIP, total, root->query_pathkeys,
												   rel->lateral_relids, NIL));
}

static bool
is_key_column(RelOptInfo *rel, const Var *column)
{
	RemoteTable *table = rel->fdw_private;

	return options_of_column(table->options, GetForeignColumnOptions(table->relid, column->varattno)).key;
}

/* An equality that MySQL can answer from the primary key for one row of the outer side. */
static bool
is_key_lookup(PlannerInfo *root, RelOptInfo *rel, RestrictInfo *condition)
{
	OpExpr	   *expr = (OpExpr *) condition->clause;
	const Operator *operator;
	Var		   *column;

	if (!IsA(expr, OpExpr) || list_length(expr->args) != 2)
		return false;
	operator = pushdown_operator(expr->opfuncid);
	column = pushdown_column(rel, linitial(expr->args));
	if (column == NULL)
		column = pushdown_column(rel, lsecond(expr->args));
	return operator != NULL && column != NULL && strcmp(operator->name, "=") == 0 && is_key_column(rel, column) &&
		pushdown_classify(root, rel, condition->clause) != SHIP_NO;
}

static void
add_lookup_path(PlannerInfo *root, RelOptInfo *rel, RestrictInfo *condition)
{
	Relids		outer = bms_del_members(bms_copy(condition->clause_relids), rel->relids);
	ParamPathInfo *info;
	Cost		total;

	outer = bms_union(outer, rel->lateral_relids);
	if (bms_is_empty(outer) || !join_clause_is_movable_to(condition, rel))
		return;
	info = get_baserel_parampathinfo(root, rel, outer);
	total = scan_cost(root, rel, info->ppi_rows, info->ppi_rows);
	add_path(rel, (Path *) compat_foreignscan_path(root, rel, info->ppi_rows, COST_ROUND_TRIP, total, NIL, outer, NIL));
}

static bool
is_member_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *class, EquivalenceMember *member, void *arg)
{
	Var		   *column = pushdown_column(rel, member->em_expr);

	return column != NULL && is_key_column(rel, column);
}

static void
add_lookup_paths(PlannerInfo *root, RelOptInfo *rel)
{
	RemoteTable *table = rel->fdw_private;
	List	   *conditions = list_copy(rel->joininfo);
	ListCell   *lc;

	if (!table->options->pushdown)
		return;
	if (rel->has_eclass_joins)
		conditions = list_concat(conditions, generate_implied_equalities_for_column(root, rel, is_member_column, NULL, NULL));
	foreach(lc, conditions)
		if (is_key_lookup(root, rel, lfirst(lc)))
			add_lookup_path(root, rel, lfirst(lc));
}

static void
mysqlGetForeignPaths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	add_plain_path(root, rel);
	add_sorted_path(root, rel);
	add_lookup_paths(root, rel);
}

/* ---- plan ---- */

/* Columns of the target list and of every condition: those that MySQL evaluates may have to be evaluated here. */
static List *
wanted_columns(RelOptInfo *rel, List *conditions, List *pathkey_columns, Oid relid)
{
	Bitmapset  *wanted = NULL;
	List	   *attnums = NIL;
	Relation	relation;
	ListCell   *lc;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &wanted);
	foreach(lc, conditions)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &wanted);
	pull_varattnos((Node *) pathkey_columns, rel->relid, &wanted);

	relation = RelationIdGetRelation(relid);
	for (int i = 1; i <= RelationGetDescr(relation)->natts; i++)
	{
		if (TupleDescAttr(RelationGetDescr(relation), i - 1)->attisdropped)
			continue;
		if (bms_is_member(i - FirstLowInvalidHeapAttributeNumber, wanted) ||
			bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, wanted))
			attnums = lappend_int(attnums, i);
	}
	RelationClose(relation);
	return attnums;
}

static List *
order_columns(PlannerInfo *root, RelOptInfo *rel, List *pathkeys)
{
	List	   *columns = NIL;
	int			proof;
	ListCell   *lc;

	foreach(lc, pathkeys)
		columns = lappend(columns, deparse_order_column(root, rel, lfirst(lc), &proof));
	return columns;
}

static void
append_select(StringInfo sql, const RemoteTable *table, List *attnums)
{
	ListCell   *lc;

	appendStringInfoString(sql, attnums == NIL ? "SELECT NULL" : "SELECT ");
	foreach(lc, attnums)
	{
		if (lc != list_head(attnums))
			appendStringInfoString(sql, ", ");
		deparse_identifier(sql, deparse_column_name(table->relid, lfirst_int(lc)));
	}
	appendStringInfoString(sql, " FROM ");
	deparse_table(sql, table->options);
}

static List *
plan_private(Deparse *deparse, List *attnums, List *remote, List *pathkeys)
{
	RemoteTable *table = deparse->rel->fdw_private;
	Deparse		plain = *deparse;

	initStringInfo(&deparse->sql);
	append_select(&deparse->sql, table, attnums);
	deparse_where(deparse, remote);
	deparse_order(deparse, pathkeys);

	initStringInfo(&plain.sql);
	append_select(&plain.sql, table, attnums);
	deparse_order(&plain, pathkeys);
	return list_make5(makeString(deparse->sql.data), makeString(plain.sql.data), attnums, deparse->proofs,
					  deparse->param_kinds);
}

static ForeignScan *
mysqlGetForeignPlan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path, List *tlist, List *conditions,
					Plan *outer_plan)
{
	List	   *remote = NIL;
	List	   *local = NIL;
	List	   *pathkeys = path->path.pathkeys;
	Deparse		deparse = {.root = root, .rel = rel, .relid = relid};
	List	   *attnums;
	List	   *private;

	/* Also the join conditions of a parameterised path, which sizing did not see. */
	classify_conditions(root, rel, conditions, &remote, &local);
	attnums = wanted_columns(rel, conditions, order_columns(root, rel, pathkeys), relid);
	private = plan_private(&deparse, attnums, remote, pathkeys);
	return make_foreignscan(tlist, extract_actual_clauses(local, false), rel->relid, deparse.params, private, NIL,
							extract_actual_clauses(remote, false), outer_plan);
}

/* No slot can be locked at MySQL, and nothing is written there. */
Datum
fdw_mysql_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = mysqlGetForeignRelSize;
	routine->GetForeignPaths = mysqlGetForeignPaths;
	routine->GetForeignPlan = mysqlGetForeignPlan;
	routine->BeginForeignScan = mysqlBeginForeignScan;
	routine->IterateForeignScan = mysqlIterateForeignScan;
	routine->ReScanForeignScan = mysqlReScanForeignScan;
	routine->EndForeignScan = mysqlEndForeignScan;
	routine->ExplainForeignScan = mysqlExplainForeignScan;
	routine->AnalyzeForeignTable = mysqlAnalyzeForeignTable;
	routine->ImportForeignSchema = mysqlImportForeignSchema;
	PG_RETURN_POINTER(routine);
}
