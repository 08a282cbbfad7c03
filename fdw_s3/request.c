/*
 * request.c
 *		URL and signature of an S3 request, its repetition after a passing failure, and its answer.
 */
#include "postgres.h"

#include "fdw_s3/request.h"

#include <time.h>

#include "common/pg_prng.h"
#include "fdw_s3/error.h"
#include "mb/pg_wchar.h"

#define KEY_MAX 1024
/* Listings of a thousand long keys are a few MB; nothing else comes near. */
#define ANSWER_MAX (32 * 1024 * 1024)
#define SMALL_WINDOW (64 * 1024)
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 5000
#define RETRY_AFTER_MAX_MS 30000

/* ---- building ---- */

static void
check_key(const char *key)
{
	if (key != NULL && (key[0] == '\0' || strlen(key) > KEY_MAX))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_NAME),
				errmsg("invalid object key \"%.100s\"", key),
				errhint("A key has 1 to %d bytes.", KEY_MAX));
}

/* The bucket's name becomes a part of the URL, of the host even: nothing in it may end that part. */
static void
check_names(const S3Call *call)
{
	if (call->bucket != NULL
		&& (strspn(call->bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != strlen(call->bucket)
			|| call->bucket[0] == '\0' || call->bucket[0] == '.'))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_NAME),
				errmsg("invalid bucket name \"%s\"", call->bucket),
				errhint("A bucket's name has 3 to 63 characters: lower-case letters, digits, dots and hyphens."));
	check_key(call->key);
	check_key(call->copy_key);
}

static char *
to_utf8(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

/* An object of the same bucket as a header names it. */
static char *
copy_source(const S3Call *call)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "/%s/", call->bucket);
	sign_encode(&out, to_utf8(call->copy_key), true);
	return out.data;
}

/* The host that a request goes to, and the path as it is sent. */
static void
build_target(S3Client *client, const S3Call *call, char **host, char **path)
{
	StringInfoData out;
	bool		virtual = client->settings.url_style == S3_URL_VIRTUAL && call->bucket != NULL;

	*host = virtual ? psprintf("%s.%s", call->bucket, client->host) : client->host;
	initStringInfo(&out);
	appendStringInfoChar(&out, '/');
	if (call->bucket != NULL && !virtual)
	{
		sign_encode(&out, call->bucket, false);
		if (call->key != NULL)
			appendStringInfoChar(&out, '/');
	}
	if (call->key != NULL)
		sign_encode(&out, to_utf8(call->key), true);
	*path = out.data;
}

/* Over TLS the bytes are safe as they are; elsewhere the signature covers them. */
static char *
payload_hash(S3Client *client, const S3Call *call)
{
	char	   *hash;

	if (client->https)
		return SIGN_UNSIGNED;
	if (call->sha256 != NULL)
		return pstrdup(call->sha256);
	hash = palloc(SHA256_HEX_SIZE);
	sign_digest(PG_SHA256, call->body ? call->body : "", call->length, hash);
	return hash;
}

/* The headers of a request, all signed, in order of names. Returns how many. */
static int
build_headers(S3Client *client, const S3Call *call, char *host, char *payload, char *now, SignParam *headers)
{
	bool		anonymous = client->settings.access_key == NULL;
	int			n = 0;

	headers[n++] = (SignParam) {"host", host};
	if (call->if_match != NULL)
		headers[n++] = (SignParam) {"if-match", psprintf("\"%s\"", call->if_match)};
	if (call->if_absent)
		headers[n++] = (SignParam) {"if-none-match", "*"};
	if (call->from > 0)
		headers[n++] = (SignParam) {"range", psprintf("bytes=" INT64_FORMAT "-", call->from)};
	if (!anonymous)
		headers[n++] = (SignParam) {"x-amz-content-sha256", payload};
	if (call->copy_key != NULL)
		headers[n++] = (SignParam) {"x-amz-copy-source", copy_source(call)};
	if (anonymous)
		return n;
	headers[n++] = (SignParam) {"x-amz-date", now};
	if (client->settings.session_token != NULL)
		headers[n++] = (SignParam) {"x-amz-security-token", client->settings.session_token};
	return n;
}

