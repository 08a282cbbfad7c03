/*
 * engine.c
 *		The transport over libs3: fdw_s3's second engine, in a module that is loaded when a server first asks for it.
 *
 * What libs3 cannot do is refused or done otherwise, never left out: no multipart (large objects go through a temporary
 * file, 5 GiB at most), no If-None-Match (HEAD, then PUT), keys with blanks or plus signs it would change.
 */
#include "postgres.h"

#include "operation.h"

#include "common/base64.h"
#include "fdw_s3/error.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;

#define PAGE_KEYS 1000

/* The one function that fdw_s3 looks up. */
extern PGDLLEXPORT const S3Transport *fdw_s3_libs3_transport(void);

static void
check_key(const char *key)
{
	if (strpbrk(key, " +") != NULL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("engine \"libs3\" cannot use the key \"%s\"", key),
				errdetail("The library changes blanks and plus signs in keys."),
				errhint("Use engine \"native\"."));
}

static TimestampTz
timestamp_of(int64 seconds)
{
	return seconds < 0 ? 0 : time_t_to_timestamptz((pg_time_t) seconds);
}

/* ---- one request, repeated while that helps ---- */

typedef struct Request
{
	S3Client   *client;
	const char *action;
	const char *bucket;
	const char *key;
	const void *arg;			/* for "start" */
	void		(*start) (Operation *operation, const struct Request *request, const S3BucketContext *bucket);
} Request;

static Operation *
request_start(const Request *request)
{
	Operation  *operation = operation_create(request->client);
	S3BucketContext bucket = operation_bucket(request->client, request->bucket);
	sigset_t	saved;

	signals_block(&saved);
	request->start(operation, request, &bucket);
	signals_restore(&saved);
	return operation;
}

/* Run it to its end; the caller looks at what that was. */
static Operation *
request_run(const Request *request, int *attempts)
{
	Operation  *operation;

	for (*attempts = 1;; ++*attempts)
	{
		operation = request_start(request);
		operation_run(operation);
		if (operation_succeeded(operation) || !operation_transient(operation)
			|| !operation_backoff(request->client, *attempts))
			return operation;
		operation_close(operation);
	}
}

static void
request_fail(const Request *request, const Operation *operation, int attempts)
{
	operation_failed(operation, request->action, request->bucket, request->key, attempts);
}

/* ---- reading ---- */

typedef struct Libs3Stream
{
	S3Stream	stream;
	MemoryContext context;
	Request		request;
	char	   *if_match;		/* with quotes, as libs3 wants it; NULL until a version is known */
	int64		size;			/* -1 until it is known */
	int64		received;
	Operation  *operation;		/* NULL between attempts */
	bool		accepted;
	int			attempts;
} Libs3Stream;

static void
start_get(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	const Libs3Stream *libs3 = (const Libs3Stream *) request->arg;
	S3GetConditions conditions = {-1, -1, libs3->if_match, NULL};

	S3_get_object(bucket, request->key, &conditions, (uint64_t) libs3->received, 0, operation->requests,
				  &operation_get_handler, operation);
}

static S3Stream *
libs3_open(S3Client *client, const char *bucket, const S3Object *object)
{
	MemoryContext context;
	MemoryContext caller;
	Libs3Stream *libs3;

	check_key(object->key);
	context = AllocSetContextCreate(CurrentMemoryContext, "libs3 stream", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	libs3 = palloc0(sizeof(Libs3Stream));
	libs3->stream.client = client;
	libs3->context = context;
	libs3->size = object->size;
	libs3->if_match = object->etag ? psprintf("\"%s\"", object->etag) : NULL;
	libs3->request = (Request) {client, "read", pstrdup(bucket), pstrdup(object->key), libs3, start_get};
	libs3->operation = request_start(&libs3->request);
	MemoryContextSwitchTo(caller);
	return &libs3->stream;
}

static void
object_replaced(const Libs3Stream *libs3)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("object \"%s\" in bucket \"%s\" was replaced while it was being read", libs3->request.key,
				   libs3->request.bucket),
			errhint("Run the query again."));
}

