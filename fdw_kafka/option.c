/*
 * option.c
 *		The option table of fdw_kafka, its validator, and the checks that concern two options at once.
 *
 * An allow-list: no setting of the library's is passed on as it stands.
 */
#include "postgres.h"

#include "fdw_kafka/option.h"

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/json.h"
#include "common/option.h"

PG_FUNCTION_INFO_V1(fdw_kafka_validator);
PG_FUNCTION_INFO_V1(fdw_kafka_options);

static const OptionChoice securities[] = {
	{"plaintext", KAFKA_SECURITY_PLAINTEXT},
	{"ssl", KAFKA_SECURITY_SSL},
	{"sasl_plaintext", KAFKA_SECURITY_SASL_PLAINTEXT},
	{"sasl_ssl", KAFKA_SECURITY_SASL_SSL},
	{NULL}};
static const OptionChoice mechanisms[] = {
	{"PLAIN", KAFKA_MECHANISM_PLAIN},
	{"SCRAM-SHA-256", KAFKA_MECHANISM_SCRAM_SHA_256},
	{"SCRAM-SHA-512", KAFKA_MECHANISM_SCRAM_SHA_512},
	{NULL}};
static const OptionChoice isolations[] = {
	{"read_committed", KAFKA_ISOLATION_COMMITTED}, {"read_uncommitted", KAFKA_ISOLATION_UNCOMMITTED}, {NULL}};
static const OptionChoice formats[] = {
	{"json", KAFKA_FORMAT_JSON},
	{"csv", KAFKA_FORMAT_CSV},
	{"text", KAFKA_FORMAT_TEXT},
	{"raw", KAFKA_FORMAT_RAW},
	{NULL}};
static const OptionChoice reactions[] = {{"stop", KAFKA_ON_ERROR_STOP}, {"keep", KAFKA_ON_ERROR_KEEP}, {NULL}};
static const OptionChoice compressions[] = {
	{"none", KAFKA_COMPRESSION_NONE},
	{"gzip", KAFKA_COMPRESSION_GZIP},
	{"snappy", KAFKA_COMPRESSION_SNAPPY},
	{"lz4", KAFKA_COMPRESSION_LZ4},
	{"zstd", KAFKA_COMPRESSION_ZSTD},
	{NULL}};
static const OptionChoice metadata[] = {
	{"topic", KAFKA_METADATA_TOPIC},
	{"partition", KAFKA_METADATA_PARTITION},
	{"offset", KAFKA_METADATA_OFFSET},
	{"timestamp", KAFKA_METADATA_TIMESTAMP},
	{"timestamp_type", KAFKA_METADATA_TIMESTAMP_TYPE},
	{"key", KAFKA_METADATA_KEY},
	{"headers", KAFKA_METADATA_HEADERS},
	{"value", KAFKA_METADATA_VALUE},
	{"error", KAFKA_METADATA_ERROR},
	{NULL}};

#define FIELD(name) offsetof(KafkaOptions, name)
/* Column options have no field in KafkaOptions; they are only checked against the table. */
#define COLUMN_FIELD 0

