/*
 * import.h
 *		IMPORT FOREIGN SCHEMA.
 */
#ifndef FDW_MYSQL_IMPORT_H
#define FDW_MYSQL_IMPORT_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#pragma GCC visibility push(hidden)

extern List *mysqlImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_IMPORT_H */
