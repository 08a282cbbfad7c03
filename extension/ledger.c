/*
 * ledger.c
 *		The SQL that reads and writes the runner's tables.
 *
 * When to write what is decided in run.c and step.c, who may define pipelines in definition.c.
 */
#include "postgres.h"

#include "identity.h"
#include "ledger.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define MAX_ARGS 12

/*
 * Call SPI as the tables' owner. Values are handed over as text and cast in the SQL: the statements are few and short,
 * and one representation keeps them readable. SPI is left connected for the caller to read the result.
 */
static void
execute(Identity *saved, const char *sql, int nargs, const char *const *args)
{
	Oid			types[MAX_ARGS];
	Datum		values[MAX_ARGS];
	char		nulls[MAX_ARGS];
	int			result;

	Assert(nargs <= MAX_ARGS);
	SPI_connect();
	identity_assume_ledger(saved);
	for (int i = 0; i < nargs; i++)
	{
		types[i] = TEXTOID;
		nulls[i] = args[i] ? ' ' : 'n';
		values[i] = args[i] ? CStringGetTextDatum(args[i]) : (Datum) 0;
	}
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "SPI returned %s for: %s", SPI_result_code_string(result), sql);
}

static void
finish(const Identity *saved)
{
	identity_restore(saved);
	SPI_finish();
}

/* A column of a result row, copied to "context". */
static char *
column(uint64 row, int number, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);

	return value ? MemoryContextStrdup(context, value) : NULL;
}

char *
ledger_execute(const char *sql, int nargs, const char *const *args)
{
	MemoryContext context = CurrentMemoryContext;
	Identity	saved;
	char	   *value = NULL;

	execute(&saved, sql, nargs, args);
	if (SPI_tuptable != NULL && SPI_processed > 0)
		value = column(0, 1, context);
	finish(&saved);
	return value;
}

Pipeline *
ledger_pipeline(const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Pipeline   *pipeline = palloc0(sizeof(Pipeline));
	Identity	saved;

	pipeline->name = pstrdup(name);
	execute(&saved, "SELECT p.id, p.owner FROM medallion.pipeline p WHERE p.name = $1", 1, &name);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("pipeline \"%s\" does not exist", name)));
	pipeline->id = pg_strtoint32(column(0, 1, context));
	pipeline->owner_name = column(0, 2, context);
	finish(&saved);
	pipeline->owner = identity_role(pipeline->owner_name);
	return pipeline;
}

/* The names in a text array, which the query hands over one by one. */
static List *
dependencies(const char *pipeline, const char *step, MemoryContext context)
{
	const char *args[] = {pipeline, step};
	MemoryContext old;
	Identity	saved;
	List	   *names = NIL;

	execute(&saved,
			"SELECT d FROM medallion.step s, pg_catalog.unnest(s.depends_on) d"
			" WHERE s.pipeline = $1 AND s.name = $2",
			2, args);
	old = MemoryContextSwitchTo(context);
	for (uint64 row = 0; row < SPI_processed; row++)
		names = lappend(names, column(row, 1, context));
	MemoryContextSwitchTo(old);
	finish(&saved);
	return names;
}

List *
ledger_steps(const char *pipeline)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	Identity	saved;
	List	   *steps = NIL;
	ListCell   *cell;

	execute(&saved,
			"SELECT s.name, s.plan, s.apply, s.fingerprint, s.definition FROM medallion.step s"
			" WHERE s.pipeline = $1 ORDER BY s.position",
			1, &pipeline);
	old = MemoryContextSwitchTo(context);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Step	   *step = palloc0(sizeof(Step));

		step->name = column(row, 1, context);
		step->plan = column(row, 2, context);
		step->apply = column(row, 3, context);
		step->fingerprint = column(row, 4, context);
		step->definition = column(row, 5, context);
		steps = lappend(steps, step);
	}
	MemoryContextSwitchTo(old);
	finish(&saved);
	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		step->depends_on = dependencies(pipeline, step->name, context);
	}
	return steps;
}

void
ledger_close_dead_runs(const char *pipeline)
{
	ledger_execute(
				   "WITH dead AS (UPDATE medallion.run r SET state = 'failed', ended_at = pg_catalog.clock_timestamp(),"
				   "   sqlstate = '57000', message = 'did not finish: the server or session ended',"
				   "   failed_step = (SELECT s.step FROM medallion.step_run s"
				   "     WHERE s.run_id = r.run_id AND s.state = 'running' LIMIT 1)"
				   "   WHERE r.pipeline = $1 AND r.state = 'running' RETURNING r.run_id)"
				   " UPDATE medallion.step_run s SET state = 'failed', ended_at = pg_catalog.clock_timestamp(),"
				   "   sqlstate = '57000', message = 'did not finish: the server or session ended'"
				   "   FROM dead d WHERE s.run_id = d.run_id AND s.state = 'running'",
				   1, &pipeline);
}

static int64
insert_run(const char *pipeline, const char *state, const char *message)
{
	/* the caller, not the tables' owner */
	const char *args[] = {pipeline, state, GetUserNameFromId(GetUserId(), false), message};
	char	   *run_id;

	run_id = ledger_execute("INSERT INTO medallion.run (pipeline, state, triggered_by, message, ended_at)"
							" VALUES ($1, $2, $3::pg_catalog.name, $4,"
							"   CASE WHEN $2 <> 'running' THEN pg_catalog.clock_timestamp() END)"
							" RETURNING run_id",
							4, args);
	return pg_strtoint64(run_id);
}

int64
ledger_begin_run(const char *pipeline)
{
	return insert_run(pipeline, "running", NULL);
}

int64
ledger_skip_run(const char *pipeline)
{
	return insert_run(pipeline, "skipped", "another run of the pipeline was under way");
}

