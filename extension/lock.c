/*
 * lock.c
 *		Take, keep and release the lock of a pipeline. What the lock protects is in run.c.
 */
#include "postgres.h"

#include "lock.h"

#include "miscadmin.h"
#include "storage/lock.h"

/* Two int keys are stored as SQL's pg_advisory_lock(int, int) does, so that people find the lock with its functions. */
static LOCKTAG
advisory_tag(int32 class, int32 key)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) class, (uint32) key, 2);
	return tag;
}

static LOCKTAG
lock_tag(int32 pipeline)
{
	return advisory_tag(RUN_LOCK_CLASS, pipeline);
}

bool
lock_take_slot(int slot)
{
	LOCKTAG		tag = advisory_tag(SLOT_LOCK_CLASS, slot);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
lock_release_slot(int slot)
{
	LOCKTAG		tag = advisory_tag(SLOT_LOCK_CLASS, slot);

	LockRelease(&tag, ExclusiveLock, true);
}

bool
lock_take(int32 pipeline, bool session)
{
	LOCKTAG		tag = lock_tag(pipeline);

	return LockAcquire(&tag, ExclusiveLock, session, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool
lock_keep(int32 pipeline)
{
	LOCKTAG		tag = lock_tag(pipeline);

	switch (LockAcquire(&tag, ExclusiveLock, true, true))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return false;
		case LOCKACQUIRE_OK:
			return true;
		default:
			/* held already: drop the second count */
			LockRelease(&tag, ExclusiveLock, true);
			return true;
	}
}

void
lock_release(int32 pipeline)
{
	LOCKTAG		tag = lock_tag(pipeline);

	LockRelease(&tag, ExclusiveLock, true);
}
