/*
 * control.c
 *		What people do with pipelines besides running them: pause, resume, cancel, and ask what a run would do.
 */
#include "postgres.h"

#include "graph.h"
#include "ledger.h"
#include "lock.h"
#include "owner.h"
#include "step.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static void
set_paused(const char *pipeline, const char *paused)
{
	const char *args[] = {pipeline, paused};

	owner_check(pipeline);
	ledger_execute("UPDATE medallion.pipeline SET paused = $2::boolean WHERE name = $1", 2, args);
}

PG_FUNCTION_INFO_V1(medallion_pause);
Datum
medallion_pause(PG_FUNCTION_ARGS)
{
	set_paused(text_to_cstring(PG_GETARG_TEXT_PP(0)), "true");
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_resume);
Datum
medallion_resume(PG_FUNCTION_ARGS)
{
	set_paused(text_to_cstring(PG_GETARG_TEXT_PP(0)), "false");
	PG_RETURN_VOID();
}

/* The session that has the lock is the one that runs, whatever pid a run recorded. */
static bool
cancel_running(const Pipeline *pipeline)
{
	const char *args[] = {psprintf("%d", RUN_LOCK_CLASS), psprintf("%d", pipeline->id)};
	const char *pid = ledger_execute("SELECT l.pid FROM pg_catalog.pg_locks l"
									 " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2"
									 "   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d"
									 "     WHERE d.datname = pg_catalog.current_database())"
									 "   AND l.classid = $1::pg_catalog.oid AND l.objid = $2::pg_catalog.oid"
									 "   AND l.pid <> pg_catalog.pg_backend_pid() LIMIT 1",
									 2, args);

	return pid != NULL && *ledger_execute("SELECT pg_catalog.pg_cancel_backend($1::integer)", 1, &pid) == 't';
}

PG_FUNCTION_INFO_V1(medallion_cancel);
Datum
medallion_cancel(PG_FUNCTION_ARGS)
{
	Pipeline   *pipeline = owner_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool		found = cancel_running(pipeline);
	const char *args[] = {pipeline->name, psprintf("given up by role \"%s\"", GetUserNameFromId(GetUserId(), false))};

	found |= ledger_execute("WITH closed AS (UPDATE medallion.run SET state = 'failed', retry_at = NULL, sqlstate = '57014',"
							"   message = $2, ended_at = pg_catalog.clock_timestamp()"
							"   WHERE pipeline = $1 AND state = 'waiting' RETURNING run_id), steps AS ("
							"   UPDATE medallion.step_run s SET state = 'failed' FROM closed c"
							"   WHERE s.run_id = c.run_id AND s.state = 'waiting')"
							" SELECT run_id FROM closed LIMIT 1",
							2, args) != NULL;
	PG_RETURN_BOOL(found);
}

static void
put_forecast(ReturnSetInfo *result, const Step *step, const char *action, const char *reason)
{
	Datum		values[3] = {CStringGetTextDatum(step->name), CStringGetTextDatum(action), CStringGetTextDatum(reason)};
	bool		nulls[3] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* The name of a step before this one that will run, or may: what it is going to do, the fingerprint cannot know. */
static const char *
pending_before(const Step *step, const List *pending)
{
	ListCell   *cell;

	foreach(cell, step->depends_on)
	{
		if (graph_contains(pending, lfirst(cell)))
			return lfirst(cell);
	}
	return NULL;
}

PG_FUNCTION_INFO_V1(medallion_dry_run);
Datum
medallion_dry_run(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Scope		scope = {.mode = "run",.params = "{}"};
	Pipeline   *pipeline;
	List	   *pending = NIL;
	ListCell   *cell;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a pipeline must not be null")));
	pipeline = owner_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	/* fingerprints are queries, which somebody may have to read first */
	if (pipeline->paused)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("pipeline \"%s\" is paused", pipeline->name),
						errhint("SELECT medallion.resume(%s)", quote_literal_cstr(pipeline->name))));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	foreach(cell, ledger_steps(pipeline->name))
	{
		Step	   *step = lfirst(cell);
		const char *before = pending_before(step, pending);
		StepForecast forecast;

		HOLD_CANCEL_INTERRUPTS();
		forecast = step_forecast(pipeline, &scope, step);
		RESUME_CANCEL_INTERRUPTS();
		if (!forecast.unchanged || before != NULL)
			pending = lappend(pending, step->name);
		if (before != NULL && forecast.unchanged)
			put_forecast(result, step, "maybe", psprintf("step \"%s\" is run first", before));
		else
			put_forecast(result, step, forecast.unchanged ? "unchanged" : "run", forecast.reason);
	}
	SPI_finish();
	PG_RETURN_VOID();
}
