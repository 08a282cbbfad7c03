/*
 * import.c
 *		IMPORT FOREIGN SCHEMA: MySQL's columns as PostgreSQL's, by a table of types. Comments are comment.c's.
 */
#include "postgres.h"

#include "import.h"

#include "catalog.h"
#include "deparse.h"
#include "foreign/fdwapi.h"
#include "miscadmin.h"
#include "option.h"
#include "utils/builtins.h"

/* The columns of the query below, in order. */
enum CatalogColumn
{
	C_TABLE,
	C_COLUMN,
	C_DATA_TYPE,				/* 'int' */
	C_COLUMN_TYPE,				/* 'int(10) unsigned' */
	C_NULLABLE,					/* 'YES', 'NO' */
	C_KEY,						/* 'PRI' */
	C_EXTRA,					/* 'STORED GENERATED' */
	C_FILLED,					/* those above are never NULL */
	C_LENGTH = C_FILLED,
	C_PRECISION,
	C_SCALE,
	C_COLUMNS
};

static const char *const columns_query =
	"SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE, c.COLUMN_KEY, c.EXTRA, "
	"c.CHARACTER_MAXIMUM_LENGTH, c.NUMERIC_PRECISION, c.NUMERIC_SCALE "
	"FROM information_schema.COLUMNS c JOIN information_schema.TABLES t "
	"ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME "
	"WHERE t.TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED', 'SYSTEM VIEW') AND c.TABLE_SCHEMA = ";

/* How the local type is written. */
typedef enum TypeForm
{
	FORM_PLAIN,					/* as it stands */
	FORM_LENGTH,				/* with (characters) */
	FORM_BITS,					/* with (bits) */
	FORM_DECIMAL				/* with (precision, scale) */
} TypeForm;

static const struct
{
	const char *remote;
	const char *local;
	const char *local_unsigned; /* NULL: the same */
	TypeForm	form;
} type_table[] = {
	{"tinyint", "smallint"},
	{"smallint", "smallint", "integer"},
	{"mediumint", "integer"},
	{"int", "integer", "bigint"},
	{"bigint", "bigint", "numeric(20,0)"},
	{"decimal", "numeric", NULL, FORM_DECIMAL},
	{"float", "real"},
	{"double", "double precision"},
	{"bit", "bit", NULL, FORM_BITS},
	{"year", "smallint"},
	{"date", "date"},
	{"datetime", "timestamp without time zone"},
	{"timestamp", "timestamp with time zone"},
	/* MySQL strips the blanks that pad a CHAR */
	{"char", "character varying", NULL, FORM_LENGTH},
	{"varchar", "character varying", NULL, FORM_LENGTH},
	{"tinytext", "text"},
	{"text", "text"},
	{"mediumtext", "text"},
	{"longtext", "text"},
	{"enum", "text"},
	{"set", "text"},
	{"json", "json"},
	{"binary", "bytea"},
	{"varbinary", "bytea"},
	{"tinyblob", "bytea"},
	{"blob", "bytea"},
	{"mediumblob", "bytea"},
	{"longblob", "bytea"},
	{"vector", "bytea"},
	{"geometry", "bytea"},
	{"point", "bytea"},
	{"linestring", "bytea"},
	{"polygon", "bytea"},
	{"multipoint", "bytea"},
	{"multilinestring", "bytea"},
	{"multipolygon", "bytea"},
	{"geometrycollection", "bytea"},
	{"geomcollection", "bytea"},
	{"uuid", "uuid"},
	{"inet4", "inet"},
	{"inet6", "inet"},
};

/* PostgreSQL's limit for character varying(n). */
#define MAX_VARCHAR 10485760
/* MySQL's, for BIT(n) and DECIMAL(n,m). */
#define MAX_BITS 64
#define MAX_PRECISION 65

static bool
is_unsigned(char **row)
{
	return strstr(row[C_COLUMN_TYPE], "unsigned") != NULL;
}

/* What goes into the statement is a number that was read as one: the server may be anyone. */
static char *
write_type(int i, char **row)
{
	const char *local = type_table[i].local;
	int64		n;

	if (type_table[i].local_unsigned != NULL && is_unsigned(row))
		return pstrdup(type_table[i].local_unsigned);
	switch (type_table[i].form)
	{
		case FORM_LENGTH:
			n = row[C_LENGTH] ? catalog_number(row[C_LENGTH], 0, PG_INT64_MAX) : PG_INT64_MAX;
			if (n > MAX_VARCHAR)
				return pstrdup("text");
			/* MySQL has CHAR(0) */
			return psprintf("%s(%d)", local, (int) Max(n, 1));
		case FORM_BITS:
			return psprintf("%s(%d)", local, (int) catalog_number(row[C_PRECISION], 1, MAX_BITS));
		case FORM_DECIMAL:
			n = catalog_number(row[C_PRECISION], 1, MAX_PRECISION);
			return psprintf("%s(%d,%d)", local, (int) n, (int) catalog_number(row[C_SCALE], 0, n));
		case FORM_PLAIN:
			break;
	}
	return pstrdup(local);
}

