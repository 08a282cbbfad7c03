/*
 * former.c
 *		Names that functions had in the scripts of earlier releases, and have no more.
 *
 * Between an installation and ALTER EXTENSION UPDATE the library is newer than the script. It must not misread a call: a
 * function whose arguments or result change gets another name, and its former one comes here, as does that of one that goes.
 */
#include "postgres.h"

#include "fmgr.h"

static void
refuse(void)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("extension \"medallion\" is older than its library"),
					errhint("ALTER EXTENSION medallion UPDATE;")));
}

#define FORMER(name) \
	PG_FUNCTION_INFO_V1(name); \
	Datum name(PG_FUNCTION_ARGS) { refuse(); PG_RETURN_NULL(); }

/* 0.1 */
FORMER(medallion_add_step)
FORMER(medallion_run)
