/*
 * option.c
 *		The option table of fdw_s3, its validator, and the checks that concern two options at once.
 */
#include "postgres.h"

#include "fdw_s3/option.h"

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/json.h"
#include "common/option.h"
#include "fdw_s3/upload.h"
#include "mb/pg_wchar.h"

PG_FUNCTION_INFO_V1(fdw_s3_validator);
PG_FUNCTION_INFO_V1(fdw_s3_options);

static const OptionChoice url_styles[] = {{"path", S3_URL_PATH}, {"virtual", S3_URL_VIRTUAL}, {NULL}};
static const OptionChoice engines[] = {{"native", S3_ENGINE_NATIVE}, {"libs3", S3_ENGINE_LIBS3}, {NULL}};
static const OptionChoice formats[] = {
	{"csv", S3_FORMAT_CSV}, {"jsonl", S3_FORMAT_JSONL}, {"text", S3_FORMAT_TEXT}, {NULL}};
static const OptionChoice compressions[] = {
	{"auto", S3_COMPRESSION_AUTO},
	{"none", S3_COMPRESSION_NONE},
	{"gzip", S3_COMPRESSION_GZIP},
	{"zstd", S3_COMPRESSION_ZSTD},
	{NULL}};
static const OptionChoice headers[] = {
	{"false", S3_HEADER_FALSE}, {"true", S3_HEADER_TRUE}, {"match", S3_HEADER_MATCH}, {NULL}};

/* What a column can hold besides what the file has; the value is not used: columns are known by the name. */
static const OptionChoice metadata[] = {{"path", 0}, {"etag", 1}, {"size", 2}, {"last_modified", 3}, {NULL}};

#define FIELD(name) offsetof(S3Options, name)
/* Column options have no field in S3Options; they are only checked against the table. */
#define COLUMN_FIELD 0

