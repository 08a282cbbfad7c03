/*
 * definition.c
 *		Make, change and drop pipelines: the functions that SQL calls.
 *
 * Each checks the caller's rights, then writes as the tables' owner. The caller needs no rights on the tables.
 */
#include "postgres.h"

#include "identity.h"
#include "ledger.h"
#include "lock.h"
#include "owner.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

/* One of a step's texts while it is parsed. */
typedef struct StepText
{
	const char *sql;
	const char *part;
	const char *step;
} StepText;

static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* An argument as text, by the output function of its type. */
static const char *
value_argument(FunctionCallInfo fcinfo, int number, Oid output)
{
	return PG_ARGISNULL(number) ? NULL : OidOutputFunctionCall(output, PG_GETARG_DATUM(number));
}

/* A pipeline's cron job is named "medallion: <pipeline>", and that name too has to fit. */
#define MAX_NAME (NAMEDATALEN - 1 - 11)

/* Names appear in messages and in the names of cron jobs: no control characters. */
static void
check_name(const char *kind, const char *name)
{
	if (name == NULL || name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the name of a %s must not be empty", kind)));
	if (strlen(name) > MAX_NAME)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG),
						errmsg("the name of a %s must not be longer than %d bytes", kind, MAX_NAME)));
	for (const char *c = name; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the name of a %s must not contain control characters", kind)));
	}
}

/* Show a syntax error in the step's text instead of in the call of add_step(). */
static void
step_text_error(void *arg)
{
	StepText   *text = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text->sql);
	}
	errcontext("%s of step \"%s\"", text->part, text->step);
}

static void
check_statements(const StepText *text)
{
	List	   *statements = raw_parser(text->sql, RAW_PARSE_DEFAULT);
	ListCell   *cell;

	if (statements == NIL)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a step's SQL must not be empty")));
	foreach(cell, statements)
	{
		RawStmt    *statement = lfirst_node(RawStmt, cell);

		if (IsA(statement->stmt, TransactionStmt))
			ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
							errmsg("a step cannot begin or end a transaction"),
							errhint("Each step is one transaction, which the runner commits.")));
	}
	if (strcmp(text->part, "fingerprint") == 0 &&
		(list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt)))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("a fingerprint must be one query")));
}

/* Only the grammar can be checked here: what the text names may not exist yet. */
static void
check_text(const char *step, const char *part, const char *sql)
{
	StepText text = {.sql = sql,.part = part,.step = step};
	ErrorContextCallback callback = {
	.callback = step_text_error,.arg = &text,.previous = error_context_stack};

	if (sql == NULL)
		return;
	error_context_stack = &callback;
	check_statements(&text);
	error_context_stack = callback.previous;
}

PG_FUNCTION_INFO_V1(medallion_create_pipeline);
Datum
medallion_create_pipeline(PG_FUNCTION_ARGS)
{
	const char *args[] = {text_argument(fcinfo, 0), GetUserNameFromId(GetUserId(), false),
	text_argument(fcinfo, 1)};

	check_name("pipeline", args[0]);
	if (!ledger_execute("INSERT INTO medallion.pipeline (name, owner, description)"
						" VALUES ($1, $2::pg_catalog.name, $3) ON CONFLICT (name) DO NOTHING RETURNING name",
						3, args))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("pipeline \"%s\" already exists", args[0])));
	PG_RETURN_VOID();
}

static void
unschedule(const char *pipeline)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(pipeline);

	SPI_connect();
	if (SPI_execute_with_args("SELECT medallion.drop_jobs($1)", 1, &type, &value, NULL, false, 0) < 0)
		elog(ERROR, "could not unschedule pipeline \"%s\"", pipeline);
	SPI_finish();
}

PG_FUNCTION_INFO_V1(medallion_drop_pipeline);
Datum
medallion_drop_pipeline(PG_FUNCTION_ARGS)
{
	const char *name = text_argument(fcinfo, 0);
	Pipeline   *pipeline = owner_check(name);

	if (!lock_take(pipeline->id, false))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("pipeline \"%s\" is running", name)));
	/* as the caller: the job belongs to a role */
	if (OidIsValid(get_extension_oid("pg_cron", true)))
		unschedule(name);
	ledger_execute("DELETE FROM medallion.pipeline WHERE name = $1", 1, &name);
	PG_RETURN_VOID();
}

