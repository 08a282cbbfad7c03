/*
 * openweather.c
 *		medallion.openweather(): the current weather of many cities, asked for at once.
 *
 * A call is one city; it may take several requests. What goes wrong with one becomes the error of its row: an ERROR comes
 * only from interrupts, from want of memory or descriptors, and from a role that may not use the server. Options are
 * openweather_option.c's, bodies openweather_answer.c's.
 */
#include "postgres.h"

#include "openweather_answer.h"
#include "openweather_option.h"

#include "catalog/pg_type.h"
#include "common/compat.h"
#include "common/http.h"
#include "common/pg_prng.h"
#include "common/remote.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Requests that are under way at once. */
#define RUNNING_MAX 32
/* Answers have less than a kilobyte; what is longer could be too long for a record of Kafka. */
#define BODY_MAX (256 * 1024)
#define WINDOW (64 * 1024)
#define CITY_MAX 256
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 5000

typedef enum CallState
{
	CALL_DUE,					/* waits to be sent */
	CALL_RUNNING,
	CALL_DONE
} CallState;

typedef struct Call
{
	const char *city;			/* as it was asked for; NULL */
	const struct Call *same;	/* an earlier call for the same city: its answer is this one's too */
	CallState	state;
	Deadline	due;			/* not to be sent before; DEADLINE_NONE: at once */
	HttpRequest *request;		/* while it runs */
	Deadline	expiry;			/* of the request */
	StringInfoData body;
	int			attempts;
	int			status;			/* of the last answer; 0: none */
	const char *error;			/* NULL: the body is a reading */
	TimestampTz began;
	TimestampTz ended;
	TimestampTz server_time;	/* what the service's clock said; 0 */
} Call;

typedef struct Poll
{
	WeatherOptions *options;
	HttpPool   *pool;
	Call	   *calls;
	int			ncalls;
	int			running;
	Deadline	end;			/* of all calls */
	Deadline	pause;			/* the service wants nothing before then; DEADLINE_NONE */
	const char *refused;		/* why the key will not do; NULL: nothing is known against it */
} Poll;

/* ---- requests ---- */

/* As a component of a query: all but what RFC 3986 calls unreserved. */
static void
append_encoded(StringInfo out, const char *text)
{
	const char *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);

	for (const unsigned char *c = (const unsigned char *) utf8; *c != '\0'; c++)
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-._~", *c))
			appendStringInfoChar(out, *c);
		else
			appendStringInfo(out, "%%%02X", *c);
}

static char *
call_url(const WeatherOptions *options, const Call *call)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%s?q=", options->url);
	append_encoded(&url, call->city);
	appendStringInfo(&url, "&units=%s", options->units);
	if (options->lang != NULL)
		appendStringInfo(&url, "&lang=%s", options->lang);
	appendStringInfo(&url, "&appid=%s", options->api_key);
	return url.data;
}

static void
call_send(Poll *poll, Call *call)
{
	static const char *const headers[] = {"Accept: application/json", "User-Agent: pg_medallion", NULL};
	HttpSpec	spec = {.method = "GET", .headers = headers, .window = WINDOW};
	char	   *url = call_url(poll->options, call);

	spec.url = url;
	spec.ca_file = poll->options->ca_file;
	call->request = http_start(poll->pool, &spec);
	explicit_bzero(url, strlen(url));
	pfree(url);
	if (call->attempts++ == 0)
		call->began = GetCurrentTimestamp();
	call->state = CALL_RUNNING;
	call->expiry = deadline_in(poll->options->request_timeout);
	call->status = 0;
	resetStringInfo(&call->body);
	poll->running++;
}

static void
call_close(Poll *poll, Call *call)
{
	if (call->request == NULL)
		return;
	http_close(call->request);
	call->request = NULL;
	poll->running--;
}

/* ---- ends of a call ---- */

/* NULL: it went well. */
static void
call_end(Poll *poll, Call *call, const char *error)
{
	call_close(poll, call);
	call->state = CALL_DONE;
	call->ended = GetCurrentTimestamp();
	call->error = error ? remote_message(error, (const char *const *) &poll->options->api_key, 1) : NULL;
}

static long
milliseconds_until(TimestampTz time)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), time);
}

/* What the service asks for in seconds or as a date, in ms from now; -1: it asks for nothing. */
static long
retry_after(const HttpRequest *request)
{
	char	   *value = http_header(request, "retry-after");
	TimestampTz date;

	if (value == NULL || *value == '\0')
		return -1;
	if (strspn(value, "0123456789") == strlen(value))
		return strlen(value) > 6 ? 1000000000L : atol(value) * 1000;
	date = http_date(request, "retry-after");
	return date != 0 ? milliseconds_until(date) : -1;
}

/*
 * Have the request sent again after a while, at least "least" ms (-1: none); false where the time that is left does not
 * allow it. Reading the weather twice does no harm.
 */
