/*
 * owner.c
 *		The one check of rights on pipelines.
 */
#include "postgres.h"

#include "owner.h"

#include "miscadmin.h"
#include "utils/acl.h"

/*
 * Membership that was granted without its rights (NOINHERIT, or ADMIN OPTION alone) does not count: calling run() must
 * not be a way around it.
 */
Pipeline *
owner_check(const char *name)
{
	Pipeline   *pipeline = ledger_pipeline(name);

	if (!OidIsValid(pipeline->owner) && !superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for pipeline \"%s\"", name),
						errdetail("Its owner, role \"%s\", does not exist.", pipeline->owner_name)));
	if (OidIsValid(pipeline->owner) && !has_privs_of_role(GetUserId(), pipeline->owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for pipeline \"%s\"", name),
						errdetail("It belongs to role \"%s\".", pipeline->owner_name),
						errhint("Act as that role, or as a role that has its rights.")));
	return pipeline;
}
