/*
 * transport.h
 *		What an engine must be able to do with an object store: one table of functions, which both engines fill in.
 *
 * Callers outside the engines use the wrappers of client.h. Here live the types that cross that border. How a request
 * is signed, sent and repeated, an engine knows; what a transaction owes its uploads, pending.c knows.
 *
 * Rules for every function below unless its comment says otherwise:
 *	- it raises an ERROR (error.h) that names bucket and key, or it did all that it says; it never returns a part of
 *	  an answer as the whole;
 *	- it may wait, always interruptibly;
 *	- strings and structs it returns are palloc'd in the caller's memory context;
 *	- a handle it returns is registered for release in the caller's memory context before it is used: resetting
 *	  that context (which every ERROR leads to) closes it, closing it earlier is welcome.
 */
#ifndef MEDALLION_S3_TRANSPORT_H
#define MEDALLION_S3_TRANSPORT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"

#pragma GCC visibility push(hidden)

typedef struct S3Client S3Client;	/* client.h */

/* An object as a listing or HEAD describes it. */
typedef struct S3Object
{
	char	   *key;			/* within the bucket, decoded, UTF-8 */
	int64		size;			/* bytes; -1 where it is not known */
	char	   *etag;			/* without quotes; NULL where it is not known */
	TimestampTz last_modified;
} S3Object;

/* One page of ListObjectsV2: "token" goes in and comes out. */
typedef struct S3ListPage
{
	const char *bucket;
	const char *prefix;			/* "" for all */
	char	   *token;			/* in: NULL for the first page; out: NULL after the last */
	List	   *objects;		/* out: of S3Object *, in key order */
} S3ListPage;

/* An unfinished multipart upload. */
typedef struct S3Unfinished
{
	char	   *key;
	char	   *upload_id;
	TimestampTz initiated;
} S3Unfinished;

/* A finished part of a multipart upload, or the object that a PUT made. */
#define S3_ETAG_SIZE 128
typedef struct S3Etag
{
	char		etag[S3_ETAG_SIZE];	/* without quotes */
} S3Etag;

/* What to put where. "body" (or "file") must stay untouched until the put is waited for or closed. */
typedef struct S3PutSpec
{
	const char *bucket;
	const char *key;
	const char *body;			/* the bytes; ignored where file is set */
	int64		length;
	File		file;			/* a temporary file that holds them, or -1; only for engines without multipart */
	bool		if_absent;		/* ERROR where an object of that name exists (If-None-Match: *) */
	const char *upload_id;		/* NULL: the whole object; else part number "part" of this multipart upload */
	int			part;			/* from 1 */
	const char *md5;			/* hex MD5 of a whole object: if an answer is lost on the way, it tells what stands there */
	const char *sha256;			/* hex SHA-256 of the bytes, where the caller has it; or NULL */
} S3PutSpec;

/* Engines put a struct of their own behind these, which begins with one of them. */
typedef struct S3Stream
{
	S3Client   *client;
} S3Stream;

typedef struct S3Put
{
	S3Client   *client;
} S3Put;

typedef struct S3Transport
{
	const char *name;			/* the value of the server's option engine */
	bool		multipart;		/* the four multipart functions exist */

	/*
	 * Start to fetch an object. Returns without waiting, so that several can be fetched ahead of the reader: each
	 * keeps a bounded number of bytes in memory, and all progress whenever the backend waits for one of them. With an
	 * etag, only that version will do (a replaced object is an ERROR 40001); with a size, only that many bytes.
	 */
	S3Stream   *(*open) (S3Client *client, const char *bucket, const S3Object *object);
	/* Up to "size" bytes of it, at least 1; 0 only after the last byte of a whole and unchanged object. */
	size_t		(*read) (S3Stream *stream, char *buffer, size_t size);
	/* Never fails and does not wait. */
	void		(*close) (S3Stream *stream);

	/* False where there is no such object; a missing bucket is an ERROR. */
	bool		(*head) (S3Client *client, const char *bucket, const char *key, S3Object *object);
	void		(*list) (S3Client *client, S3ListPage *page);

	/* Start to send; put_wait waits until the server has confirmed, and frees the put. put_close gives up; no ERROR. */
	S3Put	   *(*put) (S3Client *client, const S3PutSpec *spec);
	void		(*put_wait) (S3Put *put, S3Etag *etag);
	void		(*put_close) (S3Put *put);
	/* Let everything that is under way progress, without waiting. */
	void		(*drive) (S3Client *client);

	/* Make an object of the bytes of another one in the same bucket, on the server; ERROR where that one is absent. */
	void		(*copy) (S3Client *client, const char *bucket, const char *key, const char *new_key);
	/* False where it did not exist. */
	bool		(*delete_object) (S3Client *client, const char *bucket, const char *key);
	/* True: made. False: it was there and belongs to the caller. Of another owner: ERROR. */
	bool		(*create_bucket) (S3Client *client, const char *bucket);
	bool		(*head_bucket) (S3Client *client, const char *bucket);

	/* NULL where "multipart" is false. */
	char	   *(*multipart_begin) (S3Client *client, const char *bucket, const char *key);
	/* Make the object of parts 1 .. nparts, and say its etag. */
	void		(*multipart_complete) (S3Client *client, const char *bucket, const char *key, const char *upload_id,
									   const S3Etag *parts, int nparts, bool if_absent, S3Etag *etag);
	/* False where there is no such upload any more. */
	bool		(*multipart_abort) (S3Client *client, const char *bucket, const char *key, const char *upload_id);
	/* All of the bucket, as a List of S3Unfinished *. */
	List	   *(*multipart_list) (S3Client *client, const char *bucket);

	/*
	 * At the end of a transaction: abort a multipart upload or, with upload_id NULL, delete an object. One request,
	 * uninterruptible, within the client's deadline; no ERROR. False where something may be left.
	 */
	bool		(*undo) (S3Client *client, const char *bucket, const char *key, const char *upload_id);
	/* Give back what the engine keeps in the client; no ERROR. */
	void		(*disconnect) (S3Client *client);
} S3Transport;

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_TRANSPORT_H */
