/*
 * attempt.h
 *		Do something that may fail, and live on: in a subtransaction, and at COMMIT.
 *
 * The caller holds off query cancel (but not termination), so that what it writes down about a run gets written; a cancel
 * takes effect within the next attempt. An ERROR forgets that it was held off; both functions see to it again.
 */
#ifndef MEDALLION_ATTEMPT_H
#define MEDALLION_ATTEMPT_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

/*
 * Call work(arg) as "owner" in a subtransaction. Returns NULL, or what went wrong (in the caller's memory context): then
 * all that the work did is undone. Cancel is caught too; the caller must stop then.
 */
extern ErrorData *attempt_work(Oid owner, void (*work) (void *arg), void *arg);

/*
 * Commit and start the next transaction, with the rights of "owner" for what runs at commit. Returns NULL, or what went
 * wrong: then the transaction was rolled back. SPI must be connected non-atomically.
 */
extern ErrorData *attempt_commit(Oid owner);

#pragma GCC visibility pop

#endif							/* MEDALLION_ATTEMPT_H */
