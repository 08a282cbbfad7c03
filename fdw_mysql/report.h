/*
 * report.h
 *		MySQL's errors as PostgreSQL's.
 */
#ifndef FDW_MYSQL_REPORT_H
#define FDW_MYSQL_REPORT_H

#include "client.h"
#include "common/compat.h"
#include "common/compat.h"

#pragma GCC visibility push(hidden)

/*
 * Raise the client's error. "what" completes "could not ...", such as: connect to server "s". The secret, if any, does
 * not show.
 */
pg_noreturn extern void report_client_error(const ClientError *error, const char *what, const char *secret, const char *sql);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_REPORT_H */
