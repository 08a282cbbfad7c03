/*
 * operation.c
 *		libs3's callbacks and the loop that runs them. In the callbacks: no palloc, no ERROR, no interrupt.
 */
#include "postgres.h"

#include "operation.h"

#include <poll.h>
#include <unistd.h>
#include <sys/select.h>

#include "common/pg_prng.h"
#include "common/wait.h"
#include "fdw_s3/error.h"
#include "storage/fd.h"
#include "utils/memutils.h"

/* Body bytes that wait for the reader before libs3 is run again; one step adds little more. */
#define WINDOW (1024 * 1024)
#define SOCKETS_MAX 16
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 5000

/* ---- callbacks ---- */

static S3Status
on_properties(const S3ResponseProperties *properties, void *arg)
{
	Operation  *operation = (Operation *) arg;
	const char *etag = properties->eTag ? properties->eTag : "";
	size_t		length = strlen(etag);

	operation->moved++;
	operation->answered = true;
	operation->length = (int64) properties->contentLength;
	operation->modified = properties->lastModified;
	if (length >= 2 && etag[0] == '"' && etag[length - 1] == '"')
	{
		etag++;
		length -= 2;
	}
	if (length < sizeof(operation->etag))
	{
		memcpy(operation->etag, etag, length);
		operation->etag[length] = '\0';
	}
	return S3StatusOK;
}

static void
on_complete(S3Status status, const S3ErrorDetails *details, void *arg)
{
	Operation  *operation = (Operation *) arg;

	operation->complete = true;
	operation->status = status;
	if (details != NULL && details->message != NULL)
		strlcpy(operation->message, details->message, sizeof(operation->message));
}

static S3Status
on_data(int size, const char *bytes, void *arg)
{
	Operation  *operation = (Operation *) arg;

	if (operation->start > 0 && operation->start + operation->used + size > operation->room)
	{
		memmove(operation->data, operation->data + operation->start, operation->used);
		operation->start = 0;
	}
	if (operation->used + size > operation->room)
	{
		size_t		room = Max(operation->room * 2, operation->used + size);
		char	   *grown = realloc(operation->data, room);

		if (grown == NULL)
			return S3StatusOutOfMemory;
		operation->data = grown;
		operation->room = room;
	}
	memcpy(operation->data + operation->start + operation->used, bytes, size);
	operation->used += size;
	operation->received += size;
	operation->moved++;
	return S3StatusOK;
}

static int
on_send(int size, char *buffer, void *arg)
{
	Operation  *operation = (Operation *) arg;
	int64		length = Min((int64) size, operation->to_send - operation->sent);

	if (length > 0 && operation->fd >= 0)
	{
		length = pread(operation->fd, buffer, length, operation->sent);
		if (length <= 0)
			return -1;
	}
	else if (length > 0)
		memcpy(buffer, operation->body + operation->sent, length);
	operation->sent += length;
	operation->moved++;
	return (int) length;
}

static bool
keep_object(Operation *operation, const S3ListBucketContent *content)
{
	OperationObject *object;

	if (operation->nobjects == operation->objects_room)
	{
		int			room = Max(operation->objects_room * 2, 64);
		OperationObject *grown = realloc(operation->objects, sizeof(OperationObject) * room);

		if (grown == NULL)
			return false;
		operation->objects = grown;
		operation->objects_room = room;
	}
	object = &operation->objects[operation->nobjects++];
	object->key = strdup(content->key ? content->key : "");
	object->etag = strdup(content->eTag ? content->eTag : "");
	object->size = (int64) content->size;
	object->modified = content->lastModified;
	return object->key != NULL && object->etag != NULL;
}

static S3Status
on_list(int truncated, const char *marker, int count, const S3ListBucketContent *contents, int nprefixes,
		const char **prefixes, void *arg)
{
	Operation  *operation = (Operation *) arg;

	operation->moved++;
	operation->truncated = truncated != 0;
	for (int i = 0; i < count; i++)
		if (!keep_object(operation, &contents[i]))
			return S3StatusOutOfMemory;
	return S3StatusOK;
}

const S3ResponseHandler operation_handler = {on_properties, on_complete};
const S3GetObjectHandler operation_get_handler = {{on_properties, on_complete}, on_data};
const S3PutObjectHandler operation_put_handler = {{on_properties, on_complete}, on_send};
const S3ListBucketHandler operation_list_handler = {{on_properties, on_complete}, on_list};

/* ---- life ---- */

static void
library_init(S3Client *client)
{
	static bool initialized = false;
	sigset_t	saved;
	S3Status	status;

	if (initialized)
		return;
	/* libs3 would follow the environment of whoever started the server to a proxy. */
	setenv("no_proxy", "*", 1);
	signals_block(&saved);
	status = S3_initialize("pg_medallion", S3_INIT_ALL, client->host);
	signals_restore(&saved);
	if (status != S3StatusOK)
		elog(ERROR, "S3_initialize: %s", S3_get_status_name(status));
	initialized = true;
}

