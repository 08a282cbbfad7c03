/*
 * ledger.c
 *		The SQL that reads and writes the runner's tables.
 *
 * When to write what is decided in run.c and step.c, who may define pipelines in definition.c.
 */
#include "postgres.h"

#include "graph.h"
#include "identity.h"
#include "ledger.h"
#include "worker.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define MAX_ARGS 12
/* A parameter in microseconds since 2000. */
#define TIME_OF(number) "'2000-01-01 00:00:00+00'::timestamptz + " number "::bigint * '1 microsecond'::pg_catalog.interval"

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

/* A column of a result row, copied to "context"; NULL for NULL. */
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
	execute(&saved, "SELECT p.id, p.owner, p.paused FROM medallion.pipeline p WHERE p.name = $1", 1, &name);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("pipeline \"%s\" does not exist", name)));
	pipeline->id = pg_strtoint32(column(0, 1, context));
	pipeline->owner_name = column(0, 2, context);
	pipeline->paused = *column(0, 3, context) == 't';
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
			" WHERE s.pipeline = $1 AND s.name = $2 AND d IS NOT NULL",
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
			"SELECT s.name, s.plan, s.apply, s.fingerprint, s.definition, s.retries, s.backoff, s.retry_on,"
			" 1000 * EXTRACT(epoch FROM s.retry_delay),"
			" LEAST(pg_catalog.ceil(1000 * EXTRACT(epoch FROM COALESCE(s.timeout, '0'::pg_catalog.interval))), 2147483647)::integer"
			" FROM medallion.step s WHERE s.pipeline = $1 ORDER BY s.position",
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
		step->retries = pg_strtoint32(column(row, 6, context));
		step->backoff = strtod(column(row, 7, context), NULL);
		step->retry_any = strcmp(column(row, 8, context), "any") == 0;
		step->retry_delay = strtod(column(row, 9, context), NULL);
		step->timeout = pg_strtoint32(column(row, 10, context));
		steps = lappend(steps, step);
	}
	MemoryContextSwitchTo(old);
	finish(&saved);
	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		step->depends_on = dependencies(pipeline, step->name, context);
	}
	return graph_order(steps);
}

static const char *
number_text(int64 value)
{
	return psprintf(INT64_FORMAT, value);
}

/* The steps of runs that are closed; which these are, as one text. */
#define CLOSE_STEPS(runs) \
	", steps AS (UPDATE medallion.step_run s SET state = 'failed'," \
	"   ended_at = COALESCE(s.ended_at, pg_catalog.clock_timestamp())," \
	"   sqlstate = COALESCE(s.sqlstate, '57000')," \
	"   message = COALESCE(s.message, 'did not finish: the server or session ended')" \
	"   FROM " runs " d WHERE s.run_id = d.run_id AND s.state IN ('running', 'waiting'))" \
	" SELECT pg_catalog.string_agg(d.run_id::text, ',') FROM " runs " d"

/* They have failed for good. */
static void
after_closing(const char *runs)
{
	if (runs != NULL)
		ledger_execute("SELECT pg_catalog.count(medallion.after_run(d)) FROM"
					   " pg_catalog.unnest(pg_catalog.string_to_array($1, ',')::bigint[]) d",
					   1, &runs);
}

static void
close_dead_runs(const char *pipeline)
{
	const char *runs;

	runs = ledger_execute("WITH dead AS (UPDATE medallion.run r SET state = 'failed', ended_at = pg_catalog.clock_timestamp(),"
				   "   sqlstate = '57000', message = 'did not finish: the server or session ended',"
				   "   failed_step = (SELECT s.step FROM medallion.step_run s"
				   "     WHERE s.run_id = r.run_id AND s.state = 'running' LIMIT 1)"
				   "   WHERE r.pipeline = $1 AND r.state = 'running' RETURNING r.run_id)"
				   CLOSE_STEPS("dead"),
				   1, &pipeline);
	after_closing(runs);
}

void
ledger_close_runs(const char *pipeline, const Scope *scope)
{
	const char *args[] = {pipeline, scope->interval_start, scope->interval_end, scope->params, scope->mode, scope->from_step};
	const char *runs;

	close_dead_runs(pipeline);
	runs = ledger_execute("WITH late AS (UPDATE medallion.run r SET state = 'failed', retry_at = NULL,"
						  "   ended_at = pg_catalog.clock_timestamp()"
						  "   WHERE r.pipeline = $1 AND r.state = 'waiting'"
						  "     AND r.interval_start IS NOT DISTINCT FROM $2::timestamptz"
						  "     AND r.interval_end IS NOT DISTINCT FROM $3::timestamptz AND r.params = $4::pg_catalog.jsonb"
						  "     AND ($5 = 'run' OR r.mode = $5 AND r.from_step IS NOT DISTINCT FROM $6) RETURNING r.run_id)"
						  CLOSE_STEPS("late"),
						  6, args);
	after_closing(runs);
}

