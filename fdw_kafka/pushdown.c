/*
 * pushdown.c
 *		Estimates, columns needed, and conditions that ranges come of. What ranges are, range.h says.
 */
#include "postgres.h"

#include "fdw_kafka/pushdown.h"

#include "access/sysattr.h"
#include "common/compat.h"
#include "fdw_kafka/client.h"
#include "fdw_kafka/range.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"

/* Watermarks and the first records, in the planner's unit (reading one page). */
#define CONNECT_COST 25.0
/* Fetching and taking apart a record, in units of cpu_tuple_cost. */
#define ROW_COST 5.0

KafkaTable *
pushdown_table(RelOptInfo *rel, Oid relid)
{
	KafkaTable *table = palloc(sizeof(KafkaTable));

	table->options = kafka_table_options(relid, NULL);
	table->columns = range_columns(relid, rel->max_attr, rel->relid);
	return table;
}

/* How many offsets the topic has now: not fewer than records. */
static double
ask_size(RelOptInfo *rel, Oid relid)
{
	const KafkaTable *table = rel->fdw_private;
	const KafkaSettings *settings = &table->options->settings;
	Oid			userid = OidIsValid(rel->userid) ? rel->userid : GetUserId();
	KafkaClient *client = client_get(GetForeignTable(relid)->serverid, userid);
	KafkaConsumer *consumer = consumer_acquire(client, settings->isolation, settings->fetch_budget);
	KafkaPartition *partitions;
	double		size = 0;
	int			count;

	partitions = consumer_watermarks(consumer, table->options->topic, &count);
	consumer_release(consumer);
	for (int i = 0; i < count; i++)
		size += partitions[i].high - partitions[i].low;
	return size;
}

void
pushdown_estimate_size(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	const KafkaTable *table = rel->fdw_private;

	if (table->options->use_remote_estimate)
		rel->tuples = ask_size(rel, relid);
	else if (rel->tuples <= 0)
		rel->tuples = table->options->rows;
	rel->rows = clamp_row_est(rel->tuples * clauselist_selectivity(root, rel->baserestrictinfo, 0, JOIN_INNER, NULL));
}

/* ---- conditions ---- */

static bool
makes_ranges(RelOptInfo *rel, RestrictInfo *info)
{
	const KafkaTable *table = rel->fdw_private;

	/* A security barrier's conditions must have been checked before others may see a value. */
	return !info->pseudoconstant && restriction_is_securely_promotable(info, rel) &&
		range_narrows(table->columns, (Node *) info->clause);
}

static List *
range_infos(RelOptInfo *rel, List *clauses)
{
	List	   *infos = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
		if (makes_ranges(rel, lfirst_node(RestrictInfo, lc)))
			infos = lappend(infos, lfirst(lc));
	return infos;
}

List *
pushdown_range_conditions(RelOptInfo *rel, List *clauses)
{
	return extract_actual_clauses(range_infos(rel, clauses), false);
}

List *
pushdown_columns(RelOptInfo *rel, List *clauses)
{
	Bitmapset  *used = NULL;
	List	   *columns = NIL;
	ListCell   *lc;
	bool		whole_row;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &used);
	foreach(lc, clauses)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &used);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (AttrNumber attnum = 1; attnum <= rel->max_attr; attnum++)
		if (whole_row || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used))
			columns = lappend_int(columns, attnum);
	return columns;
}

/* ---- paths ---- */

/* Records outside of the ranges cost nothing. */
static Cost
scan_cost(PlannerInfo *root, RelOptInfo *rel, List *clauses)
{
	Selectivity read = clauselist_selectivity(root, range_infos(rel, clauses), rel->relid, JOIN_INNER, NULL);

	return CONNECT_COST + rel->baserestrictcost.startup +
		(cpu_tuple_cost * ROW_COST + rel->baserestrictcost.per_tuple) * rel->tuples * read;
}

static void
add_plain_path(PlannerInfo *root, RelOptInfo *rel)
{
	Cost		total = scan_cost(root, rel, rel->baserestrictinfo);

	add_path(rel, (Path *) compat_foreignscan_path(root, rel, rel->rows, CONNECT_COST + rel->baserestrictcost.startup,
												   total, NIL, rel->lateral_relids, NIL));
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
	total = scan_cost(root, rel, list_concat_copy(rel->baserestrictinfo, info->ppi_clauses));
	add_path(rel, (Path *) compat_foreignscan_path(root, rel, info->ppi_rows, CONNECT_COST, total, NIL, outer, NIL));
}

static bool
is_ranged_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *class, EquivalenceMember *member, void *arg)
{
	const KafkaTable *table = rel->fdw_private;
	Var		   *column = (Var *) member->em_expr;

	return IsA(column, Var) && column->varno == rel->relid && column->varattno > 0 &&
		table->columns->metadata[column->varattno - 1] != KAFKA_METADATA_NONE;
}

void
pushdown_add_paths(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *conditions = list_copy(rel->joininfo);
	ListCell   *lc;

	add_plain_path(root, rel);
	if (rel->has_eclass_joins)
		conditions = list_concat(conditions,
								 generate_implied_equalities_for_column(root, rel, is_ranged_column, NULL, NULL));
	foreach(lc, conditions)
		if (makes_ranges(rel, lfirst(lc)))
			add_lookup_path(root, rel, lfirst(lc));
}