/*
 * The SQL of a pipeline gets the rights of its new owner. Where these are more than the former one had, somebody has to
 * have read it first.
 */
static void
tell_paused(const Pipeline *pipeline, const char *owner)
{
	ereport(NOTICE, (errmsg("pipeline \"%s\" is paused", pipeline->name),
					 errdetail("Its SQL was stored by role \"%s\", which does not have the rights of role \"%s\".",
							   pipeline->owner_name, owner),
					 errhint("Read its steps, models, checks and alert command, then let it run: SELECT medallion.resume(%s)",
							 quote_literal_cstr(pipeline->name))));
}

PG_FUNCTION_INFO_V1(medallion_alter_pipeline_owner);
Datum
medallion_alter_pipeline_owner(PG_FUNCTION_ARGS)
{
	const char *name = text_argument(fcinfo, 0);
	const char *role = NameStr(*PG_GETARG_NAME(1));
	Oid			owner = get_role_oid(role, false);
	Pipeline   *pipeline = owner_check(name);
	bool		gains = !OidIsValid(pipeline->owner) || !has_privs_of_role(pipeline->owner, owner);
	const char *args[] = {name, role, gains ? "true" : "false"};

	/* Else one could have one's own SQL run with another role's rights. */
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must have the rights of role \"%s\"", role)));
	/* A run under way has read whose rights it has, and reads the steps anew for each data interval. */
	if (!lock_take(pipeline->id, false))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("pipeline \"%s\" is running", name)));
	ledger_execute("UPDATE medallion.pipeline SET owner = $2::pg_catalog.name, paused = paused OR $3::boolean WHERE name = $1",
				   3, args);
	if (gains)
		tell_paused(pipeline, role);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_check_owner);
Datum
medallion_check_owner(PG_FUNCTION_ARGS)
{
	owner_check(text_argument(fcinfo, 0));
	PG_RETURN_VOID();
}

/* A new step can only depend on those that are there, so there are no cycles. */
static void
check_dependencies(const char *pipeline, const char *step, const char *depends_on)
{
	const char *args[] = {pipeline, depends_on};
	char	   *missing;

	missing = ledger_execute("SELECT COALESCE(d, 'NULL') FROM pg_catalog.unnest($2::text[]) d WHERE d IS NULL OR d NOT IN"
							 " (SELECT s.name FROM medallion.step s WHERE s.pipeline = $1) LIMIT 1",
							 2, args);
	if (missing != NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("step \"%s\" depends on step \"%s\", which does not exist", step, missing),
						errhint("Add the steps of a pipeline in an order in which they can run.")));
}

/* retries, retry_delay, backoff, retry_on, timeout: the table's constraints would refuse them with less kindness. */
static void
check_trying(const char *const *args)
{
	char	   *wrong = ledger_execute("SELECT CASE WHEN $1::integer < 0 THEN 'retries must not be negative'"
									   " WHEN $2::pg_catalog.interval < '0' THEN 'retry_delay must not be negative'"
									   " WHEN $3::pg_catalog.numeric < 1 THEN 'backoff must be at least 1'"
									   " WHEN $4 NOT IN ('transient', 'any') THEN 'retry_on must be transient or any'"
									   " WHEN $5::pg_catalog.interval < '0' THEN 'timeout must not be negative' END",
									   5, args);

	if (wrong != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg_internal("%s", wrong)));
}

/* A step with another definition is another step: it is run, whatever its fingerprint says. */
#define DEFINITION_OF(apply, plan, fingerprint) \
	"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(" \
	"pg_catalog.jsonb_build_array(" apply ", " plan ", " fingerprint ")::text, 'UTF8')), 'hex')"

