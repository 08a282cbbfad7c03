/*
 * scan.c
 *		The executor's callbacks: evaluate parameters, run the statement, decode its rows into the slot.
 *
 * Begin neither connects nor prepares, so that EXPLAIN does not either; the first row does.
 */
#include "postgres.h"

#include "scan.h"

#include "commands/explain.h"
#include "common/column.h"
#include "common/compat.h"
#include "decode.h"
#include "deparse.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "option.h"
#include "session.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

typedef struct RemoteScan
{
	ForeignScanState *node;
	ReaderOwner owner;
	Options    *options;
	/* the two statements; the second is used where the first is not proven to be right */
	char	   *sql;
	char	   *plain_sql;
	Reader	   *reader;
	Reader	   *plain_reader;
	Reader	   *current;		/* the one that is being read, NULL before execution */
	/* columns, in the order of the statement's */
	Column	   *columns;
	Decoder    *decoders;
	int			ncolumns;
	ClientField *fields;		/* as of the last execution, for which the decoders were chosen */
	int			nfields;
	List	   *proofs;
	/* parameters */
	List	   *param_states;	/* ExprStates */
	Oid		   *param_types;
	List	   *param_kinds;
	ClientParam *params;
	int		   *param_scales;	/* digits after the point that the column must have */
	int			nparams;
	MemoryContext param_context;
	/* where we are, for errors */
	Place		place;
	uint64		rows;
	ClientRow	row;			/* no start: none is being decoded, and where one stood may be free */
} RemoteScan;

/* ---- begin ---- */

static void
prepare_columns(RemoteScan *scan, List *attnums)
{
	Relation	rel = scan->node->ss.ss_currentRelation;
	int			nall;
	Column	   *all = column_list(rel, NULL, true, &nall);
	ListCell   *lc;

	scan->ncolumns = list_length(attnums);
	scan->columns = palloc0(sizeof(Column) * Max(scan->ncolumns, 1));
	scan->decoders = palloc0(sizeof(Decoder) * Max(scan->ncolumns, 1));
	foreach(lc, attnums)
	{
		int			i = foreach_current_index(lc);
		Decoder    *decoder = &scan->decoders[i];
		Options		options;

		scan->columns[i] = *column_find(all, nall, lfirst_int(lc));
		options = options_of_column(scan->options, scan->columns[i].options);
		decoder->column = &scan->columns[i];
		decoder->slot = lfirst_int(lc) - 1;
		decoder->key = options.key;
		decoder->zero_date_null = options.zero_date == ZERO_DATE_NULL;
	}
}

static void
prepare_params(RemoteScan *scan, List *exprs)
{
	ListCell   *lc;

	scan->nparams = list_length(exprs);
	if (scan->nparams == 0)
		return;
	scan->param_states = ExecInitExprList(exprs, (PlanState *) scan->node);
	scan->param_types = palloc(sizeof(Oid) * scan->nparams);
	scan->params = palloc0(sizeof(ClientParam) * scan->nparams);
	scan->param_scales = palloc0(sizeof(int) * scan->nparams);
	scan->param_context = AllocSetContextCreate(CurrentMemoryContext, "fdw_mysql parameters", ALLOCSET_SMALL_SIZES);
	foreach(lc, exprs)
		scan->param_types[foreach_current_index(lc)] = exprType(lfirst(lc));
}

/* Which row it was: by its number and key while it is decoded, or else by the one before. */
static void
describe_row(StringInfo context, void *arg)
{
	RemoteScan *scan = (RemoteScan *) arg;

	if (scan->rows == 0)
		return;
	appendStringInfo(context, ", %s " UINT64_FORMAT, scan->row.start != NULL ? "row" : "after row", scan->rows);
	if (scan->row.start != NULL)
		decode_key(context, scan->decoders, scan->ncolumns, scan->nfields, &scan->row);
}

