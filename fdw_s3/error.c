/*
 * error.c
 *		The table of S3's codes, and the one place where a refusal becomes an ERROR. Built into both engines' modules.
 */
#include "postgres.h"

#include "fdw_s3/error.h"

#include "common/remote.h"
#include "lib/stringinfo.h"

#define HINT_KEYS "Check access_key, secret_key and session_token of the user mapping."
#define HINT_BUSY "The service asks for fewer requests; try again later."
#define HINT_REGION "Set the server option \"region\" to the bucket's region, and the endpoint to that region's."

static const RemoteCode codes[] = {
	{0, "NoSuchBucket", ERRCODE_FDW_SCHEMA_NOT_FOUND,
	 "Check the bucket's name, or make it with fdw_s3_create_bucket()."},
	{0, "NoSuchKey", ERRCODE_UNDEFINED_FILE, NULL},
	{0, "NoSuchUpload", ERRCODE_UNDEFINED_OBJECT, NULL},
	{0, "AccessDenied", ERRCODE_INSUFFICIENT_PRIVILEGE, NULL},
	{0, "AllAccessDisabled", ERRCODE_INSUFFICIENT_PRIVILEGE, NULL},
	{0, "InvalidAccessKeyId", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_KEYS},
	{0, "SignatureDoesNotMatch", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_KEYS},
	{0, "InvalidToken", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_KEYS},
	{0, "ExpiredToken", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "The session token has expired: put a new one into the user mapping."},
	{0, "RequestTimeTooSkewed", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "The clocks of this machine and of the service differ by more than the service allows. Synchronise them."},
	{0, "RequestExpired", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "The clocks of this machine and of the service differ by more than the service allows. Synchronise them."},
	{0, "PreconditionFailed", ERRCODE_T_R_SERIALIZATION_FAILURE, NULL},
	{0, "ConditionalRequestConflict", ERRCODE_T_R_SERIALIZATION_FAILURE, NULL},
	{0, "SlowDown", ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{0, "SlowDownRead", ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{0, "SlowDownWrite", ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{0, "ServiceUnavailable", ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{0, "TooManyRequests", ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{0, "XMinioStorageFull", ERRCODE_DISK_FULL, "The service's disk is full."},
	{0, "BucketAlreadyExists", ERRCODE_DUPLICATE_OBJECT, "It belongs to somebody else: choose another name."},
	{0, "InvalidBucketName", ERRCODE_INVALID_NAME,
	 "A bucket's name has 3 to 63 characters: lower-case letters, digits, dots and hyphens."},
	{0, "KeyTooLongError", ERRCODE_NAME_TOO_LONG, "A key has at most 1024 bytes."},
	{0, "EntityTooLarge", ERRCODE_PROGRAM_LIMIT_EXCEEDED, "Raise the table option part_size."},
	{0, "PermanentRedirect", ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{0, "TemporaryRedirect", ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{0, "AuthorizationHeaderMalformed", ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{0, "IllegalLocationConstraintException", ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{0, "InvalidRegion", ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{301, NULL, ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{307, NULL, ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE, HINT_REGION},
	{401, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, HINT_KEYS},
	{403, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE,
	 "Keys, policy and clocks are what the service may refuse a request for without saying more."},
	{404, NULL, ERRCODE_UNDEFINED_FILE, NULL},
	{412, NULL, ERRCODE_T_R_SERIALIZATION_FAILURE, NULL},
	{429, NULL, ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{503, NULL, ERRCODE_INSUFFICIENT_RESOURCES, HINT_BUSY},
	{0, NULL, 0, NULL}};

/* What may pass when the same request is sent again. */
static const RemoteCode transients[] = {
	{0, "InternalError", 1, NULL},
	{0, "SlowDown", 1, NULL},
	{0, "SlowDownRead", 1, NULL},
	{0, "SlowDownWrite", 1, NULL},
	{0, "ServiceUnavailable", 1, NULL},
	{0, "RequestTimeout", 1, NULL},
	{0, "OperationAborted", 1, NULL},
	{0, "ConditionalRequestConflict", 1, NULL},
	{500, NULL, 1, NULL},
	{502, NULL, 1, NULL},
	{503, NULL, 1, NULL},
	{504, NULL, 1, NULL},
	{429, NULL, 1, NULL},
	{0, NULL, 0, NULL}};

bool
s3_transient(int status, const char *code)
{
	return (code != NULL && *code != '\0' && remote_code(transients, 0, code) != NULL)
		|| remote_code(transients, status, NULL) != NULL;
}

static char *
subject(S3Client *client, const S3Failure *failure)
{
	if (failure->key != NULL)
		return psprintf("object \"%s\" in bucket \"%s\"", failure->key, failure->bucket);
	if (failure->bucket != NULL)
		return psprintf("bucket \"%s\"", failure->bucket);
	return psprintf("server \"%s\"", client->server);
}

/* What the service or the library said, and after how many requests. */
static char *
detail(S3Client *client, const S3Failure *failure)
{
	const char *secrets[] = {client->settings.access_key, client->settings.secret_key,
							 client->settings.session_token};
	StringInfoData text;

	initStringInfo(&text);
	if (failure->status > 0)
		appendStringInfo(&text, "HTTP status %d", failure->status);
	if (failure->code != NULL && *failure->code != '\0')
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 remote_message(failure->code, secrets, lengthof(secrets)));
	if (failure->message != NULL && *failure->message != '\0')
		appendStringInfo(&text, "%s%s", text.len > 0 ? ": " : "",
						 remote_message(failure->message, secrets, lengthof(secrets)));
	while (text.len > 0 && text.data[text.len - 1] == '.')
		text.data[--text.len] = '\0';
	if (failure->attempts > 1)
		appendStringInfo(&text, " (after %d attempts)", failure->attempts);
	appendStringInfoChar(&text, '.');
	return text.data;
}

static const RemoteCode *
row_of(const S3Failure *failure)
{
	const RemoteCode *row = NULL;

	if (failure->code != NULL && *failure->code != '\0')
		row = remote_code(codes, 0, failure->code);
	if (row == NULL && failure->status > 0)
		row = remote_code(codes, failure->status, NULL);
	return row;
}

void
s3_raise(S3Client *client, const S3Failure *failure)
{
	const RemoteCode *row = row_of(failure);
	int			sqlstate = failure->sqlstate ? failure->sqlstate : row ? row->sqlstate : ERRCODE_FDW_ERROR;
	const char *hint = failure->hint ? failure->hint : row ? row->hint : NULL;

	if (failure->region != NULL)
		hint = psprintf("The bucket is in region \"%s\": set the server option \"region\", and the endpoint to match.",
						remote_message(failure->region, NULL, 0));
	ereport(ERROR,
			errcode(sqlstate),
			errmsg("could not %s %s", failure->action, subject(client, failure)),
			errdetail("%s", detail(client, failure)),
			hint ? errhint("%s", hint) : 0);
}
