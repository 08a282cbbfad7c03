/*
 * call.c
 *		The procedures that run pipelines: run(), rebuild(), retry().
 *
 * Procedures in C, because PL/pgSQL can neither COMMIT in a block that catches errors nor catch an error of COMMIT. Here
 * are the arguments, the rights, the lock, and which runs there are to be; what happens in a run is in run.c.
 */
#include "postgres.h"

#include "current.h"
#include "ledger.h"
#include "lock.h"
#include "owner.h"
#include "run.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

/* One call, which may do several runs. */
typedef struct Call
{
	Pipeline   *pipeline;
	Scope		scope;			/* what the caller asks for */
	void		(*work) (struct Call *call);	/* under the lock */
	const char *from;			/* of a backfill: bounds, or NULL */
	const char *to;
	const char *which;			/* missing, failed or all; anything else will be refused */
	const char *newest_first;	/* a boolean */
	int64		request;		/* what a background worker is serving, or 0 */
	int64		request_run;	/* the run that it is to go on with, or 0 */
	int64		run_id;			/* the last run, or 0 */
	const char *state;			/* what the caller gets */
	Run		   *failed;			/* the first run that failed, or NULL */
	int			failures;
} Call;

static void
require_transaction_control(FunctionCallInfo fcinfo)
{
	CallContext *context = castNode(CallContext, fcinfo->context);

	/* a block that catches errors is a subtransaction, which cannot be committed from within */
	if (context == NULL || context->atomic || IsSubTransaction())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("a pipeline cannot run inside a transaction block"),
						errdetail("Each step is committed when it is done."),
						errhint("CALL medallion.run() as a statement of its own, outside BEGIN ... COMMIT, "
								"functions and EXCEPTION blocks.")));
}

/* A superuser gets here without it. */
static void
require_existing_owner(const Pipeline *pipeline)
{
	if (!OidIsValid(pipeline->owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("role \"%s\", the owner of pipeline \"%s\", does not exist",
							   pipeline->owner_name, pipeline->name),
						errhint("Create the role, or give the pipeline to another one with "
								"medallion.alter_pipeline_owner().")));
}

/* ---- runs ---- */

/* Not recorded: a schedule would fill the history with it. */
static void
tell_paused(Call *call)
{
	call->state = "paused";
	ereport(NOTICE, (errmsg("pipeline \"%s\" is paused, skipping", call->pipeline->name),
					 errhint("SELECT medallion.resume(%s)", quote_literal_cstr(call->pipeline->name))));
}

/* Begin a run, or with an id go on with one; "everything": also with what has failed for good. */
static void
do_run(Call *call, const Scope *scope, int64 run_id, bool everything)
{
	Run		   *run = palloc0(sizeof(Run));

	run->pipeline = call->pipeline;
	run->scope = scope;
	run->id = run_id;
	run->everything = everything;
	/* in the transaction that begins the run */
	if (call->request != 0)
		ledger_drop_request(call->request);
	run_perform(run);
	call->run_id = run->id;
	if (run->failure == NULL)
		return;
	if (call->failures++ == 0 || run->cancelled)
		call->failed = run;
}

/* Whether no more runs are to be begun: somebody has cancelled the last one, or paused the pipeline. */
static bool
stop_between(Call *call)
{
	if (call->failed != NULL && call->failed->cancelled)
		return true;
	if (!ledger_pipeline(call->pipeline->name)->paused)
		return false;
	tell_paused(call);
	return true;
}

/* There may be thousands: what a run needs goes with it, unless it is the one that the call ends with. */
static void
do_interval(Call *call, const DataInterval *interval)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "medallion interval", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const Run  *failed = call->failed;
	Scope	   *scope = palloc(sizeof(Scope));

	*scope = call->scope;
	scope->interval_start = interval->start;
	scope->interval_end = interval->end;
	do_run(call, scope, 0, true);
	MemoryContextSwitchTo(old);
	if (call->failed == failed)
		MemoryContextDelete(context);
}

