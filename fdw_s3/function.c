/*
 * function.c
 *		The SQL functions over servers and buckets: create, list, stat, copy, delete, finish, sweep. Arguments and rows only.
 */
#include "postgres.h"

#include "common/compat.h"
#include "fdw_s3/client.h"
#include "fdw_s3/error.h"
#include "fdw_s3/pending.h"
#include "fdw_s3/sign.h"
#include "catalog/pg_foreign_server.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(fdw_s3_create_bucket);
PG_FUNCTION_INFO_V1(fdw_s3_list);
PG_FUNCTION_INFO_V1(fdw_s3_stat);
PG_FUNCTION_INFO_V1(fdw_s3_copy);
PG_FUNCTION_INFO_V1(fdw_s3_delete);
PG_FUNCTION_INFO_V1(fdw_s3_finish);
PG_FUNCTION_INFO_V1(fdw_s3_sweep);
PG_FUNCTION_INFO_V1(fdw_s3_sign);

/* ---- arguments ---- */

static void
check_wrapper(ForeignServer *server)
{
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	char	   *handler = OidIsValid(wrapper->fdwhandler) ? get_func_name(wrapper->fdwhandler) : NULL;

	if (handler == NULL || strcmp(handler, "fdw_s3_handler") != 0)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("server \"%s\" is not a server of fdw_s3", server->servername));
}

/* The client of the calling role for the server that an argument names. */
static S3Client *
client_of(Name name)
{
	ForeignServer *server = GetForeignServerByName(NameStr(*name), false);
	AclResult	allowed = compat_server_aclcheck(server->serverid, GetUserId(), ACL_USAGE);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_SERVER, server->servername);
	check_wrapper(server);
	return client_get(server->serverid, GetUserId());
}

static char *
text_of(FunctionCallInfo fcinfo, int argument)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
put_row(ReturnSetInfo *result, Datum *values, bool *nulls)
{
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ---- buckets and objects ---- */

Datum
fdw_s3_create_bucket(PG_FUNCTION_ARGS)
{
	S3Client   *client = client_of(PG_GETARG_NAME(0));

	PG_RETURN_BOOL(client->transport->create_bucket(client, text_of(fcinfo, 1)));
}

Datum
fdw_s3_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	S3Client   *client = client_of(PG_GETARG_NAME(0));
	S3Listing  *listing;
	S3Object   *object;

	InitMaterializedSRF(fcinfo, 0);
	listing = s3_list_begin(client, text_of(fcinfo, 1), text_of(fcinfo, 2));
	while ((object = s3_list_next(listing)) != NULL)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = CStringGetTextDatum(object->key);
		values[1] = Int64GetDatum(object->size);
		values[2] = CStringGetTextDatum(object->etag);
		values[3] = TimestampTzGetDatum(object->last_modified);
		put_row(result, values, nulls);
		pfree(object->key);
		pfree(object->etag);
		pfree(object);
	}
	return (Datum) 0;
}

Datum
fdw_s3_stat(PG_FUNCTION_ARGS)
{
	S3Client   *client = client_of(PG_GETARG_NAME(0));
	S3Object	object;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!s3_head(client, text_of(fcinfo, 1), text_of(fcinfo, 2), &object))
		PG_RETURN_NULL();
	values[0] = Int64GetDatum(object.size);
	values[1] = CStringGetTextDatum(object.etag);
	values[2] = TimestampTzGetDatum(object.last_modified);
	nulls[2] = object.last_modified == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum
fdw_s3_copy(PG_FUNCTION_ARGS)
{
	S3Client   *client = client_of(PG_GETARG_NAME(0));

	client->transport->copy(client, text_of(fcinfo, 1), text_of(fcinfo, 2), text_of(fcinfo, 3));
	PG_RETURN_VOID();
}

Datum
fdw_s3_delete(PG_FUNCTION_ARGS)
{
	S3Client   *client = client_of(PG_GETARG_NAME(0));

	PG_RETURN_BOOL(client->transport->delete_object(client, text_of(fcinfo, 1), text_of(fcinfo, 2)));
}

/* ---- uploads ---- */

Datum
fdw_s3_finish(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, pending_finish())
	{
		S3Written  *written = lfirst(lc);
		NameData	server;
		Datum		values[8];
		bool		nulls[8] = {false};

		namestrcpy(&server, written->server);
		values[0] = NameGetDatum(&server);
		values[1] = CStringGetTextDatum(written->bucket);
		values[2] = CStringGetTextDatum(written->key);
		values[3] = Int64GetDatum(written->rows);
		values[4] = Int64GetDatum(written->bytes);
		values[5] = CStringGetTextDatum(written->etag.etag);
		values[6] = CStringGetTextDatum(written->sha256);
		values[7] = BoolGetDatum(written->uploaded);
		put_row(result, values, nulls);
	}
	return (Datum) 0;
}

static void
require_multipart(S3Client *client)
{
	if (!client->transport->multipart)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("engine \"%s\" of server \"%s\" has no multipart uploads", client->transport->name,
					   client->server),
				errhint("Sweep through a server with engine \"native\"."));
}

Datum
fdw_s3_sweep(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	S3Client   *client = client_of(PG_GETARG_NAME(0));
	char	   *bucket = text_of(fcinfo, 1);
	TimestampTz before;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	require_multipart(client);
	before = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
													 PG_GETARG_DATUM(2)));
	foreach(lc, client->transport->multipart_list(client, bucket))
	{
		S3Unfinished *unfinished = lfirst(lc);
		Datum		values[3];
		bool		nulls[3] = {false};

		if (unfinished->initiated > before
			|| !client->transport->multipart_abort(client, bucket, unfinished->key, unfinished->upload_id))
			continue;
		values[0] = CStringGetTextDatum(unfinished->key);
		values[1] = CStringGetTextDatum(unfinished->upload_id);
		values[2] = TimestampTzGetDatum(unfinished->initiated);
		put_row(result, values, nulls);
	}
	return (Datum) 0;
}

/* ---- for the tests ---- */

/*
 * fdw_s3_sign(method, path, query, headers text[] of name, value, ..., payload, time, region, access key, secret key):
 * the Authorization header. Not in the extension's script: the test that holds AWS's vectors declares it for itself.
 */
Datum
fdw_s3_sign(PG_FUNCTION_ARGS)
{
	SignSpec	spec = {0};
	SignParam  *headers;
	Datum	   *elements;
	int			count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	headers = palloc(sizeof(SignParam) * (count / 2 + 1));
	for (int i = 0; i < count / 2; i++)
	{
		headers[i].name = TextDatumGetCString(elements[i * 2]);
		headers[i].value = TextDatumGetCString(elements[i * 2 + 1]);
	}
	spec.method = text_of(fcinfo, 0);
	spec.path = text_of(fcinfo, 1);
	spec.query = text_of(fcinfo, 2);
	spec.headers = headers;
	spec.nheaders = count / 2;
	spec.payload = text_of(fcinfo, 4);
	spec.time = text_of(fcinfo, 5);
	spec.region = text_of(fcinfo, 6);
	spec.access_key = text_of(fcinfo, 7);
	spec.secret_key = text_of(fcinfo, 8);
	PG_RETURN_TEXT_P(cstring_to_text(sign_authorization(&spec)));
}
