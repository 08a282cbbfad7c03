/*
 * native.c
 *		The verbs of S3 over request.c: what is asked for, and which answers mean that it was done.
 */
#include "postgres.h"

#include "fdw_s3/native.h"

#include "fdw_s3/error.h"
#include "fdw_s3/request.h"
#include "fdw_s3/xml.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Bytes of an object that are fetched ahead of its reader. */
#define STREAM_WINDOW (1024 * 1024)
#define STREAM_WINDOW_MIN (64 * 1024)
/* S3's own page size. */
#define PAGE_KEYS "1000"

static void
add_param(S3Call *call, const char *name, const char *value)
{
	Assert(call->nparams < REQUEST_PARAMS_MAX);
	call->params[call->nparams++] = (SignParam) {name, value};
}

/* ---- reading an object ---- */

typedef struct NativeStream
{
	S3Stream	stream;
	MemoryContext context;		/* of this struct and its requests */
	S3Call		call;
	HttpRequest *request;		/* NULL between attempts */
	bool		accepted;		/* its header was looked at */
	int64		size;			/* of the object; -1 until it is known */
	int64		received;		/* bytes handed to the reader */
	int			attempts;		/* since the last byte arrived */
} NativeStream;

static S3Stream *
native_open(S3Client *client, const char *bucket, const S3Object *object)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "S3 stream", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	NativeStream *native = palloc0(sizeof(NativeStream));

	native->stream.client = client;
	native->context = context;
	native->size = object->size;
	native->call.action = "read";
	native->call.method = "GET";
	native->call.bucket = pstrdup(bucket);
	native->call.key = pstrdup(object->key);
	native->call.if_match = object->etag ? pstrdup(object->etag) : NULL;
	native->call.window = STREAM_WINDOW;
	if (object->size >= 0 && object->size < STREAM_WINDOW)
		native->call.window = Max((size_t) object->size, STREAM_WINDOW_MIN);
	native->request = request_send(client, &native->call);
	MemoryContextSwitchTo(caller);
	return &native->stream;
}

static void
object_replaced(const NativeStream *native)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("object \"%s\" in bucket \"%s\" was replaced while it was being read", native->call.key,
				   native->call.bucket),
			errhint("Run the query again."));
}

/* Close the request and wait for the next attempt; false where there shall be none. */
static bool
stream_pause(NativeStream *native)
{
	bool		again = request_backoff(native->stream.client, ++native->attempts, native->request);

	if (again)
	{
		http_close(native->request);
		native->request = NULL;
	}
	return again;
}

/* A status other than success: ERROR, or true when the next attempt may begin. */
static void
stream_refused(NativeStream *native)
{
	S3Client   *client = native->stream.client;
	S3Answer	answer = {0};

	if (!request_answer(native->request, STREAM_WINDOW_MIN, &answer)
		&& http_outcome(native->request) != HTTP_RUNNING
		&& http_outcome(native->request) != HTTP_COMPLETE)
		memset(&answer.body, 0, sizeof(answer.body));
	if (answer.status == 412 || answer.status == 416)
		object_replaced(native);
	if (answer.body.data != NULL)
		list_read_error(answer.body, &answer.error);
	answer.attempts = native->attempts + 1;
	if (!s3_transient(answer.status, answer.error.code) || !stream_pause(native))
		request_refused(client, &native->call, &answer);
}

/* "bytes 100-199/200" must be what was asked for, to the end. */
static bool
range_matches(const NativeStream *native)
{
	char	   *range = http_header(native->request, "content-range");
	char	   *wanted = psprintf("bytes " INT64_FORMAT "-" INT64_FORMAT "/" INT64_FORMAT, native->received,
								  native->size - 1, native->size);

	return range != NULL && strcmp(range, wanted) == 0;
}