/* One run for each data interval. A failure of one says nothing about the next; a cancel does. */
static void
do_intervals(Call *call, List *intervals)
{
	ListCell   *cell;

	if (intervals == NIL)
		call->state = "unchanged";
	foreach(cell, intervals)
	{
		if (stop_between(call))
			break;
		do_interval(call, lfirst(cell));
	}
}

/* Of a pipeline with data intervals, those that have become complete. */
static void
work_run(Call *call)
{
	if (ledger_has_intervals(call->pipeline->name))
	{
		if (call->scope.from_step != NULL)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("pipeline \"%s\" has data intervals", call->pipeline->name),
							errdetail("Its steps are run for one of them."),
							errhint("CALL medallion.backfill(%s, \"from\", \"to\", 'all')", quote_literal_cstr(call->pipeline->name))));
		do_intervals(call, ledger_intervals(call->pipeline->name, NULL, NULL, "missing", "false"));
	}
	else
		do_run(call, &call->scope, 0, true);
}

static void
work_backfill(Call *call)
{
	do_intervals(call, ledger_intervals(call->pipeline->name, call->from, call->to, call->which, call->newest_first));
}

/* In the background nobody reads what this throws; the run has it. */
static void
work_request(Call *call)
{
	if (call->request_run == 0)
		work_run(call);
	else
	{
		Scope	   *scope = ledger_continue_run(call->pipeline->name, call->request_run, false);

		if (scope != NULL)
			do_run(call, scope, call->request_run, false);
	}
	/* there was nothing to do */
	if (call->run_id == 0)
		ledger_drop_request(call->request);
}

/* Under the lock, which is given back on every path. */
static void
work_locked(Call *call)
{
	PG_TRY();
	{
		/* A cancel is for the steps, see attempt.h; what becomes of them is recorded in any case. */
		HOLD_CANCEL_INTERRUPTS();
		/* The transaction may hold a snapshot from before the lock was ours. */
		SPI_commit();
		/* Whose pipeline it is cannot change any more, nor does it get paused unseen. */
		call->pipeline = owner_check(call->pipeline->name);
		require_existing_owner(call->pipeline);
		if (call->pipeline->paused)
			tell_paused(call);
		else
			call->work(call);
		RESUME_CANCEL_INTERRUPTS();
	}
	PG_CATCH();
	{
		current_clear();
		lock_release(call->pipeline->id);
		PG_RE_THROW();
	}
	PG_END_TRY();
	lock_release(call->pipeline->id);
}

static void
skip_run(Call *call)
{
	call->state = "skipped";
	if (call->request != 0)
	{
		ledger_return_request(call->request);
		return;
	}
	call->run_id = ledger_skip_run(call->pipeline->name, &call->scope);
	SPI_commit();
	ereport(NOTICE, (errmsg("pipeline \"%s\" is running already, skipping", call->pipeline->name)));
}

static void
perform(Call *call)
{
	call->state = "succeeded";
	if (call->pipeline->paused)
		tell_paused(call);
	else if (!lock_take(call->pipeline->id, true))
		skip_run(call);
	else
		work_locked(call);
	if (call->failed != NULL)
		run_throw(call->failed, call->failures - 1);
}

/* ---- arguments and results ---- */

static char *
text_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a %s must not be null", what)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static const char *
params_argument(FunctionCallInfo fcinfo, int number)
{
	Jsonb	   *params;

	if (PG_ARGISNULL(number))
		return "{}";
	params = PG_GETARG_JSONB_P(number);
	if (!JB_ROOT_IS_OBJECT(params))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("params must be a JSON object")));
	return JsonbToCString(NULL, &params->root, VARSIZE(params));
}

/* The row of INOUT parameters. */
static Datum
result_row(FunctionCallInfo fcinfo, const Call *call)
{
	Datum		values[2] = {Int64GetDatum(call->run_id), CStringGetTextDatum(call->state)};
	bool		nulls[2] = {call->run_id == 0, false};
	TupleDesc	columns;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
}

