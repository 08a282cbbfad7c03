/*
 * handler.c
 *		The callbacks of the foreign data wrapper, as a table of contents: the work is done elsewhere.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "common/compat.h"
#include "fdw_kafka/analyze.h"
#include "fdw_kafka/client.h"
#include "fdw_kafka/import.h"
#include "fdw_kafka/modify.h"
#include "fdw_kafka/option.h"
#include "fdw_kafka/pushdown.h"
#include "fdw_kafka/range.h"
#include "fdw_kafka/scan.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fdw_kafka_handler);

/* One running plan node; node->fdw_state. */
typedef struct KafkaScanState
{
	KafkaScan  *scan;			/* NULL for EXPLAIN alone */
	RangeCondition *condition;
	List	   *boxes;			/* of this run, in "box_context" */
	MemoryContext box_context;
	bool		ready;			/* the boxes are */
} KafkaScanState;

void		_PG_init(void);

void
_PG_init(void)
{
	client_init();
	scan_init();
}

static void
kafkaGetForeignRelSize(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	rel->fdw_private = pushdown_table(rel, relid);
	pushdown_estimate_size(root, rel, relid);
}

static void
kafkaGetForeignPaths(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	pushdown_add_paths(root, rel);
}

/* fdw_private is the List of attribute numbers that are needed, fdw_exprs the conditions that ranges come of. */
static ForeignScan *
kafkaGetForeignPlan(PlannerInfo *root, RelOptInfo *rel, Oid relid, ForeignPath *path, List *targets, List *clauses,
					Plan *outer)
{
	return make_foreignscan(targets, extract_actual_clauses(clauses, false), rel->relid,
							pushdown_range_conditions(rel, clauses), pushdown_columns(rel, clauses), NIL, NIL, outer);
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
kafkaBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	KafkaScanState  *state = palloc0(sizeof(KafkaScanState));

	node->fdw_state = state;
	state->box_context = AllocSetContextCreate(CurrentMemoryContext, "fdw_kafka boxes", ALLOCSET_SMALL_SIZES);
	state->condition = range_compile(range_columns(RelationGetRelid(rel), RelationGetNumberOfAttributes(rel),
												   plan->scan.scanrelid),
									 plan->fdw_exprs, &node->ss.ps);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	state->scan = scan_begin(rel, compat_scan_user(node), false, wanted_columns(plan->fdw_private));
	if (scan_keeps_errors(state->scan))
		compat_need_subtransactions(node->ss.ps.state);
}

/* Take the values that the conditions have now. */
static void
evaluate_boxes(ForeignScanState *node)
{
	KafkaScanState  *state = node->fdw_state;
	MemoryContext old;

	MemoryContextReset(state->box_context);
	old = MemoryContextSwitchTo(state->box_context);
	state->boxes = range_join_boxes(range_boxes(state->condition, node->ss.ps.ps_ExprContext));
	MemoryContextSwitchTo(old);
	state->ready = true;
}

static TupleTableSlot *
kafkaIterateForeignScan(ForeignScanState *node)
{
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	KafkaScanState  *state = node->fdw_state;

	if (!state->ready)
	{
		evaluate_boxes(node);
		scan_restrict(state->scan, state->boxes);
	}
	(void) scan_next(state->scan, slot);
	return slot;
}

static void
kafkaReScanForeignScan(ForeignScanState *node)
{
	KafkaScanState  *state = node->fdw_state;

	scan_rewind(state->scan);
	state->ready = false;
}

static void
kafkaEndForeignScan(ForeignScanState *node)
{
	KafkaScanState  *state = node->fdw_state;

	if (state != NULL && state->scan != NULL)
		scan_end(state->scan);
}

static void
explain_table(Relation rel, ExplainState *es)
{
	KafkaOptions *options = kafka_table_options(RelationGetRelid(rel), NULL);

	ExplainPropertyText("Kafka Topic", options->topic, es);
	if (es->verbose)
		ExplainPropertyText("Kafka Format", kafka_format_name(options->format), es);
}

/* The conditions as a user would write them. */
static char *
explain_conditions(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, NIL);

	return deparse_expression((Node *) make_ands_explicit(plan->fdw_exprs), context, es->verbose, false);
}