static int64
insert_run(const char *pipeline, const Scope *scope, const char *state, const char *message)
{
	const char *args[] = {pipeline, state, scope->triggered_by, message, scope->mode, scope->from_step,
	scope->params, scope->interval_start, scope->interval_end, scope->reason, scope->force ? "true" : "false"};
	char	   *run_id;

	run_id = ledger_execute("INSERT INTO medallion.run (pipeline, state, triggered_by, message, mode, from_step, params,"
							"   interval_start, interval_end, reason, forced, ended_at)"
							" VALUES ($1, $2, $3::pg_catalog.name, $4, $5, $6, $7::pg_catalog.jsonb,"
							"   $8::timestamptz, $9::timestamptz, $10, $11::boolean,"
							"   CASE WHEN $2 <> 'running' THEN pg_catalog.clock_timestamp() END)"
							" RETURNING run_id",
							11, args);
	return pg_strtoint64(run_id);
}

int64
ledger_begin_run(const char *pipeline, const Scope *scope)
{
	return insert_run(pipeline, scope, "running", NULL);
}

int64
ledger_skip_run(const char *pipeline, const Scope *scope)
{
	return insert_run(pipeline, scope, "skipped", "another run of the pipeline was under way");
}

List *
ledger_runs_to_retry(const char *pipeline)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *runs = NIL;
	Identity	saved;

	close_dead_runs(pipeline);
	execute(&saved,
			"SELECT l.run_id FROM (SELECT DISTINCT ON (r.interval_start) r.run_id, r.state FROM medallion.run r"
			"   WHERE r.pipeline = $1 AND r.state <> 'skipped' AND r.mode <> 'step' ORDER BY r.interval_start, r.run_id DESC) l"
			" WHERE l.state IN ('failed', 'waiting') ORDER BY l.run_id",
			1, &pipeline);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		int64	   *run_id = palloc(sizeof(int64));

		*run_id = pg_strtoint64(column(row, 1, context));
		runs = lappend(runs, run_id);
		MemoryContextSwitchTo(old);
	}
	finish(&saved);
	return runs;
}

Scope *
ledger_continue_run(const char *pipeline, int64 run_id, bool failed)
{
	const char *args[] = {pipeline, number_text(run_id), failed ? "true" : "false"};
	MemoryContext context = CurrentMemoryContext;
	Scope	   *scope = NULL;
	Identity	saved;

	execute(&saved,
			"UPDATE medallion.run r SET state = 'running', continued_at = pg_catalog.clock_timestamp(),"
			"   pid = pg_catalog.pg_backend_pid(), ended_at = NULL, retry_at = NULL,"
			"   failed_step = NULL, sqlstate = NULL, message = NULL"
			" WHERE r.pipeline = $1 AND r.run_id = $2::bigint"
			"   AND (r.state = 'waiting' OR r.state = 'failed' AND $3::boolean)"
			" RETURNING r.mode, r.from_step, r.params, r.interval_start, r.interval_end, r.reason, r.triggered_by, r.forced",
			3, args);
	if (SPI_processed > 0)
	{
		scope = MemoryContextAllocZero(context, sizeof(Scope));
		scope->mode = column(0, 1, context);
		scope->from_step = column(0, 2, context);
		scope->params = column(0, 3, context);
		scope->interval_start = column(0, 4, context);
		scope->interval_end = column(0, 5, context);
		scope->reason = column(0, 6, context);
		scope->triggered_by = column(0, 7, context);
		scope->force = *column(0, 8, context) == 't';
	}
	finish(&saved);
	return scope;
}

bool
ledger_has_intervals(const char *pipeline)
{
	return ledger_execute("SELECT 1 FROM medallion.cadence WHERE pipeline = $1", 1, &pipeline) != NULL;
}