static const OptionDef options[] = {
	{"brokers", OPTION_SERVER, OPTION_STRING, FIELD(settings.brokers), NULL,
	 "Brokers to begin with, as host:port, separated by commas; the cluster tells of the others.",
	 .flags = OPTION_REQUIRED},
	{"security_protocol", OPTION_SERVER, OPTION_ENUM, FIELD(settings.security), "plaintext",
	 "Whether connections use TLS (ssl) and passwords (sasl).", .choices = securities},
	{"sasl_mechanism", OPTION_SERVER, OPTION_ENUM, FIELD(settings.mechanism), "SCRAM-SHA-512",
	 "How the password is proven to brokers.", .choices = mechanisms},
	{"allow_plaintext_password", OPTION_SERVER, OPTION_BOOL, FIELD(settings.allow_plaintext_password), "false",
	 "Let security_protocol sasl_plaintext send user name and password over connections without TLS."},
	{"ca_file", OPTION_SERVER, OPTION_STRING, FIELD(settings.ca_file), NULL,
	 "File of certificates (PEM) that a broker's certificate must lead to; without it, the system's.",
	 .flags = OPTION_FILE},
	{"certificate_file", OPTION_SERVER, OPTION_STRING, FIELD(settings.certificate_file), NULL,
	 "File with the client's certificate (PEM).", .flags = OPTION_FILE},
	{"key_file", OPTION_SERVER, OPTION_STRING, FIELD(settings.key_file), NULL,
	 "File with the private key of the client's certificate (PEM).", .flags = OPTION_FILE},
	{"verify_hostname", OPTION_SERVER, OPTION_BOOL, FIELD(settings.verify_hostname), "true",
	 "A broker's certificate must name its host."},
	{"connect_timeout", OPTION_SERVER, OPTION_TIME, FIELD(settings.connect_timeout), "10s",
	 "How long it may take until a broker has answered.", 1, 3600000},
	{"read_timeout", OPTION_SERVER, OPTION_TIME, FIELD(settings.read_timeout), "30s",
	 "How long a scan may wait without any progress; then it fails.", 1, 86400000},
	{"send_timeout", OPTION_SERVER, OPTION_TIME, FIELD(settings.send_timeout), "60s",
	 "How long COMMIT may wait for the confirmation of a record that it sends.", 1, 86400000},
	{"fetch_budget", OPTION_SERVER | OPTION_TABLE, OPTION_BYTES, FIELD(settings.fetch_budget), "64MB",
	 "Memory for records that are fetched ahead, over all partitions of a scan.", 16.0 * 1024 * 1024,
	 16.0 * 1024 * 1024 * 1024},
	{"isolation", OPTION_SERVER | OPTION_TABLE, OPTION_ENUM, FIELD(settings.isolation), "read_committed",
	 "Whether records of open and aborted Kafka transactions are read.", .choices = isolations},

	{"username", OPTION_MAPPING, OPTION_STRING, FIELD(settings.username), NULL, "User name for SASL."},
	{"password", OPTION_MAPPING, OPTION_STRING, FIELD(settings.password), NULL, "Password for SASL.",
	 .flags = OPTION_SECRET},
	{"key_password", OPTION_MAPPING, OPTION_STRING, FIELD(settings.key_password), NULL, "Password of the file key_file.",
	 .flags = OPTION_SECRET},

	{"topic", OPTION_TABLE, OPTION_STRING, FIELD(topic), NULL, "The topic.", .flags = OPTION_REQUIRED},
	{"format", OPTION_TABLE | OPTION_IMPORT, OPTION_ENUM, FIELD(format), "json",
	 "What a record's value holds: a JSON object, a line of comma separated values, text, or bytes. On import: what the "
	 "tables' columns are made for.", .choices = formats},
	{"on_error", OPTION_TABLE, OPTION_ENUM, FIELD(on_error), "stop",
	 "A record that cannot be read as the format says ends the query, or is a row with its metadata, an error in the "
	 "column with metadata error, and NULL elsewhere.", .choices = reactions},
	{"delimiter", OPTION_TABLE, OPTION_CHAR, FIELD(delimiter), ",", "csv: stands between two values; \\t is a tab."},
	{"quote", OPTION_TABLE, OPTION_CHAR, FIELD(quote), "\"", "csv: stands around a value."},
	{"escape", OPTION_TABLE, OPTION_CHAR, FIELD(escape), NULL,
	 "csv: stands before a quote inside quotes; by default the quote itself."},
	{"null", OPTION_TABLE, OPTION_STRING, FIELD(null), "", "csv: the unquoted value that is NULL."},
	{"rows", OPTION_TABLE, OPTION_INT, FIELD(rows), "10000",
	 "How many rows the planner expects before ANALYZE has counted them.", 1, PG_INT32_MAX},
	{"use_remote_estimate", OPTION_SERVER | OPTION_TABLE, OPTION_BOOL, FIELD(use_remote_estimate), "false",
	 "Let the planner ask the brokers how many records there are."},
	{"transactional", OPTION_TABLE, OPTION_BOOL, FIELD(transactional), "false",
	 "Send what a transaction writes as one transaction of Kafka's: all or none of it is read by others."},
	{"compression", OPTION_TABLE, OPTION_ENUM, FIELD(compression), "lz4", "How records are compressed that are sent.",
	 .choices = compressions},
	{"max_message", OPTION_SERVER | OPTION_TABLE, OPTION_BYTES, FIELD(max_message), "1MB",
	 "The longest record that is sent; the topic must allow it too.", 1000, 1000000000},

	{"path", OPTION_COLUMN, OPTION_STRING, COLUMN_FIELD, NULL,
	 "json: where the column's value stands, such as main.temp or weather.0.id; without it, under the column's name."},
	{"metadata", OPTION_COLUMN, OPTION_ENUM, COLUMN_FIELD, NULL,
	 "The column holds a fact about the record; on INSERT, key, value, headers, partition and timestamp set it.",
	 .choices = metadata},
	{"force_null", OPTION_COLUMN, OPTION_BOOL, COLUMN_FIELD, NULL,
	 "csv: a quoted value too is NULL when it equals the null string."},
	{"force_not_null", OPTION_COLUMN, OPTION_BOOL, COLUMN_FIELD, NULL,
	 "csv: no value is taken for NULL."},
	{NULL}};

/* The value of an option in a list, or NULL. */
static char *
option_given(List *list, const char *name)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		DefElem    *elem = lfirst_node(DefElem, lc);

		if (strcmp(elem->defname, name) == 0)
			return defGetString(elem);
	}
	return NULL;
}

static void
reject_options(const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			errmsg("%s", message),
			errhint("%s", hint));
}

