/*
 * resolve.h
 *		A host name's address, looked up so that it can be cancelled and takes bounded time.
 */
#ifndef FDW_MYSQL_RESOLVE_H
#define FDW_MYSQL_RESOLVE_H

#include "postgres.h"

#include "common/wait.h"

#pragma GCC visibility push(hidden)

/*
 * The numeric address of "host", palloc'd; an ERROR when there is none or the deadline passes. Interruptible.
 */
extern char *resolve_host(const char *host, Deadline deadline);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_RESOLVE_H */
