/*
 * import.c
 *		IMPORT FOREIGN SCHEMA: topics as tables of their records. What values hold, nobody but the user knows.
 */
#include "postgres.h"

#include "fdw_kafka/import.h"

#include "fdw_kafka/client.h"
#include "fdw_kafka/option.h"
#include "foreign/fdwapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* Kafka has no schemas; the one that is imported goes by this name. */
#define REMOTE_SCHEMA "kafka"

static void
check_schema(const ImportForeignSchemaStmt *stmt)
{
	if (strcmp(stmt->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR,
				errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				errmsg("schema \"%s\" does not exist in Kafka", stmt->remote_schema),
				errhint("All topics are in the schema \"%s\".", REMOTE_SCHEMA));
}

/* The types of key and value. */
static void
value_types(int format, const char **key, const char **value)
{
	switch (format)
	{
		case KAFKA_FORMAT_RAW:
			*key = "bytea";
			*value = "bytea";
			return;
		case KAFKA_FORMAT_JSON:
			*key = "text";
			*value = "jsonb";
			return;
		case KAFKA_FORMAT_TEXT:
			*key = "text";
			*value = "text";
			return;
		default:
			ereport(ERROR,
					errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					errmsg("cannot import topics in format \"%s\"", kafka_format_name(format)),
					errhint("Only the user knows the columns: write CREATE FOREIGN TABLE, or import as text."));
	}
}

static void
check_name(const char *topic)
{
	if (strlen(topic) >= NAMEDATALEN)
		ereport(ERROR,
				errcode(ERRCODE_NAME_TOO_LONG),
				errmsg("cannot import topic \"%s\": the name is longer than %d bytes", topic, NAMEDATALEN - 1),
				errhint("Leave the topic out with EXCEPT, or write its CREATE FOREIGN TABLE with option topic."));
}

static char *
create_table(const ImportForeignSchemaStmt *stmt, const char *topic, int format)
{
	StringInfoData sql;
	const char *key;
	const char *value;

	value_types(format, &key, &value);
	check_name(topic);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (\n", quote_identifier(topic));
	appendStringInfoString(&sql, "  \"partition\" pg_catalog.int4 OPTIONS (metadata 'partition'),\n");
	appendStringInfoString(&sql, "  \"offset\" pg_catalog.int8 OPTIONS (metadata 'offset'),\n");
	appendStringInfoString(&sql, "  \"timestamp\" pg_catalog.timestamptz OPTIONS (metadata 'timestamp'),\n");
	appendStringInfo(&sql, "  key pg_catalog.%s OPTIONS (metadata 'key'),\n", key);
	appendStringInfo(&sql, "  value pg_catalog.%s OPTIONS (metadata 'value'),\n", value);
	appendStringInfoString(&sql, "  headers pg_catalog.jsonb OPTIONS (metadata 'headers')\n");
	appendStringInfo(&sql, ") SERVER %s OPTIONS (topic %s, format %s)", quote_identifier(stmt->server_name),
					 quote_literal_cstr(topic), quote_literal_cstr(kafka_format_name(format)));
	return sql.data;
}

List *
kafkaImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid)
{
	KafkaOptions *options = kafka_import_options(GetForeignServer(serverid), NULL, stmt->options);
	KafkaConsumer *consumer;
	List	   *statements = NIL;
	ListCell   *lc;

	check_schema(stmt);
	consumer = consumer_acquire(client_get(serverid, GetUserId()), options->settings.isolation,
								options->settings.fetch_budget);
	foreach(lc, consumer_topics(consumer))
		if (IsImportableForeignTable(lfirst(lc), stmt))
			statements = lappend(statements, create_table(stmt, lfirst(lc), options->format));
	consumer_release(consumer);
	return statements;
}
