/*
 * http.c
 *		The libcurl multi loop, driven by PostgreSQL's waits. The only file that includes <curl/curl.h>.
 *
 * libcurl's callbacks below copy bytes, keep sockets in a list, and set flags: no palloc, no ERROR, no interrupt in
 * them. Signals are blocked around every call that may start a resolver thread. What a status or a body means is the
 * caller's affair.
 */
#include "postgres.h"

#include "common/http.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <sys/socket.h>
#include <curl/curl.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* What libcurl reads and sends at a time, and what may stay open without work. */
#define TRANSFER_BUFFER (256 * 1024L)
#define IDLE_CONNECTIONS 16L
#define HEADER_MAX (64 * 1024)
/* Room in the window that makes it worth waking a sender that was made to wait. */
#define WINDOW_MIN (2 * CURL_MAX_WRITE_SIZE)

typedef struct PoolSocket
{
	int			fd;
	int			what;			/* CURL_POLL_IN, _OUT, _INOUT */
} PoolSocket;

struct HttpPool
{
	CURLM	   *multi;
	dlist_head	requests;		/* open ones */
	PoolSocket *sockets;		/* malloc'd: libcurl's callback adds to it */
	int			nsockets;
	int			room;
	Deadline	timer;			/* when libcurl wants to be called; DEADLINE_NONE: not before a socket is ready */
	bool		timer_due;
	int			open_fds;		/* sockets that libcurl has open */
	int			counted_fds;	/* of them, those that fd.c knows about */
	Deadline	deadline;
	bool		quiet;
};

struct HttpRequest
{
	dlist_node	node;
	HttpPool   *pool;			/* NULL once it is closed or its pool is gone */
	MemoryContext context;		/* of this struct; its reset closes the request */
	MemoryContextCallback release;
	CURL	   *easy;
	struct curl_slist *headers;
	int			connect_timeout;
	int			read_timeout;
	HttpOutcome outcome;
	char		message[CURL_ERROR_SIZE];
	bool		answered;		/* the header is complete */
	char	   *header;			/* malloc'd, ended by NUL */
	size_t		header_length;
	char	   *window;			/* malloc'd ring of the body's bytes */
	size_t		window_size;
	size_t		window_start;
	size_t		window_used;
	bool		paused;
	uint64		moved;			/* grows whenever something of this request moves */
};

/* ---- libcurl's callbacks ---- */

static size_t
on_header(char *bytes, size_t size, size_t count, void *arg)
{
	HttpRequest *request = (HttpRequest *) arg;
	size_t		length = size * count;
	char	   *grown;

	request->moved++;
	/* An interim answer (100 Continue) is followed by another header: keep the last. */
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		request->header_length = 0;
	if (request->header_length + length >= HEADER_MAX)
		return 0;
	grown = realloc(request->header, request->header_length + length + 1);
	if (grown == NULL)
		return 0;
	request->header = grown;
	memcpy(grown + request->header_length, bytes, length);
	request->header_length += length;
	grown[request->header_length] = '\0';
	if (length <= 2 && (bytes[0] == '\r' || bytes[0] == '\n'))
	{
		long		status = 0;

		curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
		request->answered = status >= 200;
	}
	return length;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	HttpRequest *request = (HttpRequest *) arg;
	size_t		length = size * count;
	size_t		end;
	size_t		first;

	if (request->window_size - request->window_used < length)
	{
		request->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	end = (request->window_start + request->window_used) % request->window_size;
	first = Min(length, request->window_size - end);
	memcpy(request->window + end, bytes, first);
	memcpy(request->window, bytes + first, length - first);
	request->window_used += length;
	request->moved++;
	return length;
}

static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpPool   *pool = (HttpPool *) arg;
	curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	if (fd != CURL_SOCKET_BAD)
		pool->open_fds++;
	return fd;
}

