/*
 * trigger.c
 *		Asking for runs that background workers do: trigger(), and watch(), which asks for those that are due.
 */
#include "postgres.h"

#include "ledger.h"
#include "owner.h"
#include "worker.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(medallion_trigger);
Datum
medallion_trigger(PG_FUNCTION_ARGS)
{
	const char *args[3] = {NULL, "{}", GetUserNameFromId(GetUserId(), false)};
	Pipeline   *pipeline;
	char	   *request;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a pipeline must not be null")));
	pipeline = owner_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	args[0] = pipeline->name;
	if (!PG_ARGISNULL(1))
	{
		Jsonb	   *params = PG_GETARG_JSONB_P(1);

		if (!JB_ROOT_IS_OBJECT(params))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("params must be a JSON object")));
		args[1] = JsonbToCString(NULL, &params->root, VARSIZE(params));
	}
	if (pipeline->paused)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("pipeline \"%s\" is paused", pipeline->name),
						errhint("SELECT medallion.resume(%s)", quote_literal_cstr(pipeline->name))));
	/* The update that changes nothing returns the request that is there. */
	request = ledger_execute("INSERT INTO medallion.request (pipeline, params, reason, requested_by)"
							 " VALUES ($1, $2::pg_catalog.jsonb, 'trigger', $3::pg_catalog.name)"
							 " ON CONFLICT (pipeline, COALESCE(run_id, 0), params) WHERE pid IS NULL"
							 "   DO UPDATE SET reason = request.reason RETURNING request_id",
							 3, args);
	worker_at_commit(pipeline->owner);
	PG_RETURN_INT64(pg_strtoint64(request));
}

PG_FUNCTION_INFO_V1(medallion_watch);
Datum
medallion_watch(PG_FUNCTION_ARGS)
{
	const char *caller = GetUserNameFromId(GetUserId(), false);

	worker_at_commit_all(ledger_execute("SELECT medallion.watch_as($1::pg_catalog.name)", 1, &caller));
	PG_RETURN_VOID();
}
