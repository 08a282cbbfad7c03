/*
 * comment.c
 *		fdw_mysql_import_comments(): IMPORT FOREIGN SCHEMA cannot carry comments, so they are fetched afterwards.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog.h"
#include "catalog/namespace.h"
#include "common/column.h"
#include "common/compat.h"
#include "deparse.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "option.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(fdw_mysql_import_comments);

/* COMMENT ON checks that the caller owns the table. */
static void
set_comment(const char *object, const char *comment)
{
	char	   *sql = psprintf("COMMENT ON %s IS %s", object, quote_literal_cstr(comment));

	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not run: %s", sql);
}

/* Appends " WHERE TABLE_SCHEMA = ... AND TABLE_NAME = ...". */
static char *
about_table(const char *select, const Options *options)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s WHERE TABLE_SCHEMA = ", select);
	deparse_string(&sql, options->dbname, strlen(options->dbname));
	appendStringInfoString(&sql, " AND TABLE_NAME = ");
	deparse_string(&sql, options->table_name, strlen(options->table_name));
	return sql.data;
}

/* Views have no comment; MySQL says VIEW in its place. */
static int
import_table_comment(UserMapping *mapping, const char *name, const Options *options)
{
	List	   *rows = catalog_query(mapping, about_table("SELECT TABLE_COMMENT FROM information_schema.TABLES", options),
									   1, 0);
	char	  **row = rows != NIL ? linitial(rows) : NULL;

	if (row == NULL || row[0] == NULL || row[0][0] == '\0' || strcmp(row[0], "VIEW") == 0)
		return 0;
	set_comment(psprintf("FOREIGN TABLE %s", name), row[0]);
	return 1;
}

/* The comment of a remote column, or NULL. */
static const char *
find_comment(List *rows, const char *column)
{
	ListCell   *lc;

	foreach(lc, rows)
	{
		char	  **row = lfirst(lc);

		/* MySQL's column names differ in more than case */
		if (pg_strcasecmp(row[0], column) == 0)
			return row[1] && row[1][0] ? row[1] : NULL;
	}
	return NULL;
}

static int
import_column_comments(UserMapping *mapping, Oid relid, const char *name, const Options *options)
{
	List	   *rows = catalog_query(mapping, about_table("SELECT COLUMN_NAME, COLUMN_COMMENT FROM information_schema.COLUMNS",
														  options), 2, 1);
	Relation	relation = table_open(relid, AccessShareLock);
	int			ncolumns;
	Column	   *columns = column_list(relation, NULL, true, &ncolumns);
	int			count = 0;

	table_close(relation, NoLock);
	for (int i = 0; i < ncolumns; i++)
	{
		const char *comment = find_comment(rows, columns[i].remote_name);

		if (comment == NULL)
			continue;
		set_comment(psprintf("COLUMN %s.%s", name, quote_identifier(columns[i].name)), comment);
		count++;
	}
	return count;
}

static int
import_comments(UserMapping *mapping, Oid relid)
{
	Options    *options = options_of_table(relid, mapping);
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));

	return import_table_comment(mapping, name, options) + import_column_comments(mapping, relid, name, options);
}

/* The server's foreign tables in a schema. */
static List *
find_tables(Oid serverid, const char *schema)
{
	char	   *sql = psprintf("SELECT t.ftrelid FROM pg_catalog.pg_foreign_table t "
							   "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.ftrelid "
							   "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
							   "WHERE t.ftserver OPERATOR(pg_catalog.=) %u AND n.nspname OPERATOR(pg_catalog.=) %s ORDER BY c.relname",
							   serverid, quote_literal_cstr(schema));
	List	   *tables = NIL;

	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the foreign tables");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		null;

		tables = lappend_oid(tables, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null)));
	}
	return tables;
}

Datum
fdw_mysql_import_comments(PG_FUNCTION_ARGS)
{
	char	   *server_name = NameStr(*PG_GETARG_NAME(0));
	char	   *schema = NameStr(*PG_GETARG_NAME(1));
	ForeignServer *server = GetForeignServerByName(server_name, false);
	int64		count = 0;
	AclResult	acl;
	UserMapping *mapping;
	ListCell   *lc;

	acl = compat_server_aclcheck(server->serverid, GetUserId(), ACL_USAGE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, server_name);
	get_namespace_oid(schema, false);
	mapping = GetUserMapping(GetUserId(), server->serverid);
	SPI_connect();
	foreach(lc, find_tables(server->serverid, schema))
		count += import_comments(mapping, lfirst_oid(lc));
	SPI_finish();
	PG_RETURN_INT64(count);
}