static int
on_close_socket(void *arg, curl_socket_t fd)
{
	HttpPool   *pool = (HttpPool *) arg;

	pool->open_fds--;
	return close(fd);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	HttpPool   *pool = (HttpPool *) arg;
	int			i = 0;

	while (i < pool->nsockets && pool->sockets[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE)
	{
		if (i < pool->nsockets)
			pool->sockets[i] = pool->sockets[--pool->nsockets];
		return 0;
	}
	if (i == pool->room)
	{
		PoolSocket *grown = realloc(pool->sockets, sizeof(PoolSocket) * (pool->room + 16));

		if (grown == NULL)
			return -1;
		pool->sockets = grown;
		pool->room += 16;
	}
	pool->sockets[i].fd = fd;
	pool->sockets[i].what = what;
	pool->nsockets = Max(pool->nsockets, i + 1);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	HttpPool   *pool = (HttpPool *) arg;

	pool->timer_due = ms == 0;
	pool->timer = ms > 0 ? deadline_in(ms) : DEADLINE_NONE;
	return 0;
}

/* ---- the loop ---- */

static HttpOutcome
outcome_of(CURLcode result)
{
	switch (result)
	{
		case CURLE_OK:
			return HTTP_COMPLETE;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_OPERATION_TIMEDOUT:
			return HTTP_UNREACHABLE;
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_ENGINE_NOTFOUND:
			return HTTP_UNTRUSTED;
		case CURLE_SSL_CONNECT_ERROR:
			return HTTP_UNENCRYPTED;
		case CURLE_URL_MALFORMAT:
		case CURLE_UNSUPPORTED_PROTOCOL:
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_WRITE_ERROR:
		case CURLE_HTTP2:
			return HTTP_INVALID;
		default:
			return HTTP_BROKEN;
	}
}

static void
request_end(HttpRequest *request, HttpOutcome outcome, const char *message)
{
	request->outcome = outcome;
	if (request->message[0] == '\0')
		strlcpy(request->message, message, sizeof(request->message));
}

/* Take note of the requests that libcurl says have ended. */
static void
collect_ended(HttpPool *pool)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(pool->multi, &left)) != NULL)
	{
		char	   *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		request_end((HttpRequest *) private, outcome_of(message->data.result),
					curl_easy_strerror(message->data.result));
	}
}

/* Tell fd.c what libcurl opened and closed; not from within a callback. */
static void
count_fds(HttpPool *pool)
{
	for (; pool->counted_fds < pool->open_fds; pool->counted_fds++)
		ReserveExternalFD();
	for (; pool->counted_fds > pool->open_fds; pool->counted_fds--)
		ReleaseExternalFD();
}

static void
pool_act(HttpPool *pool, curl_socket_t fd, int what)
{
	sigset_t	saved;
	int			running;

	signals_block(&saved);
	curl_multi_socket_action(pool->multi, fd, what, &running);
	signals_restore(&saved);
}

static void
pool_fire_timer(HttpPool *pool)
{
	if (!pool->timer_due && (pool->timer == DEADLINE_NONE || deadline_left(pool->timer) > 0))
		return;
	pool->timer_due = false;
	pool->timer = DEADLINE_NONE;
	pool_act(pool, CURL_SOCKET_TIMEOUT, 0);
}

/*
 * Act on sockets that are ready, waiting up to timeout_ms with poll(2): not interruptible, cannot fail, and cheaper than
 * a wait event set where something is ready already. Returns how many were.
 */
static int
pool_poll(HttpPool *pool, int timeout_ms)
{
	struct pollfd polled[64];
	int			count = Min(pool->nsockets, (int) lengthof(polled));
	int			ready;

	for (int i = 0; i < count; i++)
	{
		polled[i].fd = pool->sockets[i].fd;
		polled[i].events = (pool->sockets[i].what & CURL_POLL_IN ? POLLIN : 0)
			| (pool->sockets[i].what & CURL_POLL_OUT ? POLLOUT : 0);
		polled[i].revents = 0;
	}
	ready = poll(polled, count, timeout_ms);
	for (int i = 0; ready > 0 && i < count; i++)
	{
		int			what = (polled[i].revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0)
			| (polled[i].revents & POLLOUT ? CURL_CSELECT_OUT : 0)
			| (polled[i].revents & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);

		if (what != 0)
			pool_act(pool, polled[i].fd, what);
	}
	return Max(ready, 0);
}