static const OptionDef options[] = {
	{"endpoint", OPTION_SERVER, OPTION_STRING, FIELD(settings.endpoint), NULL,
	 "URL of the service: http:// or https://, host, and port where it is not the usual one.",
	 .flags = OPTION_REQUIRED},
	{"region", OPTION_SERVER, OPTION_STRING, FIELD(settings.region), "us-east-1", "Region that requests are signed for."},
	{"url_style", OPTION_SERVER, OPTION_ENUM, FIELD(settings.url_style), "path",
	 "Where the bucket's name stands: in the path, or in front of the host name.", .choices = url_styles},
	{"engine", OPTION_SERVER, OPTION_ENUM, FIELD(settings.engine), "native",
	 "The code that speaks to the service: our own over libcurl, or the library libs3.", .choices = engines},
	{"ca_file", OPTION_SERVER, OPTION_STRING, FIELD(settings.ca_file), NULL,
	 "File of certificates (PEM) that the service's certificate must lead to; without it, the system's.",
	 .flags = OPTION_FILE},
	{"allow_unverified_tls", OPTION_SERVER, OPTION_BOOL, FIELD(settings.allow_unverified_tls), "false",
	 "Let engine libs3, which accepts any certificate authority, use https."},
	{"connect_timeout", OPTION_SERVER, OPTION_TIME, FIELD(settings.connect_timeout), "10s",
	 "How long a connection may take to be made.", 1, 3600000},
	{"read_timeout", OPTION_SERVER, OPTION_TIME, FIELD(settings.read_timeout), "30s",
	 "How long a request may pass without a byte in either direction.", 1, 86400000},
	{"commit_timeout", OPTION_SERVER, OPTION_TIME, FIELD(settings.commit_timeout), "60s",
	 "How long COMMIT may take to complete the objects that the transaction wrote.", 1, 86400000},
	{"retries", OPTION_SERVER, OPTION_INT, FIELD(settings.retries), "4",
	 "How often a request is repeated after a passing failure (500, 503, 429, a lost connection).", 0, 100},

	{"access_key", OPTION_MAPPING, OPTION_STRING, FIELD(settings.access_key), NULL,
	 "Access key id; without it, requests are anonymous.", .flags = OPTION_SECRET},
	{"secret_key", OPTION_MAPPING, OPTION_STRING, FIELD(settings.secret_key), NULL, "Secret access key.",
	 .flags = OPTION_SECRET},
	{"session_token", OPTION_MAPPING, OPTION_STRING, FIELD(settings.session_token), NULL,
	 "Token of temporary credentials.", .flags = OPTION_SECRET},

	{"bucket", OPTION_TABLE, OPTION_STRING, FIELD(bucket), NULL, "Bucket of the table's objects.",
	 .flags = OPTION_REQUIRED},
	{"prefix", OPTION_TABLE, OPTION_STRING, FIELD(prefix), NULL,
	 "What the keys of the table's objects begin with, such as orders/; the table is all of them."},
	{"path", OPTION_TABLE | OPTION_COLUMN, OPTION_STRING, FIELD(path), NULL,
	 "On a table: the key of its one object, in place of a prefix. On a column of a jsonl table: where its value stands, "
	 "such as main.temp or weather.0.id; without it, under the column's name."},
	{"format", OPTION_TABLE, OPTION_ENUM, FIELD(format), "csv",
	 "What the objects hold: comma separated values, one JSON object per line, or plain lines.", .choices = formats},
	{"compression", OPTION_TABLE, OPTION_ENUM, FIELD(compression), "auto",
	 "How objects are compressed; auto goes by the name: .gz, .zst, else not at all.", .choices = compressions},
	{"compression_level", OPTION_TABLE, OPTION_INT, FIELD(compression_level), "0",
	 "How hard what is written is compressed: zstd 1 to 19, gzip 1 to 9; 0 is 1 for zstd and 6 for gzip.", 0, 19},
	{"compression_threads", OPTION_TABLE, OPTION_INT, FIELD(compression_threads), "1",
	 "zstd: how many threads compress what is written, beside the session's own; the bytes are the same for 1 and more.", 0, 16},
	{"header", OPTION_TABLE, OPTION_ENUM, FIELD(header), "false",
	 "csv: each object begins with a line of column names; match checks them.", .choices = headers},
	{"delimiter", OPTION_TABLE, OPTION_CHAR, FIELD(delimiter), ",", "csv: stands between two values; \\t is a tab."},
	{"quote", OPTION_TABLE, OPTION_CHAR, FIELD(quote), "\"", "csv: stands around a value."},
	{"escape", OPTION_TABLE, OPTION_CHAR, FIELD(escape), NULL,
	 "csv: stands before a quote inside quotes; by default the quote itself. Spark writes \\."},
	{"null", OPTION_TABLE, OPTION_STRING, FIELD(null), "", "csv: the unquoted value that is NULL."},
	{"encoding", OPTION_TABLE, OPTION_STRING, FIELD(encoding), "UTF8", "csv: encoding of the objects."},
	{"part_size", OPTION_SERVER | OPTION_TABLE, OPTION_BYTES, FIELD(part_size), "8MB",
	 "Larger objects are uploaded in parts of this size; up to three parts are held in memory.", UPLOAD_PART_MIN,
	 UPLOAD_PART_MAX},
	{"read_ahead", OPTION_SERVER | OPTION_TABLE, OPTION_INT, FIELD(read_ahead), "4",
	 "How many objects are fetched at the same time.", 1, 64},
	{"max_line", OPTION_TABLE, OPTION_BYTES, FIELD(max_line), "64MB",
	 "The longest line, or row of csv, that is read; a longer one is an error.", 1024, 1000.0 * 1024 * 1024},
	{"skip_unchanged", OPTION_TABLE, OPTION_BOOL, FIELD(skip_unchanged), "false",
	 "Do not upload an object again whose bytes would equal what stands under its name."},
	{"rows", OPTION_TABLE, OPTION_INT, FIELD(rows), "1000",
	 "How many rows the planner expects before ANALYZE has counted them.", 1, PG_INT32_MAX},

	{"metadata", OPTION_COLUMN, OPTION_ENUM, COLUMN_FIELD, NULL,
	 "The column holds a fact about the object that the row came from; on INSERT, path names the object to write.",
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
check_csv(const S3Options *o)
{
	char		escape = o->escape ? o->escape : o->quote;

	if (strchr("\r\n", o->delimiter) || strchr("\r\n", o->quote) || strchr("\r\n", escape))
		reject_options("delimiter, quote and escape cannot be the end of a line", "Choose another character.");
	if (o->delimiter == o->quote)
		reject_options("delimiter and quote must be different", "Choose another character for one of them.");
	if (strpbrk(o->null, "\r\n") || strchr(o->null, o->delimiter) || strchr(o->null, o->quote))
		reject_options("the null string cannot contain the delimiter, the quote or the end of a line",
					   "Choose another string.");
	if (pg_char_to_encoding(o->encoding) < 0)
		reject_options(psprintf("invalid value for option \"encoding\": \"%s\"", o->encoding),
					   "Name an encoding that PostgreSQL knows, such as UTF8 or LATIN1.");
}

static void
check_table(List *list)
{
	S3Options	o = {0};

	option_defaults(options, &o);
	option_read(options, list, &o);
	if ((o.prefix == NULL) == (o.path == NULL))
		reject_options("a foreign table needs either the option \"prefix\" or the option \"path\"",
					   "The prefix is what the keys of its objects begin with, the path is the key of its one object.");
	if (o.bucket[0] == '\0' || strchr(o.bucket, '/') != NULL)
		reject_options("invalid value for option \"bucket\"", "It is the name of the bucket alone.");
	if ((o.prefix && o.prefix[0] == '/') || (o.path && (o.path[0] == '/' || o.path[0] == '\0')))
		reject_options("prefix and path are keys within the bucket and do not begin with a slash",
					   "Leave the slash out.");
	check_csv(&o);
}

static void
check_server(List *list)
{
	const char *endpoint = option_given(list, "endpoint");

	if (endpoint != NULL && strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)
		reject_options("invalid value for option \"endpoint\"", "It begins with http:// or https://.");
}

static void
check_mapping(List *list)
{
	if ((option_given(list, "access_key") == NULL) != (option_given(list, "secret_key") == NULL))
		reject_options("access_key and secret_key belong together", "Set both, or neither for anonymous requests.");
}

static void
check_column(List *list)
{
	if (option_given(list, "metadata") != NULL && list_length(list) > 1)
		reject_options("a column with option \"metadata\" takes no other option",
					   "Its value does not come from the object's content.");
	if (option_given(list, "path") != NULL)
		json_path_check(option_given(list, "path"));
}

Datum
fdw_s3_validator(PG_FUNCTION_ARGS)
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
fdw_s3_options(PG_FUNCTION_ARGS)
{
	return option_rows(fcinfo, options);
}

S3Options *
s3_server_options(ForeignServer *server, UserMapping *mapping)
{
	S3Options  *o = palloc0(sizeof(S3Options));

	option_defaults(options, o);
	option_read(options, server->options, o);
	if (mapping != NULL)
		option_read(options, mapping->options, o);
	return o;
}

S3Options *
s3_table_options(Oid relid, UserMapping *mapping)
{
	ForeignTable *table = GetForeignTable(relid);
	S3Options  *o = s3_server_options(GetForeignServer(table->serverid), mapping);

	option_read(options, table->options, o);
	return o;
}

static bool
ends_with(const char *string, const char *end)
{
	size_t		length = strlen(string);

	return length >= strlen(end) && strcmp(string + length - strlen(end), end) == 0;
}

S3Compression
s3_compression_of(int option, const char *key)
{
	if (option != S3_COMPRESSION_AUTO)
		return option;
	if (ends_with(key, ".gz"))
		return S3_COMPRESSION_GZIP;
	if (ends_with(key, ".zst"))
		return S3_COMPRESSION_ZSTD;
	return S3_COMPRESSION_NONE;
}

static const char *
choice_name(const OptionChoice *choices, int value)
{
	while (choices->name != NULL && choices->value != value)
		choices++;
	return choices->name;
}

const char *
s3_format_name(int format)
{
	return choice_name(formats, format);
}

const char *
s3_compression_name(int compression)
{
	return choice_name(compressions, compression);
}