void
ledger_end_run(int64 run_id, const char *step, const ErrorData *failure)
{
	const char *args[] = {
		psprintf(INT64_FORMAT, run_id),
		failure ? "failed" : "succeeded",
		step,
		failure ? unpack_sql_state(failure->sqlerrcode) : NULL,
		failure ? failure->message : NULL,
	};

	ledger_execute("UPDATE medallion.run SET state = $2, ended_at = pg_catalog.clock_timestamp(),"
				   " failed_step = $3, sqlstate = $4, message = $5"
				   " WHERE run_id = $1::bigint",
				   5, args);
}

/*
 * The latest try decides, even if it failed: it may have left half of its objects behind. A step that was unchanged
 * carries the fingerprint of the success that it stands for.
 */
StepPast
ledger_step_past(const char *pipeline, const Step *step)
{
	const char *args[] = {pipeline, step->name, step->definition};
	MemoryContext context = CurrentMemoryContext;
	StepPast	past = {0};
	Identity	saved;

	execute(&saved,
			"SELECT s.state IN ('succeeded', 'unchanged') AND s.definition = $3, s.fingerprint"
			" FROM medallion.run r JOIN medallion.step_run s ON s.run_id = r.run_id"
			" WHERE r.pipeline = $1 AND s.step = $2 AND s.state NOT IN ('blocked', 'running')"
			" ORDER BY r.run_id DESC LIMIT 1",
			3, args);
	if (SPI_processed > 0)
	{
		past.done = *column(0, 1, context) == 't';
		past.fingerprint = column(0, 2, context);
	}
	finish(&saved);
	return past;
}

void
ledger_begin_step(int64 run_id, const Step *step)
{
	const char *args[] = {psprintf(INT64_FORMAT, run_id), step->name, step->definition};

	ledger_execute("INSERT INTO medallion.step_run (run_id, step, state, started_at, definition)"
				   " VALUES ($1::bigint, $2, 'running', pg_catalog.clock_timestamp(), $3)",
				   3, args);
}

/* An error in the grammar or in a name comes with the place in the text instead of a context. */
static char *
failure_context(const ErrorData *failure)
{
	if (failure->internalquery == NULL)
		return failure->context;
	return psprintf("character %d of: %s%s%s", failure->internalpos, failure->internalquery,
					failure->context ? "\n" : "", failure->context ? failure->context : "");
}

void
ledger_end_step(int64 run_id, const char *step, const char *state, const char *fingerprint,
				const ErrorData *failure)
{
	const char *args[] = {
		psprintf(INT64_FORMAT, run_id),
		step,
		state,
		fingerprint,
		failure ? unpack_sql_state(failure->sqlerrcode) : NULL,
		failure ? failure->message : NULL,
		failure ? failure->detail : NULL,
		failure ? failure->hint : NULL,
		failure ? failure_context(failure) : NULL,
	};

	ledger_execute("UPDATE medallion.step_run SET state = $3, ended_at = pg_catalog.clock_timestamp(),"
				   " fingerprint = $4, sqlstate = $5, message = $6, detail = $7, hint = $8, context = $9"
				   " WHERE run_id = $1::bigint AND step = $2",
				   9, args);
}

void
ledger_block_step(int64 run_id, const Step *step, const char *why)
{
	const char *args[] = {psprintf(INT64_FORMAT, run_id), step->name, step->definition, why};

	ledger_execute("INSERT INTO medallion.step_run (run_id, step, state, definition, message)"
				   " VALUES ($1::bigint, $2, 'blocked', $3, $4)",
				   4, args);
}

/* The sums of what the step has reported. */
StepReport
ledger_step_total(int64 run_id, const char *step)
{
	const char *args[] = {psprintf(INT64_FORMAT, run_id), step};
	MemoryContext context = CurrentMemoryContext;
	StepReport	total = {.object = step};
	Identity	saved;

	execute(&saved,
			"SELECT s.rows, s.bytes FROM medallion.step_run s"
			" WHERE s.run_id = $1::bigint AND s.step = $2",
			2, args);
	if (SPI_processed > 0)
	{
		char	   *rows = column(0, 1, context);
		char	   *bytes = column(0, 2, context);

		total.has_rows = rows != NULL;
		total.rows = rows ? pg_strtoint64(rows) : 0;
		total.has_bytes = bytes != NULL;
		total.bytes = bytes ? pg_strtoint64(bytes) : 0;
	}
	finish(&saved);
	return total;
}

void
ledger_report(int64 run_id, const char *step, const StepReport *report)
{
	const char *args[] = {
		psprintf(INT64_FORMAT, run_id),
		step,
		report->object,
		report->has_rows ? psprintf(INT64_FORMAT, report->rows) : NULL,
		report->has_bytes ? psprintf(INT64_FORMAT, report->bytes) : NULL,
		report->note,
	};

	ledger_execute(
				   "WITH line AS (INSERT INTO medallion.step_log (run_id, step, position, object, rows, bytes, note)"
				   "   SELECT $1::bigint, $2, COALESCE(pg_catalog.max(l.position), 0) + 1, $3, $4::bigint, $5::bigint, "
				   "$6"
				   "   FROM medallion.step_log l WHERE l.run_id = $1::bigint AND l.step = $2"
				   "   RETURNING rows, bytes)"
				   " UPDATE medallion.step_run s"
				   "   SET rows = CASE WHEN l.rows IS NULL THEN s.rows ELSE COALESCE(s.rows, 0) + l.rows END,"
				   "   bytes = CASE WHEN l.bytes IS NULL THEN s.bytes ELSE COALESCE(s.bytes, 0) + l.bytes END"
				   "   FROM line l WHERE s.run_id = $1::bigint AND s.step = $2",
				   6, args);
}