/* The same, interruptibly. */
static void
pool_wait(HttpPool *pool, long timeout_ms)
{
	WaitSocket *waited = palloc(sizeof(WaitSocket) * (pool->nsockets + 1));
	int			count = pool->nsockets;

	for (int i = 0; i < count; i++)
	{
		waited[i].fd = pool->sockets[i].fd;
		waited[i].events = (pool->sockets[i].what & CURL_POLL_IN ? WL_SOCKET_READABLE : 0)
			| (pool->sockets[i].what & CURL_POLL_OUT ? WL_SOCKET_WRITEABLE : 0);
	}
	if (wait_sockets(waited, count, timeout_ms) > 0)
		for (int i = 0; i < count; i++)
			if (waited[i].ready != 0)
				pool_act(pool, waited[i].fd,
						 (waited[i].ready & WL_SOCKET_READABLE ? CURL_CSELECT_IN : 0)
							 | (waited[i].ready & WL_SOCKET_WRITEABLE ? CURL_CSELECT_OUT : 0));
	pfree(waited);
}

/* Let the pool progress, waiting up to timeout_ms (-1: no limit) for something to happen. */
static void
pool_step(HttpPool *pool, long timeout_ms)
{
	long		timeout = pool->timer_due ? 0 : deadline_cap(pool->timer, timeout_ms);

	if (!pool->quiet)
		CHECK_FOR_INTERRUPTS();
	if (pool->quiet)
		pool_poll(pool, timeout < 0 ? WAIT_SLICE_MS : (int) Min(timeout, WAIT_SLICE_MS));
	else if (pool_poll(pool, 0) == 0 && timeout != 0)
		pool_wait(pool, timeout);
	pool_fire_timer(pool);
	collect_ended(pool);
	count_fds(pool);
}

/* What must happen to a request, and how long it may take. */
static bool
has_answer(HttpRequest *request)
{
	return request->answered;
}

static bool
has_bytes(HttpRequest *request)
{
	return request->window_used > 0;
}

