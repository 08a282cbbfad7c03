/*
 * client.h
 *		A server and a user mapping as something to talk to, and the calls that the rest of the module makes.
 *
 * Settings come out of the module's option table (option.h): its parsed struct holds an S3Settings as its member
 * "settings", so that one table serves servers, mappings and tables. Which engine answers, only client.c knows.
 */
#ifndef MEDALLION_S3_CLIENT_H
#define MEDALLION_S3_CLIENT_H

#include "postgres.h"

#include "common/http.h"
#include "common/wait.h"
#include "fdw_s3/transport.h"

#pragma GCC visibility push(hidden)

typedef enum S3UrlStyle
{
	S3_URL_PATH,				/* http://host/bucket/key */
	S3_URL_VIRTUAL				/* http://bucket.host/key */
} S3UrlStyle;

typedef enum S3Engine
{
	S3_ENGINE_NATIVE,
	S3_ENGINE_LIBS3
} S3Engine;

/*
 * The options of a server and a user mapping; read by client.c alone. Defaults: region us-east-1, url_style path, engine
 * native, connect_timeout 10 s, read_timeout 30 s, commit_timeout 60 s, retries 4.
 */
typedef struct S3Settings
{
	/* server */
	char	   *endpoint;		/* http://host[:port] or https://...; required */
	char	   *region;
	int			url_style;		/* S3UrlStyle */
	int			engine;			/* S3Engine */
	char	   *ca_file;		/* OPTION_FILE: certificates to trust instead of the system's */
	int			connect_timeout;	/* ms */
	int			read_timeout;	/* ms without any byte moving */
	int			commit_timeout; /* ms for all that is completed at COMMIT */
	int			retries;		/* of a request that failed in a way that may pass */
	bool		allow_unverified_tls;	/* engine libs3 on https */
	/* user mapping; both keys or none: without keys requests are anonymous. All three are OPTION_SECRET */
	char	   *access_key;
	char	   *secret_key;
	char	   *session_token;
} S3Settings;

/* One per user mapping, kept for the session by common/connection. */
struct S3Client
{
	const S3Transport *transport;
	const S3Transport *native;	/* for what the engine cannot prove by itself */
	S3Settings	settings;
	char	   *server;			/* name, for messages */
	bool		https;
	char	   *host;			/* of the endpoint, with ":port" where it is not the scheme's own */
	HttpPool   *pool;			/* native engine: connections that are kept alive */
	Deadline	deadline;		/* of what is under way, or DEADLINE_NONE: retries do not outlive it */
	bool		quiet;			/* the transaction has ended: wait uninterruptibly, within the deadline */
	MemoryContext context;		/* of this struct */
};

/* To be called from _PG_init. */
extern void client_init(void);

/* The client for a server and a role; an ERROR where there is no user mapping. Valid until the end of the transaction. */
extern S3Client *client_get(Oid serverid, Oid userid);

/* Bound what is under way until the next call: see the fields of S3Client. No ERROR. */
extern void client_limit(S3Client *client, Deadline deadline, bool quiet);

/* A scan's view: list, open, read, close. See transport.h for what each promises. */
typedef struct S3Listing S3Listing;

/* The objects under a prefix, page by page, in key order; the listing lives in the current memory context. */
extern S3Listing *s3_list_begin(S3Client *client, const char *bucket, const char *prefix);
/* The next object, in the memory context of the listing, where it stays until the caller frees it; NULL after the last. */
extern S3Object *s3_list_next(S3Listing *listing);

extern bool s3_head(S3Client *client, const char *bucket, const char *key, S3Object *object);
extern S3Stream *s3_open(S3Client *client, const char *bucket, const S3Object *object);
extern size_t s3_read(S3Stream *stream, char *buffer, size_t size);
extern void s3_close(S3Stream *stream);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_CLIENT_H */
