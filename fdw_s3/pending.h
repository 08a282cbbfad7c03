/*
 * pending.h
 *		The uploads of the running transaction: who began them, when they are completed, what an abort undoes.
 *
 *	- Nothing is visible before pre-commit or an explicit fdw_s3_finish(); then the objects appear one by one.
 *	- A failure there is an ERROR; the abort then makes one clean-up attempt of PENDING_UNDO_MS for all together:
 *	  unfinished multipart uploads are aborted, completed objects with unique names deleted. Planned names stay.
 *	- ROLLBACK TO a savepoint drops the uploads that began after it.
 *	- PREPARE TRANSACTION with uploads pending is an ERROR.
 *	- At pre-commit no timeout of PostgreSQL's fires; the server option commit_timeout is the deadline. Cancel works.
 */
#ifndef MEDALLION_S3_PENDING_H
#define MEDALLION_S3_PENDING_H

#include "postgres.h"

#include "fdw_s3/upload.h"

#pragma GCC visibility push(hidden)

#define PENDING_UNDO_MS 500

/* Take over an upload that began in the current subtransaction; called by upload_begin. */
extern void pending_add(S3Client *client, S3Upload *upload);

/* The cache closes a client (the session ends): undo and forget the uploads of its. No ERROR. */
extern void pending_abandon(S3Client *client);

/* The memory context in which uploads live: until the end of the top transaction. */
extern MemoryContext pending_context(void);

/*
 * Complete every sealed upload of the transaction now, and return what became of those that no earlier call returned:
 * a List of S3Written *, valid until the end of the transaction.
 */
extern List *pending_finish(void);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_PENDING_H */
