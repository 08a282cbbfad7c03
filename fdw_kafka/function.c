/*
 * function.c
 *		The SQL functions over servers and topics: watermarks, lag, create_topic, topic_config, cluster_id. Arguments and rows
 *		only.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/compat.h"
#include "fdw_kafka/client.h"
#include "fdw_kafka/option.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(fdw_kafka_watermarks);
PG_FUNCTION_INFO_V1(fdw_kafka_topic_watermarks);
PG_FUNCTION_INFO_V1(fdw_kafka_lag);
PG_FUNCTION_INFO_V1(fdw_kafka_create_topic);
PG_FUNCTION_INFO_V1(fdw_kafka_topic_config);
PG_FUNCTION_INFO_V1(fdw_kafka_cluster_id);

/* ---- arguments ---- */

static void
check_wrapper(ForeignServer *server)
{
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	char	   *handler = OidIsValid(wrapper->fdwhandler) ? get_func_name(wrapper->fdwhandler) : NULL;

	if (handler == NULL || strcmp(handler, "fdw_kafka_handler") != 0)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("server \"%s\" is not a server of fdw_kafka", server->servername));
}

/* A consumer of the calling role for a server; "options" are the server's, or the table's. */
static KafkaConsumer *
consumer_of(ForeignServer *server, const KafkaOptions *options)
{
	AclResult	allowed = compat_server_aclcheck(server->serverid, GetUserId(), ACL_USAGE);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_SERVER, server->servername);
	check_wrapper(server);
	return consumer_acquire(client_get(server->serverid, GetUserId()), options->settings.isolation,
							options->settings.fetch_budget);
}

static KafkaConsumer *
consumer_of_server(Name name)
{
	ForeignServer *server = GetForeignServerByName(NameStr(*name), false);

	/* Options of another wrapper's server mean nothing here. */
	check_wrapper(server);
	return consumer_of(server, kafka_server_options(server, NULL));
}

/* Of a foreign table that the caller may read; its topic as well. */
static KafkaConsumer *
consumer_of_table(Oid relid, char **topic)
{
	AclResult	allowed;
	ForeignServer *server;
	KafkaOptions *options;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("relation %u is not a foreign table of fdw_kafka", relid));
	allowed = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_TABLE, get_rel_name(relid));
	server = GetForeignServer(GetForeignTable(relid)->serverid);
	check_wrapper(server);
	options = kafka_table_options(relid, NULL);
	*topic = options->topic;
	return consumer_of(server, options);
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

/* ---- watermarks ---- */

static Datum
watermark_rows(FunctionCallInfo fcinfo, KafkaConsumer *consumer, const char *topic)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	KafkaPartition *partitions;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	partitions = consumer_watermarks(consumer, topic, &count);
	consumer_release(consumer);
	for (int i = 0; i < count; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = Int32GetDatum(partitions[i].partition);
		values[1] = Int64GetDatum(partitions[i].low);
		values[2] = Int64GetDatum(partitions[i].high);
		put_row(result, values, nulls);
	}
	return (Datum) 0;
}

Datum
fdw_kafka_watermarks(PG_FUNCTION_ARGS)
{
	char	   *topic;
	KafkaConsumer *consumer = consumer_of_table(PG_GETARG_OID(0), &topic);

	return watermark_rows(fcinfo, consumer, topic);
}

Datum
fdw_kafka_topic_watermarks(PG_FUNCTION_ARGS)
{
	KafkaConsumer *consumer = consumer_of_server(PG_GETARG_NAME(0));

	return watermark_rows(fcinfo, consumer, text_of(fcinfo, 1));
}

/* ---- lag ---- */

/* Positions as two arrays: where each partition's reader stands. */
typedef struct Positions
{
	int			count;
	Datum	   *partitions;
	Datum	   *offsets;
} Positions;

static Positions
positions_of(ArrayType *partitions, ArrayType *offsets)
{
	Positions	positions;
	bool	   *nulls;
	int			count;

	deconstruct_array(partitions, INT4OID, 4, true, TYPALIGN_INT, &positions.partitions, &nulls, &positions.count);
	deconstruct_array(offsets, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &positions.offsets, &nulls, &count);
	if (count != positions.count)
		ereport(ERROR,
				errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("the arrays of partitions and offsets must be of the same length"));
	if (array_contains_nulls(partitions) || array_contains_nulls(offsets))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("the arrays of partitions and offsets cannot contain NULL"));
	return positions;
}

/* The position in a partition; without one its beginning, where a new reader starts. */
static int64
position_in(const Positions *positions, const KafkaPartition *partition)
{
	for (int i = 0; i < positions->count; i++)
		if (DatumGetInt32(positions->partitions[i]) == partition->partition)
			return DatumGetInt64(positions->offsets[i]);
	return partition->low;
}

Datum
fdw_kafka_lag(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Positions	positions = positions_of(PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2));
	char	   *topic;
	KafkaConsumer *consumer = consumer_of_table(PG_GETARG_OID(0), &topic);
	KafkaPartition *partitions;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	partitions = consumer_watermarks(consumer, topic, &count);
	consumer_release(consumer);
	for (int i = 0; i < count; i++)
	{
		int64		position = position_in(&positions, &partitions[i]);
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = Int32GetDatum(partitions[i].partition);
		values[1] = Int64GetDatum(partitions[i].low);
		values[2] = Int64GetDatum(position);
		values[3] = Int64GetDatum(partitions[i].high);
		values[4] = Int64GetDatum(partitions[i].high - position);
		put_row(result, values, nulls);
	}
	return (Datum) 0;
}

/* ---- topics ---- */

/* "name=value" texts as pairs of name and value. */
static char **
config_pairs(ArrayType *config, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **pairs;

	deconstruct_array(config, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	pairs = palloc(sizeof(char *) * (*count * 2 + 1));
	for (int i = 0; i < *count; i++)
	{
		char	   *pair = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
		char	   *equals = pair ? strchr(pair, '=') : NULL;

		if (equals == NULL || equals == pair)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid setting of a topic: \"%s\"", pair ? pair : "NULL"),
					errhint("A setting looks like cleanup.policy=compact."));
		*equals = '\0';
		pairs[i * 2] = pair;
		pairs[i * 2 + 1] = equals + 1;
	}
	return pairs;
}

Datum
fdw_kafka_create_topic(PG_FUNCTION_ARGS)
{
	KafkaConsumer *consumer = consumer_of_server(PG_GETARG_NAME(0));
	int			count;
	char	  **pairs = config_pairs(PG_GETARG_ARRAYTYPE_P(4), &count);
	bool		made;

	made = consumer_create_topic(consumer, text_of(fcinfo, 1), PG_GETARG_INT32(2), PG_GETARG_INT32(3), pairs, count);
	consumer_release(consumer);
	PG_RETURN_BOOL(made);
}

Datum
fdw_kafka_topic_config(PG_FUNCTION_ARGS)
{
	KafkaConsumer *consumer = consumer_of_server(PG_GETARG_NAME(0));
	char	   *value = consumer_topic_config(consumer, text_of(fcinfo, 1), text_of(fcinfo, 2));

	consumer_release(consumer);
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(value));
}

Datum
fdw_kafka_cluster_id(PG_FUNCTION_ARGS)
{
	KafkaConsumer *consumer = consumer_of_server(PG_GETARG_NAME(0));
	char	   *id = consumer_cluster_id(consumer);

	consumer_release(consumer);
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