bool
http_connected(const HttpRequest *request)
{
	curl_off_t	microseconds = 0;

	if (request->easy != NULL)
		curl_easy_getinfo(request->easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
	return microseconds > 0;
}

/* A number that changes when anything of the request moved: bytes up, bytes down, the connection. */
static uint64
moved_so_far(HttpRequest *request)
{
	curl_off_t	up = 0;

	curl_easy_getinfo(request->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	return request->moved + (uint64) up + (http_connected(request) ? 1 : 0);
}

static void
fail_in_time(HttpRequest *request, Deadline stall)
{
	HttpPool   *pool = request->pool;

	if (deadline_left(pool->deadline) == 0)
		request_end(request, HTTP_EXPIRED, "the time allowed for it has passed");
	else if (deadline_left(stall) != 0)
		return;
	else if (http_connected(request))
		request_end(request, HTTP_STALLED, "nothing was received or sent within the read timeout");
	else
		request_end(request, HTTP_UNREACHABLE, "no connection within the connect timeout");
}

static void
wait_until(HttpRequest *request, bool (*reached) (HttpRequest *))
{
	HttpPool   *pool = request->pool;
	Deadline	stall = DEADLINE_NONE;
	uint64		moved = 0;

	while (request->outcome == HTTP_RUNNING && !reached(request))
	{
		uint64		now_moved = moved_so_far(request);

		if (stall == DEADLINE_NONE || now_moved != moved)
			stall = deadline_in(http_connected(request) ? request->read_timeout : request->connect_timeout);
		moved = now_moved;
		pool_step(pool, deadline_cap(pool->deadline, deadline_left(stall)));
		/* What arrived in the last moment counts. */
		if (request->outcome == HTTP_RUNNING && !reached(request) && moved_so_far(request) == moved)
			fail_in_time(request, stall);
	}
}

bool
http_answered(HttpRequest *request)
{
	wait_until(request, has_answer);
	return request->answered && (request->outcome == HTTP_RUNNING || request->outcome == HTTP_COMPLETE);
}

/* Let the sender go on once there is room for more than a trickle. */
static void
resume(HttpRequest *request)
{
	sigset_t	saved;

	if (!request->paused || request->window_size - request->window_used < WINDOW_MIN
		|| request->outcome != HTTP_RUNNING)
		return;
	request->paused = false;
	signals_block(&saved);
	curl_easy_pause(request->easy, CURLPAUSE_CONT);
	signals_restore(&saved);
}

size_t
http_read(HttpRequest *request, char *buffer, size_t size)
{
	size_t		length;
	size_t		first;

	wait_until(request, has_bytes);
	length = Min(size, request->window_used);
	first = Min(length, request->window_size - request->window_start);
	memcpy(buffer, request->window + request->window_start, first);
	memcpy(buffer + first, request->window, length - first);
	request->window_start = (request->window_start + length) % request->window_size;
	request->window_used -= length;
	resume(request);
	return length;
}

void
http_drive(HttpPool *pool)
{
	pool_step(pool, 0);
}

void
http_sleep(HttpPool *pool, long ms)
{
	Deadline	end = deadline_in(ms);
	long		left;

	while ((left = deadline_cap(pool->deadline, deadline_left(end))) > 0)
		pool_step(pool, left);
}

void
http_wait(HttpPool *pool, long ms)
{
	pool_step(pool, deadline_cap(pool->deadline, ms));
}

size_t
http_held(const HttpRequest *request)
{
	return request->window_used;
}

/* ---- pools ---- */

static void
library_init(void)
{
	static bool initialized = false;
	sigset_t	saved;
	CURLcode	result;

	if (initialized)
		return;
	signals_block(&saved);
	result = curl_global_init(CURL_GLOBAL_DEFAULT);
	signals_restore(&saved);
	if (result != CURLE_OK)
		elog(ERROR, "curl_global_init: %s", curl_easy_strerror(result));
	initialized = true;
}

static void
out_of_memory(void)
{
	ereport(ERROR,
			errcode(ERRCODE_OUT_OF_MEMORY),
			errmsg("out of memory"),
			errdetail("Failed while preparing an HTTP request."));
}

HttpPool *
http_pool_create(void)
{
	HttpPool   *pool;

	library_init();
	pool = calloc(1, sizeof(HttpPool));
	if (pool == NULL)
		out_of_memory();
	dlist_init(&pool->requests);
	pool->multi = curl_multi_init();
	if (pool->multi == NULL)
	{
		free(pool);
		out_of_memory();
	}
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
	curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	return pool;
}

void
http_pool_limit(HttpPool *pool, Deadline deadline, bool quiet)
{
	pool->deadline = deadline;
	pool->quiet = quiet;
}

/* Give back all that libcurl and malloc hold for a request; what was read of it stays readable until then. */
static void
request_release(HttpRequest *request)
{
	HttpPool   *pool = request->pool;
	sigset_t	saved;

	if (pool == NULL)
		return;
	request->pool = NULL;
	dlist_delete(&request->node);
	signals_block(&saved);
	curl_multi_remove_handle(pool->multi, request->easy);
	curl_easy_cleanup(request->easy);
	signals_restore(&saved);
	curl_slist_free_all(request->headers);
	free(request->header);
	free(request->window);
	request->easy = NULL;
	request->headers = NULL;
	request->header = NULL;
	request->window = NULL;
	request->window_used = 0;
	if (request->outcome == HTTP_RUNNING)
		request_end(request, HTTP_BROKEN, "the connection was closed");
	count_fds(pool);
}

static void
request_release_callback(void *arg)
{
	request_release((HttpRequest *) arg);
}

void
http_pool_destroy(HttpPool *pool)
{
	dlist_mutable_iter iter;
	sigset_t	saved;

	dlist_foreach_modify(iter, &pool->requests)
		request_release(dlist_container(HttpRequest, node, iter.cur));
	signals_block(&saved);
	curl_multi_cleanup(pool->multi);
	signals_restore(&saved);
	count_fds(pool);
	free(pool->sockets);
	free(pool);
}

/* ---- requests ---- */

static bool
request_headers(HttpRequest *request, const HttpSpec *spec)
{
	/* What libcurl would add by itself. */
	static const char *const unwanted[] = {"Expect:", "Content-Type:", "Accept:", NULL};
	const char *const *lists[] = {unwanted, spec->headers};

	for (int i = 0; i < lengthof(lists); i++)
		for (const char *const *line = lists[i]; line && *line; line++)
		{
			struct curl_slist *longer = curl_slist_append(request->headers, *line);

			if (longer == NULL)
				return false;
			request->headers = longer;
		}
	return true;
}

static void
set_rules(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, TRANSFER_BUFFER);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BUFFER);
	/* Ours runs only while somebody waits; this one must never be the first. */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 24L * 3600);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Closing a request must not wait for its resolver thread, which ends by itself. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

