/*
 * run.c
 *		CALL medallion.run(): bring a pipeline up to date.
 *
 * A procedure in C, because PL/pgSQL can neither COMMIT in a block that catches errors nor catch an error of COMMIT.
 * Here is the order of things: the lock, what a dead run left, the steps, the verdict. How a step is performed is in
 * step.c, what is written down in ledger.c.
 */
#include "postgres.h"

#include "current.h"
#include "ledger.h"
#include "lock.h"
#include "owner.h"
#include "residue.h"
#include "step.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"

typedef struct Run
{
	Pipeline   *pipeline;
	int64		id;
	const char *state;			/* what the caller gets */
	List	   *failed;			/* names of steps */
	List	   *blocked;		/* names of steps */
	ErrorData  *failure;		/* the first, or the cancel, or NULL */
	char	   *failed_step;	/* whose failure that is */
	char	   *residue;		/* what the session may keep */
} Run;

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

static bool
contains(const List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

static char *
join(const List *names)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, names)
		appendStringInfo(&text, "%s\"%s\"", text.len > 0 ? ", " : "", (char *) lfirst(cell));
	return text.data;
}

/* Why the step cannot be tried, or NULL. */
static char *
obstacle(const Run *run, const Step *step)
{
	ListCell   *cell;

	if (run->failure != NULL && run->failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return "the run was cancelled";
	foreach(cell, step->depends_on)
	{
		const char *name = lfirst(cell);

		if (contains(run->failed, name))
			return psprintf("step \"%s\" failed", name);
		if (contains(run->blocked, name))
			return psprintf("step \"%s\" is blocked", name);
	}
	return NULL;
}

static void
attend_to_step(Run *run, Step *step)
{
	char	   *why = obstacle(run, step);
	ErrorData  *failure;

	if (why != NULL)
	{
		ledger_block_step(run->id, step, why);
		run->blocked = lappend(run->blocked, step->name);
		current_tell("step \"%s\" blocked: %s", step->name, why);
		return;
	}
	failure = step_perform(run->id, run->pipeline, step);
	residue_sweep(run->residue);
	if (failure != NULL)
	{
		run->failed = lappend(run->failed, step->name);
		if (run->failure == NULL || failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		{
			run->failure = failure;
			run->failed_step = step->name;
		}
	}
	if (!lock_keep(run->pipeline->id))
		ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
						errmsg("step \"%s\" gave up the lock of pipeline \"%s\", and another run has it now",
							   step->name, run->pipeline->name)));
}

/* Transactions end in here; "run" and what hangs from it outlive them. */
static void
run_steps(Run *run)
{
	const char *name = run->pipeline->name;
	List	   *steps;
	ListCell   *cell;

	/* A cancel is for the steps, see attempt.h; what becomes of them is recorded in any case. */
	HOLD_CANCEL_INTERRUPTS();
	/* The transaction may hold a snapshot from before the lock was ours. */
	SPI_commit();
	ledger_close_dead_runs(name);
	run->id = ledger_begin_run(name);
	steps = ledger_steps(name);
	run->residue = residue_mark();
	SPI_commit();
	current_tell("run " INT64_FORMAT " of pipeline \"%s\"", run->id, name);

	foreach(cell, steps)
		attend_to_step(run, lfirst(cell));

	ledger_end_run(run->id, run->failed_step, run->failure);
	SPI_commit();
	RESUME_CANCEL_INTERRUPTS();
	run->state = "succeeded";
}

/* Under the lock, which is given back on every path. */
static void
run_locked(Run *run)
{
	PG_TRY();
	{
		run_steps(run);
	}
	PG_CATCH();
	{
		current_clear();
		lock_release(run->pipeline->id);
		PG_RE_THROW();
	}
	PG_END_TRY();
	lock_release(run->pipeline->id);
}

static void
skip_run(Run *run)
{
	run->id = ledger_skip_run(run->pipeline->name);
	run->state = "skipped";
	SPI_commit();
	ereport(NOTICE, (errmsg("pipeline \"%s\" is running already, skipping", run->pipeline->name)));
}

static void
throw_failure(const Run *run)
{
	const ErrorData *failure = run->failure;
	StringInfoData detail;
	StringInfoData hint;

	initStringInfo(&detail);
	if (failure->detail)
		appendStringInfo(&detail, "%s\n", failure->detail);
	if (list_length(run->failed) > 1)
		appendStringInfo(&detail, "Failed steps: %s.\n", join(run->failed));
	if (run->blocked != NIL)
		appendStringInfo(&detail, "Not tried: %s.\n", join(run->blocked));
	if (detail.len > 0)
		detail.data[--detail.len] = '\0';
	initStringInfo(&hint);
	if (failure->hint)
		appendStringInfo(&hint, "%s\n", failure->hint);
	appendStringInfo(&hint, "To retry: CALL medallion.run(%s);", quote_literal_cstr(run->pipeline->name));

	ereport(ERROR, (errcode(failure->sqlerrcode),
					errmsg("run " INT64_FORMAT " of pipeline \"%s\" failed in step \"%s\": %s", run->id,
						   run->pipeline->name, run->failed_step, failure->message),
					detail.len > 0 ? errdetail_internal("%s", detail.data) : 0, errhint("%s", hint.data)));
}

/* The row of INOUT parameters. */
static Datum
result_row(FunctionCallInfo fcinfo, const Run *run)
{
	Datum		values[2] = {Int64GetDatum(run->id), CStringGetTextDatum(run->state)};
	bool		nulls[2] = {false, false};
	TupleDesc	columns;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls));
}

PG_FUNCTION_INFO_V1(medallion_run);
Datum
medallion_run(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	Run		   *run;
	Datum		result;

	require_transaction_control(fcinfo);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a pipeline must not be null")));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	context = AllocSetContextCreate(PortalContext, "medallion run", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	run = palloc0(sizeof(Run));
	run->pipeline = owner_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	require_existing_owner(run->pipeline);

	if (!lock_take(run->pipeline->id, true))
		skip_run(run);
	else
		run_locked(run);
	if (run->failure != NULL)
		throw_failure(run);

	SPI_finish();
	MemoryContextSwitchTo(caller);
	result = result_row(fcinfo, run);
	MemoryContextDelete(context);
	return result;
}