static void
kafkaExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	KafkaScanState  *state = node->fdw_state;

	explain_table(node->ss.ss_currentRelation, es);
	if (plan->fdw_exprs != NIL)
	{
		ExplainPropertyText("Kafka Range Filter", explain_conditions(node, es), es);
		/* Parameters of the plan have their values only while it runs, those of a generic plan none. */
		if (!state->ready && !compat_explain_generic(es) && range_is_fixed(plan->fdw_exprs))
			evaluate_boxes(node);
		if (state->ready)
			ExplainPropertyText("Kafka Ranges", range_text(state->boxes), es);
	}
	if (es->analyze && state->scan != NULL)
	{
		const KafkaScanCounters *counters = scan_counters(state->scan);

		ExplainPropertyInteger("Kafka Partitions Read", NULL, counters->partitions, es);
		ExplainPropertyInteger("Kafka Offsets", NULL, counters->offsets, es);
		ExplainPropertyInteger("Kafka Messages Read", NULL, counters->messages, es);
		ExplainPropertyInteger("Kafka Bytes Read", NULL, counters->bytes, es);
	}
}

static bool
kafkaAnalyzeForeignTable(Relation rel, AcquireSampleRowsFunc *acquire, BlockNumber *pages)
{
	*acquire = analyze_sample;
	*pages = analyze_pages(rel);
	return true;
}

static int
kafkaIsForeignRelUpdatable(Relation rel)
{
	return 1 << CMD_INSERT;
}

static List *
kafkaPlanForeignModify(PlannerInfo *root, ModifyTable *plan, Index relation, int subplan)
{
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("INSERT with an ON CONFLICT clause is not supported for foreign tables of fdw_kafka"));
	return NIL;
}

static void
kafkaBeginForeignModify(ModifyTableState *state, ResultRelInfo *info, List *private, int subplan, int eflags)
{
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	info->ri_FdwState = modify_begin(info->ri_RelationDesc, compat_modify_user(info, state->ps.state));
}

static TupleTableSlot *
kafkaExecForeignInsert(EState *estate, ResultRelInfo *info, TupleTableSlot *slot, TupleTableSlot *plan_slot)
{
	modify_insert(info->ri_FdwState, slot);
	return slot;
}

static void
kafkaEndForeignModify(EState *estate, ResultRelInfo *info)
{
	if (info->ri_FdwState != NULL)
		modify_end(info->ri_FdwState);
}

/* COPY, and rows that are routed to a partition. */
static void
kafkaBeginForeignInsert(ModifyTableState *state, ResultRelInfo *info)
{
	info->ri_FdwState = modify_begin(info->ri_RelationDesc, compat_modify_user(info, state->ps.state));
}

static void
kafkaExplainForeignModify(ModifyTableState *state, ResultRelInfo *info, List *private, int subplan, ExplainState *es)
{
	explain_table(info->ri_RelationDesc, es);
	if (es->analyze && info->ri_FdwState != NULL)
		ExplainPropertyInteger("Kafka Messages Written", NULL, modify_messages(info->ri_FdwState), es);
}

Datum
fdw_kafka_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = kafkaGetForeignRelSize;
	routine->GetForeignPaths = kafkaGetForeignPaths;
	routine->GetForeignPlan = kafkaGetForeignPlan;
	routine->BeginForeignScan = kafkaBeginForeignScan;
	routine->IterateForeignScan = kafkaIterateForeignScan;
	routine->ReScanForeignScan = kafkaReScanForeignScan;
	routine->EndForeignScan = kafkaEndForeignScan;
	routine->ExplainForeignScan = kafkaExplainForeignScan;
	routine->AnalyzeForeignTable = kafkaAnalyzeForeignTable;
	routine->ImportForeignSchema = kafkaImportForeignSchema;
	routine->IsForeignRelUpdatable = kafkaIsForeignRelUpdatable;
	routine->PlanForeignModify = kafkaPlanForeignModify;
	routine->BeginForeignModify = kafkaBeginForeignModify;
	routine->ExecForeignInsert = kafkaExecForeignInsert;
	routine->EndForeignModify = kafkaEndForeignModify;
	routine->BeginForeignInsert = kafkaBeginForeignInsert;
	routine->EndForeignInsert = kafkaEndForeignModify;
	routine->ExplainForeignModify = kafkaExplainForeignModify;
	PG_RETURN_POINTER(routine);
}
