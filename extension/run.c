/*
 * run.c
 *		A run of a pipeline: its steps in their order, and the verdict.
 *
 * How a step is tried is in step.c, what is written down in ledger.c. The procedures that people call, and the lock that
 * keeps runs apart, are in call.c.
 */
#include "postgres.h"

#include "current.h"
#include "graph.h"
#include "ledger.h"
#include "lock.h"
#include "residue.h"
#include "run.h"
#include "step.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

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

	if (run->cancelled)
		return "the run was cancelled";
	foreach(cell, step->depends_on)
	{
		const char *name = lfirst(cell);

		if (graph_contains(run->failed, name))
			return psprintf("step \"%s\" failed", name);
		if (graph_contains(run->blocked, name))
			return psprintf("step \"%s\" is blocked", name);
	}
	return NULL;
}

/* Whether the step has to wait for one that is to be tried again. Nothing is recorded of it yet. */
static bool
has_to_wait(const Run *run, const Step *step)
{
	ListCell   *cell;

	foreach(cell, step->depends_on)
	{
		if (graph_contains(run->waiting, lfirst(cell)))
			return true;
	}
	return false;
}

static void
block_step(Run *run, Step *step, const char *why)
{
	step->try++;
	ledger_block_step(run->id, step, why);
	run->blocked = lappend(run->blocked, step->name);
	current_tell("step \"%s\" blocked: %s", step->name, why);
}

static void
note_failure(Run *run, const Step *step, const StepEnd *end)
{
	if (end->again)
	{
		run->waiting = lappend(run->waiting, step->name);
		run->retry_at = Max(run->retry_at, end->again_at);
	}
	else
		run->failed = lappend(run->failed, step->name);
	if (run->failure == NULL || end->cancelled)
	{
		run->failure = end->failure;
		run->failed_step = step->name;
	}
	run->cancelled |= end->cancelled;
}

static bool
state_is(const Step *step, const char *state)
{
	return step->state != NULL && strcmp(step->state, state) == 0;
}

static bool
ended_well(const Step *step)
{
	return state_is(step, "succeeded") || state_is(step, "unchanged");
}

/* Other runs may have come between: a step that can tell whether its output still stands is asked. */
static bool
still_stands(const Run *run, const Step *step)
{
	ListCell   *cell;

	foreach(cell, step->depends_on)
	{
		if (graph_contains(run->redone, lfirst(cell)))
			return false;
	}
	return step->fingerprint == NULL;
}

/* Whether what an earlier pass of this run recorded of the step stands. */
static bool
is_settled(Run *run, const Step *step)
{
	if (ended_well(step))
		return still_stands(run, step);
	if (run->everything)
		return false;
	if (state_is(step, "blocked"))
	{
		run->blocked = lappend(run->blocked, step->name);
		return true;
	}
	if (state_is(step, "failed") && step->failure != NULL)
	{
		StepEnd		end = {.failure = step->failure};

		note_failure(run, step, &end);
		return true;
	}
	return false;
}

static void
attend_to_step(Run *run, Step *step)
{
	char	   *why = obstacle(run, step);
	bool		again = ended_well(step);
	bool		force = run->scope->force ||
		(run->scope->from_step != NULL && strcmp(run->scope->from_step, step->name) == 0);
	StepEnd		end;

	if (why != NULL)
	{
		block_step(run, step, why);
		return;
	}
	if (has_to_wait(run, step))
	{
		run->waiting = lappend(run->waiting, step->name);
		return;
	}
	end = step_perform(run->id, run->pipeline, run->scope, step, force && !again);
	residue_sweep(run->residue);
	if (end.failure != NULL)
		note_failure(run, step, &end);
	else if (again && !end.unchanged)
		run->redone = lappend(run->redone, step->name);
	if (!lock_keep(run->pipeline->id))
		ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
						errmsg("step \"%s\" gave up the lock of pipeline \"%s\", and another run has it now",
							   step->name, run->pipeline->name)));
}

