/*
 * transient.c
 *		The SQLSTATEs of failures that may pass by themselves. What a step does about it is decided in run.c.
 *
 * What stands here is worth another try with nothing changed: the network, a server that restarts or is short of
 * something, transactions that got in each other's way. Wrong data, wrong SQL and missing rights are not.
 */
#include "postgres.h"

#include "transient.h"

#include "fmgr.h"
#include "utils/builtins.h"

static const int transient_classes[] = {
	ERRCODE_CONNECTION_EXCEPTION,
	ERRCODE_TRANSACTION_ROLLBACK,
	ERRCODE_INSUFFICIENT_RESOURCES,
};

static const int transient_states[] = {
	ERRCODE_LOCK_NOT_AVAILABLE,
	ERRCODE_OPERATOR_INTERVENTION,
	ERRCODE_ADMIN_SHUTDOWN,
	ERRCODE_CRASH_SHUTDOWN,
	ERRCODE_CANNOT_CONNECT_NOW,
	ERRCODE_SYSTEM_ERROR,
	ERRCODE_IO_ERROR,
	/* a remote service failed, and did not say why */
	ERRCODE_FDW_ERROR,
	ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
};

bool
sqlstate_is_transient(int sqlstate)
{
	for (int i = 0; i < lengthof(transient_classes); i++)
	{
		if (ERRCODE_TO_CATEGORY(sqlstate) == transient_classes[i])
			return true;
	}
	for (int i = 0; i < lengthof(transient_states); i++)
	{
		if (sqlstate == transient_states[i])
			return true;
	}
	return false;
}

PG_FUNCTION_INFO_V1(medallion_transient);
Datum
medallion_transient(PG_FUNCTION_ARGS)
{
	char	   *state = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strlen(state) != 5 || strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not an SQLSTATE", state),
						errdetail("An SQLSTATE has five digits or capital letters.")));
	PG_RETURN_BOOL(sqlstate_is_transient(MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4])));
}