#define HEADERS_MAX 8

static HttpPool *
client_pool(S3Client *client)
{
	if (client->pool == NULL)
	{
		client->pool = http_pool_create();
		http_pool_limit(client->pool, client->deadline, client->quiet);
	}
	return client->pool;
}

HttpRequest *
request_send(S3Client *client, S3Call *call)
{
	SignParam	headers[HEADERS_MAX];
	const char *lines[HEADERS_MAX + 2] = {NULL};
	char		now[SIGN_TIME_SIZE];
	char	   *host;
	char	   *path;
	char	   *query = sign_query(call->params, call->nparams);
	char	   *payload = payload_hash(client, call);
	int			nheaders;
	HttpSpec	spec = {0};

	check_names(call);
	build_target(client, call, &host, &path);
	sign_time((pg_time_t) time(NULL), now);
	nheaders = build_headers(client, call, host, payload, now, headers);
	for (int i = 0; i < nheaders; i++)
		lines[i] = psprintf("%s: %s", headers[i].name, headers[i].value);
	if (client->settings.access_key != NULL)
	{
		SignSpec	sign = {call->method, path, query, headers, nheaders, payload, now, client->settings.region,
			client->settings.access_key, client->settings.secret_key};

		lines[nheaders] = psprintf("Authorization: %s", sign_authorization(&sign));
	}
	spec.method = call->method;
	spec.url = psprintf("%s://%s%s%s%s", client->https ? "https" : "http", host, path, *query ? "?" : "", query);
	spec.headers = lines;
	spec.body = call->body;
	spec.body_length = call->length;
	spec.ca_file = client->settings.ca_file;
	spec.connect_timeout = client->settings.connect_timeout;
	spec.read_timeout = client->settings.read_timeout;
	spec.window = call->window ? call->window : SMALL_WINDOW;
	return http_start(client_pool(client), &spec);
}

/* ---- answers ---- */

bool
request_answer(HttpRequest *request, size_t limit, S3Answer *answer)
{
	StringInfoData body;
	size_t		length;

	if (!http_answered(request))
		return false;
	answer->status = http_status(request);
	answer->etag = http_header(request, "etag");
	answer->region = http_header(request, "x-amz-bucket-region");
	answer->last_modified = http_header(request, "last-modified");
	answer->length = http_length(request);
	initStringInfo(&body);
	do
	{
		enlargeStringInfo(&body, SMALL_WINDOW);
		length = http_read(request, body.data + body.len, SMALL_WINDOW);
		body.len += length;
	} while (length > 0 && body.len < limit);
	body.data[body.len] = '\0';
	answer->body.data = body.data;
	answer->body.length = body.len;
	return length == 0 && http_outcome(request) == HTTP_COMPLETE;
}

static int
sqlstate_of(HttpOutcome outcome)
{
	switch (outcome)
	{
		case HTTP_UNREACHABLE:
		case HTTP_UNTRUSTED:
		case HTTP_UNENCRYPTED:
			return ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
		case HTTP_INVALID:
			return ERRCODE_PROTOCOL_VIOLATION;
		default:
			return ERRCODE_CONNECTION_FAILURE;
	}
}

bool
request_outcome_transient(HttpOutcome outcome)
{
	return outcome == HTTP_UNREACHABLE || outcome == HTTP_UNENCRYPTED || outcome == HTTP_STALLED || outcome == HTTP_BROKEN;
}

