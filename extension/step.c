/*
 * step.c
 *		Perform one step: fingerprint, plan, apply.
 *
 * Which steps are due, and in which order, is decided in run.c.
 */
#include "postgres.h"

#include "attempt.h"
#include "current.h"
#include "finish.h"
#include "step.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* What the fingerprint query said. */
typedef struct Fingerprint
{
	const char *query;
	MemoryContext context;		/* where value goes */
	char	   *value;			/* NULL: unknown, so the step must run */
	bool		stands;			/* the output is still there */
} Fingerprint;

/* Run a step's SQL text; rows that it returns are thrown away. */
static void
run_text(void *arg)
{
	SPIExecuteOptions options = {.dest = None_Receiver};
	int			result = SPI_execute_extended(arg, &options);

	if (result == SPI_ERROR_TRANSACTION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
						errmsg("a step cannot begin or end a transaction"),
						errhint("Each step is one transaction, which the runner commits.")));
	if (result == SPI_ERROR_COPY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a step cannot COPY to or from the client")));
	if (result < 0)
		elog(ERROR, "SPI returned %s", SPI_result_code_string(result));
	finish_step();
}

static void
read_fingerprint(void *arg)
{
	Fingerprint *fingerprint = arg;
	SPIExecuteOptions options = {.must_return_tuples = true,.tcount = 2};
	TupleDesc	columns;
	char	   *value;
	bool		null;

	if (SPI_execute_extended(fingerprint->query, &options) < 0 || SPI_tuptable == NULL)
		elog(ERROR, "could not execute fingerprint query");
	columns = SPI_tuptable->tupdesc;
	if (SPI_processed > 1 || columns->natts > 2 ||
		(columns->natts == 2 && TupleDescAttr(columns, 1)->atttypid != BOOLOID))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("a fingerprint must be one row of one text, or of one text and one boolean")));
	if (SPI_processed == 0)
		return;
	value = SPI_getvalue(SPI_tuptable->vals[0], columns, 1);
	if (value != NULL)
		fingerprint->value = MemoryContextStrdup(fingerprint->context, value);
	if (columns->natts == 2)
		fingerprint->stands = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], columns, 2, &null)) && !null;
}

/* Did the step's last try end well, with the same definition and inputs, and is its output still there? */
static bool
nothing_to_do(const Pipeline *pipeline, const Step *step, const Fingerprint *fingerprint)
{
	StepPast	past;

	if (fingerprint->value == NULL || !fingerprint->stands)
		return false;
	past = ledger_step_past(pipeline->name, step);
	return past.done && past.fingerprint != NULL && strcmp(past.fingerprint, fingerprint->value) == 0;
}

/* Commit the plan before anything acts on it: after a crash the same plan is found again. */
static ErrorData *
perform_plan(const Pipeline *pipeline, const Step *step)
{
	ErrorData  *failure;

	if (step->plan == NULL)
		return NULL;
	failure = attempt_work(pipeline->owner, run_text, step->plan);
	if (failure == NULL)
		failure = attempt_commit(pipeline->owner);
	return failure;
}

/* The outcome is committed with the work, or not at all. */
static ErrorData *
perform_apply(int64 run_id, const Pipeline *pipeline, const Step *step, const char *fingerprint)
{
	ErrorData  *failure = attempt_work(pipeline->owner, run_text, step->apply);

	if (failure != NULL)
		return failure;
	ledger_end_step(run_id, step->name, "succeeded", fingerprint, NULL);
	return attempt_commit(pipeline->owner);
}

/* Returns NULL and sets *unchanged if the step need not run. */
static ErrorData *
perform(int64 run_id, const Pipeline *pipeline, const Step *step, bool *unchanged)
{
	Fingerprint fingerprint = {.query = step->fingerprint,.context = CurrentMemoryContext,.stands = true};
	ErrorData  *failure = NULL;

	/* seen by others from here on; where nothing was written, a commit costs nothing */
	ledger_begin_step(run_id, step);
	SPI_commit();
	if (step->fingerprint != NULL)
		failure = attempt_work(pipeline->owner, read_fingerprint, &fingerprint);
	*unchanged = failure == NULL && nothing_to_do(pipeline, step, &fingerprint);
	if (*unchanged)
		ledger_end_step(run_id, step->name, "unchanged", fingerprint.value, NULL);
	if (failure == NULL)
		failure = attempt_commit(pipeline->owner);
	if (failure != NULL || *unchanged)
		return failure;

	failure = perform_plan(pipeline, step);
	if (failure == NULL)
		failure = perform_apply(run_id, pipeline, step, fingerprint.value);
	return failure;
}

static void
tell_success(int64 run_id, const Step *step, TimestampTz started)
{
	StepReport	total = ledger_step_total(run_id, step->name);
	StringInfoData amounts;

	initStringInfo(&amounts);
	current_append_amounts(&amounts, &total);
	current_tell("step \"%s\" succeeded%s  %.1f s", step->name, amounts.data,
				 (GetCurrentTimestamp() - started) / 1000000.0);
}

ErrorData *
step_perform(int64 run_id, const Pipeline *pipeline, const Step *step)
{
	TimestampTz started = GetCurrentTimestamp();
	ErrorData  *failure;
	bool		unchanged;

	current_set(run_id, pipeline->name, step->name);
	failure = perform(run_id, pipeline, step, &unchanged);
	current_clear();
	if (failure != NULL)
	{
		ledger_end_step(run_id, step->name, "failed", NULL, failure);
		SPI_commit();
		current_tell("step \"%s\" failed: %s", step->name, failure->message);
	}
	else if (unchanged)
		current_tell("step \"%s\" unchanged", step->name);
	else
		tell_success(run_id, step, started);
	return failure;
}
