/*
 * resolve.h
 *		A host name's address, looked up so that it can be cancelled and takes bounded time.
 */
#ifndef FDW_MYSQL_RESOLVE_H
#define FDW_MYSQL_RESOLVE_H

#include "postgres.h"

#include "common/wait.h"

#pragma GCC visibility push(hidden)

#define RESOLVE_MAX 8

/*
 * The numeric addresses of "host", palloc'd, in the order to try them; returns how many, at least 1. An ERROR when there
 * is none or the deadline passes. Interruptible.
 */
extern int	resolve_host(const char *host, Deadline deadline, char *addresses[RESOLVE_MAX]);

/*
 * Does the name resolve before the deadline? Raises nothing about the name; uninterruptible, it raises nothing at all.
 * "deadline" must not be DEADLINE_NONE.
 */
extern bool resolve_answers(const char *host, Deadline deadline, bool interruptible);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_RESOLVE_H */
