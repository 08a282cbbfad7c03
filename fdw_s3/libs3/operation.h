/*
 * operation.h
 *		One request through libs3, run by PostgreSQL's waits instead of libs3's, and what came of it.
 *
 * libs3 reports a body that was cut off as success, retries nothing, and blocks where it can: an operation is driven step
 * by step, counts the bytes, and tells what may pass. What is asked for, engine.c decides.
 */
#ifndef MEDALLION_S3_OPERATION_H
#define MEDALLION_S3_OPERATION_H

#include "postgres.h"

#include <libs3.h>

#include "common/compat.h"
#include "fdw_s3/client.h"

#pragma GCC visibility push(hidden)

#define OPERATION_MESSAGE 512

/* An object of a listing, copied by libs3's callback: malloc'd. */
typedef struct OperationObject
{
	char	   *key;
	char	   *etag;
	int64		size;
	int64		modified;		/* seconds since 1970 */
} OperationObject;

typedef struct Operation
{
	S3Client   *client;
	MemoryContext context;		/* of this struct; its reset ends the request */
	MemoryContextCallback release;
	S3RequestContext *requests;
	bool		counted_fd;
	uint64		moved;			/* grows whenever something moves */

	/* outcome */
	bool		complete;
	S3Status	status;
	bool		timed_out;
	char		message[OPERATION_MESSAGE];

	/* the answer's header */
	bool		answered;
	int64		length;			/* -1: not said */
	int64		modified;		/* seconds since 1970; -1: not said */
	char		etag[S3_ETAG_SIZE];

	/* the answer's body, as far as nobody took it */
	char	   *data;			/* malloc'd */
	size_t		room;
	size_t		start;
	size_t		used;
	int64		received;

	/* what is sent: from memory, or from a file */
	const char *body;
	int			fd;				/* our own duplicate; -1: none */
	int64		to_send;
	int64		sent;

	/* a page of a listing */
	OperationObject *objects;	/* malloc'd */
	int			nobjects;
	int			objects_room;
	bool		truncated;
} Operation;

/* A new one, which belongs to the current memory context. ERROR where the server's options ask what libs3 cannot do. */
extern Operation *operation_create(S3Client *client);
extern void operation_close(Operation *operation);

/* Run until it is complete, or until bytes of the body can be read. Interruptible unless the client is quiet. */
extern void operation_run(Operation *operation);
extern void operation_run_until_bytes(Operation *operation);

/* Whether it was done: libs3's success, and as many bytes as the header said. */
extern bool operation_succeeded(const Operation *operation);
/* Whether the same request may succeed later. */
extern bool operation_transient(const Operation *operation);
/* The HTTP status that libs3's status stands for; 0 where it stands for none. */
extern int	operation_http_status(const Operation *operation);

/* Wait before attempt number attempts + 1; false where there shall be none. */
extern bool operation_backoff(S3Client *client, int attempts);

/* The ERROR about one that failed. */
pg_noreturn extern void operation_failed(const Operation *operation, const char *action, const char *bucket,
										 const char *key, int attempts);

/* libs3's side: where requests go, and the callbacks that fill an Operation in. */
extern S3BucketContext operation_bucket(S3Client *client, const char *bucket);
extern const S3ResponseHandler operation_handler;
extern const S3GetObjectHandler operation_get_handler;
extern const S3PutObjectHandler operation_put_handler;
extern const S3ListBucketHandler operation_list_handler;

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_OPERATION_H */
