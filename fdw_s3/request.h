/*
 * request.h
 *		One S3 request of the native engine: its URL, its signature, its repetition, its answer. Verbs are native.c's.
 */
#ifndef MEDALLION_S3_REQUEST_H
#define MEDALLION_S3_REQUEST_H

#include "postgres.h"

#include "common/compat.h"
#include "common/http.h"
#include "fdw_s3/client.h"
#include "fdw_s3/list.h"
#include "fdw_s3/sign.h"

#pragma GCC visibility push(hidden)

#define REQUEST_PARAMS_MAX 6

typedef struct S3Call
{
	const char *action;			/* for messages: "could not <action> object ..." */
	const char *method;
	const char *bucket;			/* NULL: the service itself */
	const char *key;			/* NULL: the bucket itself */
	SignParam	params[REQUEST_PARAMS_MAX];
	int			nparams;
	const char *body;			/* NULL: none */
	size_t		length;
	const char *sha256;			/* hex, of the body, or NULL where it is not known yet */
	const char *copy_key;		/* make the object of this one in the same bucket; or NULL */
	const char *if_match;		/* etag without quotes, or NULL */
	bool		if_absent;
	int64		from;			/* first byte wanted; 0: all */
	size_t		window;			/* bytes of the answer to hold; 0: a small answer */
} S3Call;

typedef struct S3Answer
{
	int			status;
	S3Document	body;			/* whole */
	S3ErrorDocument error;		/* fields NULL where the body is no Error */
	char	   *etag;			/* header, with its quotes; NULL */
	char	   *region;			/* header x-amz-bucket-region; NULL */
	char	   *last_modified;	/* header; NULL */
	int64		length;			/* Content-Length; -1 */
	int			attempts;		/* requests sent for it */
} S3Answer;

/* Send it, signed for now. Belongs to the current memory context. */
extern HttpRequest *request_send(S3Client *client, S3Call *call);

/*
 * Send it, as often as it takes, until an answer comes that repeating would not change. All S3 requests may be repeated:
 * they read, they overwrite with the same bytes, or native.c looks afterwards what stands there.
 */
extern void request_perform(S3Client *client, S3Call *call, S3Answer *answer);

/* The same, beginning with a request that was sent already; takes it over and closes it. */
extern void request_complete(S3Client *client, S3Call *call, HttpRequest *request, S3Answer *answer);

/* One attempt, for the end of a transaction: no repetition, and no ERROR for what the network does; 0 or the status. */
extern int	request_try(S3Client *client, S3Call *call);

/* ERROR unless the status is 2xx. */
extern void request_check(S3Client *client, const S3Call *call, const S3Answer *answer);

/* Such an ERROR, about an answer, or about a document that could not be read. */
pg_noreturn extern void request_refused(S3Client *client, const S3Call *call, const S3Answer *answer);
pg_noreturn extern void request_unreadable(S3Client *client, const S3Call *call, const char *problem);

/* An ERROR about a request that got no whole answer. */
pg_noreturn extern void request_failed(S3Client *client, const S3Call *call, const HttpRequest *request,
						   int attempts);

/* Whether a request that got no whole answer may be sent again. */
extern bool request_outcome_transient(HttpOutcome outcome);

/* Wait before the next attempt; false where there shall be none. "request" may name the wait; or NULL. */
extern bool request_backoff(S3Client *client, int attempts, const HttpRequest *request);

/* Read the header and the rest of the body of a request, at most "limit" bytes; false where it failed. */
extern bool request_answer(HttpRequest *request, size_t limit, S3Answer *answer);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_REQUEST_H */
