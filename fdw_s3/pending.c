/*
 * pending.c
 *		Keeps the promises of pending.h through the callbacks of transactions and subtransactions.
 */
#include "postgres.h"

#include "fdw_s3/pending.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Objects that are completed at the same time. */
#define PREPARE_AHEAD 4

typedef struct Pending
{
	dlist_node	node;
	S3Client   *client;
	S3Upload   *upload;
	SubTransactionId subid;		/* the subtransaction that answers for it */
	bool		reported;		/* by pending_finish */
} Pending;

static dlist_head uploads = DLIST_STATIC_INIT(uploads); /* in the order in which they began */
static MemoryContext context = NULL;	/* of the list and the uploads; NULL outside of transactions that write */

MemoryContext
pending_context(void)
{
	if (context == NULL)
		context = AllocSetContextCreate(TopTransactionContext, "S3 uploads", ALLOCSET_SMALL_SIZES);
	return context;
}

static void
forget(Pending *pending)
{
	dlist_delete(&pending->node);
	upload_free(pending->upload);
	pfree(pending);
}

static void
forget_all(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &uploads)
		forget(dlist_container(Pending, node, iter.cur));
	dlist_init(&uploads);
	context = NULL;
}

/*
 * Undo one upload before "deadline". Runs while a transaction aborts, where an ERROR (memory, descriptors) must not get
 * out, nor reset the count that keeps interrupts away.
 */
static bool
undo(Pending *pending, Deadline deadline)
{
	uint32		holdoff = InterruptHoldoffCount;
	MemoryContext caller = CurrentMemoryContext;
	bool		volatile clean = false;

	PG_TRY();
	{
		client_limit(pending->client, deadline, true);
		clean = upload_undo(pending->upload);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		InterruptHoldoffCount = holdoff;
	}
	PG_END_TRY();
	client_limit(pending->client, DEADLINE_NONE, false);
	return clean;
}

typedef bool (*Chosen) (const Pending *pending, const void *arg);

/* Undo and forget the chosen uploads, all within PENDING_UNDO_MS. */
static void
undo_all(Chosen chosen, const void *arg)
{
	Deadline	deadline = deadline_in(PENDING_UNDO_MS);
	dlist_mutable_iter iter;
	int			left = 0;

	dlist_foreach_modify(iter, &uploads)
	{
		Pending    *pending = dlist_container(Pending, node, iter.cur);

		if (!chosen(pending, arg))
			continue;
		if (!undo(pending, deadline))
			left++;
		forget(pending);
	}
	if (left > 0)
		ereport(WARNING,
				errcode(ERRCODE_WARNING),
				errmsg_plural("could not clean up after %d upload", "could not clean up after %d uploads", left, left),
				errhint("fdw_s3_sweep() removes unfinished uploads; an object with a unique name may have stayed too."));
}

static bool
all(const Pending *pending, const void *arg)
{
	return true;
}

static bool
of_subtransaction(const Pending *pending, const void *arg)
{
	return pending->subid == *(const SubTransactionId *) arg;
}

static bool
of_client(const Pending *pending, const void *arg)
{
	return pending->client == (const S3Client *) arg;
}

/* ---- ends of transactions ---- */

/* PostgreSQL fires no timeout from here on: the servers' own ones hold, each from now on. */
static void
limit_clients(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &uploads)
	{
		S3Client   *client = dlist_container(Pending, node, iter.cur)->client;

		client_limit(client, deadline_in(client->settings.commit_timeout), false);
	}
}

static void
unlimit_clients(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &uploads)
		client_limit(dlist_container(Pending, node, iter.cur)->client, DEADLINE_NONE, false);
}

/* Whether an upload from "first" on, before "node", goes to the same object: the later one must not overtake it. */
static bool
must_follow(dlist_node *first, dlist_node *node)
{
	const S3Upload *upload = dlist_container(Pending, node, node)->upload;

	for (; first != node; first = dlist_next_node(&uploads, first))
		if (upload_same_object(dlist_container(Pending, node, first)->upload, upload))
			return true;
	return false;
}

/* Complete all sealed uploads, in order. A few are under way at once: thousands of round trips add up. */
static void
finish_sealed(void)
{
	dlist_iter	iter;
	dlist_node *ahead = dlist_is_empty(&uploads) ? NULL : dlist_head_node(&uploads);
	int			under_way = 0;

	dlist_foreach(iter, &uploads)
	{
		S3Upload   *upload = dlist_container(Pending, node, iter.cur)->upload;

		for (; ahead != NULL && under_way < PREPARE_AHEAD && !must_follow(iter.cur, ahead); under_way++)
		{
			upload_prepare(dlist_container(Pending, node, ahead)->upload);
			ahead = dlist_has_next(&uploads, ahead) ? dlist_next_node(&uploads, ahead) : NULL;
		}
		if (upload_sealed(upload))
			upload_finish(upload);
		under_way--;
	}
}

static void
before_commit(void)
{
	dlist_iter	iter;

	if (dlist_is_empty(&uploads))
		return;
	dlist_foreach(iter, &uploads)
		if (!upload_sealed(dlist_container(Pending, node, iter.cur)->upload))
			elog(ERROR, "an upload was not sealed");
	limit_clients();
	finish_sealed();
	unlimit_clients();
}

static void
before_prepare(void)
{
	if (!dlist_is_empty(&uploads))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("cannot PREPARE a transaction that has written to S3"));
}

static void
transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_commit();
			break;
		case XACT_EVENT_PRE_PREPARE:
			before_prepare();
			break;
		case XACT_EVENT_ABORT:
			undo_all(all, NULL);
			forget_all();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			forget_all();
			break;
		default:				/* parallel workers write nothing */
			break;
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	dlist_iter	iter;

	if (event == SUBXACT_EVENT_ABORT_SUB)
		undo_all(of_subtransaction, &subid);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		dlist_foreach(iter, &uploads)
		{
			Pending    *pending = dlist_container(Pending, node, iter.cur);

			if (pending->subid == subid)
				pending->subid = parent;
		}
}

/*
 * PostgreSQL calls the callbacks that were registered last first. A client exists by now, so the cache of clients has
 * registered its own: ours run before it closes one.
 */
static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
	registered = true;
}

void
pending_add(S3Client *client, S3Upload *upload)
{
	Pending    *pending = MemoryContextAllocZero(pending_context(), sizeof(Pending));

	register_callbacks();
	pending->client = client;
	pending->upload = upload;
	pending->subid = GetCurrentSubTransactionId();
	dlist_push_tail(&uploads, &pending->node);
}

void
pending_abandon(S3Client *client)
{
	undo_all(of_client, client);
}

List *
pending_finish(void)
{
	List	   *written = NIL;
	dlist_iter	iter;

	finish_sealed();
	dlist_foreach(iter, &uploads)
	{
		Pending    *pending = dlist_container(Pending, node, iter.cur);

		if (pending->reported || !upload_sealed(pending->upload))
			continue;
		written = lappend(written, (void *) upload_finish(pending->upload));
		pending->reported = true;
	}
	return written;
}