PG_FUNCTION_INFO_V1(medallion_add_step_0_2);
Datum
medallion_add_step_0_2(PG_FUNCTION_ARGS)
{
	const char *pipeline = text_argument(fcinfo, 0);
	const char *name = text_argument(fcinfo, 1);
	const char *apply = text_argument(fcinfo, 2);
	const char *plan = text_argument(fcinfo, 3);
	const char *depends_on = PG_ARGISNULL(4) ? "{}" : value_argument(fcinfo, 4, F_ARRAY_OUT);
	const char *fingerprint = text_argument(fcinfo, 5);
	const char *args[] = {pipeline, name, apply, plan, depends_on, fingerprint,
		value_argument(fcinfo, 6, F_INT4OUT), value_argument(fcinfo, 7, F_INTERVAL_OUT),
	value_argument(fcinfo, 8, F_NUMERIC_OUT), text_argument(fcinfo, 9), value_argument(fcinfo, 10, F_INTERVAL_OUT)};

	if (pipeline == NULL || apply == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("pipeline and apply must not be null")));
	check_name("step", name);
	owner_check(pipeline);
	check_text(name, "plan", plan);
	check_text(name, "apply", apply);
	check_text(name, "fingerprint", fingerprint);
	/* one at a time: the position is counted */
	ledger_execute("SELECT FROM medallion.pipeline WHERE name = $1 FOR NO KEY UPDATE", 1, args);
	check_dependencies(pipeline, name, depends_on);
	check_trying(&args[6]);
	if (!ledger_execute("INSERT INTO medallion.step (pipeline, name, apply, plan, depends_on, fingerprint,"
						"   retries, retry_delay, backoff, retry_on, timeout, position, definition)"
						" SELECT $1, $2, $3, $4, $5::text[], $6, COALESCE($7::integer, 0),"
						"   COALESCE($8::pg_catalog.interval, '1 minute'), COALESCE($9::pg_catalog.numeric, 2),"
						"   COALESCE($10, 'transient'), $11::pg_catalog.interval,"
						"   COALESCE(pg_catalog.max(s.position), 0) + 1,"
						DEFINITION_OF("$3", "$4", "$6")
						" FROM medallion.step s WHERE s.pipeline = $1"
						" ON CONFLICT (pipeline, name) DO NOTHING RETURNING name",
						11, args))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("step \"%s\" of pipeline \"%s\" already exists", name, pipeline)));
	PG_RETURN_VOID();
}

static const char *
none_if_empty(const char *text)
{
	return text != NULL && *text != '\0' ? text : NULL;
}

PG_FUNCTION_INFO_V1(medallion_alter_step);
Datum
medallion_alter_step(PG_FUNCTION_ARGS)
{
	const char *args[] = {text_argument(fcinfo, 0), text_argument(fcinfo, 1), value_argument(fcinfo, 2, F_ARRAY_OUT),
		value_argument(fcinfo, 3, F_INT4OUT), value_argument(fcinfo, 4, F_INTERVAL_OUT),
		value_argument(fcinfo, 5, F_NUMERIC_OUT), text_argument(fcinfo, 6), value_argument(fcinfo, 7, F_INTERVAL_OUT),
	text_argument(fcinfo, 8), text_argument(fcinfo, 9), text_argument(fcinfo, 10)};

	if (args[0] == NULL || args[1] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("pipeline and step must not be null")));
	owner_check(args[0]);
	check_trying(&args[3]);
	check_text(args[1], "apply", args[8]);
	check_text(args[1], "plan", none_if_empty(args[9]));
	check_text(args[1], "fingerprint", none_if_empty(args[10]));
	ledger_execute("SELECT FROM medallion.pipeline WHERE name = $1 FOR NO KEY UPDATE", 1, args);
	if (args[2] != NULL)
		check_dependencies(args[0], args[1], args[2]);
	if (!ledger_execute("UPDATE medallion.step s SET depends_on = COALESCE($3::text[], s.depends_on),"
						"   retries = COALESCE($4::integer, s.retries),"
						"   retry_delay = COALESCE($5::pg_catalog.interval, s.retry_delay),"
						"   backoff = COALESCE($6::pg_catalog.numeric, s.backoff), retry_on = COALESCE($7, s.retry_on),"
						"   timeout = NULLIF(COALESCE($8::pg_catalog.interval, s.timeout), '0'),"
						"   apply = t.apply, plan = t.plan, fingerprint = t.fingerprint,"
						"   definition = " DEFINITION_OF("t.apply", "t.plan", "t.fingerprint")
						" FROM (SELECT COALESCE($9, o.apply) AS apply, NULLIF(COALESCE($10, o.plan), '') AS plan,"
						"         NULLIF(COALESCE($11, o.fingerprint), '') AS fingerprint"
						"       FROM medallion.step o WHERE o.pipeline = $1 AND o.name = $2) t"
						" WHERE s.pipeline = $1 AND s.name = $2 RETURNING s.name",
						11, args))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("step \"%s\" of pipeline \"%s\" does not exist", args[1], args[0])));
	/* An ERROR if they depend on each other in a circle now. */
	(void) ledger_steps(args[0]);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_drop_step);
