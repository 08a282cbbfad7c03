/*
 * handler.c
 *		The callbacks of the foreign data wrapper, as a table of contents: the work is done elsewhere.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/explain.h"
#include "common/compat.h"
#include "fdw_s3/analyze.h"
#include "fdw_s3/client.h"
#include "fdw_s3/modify.h"
#include "fdw_s3/option.h"
#include "fdw_s3/pushdown.h"
#include "fdw_s3/scan.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fdw_s3_handler);
PG_FUNCTION_INFO_V1(fdw_s3_write_empty);

/* What a plan carries in fdw_private; its fdw_exprs are the conditions on metadata columns. */
enum
{
	PLAN_COLUMNS,				/* attribute numbers that are needed, a List of integers */
	PLAN_LISTING				/* String: what the keys begin with; NULL for a table of one object */
};

void		_PG_init(void);

void
_PG_init(void)
{
	client_init();
}

static void
s3GetForeignRelSize(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	S3Options  *options = s3_table_options(relid, NULL);

	rel->fdw_private = options;
	pushdown_estimate_size(root, rel, options);
}

static void
s3GetForeignPaths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	Cost		startup;
	Cost		total;

	pushdown_estimate_cost(rel, &startup, &total);
	add_path(rel, (Path *) compat_foreignscan_path(root, rel, rel->rows, startup, total, NIL, rel->lateral_relids,
												   NIL));
}

static ForeignScan *
s3GetForeignPlan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path, List *targets, List *clauses,
				 Plan *outer)
{
	List	   *conditions = pushdown_object_conditions(rel, relid);
	char	   *listing = pushdown_listing(conditions, relid, rel->fdw_private);
	List	   *private = list_make2(pushdown_columns(rel), listing ? makeString(listing) : NULL);

	return make_foreignscan(targets, extract_actual_clauses(clauses, false), rel->relid, conditions, private, NIL, NIL,
							outer);
}

static Bitmapset *
wanted_columns(List *columns)
{
	Bitmapset  *wanted = NULL;
	ListCell   *lc;

	foreach(lc, columns)
		wanted = bms_add_member(wanted, lfirst_int(lc));
	return wanted;
}

static void
s3BeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	String	   *listing = list_nth(plan->fdw_private, PLAN_LISTING);
	S3Scan	   *scan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan = scan_begin(node->ss.ss_currentRelation, compat_scan_user(node), false,
					  wanted_columns(list_nth(plan->fdw_private, PLAN_COLUMNS)), listing ? strVal(listing) : NULL);
	scan_filter(scan, plan->fdw_exprs, &node->ss.ps);
	node->fdw_state = scan;
}

static TupleTableSlot *
s3IterateForeignScan(ForeignScanState *node)
{
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	(void) scan_next(node->fdw_state, slot);
	return slot;
}

static void
s3ReScanForeignScan(ForeignScanState *node)
{
	scan_rewind(node->fdw_state);
}

static void
s3EndForeignScan(ForeignScanState *node)
{
	if (node->fdw_state != NULL)
		scan_end(node->fdw_state);
}

/* The conditions as a user would write them. */
static char *
explain_conditions(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, NIL);

	return deparse_expression((Node *) make_ands_explicit(plan->fdw_exprs), context, false, false);
}

static void
explain_table(const S3Options *options, const char *listing, ExplainState *es)
{
	ExplainPropertyText("S3 Location", psprintf("s3://%s/%s", options->bucket, options->path ? options->path : listing),
						es);
	ExplainPropertyText("S3 Format", s3_format_name(options->format), es);
	ExplainPropertyText("S3 Compression", s3_compression_name(options->compression), es);
}

static void
s3ExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	String	   *listing = list_nth(plan->fdw_private, PLAN_LISTING);

	if (es->verbose)
		explain_table(s3_table_options(RelationGetRelid(node->ss.ss_currentRelation), NULL),
					  listing ? strVal(listing) : NULL, es);
	if (plan->fdw_exprs != NIL)
		ExplainPropertyText("S3 Object Filter", explain_conditions(node, es), es);
	if (es->analyze && node->fdw_state != NULL)
	{
		const S3ScanCounters *counters = scan_counters(node->fdw_state);

		ExplainPropertyInteger("S3 Objects Read", NULL, counters->objects, es);
		if (plan->fdw_exprs != NIL)
			ExplainPropertyInteger("S3 Objects Skipped", NULL, counters->pruned, es);
		ExplainPropertyInteger("S3 Bytes Fetched", NULL, counters->bytes, es);
	}
}

