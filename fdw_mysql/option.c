/*
 * option.c
 *		The table of options, and the validator and the listing made from it.
 */
#include "postgres.h"

#include "option.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_table.h"
#include "client.h"
#include "utils/lsyscache.h"

#define PLACE_DATE (OPTION_SERVER | OPTION_TABLE | OPTION_COLUMN)
#define PLACE_PLAN (OPTION_SERVER | OPTION_TABLE)
#define FIELD(name) offsetof(Options, name)

static const OptionChoice ssl_modes[] = {
	{"disable", SSL_DISABLE},
	{"prefer", SSL_PREFER},
	{"require", SSL_REQUIRE},
	{"verify_ca", SSL_VERIFY_CA},
	{"verify_identity", SSL_VERIFY_IDENTITY},
	{NULL}
};

static const OptionChoice zero_dates[] = {
	{"error", ZERO_DATE_ERROR},
	{"null", ZERO_DATE_NULL},
	{NULL}
};

static const OptionChoice import_times[] = {
	{"time", IMPORT_TIME_AS_TIME},
	{"interval", IMPORT_TIME_AS_INTERVAL},
	{NULL}
};

const OptionDef option_defs[] = {
	{"host", OPTION_SERVER, OPTION_STRING, FIELD(host), "127.0.0.1",
	"Name or address of the server; a value that begins with / is the path of a Unix socket."},
	{"port", OPTION_SERVER, OPTION_INT, FIELD(port), "3306", "TCP port.", 1, 65535},
	{"dbname", OPTION_SERVER | OPTION_TABLE, OPTION_STRING, FIELD(dbname), NULL,
	"MySQL database of the table; on the server, the default for its tables."},
	{"ssl_mode", OPTION_SERVER, OPTION_ENUM, FIELD(ssl_mode), "prefer",
		"How far TLS must go: prefer takes it where offered, require refuses a connection without it, verify_ca also checks "
		"the certificate, verify_identity the host name in it too.", .choices = ssl_modes},
	{"ssl_ca", OPTION_SERVER, OPTION_STRING, FIELD(ssl_ca), NULL,
	"File of the certificate authorities to trust.", .flags = OPTION_FILE},
	{"ssl_capath", OPTION_SERVER, OPTION_STRING, FIELD(ssl_capath), NULL,
	"Folder of the certificate authorities to trust.", .flags = OPTION_FILE},
	{"ssl_cert", OPTION_SERVER, OPTION_STRING, FIELD(ssl_cert), NULL,
	"File of the client's certificate.", .flags = OPTION_FILE},
	{"ssl_key", OPTION_SERVER, OPTION_STRING, FIELD(ssl_key), NULL,
	"File of the client's private key.", .flags = OPTION_FILE},
	{"ssl_cipher", OPTION_SERVER, OPTION_STRING, FIELD(ssl_cipher), NULL, "Ciphers to offer."},
	{"connect_timeout", OPTION_SERVER, OPTION_TIME, FIELD(connect_timeout), "10s",
	"Longest time for a connection, from the look-up of the name to the end of the login.", 100, 3600000},
	{"read_timeout", OPTION_SERVER, OPTION_TIME, FIELD(read_timeout), "10min",
	"Longest silence of the server while a statement runs; 0 waits for ever.", 0, PG_INT32_MAX},
	{"use_remote_estimate", PLACE_PLAN, OPTION_BOOL, FIELD(use_remote_estimate), "false",
	"Ask the server for row counts while planning; otherwise planning and EXPLAIN never connect."},
	{"pushdown", PLACE_PLAN, OPTION_BOOL, FIELD(pushdown), "true",
	"Let the server evaluate conditions and sort where the result is proven to be the same."},
	{"zero_date", PLACE_DATE, OPTION_ENUM, FIELD(zero_date), "error",
	"What a date that PostgreSQL does not have (0000-00-00, 2024-00-10) is: an error, or NULL.", .choices = zero_dates},
	{"username", OPTION_MAPPING, OPTION_STRING, FIELD(username), NULL, "User to log in as."},
	{"password", OPTION_MAPPING, OPTION_STRING, FIELD(password), NULL,
	"Password; only a superuser's own mapping may do without.", .flags = OPTION_SECRET},
	{"table_name", OPTION_TABLE, OPTION_STRING, FIELD(table_name), NULL,
	"Name of the remote table, where it differs from the foreign table's."},
	{"column_name", OPTION_COLUMN, OPTION_STRING, FIELD(column_name), NULL,
	"Name of the remote column, where it differs."},
	{"key", OPTION_COLUMN, OPTION_BOOL, FIELD(key), "false",
	"The column belongs to the primary key; errors name its value, and joins may look rows up by it."},
	{"import_not_null", OPTION_IMPORT, OPTION_BOOL, FIELD(import_not_null), "true", "Import NOT NULL."},
	{"import_generated", OPTION_IMPORT, OPTION_BOOL, FIELD(import_generated), "true",
	"Import generated columns, as ordinary ones."},
	{"import_enum_as_text", OPTION_IMPORT, OPTION_BOOL, FIELD(import_enum_as_text), "true",
	"Accepted for the sake of mysql_fdw's users: ENUM and SET are always text."},
	{"import_time", OPTION_IMPORT, OPTION_ENUM, FIELD(import_time), "time",
	"Type for MySQL's TIME, which reaches from -838:59:59 to 838:59:59: time or interval.", .choices = import_times},

	/* mysql_fdw's options that have no meaning here */
	{"secure_auth", OPTION_SERVER, OPTION_IGNORED, 0, NULL,
	"Insecure authentication is always off."},
	{"fetch_size", PLACE_PLAN, OPTION_IGNORED, 0, NULL, "Rows are streamed; there is no batch to size."},
	{"reconnect", OPTION_SERVER, OPTION_IGNORED, 0, NULL,
	"A connection that was lost between transactions is opened again by itself, and never within one."},
	{"character_set", OPTION_SERVER, OPTION_IGNORED, 0, NULL,
	"The connection always uses utf8mb4; the server converts."},
	{"sql_mode", OPTION_SERVER, OPTION_IGNORED, 0, NULL, "The session's sql_mode is fixed."},
	{"truncatable", PLACE_PLAN, OPTION_IGNORED, 0, NULL, "Foreign tables can only be read."},
	{"max_blob_size", OPTION_TABLE, OPTION_IGNORED, 0, NULL, "Values of any length are read whole."},

	/* and those that would be dangerous */
	{"init_command", OPTION_SERVER, OPTION_REFUSED, 0, NULL,
	"It would change the session that results depend on. Set what is needed for the user on the MySQL server."},
	{"mysql_default_file", OPTION_SERVER, OPTION_REFUSED, 0, NULL,
	"It reads any file of the database server's. Use the options of server and user mapping."},
	{"import_default", OPTION_IMPORT, OPTION_REFUSED, 0, NULL,
	"MySQL's default expressions are not PostgreSQL's. Use ALTER FOREIGN TABLE to set defaults."},
	{NULL}
};