static void
reject_answer(const Libs3Stream *libs3, const char *problem)
{
	S3Failure	failure = {.action = "read", .bucket = libs3->request.bucket, .key = libs3->request.key};

	failure.sqlstate = ERRCODE_PROTOCOL_VIOLATION;
	failure.message = problem;
	s3_raise(libs3->request.client, &failure);
}

static void
stream_accept(Libs3Stream *libs3)
{
	Operation  *operation = libs3->operation;
	char	   *quoted = psprintf("\"%s\"", operation->etag);

	libs3->accepted = true;
	if (operation->length < 0 || operation->etag[0] == '\0')
		reject_answer(libs3, "The answer has no length or no etag");
	if (libs3->if_match != NULL && strcmp(libs3->if_match, quoted) != 0)
		object_replaced(libs3);
	if (libs3->size >= 0 && libs3->received + operation->length != libs3->size)
		object_replaced(libs3);
	libs3->size = libs3->received + operation->length;
	libs3->if_match = quoted;
}

static void
stream_failed(Libs3Stream *libs3)
{
	Operation  *operation = libs3->operation;

	if (operation_http_status(operation) == 412)
		object_replaced(libs3);
	if (!operation_transient(operation) || !operation_backoff(libs3->request.client, ++libs3->attempts))
		request_fail(&libs3->request, operation, Max(libs3->attempts, 1));
	operation_close(operation);
	libs3->operation = NULL;
}

static size_t
stream_take(Libs3Stream *libs3, char *buffer, size_t size)
{
	Operation  *operation = libs3->operation;

	size = Min(size, operation->used);
	memcpy(buffer, operation->data + operation->start, size);
	operation->start += size;
	operation->used -= size;
	if (operation->used == 0)
		operation->start = 0;
	libs3->received += size;
	libs3->attempts = 0;
	return size;
}

static size_t
libs3_read(S3Stream *stream, char *buffer, size_t size)
{
	Libs3Stream *libs3 = (Libs3Stream *) stream;
	MemoryContext caller = MemoryContextSwitchTo(libs3->context);
	size_t		length = 0;

	while (length == 0 && libs3->received != libs3->size)
	{
		if (libs3->operation == NULL)
		{
			libs3->accepted = false;
			libs3->operation = request_start(&libs3->request);
		}
		operation_run_until_bytes(libs3->operation);
		if (libs3->operation->used == 0 && !(operation_succeeded(libs3->operation) && libs3->operation->answered))
		{
			stream_failed(libs3);
			continue;
		}
		if (!libs3->accepted)
			stream_accept(libs3);
		length = stream_take(libs3, buffer, size);
		if (libs3->received > libs3->size)
			reject_answer(libs3, "The answer is longer than it says");
		if (length == 0 && libs3->received != libs3->size)
			stream_failed(libs3);
	}
	MemoryContextSwitchTo(caller);
	return length;
}

static void
libs3_close(S3Stream *stream)
{
	MemoryContextDelete(((Libs3Stream *) stream)->context);
}

/* ---- one object ---- */

static void
start_test(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	S3_test_bucket(bucket->protocol, bucket->uriStyle, bucket->accessKeyId, bucket->secretAccessKey, bucket->hostName,
				   bucket->bucketName, 0, NULL, operation->requests, &operation_handler, operation);
}

static bool
not_found(const Operation *operation)
{
	return operation->complete
		&& (operation->status == S3StatusHttpErrorNotFound || operation->status == S3StatusErrorNoSuchKey
			|| operation->status == S3StatusErrorNoSuchBucket);
}

static bool
libs3_head_bucket(S3Client *client, const char *bucket)
{
	Request		request = {client, "use", bucket, NULL, NULL, start_test};
	int			attempts;
	Operation  *operation = request_run(&request, &attempts);
	bool		absent = not_found(operation);

	if (!absent && !operation_succeeded(operation))
		request_fail(&request, operation, attempts);
	operation_close(operation);
	return !absent;
}

static void
start_head(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	S3_head_object(bucket, request->key, operation->requests, &operation_handler, operation);
}