static void
reject_server(S3Client *client, const char *problem, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("cannot use server \"%s\" with engine \"libs3\": %s", client->server, problem),
			errhint("%s", hint));
}

/* What libs3 would do wrong without a word. */
static void
check_server(S3Client *client)
{
	if (client->https && !client->settings.allow_unverified_tls)
		reject_server(client, "the library does not verify certificates",
					  "Use engine \"native\", or set the server option allow_unverified_tls.");
	if (client->settings.ca_file != NULL)
		reject_server(client, "the library cannot be given a ca_file", "Use engine \"native\".");
	if (client->settings.session_token != NULL)
		reject_server(client, "the library knows no session tokens", "Use engine \"native\".");
	if (client->settings.access_key == NULL)
		reject_server(client, "the user mapping has no keys", "Set access_key and secret_key, or use engine \"native\".");
}

static void
operation_release(void *arg)
{
	Operation  *operation = (Operation *) arg;
	sigset_t	saved;

	if (operation->requests != NULL)
	{
		signals_block(&saved);
		S3_destroy_request_context(operation->requests);
		signals_restore(&saved);
	}
	operation->requests = NULL;
	if (operation->fd >= 0)
		close(operation->fd);
	operation->fd = -1;
	if (operation->counted_fd)
		ReleaseExternalFD();
	operation->counted_fd = false;
	for (int i = 0; i < operation->nobjects; i++)
	{
		free(operation->objects[i].key);
		free(operation->objects[i].etag);
	}
	free(operation->objects);
	free(operation->data);
	operation->objects = NULL;
	operation->nobjects = 0;
	operation->data = NULL;
	operation->used = 0;
}

Operation *
operation_create(S3Client *client)
{
	MemoryContext context;
	Operation  *operation;
	S3Status	status;

	check_server(client);
	library_init(client);
	context = AllocSetContextCreate(CurrentMemoryContext, "libs3 request", ALLOCSET_SMALL_SIZES);
	operation = MemoryContextAllocZero(context, sizeof(Operation));
	operation->client = client;
	operation->context = context;
	operation->fd = -1;
	operation->length = operation->modified = -1;
	operation->release.func = operation_release;
	operation->release.arg = operation;
	MemoryContextRegisterResetCallback(context, &operation->release);
	if (!AcquireExternalFD())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not open another connection: too many open files"));
	operation->counted_fd = true;
	status = S3_create_request_context(&operation->requests);
	if (status != S3StatusOK)
	{
		operation->requests = NULL;
		elog(ERROR, "S3_create_request_context: %s", S3_get_status_name(status));
	}
	return operation;
}

void
operation_close(Operation *operation)
{
	MemoryContextDelete(operation->context);
}

S3BucketContext
operation_bucket(S3Client *client, const char *bucket)
{
	S3BucketContext context = {0};

	context.hostName = client->host;
	context.bucketName = bucket;
	context.protocol = client->https ? S3ProtocolHTTPS : S3ProtocolHTTP;
	context.uriStyle = client->settings.url_style == S3_URL_VIRTUAL ? S3UriStyleVirtualHost : S3UriStylePath;
	context.accessKeyId = client->settings.access_key;
	context.secretAccessKey = client->settings.secret_key;
	return context;
}

/* ---- the loop ---- */

/* The sockets that libs3 waits for. It tells them by fd_set; those beyond its range it leaves out, and is asked soon again. */
static int
collect_sockets(Operation *operation, WaitSocket *sockets)
{
	fd_set		reads;
	fd_set		writes;
	fd_set		excepts;
	int			max_fd = -1;
	int			count = 0;

	FD_ZERO(&reads);
	FD_ZERO(&writes);
	FD_ZERO(&excepts);
	if (S3_get_request_context_fdsets(operation->requests, &reads, &writes, &excepts, &max_fd) != S3StatusOK)
		return 0;
	for (int fd = 0; fd <= max_fd && fd < FD_SETSIZE && count < SOCKETS_MAX; fd++)
	{
		uint32		events = (FD_ISSET(fd, &reads) ? WL_SOCKET_READABLE : 0)
			| (FD_ISSET(fd, &writes) ? WL_SOCKET_WRITEABLE : 0);

		if (events != 0)
			sockets[count++] = (WaitSocket) {fd, events, 0};
	}
	return count;
}

static void
wait_quietly(WaitSocket *sockets, int count, long timeout_ms)
{
	struct pollfd polled[SOCKETS_MAX];

	for (int i = 0; i < count; i++)
	{
		polled[i].fd = sockets[i].fd;
		polled[i].events = (sockets[i].events & WL_SOCKET_READABLE ? POLLIN : 0)
			| (sockets[i].events & WL_SOCKET_WRITEABLE ? POLLOUT : 0);
	}
	(void) poll(polled, count, (int) timeout_ms);
}