static bool
call_again(Poll *poll, Call *call, long least)
{
	long		longest = Min((long) BACKOFF_FIRST_MS << Min(call->attempts - 1, 10), BACKOFF_MAX_MS);
	/* Half of it at random, so that cities that failed together do not come back together. */
	long		delay = longest / 2 + (long) (pg_prng_double(&pg_global_prng_state) * (longest / 2));

	delay = Max(delay, least);
	if (call->attempts > poll->options->retries || delay >= deadline_left(poll->end))
		return false;
	call_close(poll, call);
	call->due = deadline_in(delay);
	call->state = CALL_DUE;
	return true;
}

/* "HTTP status 401: Invalid API key." */
static const char *
refusal(const Call *call, const Answer *answer)
{
	if (call->status >= 300 && call->status <= 399)
		return psprintf("HTTP status %d: a redirect is not followed", call->status);
	return answer->message ? psprintf("HTTP status %d: %s", call->status, answer->message)
		: psprintf("HTTP status %d", call->status);
}

/* Too many requests: nothing more is sent before the time that the service names. */
static void
call_throttled(Poll *poll, Call *call, const Answer *answer)
{
	long		wait = retry_after(call->request);

	if (wait >= 0 && call_again(poll, call, wait))
		poll->pause = poll->pause == DEADLINE_NONE ? call->due : Max(poll->pause, call->due);
	else
		call_end(poll, call, refusal(call, answer));
}

/* A body that should be a reading. */
static void
call_succeeded(Poll *poll, Call *call, const Answer *answer)
{
	const char *error = NULL;

	if (answer->problem != NULL)
		error = psprintf("the answer cannot be used: %s", answer->problem);
	else if (answer->code != 0 && answer->code != call->status)
	{
		error = psprintf("HTTP status %d with code %d%s%s", call->status, answer->code, answer->message ? ": " : "",
						 answer->message ? answer->message : "");
		call->status = answer->code;
	}
	call_end(poll, call, error);
}

/* The whole answer is there. */
static void
call_answered(Poll *poll, Call *call)
{
	Answer		answer;

	call->status = http_status(call->request);
	call->server_time = http_date(call->request, "date");
	answer_redact(call->body.data, call->body.len, poll->options->api_key);
	answer_read(call->body.data, call->body.len, &answer);
	if (call->status == 200)
		call_succeeded(poll, call, &answer);
	else if (call->status == 429)
		call_throttled(poll, call, &answer);
	else if (call->status == 401)
		call_end(poll, call, poll->refused = refusal(call, &answer));
	else if (call->status < 500 || !call_again(poll, call, retry_after(call->request)))
		call_end(poll, call, refusal(call, &answer));
}

/* No whole answer will come. */
static void
call_failed(Poll *poll, Call *call)
{
	HttpOutcome outcome = http_outcome(call->request);
	bool		transient = outcome == HTTP_UNREACHABLE || outcome == HTTP_UNENCRYPTED || outcome == HTTP_BROKEN;

	call->status = http_status(call->request);
	if (!transient || !call_again(poll, call, -1))
		call_end(poll, call, psprintf(call->status == 0 ? "no answer: %s" : "the answer broke off: %s",
									  http_message(call->request)));
}

static void
call_late(Poll *poll, Call *call, int timeout)
{
	call->status = http_status(call->request);
	call_end(poll, call, psprintf("no %s within %g s", http_connected(call->request) ? "whole answer" : "connection",
								  timeout / 1000.0));
}

/* ---- all calls together ---- */

/* Take what has arrived; false where the answer is longer than any should be. */
static bool
call_receive(Call *call)
{
	size_t		held;

	while ((held = http_held(call->request)) > 0)
	{
		if (call->body.len + held > BODY_MAX)
			return false;
		enlargeStringInfo(&call->body, held);
		call->body.len += http_read(call->request, call->body.data + call->body.len, held);
		call->body.data[call->body.len] = '\0';
	}
	return true;
}

static void
call_look(Poll *poll, Call *call)
{
	if (!call_receive(call))
	{
		call->status = http_status(call->request);
		call_end(poll, call, psprintf("the answer is longer than %d bytes", BODY_MAX));
	}
	else if (http_outcome(call->request) == HTTP_COMPLETE)
		call_answered(poll, call);
	else if (http_outcome(call->request) != HTTP_RUNNING)
		call_failed(poll, call);
	else if (deadline_left(poll->end) == 0)
		call_late(poll, call, poll->options->timeout);
	else if (deadline_left(call->expiry) == 0 && !call_again(poll, call, -1))
		call_late(poll, call, poll->options->request_timeout);
}

static long
due_in(const Poll *poll, const Call *call)
{
	return Max(deadline_left(call->due), deadline_left(poll->pause));
}