Datum
medallion_drop_step(PG_FUNCTION_ARGS)
{
	const char *args[] = {text_argument(fcinfo, 0), text_argument(fcinfo, 1)};
	char	   *dependant;

	owner_check(args[0]);
	ledger_execute("SELECT FROM medallion.pipeline WHERE name = $1 FOR NO KEY UPDATE", 1, args);
	dependant = ledger_execute("SELECT s.name FROM medallion.step s"
							   " WHERE s.pipeline = $1 AND $2 = ANY (s.depends_on) LIMIT 1",
							   2, args);
	if (dependant != NULL)
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("step \"%s\" depends on step \"%s\"", dependant, args[1])));
	if (!ledger_execute("DELETE FROM medallion.step WHERE pipeline = $1 AND name = $2 RETURNING name", 2,
						args))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("step \"%s\" of pipeline \"%s\" does not exist", args[1], args[0])));
	PG_RETURN_VOID();
}

/* What a server of each kind is used for besides itself; NULL: nothing. */
static const struct
{
	const char *kind;
	const char *target;
} endpoints[] = {
	{"mysql", NULL}, {"s3", "bucket"}, {"kafka", "topic"}, {"openweather", NULL}};

static void
check_endpoint(const char *kind, const char *target)
{
	int			i = 0;

	while (i < lengthof(endpoints) && strcmp(endpoints[i].kind, kind) != 0)
		i++;
	if (i == lengthof(endpoints))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of endpoint \"%s\"", kind),
				 errhint("The kinds are mysql, s3, kafka and openweather.")));
	if ((endpoints[i].target != NULL) != (target[0] != '\0'))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						endpoints[i].target ? errmsg("an endpoint of kind %s needs a %s", kind, endpoints[i].target)
						: errmsg("an endpoint of kind %s has neither bucket nor topic", kind)));
}

PG_FUNCTION_INFO_V1(medallion_add_endpoint);
Datum
medallion_add_endpoint(PG_FUNCTION_ARGS)
{
	const char *args[] = {text_argument(fcinfo, 0), NameStr(*PG_GETARG_NAME(1)), text_argument(fcinfo, 2),
	text_argument(fcinfo, 3)};

	owner_check(args[0]);
	check_endpoint(args[2], args[3]);
	ledger_execute("INSERT INTO medallion.endpoint (pipeline, server, kind, target)"
				   " VALUES ($1, $2::pg_catalog.name, $3, $4)"
				   " ON CONFLICT (pipeline, server, target) DO NOTHING",
				   4, args);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_drop_endpoint);
Datum
medallion_drop_endpoint(PG_FUNCTION_ARGS)
{
	const char *args[] = {text_argument(fcinfo, 0), NameStr(*PG_GETARG_NAME(1)), text_argument(fcinfo, 2)};

	owner_check(args[0]);
	ledger_execute("DELETE FROM medallion.endpoint"
				   " WHERE pipeline = $1 AND server = $2::pg_catalog.name AND target = $3",
				   3, args);
	PG_RETURN_VOID();
}