static bool
libs3_head(S3Client *client, const char *bucket, const char *key, S3Object *object)
{
	Request		request = {client, "stat", bucket, key, NULL, start_head};
	int			attempts;
	Operation  *operation;

	check_key(key);
	operation = request_run(&request, &attempts);
	if (not_found(operation))
	{
		S3Failure	failure = {.action = "stat", .bucket = bucket, .status = 404, .code = "NoSuchBucket"};

		operation_close(operation);
		if (!libs3_head_bucket(client, bucket))
			s3_raise(client, &failure);
		return false;
	}
	if (!operation_succeeded(operation) || operation->length < 0 || operation->etag[0] == '\0')
		request_fail(&request, operation, attempts);
	object->key = pstrdup(key);
	object->size = operation->length;
	object->etag = pstrdup(operation->etag);
	object->last_modified = timestamp_of(operation->modified);
	operation_close(operation);
	return true;
}

typedef struct CopySpec
{
	const char *bucket;
	const char *new_key;
} CopySpec;

static void
start_copy(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	const CopySpec *spec = (const CopySpec *) request->arg;

	S3_copy_object(bucket, request->key, spec->bucket, spec->new_key, NULL, &operation->modified,
				   sizeof(operation->etag), operation->etag, operation->requests, &operation_handler, operation);
}

/* The library puts the name of what is copied into a header as it stands, where others read it decoded. */
static void
check_copied_key(const char *key)
{
	if (strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/=") != strlen(key))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("engine \"libs3\" cannot copy the key \"%s\"", key),
				errdetail("The library does not encode the key of an object that is to be copied."),
				errhint("Use engine \"native\"."));
}

static void
libs3_copy(S3Client *client, const char *bucket, const char *key, const char *new_key)
{
	CopySpec	spec = {bucket, new_key};
	Request		request = {client, "copy", bucket, key, &spec, start_copy};
	S3Failure	failure = {.action = "copy", .bucket = bucket, .key = key, .sqlstate = ERRCODE_PROTOCOL_VIOLATION};
	int			attempts;
	Operation  *operation;

	check_copied_key(key);
	check_key(new_key);
	operation = request_run(&request, &attempts);
	if (!operation_succeeded(operation))
		request_fail(&request, operation, attempts);
	/* S3 may begin an answer with 200 and then find that it failed: libs3 sees only that there is no etag. */
	failure.message = "The answer has no etag";
	if (operation->etag[0] == '\0')
		s3_raise(client, &failure);
	operation_close(operation);
}

static void
start_delete(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	S3_delete_object(bucket, request->key, operation->requests, &operation_handler, operation);
}

static bool
libs3_delete(S3Client *client, const char *bucket, const char *key)
{
	Request		request = {client, "delete", bucket, key, NULL, start_delete};
	int			attempts;
	Operation  *operation;
	S3Object	object;

	if (!libs3_head(client, bucket, key, &object))
		return false;
	operation = request_run(&request, &attempts);
	if (!operation_succeeded(operation))
		request_fail(&request, operation, attempts);
	operation_close(operation);
	return true;
}

static bool
libs3_undo(S3Client *client, const char *bucket, const char *key, const char *upload_id)
{
	Request		request = {client, "undo", bucket, key, NULL, start_delete};
	Operation  *operation = request_start(&request);
	bool		done;

	operation_run(operation);
	done = operation_succeeded(operation) || not_found(operation);
	operation_close(operation);
	return done;
}

/* ---- writing ---- */

typedef struct Libs3Put
{
	S3Put		put;
	MemoryContext context;
	Request		request;
	S3PutSpec	spec;
	char		md5[32];		/* base64 */
} Libs3Put;

static void
start_put(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	const Libs3Put *libs3 = (const Libs3Put *) request->arg;
	S3PutProperties properties = {.md5 = libs3->md5, .expires = -1};

	operation->body = libs3->spec.body;
	operation->to_send = libs3->spec.length;
	/* A duplicate, because PostgreSQL may close and reopen its own while libs3 reads. */
	if (libs3->spec.file >= 0)
		operation->fd = dup(FileGetRawDesc(libs3->spec.file));
	S3_put_object(bucket, request->key, (uint64_t) libs3->spec.length, &properties, operation->requests,
				  &operation_put_handler, operation);
}

