/*
 * pending.c
 *		Keeps the promises of pending.h through the callbacks of transactions and subtransactions.
 */
#include "postgres.h"

#include "fdw_kafka/pending.h"

#include "access/xact.h"
#include "common/connection.h"
#include "fdw_kafka/spool.h"
#include "foreign/foreign.h"
#include "utils/memutils.h"

/* A topic that the transaction writes to, and how. */
typedef struct Target
{
	Oid			serverid;
	Oid			userid;
	char	   *server;			/* name */
	char	   *topic;
	ProducerKind kind;
	KafkaProducer *producer;	/* while there may be a Kafka transaction, or messages on their way */
	ProducerTopic *sending;		/* while messages are being sent */
} Target;

/* Where the spool stood when a subtransaction first wrote. */
typedef struct Mark
{
	SubTransactionId subid;
	SpoolPlace	place;
	int64		plain;
} Mark;

/* The transaction's; all of it is in "context", which is NULL outside of transactions that write. */
static MemoryContext context = NULL;
static Spool *spool = NULL;
static List *targets = NIL;		/* of Target * */
static List *marks = NIL;		/* of Mark *, innermost last */
/*
 * Messages at the front of the spool that were sent. Transactional ones among them are sent again where their Kafka
 * transaction was aborted with a savepoint; "plain" ones, of other tables, stay in Kafka whatever happens.
 */
static int64 sent = 0;
static int64 plain = 0;			/* plain messages spooled */
static int64 plain_sent = 0;	/* of those, sent */
static bool failed = false;		/* sending broke off: which messages Kafka has is not known */

static void register_callbacks(void);

static void
begin(void)
{
	MemoryContext old;

	if (spool != NULL)
		return;
	register_callbacks();
	if (context == NULL)
		context = AllocSetContextCreate(TopTransactionContext, "fdw_kafka messages", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	spool = spool_create();
	MemoryContextSwitchTo(old);
}

/* The transaction is over, or nothing of it is left to do. */
static void
forget(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	spool = NULL;
	targets = NIL;
	marks = NIL;
	sent = plain = plain_sent = 0;
	failed = false;
}

static bool
same_kind(const ProducerKind *a, const ProducerKind *b)
{
	return a->transactional == b->transactional && a->max_message == b->max_message &&
		strcmp(a->compression, b->compression) == 0;
}

int
pending_target(Oid serverid, Oid userid, const char *topic, const ProducerKind *kind)
{
	MemoryContext old;
	Target	   *target;
	ListCell   *lc;

	/* also an ERROR now, not at commit, where there is no user mapping or its options are wrong */
	(void) client_get(serverid, userid);
	begin();
	foreach(lc, targets)
	{
		target = lfirst(lc);
		if (target->serverid == serverid && target->userid == userid && strcmp(target->topic, topic) == 0 &&
			same_kind(&target->kind, kind))
			return foreach_current_index(lc);
	}
	old = MemoryContextSwitchTo(context);
	target = palloc0(sizeof(Target));
	target->serverid = serverid;
	target->userid = userid;
	target->server = pstrdup(GetForeignServer(serverid)->servername);
	target->topic = pstrdup(topic);
	target->kind = *kind;
	targets = lappend(targets, target);
	MemoryContextSwitchTo(old);
	return list_length(targets) - 1;
}

/* Remember where the spool stood before the current subtransaction wrote anything. */
static void
mark_place(void)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	MemoryContext old;
	Mark	   *mark;

	if (marks != NIL && ((Mark *) llast(marks))->subid == subid)
		return;
	old = MemoryContextSwitchTo(context);
	mark = palloc(sizeof(Mark));
	mark->subid = subid;
	mark->place = spool_end(spool);
	mark->plain = plain;
	marks = lappend(marks, mark);
	MemoryContextSwitchTo(old);
}

void
pending_add(int target, const KafkaMessage *message)
{
	mark_place();
	spool_append(spool, target, message);
	if (!((Target *) list_nth(targets, target))->kind.transactional)
		plain++;
}

/* ---- sending ---- */

/* CONTEXT of whatever breaks the sending off, a cancel above all. */
static void
describe_sending(void *arg)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		const Target *target = lfirst(lc);
		char	   *remains = target->sending ? producer_remains(target->sending) : NULL;

		if (remains != NULL)
			errcontext("sending to topic \"%s\": %s", target->topic, remains);
		if (target->producer != NULL && producer_committing(target->producer))
			errcontext("committing what was sent to topic \"%s\": whether Kafka has committed it is not known.", target->topic);
	}
}

/* The producer that another topic of this transaction uses, which is ours too: even if it has failed, as that is told then. */
static KafkaProducer *
producer_in_use(const Target *target)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		const Target *other = lfirst(lc);

		if (other->producer != NULL && other->serverid == target->serverid && other->userid == target->userid &&
			same_kind(&other->kind, &target->kind))
			return other->producer;
	}
	return NULL;
}

static void
open_target(Target *target)
{
	target->producer = producer_in_use(target);
	if (target->producer == NULL)
		target->producer = producer_get(client_get(target->serverid, target->userid), &target->kind);
	target->sending = producer_open(target->producer, target->topic);
}

/* Take a target's producer away from it, and from all others that have the same. NULL if it has none. */
static KafkaProducer *
take_producer(const Target *target)
{
	KafkaProducer *producer = target->producer;
	ListCell   *lc;

	if (producer == NULL)
		return NULL;
	foreach(lc, targets)
	{
		Target	   *other = lfirst(lc);

		if (other->producer != producer)
			continue;
		other->producer = NULL;
		other->sending = NULL;
	}
	return producer;
}

