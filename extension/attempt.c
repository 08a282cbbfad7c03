/*
 * attempt.c
 *		Subtransactions and commits whose errors are caught. What is done in them is the callers' business.
 */
#include "postgres.h"

#include "attempt.h"
#include "identity.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* What was just caught, in "context". */
static ErrorData *
caught(MemoryContext context)
{
	ErrorData  *failure;

	MemoryContextSwitchTo(context);
	failure = CopyErrorData();
	FlushErrorState();
	if (failure->message == NULL)
		failure->message = pstrdup("unknown error");
	return failure;
}

ErrorData *
attempt_work(Oid owner, void (*work) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resource_owner = CurrentResourceOwner;
	ErrorData  *volatile failure = NULL;

	/*
	 * The portal's snapshot belongs to the transaction, not to the subtransaction that happens to need it
	 * first.
	 */
	EnsurePortalSnapshotExists();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	RESUME_CANCEL_INTERRUPTS();
	PG_TRY();
	{
		Identity	saved;

		CHECK_FOR_INTERRUPTS();
		identity_assume_owner(&saved, owner);
		work(arg);
		identity_restore(&saved);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		failure = caught(context);
		/* gives back user and settings too */
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	HOLD_CANCEL_INTERRUPTS();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = resource_owner;
	return failure;
}

ErrorData *
attempt_commit(Oid owner)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile failure = NULL;

	RESUME_CANCEL_INTERRUPTS();
	PG_TRY();
	{
		identity_until_commit(owner);
		SPI_commit();
	}
	PG_CATCH();
	{
		/* SPI_commit has rolled back and started a new transaction */
		failure = caught(context);
	}
	PG_END_TRY();
	HOLD_CANCEL_INTERRUPTS();
	MemoryContextSwitchTo(context);
	return failure;
}
