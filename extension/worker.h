/*
 * worker.h
 *		Background workers that serve the requests of a role's pipelines, as that role.
 */
#ifndef MEDALLION_WORKER_H
#define MEDALLION_WORKER_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/*
 * Start one more for that role when the current transaction has committed, but no more than can work at once. If there is
 * no room for it, watch() will try again.
 */
extern void worker_at_commit(Oid owner);

/* The same for each role of an array as SQL writes it, "{10,16384}". */
extern void worker_at_commit_all(const char *owners);

#pragma GCC visibility pop

#endif							/* MEDALLION_WORKER_H */
