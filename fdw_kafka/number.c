/*
 * number.c
 *		The numbers that tell apart the sessions that write to Kafka in transactions: each is an advisory lock.
 *
 * The place of a backend in shared memory would not do: since release 16, PostgreSQL goes round through all of them.
 */
#include "postgres.h"

#include "fdw_kafka/number.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

/* Those of SQL's functions have 1 and 2 there: nobody else's lock is in the way. */
#define LOCK_SUBID 75

/* Two kinds with one hash only leave out numbers. */
static LOCKTAG
number_tag(Oid umid, const char *kind, int number)
{
	uint32		hash = hash_combine(hash_uint32(umid), hash_bytes((const unsigned char *) kind, strlen(kind)));
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, hash, (uint32) number, LOCK_SUBID);
	return tag;
}

bool
number_keep(Oid umid, const char *kind, int number)
{
	LOCKTAG		tag = number_tag(umid, kind, number);

	switch (LockAcquire(&tag, ExclusiveLock, true, true))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return false;
		case LOCKACQUIRE_OK:
			return true;
		default:				/* held already: once is enough */
			LockRelease(&tag, ExclusiveLock, true);
			return true;
	}
}

int
number_take(Oid umid, const char *kind)
{
	int			number = 0;

	while (!number_keep(umid, kind, number))
		number++;
	return number;
}