static void
operation_step(Operation *operation, long timeout_ms)
{
	WaitSocket	sockets[SOCKETS_MAX];
	int			count = collect_sockets(operation, sockets);
	long		wanted = (long) S3_get_request_context_timeout(operation->requests);
	sigset_t	saved;
	int			remaining;

	/* libs3 has moments without a socket; a name being looked up is one. */
	timeout_ms = Min(timeout_ms < 0 ? WAIT_SLICE_MS : timeout_ms, count > 0 ? WAIT_SLICE_MS : 20);
	if (wanted >= 0)
		timeout_ms = Min(timeout_ms, wanted);
	if (operation->client->quiet)
		wait_quietly(sockets, count, timeout_ms);
	else
		wait_sockets(sockets, count, timeout_ms);
	signals_block(&saved);
	S3_runonce_request_context(operation->requests, &remaining);
	signals_restore(&saved);
}

static void
run(Operation *operation, bool (*reached) (const Operation *))
{
	S3Client   *client = operation->client;
	Deadline	stall = deadline_in(client->settings.read_timeout);
	uint64		moved = operation->moved;

	while (!operation->complete && !reached(operation) && !operation->timed_out)
	{
		operation_step(operation, deadline_cap(client->deadline, deadline_left(stall)));
		if (operation->moved != moved)
			stall = deadline_in(client->settings.read_timeout);
		moved = operation->moved;
		operation->timed_out = !operation->complete
			&& (deadline_left(stall) == 0 || deadline_left(client->deadline) == 0);
	}
}

static bool
never(const Operation *operation)
{
	return false;
}

static bool
has_bytes(const Operation *operation)
{
	return operation->used > 0;
}

void
operation_run(Operation *operation)
{
	run(operation, never);
}

void
operation_run_until_bytes(Operation *operation)
{
	/* One step reads all that has arrived: with a full window libs3 is not run, and the sender waits. */
	if (operation->used < WINDOW)
		run(operation, has_bytes);
}

/* ---- outcomes ---- */

bool
operation_succeeded(const Operation *operation)
{
	return operation->complete && operation->status == S3StatusOK
		&& (operation->data == NULL || operation->length < 0 || operation->received == operation->length);
}

int
operation_http_status(const Operation *operation)
{
	switch (operation->status)
	{
		case S3StatusHttpErrorMovedTemporarily:
			return 307;
		case S3StatusHttpErrorBadRequest:
			return 400;
		case S3StatusHttpErrorForbidden:
			return 403;
		case S3StatusHttpErrorNotFound:
			return 404;
		case S3StatusHttpErrorConflict:
			return 409;
		case S3StatusErrorPreconditionFailed:
			return 412;
		default:
			return 0;
	}
}

/* libs3's own S3_status_is_retryable leaves out the most frequent of these. */
bool
operation_transient(const Operation *operation)
{
	if (!operation->complete || operation->status == S3StatusOK)
		return true;			/* timed out; or cut off */
	switch (operation->status)
	{
		case S3StatusNameLookupError:
		case S3StatusFailedToConnect:
		case S3StatusConnectionFailed:
		case S3StatusInternalError:
		case S3StatusErrorInternalError:
		case S3StatusErrorSlowDown:
		case S3StatusErrorOperationAborted:
		case S3StatusErrorRequestTimeout:
		case S3StatusErrorIncompleteBody:
		case S3StatusErrorUnknown:
		case S3StatusHttpErrorUnknown:
			return true;
		default:
			return false;
	}
}

bool
operation_backoff(S3Client *client, int attempts)
{
	long		longest = Min((long) BACKOFF_FIRST_MS << Min(attempts - 1, 10), BACKOFF_MAX_MS);
	long		delay = longest / 2 + (long) (pg_prng_double(&pg_global_prng_state) * (longest / 2));
	long		left = deadline_left(client->deadline);

	if (client->quiet || attempts > client->settings.retries || (left >= 0 && left <= delay))
		return false;
	wait_sleep(delay);
	return true;
}

void
operation_failed(const Operation *operation, const char *action, const char *bucket, const char *key, int attempts)
{
	S3Failure	failure = {.action = action, .bucket = bucket, .key = key, .attempts = attempts};
	const char *name = S3_get_status_name(operation->status);

	failure.message = operation->message;
	if (!operation->complete)
	{
		failure.sqlstate = ERRCODE_CONNECTION_FAILURE;
		failure.message = operation->client->deadline != DEADLINE_NONE
			? "the time that the server option commit_timeout allows has passed"
			: "nothing was received or sent within the read timeout";
	}
	else if (operation->status == S3StatusOK)
	{
		failure.sqlstate = ERRCODE_CONNECTION_FAILURE;
		failure.message = "the connection ended before the answer did";
	}
	else if (strncmp(name, "Error", strlen("Error")) == 0)
		failure.code = name + strlen("Error");
	else if (operation_http_status(operation) > 0)
		failure.status = operation_http_status(operation);
	else
	{
		failure.sqlstate = operation->status == S3StatusConnectionFailed ? ERRCODE_CONNECTION_FAILURE
			: operation->status == S3StatusFailedToConnect || operation->status == S3StatusNameLookupError
			? ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION : ERRCODE_FDW_ERROR;
		failure.code = name;
	}
	s3_raise(operation->client, &failure);
}