List *
ledger_intervals(const char *pipeline, const char *from, const char *to, const char *which, const char *newest_first)
{
	const char *args[] = {pipeline, from, to, which, newest_first};
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	List	   *intervals = NIL;
	Identity	saved;

	execute(&saved,
			"SELECT i.interval_start, i.interval_end FROM medallion.backfill_plan($1, " TIME_OF("$2") ", " TIME_OF("$3") ","
			" $4, $5::boolean) i",
			5, args);
	old = MemoryContextSwitchTo(context);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		DataInterval *interval = palloc(sizeof(DataInterval));

		interval->start = column(row, 1, context);
		interval->end = column(row, 2, context);
		intervals = lappend(intervals, interval);
	}
	MemoryContextSwitchTo(old);
	finish(&saved);
	return intervals;
}

void
ledger_drop_request(int64 request_id)
{
	const char *args[] = {number_text(request_id)};

	ledger_execute("DELETE FROM medallion.request WHERE request_id = $1::bigint", 1, args);
}

void
ledger_return_request(int64 request_id)
{
	const char *args[] = {number_text(request_id)};

	ledger_execute("SELECT medallion.return_requests(ARRAY[$1::bigint])", 1, args);
}

void
ledger_after_run(int64 run_id)
{
	const char *args[] = {number_text(run_id)};

	worker_at_commit_all(ledger_execute("SELECT medallion.after_run($1::bigint)", 1, args));
}

Request *
ledger_request(int64 request_id)
{
	const char *args[] = {number_text(request_id)};
	MemoryContext context = CurrentMemoryContext;
	Request    *request = NULL;
	Identity	saved;

	execute(&saved,
			"SELECT q.pipeline, COALESCE(q.run_id, 0), q.params, q.reason, q.requested_by FROM medallion.request q"
			" WHERE q.request_id = $1::bigint AND q.pid = pg_catalog.pg_backend_pid()",
			1, args);
	if (SPI_processed > 0)
	{
		request = MemoryContextAllocZero(context, sizeof(Request));
		request->pipeline = column(0, 1, context);
		request->run_id = pg_strtoint64(column(0, 2, context));
		request->params = column(0, 3, context);
		request->reason = column(0, 4, context);
		request->requested_by = column(0, 5, context);
	}
	finish(&saved);
	return request;
}

/* What is recorded of a failure, as far as it is needed to name it again. */
static ErrorData *
old_failure(const char *state, char *message, MemoryContext context)
{
	ErrorData  *failure;

	if (state == NULL)
		return NULL;
	failure = MemoryContextAllocZero(context, sizeof(ErrorData));
	failure->sqlerrcode = MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
	failure->message = message;
	return failure;
}

void
ledger_read_tries(int64 run_id, List *steps)
{
	const char *args[] = {number_text(run_id)};
	MemoryContext context = CurrentMemoryContext;
	Identity	saved;

	execute(&saved,
			"SELECT DISTINCT ON (s.step) s.step, s.try, s.state, s.sqlstate, s.message,"
			"   pg_catalog.count(*) FILTER (WHERE s.state IN ('failed', 'waiting')) OVER (PARTITION BY s.step)"
			" FROM medallion.step_run s WHERE s.run_id = $1::bigint ORDER BY s.step, s.try DESC",
			1, args);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Step	   *step = graph_find(steps, column(row, 1, context));

		if (step == NULL)
			continue;
		step->try = pg_strtoint32(column(row, 2, context));
		step->state = column(row, 3, context);
		step->failure = old_failure(column(row, 4, context), column(row, 5, context), context);
		step->failures = pg_strtoint32(column(row, 6, context));
	}
	finish(&saved);
}

void
ledger_end_run(int64 run_id, const char *step, const ErrorData *failure, TimestampTz retry_at)
{
	const char *args[] = {
		number_text(run_id),
		retry_at ? "waiting" : failure ? "failed" : "succeeded",
		step,
		failure ? unpack_sql_state(failure->sqlerrcode) : NULL,
		failure ? failure->message : NULL,
		retry_at ? number_text(retry_at) : NULL,
	};

	ledger_execute("UPDATE medallion.run SET state = $2,"
				   " ended_at = CASE WHEN $6 IS NULL THEN pg_catalog.clock_timestamp() END,"
				   " failed_step = $3, sqlstate = $4, message = $5,"
				   " retry_at = " TIME_OF("$6")
				   " WHERE run_id = $1::bigint",
				   6, args);
}

/*
 * The latest try decides, even if it failed: it may have left half of its objects behind. A step that was unchanged
 * carries the fingerprint of the success that it stands for.
 */