static void
send_spool(void)
{
	KafkaMessage message;
	int			number;
	ListCell   *lc;

	while (spool_next(spool, &number, &message))
	{
		Target	   *target = list_nth(targets, number);
		int64		serial = spool_read_place(spool).count;

		/* Read once more for the sake of the transactional ones: the others are sent. */
		if (serial <= sent && !target->kind.transactional)
			continue;
		if (target->sending == NULL)
			open_target(target);
		producer_send(target->sending, &message, serial);
	}
	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);

		if (target->sending != NULL)
			producer_flush(target->sending);
	}
	sent = spool_end(spool).count;
	plain_sent = plain;
}

/* Close the producers that were at work: what they have under way nobody waits for any more. */
static void
close_producers(Deadline deadline)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		KafkaProducer *producer = take_producer(lfirst(lc));

		if (producer != NULL)
			producer_close(producer, deadline);
	}
}

/* What was counted, of topics that got messages; nobody is sending any more. */
static List *
collect_sent(void)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);
		const PartitionCount *counts;
		int			partitions;

		if (target->sending == NULL)
			continue;
		counts = producer_counts(target->sending, &partitions);
		for (int i = 0; i < partitions; i++)
		{
			PendingSent *row;

			if (counts[i].messages == 0)
				continue;
			row = palloc(sizeof(PendingSent));
			row->server = target->server;
			row->topic = target->topic;
			row->partition = i;
			row->messages = counts[i].messages;
			row->first_offset = counts[i].first;
			row->last_offset = counts[i].last;
			result = lappend(result, row);
		}
		target->sending = NULL;
	}
	return result;
}

static void
commit_producers(void)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		Target	   *target = lfirst(lc);

		if (target->producer != NULL && producer_in_transaction(target->producer))
			producer_commit(target->producer);
	}
}

/* Sent again, messages could come twice; left out, they would be lost. */
static void
reject_failed(void)
{
	if (failed)
		ereport(ERROR,
				errcode(ERRCODE_IN_FAILED_SQL_TRANSACTION),
				errmsg("cannot send messages to Kafka after an attempt in this transaction has failed"),
				errhint("ROLLBACK the transaction, or ROLLBACK TO a savepoint from before the messages were written."));
}

/* Send, and commit where that is wanted. After an ERROR no producer goes on behind our back. */
static List *
work(bool commit)
{
	ErrorContextCallback callback = {.callback = describe_sending, .previous = error_context_stack};
	List	   *result = NIL;

	reject_failed();
	error_context_stack = &callback;
	PG_TRY();
	{
		send_spool();
		result = collect_sent();
		if (commit)
			commit_producers();
	}
	PG_CATCH();
	{
		failed = true;
		close_producers(deadline_in(PRODUCER_CLOSE_MS));
		PG_RE_THROW();
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	return result;
}

List *
pending_finish(void)
{
	return spool == NULL ? NIL : work(false);
}

/* ---- ends of transactions ---- */

static void
before_prepare(void)
{
	if (spool == NULL)
		return;
	if (spool_end(spool).count > 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("cannot PREPARE a transaction that has written to Kafka"));
	spool_free(spool);
	forget();
}

static void
before_commit(void)
{
	if (spool == NULL)
		return;
	(void) work(true);
	spool_free(spool);
	forget();
}

/* Messages that fdw_kafka_finish() has sent stay when the transaction, or a part of it, does not. */
static void
warn_of_sent(int64 count)
{
	if (count > 0)
		ereport(WARNING,
				errcode(ERRCODE_WARNING),
				errmsg_plural(INT64_FORMAT " message that was sent before the rollback stays in Kafka",
							  INT64_FORMAT " messages that were sent before the rollback stay in Kafka",
							  (unsigned long) count, count));
}

/* One whose Kafka transaction cannot be aborted in time is closed. */
static void
abort_producers(Deadline deadline)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		KafkaProducer *producer = take_producer(lfirst(lc));

		if (producer != NULL && producer_in_transaction(producer))
			producer_abort(producer, deadline);
	}
}

/* Where the spool could not be made there is nothing but its context. */
static void
after_abort(void)
{
	if (spool != NULL)
	{
		warn_of_sent(plain_sent);
		abort_producers(deadline_in(PRODUCER_CLOSE_MS));
	}
	forget();					/* the file goes with the transaction's resources */
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
			after_abort();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			forget();
			break;
		default:				/* parallel workers write nothing */
			break;
	}
}

/*
 * A part of the transaction is undone. Of what it wrote, messages that were sent stay, unless their Kafka transaction
 * can be aborted: then the messages from before the savepoint, which were in it too, are sent again.
 */
static void
undo_mark(const Mark *mark)
{
	warn_of_sent(plain_sent - mark->plain);
	plain = mark->plain;
	if (failed || sent > mark->place.count)
	{
		abort_producers(deadline_in(PRODUCER_CLOSE_MS));
		spool_rewind(spool);
	}
	/* What was under way when sending failed is gone with this part, or there is nothing that can come twice. */
	if (mark->place.count <= sent || mark->plain <= plain_sent)
		failed = false;
	sent = Min(sent, mark->place.count);
	plain_sent = Min(plain_sent, mark->plain);
	spool_truncate(spool, mark->place);
}

static void
pop_mark(Mark *mark)
{
	marks = list_truncate(marks, list_length(marks) - 1);
	pfree(mark);
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	Mark	   *mark = marks != NIL ? llast(marks) : NULL;
	Mark	   *outer = list_length(marks) > 1 ? list_nth(marks, list_length(marks) - 2) : NULL;

	if (mark == NULL || mark->subid != subid)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		undo_mark(mark);
		pop_mark(mark);
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB && outer != NULL && outer->subid == parent)
		pop_mark(mark);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		mark->subid = parent;
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