PG_FUNCTION_INFO_V1(fdw_mysql_validator);
PG_FUNCTION_INFO_V1(fdw_mysql_options);

Datum
fdw_mysql_validator(PG_FUNCTION_ARGS)
{
	option_validate(option_defs, untransformRelOptions(PG_GETARG_DATUM(0)), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

Datum
fdw_mysql_options(PG_FUNCTION_ARGS)
{
	return option_rows(fcinfo, option_defs);
}

Options *
options_of_server(ForeignServer *server, UserMapping *mapping)
{
	Options    *options = palloc0(sizeof(Options));

	option_defaults(option_defs, options);
	option_read(option_defs, server->options, options);
	if (mapping != NULL)
		option_read(option_defs, mapping->options, options);
	return options;
}

Options *
options_of_table(Oid relid, UserMapping *mapping)
{
	ForeignTable *table = GetForeignTable(relid);
	Options    *options = options_of_server(GetForeignServer(table->serverid), mapping);

	option_read(option_defs, table->options, options);
	if (options->table_name == NULL)
		options->table_name = get_rel_name(relid);
	if (options->dbname == NULL)
		ereport(ERROR,
				errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				errmsg("foreign table \"%s\" has no option \"dbname\", nor has its server", get_rel_name(relid)),
				errhint("Use ALTER FOREIGN TABLE ... OPTIONS (ADD dbname '...')."));
	return options;
}

Options
options_of_column(const Options *table, List *column_options)
{
	Options		options = *table;

	option_read(option_defs, column_options, &options);
	return options;
}