/* Do what there is to do for a call. */
static void
call_advance(Poll *poll, Call *call)
{
	if (call->state == CALL_RUNNING)
		call_look(poll, call);
	if (call->state != CALL_DUE)
		return;
	if (poll->refused != NULL)
	{
		call->status = 401;
		call_end(poll, call, poll->refused);
	}
	else if (deadline_left(poll->end) == 0)
		call_end(poll, call, psprintf("no answer within %g s", poll->options->timeout / 1000.0));
	else if (poll->running < RUNNING_MAX && due_in(poll, call) <= 0)
		call_send(poll, call);
}

/* How long nothing can happen but on the network, in ms; -1: all calls are done. */
static long
patience(const Poll *poll)
{
	long		wait = -1;

	for (int i = 0; i < poll->ncalls; i++)
	{
		const Call *call = &poll->calls[i];
		long		left = call->state == CALL_RUNNING ? deadline_left(call->expiry)
			: poll->running < RUNNING_MAX ? Max(due_in(poll, call), 0)
			: deadline_left(poll->end);

		if (call->state != CALL_DONE)
			wait = wait < 0 ? left : Min(wait, left);
	}
	return wait < 0 ? -1 : Min(wait, deadline_left(poll->end));
}

static void
poll_perform(Poll *poll)
{
	long		wait;

	for (;;)
	{
		for (int i = 0; i < poll->ncalls; i++)
			call_advance(poll, &poll->calls[i]);
		wait = patience(poll);
		if (wait < 0)
			break;
		http_wait(poll->pool, wait);
	}
}

/* ---- arguments and rows ---- */

/* An earlier call for the same city. */
static const Call *
find_same(const Poll *poll, const char *city)
{
	for (int i = 0; i < poll->ncalls; i++)
		if (poll->calls[i].same == NULL && poll->calls[i].city && strcmp(poll->calls[i].city, city) == 0)
			return &poll->calls[i];
	return NULL;
}

static void
add_call(Poll *poll, char *city)
{
	Call	   *call = &poll->calls[poll->ncalls];

	call->city = city;
	initStringInfo(&call->body);
	if (city == NULL)
		call_end(poll, call, "the city is null");
	else if (city[strspn(city, " \t\r\n")] == '\0')
		call_end(poll, call, "the city has no name");
	else if (strlen(city) > CITY_MAX)
		call_end(poll, call, psprintf("the name of the city is longer than %d bytes", CITY_MAX));
	else
		call->same = find_same(poll, city);
	if (call->same != NULL)
		call->state = CALL_DONE;
	poll->ncalls++;
}

static void
add_calls(Poll *poll, ArrayType *cities)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(cities, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	poll->calls = palloc0(sizeof(Call) * Max(count, 1));
	for (int i = 0; i < count; i++)
		add_call(poll, nulls[i] ? NULL : TextDatumGetCString(values[i]));
}

static Interval *
elapsed(const Call *call)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = call->ended - call->began;
	return interval;
}

static Datum
body_text(const Call *call)
{
	return CStringGetTextDatum(pg_any_to_server(call->body.data, call->body.len, PG_UTF8));
}

static void
put_row(ReturnSetInfo *result, const char *city, const Call *call)
{
	Datum		values[8] = {0};
	bool		nulls[8];

	memset(nulls, true, sizeof(nulls));
#define PUT(i, known, value) if (known) values[i] = (value), nulls[i] = false
	PUT(0, city != NULL, CStringGetTextDatum(city));
	PUT(1, call->status != 0, Int32GetDatum(call->status));
	PUT(2, call->error == NULL, body_text(call));
	PUT(3, call->error != NULL, CStringGetTextDatum(call->error));
	PUT(4, true, Int32GetDatum(call->attempts));
	PUT(5, call->attempts > 0, IntervalPGetDatum(elapsed(call)));
	PUT(6, true, TimestampTzGetDatum(call->ended));
	PUT(7, call->server_time != 0, TimestampTzGetDatum(call->server_time));
#undef PUT
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(medallion_openweather);
Datum
medallion_openweather(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Poll		poll = {0};

	InitMaterializedSRF(fcinfo, 0);
	poll.options = openweather_options(NameStr(*PG_GETARG_NAME(1)), GetUserId());
	poll.end = deadline_in(poll.options->timeout);
	add_calls(&poll, PG_GETARG_ARRAYTYPE_P(0));
	poll.pool = http_pool_create();
	PG_TRY();
	{
		poll_perform(&poll);
	}
	PG_FINALLY();
	{
		http_pool_destroy(poll.pool);
	}
	PG_END_TRY();
	for (int i = 0; i < poll.ncalls; i++)
		put_row(result, poll.calls[i].city, poll.calls[i].same ? poll.calls[i].same : &poll.calls[i]);
	return (Datum) 0;
}