void
request_failed(S3Client *client, const S3Call *call, const HttpRequest *request, int attempts)
{
	HttpOutcome outcome = http_outcome(request);
	S3Failure	failure = {.action = call->action, .bucket = call->bucket, .key = call->key};

	failure.sqlstate = sqlstate_of(outcome);
	failure.message = outcome == HTTP_RUNNING ? "the answer is longer than any should be"
		: outcome == HTTP_EXPIRED ? "the time that the server option commit_timeout allows has passed"
		: http_message(request);
	failure.attempts = attempts;
	if (outcome == HTTP_UNTRUSTED)
		failure.hint = "Where the service has a certificate authority of its own, name its file in the server option ca_file.";
	else if (outcome == HTTP_UNENCRYPTED)
		failure.hint = "Where the service speaks no TLS, the endpoint begins with http://.";
	s3_raise(client, &failure);
}

void
request_refused(S3Client *client, const S3Call *call, const S3Answer *answer)
{
	S3Failure	failure = {.action = call->action, .bucket = call->bucket, .key = call->key};

	failure.status = answer->status;
	failure.code = answer->error.code;
	failure.message = answer->error.message;
	failure.attempts = answer->attempts;
	if (answer->region != NULL && strcmp(answer->region, client->settings.region) != 0)
		failure.region = answer->region;
	/* Not an answer in S3's form, as of a server that expects TLS. */
	if (answer->status == 400 && answer->error.code == NULL && !client->https)
		failure.hint = "Where the service speaks TLS, the endpoint begins with https://.";
	s3_raise(client, &failure);
}

void
request_unreadable(S3Client *client, const S3Call *call, const char *problem)
{
	S3Failure	failure = {.action = call->action, .bucket = call->bucket, .key = call->key};

	failure.sqlstate = ERRCODE_PROTOCOL_VIOLATION;
	failure.message = psprintf("The answer cannot be used: %s", problem);
	s3_raise(client, &failure);
}

void
request_check(S3Client *client, const S3Call *call, const S3Answer *answer)
{
	if (answer->status < 200 || answer->status > 299)
		request_refused(client, call, answer);
}

/* ---- repetition ---- */

static long
retry_after(const HttpRequest *request)
{
	char	   *value = request ? http_header(request, "retry-after") : NULL;
	long		seconds = value && strspn(value, "0123456789") == strlen(value) ? atol(value) : 0;

	return Min(seconds, RETRY_AFTER_MAX_MS / 1000) * 1000;
}

bool
request_backoff(S3Client *client, int attempts, const HttpRequest *request)
{
	long		longest = Min((long) BACKOFF_FIRST_MS << Min(attempts - 1, 10), BACKOFF_MAX_MS);
	/* Half of it at random, so that many sessions that were refused at once do not come back at once. */
	long		delay = longest / 2 + (long) (pg_prng_double(&pg_global_prng_state) * (longest / 2));
	long		left = deadline_left(client->deadline);

	delay = Max(delay, retry_after(request));
	if (client->quiet || attempts > client->settings.retries || (left >= 0 && left <= delay))
		return false;
	http_sleep(client_pool(client), delay);
	return true;
}

void
request_complete(S3Client *client, S3Call *call, HttpRequest *request, S3Answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	for (;;)
	{
		bool		whole = request_answer(request, ANSWER_MAX, answer);

		answer->attempts++;
		if (whole && (answer->status > 299 || call->key != NULL))
			list_read_error(answer->body, &answer->error);
		if (whole && !s3_transient(answer->status, answer->error.code))
			break;
		if (!whole && !request_outcome_transient(http_outcome(request)))
			request_failed(client, call, request, answer->attempts);
		if (!request_backoff(client, answer->attempts, request))
		{
			if (!whole)
				request_failed(client, call, request, answer->attempts);
			break;
		}
		http_close(request);
		request = request_send(client, call);
	}
	http_close(request);
}

void
request_perform(S3Client *client, S3Call *call, S3Answer *answer)
{
	request_complete(client, call, request_send(client, call), answer);
}

int
request_try(S3Client *client, S3Call *call)
{
	S3Answer	answer = {0};
	HttpRequest *request = request_send(client, call);
	bool		whole = request_answer(request, ANSWER_MAX, &answer);

	http_close(request);
	return whole ? answer.status : 0;
}