static void
set_callbacks(HttpRequest *request)
{
	CURL	   *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->message);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request->pool);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, request->pool);
}

/* False when memory ran out. */
static bool
set_content(CURL *easy, const HttpSpec *spec)
{
	if (spec->body != NULL)
	{
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) spec->body_length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, spec->body);
	}
	else if (strcmp(spec->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (spec->ca_file != NULL && curl_easy_setopt(easy, CURLOPT_CAINFO, spec->ca_file) != CURLE_OK)
		return false;
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, spec->method) == CURLE_OK
		&& curl_easy_setopt(easy, CURLOPT_URL, spec->url) == CURLE_OK;
}

/* Fail with a clear message before libcurl does with an obscure one. */
static void
check_descriptors(void)
{
	if (AcquireExternalFD())
		ReleaseExternalFD();
	else
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not open another connection: too many open files"),
				errhint("Raise \"max_files_per_process\", or fetch from fewer objects at once."));
}

static HttpRequest *
request_create(HttpPool *pool)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "HTTP request", ALLOCSET_SMALL_SIZES);
	HttpRequest *request = MemoryContextAllocZero(context, sizeof(HttpRequest));

	request->context = context;
	request->easy = curl_easy_init();
	if (request->easy == NULL)
	{
		MemoryContextDelete(context);
		out_of_memory();
	}
	request->pool = pool;
	dlist_push_tail(&pool->requests, &request->node);
	request->release.func = request_release_callback;
	request->release.arg = request;
	MemoryContextRegisterResetCallback(context, &request->release);
	return request;
}

HttpRequest *
http_start(HttpPool *pool, const HttpSpec *spec)
{
	HttpRequest *request;
	sigset_t	saved;
	CURLMcode	added;

	check_descriptors();
	request = request_create(pool);
	request->connect_timeout = spec->connect_timeout;
	request->read_timeout = spec->read_timeout;
	request->window_size = Max(spec->window, (size_t) WINDOW_MIN);
	request->window = malloc(request->window_size);
	if (request->window == NULL || !request_headers(request, spec) || !set_content(request->easy, spec))
		out_of_memory();
	set_rules(request->easy);
	set_callbacks(request);
	curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
	signals_block(&saved);
	added = curl_multi_add_handle(pool->multi, request->easy);
	signals_restore(&saved);
	if (added != CURLM_OK)
		elog(ERROR, "curl_multi_add_handle: %s", curl_multi_strerror(added));
	return request;
}

void
http_close(HttpRequest *request)
{
	MemoryContextDelete(request->context);
}

HttpOutcome
http_outcome(const HttpRequest *request)
{
	return request->outcome;
}

const char *
http_message(const HttpRequest *request)
{
	return request->message;
}

int
http_status(const HttpRequest *request)
{
	long		status = 0;

	if (request->easy != NULL && request->answered)
		curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int) status;
}

char *
http_header(const HttpRequest *request, const char *name)
{
	size_t		length = strlen(name);
	const char *line = request->header;

	while (line != NULL && *line != '\0')
	{
		const char *end = strchr(line, '\n');
		const char *value = line + length + 1;

		if (end == NULL)
			end = line + strlen(line);
		if (end - line > length && line[length] == ':' && pg_strncasecmp(line, name, length) == 0)
		{
			while (value < end && (*value == ' ' || *value == '\t'))
				value++;
			while (end > value && isspace((unsigned char) end[-1]))
				end--;
			return pnstrdup(value, end - value);
		}
		line = *end ? end + 1 : end;
	}
	return NULL;
}

TimestampTz
http_date(const HttpRequest *request, const char *name)
{
	char	   *value = http_header(request, name);
	time_t		seconds = value ? curl_getdate(value, NULL) : -1;

	return seconds > 0 ? time_t_to_timestamptz(seconds) : 0;
}

int64
http_length(const HttpRequest *request)
{
	curl_off_t	length = -1;

	if (request->easy != NULL)
		curl_easy_getinfo(request->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length;
}