void
mysqlBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *private = plan->fdw_private;
	RemoteScan *scan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan = palloc0(sizeof(RemoteScan));
	scan->node = node;
	scan->owner = reader_owner();
	scan->options = options_of_table(RelationGetRelid(node->ss.ss_currentRelation), NULL);
	scan->sql = strVal(list_nth(private, SCAN_SQL));
	scan->plain_sql = strVal(list_nth(private, SCAN_PLAIN_SQL));
	scan->proofs = list_nth(private, SCAN_PROOFS);
	scan->param_kinds = list_nth(private, SCAN_PARAM_KINDS);
	prepare_columns(scan, list_nth(private, SCAN_COLUMNS));
	prepare_params(scan, plan->fdw_exprs);
	scan->place.table = RelationGetRelationName(node->ss.ss_currentRelation);
	scan->place.describe = describe_row;
	scan->place.arg = scan;
	/* Columns that are not fetched stay NULL: an aggregate copies the whole slot. */
	memset(node->ss.ss_ScanTupleSlot->tts_isnull, true, node->ss.ss_ScanTupleSlot->tts_tupleDescriptor->natts);
	node->fdw_state = scan;
}

/* ---- execution ---- */

static Session *
scan_session(RemoteScan *scan)
{
	Oid			userid = compat_scan_user(scan->node);
	Oid			relid = RelationGetRelid(scan->node->ss.ss_currentRelation);
	UserMapping *mapping = GetUserMapping(OidIsValid(userid) ? userid : GetUserId(), GetForeignTable(relid)->serverid);

	return session_get(mapping);
}

/* False when MySQL has no form for one of the values. */
static bool
evaluate_params(RemoteScan *scan)
{
	ExprContext *econtext = scan->node->ss.ps.ps_ExprContext;
	MemoryContext caller;
	bool		all = true;
	ListCell   *lc;

	if (scan->nparams == 0)
		return true;
	MemoryContextReset(scan->param_context);
	caller = MemoryContextSwitchTo(scan->param_context);
	foreach(lc, scan->param_states)
	{
		int			i = foreach_current_index(lc);
		bool		null;
		Datum		value = ExecEvalExpr((ExprState *) lfirst(lc), econtext, &null);

		all &= deparse_param(list_nth_int(scan->param_kinds, i * PARAM_COLUMNS),
							 list_nth_int(scan->param_kinds, i * PARAM_COLUMNS + 1),
							 scan->param_types[i], value, null, &scan->params[i], &scan->param_scales[i]);
	}
	MemoryContextSwitchTo(caller);
	return all;
}

static int
column_index(RemoteScan *scan, AttrNumber attnum)
{
	for (int i = 0; i < scan->ncolumns; i++)
		if (scan->columns[i].attnum == attnum)
			return i;
	elog(ERROR, "column %d is not fetched", attnum);
}

static void
reject_order(Column *column)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
			errmsg("cannot rely on the server to sort by column \"%s\"", column->name),
			errdetail("The remote column's type, or its being NOT NULL, is not as declared here."),
			errhint("Import the table again, or set option pushdown 'false'."));
}

/* Are the remote columns what the statement's conditions take them for? */
static bool
proofs_hold(RemoteScan *scan, const ClientField *fields)
{
	for (int i = 0; i < list_length(scan->proofs); i += PROOF_COLUMNS)
	{
		int			column = column_index(scan, list_nth_int(scan->proofs, i));
		Kind		kind = list_nth_int(scan->proofs, i + 1);
		int			bits = list_nth_int(scan->proofs, i + 2);

		if (!(bits & PROOF_SORTED) && !pushdown_holds(kind, &fields[column]))
			return false;
		if (!(bits & PROOF_SORTED) && pushdown_narrows(&scan->columns[column], &fields[column]))
			return false;
		if (fields[column].decimals < bits >> PROOF_SCALE_SHIFT)
			return false;
		if ((bits & PROOF_SORTED) && !pushdown_sorts(kind, &fields[column]))
			reject_order(&scan->columns[column]);
		if ((bits & PROOF_NOT_NULL) && !fields[column].not_null)
			reject_order(&scan->columns[column]);
	}
	for (int i = 0; i < scan->nparams; i++)
		if (fields[column_index(scan, list_nth_int(scan->param_kinds, i * PARAM_COLUMNS + 2))].decimals < scan->param_scales[i])
			return false;
	return true;
}

/* Decoders are chosen again only when the result looks different. */
static void
choose_decoders(RemoteScan *scan)
{
	int			nfields;
	const ClientField *fields = reader_fields(scan->current, &nfields);

	if (nfields != Max(scan->ncolumns, 1))
		ereport(ERROR,
				errcode(ERRCODE_PROTOCOL_VIOLATION),
				errmsg("the result has %d columns, expected %d", nfields, Max(scan->ncolumns, 1)));
	if (scan->fields != NULL && memcmp(scan->fields, fields, sizeof(ClientField) * nfields) == 0)
		return;
	if (scan->fields == NULL)
		scan->fields = MemoryContextAlloc(scan->owner.context, sizeof(ClientField) * nfields);
	memcpy(scan->fields, fields, sizeof(ClientField) * nfields);
	scan->nfields = nfields;
	for (int i = 0; i < scan->ncolumns; i++)
		decoder_choose(&scan->decoders[i], &scan->fields[i]);
}

