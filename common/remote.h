/*
 * remote.h
 *		What a remote system says went wrong, as PostgreSQL says it: an SQLSTATE, a hint, and no secret.
 */
#ifndef MEDALLION_REMOTE_H
#define MEDALLION_REMOTE_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/* One row of a module's table of remote codes; exactly one of number and name is set. */
typedef struct RemoteCode
{
	int			number;			/* such as MySQL's errno or an HTTP status */
	const char *name;			/* such as S3's "NoSuchBucket"; NULL and number 0 end the table */
	int			sqlstate;
	const char *hint;			/* a sentence, or NULL */
} RemoteCode;

/* The row for a code, or NULL. Pass the number or the name and 0 or NULL for the other. */
extern const RemoteCode *remote_code(const RemoteCode *table, int number, const char *name);

/*
 * A copy of a remote message that can be shown: every occurrence of a secret replaced by "***", what is not valid UTF-8
 * (in a database of another encoding: not ASCII) by "?", control characters by spaces, and cut at a length that suits a
 * message. NULL and very short entries of "secrets" are passed over. Palloc'd.
 */
extern char *remote_message(const char *message, const char *const *secrets, int nsecrets);

#pragma GCC visibility pop

#endif							/* MEDALLION_REMOTE_H */
