/*
 * error.h
 *		What an object store refuses, as an ERROR with an SQLSTATE, the bucket and key, and no secret. For both engines.
 */
#ifndef MEDALLION_S3_ERROR_H
#define MEDALLION_S3_ERROR_H

#include "postgres.h"

#include "common/compat.h"
#include "fdw_s3/client.h"

#pragma GCC visibility push(hidden)

/* One failed request. */
typedef struct S3Failure
{
	const char *action;			/* "read", "write", "list" ...: "could not <action> object ..." */
	const char *bucket;			/* NULL: the server as a whole */
	const char *key;			/* NULL: the bucket as a whole */
	int			status;			/* of HTTP; 0: there was no answer */
	const char *code;			/* S3's, such as "NoSuchKey"; NULL or "" where the answer had none */
	const char *message;		/* S3's or the library's; may be NULL; is cleaned before it is shown */
	int			sqlstate;		/* where there was no answer: what it is; else 0 */
	int			attempts;		/* requests sent */
	const char *region;			/* the bucket's, where a redirect names it; or NULL */
	const char *hint;			/* or NULL: the code's own */
} S3Failure;

pg_noreturn extern void s3_raise(S3Client *client, const S3Failure *failure);

/* Whether it may pass when tried again: by HTTP status and S3's code. */
extern bool s3_transient(int status, const char *code);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_ERROR_H */