/* Look at the header of a successful answer: the version asked for, and a length to measure the body by. */
static void
stream_accept(NativeStream *native)
{
	char	   *header = http_header(native->request, "etag");
	int64		length = http_length(native->request);
	S3Etag		etag;

	if (length < 0)
		request_unreadable(native->stream.client, &native->call, "it does not say how long it is");
	if (header == NULL || !list_etag(header, &etag))
		request_unreadable(native->stream.client, &native->call, "it has no etag");
	if (native->call.if_match != NULL && strcmp(native->call.if_match, etag.etag) != 0)
		object_replaced(native);
	if (native->call.from > 0 && (http_status(native->request) != 206 || !range_matches(native)))
		request_unreadable(native->stream.client, &native->call, "it is another range than the one asked for");
	if (native->size >= 0 && native->received + length != native->size)
		object_replaced(native);
	native->size = native->received + length;
	/* The rest, should the connection break, must be of the same version. */
	if (native->call.if_match == NULL)
		native->call.if_match = MemoryContextStrdup(native->context, etag.etag);
	native->accepted = true;
}

/* Get to a request whose body can be read; false where the attempt failed and another may follow. */
static bool
stream_begin(NativeStream *native)
{
	if (native->request == NULL)
	{
		native->call.from = native->received;
		native->accepted = false;
		native->request = request_send(native->stream.client, &native->call);
	}
	if (native->accepted)
		return true;
	if (!http_answered(native->request))
		return false;
	if (http_status(native->request) == 200 || http_status(native->request) == 206)
		stream_accept(native);
	else
	{
		stream_refused(native);
		return stream_begin(native);
	}
	return true;
}

static size_t
native_read(S3Stream *stream, char *buffer, size_t size)
{
	NativeStream *native = (NativeStream *) stream;
	MemoryContext caller = MemoryContextSwitchTo(native->context);
	size_t		length = 0;

	while (length == 0 && native->received != native->size)
	{
		if (stream_begin(native))
			length = http_read(native->request, buffer, size);
		if (length > 0)
		{
			native->attempts = 0;
			native->received += length;
			if (native->received > native->size)
				request_unreadable(stream->client, &native->call, "it is longer than it says");
		}
		else if (native->received != native->size
				 && ((!request_outcome_transient(http_outcome(native->request))
					  && http_outcome(native->request) != HTTP_COMPLETE)
					 || !stream_pause(native)))
			request_failed(stream->client, &native->call, native->request, native->attempts);
	}
	MemoryContextSwitchTo(caller);
	return length;
}

static void
native_close(S3Stream *stream)
{
	MemoryContextDelete(((NativeStream *) stream)->context);
}

/* ---- one object ---- */