static char *
local_type(char **row, const Options *options)
{
	if (strcmp(row[C_DATA_TYPE], "time") == 0)
		return pstrdup(options->import_time == IMPORT_TIME_AS_INTERVAL ? "interval" : "time without time zone");
	for (int i = 0; i < lengthof(type_table); i++)
		if (strcmp(row[C_DATA_TYPE], type_table[i].remote) == 0)
			return write_type(i, row);
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
			errmsg("cannot import column \"%s\" of table \"%s\": type %s is not supported",
				   row[C_COLUMN], row[C_TABLE], row[C_COLUMN_TYPE]),
			errhint("Leave the table out with EXCEPT, or write its CREATE FOREIGN TABLE yourself."));
}

static bool
is_generated(char **row)
{
	return strstr(row[C_EXTRA], "VIRTUAL GENERATED") || strstr(row[C_EXTRA], "STORED GENERATED");
}

static const char *
check_name(const char *kind, const char *name)
{
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				errcode(ERRCODE_NAME_TOO_LONG),
				errmsg("cannot import %s \"%s\": the name is longer than %d bytes", kind, name, NAMEDATALEN - 1),
				errhint("Leave the table out with EXCEPT, or write its CREATE FOREIGN TABLE with option table_name or column_name."));
	return quote_identifier(name);
}

static void
append_column(StringInfo sql, char **row, const Options *options, List *json)
{
	ListCell   *lc;
	char	   *type = local_type(row, options);

	foreach(lc, json)
	{
		char	  **constraint = lfirst(lc);

		if (strcmp(constraint[0], row[C_TABLE]) == 0 &&
			strcmp(constraint[1], psprintf("json_valid(`%s`)", row[C_COLUMN])) == 0)
			type = "json";
	}
	appendStringInfo(sql, "%s %s", check_name("column", row[C_COLUMN]), type);
	if (strcmp(row[C_KEY], "PRI") == 0)
		appendStringInfoString(sql, " OPTIONS (key 'true')");
	if (options->import_not_null && strcmp(row[C_NULLABLE], "NO") == 0)
		appendStringInfoString(sql, " NOT NULL");
}

/* The CREATE FOREIGN TABLE of the table whose rows begin at "at"; moves it past them. */
static char *
create_table(List *rows, int *at, ImportForeignSchemaStmt *stmt, const Options *options, List *json)
{
	char	  **first = list_nth(rows, *at);
	const char *separator = "";
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (", check_name("table", first[C_TABLE]));
	for (; *at < list_length(rows); (*at)++)
	{
		char	  **row = list_nth(rows, *at);

		if (strcmp(row[C_TABLE], first[C_TABLE]) != 0)
			break;
		if (is_generated(row) && !options->import_generated)
			continue;
		appendStringInfo(&sql, "%s\n  ", separator);
		append_column(&sql, row, options, json);
		separator = ",";
	}
	appendStringInfo(&sql, "\n) SERVER %s OPTIONS (dbname %s, table_name %s)", quote_identifier(stmt->server_name),
					 quote_literal_cstr(stmt->remote_schema), quote_literal_cstr(first[C_TABLE]));
	return sql.data;
}

/* MariaDB's JSON is LONGTEXT with a check. MySQL has a type of its own, and no TABLE_NAME in that view. */
static List *
json_columns(UserMapping *mapping, const char *schema)
{
	List	   *version = catalog_query(mapping, "SELECT version()", 1, 1);
	StringInfoData sql;

	if (version == NIL || strstr(((char **) linitial(version))[0], "MariaDB") == NULL)
		return NIL;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS "
						   "WHERE CHECK_CLAUSE LIKE 'json_valid(`%' AND CONSTRAINT_SCHEMA = ");
	deparse_string(&sql, schema, strlen(schema));
	return catalog_query(mapping, sql.data, 2, 2);
}

static List *
read_columns(UserMapping *mapping, const char *schema)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, columns_query);
	deparse_string(&sql, schema, strlen(schema));
	appendStringInfoString(&sql, " ORDER BY BINARY c.TABLE_NAME, c.ORDINAL_POSITION");
	return catalog_query(mapping, sql.data, C_COLUMNS, C_FILLED);
}

/* A database that does not exist looks like one without tables. */
static void
check_schema(UserMapping *mapping, const char *schema)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ");
	deparse_string(&sql, schema, strlen(schema));
	if (catalog_query(mapping, sql.data, 1, 1) == NIL)
		ereport(ERROR,
				errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				errmsg("MySQL database \"%s\" does not exist, or the user may not see it", schema));
}

List *
mysqlImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid)
{
	UserMapping *mapping;
	Options    *options;
	List	   *statements = NIL;
	List	   *rows;
	List	   *json;
	int			at = 0;

	option_validate_import(option_defs, stmt->options);
	mapping = GetUserMapping(GetUserId(), serverid);
	options = options_of_server(GetForeignServer(serverid), mapping);
	option_read(option_defs, stmt->options, options);
	check_schema(mapping, stmt->remote_schema);
	rows = read_columns(mapping, stmt->remote_schema);
	json = json_columns(mapping, stmt->remote_schema);
	while (at < list_length(rows))
	{
		char	  **row = list_nth(rows, at);

		if (IsImportableForeignTable(row[C_TABLE], stmt))
			statements = lappend(statements, create_table(rows, &at, stmt, options, json));
		else
			at++;
	}
	return statements;
}
