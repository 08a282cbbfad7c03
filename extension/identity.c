/*
 * identity.c
 *		Switch user, security context and settings, and switch back on every path.
 *
 * Who may act as whom is not decided here: see run.c and definition.c.
 */
#include "postgres.h"

#include "identity.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

/*
 * pg_temp is named last, or it would be searched first. The step's settings make its text mean the same whoever
 * calls run(): a time zone or a date style of the caller must not reach the tables.
 */
static const Setting ledger_settings[] = {
{"search_path", "pg_catalog, pg_temp"},
{"client_min_messages", "warning"},
{"TimeZone", "UTC"},
{"DateStyle", "ISO, YMD"},
{NULL}};
static const Setting step_settings[] = {{"search_path", "pg_catalog, pg_temp"},
{"TimeZone", "UTC"},
{"DateStyle", "ISO, YMD"},
{"IntervalStyle", "postgres"},
{"extra_float_digits", "1"},
{"bytea_output", "hex"},
{"xmlbinary", "base64"},
{"standard_conforming_strings", "on"},
{"transform_null_equals", "off"},
{"array_nulls", "on"},
{NULL}};

/* The user and context to go back to when the transaction commits. Abort goes back by itself. */
static bool commit_pending = false;
static Oid	commit_user;
static int	commit_security;

static void
assume(Identity *saved, Oid user, const Setting *settings)
{
	GetUserIdAndSecContext(&saved->user, &saved->security);
	saved->guc_level = NewGUCNestLevel();
	SetUserIdAndSecContext(user, saved->security | SECURITY_LOCAL_USERID_CHANGE);
	for (const Setting *setting = settings; setting->name != NULL; setting++)
		(void) set_config_option(setting->name, setting->value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

/* The owner of medallion.run, and so of its siblings. */
static Oid
ledger_owner(void)
{
	Oid			relation = get_relname_relid("run", get_namespace_oid("medallion", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "table medallion.run is missing");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
identity_assume_ledger(Identity *saved)
{
	assume(saved, ledger_owner(), ledger_settings);
}

void
identity_assume_owner(Identity *saved, Oid owner)
{
	assume(saved, owner, step_settings);
}

void
identity_restore(const Identity *saved)
{
	AtEOXact_GUC(false, saved->guc_level);
	SetUserIdAndSecContext(saved->user, saved->security);
}

/* Runs between the commit itself and the start of the next transaction, which must not inherit a security context. */
static void
identity_transaction_end(XactEvent event, void *arg)
{
	if (!commit_pending || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	commit_pending = false;
	if (event == XACT_EVENT_COMMIT)
		SetUserIdAndSecContext(commit_user, commit_security);
}

void
identity_until_commit(Oid owner)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(identity_transaction_end, NULL);
	registered = true;
	GetUserIdAndSecContext(&commit_user, &commit_security);
	SetUserIdAndSecContext(owner, commit_security | SECURITY_LOCAL_USERID_CHANGE);
	commit_pending = true;
}

Oid
identity_role(const char *name)
{
	return get_role_oid(name, true);
}