/* "Sun, 22 Nov 2026 20:17:44 GMT" */
static TimestampTz
read_http_date(const char *date)
{
	const char *comma = date ? strchr(date, ',') : NULL;

	if (comma == NULL || strlen(date) > 40)
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(pstrdup(comma + 1)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static bool
native_head_bucket(S3Client *client, const char *bucket)
{
	S3Call		call = {.action = "use", .method = "HEAD", .bucket = bucket};
	S3Answer	answer;

	request_perform(client, &call, &answer);
	if (answer.status == 404)
		return false;
	request_check(client, &call, &answer);
	return true;
}

static void
bucket_missing(S3Client *client, const char *action, const char *bucket)
{
	S3Failure	failure = {.action = action, .bucket = bucket, .status = 404, .code = "NoSuchBucket"};

	s3_raise(client, &failure);
}

static bool
native_head(S3Client *client, const char *bucket, const char *key, S3Object *object)
{
	S3Call		call = {.action = "stat", .method = "HEAD", .bucket = bucket, .key = key};
	S3Answer	answer;
	S3Etag		etag;

	request_perform(client, &call, &answer);
	if (answer.status == 404)
	{
		/* An answer to HEAD has no body to tell a missing object from a missing bucket. */
		if (!native_head_bucket(client, bucket))
			bucket_missing(client, call.action, bucket);
		return false;
	}
	request_check(client, &call, &answer);
	if (answer.length < 0 || answer.etag == NULL || !list_etag(answer.etag, &etag))
		request_unreadable(client, &call, "it has no length or no etag");
	object->key = pstrdup(key);
	object->size = answer.length;
	object->etag = pstrdup(etag.etag);
	object->last_modified = read_http_date(answer.last_modified);
	return true;
}

static bool
native_delete(S3Client *client, const char *bucket, const char *key)
{
	S3Call		call = {.action = "delete", .method = "DELETE", .bucket = bucket, .key = key};
	S3Answer	answer;
	S3Object	object;

	/* S3 answers alike whether there was something to delete. */
	if (!native_head(client, bucket, key, &object))
		return false;
	request_perform(client, &call, &answer);
	request_check(client, &call, &answer);
	return true;
}

/* ---- writing an object ---- */

typedef struct NativePut
{
	S3Put		put;
	MemoryContext context;		/* of this struct and its request */
	S3Call		call;
	char		part[16];
	const char *md5;
	HttpRequest *request;
} NativePut;

static S3Put *
native_put(S3Client *client, const S3PutSpec *spec)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "S3 put", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	NativePut  *native = palloc0(sizeof(NativePut));

	native->put.client = client;
	native->context = context;
	native->md5 = spec->md5 ? pstrdup(spec->md5) : NULL;
	native->call.action = "write";
	native->call.method = "PUT";
	native->call.bucket = pstrdup(spec->bucket);
	native->call.key = pstrdup(spec->key);
	native->call.body = spec->body ? spec->body : "";
	native->call.length = spec->length;
	native->call.sha256 = spec->sha256 ? pstrdup(spec->sha256) : NULL;
	native->call.if_absent = spec->if_absent;
	if (spec->upload_id != NULL)
	{
		snprintf(native->part, sizeof(native->part), "%d", spec->part);
		add_param(&native->call, "partNumber", native->part);
		add_param(&native->call, "uploadId", pstrdup(spec->upload_id));
	}
	native->request = request_send(client, &native->call);
	MemoryContextSwitchTo(caller);
	return &native->put;
}

/* Whether an object of that etag stands: the answer to an earlier attempt, which did its work, was lost on the way. */
static bool
stands_already(S3Client *client, const S3Call *call, const char *etag)
{
	S3Object	object;

	return etag != NULL && native_head(client, call->bucket, call->key, &object) && strcmp(object.etag, etag) == 0;
}

static void
native_put_wait(S3Put *put, S3Etag *etag)
{
	NativePut  *native = (NativePut *) put;
	MemoryContext caller = MemoryContextSwitchTo(native->context);
	HttpRequest *request = native->request;
	S3Answer	answer;

	native->request = NULL;
	request_complete(put->client, &native->call, request, &answer);
	if (answer.status == 412 && answer.attempts > 1 && stands_already(put->client, &native->call, native->md5))
		strlcpy(etag->etag, native->md5, sizeof(etag->etag));
	else
	{
		request_check(put->client, &native->call, &answer);
		if (answer.etag == NULL || !list_etag(answer.etag, etag))
			request_unreadable(put->client, &native->call, "it has no etag");
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(native->context);
}

static void
native_put_close(S3Put *put)
{
	MemoryContextDelete(((NativePut *) put)->context);
}

static void
native_drive(S3Client *client)
{
	if (client->pool != NULL)
		http_drive(client->pool);
}

/* ---- copying an object ---- */

/* What does not stand there is what was to be copied; every other refusal is about the new object. */
static void
copy_refused(S3Client *client, S3Call *call, const S3Answer *answer)
{
	if (answer->error.code != NULL && strcmp(answer->error.code, "NoSuchKey") == 0)
	{
		call->action = "copy";
		call->key = call->copy_key;
	}
	request_refused(client, call, answer);
}

static void
native_copy(S3Client *client, const char *bucket, const char *key, const char *new_key)
{
	S3Call		call = {.action = "copy to", .method = "PUT", .bucket = bucket, .key = new_key, .copy_key = key, .body = ""};
	S3Answer	answer;
	S3Etag		etag;
	const char *problem;

	request_perform(client, &call, &answer);
	/* S3 may begin an answer with 200 and then find that it failed. */
	if (answer.status < 200 || answer.status > 299 || answer.error.code != NULL)
		copy_refused(client, &call, &answer);
	problem = list_read_copied(answer.body, &etag);
	if (problem != NULL)
		request_unreadable(client, &call, problem);
}

/* ---- buckets and listings ---- */

static void
native_list(S3Client *client, S3ListPage *page)
{
	S3Call		call = {.action = "list", .method = "GET", .bucket = page->bucket};
	S3Answer	answer;
	const char *problem;

	add_param(&call, "list-type", "2");
	add_param(&call, "encoding-type", "url");
	add_param(&call, "max-keys", PAGE_KEYS);
	add_param(&call, "prefix", pg_server_to_any(page->prefix, strlen(page->prefix), PG_UTF8));
	if (page->token != NULL)
		add_param(&call, "continuation-token", page->token);
	request_perform(client, &call, &answer);
	request_check(client, &call, &answer);
	problem = list_read_page(answer.body, page);
	if (problem != NULL)
		request_unreadable(client, &call, problem);
}

/* Everywhere but in us-east-1, a bucket's region is said in the body too. */
static char *
location_constraint(S3Client *client)
{
	StringInfoData body;

	if (strcmp(client->settings.region, "us-east-1") == 0)
		return NULL;
	initStringInfo(&body);
	appendStringInfoString(&body, "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
						   "<LocationConstraint>");
	xml_escape(&body, client->settings.region);
	appendStringInfoString(&body, "</LocationConstraint></CreateBucketConfiguration>");
	return body.data;
}

static bool
native_create_bucket(S3Client *client, const char *bucket)
{
	S3Call		call = {.action = "create", .method = "PUT", .bucket = bucket};
	S3Answer	answer;

	/* In us-east-1, S3 also says 200 about a bucket that the caller has already. */
	if (native_head_bucket(client, bucket))
		return false;
	call.body = location_constraint(client);
	if (call.body == NULL)
		call.body = "";
	call.length = strlen(call.body);
	request_perform(client, &call, &answer);
	if (answer.error.code != NULL && strcmp(answer.error.code, "BucketAlreadyOwnedByYou") == 0)
		return answer.attempts > 1; /* an earlier attempt made it */
	request_check(client, &call, &answer);
	return true;
}

/* ---- multipart uploads ---- */

static char *
native_multipart_begin(S3Client *client, const char *bucket, const char *key)
{
	S3Call		call = {.action = "write", .method = "POST", .bucket = bucket, .key = key, .body = ""};
	S3Answer	answer;
	char	   *upload_id;
	const char *problem;

	add_param(&call, "uploads", "");
	request_perform(client, &call, &answer);
	request_check(client, &call, &answer);
	problem = list_read_upload_id(answer.body, &upload_id);
	if (problem != NULL)
		request_unreadable(client, &call, problem);
	return upload_id;
}

static char *
part_list(const S3Etag *parts, int nparts)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (int i = 0; i < nparts; i++)
	{
		appendStringInfo(&body, "<Part><PartNumber>%d</PartNumber><ETag>\"", i + 1);
		xml_escape(&body, parts[i].etag);
		appendStringInfoString(&body, "\"</ETag></Part>");
	}
	appendStringInfoString(&body, "</CompleteMultipartUpload>");
	return body.data;
}

/* The etag that S3 makes of its parts' etags: the MD5 of their MD5s, and their number. NULL where they are no MD5s. */
static char *
composed_etag(const S3Etag *parts, int nparts)
{
	char	   *md5s = palloc(nparts * 16 + 1);
	char		hex[33];

	for (int i = 0; i < nparts; i++)
	{
		if (strlen(parts[i].etag) != 32 || strspn(parts[i].etag, "0123456789abcdef") != 32)
			return NULL;
		hex_decode(parts[i].etag, 32, md5s + i * 16);
	}
	sign_digest(PG_MD5, md5s, nparts * 16, hex);
	return psprintf("%s-%d", hex, nparts);
}

static void
native_multipart_complete(S3Client *client, const char *bucket, const char *key, const char *upload_id,
						  const S3Etag *parts, int nparts, bool if_absent, S3Etag *etag)
{
	S3Call		call = {.action = "write", .method = "POST", .bucket = bucket, .key = key, .if_absent = if_absent};
	S3Answer	answer;
	char	   *composed = composed_etag(parts, nparts);
	const char *problem;

	call.body = part_list(parts, nparts);
	call.length = strlen(call.body);
	add_param(&call, "uploadId", upload_id);
	request_perform(client, &call, &answer);
	if ((answer.status == 404 || answer.status == 412) && answer.attempts > 1
		&& stands_already(client, &call, composed))
	{
		strlcpy(etag->etag, composed, sizeof(etag->etag));
		return;
	}
	request_check(client, &call, &answer);
	/* S3 may begin an answer with 200 and then find that it failed. */
	if (answer.error.code != NULL)
		request_refused(client, &call, &answer);
	problem = list_read_completed(answer.body, etag);
	if (problem != NULL)
		request_unreadable(client, &call, problem);
}

static bool
native_multipart_abort(S3Client *client, const char *bucket, const char *key, const char *upload_id)
{
	S3Call		call = {.action = "abort the upload of", .method = "DELETE", .bucket = bucket, .key = key};
	S3Answer	answer;

	add_param(&call, "uploadId", upload_id);
	request_perform(client, &call, &answer);
	if (answer.status == 404)
		return false;
	request_check(client, &call, &answer);
	return true;
}

static List *
native_multipart_list(S3Client *client, const char *bucket)
{
	List	   *uploads = NIL;
	char	   *key_marker = NULL;
	char	   *id_marker = NULL;

	do
	{
		S3Call		call = {.action = "list the uploads of", .method = "GET", .bucket = bucket};
		S3Answer	answer;
		char	   *last_key = key_marker;
		char	   *last_id = id_marker;
		const char *problem;

		add_param(&call, "uploads", "");
		add_param(&call, "encoding-type", "url");
		if (key_marker != NULL)
		{
			add_param(&call, "key-marker", key_marker);
			add_param(&call, "upload-id-marker", id_marker);
		}
		request_perform(client, &call, &answer);
		request_check(client, &call, &answer);
		problem = list_read_uploads(answer.body, &uploads, &key_marker, &id_marker);
		if (problem == NULL && last_key && key_marker && strcmp(last_key, key_marker) == 0
			&& strcmp(last_id, id_marker) == 0)
			problem = "it leads back to itself";
		if (problem != NULL)
			request_unreadable(client, &call, problem);
	} while (key_marker != NULL);
	return uploads;
}

/* ---- ends ---- */

static bool
native_undo(S3Client *client, const char *bucket, const char *key, const char *upload_id)
{
	S3Call		call = {.action = "undo", .method = "DELETE", .bucket = bucket, .key = key};
	int			status;

	if (upload_id != NULL)
		add_param(&call, "uploadId", upload_id);
	status = request_try(client, &call);
	return (status >= 200 && status <= 299) || status == 404;
}

static void
native_disconnect(S3Client *client)
{
	if (client->pool != NULL)
		http_pool_destroy(client->pool);
	client->pool = NULL;
}

const S3Transport native_transport = {
	.name = "native",
	.multipart = true,
	.open = native_open,
	.read = native_read,
	.close = native_close,
	.head = native_head,
	.list = native_list,
	.put = native_put,
	.put_wait = native_put_wait,
	.put_close = native_put_close,
	.drive = native_drive,
	.copy = native_copy,
	.delete_object = native_delete,
	.create_bucket = native_create_bucket,
	.head_bucket = native_head_bucket,
	.multipart_begin = native_multipart_begin,
	.multipart_complete = native_multipart_complete,
	.multipart_abort = native_multipart_abort,
	.multipart_list = native_multipart_list,
	.undo = native_undo,
	.disconnect = native_disconnect,
};
