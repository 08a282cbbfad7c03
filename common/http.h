/*
 * http.h
 *		HTTP requests, many at a time, that can be interrupted. Knows neither S3 nor any other service.
 *
 * A pool holds connections that are kept alive and the requests that run over them; all of its requests progress
 * whenever the backend waits for one. A request never follows a redirect, decodes nothing, speaks HTTP/1.1 only, verifies
 * certificates, and takes no proxy from the environment.
 *
 * No function here raises an ERROR for what the network does: a request ends with an outcome, and its caller says what
 * that means. An ERROR comes only from interrupts and from want of memory or descriptors.
 */
#ifndef MEDALLION_HTTP_H
#define MEDALLION_HTTP_H

#include "postgres.h"

#include "common/wait.h"

#pragma GCC visibility push(hidden)

typedef struct HttpPool HttpPool;
typedef struct HttpRequest HttpRequest;

typedef enum HttpOutcome
{
	HTTP_RUNNING,
	HTTP_COMPLETE,				/* the whole answer arrived, whatever its status says */
	HTTP_UNREACHABLE,			/* no connection: name, route, refusal, connect timeout */
	HTTP_UNTRUSTED,				/* the certificate or the ca_file will not do */
	HTTP_UNENCRYPTED,			/* the handshake of TLS failed for another reason: a peer without TLS, or a lost connection */
	HTTP_STALLED,				/* connected, then nothing moved for read_timeout */
	HTTP_BROKEN,				/* the connection ended before the answer did */
	HTTP_EXPIRED,				/* the pool's deadline passed */
	HTTP_INVALID				/* not HTTP, or more header than is good */
} HttpOutcome;

typedef struct HttpSpec
{
	const char *method;
	const char *url;			/* sent as it is */
	const char *const *headers; /* "Name: value", ended by NULL; copied */
	const char *body;			/* not copied: must live until the request is closed; NULL: none */
	size_t		body_length;
	const char *ca_file;		/* NULL: the system's certificates */
	int			connect_timeout;	/* ms; 0: none */
	int			read_timeout;	/* ms; 0: none */
	size_t		window;			/* bytes of the answer held for the reader, then the sender is made to wait */
} HttpSpec;

/* malloc'd, lives until it is destroyed; the ERROR is out of memory. */
extern HttpPool *http_pool_create(void);
/* Requests that are still open end as HTTP_BROKEN. No ERROR. */
extern void http_pool_destroy(HttpPool *pool);

/*
 * How waits behave from now on: until "deadline" at most; "quiet" ones do not look at interrupts and cannot fail, for use
 * where a transaction ends.
 */
extern void http_pool_limit(HttpPool *pool, Deadline deadline, bool quiet);

/*
 * Start a request; it is sent as the pool is driven. It belongs to the current memory context: resetting that closes
 * it. Each takes a child context, so that many can come and go in a long-lived one.
 */
extern HttpRequest *http_start(HttpPool *pool, const HttpSpec *spec);
/* No ERROR, does not wait. */
extern void http_close(HttpRequest *request);

/*
 * Wait until the answer's header is complete; false where the request failed first. The timeouts of the request run
 * while somebody waits for it, so that a reader who is busy elsewhere cannot make it fail.
 */
extern bool http_answered(HttpRequest *request);
/* Wait for and copy out bytes of the body; 0 at its end and on failure: look at the outcome. */
extern size_t http_read(HttpRequest *request, char *buffer, size_t size);
/* Let everything progress that can without waiting. */
extern void http_drive(HttpPool *pool);
/* Sleep while the pool progresses. */
extern void http_sleep(HttpPool *pool, long ms);

/*
 * For who has many requests and waits for whichever moves first: let the pool progress, waiting up to ms (-1: no limit)
 * for something to happen. No request's timeouts run meanwhile; bytes that are held can be read without waiting.
 */
extern void http_wait(HttpPool *pool, long ms);
extern size_t http_held(const HttpRequest *request);
/* Whether the connection, TLS included, is made. */
extern bool http_connected(const HttpRequest *request);

extern HttpOutcome http_outcome(const HttpRequest *request);
/* The library's words about a failure; never NULL, lives as long as the request. */
extern const char *http_message(const HttpRequest *request);
extern int	http_status(const HttpRequest *request);
/* The value of a header of the answer, palloc'd, or NULL. */
extern char *http_header(const HttpRequest *request, const char *name);
/* Such a value as a point in time, or 0 where there is none or it is no date. */
extern TimestampTz http_date(const HttpRequest *request, const char *name);
/* Content-Length, or -1. */
extern int64 http_length(const HttpRequest *request);

#pragma GCC visibility pop

#endif							/* MEDALLION_HTTP_H */
