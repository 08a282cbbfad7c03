/*
 * sign.h
 *		AWS Signature Version 4 for S3, and the encoding of paths and queries that it rests on. No network here.
 */
#ifndef MEDALLION_S3_SIGN_H
#define MEDALLION_S3_SIGN_H

#include "postgres.h"

#include "common/cryptohash.h"
#include "lib/stringinfo.h"
#include "pgtime.h"

#pragma GCC visibility push(hidden)

#define SIGN_TIME_SIZE sizeof("20130524T000000Z")
#define SIGN_UNSIGNED "UNSIGNED-PAYLOAD"
#define SHA256_HEX_SIZE 65

typedef struct SignParam
{
	const char *name;
	const char *value;
} SignParam;

typedef struct SignSpec
{
	const char *method;
	const char *path;			/* as it is sent: encoded once */
	const char *query;			/* as sign_query makes it and as it is sent; "" for none */
	const SignParam *headers;	/* those to sign: lower-case names, in order of names, "host" among them */
	int			nheaders;
	const char *payload;		/* hex SHA-256 of the body, or SIGN_UNSIGNED */
	const char *time;			/* sign_time's */
	const char *region;
	const char *access_key;
	const char *secret_key;
} SignSpec;

/* The value of the Authorization header. Palloc'd. */
extern char *sign_authorization(const SignSpec *spec);

/* Append "raw" percent-encoded: everything but A-Z a-z 0-9 - . _ ~ and, where asked, the slash. */
extern void sign_encode(StringInfo out, const char *raw, bool keep_slash);

/* The parameters sorted and encoded as name=value&name=value. Sorts "params" in place. Palloc'd. */
extern char *sign_query(SignParam *params, int count);

/* A time as the signature wants it: 20130524T000000Z. */
extern void sign_time(pg_time_t time, char out[SIGN_TIME_SIZE]);

/* Hashes, in lower-case hex; "hex" holds two characters per byte and a NUL. */
extern void sign_digest(pg_cryptohash_type type, const void *bytes, size_t length, char *hex);
extern void sign_hex(const uint8 *bytes, size_t length, char *hex);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_SIGN_H */
