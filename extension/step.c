/*
 * step.c
 *		Try one step: fingerprint, plan, apply; and whether a failure is worth another try.
 *
 * Which steps are due, and in which order, is decided in run.c.
 */
#include "postgres.h"

#include "attempt.h"
#include "current.h"
#include "finish.h"
#include "progress.h"
#include "step.h"
#include "timer.h"
#include "transient.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A wait grows no longer than this. */
#define LONGEST_WAIT_MS (60 * 60 * 1000.0)

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
	/* the connection outlives the step, and many runs */
	SPI_freetuptable(SPI_tuptable);
}

/* Did the step's last try end well, with the same definition and inputs, and is its output still there? If not, why. */
static bool
nothing_to_do(const Pipeline *pipeline, const Scope *scope, const Step *step, const Fingerprint *fingerprint,
			  const char **why)
{
	StepPast	past;

	*why = "it has no fingerprint";
	if (step->fingerprint == NULL)
		return false;
	*why = "the versions of its inputs are not known";
	if (fingerprint->value == NULL)
		return false;
	*why = "its output does not stand";
	if (!fingerprint->stands)
		return false;
	past = ledger_step_past(pipeline->name, scope, step);
	*why = "it has not succeeded since it was defined, or its last try failed";
	if (!past.done || past.fingerprint == NULL)
		return false;
	*why = "its inputs have changed";
	if (strcmp(past.fingerprint, fingerprint->value) != 0)
		return false;
	*why = "its inputs are those of its last success";
	return true;
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
	ledger_end_step(run_id, step, "succeeded", fingerprint, NULL);
	return attempt_commit(pipeline->owner);
}

/* Returns NULL and sets *unchanged if the step need not run. */
static ErrorData *
perform(int64 run_id, const Pipeline *pipeline, const Scope *scope, const Step *step, bool force, bool *unchanged)
{
	Fingerprint fingerprint = {.query = step->fingerprint,.context = CurrentMemoryContext,.stands = true};
	const char *why;
	ErrorData  *failure = NULL;

	/* seen by others from here on; where nothing was written, a commit costs nothing */
	ledger_begin_step(run_id, step);
	SPI_commit();
	timer_start(step->timeout);
	if (step->fingerprint != NULL)
		failure = attempt_work(pipeline->owner, read_fingerprint, &fingerprint);
	*unchanged = failure == NULL && !force && nothing_to_do(pipeline, scope, step, &fingerprint, &why);
	if (*unchanged)
		ledger_end_step(run_id, step, "unchanged", fingerprint.value, NULL);
	if (failure == NULL)
		failure = attempt_commit(pipeline->owner);
	if (failure != NULL || *unchanged)
		return failure;

	failure = perform_plan(pipeline, step);
	if (failure == NULL)
		failure = perform_apply(run_id, pipeline, step, fingerprint.value);
	return failure;
}

/* The words for a cancel that the timer sent. */
static void
name_timeout(const Step *step, ErrorData *failure)
{
	failure->message = psprintf("timed out after %g s", step->timeout / 1000.0);
	failure->hint = psprintf("A try of step \"%s\" may take no longer: see timeout in medallion.alter_step().", step->name);
}

/* Whether to try again, and when. The first who looks then is watch(), once a minute: no need for jitter. */
static void
consider_again(const Step *step, bool timed_out, StepEnd *end)
{
	double		wait = step->retry_delay;

	if (end->cancelled || step->failures > step->retries)
		return;
	if (!timed_out && !step->retry_any && !sqlstate_is_transient(end->failure->sqlerrcode))
		return;
	for (int i = 1; i < step->failures && wait < LONGEST_WAIT_MS; i++)
		wait *= step->backoff;
	end->again = true;
	end->again_at = GetCurrentTimestamp() + (int64) (Min(wait, Max(LONGEST_WAIT_MS, step->retry_delay)) * 1000);
}

static void
tell_success(int64 run_id, const Step *step, TimestampTz started)
{
	StepReport	total = ledger_step_total(run_id, step);
	StringInfoData amounts;

	initStringInfo(&amounts);
	current_append_amounts(&amounts, &total);
	current_tell("step \"%s\" succeeded%s  %.1f s", step->name, amounts.data,
				 (GetCurrentTimestamp() - started) / 1000000.0);
}

static void
tell_failure(const Step *step, const StepEnd *end)
{
	if (end->again)
		current_tell("step \"%s\" failed in try %d of %d: %s", step->name, step->failures, step->retries + 1,
					 end->failure->message);
	else
		current_tell("step \"%s\" failed: %s", step->name, end->failure->message);
}

StepEnd
step_perform(int64 run_id, const Pipeline *pipeline, const Scope *scope, Step *step, bool force)
{
	TimestampTz started = GetCurrentTimestamp();
	StepEnd		end = {0};
	bool		timed_out;

	step->try++;
	current_set(run_id, pipeline->name, step, scope);
	progress_begin(pipeline->name, step->name, run_id, step->try);
	end.failure = perform(run_id, pipeline, scope, step, force, &end.unchanged);
	timed_out = timer_stop() && end.failure != NULL && end.failure->sqlerrcode == ERRCODE_QUERY_CANCELED;
	progress_end();
	current_clear();
	if (end.failure != NULL)
	{
		end.cancelled = end.failure->sqlerrcode == ERRCODE_QUERY_CANCELED && !timed_out;
		if (timed_out)
			name_timeout(step, end.failure);
		step->failures++;
		consider_again(step, timed_out, &end);
		ledger_end_step(run_id, step, end.again ? "waiting" : "failed", NULL, end.failure);
		SPI_commit();
		tell_failure(step, &end);
	}
	else if (end.unchanged)
		current_tell("step \"%s\" unchanged", step->name);
	else
		tell_success(run_id, step, started);
	return end;
}

StepForecast
step_forecast(const Pipeline *pipeline, const Scope *scope, const Step *step)
{
	Fingerprint fingerprint = {.query = step->fingerprint,.context = CurrentMemoryContext,.stands = true};
	StepForecast forecast = {0};
	ErrorData  *failure = NULL;

	if (step->fingerprint != NULL)
		failure = attempt_work(pipeline->owner, read_fingerprint, &fingerprint);
	if (failure != NULL && failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(failure);
	if (failure != NULL)
		forecast.reason = psprintf("its fingerprint fails: %s", failure->message);
	else
		forecast.unchanged = nothing_to_do(pipeline, scope, step, &fingerprint, &forecast.reason);
	return forecast;
}
