/*
 * lock.h
 *		The lock that keeps runs of a pipeline apart: a session's advisory lock, so that it outlives transactions.
 */
#ifndef MEDALLION_LOCK_H
#define MEDALLION_LOCK_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/*
 * First key; the second is the pipeline's id. It is the two-key form, pg_try_advisory_lock(1835361385, id), and so in
 * pg_locks: classid, objid.
 */
#define RUN_LOCK_CLASS 1835361385
#define SLOT_LOCK_CLASS 1835361386

/* For the session, or until the end of the transaction. False: another session has it. */
extern bool lock_take(int32 pipeline, bool session);

/* True if it is still ours; a step may have called pg_advisory_unlock_all(), then this takes it again if it can. */
extern bool lock_keep(int32 pipeline);

/* One of the places for background workers, from 1 on: for the session, in a transaction. False: it is taken. */
extern bool lock_take_slot(int slot);
extern void lock_release_slot(int slot);

/* Does not throw. */
extern void lock_release(int32 pipeline);

#pragma GCC visibility pop

#endif							/* MEDALLION_LOCK_H */