/* Connects SPI; what the call needs is put into a context that outlives transactions. */
static MemoryContext
call_connect(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	require_transaction_control(fcinfo);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	context = AllocSetContextCreate(PortalContext, "medallion run", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	return context;
}

static Call *
call_make(const char *pipeline)
{
	Call	   *call = palloc0(sizeof(Call));

	call->pipeline = owner_check(pipeline);
	require_existing_owner(call->pipeline);
	call->scope.mode = "run";
	call->scope.params = "{}";
	call->scope.reason = "call";
	call->scope.triggered_by = GetUserNameFromId(GetUserId(), false);
	call->work = work_run;
	return call;
}

static Datum
call_end(FunctionCallInfo fcinfo, Call *call, MemoryContext context, MemoryContext caller)
{
	Datum		result;

	perform(call);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	result = result_row(fcinfo, call);
	MemoryContextDelete(context);
	return result;
}

PG_FUNCTION_INFO_V1(medallion_run_0_2);
Datum
medallion_run_0_2(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = call_connect(fcinfo);
	Call	   *call = call_make(text_argument(fcinfo, 0, "pipeline"));

	call->scope.params = params_argument(fcinfo, 3);
	if (!PG_ARGISNULL(4))
	{
		call->scope.mode = "step";
		call->scope.from_step = text_argument(fcinfo, 4, "step");
	}
	return call_end(fcinfo, call, context, caller);
}

PG_FUNCTION_INFO_V1(medallion_rebuild);
Datum
medallion_rebuild(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = call_connect(fcinfo);
	Call	   *call = call_make(text_argument(fcinfo, 0, "pipeline"));

	call->scope.mode = "rebuild";
	call->scope.from_step = text_argument(fcinfo, 1, "step");
	return call_end(fcinfo, call, context, caller);
}

/* Oldest first; there is none where a later run has done what they were to do. */
static void
work_retry(Call *call)
{
	List	   *runs = ledger_runs_to_retry(call->pipeline->name);
	ListCell   *cell;

	if (runs == NIL)
	{
		call->state = "unchanged";
		ereport(NOTICE, (errmsg("no run of pipeline \"%s\" is to be retried", call->pipeline->name)));
	}
	foreach(cell, runs)
	{
		int64		run_id = *(int64 *) lfirst(cell);
		Scope	   *scope = ledger_continue_run(call->pipeline->name, run_id, true);

		if (scope != NULL)
			do_run(call, scope, run_id, true);
		if (stop_between(call))
			break;
	}
}

PG_FUNCTION_INFO_V1(medallion_retry);
Datum
medallion_retry(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = call_connect(fcinfo);
	Call	   *call = call_make(text_argument(fcinfo, 0, "pipeline"));

	call->work = work_retry;
	return call_end(fcinfo, call, context, caller);
}

/* A timestamptz or NULL, as text that does not depend on settings. */
static const char *
time_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : psprintf(INT64_FORMAT, PG_GETARG_TIMESTAMPTZ(number));
}

PG_FUNCTION_INFO_V1(medallion_backfill);
Datum
medallion_backfill(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = call_connect(fcinfo);
	Call	   *call = call_make(text_argument(fcinfo, 0, "pipeline"));

	call->from = time_argument(fcinfo, 1);
	call->to = time_argument(fcinfo, 2);
	call->which = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	call->newest_first = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4) ? "true" : "false";
	call->scope.reason = "backfill";
	call->scope.force = call->which != NULL && strcmp(call->which, "all") == 0;
	call->work = work_backfill;
	return call_end(fcinfo, call, context, caller);
}

/* Of a background worker, see worker.c, which has taken the request. */
PG_FUNCTION_INFO_V1(medallion_serve);
Datum
medallion_serve(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = call_connect(fcinfo);
	Request    *request = PG_ARGISNULL(0) ? NULL : ledger_request(PG_GETARG_INT64(0));
	Call	   *call;

	if (request == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("this session has taken no such request")));
	call = call_make(request->pipeline);
	call->scope.params = request->params;
	call->scope.reason = request->reason;
	call->scope.triggered_by = request->requested_by;
	call->request = PG_GETARG_INT64(0);
	call->request_run = request->run_id;
	call->work = work_request;
	return call_end(fcinfo, call, context, caller);
}