StepPast
ledger_step_past(const char *pipeline, const Scope *scope, const Step *step)
{
	const char *args[] = {pipeline, step->name, step->definition, scope->params, scope->interval_start};
	MemoryContext context = CurrentMemoryContext;
	StepPast	past = {0};
	Identity	saved;

	execute(&saved,
			"SELECT s.state IN ('succeeded', 'unchanged') AND s.definition = $3 AND r.params = $4::pg_catalog.jsonb, s.fingerprint"
			" FROM medallion.run r JOIN medallion.step_run s ON s.run_id = r.run_id"
			" WHERE r.pipeline = $1 AND s.step = $2 AND s.state NOT IN ('blocked', 'running')"
			"   AND r.interval_start IS NOT DISTINCT FROM $5::timestamptz"
			" ORDER BY r.run_id DESC, s.try DESC LIMIT 1",
			5, args);
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
	const char *args[] = {number_text(run_id), step->name, step->definition, number_text(step->try)};

	if (step->try > 1)
		ledger_execute("UPDATE medallion.step_run SET state = 'failed'"
					   " WHERE run_id = $1::bigint AND step = $2 AND state = 'waiting'",
					   2, args);
	ledger_execute("INSERT INTO medallion.step_run (run_id, step, try, state, started_at, definition)"
				   " VALUES ($1::bigint, $2, $4::integer, 'running', pg_catalog.clock_timestamp(), $3)",
				   4, args);
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
ledger_end_step(int64 run_id, const Step *step, const char *state, const char *fingerprint,
				const ErrorData *failure)
{
	const char *args[] = {
		number_text(run_id),
		step->name,
		state,
		fingerprint,
		failure ? unpack_sql_state(failure->sqlerrcode) : NULL,
		failure ? failure->message : NULL,
		failure ? failure->detail : NULL,
		failure ? failure->hint : NULL,
		failure ? failure_context(failure) : NULL,
		number_text(step->try),
	};

	ledger_execute("UPDATE medallion.step_run SET state = $3, ended_at = pg_catalog.clock_timestamp(),"
				   " fingerprint = $4, sqlstate = $5, message = $6, detail = $7, hint = $8, context = $9"
				   " WHERE run_id = $1::bigint AND step = $2 AND try = $10::integer",
				   10, args);
}

void
ledger_block_step(int64 run_id, const Step *step, const char *why)
{
	const char *args[] = {number_text(run_id), step->name, step->definition, why, number_text(step->try)};

	ledger_execute("INSERT INTO medallion.step_run (run_id, step, try, state, definition, message)"
				   " VALUES ($1::bigint, $2, $5::integer, 'blocked', $3, $4)",
				   5, args);
}

/* The sums of what the step has reported. */
StepReport
ledger_step_total(int64 run_id, const Step *step)
{
	const char *args[] = {number_text(run_id), step->name, number_text(step->try)};
	MemoryContext context = CurrentMemoryContext;
	StepReport	total = {.object = step->name};
	Identity	saved;

	execute(&saved,
			"SELECT s.rows, s.bytes FROM medallion.step_run s"
			" WHERE s.run_id = $1::bigint AND s.step = $2 AND s.try = $3::integer",
			3, args);
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
ledger_report(int64 run_id, const char *step, int try, const StepReport *report)
{
	const char *args[] = {
		number_text(run_id),
		step,
		report->object,
		report->has_rows ? number_text(report->rows) : NULL,
		report->has_bytes ? number_text(report->bytes) : NULL,
		report->note,
		number_text(try),
	};

	ledger_execute("WITH line AS (INSERT INTO medallion.step_log (run_id, step, try, position, object, rows, bytes, note)"
				   "   SELECT $1::bigint, $2, $7::integer, COALESCE(pg_catalog.max(l.position), 0) + 1, $3, $4::bigint,"
				   "     $5::bigint, $6"
				   "   FROM medallion.step_log l WHERE l.run_id = $1::bigint AND l.step = $2 AND l.try = $7::integer"
				   "   RETURNING rows, bytes)"
				   " UPDATE medallion.step_run s"
				   "   SET rows = CASE WHEN l.rows IS NULL THEN s.rows ELSE COALESCE(s.rows, 0) + l.rows END,"
				   "   bytes = CASE WHEN l.bytes IS NULL THEN s.bytes ELSE COALESCE(s.bytes, 0) + l.bytes END"
				   "   FROM line l WHERE s.run_id = $1::bigint AND s.step = $2 AND s.try = $7::integer",
				   7, args);
}