static void
execute_plain(RemoteScan *scan, Session *session)
{
	if (scan->plain_reader == NULL)
		scan->plain_reader = reader_open(session, scan->plain_sql, scan->owner);
	reader_execute(scan->plain_reader, NULL, 0);
	scan->current = scan->plain_reader;
}

/* True when the statement ran and its metadata bear out what its conditions rely on. */
static bool
execute_proven(RemoteScan *scan, Session *session)
{
	int			nfields;
	const ClientField *fields;

	if (!evaluate_params(scan))
		return false;
	if (scan->reader == NULL)
		scan->reader = reader_open(session, scan->sql, scan->owner);
	fields = reader_fields(scan->reader, &nfields);
	if (nfields != Max(scan->ncolumns, 1) || !proofs_hold(scan, fields))
		return false;
	reader_execute(scan->reader, scan->params, scan->nparams);
	/* The table may have been altered between the two. */
	fields = reader_fields(scan->reader, &nfields);
	if (nfields != Max(scan->ncolumns, 1) || !proofs_hold(scan, fields))
		return false;
	scan->current = scan->reader;
	return true;
}

static void
execute(RemoteScan *scan)
{
	Session    *session = scan_session(scan);
	MemoryContext caller = MemoryContextSwitchTo(scan->owner.context);

	if (!execute_proven(scan, session))
		execute_plain(scan, session);
	choose_decoders(scan);
	MemoryContextSwitchTo(caller);
}

/* The conditions that the plain statement left out. */
static bool
passes_conditions(RemoteScan *scan, TupleTableSlot *slot)
{
	ExprContext *econtext = scan->node->ss.ps.ps_ExprContext;
	bool		passes;

	econtext->ecxt_scantuple = slot;
	passes = ExecQual(scan->node->fdw_recheck_quals, econtext);
	if (!passes)
		ResetExprContext(econtext);
	return passes;
}

/* The row is only known to be there between two calls on the connection. */
static void
decode_into(RemoteScan *scan, TupleTableSlot *slot, ClientRow row)
{
	decode_keep(scan->decoders, scan->ncolumns, scan->fields, scan->nfields, &row);
	scan->row = row;
	decode_row(scan->decoders, scan->ncolumns, scan->nfields, &scan->row, &scan->place, slot->tts_values,
			   slot->tts_isnull);
	scan->row.start = NULL;
}

/* Core calls this in the per-tuple context: what is decoded lives as long as the slot shows it. */
TupleTableSlot *
mysqlIterateForeignScan(ForeignScanState *node)
{
	RemoteScan *scan = (RemoteScan *) node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	ClientRow	row;

	ExecClearTuple(slot);
	place_push(&scan->place);
	if (scan->current == NULL)
		execute(scan);
	while (reader_next(scan->current, &row))
	{
		scan->rows++;
		ExecClearTuple(slot);
		decode_into(scan, slot, row);
		ExecStoreVirtualTuple(slot);
		if (likely(scan->current == scan->reader) || passes_conditions(scan, slot))
			break;
		ExecClearTuple(slot);
	}
	place_pop(&scan->place);
	return slot;
}

void
mysqlReScanForeignScan(ForeignScanState *node)
{
	RemoteScan *scan = (RemoteScan *) node->fdw_state;

	/* The next row runs the statement again, with its new parameters, in the same snapshot. */
	if (scan == NULL)
		return;
	scan->current = NULL;
	scan->rows = 0;
}

void
mysqlEndForeignScan(ForeignScanState *node)
{
	RemoteScan *scan = (RemoteScan *) node->fdw_state;

	if (scan == NULL)
		return;
	if (scan->reader != NULL)
		reader_close(scan->reader);
	if (scan->plain_reader != NULL)
		reader_close(scan->plain_reader);
}

void
mysqlExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	List	   *private = ((ForeignScan *) node->ss.ps.plan)->fdw_private;

	if (es->verbose)
		ExplainPropertyText("Remote SQL", strVal(list_nth(private, SCAN_SQL)), es);
}