static bool
s3AnalyzeForeignTable(Relation rel, AcquireSampleRowsFunc *acquire, BlockNumber *pages)
{
	*acquire = analyze_sample;
	*pages = analyze_pages(rel);
	return true;
}

static int
s3IsForeignRelUpdatable(Relation rel)
{
	return 1 << CMD_INSERT;
}

static List *
s3PlanForeignModify(PlannerInfo *root, ModifyTable *plan, Index relation, int subplan)
{
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("INSERT with an ON CONFLICT clause is not supported for foreign tables of fdw_s3"));
	return NIL;
}

static void
s3BeginForeignModify(ModifyTableState *state, ResultRelInfo *info, List *private, int subplan, int eflags)
{
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	info->ri_FdwState = modify_begin(info->ri_RelationDesc, compat_modify_user(info, state->ps.state));
}

static TupleTableSlot *
s3ExecForeignInsert(EState *estate, ResultRelInfo *info, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	modify_insert(info->ri_FdwState, slot);
	return slot;
}

static void
s3EndForeignModify(EState *estate, ResultRelInfo *info)
{
	if (info->ri_FdwState != NULL)
		modify_end(info->ri_FdwState);
}

/* COPY, and rows that are routed to a partition. */
static void
s3BeginForeignInsert(ModifyTableState *state, ResultRelInfo *info)
{
	info->ri_FdwState = modify_begin(info->ri_RelationDesc, compat_modify_user(info, state->ps.state));
}

static void
s3ExplainForeignModify(ModifyTableState *state, ResultRelInfo *info, List *private, int subplan, ExplainState *es)
{
	S3Options  *options;

	if (es->verbose)
	{
		options = s3_table_options(RelationGetRelid(info->ri_RelationDesc), NULL);
		explain_table(options, options->prefix, es);
	}
	if (es->analyze && info->ri_FdwState != NULL)
		ExplainPropertyInteger("S3 Objects Written", NULL, modify_objects(info->ri_FdwState), es);
}

Datum
fdw_s3_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = s3GetForeignRelSize;
	routine->GetForeignPaths = s3GetForeignPaths;
	routine->GetForeignPlan = s3GetForeignPlan;
	routine->BeginForeignScan = s3BeginForeignScan;
	routine->IterateForeignScan = s3IterateForeignScan;
	routine->ReScanForeignScan = s3ReScanForeignScan;
	routine->EndForeignScan = s3EndForeignScan;
	routine->ExplainForeignScan = s3ExplainForeignScan;
	routine->AnalyzeForeignTable = s3AnalyzeForeignTable;
	routine->IsForeignRelUpdatable = s3IsForeignRelUpdatable;
	routine->PlanForeignModify = s3PlanForeignModify;
	routine->BeginForeignModify = s3BeginForeignModify;
	routine->ExecForeignInsert = s3ExecForeignInsert;
	routine->EndForeignModify = s3EndForeignModify;
	routine->BeginForeignInsert = s3BeginForeignInsert;
	routine->EndForeignInsert = s3EndForeignModify;
	routine->ExplainForeignModify = s3ExplainForeignModify;
	PG_RETURN_POINTER(routine);
}

/* By its handler: the wrapper may have been given another name. */
static bool
is_ours(Relation rel)
{
	ForeignServer *server;

	if (rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		return false;
	server = GetForeignServer(GetForeignTable(RelationGetRelid(rel))->serverid);
	return GetFdwRoutine(GetForeignDataWrapper(server->fdwid)->fdwhandler)->IterateForeignScan == s3IterateForeignScan;
}

static void
reject_other_table(Relation rel)
{
	if (!is_ours(rel))
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is not a foreign table of fdw_s3", RelationGetRelationName(rel)));
}

/* fdw_s3_write_empty(table regclass, path text): an object of no rows, such as a CSV header alone. */
Datum
fdw_s3_write_empty(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *key = text_to_cstring(PG_GETARG_TEXT_PP(1));
	AclResult	allowed = pg_class_aclcheck(relid, GetUserId(), ACL_INSERT);
	Relation	rel;
	S3Modify   *modify;

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_TABLE, get_rel_name(relid));
	PreventCommandIfReadOnly("fdw_s3_write_empty()");
	rel = table_open(relid, RowExclusiveLock);
	reject_other_table(rel);
	modify = modify_begin(rel, InvalidOid);
	modify_empty(modify, key);
	modify_end(modify);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}