/* The steps that the run is about. */
static List *
steps_in_scope(Run *run)
{
	const Scope *scope = run->scope;
	List	   *steps = ledger_steps(run->pipeline->name);
	Step	   *from;

	if (scope->from_step == NULL)
		return steps;
	from = graph_find(steps, scope->from_step);
	if (from == NULL && run->id != 0)
	{
		/* taken out while the run waited: it is over */
		run->failure = palloc0(sizeof(ErrorData));
		run->failure->sqlerrcode = ERRCODE_UNDEFINED_OBJECT;
		run->failure->message = psprintf("step \"%s\" does not exist any more", scope->from_step);
		run->failed_step = pstrdup(scope->from_step);
		return NIL;
	}
	if (from == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("step \"%s\" of pipeline \"%s\" does not exist", scope->from_step, run->pipeline->name)));
	return strcmp(scope->mode, "step") == 0 ? list_make1(from) : graph_from(steps, from->name);
}

/* Cancelled: what waits is given up. */
static void
stop_waiting(Run *run)
{
	run->failed = list_concat(run->failed, run->waiting);
	run->waiting = NIL;
	run->retry_at = 0;
}

void
run_perform(Run *run)
{
	const char *name = run->pipeline->name;
	List	   *steps = steps_in_scope(run);
	ListCell   *cell;

	if (run->id == 0)
	{
		ledger_close_runs(name, run->scope);
		run->id = ledger_begin_run(name, run->scope);
	}
	else
		ledger_read_tries(run->id, steps);
	run->residue = residue_mark();
	SPI_commit();
	current_tell("run " INT64_FORMAT " of pipeline \"%s\"%s%s", run->id, name,
				 run->scope->interval_start ? ", interval of " : "",
				 run->scope->interval_start ? run->scope->interval_start : "");

	foreach(cell, steps)
	{
		if (!is_settled(run, lfirst(cell)))
			attend_to_step(run, lfirst(cell));
	}

	if (run->cancelled)
		stop_waiting(run);
	ledger_end_run(run->id, run->failed_step, run->failure, run->retry_at);
	if (run->retry_at == 0)
		ledger_after_run(run->id);
	SPI_commit();
}

static char *
failure_detail(const Run *run, int others)
{
	StringInfoData detail;

	initStringInfo(&detail);
	if (run->failure->detail)
		appendStringInfo(&detail, "%s\n", run->failure->detail);
	if (list_length(run->failed) > 1)
		appendStringInfo(&detail, "Failed steps: %s.\n", join(run->failed));
	if (run->blocked != NIL)
		appendStringInfo(&detail, "Not tried: %s.\n", join(run->blocked));
	if (run->retry_at != 0)
		appendStringInfo(&detail, "To be tried again from %s on: %s.\n", timestamptz_to_str(run->retry_at),
						 join(run->waiting));
	if (others > 0)
		appendStringInfo(&detail, ngettext("%d more run failed.\n", "%d more runs failed.\n", others), others);
	if (detail.len == 0)
		return NULL;
	detail.data[--detail.len] = '\0';
	return detail.data;
}

static char *
failure_hint(const Run *run)
{
	StringInfoData hint;
	char	   *name = quote_literal_cstr(run->pipeline->name);

	initStringInfo(&hint);
	if (run->failure->hint)
		appendStringInfo(&hint, "%s\n", run->failure->hint);
	if (run->scope->interval_start != NULL || run->retry_at != 0)
		appendStringInfo(&hint, "To retry: CALL medallion.retry(%s);", name);
	else
		appendStringInfo(&hint, "To retry: CALL medallion.run(%s);", name);
	return hint.data;
}

void
run_throw(const Run *run, int others)
{
	char	   *detail = failure_detail(run, others);

	ereport(ERROR, (errcode(run->failure->sqlerrcode),
					errmsg("run " INT64_FORMAT " of pipeline \"%s\" failed in step \"%s\": %s", run->id,
						   run->pipeline->name, run->failed_step, run->failure->message),
					detail ? errdetail_internal("%s", detail) : 0, errhint("%s", failure_hint(run))));
}
