/*
 * put.c
 *		Bytes as an object, for the tests: damaged, truncated and foreign files that no format would write.
 *
 * Not in the extension's script: the tests that need it declare it for themselves.
 */
#include "postgres.h"

#include "common/compat.h"
#include "fdw_s3/client.h"
#include "fdw_s3/upload.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(fdw_s3_put);

/* fdw_s3_put(server name, bucket text, path text, content bytea) */
Datum
fdw_s3_put(PG_FUNCTION_ARGS)
{
	ForeignServer *server = GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)), false);
	bytea	   *content = PG_GETARG_BYTEA_PP(3);
	S3UploadPlan plan = {0};
	S3Upload   *upload;

	plan.bucket = text_to_cstring(PG_GETARG_TEXT_PP(1));
	plan.key = text_to_cstring(PG_GETARG_TEXT_PP(2));
	plan.planned = true;
	upload = upload_begin(client_get(server->serverid, GetUserId()), &plan);
	upload_write(upload, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
	upload_seal(upload, 0);
	PG_RETURN_VOID();
}
