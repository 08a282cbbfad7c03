/*
 * finish.c
 *		SET CONSTRAINTS ALL IMMEDIATE and the wrappers' finish functions.
 *
 * The wrappers are reached through SQL alone: a wrapper that is not installed has nothing to finish.
 */
#include "postgres.h"

#include "finish.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/syscache.h"

static const char *const wrappers[] = {"fdw_mysql", "fdw_kafka", "fdw_s3"};

static Oid
function_owner(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Only the extension's own function will do: anybody may be able to create one of that name in public. It completes
 * what the step began with rights that were checked then, so it is called as its owner and needs no grant.
 */
static void
finish_wrapper(const char *wrapper)
{
	Oid			extension = get_extension_oid(wrapper, true);
	char	   *name = psprintf("%s_finish", wrapper);
	Oid			function;
	Oid			user;
	int			security;

	if (!OidIsValid(extension))
		return;
	function = LookupFuncName(list_make2(makeString("public"), makeString(name)), 0, NULL, true);
	if (!OidIsValid(function) || getExtensionOfObject(ProcedureRelationId, function) != extension)
		return;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(function_owner(function), security | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_execute(psprintf("SELECT FROM public.%s()", name), false, 0) < 0)
		elog(ERROR, "could not call function %s", name);
	SPI_freetuptable(SPI_tuptable);
	SetUserIdAndSecContext(user, security);
}

void
finish_step(void)
{
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) < 0)
		elog(ERROR, "could not set constraints");
	for (int i = 0; i < lengthof(wrappers); i++)
		finish_wrapper(wrappers[i]);
}
