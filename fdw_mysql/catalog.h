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

/* The rows of a query: a list of arrays of C strings in the server's encoding, NULL for NULL. */
extern List *catalog_query(UserMapping *mapping, const char *sql);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_CATALOG_H */
