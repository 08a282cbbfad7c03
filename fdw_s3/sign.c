/*
 * sign.c
 *		Signature Version 4 over PostgreSQL's own HMAC and SHA-256. What is to be sent, native.c decides.
 */
#include "postgres.h"

#include "fdw_s3/sign.h"

#include <time.h>

#include "common/hmac.h"
#include "common/md5.h"
#include "common/sha2.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

void
sign_hex(const uint8 *bytes, size_t length, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++)
	{
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}

void
sign_digest(pg_cryptohash_type type, const void *bytes, size_t length, char *hex)
{
	size_t		size = type == PG_MD5 ? MD5_DIGEST_LENGTH : PG_SHA256_DIGEST_LENGTH;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash = pg_cryptohash_create(type);

	if (hash == NULL
		|| pg_cryptohash_init(hash) < 0
		|| pg_cryptohash_update(hash, bytes, length) < 0
		|| pg_cryptohash_final(hash, digest, size) < 0)
		elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	sign_hex(digest, size, hex);
}

static void
hmac(const void *key, size_t key_length, const char *text, uint8 out[PG_SHA256_DIGEST_LENGTH])
{
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);

	if (context == NULL
		|| pg_hmac_init(context, key, key_length) < 0
		|| pg_hmac_update(context, (const uint8 *) text, strlen(text)) < 0
		|| pg_hmac_final(context, out, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a signature: %s", pg_hmac_error(context));
	pg_hmac_free(context);
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
		|| c == '-' || c == '.' || c == '_' || c == '~';
}

void
sign_encode(StringInfo out, const char *raw, bool keep_slash)
{
	for (; *raw != '\0'; raw++)
	{
		unsigned char c = (unsigned char) *raw;

		if (is_unreserved(c) || (keep_slash && c == '/'))
			appendStringInfoChar(out, c);
		else
			appendStringInfo(out, "%%%02X", c);
	}
}

static int
compare_params(const void *a, const void *b)
{
	return strcmp(((const SignParam *) a)->name, ((const SignParam *) b)->name);
}

char *
sign_query(SignParam *params, int count)
{
	StringInfoData query;

	initStringInfo(&query);
	qsort(params, count, sizeof(SignParam), compare_params);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(&query, '&');
		sign_encode(&query, params[i].name, false);
		appendStringInfoChar(&query, '=');
		sign_encode(&query, params[i].value, false);
	}
	return query.data;
}

void
sign_time(pg_time_t time, char out[SIGN_TIME_SIZE])
{
	time_t		seconds = (time_t) time;
	struct tm	utc;

	gmtime_r(&seconds, &utc);
	strftime(out, SIGN_TIME_SIZE, "%Y%m%dT%H%M%SZ", &utc);
}

/* "name;name": the names of the signed headers. */
static char *
signed_names(const SignSpec *spec)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < spec->nheaders; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ";" : "", spec->headers[i].name);
	return names.data;
}

/* A value without blanks at its ends and with single blanks within. */
static void
append_trimmed(StringInfo out, const char *value)
{
	bool		blank = false;

	while (*value == ' ')
		value++;
	for (; *value != '\0'; value++)
	{
		if (*value == ' ')
		{
			blank = true;
			continue;
		}
		if (blank)
			appendStringInfoChar(out, ' ');
		blank = false;
		appendStringInfoChar(out, *value);
	}
}

static char *
canonical_request(const SignSpec *spec, const char *names)
{
	StringInfoData request;

	initStringInfo(&request);
	appendStringInfo(&request, "%s\n%s\n%s\n", spec->method, spec->path, spec->query);
	for (int i = 0; i < spec->nheaders; i++)
	{
		appendStringInfo(&request, "%s:", spec->headers[i].name);
		append_trimmed(&request, spec->headers[i].value);
		appendStringInfoChar(&request, '\n');
	}
	appendStringInfo(&request, "\n%s\n%s", names, spec->payload);
	return request.data;
}

static void
signing_key(const SignSpec *spec, const char *day, uint8 key[PG_SHA256_DIGEST_LENGTH])
{
	char	   *first = psprintf("AWS4%s", spec->secret_key);

	hmac(first, strlen(first), day, key);
	explicit_bzero(first, strlen(first));
	pfree(first);
	hmac(key, PG_SHA256_DIGEST_LENGTH, spec->region, key);
	hmac(key, PG_SHA256_DIGEST_LENGTH, "s3", key);
	hmac(key, PG_SHA256_DIGEST_LENGTH, "aws4_request", key);
}

char *
sign_authorization(const SignSpec *spec)
{
	char	   *names = signed_names(spec);
	char	   *request = canonical_request(spec, names);
	char	   *day = pnstrdup(spec->time, 8);
	char	   *scope = psprintf("%s/%s/s3/aws4_request", day, spec->region);
	char		hash[SHA256_HEX_SIZE];
	char		signature[SHA256_HEX_SIZE];
	uint8		key[PG_SHA256_DIGEST_LENGTH];

	sign_digest(PG_SHA256, request, strlen(request), hash);
	signing_key(spec, day, key);
	hmac(key, sizeof(key), psprintf("%s\n%s\n%s\n%s", ALGORITHM, spec->time, scope, hash), key);
	sign_hex(key, sizeof(key), signature);
	return psprintf("%s Credential=%s/%s,SignedHeaders=%s,Signature=%s", ALGORITHM, spec->access_key, scope, names,
					signature);
}
