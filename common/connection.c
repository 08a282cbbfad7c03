/*
 * connection.c
 *		The cache of handles, its invalidation, and the ends of transactions. Knows no client library.
 */
#include "postgres.h"

#include "common/connection.h"

#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* How long all connections together may hold up the end of a transaction, where nothing can be cancelled. */
#define END_TIMEOUT_MS 300
/* What the last of them gets at least: a healthy one needs no more. */
#define END_LEAST_MS 20

static const ConnectionClass *class = NULL;
static HTAB *connections = NULL;
static Deadline end_deadline = DEADLINE_NONE;

static void
for_each(void (*act) (Connection *connection, void *arg), void *arg)
{
	HASH_SEQ_STATUS scan;
	Connection *connection;

	if (connections == NULL)
		return;
	hash_seq_init(&scan, connections);
	while ((connection = hash_seq_search(&scan)) != NULL)
		act(connection, arg);
}

void
connection_close(Connection *connection)
{
	void	   *handle = connection->handle;

	connection->handle = NULL;
	if (handle != NULL)
		class->close(handle);
}

static void
close_entry(Connection *connection, void *arg)
{
	connection_close(connection);
}

/*
 * The session ends, perhaps in the middle of a statement. Callbacks run in the reverse order of their registration, so
 * that core's, which aborts the transaction, would come when the handles that must take part are gone.
 */
static void
close_all_at_exit(int code, Datum arg)
{
	AbortOutOfAnyTransaction();
	for_each(close_entry, NULL);
}

/* What an entry needs to know of a syscache invalidation. */
typedef struct Invalidation
{
	int			cacheid;
	uint32		hash;			/* 0: everything of that cache */
} Invalidation;

/* Invalidations arrive anywhere, also in the middle of a scan: only mark here. */
static void
mark_stale(Connection *connection, void *arg)
{
	Invalidation *invalidation = (Invalidation *) arg;
	uint32		own = invalidation->cacheid == FOREIGNSERVEROID ? connection->server_hash
		: connection->mapping_hash;

	if (connection->handle != NULL && (invalidation->hash == 0 || invalidation->hash == own))
		connection->stale = true;
}

static void
definition_changed(Datum arg, int cacheid, uint32 hash)
{
	Invalidation invalidation = {cacheid, hash};

	for_each(mark_stale, &invalidation);
}

static void
end_before_commit(Connection *connection, void *arg)
{
	if (connection->used && connection->handle && class->before_commit)
		class->before_commit(connection);
}

/* After the end of the transaction, "*(bool *) arg" tells whether it committed. */
static void
end_transaction(Connection *connection, void *arg)
{
	void		(*tell) (Connection *) = *(bool *) arg ? class->committed : class->aborted;

	if (connection->used && connection->handle && tell)
		tell(connection);
	connection->used = false;
	if (connection->stale)
		connection_close(connection);
	connection->stale = false;
}

static void
transaction_event(XactEvent event, void *arg)
{
	bool		committed;

	end_deadline = deadline_in(END_TIMEOUT_MS);
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			for_each(end_before_commit, NULL);
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			committed = event != XACT_EVENT_ABORT;
			for_each(end_transaction, &committed);
			break;
		default:				/* parallel workers own no handle */
			break;
	}
}

typedef struct SubTransactionEnd
{
	SubXactEvent event;
	SubTransactionId subid;
	SubTransactionId parent;
} SubTransactionEnd;

static void
end_subtransaction(Connection *connection, void *arg)
{
	SubTransactionEnd *end = (SubTransactionEnd *) arg;
	void		(*tell) (Connection *, SubTransactionId, SubTransactionId) =
		end->event == SUBXACT_EVENT_ABORT_SUB ? class->subaborted : class->subcommitted;

	if (connection->used && connection->handle && tell)
		tell(connection, end->subid, end->parent);
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	SubTransactionEnd end = {event, subid, parent};

	end_deadline = deadline_in(END_TIMEOUT_MS);
	if (event == SUBXACT_EVENT_ABORT_SUB || event == SUBXACT_EVENT_COMMIT_SUB)
		for_each(end_subtransaction, &end);
}

Deadline
connection_end_deadline(void)
{
	return deadline_in(Max(deadline_left(end_deadline), END_LEAST_MS));
}

void
connection_init(const ConnectionClass *cls)
{
	class = cls;
}

/* Deferred to the first use, so that a preloaded module costs the postmaster nothing. */
static void
create_cache(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(Connection), .hcxt = TopMemoryContext};

	connections = hash_create(class->name, 8, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, definition_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, definition_changed, (Datum) 0);
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
	before_shmem_exit(close_all_at_exit, (Datum) 0);
}

Connection *
connection_get(UserMapping *mapping)
{
	Connection *connection;
	bool		found;

	if (connections == NULL)
		create_cache();
	connection = hash_search(connections, &mapping->umid, HASH_ENTER, &found);
	if (!found)
	{
		connection->handle = NULL;
		connection->used = false;
		connection->stale = false;
	}
	if (connection->stale && !connection->used)
	{
		connection_close(connection);
		connection->stale = false;
	}
	if (connection->handle == NULL)
	{
		connection->serverid = mapping->serverid;
		connection->userid = mapping->userid;
		connection->stale = false;
		connection->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(mapping->serverid));
		connection->mapping_hash = GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
	}
	connection->used = true;
	return connection;
}

typedef struct CloseIdle
{
	Oid			serverid;
	int			closed;
} CloseIdle;

static void
close_if_idle(Connection *connection, void *arg)
{
	CloseIdle  *idle = (CloseIdle *) arg;

	if (connection->used || connection->handle == NULL)
		return;
	if (OidIsValid(idle->serverid) && idle->serverid != connection->serverid)
		return;
	connection_close(connection);
	idle->closed++;
}

int
connection_close_idle(Oid serverid)
{
	CloseIdle	idle = {serverid, 0};

	for_each(close_if_idle, &idle);
	return idle.closed;
}
