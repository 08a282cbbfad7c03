/*
 * catalog.h
 *		Questions to MySQL's information_schema, answered in text.
 */
#ifndef FDW_MYSQL_CATALOG_H
#define FDW_MYSQL_CATALOG_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

/*
 * The rows of a query: a list of arrays of C strings in the server's encoding, NULL for NULL. The server may be anyone:
 * an ERROR unless there are "ncolumns" columns, of which the first "nfilled" hold no NULL.
 */
extern List *catalog_query(UserMapping *mapping, const char *sql, int ncolumns, int nfilled);

/* A text of such a row that must be a whole number between the two; NULL is none. */
extern int64 catalog_number(const char *text, int64 least, int64 most);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_CATALOG_H */
