/*
 * upload.h
 *		One object being written: bytes in, parts out, nothing visible until upload_finish.
 *
 * A writer calls begin, write ..., seal, and is done: pending.h owns the upload from begin on, completes it before the
 * commit and drops it when the (sub)transaction that began it aborts. After an ERROR the writer must not touch it again
 * and has nothing to free.
 *
 * Memory: up to three parts (one being filled, two on their way). A sealed object that fits into one part stays in
 * memory until it is completed, while there is room; see UPLOAD_HELD_MAX.
 */
#ifndef MEDALLION_S3_UPLOAD_H
#define MEDALLION_S3_UPLOAD_H

#include "postgres.h"

#include "fdw_s3/client.h"

#pragma GCC visibility push(hidden)

/* S3's bounds of a part, and what the table option part_size may be: "8MB" by default. */
#define UPLOAD_PART_MIN (INT64CONST(5) * 1024 * 1024)
#define UPLOAD_PART_DEFAULT (INT64CONST(8) * 1024 * 1024)
#define UPLOAD_PART_MAX (INT64CONST(512) * 1024 * 1024)

typedef struct S3Upload S3Upload;

typedef struct S3UploadPlan
{
	const char *bucket;
	const char *key;
	bool		planned;		/* the caller chose the name: overwrite, and never delete it on abort; else unique */
	bool		skip_unchanged; /* planned only: send nothing where an object of the same bytes stands */
	int64		part_size;		/* 0: the default */
} S3UploadPlan;

/* What became of a finished upload: a row of fdw_s3_finish(). */
typedef struct S3Written
{
	const char *server;
	const char *bucket;
	const char *key;
	int64		rows;
	int64		bytes;
	S3Etag		etag;
	char		sha256[65];		/* hex, of the whole object */
	bool		uploaded;		/* false: skip_unchanged found the same bytes there */
} S3Written;

/* Begin an object; copies the plan. Connects only if it must, at the earliest when a part is full. */
extern S3Upload *upload_begin(S3Client *client, const S3UploadPlan *plan);

/* Append bytes. Sends parts as they fill, without waiting while fewer than two are on their way. */
extern void upload_write(S3Upload *upload, const char *bytes, size_t length);

/* No more bytes will come. "rows" is the number of rows in the object, for fdw_s3_finish(). */
extern void upload_seal(S3Upload *upload, int64 rows);

/* Bytes written so far. */
extern int64 upload_bytes(const S3Upload *upload);

/*
 * The rest is for pending.c.
 */

/* Begin to make it visible, where that takes one request; upload_finish then waits for it. Nothing where it takes more. */
extern void upload_prepare(S3Upload *upload);
/* Make the object visible; ERROR unless it is sealed. Fills in the upload's S3Written. */
extern const S3Written *upload_finish(S3Upload *upload);
extern bool upload_sealed(const S3Upload *upload);
extern bool upload_same_object(const S3Upload *a, const S3Upload *b);

/*
 * Undo what can be undone before the client's deadline: abort the multipart upload, delete an unplanned object that
 * upload_finish completed. No ERROR; false where something may have been left behind.
 */
extern bool upload_undo(S3Upload *upload);

/* Free memory, requests and temporary file. No ERROR, does not wait. */
extern void upload_free(S3Upload *upload);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_UPLOAD_H */