static S3Put *
libs3_put(S3Client *client, const S3PutSpec *spec)
{
	MemoryContext context;
	MemoryContext caller;
	Libs3Put   *libs3;
	uint8		digest[16];
	int			length;

	check_key(spec->key);
	context = AllocSetContextCreate(CurrentMemoryContext, "libs3 put", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	libs3 = palloc0(sizeof(Libs3Put));
	libs3->put.client = client;
	libs3->context = context;
	libs3->spec = *spec;
	hex_decode(spec->md5, 32, (char *) digest);
	/* 18 takes bytes where 15 takes characters. */
	length = pg_b64_encode((const void *) digest, sizeof(digest), libs3->md5, sizeof(libs3->md5));
	libs3->md5[Max(length, 0)] = '\0';
	libs3->request = (Request) {client, "write", pstrdup(spec->bucket), pstrdup(spec->key), libs3, start_put};
	MemoryContextSwitchTo(caller);
	return &libs3->put;
}

/* Not safe against somebody who writes the same name at the same moment; the names are unique. */
static void
check_absent(Libs3Put *libs3)
{
	S3Object	object;
	S3Failure	failure = {.action = "write", .bucket = libs3->request.bucket, .key = libs3->request.key};

	if (!libs3->spec.if_absent
		|| !libs3_head(libs3->request.client, libs3->request.bucket, libs3->request.key, &object))
		return;
	failure.code = "PreconditionFailed";
	failure.status = 412;
	s3_raise(libs3->request.client, &failure);
}

/* libs3 does not show the header of an answer that a "100 Continue" came before: look what stands there. */
static void
look_after(Libs3Put *libs3, S3Etag *etag)
{
	S3Object	object;
	S3Failure	failure = {.action = "write", .bucket = libs3->request.bucket, .key = libs3->request.key};

	if (!libs3_head(libs3->request.client, libs3->request.bucket, libs3->request.key, &object)
		|| object.size != libs3->spec.length)
	{
		failure.sqlstate = ERRCODE_T_R_SERIALIZATION_FAILURE;
		failure.message = "Another object than the one written stands there";
		s3_raise(libs3->request.client, &failure);
	}
	strlcpy(etag->etag, object.etag, sizeof(etag->etag));
}

static void
libs3_put_wait(S3Put *put, S3Etag *etag)
{
	Libs3Put   *libs3 = (Libs3Put *) put;
	MemoryContext caller = MemoryContextSwitchTo(libs3->context);
	Operation  *operation;
	int			attempts;

	check_absent(libs3);
	operation = request_run(&libs3->request, &attempts);
	if (!operation_succeeded(operation) || operation->sent != libs3->spec.length)
		request_fail(&libs3->request, operation, attempts);
	if (operation->etag[0] != '\0')
		strlcpy(etag->etag, operation->etag, sizeof(etag->etag));
	else
		look_after(libs3, etag);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(libs3->context);
}

static void
libs3_put_close(S3Put *put)
{
	MemoryContextDelete(((Libs3Put *) put)->context);
}

static void
libs3_drive(S3Client *client)
{
	/* Each request runs when it is waited for. */
}

/* ---- buckets and listings ---- */

static void
start_create(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	const char *region = request->client->settings.region;

	S3_create_bucket(bucket->protocol, bucket->accessKeyId, bucket->secretAccessKey, bucket->hostName,
					 bucket->bucketName, S3CannedAclPrivate, strcmp(region, "us-east-1") == 0 ? NULL : region,
					 operation->requests, &operation_handler, operation);
}

static bool
libs3_create_bucket(S3Client *client, const char *bucket)
{
	Request		request = {client, "create", bucket, NULL, NULL, start_create};
	int			attempts;
	Operation  *operation;

	if (libs3_head_bucket(client, bucket))
		return false;
	operation = request_run(&request, &attempts);
	if (!operation_succeeded(operation) && operation->status != S3StatusErrorBucketAlreadyOwnedByYou)
		request_fail(&request, operation, attempts);
	operation_close(operation);
	return true;
}

typedef struct ListRange
{
	const char *prefix;
	const char *after;			/* NULL: from the beginning */
	int			keys;
} ListRange;

static void
start_list(Operation *operation, const Request *request, const S3BucketContext *bucket)
{
	const ListRange *range = (const ListRange *) request->arg;

	S3_list_bucket(bucket, *range->prefix ? range->prefix : NULL, range->after, NULL, range->keys,
				   operation->requests, &operation_list_handler, operation);
}

static Operation *
list_range(S3Client *client, const char *bucket, const ListRange *range)
{
	Request		request = {client, "list", bucket, NULL, range, start_list};
	int			attempts;
	Operation  *operation = request_run(&request, &attempts);

	if (!operation_succeeded(operation))
		request_fail(&request, operation, attempts);
	return operation;
}

static S3Object *
object_of(const OperationObject *found)
{
	S3Object   *object = palloc(sizeof(S3Object));
	size_t		length = strlen(found->etag);

	object->key = pstrdup(found->key);
	object->size = found->size;
	object->last_modified = timestamp_of(found->modified);
	object->etag = length >= 2 && found->etag[0] == '"' ? pnstrdup(found->etag + 1, length - 2) : pstrdup(found->etag);
	return object;
}

/*
 * libs3 takes a listing that was cut off for a whole one. Whether more follows stands in an answer before its keys, so
 * asking for the last key alone, by the key before it, proves that it is the last: an answer with that key in it was read
 * beyond the point where it says so.
 */
static bool
is_last(S3Client *client, S3ListPage *page, const char *before)
{
	ListRange	range = {page->prefix, before, 1};
	Operation  *operation = list_range(client, page->bucket, &range);
	const S3Object *last = llast(page->objects);
	bool		proven;

	if (operation->nobjects != 1 || strcmp(operation->objects[0].key, last->key) != 0)
	{
		S3Failure	failure = {.action = "list", .bucket = page->bucket, .sqlstate = ERRCODE_T_R_SERIALIZATION_FAILURE};

		failure.message = "the bucket changed while it was listed, or an answer was cut off";
		s3_raise(client, &failure);
	}
	proven = !operation->truncated;
	operation_close(operation);
	return proven;
}

/* That nothing is there can be proven by nothing in libs3's answer: the native engine is asked. */
static void
list_empty(S3Client *client, S3ListPage *page)
{
	client->native->list(client, page);
}

static void
libs3_list(S3Client *client, S3ListPage *page)
{
	ListRange	range = {page->prefix, page->token, PAGE_KEYS};
	Operation  *operation = list_range(client, page->bucket, &range);
	const S3Object *last;
	const char *before = page->token;

	if (operation->nobjects == 0)
	{
		operation_close(operation);
		page->token = NULL;
		list_empty(client, page);
		return;
	}
	for (int i = 0; i < operation->nobjects; i++)
		page->objects = lappend(page->objects, object_of(&operation->objects[i]));
	operation_close(operation);
	last = llast(page->objects);
	if (list_length(page->objects) > 1)
		before = ((S3Object *) list_nth(page->objects, list_length(page->objects) - 2))->key;
	page->token = is_last(client, page, before) ? NULL : pstrdup(last->key);
}

static void
libs3_disconnect(S3Client *client)
{
	client->native->disconnect(client);
}

static const S3Transport libs3_transport = {
	.name = "libs3",
	.multipart = false,
	.open = libs3_open,
	.read = libs3_read,
	.close = libs3_close,
	.head = libs3_head,
	.list = libs3_list,
	.put = libs3_put,
	.put_wait = libs3_put_wait,
	.put_close = libs3_put_close,
	.drive = libs3_drive,
	.copy = libs3_copy,
	.delete_object = libs3_delete,
	.create_bucket = libs3_create_bucket,
	.head_bucket = libs3_head_bucket,
	.undo = libs3_undo,
	.disconnect = libs3_disconnect,
};

const S3Transport *
fdw_s3_libs3_transport(void)
{
	return &libs3_transport;
}
