/*
 * identity.h
 *		Acting as somebody else for a while: the pipeline's owner for its steps, the extension's owner for its tables.
 */
#ifndef MEDALLION_IDENTITY_H
#define MEDALLION_IDENTITY_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* What identity_restore puts back. An ERROR in between puts it back too: transaction abort does. */
typedef struct Identity
{
	Oid			user;
	int			security;
	int			guc_level;		/* settings above this level are undone */
} Identity;

/* Become the owner of the extension's tables, with a search_path that finds nothing but pg_catalog. */
extern void identity_assume_ledger(Identity *saved);

/* Become a step's owner. SET ROLE and its like are refused; settings that could change results have fixed values. */
extern void identity_assume_owner(Identity *saved, Oid owner);

/* Go back; whatever was SET in between is undone. */
extern void identity_restore(const Identity *saved);

/* Be "owner" until the current transaction has ended, so that deferred triggers and the like run with his rights. */
extern void identity_until_commit(Oid owner);

/* OID of the role, or InvalidOid. */
extern Oid	identity_role(const char *name);

#pragma GCC visibility pop

#endif							/* MEDALLION_IDENTITY_H */