static void
check_csv(const KafkaOptions *o)
{
	char		escape = o->escape ? o->escape : o->quote;

	if (strchr("\r\n", o->delimiter) || strchr("\r\n", o->quote) || strchr("\r\n", escape))
		reject_options("delimiter, quote and escape cannot be the end of a line", "Choose another character.");
	if (o->delimiter == o->quote)
		reject_options("delimiter and quote must be different", "Choose another character for one of them.");
	if (strpbrk(o->null, "\r\n") || strchr(o->null, o->delimiter) || strchr(o->null, o->quote))
		reject_options("the null string cannot contain the delimiter, the quote or the end of a line",
					   "Choose another string.");
}

/* Kafka's own rule, so that a name never needs quoting in what the brokers or the library say. */
static void
check_topic(const char *topic)
{
	size_t		length = strlen(topic);

	if (length == 0 || length > 249 || strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0 ||
		strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != length)
		reject_options(psprintf("invalid value for option \"topic\": \"%s\"", topic),
					   "A topic's name has 1 to 249 characters: letters, digits, dots, underscores and hyphens.");
}

static void
check_table(List *list)
{
	KafkaOptions o = {0};

	option_defaults(options, &o);
	option_read(options, list, &o);
	check_topic(o.topic);
	check_csv(&o);
}

static void
check_server(List *list)
{
	KafkaOptions o = {0};

	option_defaults(options, &o);
	option_read(options, list, &o);
	if (strspn(o.settings.brokers, ", \t") == strlen(o.settings.brokers))
		reject_options("invalid value for option \"brokers\"", "It is a list such as host1:9092,host2:9092.");
	if (strpbrk(o.settings.brokers, "/@") != NULL)
		reject_options("invalid value for option \"brokers\"",
					   "It is a list such as host1:9092,host2:9092, without protocol and user name.");
	if (o.settings.security == KAFKA_SECURITY_SASL_PLAINTEXT && !o.settings.allow_plaintext_password)
		reject_options("security_protocol \"sasl_plaintext\" sends user names and passwords over connections without TLS",
					   "Use sasl_ssl, or set the option allow_plaintext_password to true where the network is trusted.");
	if ((o.settings.certificate_file == NULL) != (o.settings.key_file == NULL))
		reject_options("certificate_file and key_file belong together", "Set both or neither.");
}

static void
check_mapping(List *list)
{
	if ((option_given(list, "username") == NULL) != (option_given(list, "password") == NULL))
		reject_options("username and password belong together", "Set both or neither.");
}

static void
check_column(List *list)
{
	if (option_given(list, "metadata") != NULL && list_length(list) > 1)
		reject_options("a column with option \"metadata\" takes no other option",
					   "Its value does not come from the record's fields.");
	if (option_given(list, "path") != NULL)
		json_path_check(option_given(list, "path"));
}

Datum
fdw_kafka_validator(PG_FUNCTION_ARGS)
{
	List	   *list = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);

	option_validate(options, list, catalog);
	if (catalog == ForeignTableRelationId)
		check_table(list);
	else if (catalog == ForeignServerRelationId)
		check_server(list);
	else if (catalog == UserMappingRelationId)
		check_mapping(list);
	else if (catalog == AttributeRelationId)
		check_column(list);
	PG_RETURN_VOID();
}

Datum
fdw_kafka_options(PG_FUNCTION_ARGS)
{
	return option_rows(fcinfo, options);
}

KafkaOptions *
kafka_server_options(ForeignServer *server, UserMapping *mapping)
{
	KafkaOptions *o = palloc0(sizeof(KafkaOptions));

	option_defaults(options, o);
	option_read(options, server->options, o);
	if (mapping != NULL)
		option_read(options, mapping->options, o);
	return o;
}

KafkaOptions *
kafka_table_options(Oid relid, UserMapping *mapping)
{
	ForeignTable *table = GetForeignTable(relid);
	KafkaOptions *o = kafka_server_options(GetForeignServer(table->serverid), mapping);

	option_read(options, table->options, o);
	return o;
}

KafkaOptions *
kafka_import_options(ForeignServer *server, UserMapping *mapping, List *given)
{
	KafkaOptions *o = kafka_server_options(server, mapping);

	option_validate_import(options, given);
	if (option_given(given, "format") == NULL)
		o->format = KAFKA_FORMAT_TEXT;
	option_read(options, given, o);
	return o;
}

KafkaMetadata
kafka_metadata(const char *name)
{
	if (name == NULL)
		return KAFKA_METADATA_NONE;
	for (const OptionChoice *choice = metadata; choice->name != NULL; choice++)
		if (pg_strcasecmp(choice->name, name) == 0)
			return choice->value;
	return KAFKA_METADATA_NONE;
}

static const char *
choice_name(const OptionChoice *choices, int value)
{
	while (choices->name != NULL && choices->value != value)
		choices++;
	return choices->name;
}

const char *
kafka_format_name(int format)
{
	return choice_name(formats, format);
}

const char *
kafka_compression_name(int compression)
{
	return choice_name(compressions, compression);
}
