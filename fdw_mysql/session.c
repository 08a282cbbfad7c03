/*
 * session.c
 *		Begin and end the remote transaction, share its connection between readers, and leave nothing behind on an ERROR.
 *
 * A session lives in the cache of common/connection.c. Readers live in the session's memory, because the memory of a
 * query that failed is gone by the time that the callbacks at the end of its transaction run.
 */
#include "postgres.h"

#include "session.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "common/connection.h"
#include "executor/tuptable.h"
#include "lib/ilist.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "option.h"
#include "report.h"
#include "resolve.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

/* At the ends of transactions nothing can be cancelled, so this is how long a dead network can hold them up. */
#define END_TIMEOUT_MS 500
/* An abandoned result is first read on for so long: most are short, and then no KILL is needed. */
#define DRAIN_FIRST_MS 2
/* Within a transaction an abandoned result may take so long to end, interruptibly, before the connection is given up. */
#define GIVE_UP_TIMEOUT_MS 2500
/* Rows between two looks at the clock. */
#define DRAIN_STRIDE 256

struct Session
{
	MemoryContext context;
	Connection *connection;
	char	   *server_name;
	ClientTarget target;
	Client	   *client;			/* NULL: not connected */
	Client	   *killer;			/* the side connection, while it works */
	bool		in_transaction;
	bool		lost;			/* in this transaction; the snapshot went with it */
	Reader	   *streaming;		/* whose result is on the wire */
	dlist_head	readers;
};

struct Reader
{
	dlist_node	node;
	Session    *session;
	Statement  *statement;
	char	   *sql;
	ReaderOwner owner;
	ClientField *fields;
	int			nfields;
	bool		done;			/* its owner has let go of it */
	bool		failed;			/* the result ended with an ERROR, not at its end */
	/* rows put aside */
	Tuplestorestate *store;
	TupleTableSlot *slot;
};

/* What every session is pinned to, in this order. */
static const char *const pins[] = {
	"SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "
	"sql_select_limit = 18446744073709551615, sql_safe_updates = 0, sql_big_selects = 1, "
	"net_write_timeout = 31536000, sql_auto_is_null = 0",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
};

/* ---- errors ---- */

static void
report(Session *session, const char *what, const char *sql)
{
	/* A connection that never came to be took no snapshot with it. */
	if (client_broken(session->client))
		session->lost = session->in_transaction;
	report_client_error(client_error(session->client), psprintf("%s server \"%s\"", what, session->server_name),
						session->target.password, sql);
}

static void
reject_lost(Session *session)
{
	if (session->lost)
		ereport(ERROR,
				errcode(ERRCODE_CONNECTION_FAILURE),
				errmsg("the connection to server \"%s\" was lost in this transaction", session->server_name),
				errdetail("Its snapshot cannot be had again."),
				errhint("Start a new transaction."));
}

/* ---- connecting ---- */

static void
disconnect(Session *session)
{
	if (session->killer != NULL)
		client_free(session->killer);
	session->killer = NULL;
	if (session->client != NULL)
		client_free(session->client);
	session->client = NULL;
	session->in_transaction = false;
	session->streaming = NULL;
}

static Client *
create_client(Session *session)
{
	Client	   *client = client_create(&session->target);

	if (client == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not connect to server \"%s\": out of memory or file descriptors", session->server_name));
	return client;
}

static void
set_address(Session *session, const char *address)
{
	ClientTarget *target = &session->target;

	if (target->address != NULL)
		pfree((char *) target->address);
	/*
	 * The library checks a certificate against the name that it connects to, and so looks it up again. It cannot be
	 * interrupted then: the name is handed over only when the resolver has just answered. What remains is a resolver
	 * that falls silent between the two.
	 */
	if (target->ssl_mode == SSL_VERIFY_IDENTITY)
		address = target->host;
	target->address = MemoryContextStrdup(session->context, address);
}

/* A name may have several addresses, and the server listen on one: localhost is ::1 and 127.0.0.1. */
static void
connect_client(Session *session)
{
	ClientTarget *target = &session->target;
	Deadline	deadline = deadline_in(target->connect_timeout);
	char	   *addresses[RESOLVE_MAX] = {(char *) target->host};
	int			count = 1;

	if (target->host[0] != '/')
		count = resolve_host(target->host, deadline, addresses);
	/* The library will try every address of the name by itself. */
	if (target->ssl_mode == SSL_VERIFY_IDENTITY)
		count = 1;
	for (int i = 0; i < count; i++)
	{
		disconnect(session);
		set_address(session, addresses[i]);
		session->client = create_client(session);
		if (client_connect(session->client, deadline) == CLIENT_OK)
			return;
		if (!client_unreachable(session->client))
			break;
	}
	report(session, "connect to", NULL);
}

static void
open_client(Session *session)
{
	disconnect(session);
	connect_client(session);
	for (int i = 0; i < lengthof(pins); i++)
		if (client_query(session->client, pins[i]) != CLIENT_OK)
			report(session, "set up the connection to", pins[i]);
}

/* ---- the class for common/connection.c ---- */

static void
session_close(void *handle)
{
	Session    *session = (Session *) handle;
	dlist_mutable_iter i;

	/* The memory of a statement outlives its connection: free it after. */
	if (session->client != NULL)
		client_hold(session->client, deadline_in(END_TIMEOUT_MS));
	dlist_foreach_modify(i, &session->readers)
	{
		Reader	   *reader = dlist_container(Reader, node, i.cur);

		if (reader->statement != NULL)
			statement_free(reader->statement);
	}
	disconnect(session);
	MemoryContextDelete(session->context);
}

static void
reader_free(Reader *reader)
{
	if (reader->statement != NULL)
		statement_free(reader->statement);
	dlist_delete(&reader->node);
	pfree(reader->sql);
	if (reader->fields != NULL)
		pfree(reader->fields);
	pfree(reader);
}

/*
 * To close a statement, the library reads away whatever result is on the wire, another statement's too. So while there is
 * one, a reader that is done only waits for its end.
 */
static void
reader_forget(Reader *reader)
{
	Session    *session = reader->session;

	if (session->streaming == reader)
		session->streaming = NULL;
	if (session->streaming == NULL)
		reader_free(reader);
	else
		reader->done = true;
}

/* The wire is free: close the statements that waited for that. */
static void
free_done_readers(Session *session)
{
	dlist_mutable_iter i;

	dlist_foreach_modify(i, &session->readers)
	{
		Reader	   *reader = dlist_container(Reader, node, i.cur);

		if (reader->done)
			reader_free(reader);
	}
}

/* ---- giving up a result ---- */

/* Read rows and forget them until the end (true) or until the client's hold, or the stride's clock, ends it (false). */
static bool
drain(Reader *reader, Deadline deadline)
{
	ClientRow	row;

	for (int n = 1;; n++)
	{
		switch (statement_fetch(reader->statement, &row))
		{
			case CLIENT_OK:
				break;
			case CLIENT_PENDING:
				return false;
			case CLIENT_END:
			case CLIENT_FAILED:
				reader->session->streaming = NULL;
				return true;
		}
		if (n % DRAIN_STRIDE == 0 && deadline != DEADLINE_NONE && deadline_left(deadline) == 0)
			return false;
	}
}

static void
bound(Client *client, Deadline deadline, bool interruptible)
{
	if (interruptible)
		client_limit(client, deadline);
	else
		client_hold(client, deadline);
}

/* End what the connection is doing, from another one. */
static void
kill_query(Session *session, Deadline deadline, bool interruptible)
{
	char		sql[64];

	/*
	 * A name (see set_address) the library looks up itself, without an end to it: it gets one only when that has just
	 * been answered. Without a KILL the connection is given up.
	 */
	if (session->target.host[0] != '/' && !resolve_answers(session->target.address, deadline, interruptible))
		return;
	snprintf(sql, sizeof(sql), "KILL QUERY %lu", client_thread(session->client));
	session->killer = client_create(&session->target);
	if (session->killer == NULL)
		return;
	bound(session->killer, deadline, interruptible);
	if (client_connect(session->killer, deadline) == CLIENT_OK)
		(void) client_query(session->killer, sql);
	client_free(session->killer);
	session->killer = NULL;
}

/*
 * Take a result off the wire that nobody wants any more. With a deadline nothing is raised; without one it can be
 * interrupted. False: the connection cannot be used any more.
 */
static bool
give_up(Session *session, Reader *reader, Deadline deadline)
{
	Client	   *client = session->client;
	bool		interruptible = deadline == DEADLINE_NONE;
	bool		ended;

	if (interruptible)
		deadline = deadline_in(GIVE_UP_TIMEOUT_MS);
	if (!client_broken(client))
	{
		client_hold(client, deadline_in(DRAIN_FIRST_MS));
		ended = drain(reader, deadline_in(DRAIN_FIRST_MS));
		bound(client, deadline, interruptible);
		if (!ended)
		{
			kill_query(session, deadline, interruptible);
			ended = drain(reader, deadline);
			/* A KILL that came too late for the query would hit the next one. */
			if (ended && !client_broken(client) && client_error(client)->number == 0)
				(void) client_query(client, "DO 0");
		}
		client_hold(client, DEADLINE_NONE);
		if (ended && !client_broken(client))
			return true;
	}
	session->streaming = NULL;
	session->lost = true;
	return false;
}

/*
 * The same for whatever an interrupted call left pending, such as a query that has not answered yet. The reader, if
 * any, is the one whose statement it belongs to.
 */
static bool
give_up_pending(Session *session, Deadline deadline)
{
	Client	   *client = session->client;
	bool		ended;

	if (!client_pending(client))
		return !client_broken(client);
	client_hold(client, deadline_in(DRAIN_FIRST_MS));
	ended = client_settle(client) != CLIENT_PENDING;
	client_hold(client, deadline);
	if (!ended && !client_broken(client))
	{
		kill_query(session, deadline, false);
		ended = client_settle(client) != CLIENT_PENDING;
	}
	client_hold(client, DEADLINE_NONE);
	return ended && !client_broken(client);
}

/* ---- the ends of transactions ---- */

/* Of one subtransaction or, with InvalidSubTransactionId, of all. False: the connection is of no more use. */
static bool
forget_readers(Session *session, SubTransactionId subid, Deadline deadline)
{
	Client	   *client = session->client;
	Reader	   *streaming = session->streaming;
	bool		usable = !client_broken(client);
	dlist_mutable_iter i;

	if (streaming != NULL && (subid == InvalidSubTransactionId || streaming->owner.subid == subid))
		usable = give_up(session, streaming, deadline);
	else if (streaming == NULL)
		usable = give_up_pending(session, deadline);
	if (!usable)
		client_abandon(client);

	client_hold(client, deadline);
	dlist_foreach_modify(i, &session->readers)
	{
		Reader	   *reader = dlist_container(Reader, node, i.cur);

		if (subid == InvalidSubTransactionId || reader->owner.subid == subid)
			reader_forget(reader);
	}
	if (session->streaming == NULL)
		free_done_readers(session);
	client_hold(client, DEADLINE_NONE);
	return usable;
}

/* Raises nothing and ends in time, at the price of the connection. */
static void
end_transaction(Connection *connection)
{
	Session    *session = (Session *) connection->handle;
	Deadline	deadline = connection_end_deadline();
	bool		usable = false;

	if (session->killer != NULL)
		client_free(session->killer);
	session->killer = NULL;
	if (session->client != NULL)
	{
		usable = forget_readers(session, InvalidSubTransactionId, deadline) && !session->lost;
		if (usable && session->in_transaction)
		{
			client_hold(session->client, deadline);
			usable = client_query(session->client, "COMMIT") == CLIENT_OK;
			client_hold(session->client, DEADLINE_NONE);
		}
	}
	session->in_transaction = false;
	session->lost = false;
	if (!usable)
		connection_close(connection);
}

static void
end_subtransaction(Connection *connection, SubTransactionId subid, SubTransactionId parent)
{
	Session    *session = (Session *) connection->handle;

	if (session->killer != NULL)
		client_free(session->killer);
	session->killer = NULL;
	if (session->client == NULL)
		return;
	if (!forget_readers(session, subid, connection_end_deadline()))
	{
		session->lost = session->lost || session->in_transaction;
		if (!session->in_transaction)
			disconnect(session);
	}
}

static void
merge_subtransaction(Connection *connection, SubTransactionId subid, SubTransactionId parent)
{
	Session    *session = (Session *) connection->handle;
	dlist_iter	i;

	dlist_foreach(i, &session->readers)
	{
		Reader	   *reader = dlist_container(Reader, node, i.cur);

		if (reader->owner.subid == subid)
			reader->owner.subid = parent;
	}
}

static const ConnectionClass session_class = {
	.name = "fdw_mysql",
	.close = session_close,
	.committed = end_transaction,
	.aborted = end_transaction,
	.subaborted = end_subtransaction,
	.subcommitted = merge_subtransaction,
};

void
session_init(void)
{
	connection_init(&session_class);
}

/* ---- beginning ---- */

/* Without a password the server would be asked to trust this machine's account, which is the server's owner's. */
static void
check_password(UserMapping *mapping, const Options *options)
{
	if (options->password != NULL && options->password[0] != '\0')
		return;
	if (OidIsValid(mapping->userid) ? superuser_arg(mapping->userid) : superuser())
		return;
	ereport(ERROR,
			errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
			errmsg("password is required"),
			errdetail("Only a superuser may connect without a password."),
			errhint("Set option \"password\" of the user mapping."));
}

/* With nothing to check against, the library would check nothing. */
static void
check_authorities(const Options *options)
{
	if (options->ssl_mode == SSL_VERIFY_CA && options->ssl_ca == NULL && options->ssl_capath == NULL)
		ereport(ERROR,
				errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				errmsg("ssl_mode verify_ca needs option \"ssl_ca\" or \"ssl_capath\""));
}

static void
set_target(ClientTarget *target, const Options *options)
{
	target->host = options->host;
	target->port = options->port;
	target->user = options->username;
	target->password = options->password;
	target->ssl_mode = (SslMode) options->ssl_mode;
	target->ssl_ca = options->ssl_ca;
	target->ssl_capath = options->ssl_capath;
	target->ssl_cert = options->ssl_cert;
	target->ssl_key = options->ssl_key;
	target->ssl_cipher = options->ssl_cipher;
	target->connect_timeout = options->connect_timeout;
	target->read_timeout = options->read_timeout;
}

static Session *
session_create(Connection *connection, UserMapping *mapping)
{
	ForeignServer *server = GetForeignServer(mapping->serverid);
	MemoryContext caller = CurrentMemoryContext;
	Session    *session;
	MemoryContext context;

	/* What can be an ERROR comes first. */
	check_password(mapping, options_of_server(server, mapping));
	check_authorities(options_of_server(server, mapping));
	context = AllocSetContextCreate(TopMemoryContext, "fdw_mysql session", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(context);
	session = palloc0(sizeof(Session));
	session->context = context;
	session->connection = connection;
	session->server_name = pstrdup(server->servername);
	set_target(&session->target, options_of_server(server, mapping));
	dlist_init(&session->readers);
	connection->handle = session;
	MemoryContextSwitchTo(caller);
	return session;
}

/*
 * A connection that lay idle may have been closed by the server. Nothing was read through it in this transaction, so
 * that opening another, once, is safe.
 */
static void
begin_transaction(Session *session)
{
	static const char *const sql = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

	if (session->client != NULL)
	{
		ClientResult result = client_settle(session->client);

		if (result == CLIENT_OK)
			result = client_query(session->client, sql);
		if (result == CLIENT_OK)
		{
			session->in_transaction = true;
			return;
		}
		if (!client_broken(session->client))
			report(session, "begin a transaction on", sql);
	}
	open_client(session);
	if (client_query(session->client, sql) != CLIENT_OK)
		report(session, "begin a transaction on", sql);
	session->in_transaction = true;
}

Session *
session_get(UserMapping *mapping)
{
	Connection *connection = connection_get(mapping);
	Session    *session = (Session *) connection->handle;

	if (session == NULL)
		session = session_create(connection, mapping);
	reject_lost(session);
	if (!session->in_transaction)
		begin_transaction(session);
	return session;
}

/* ---- readers ---- */

ReaderOwner
reader_owner(void)
{
	ReaderOwner owner = {CurrentMemoryContext, CurrentResourceOwner, GetCurrentSubTransactionId()};

	return owner;
}

static void
reject_failed(Session *session, ClientResult result, const char *what, const char *sql)
{
	if (result == CLIENT_OK)
		return;
	report(session, what, sql);
}

static TupleDesc
spool_descriptor(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(1);

	TupleDescInitEntry(desc, 1, "row", BYTEAOID, -1, 0);
	return desc;
}

static void
spool_begin(Reader *reader)
{
	if (reader->store != NULL)
		return;
	reader->slot = MakeSingleTupleTableSlot(spool_descriptor(), &TTSOpsMinimalTuple);
	reader->store = tuplestore_begin_heap(false, false, work_mem);
}

/* One row, as the bytes that came. */
static void
spool_row(Reader *reader, const ClientRow *row)
{
	size_t		length = client_row_length(row, reader->fields, reader->nfields);
	bytea	   *bytes;
	Datum		value;
	bool		null = false;

	if (length == 0)
		ereport(ERROR,
				errcode(ERRCODE_PROTOCOL_VIOLATION),
				errmsg("malformed row from server \"%s\"", reader->session->server_name));
	bytes = palloc(VARHDRSZ + length);
	SET_VARSIZE(bytes, VARHDRSZ + length);
	memcpy(VARDATA(bytes), row->start, length);
	value = PointerGetDatum(bytes);
	tuplestore_putvalues(reader->store, reader->slot->tts_tupleDescriptor, &value, &null);
	pfree(bytes);
}

static void
spool_rest(Reader *reader)
{
	Session    *session = reader->session;
	ClientRow	row;
	ClientResult result;

	spool_begin(reader);
	while ((result = statement_fetch(reader->statement, &row)) == CLIENT_OK)
	{
		CHECK_FOR_INTERRUPTS();
		spool_row(reader, &row);
	}
	session->streaming = NULL;
	if (result != CLIENT_END)
	{
		/* The reader must not take what was put aside for all. */
		reader->failed = true;
		report(session, "fetch from", reader->sql);
	}
}

/* Make the connection free for another statement: in the memory, and on the account, of the reader that has it. */
static void
free_wire(Session *session)
{
	Reader	   *reader = session->streaming;
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;

	if (reader == NULL)
		return;
	MemoryContextSwitchTo(reader->owner.context);
	CurrentResourceOwner = reader->owner.resources;
	PG_TRY();
	{
		spool_rest(reader);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = resources;
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	free_done_readers(session);
}

static void
spool_clear(Reader *reader)
{
	if (reader->store == NULL)
		return;
	ExecDropSingleTupleTableSlot(reader->slot);
	tuplestore_end(reader->store);
	reader->store = NULL;
	reader->slot = NULL;
}

static void
read_fields(Reader *reader)
{
	int			nfields = statement_field_count(reader->statement);

	if (reader->fields != NULL)
		pfree(reader->fields);
	reader->fields = MemoryContextAlloc(reader->session->context, sizeof(ClientField) * Max(nfields, 1));
	reader->nfields = nfields;
	for (int i = 0; i < nfields; i++)
		statement_field(reader->statement, i, &reader->fields[i]);
}

Reader *
reader_open(Session *session, const char *sql, ReaderOwner owner)
{
	MemoryContext caller;
	Reader	   *reader;

	reject_lost(session);
	free_wire(session);
	reject_failed(session, client_settle(session->client), "use the connection to", NULL);

	caller = MemoryContextSwitchTo(session->context);
	reader = palloc0(sizeof(Reader));
	reader->session = session;
	reader->owner = owner;
	reader->sql = pstrdup(sql);
	dlist_push_tail(&session->readers, &reader->node);
	MemoryContextSwitchTo(caller);

	reader->statement = statement_create(session->client);
	if (reader->statement == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	reject_failed(session, statement_prepare(reader->statement, sql), "prepare a statement on", sql);
	read_fields(reader);
	return reader;
}

const ClientField *
reader_fields(Reader *reader, int *nfields)
{
	*nfields = reader->nfields;
	return reader->fields;
}

void
reader_execute(Reader *reader, const ClientParam *params, int nparams)
{
	Session    *session = reader->session;
	ClientResult result;

	reject_lost(session);
	if (session->streaming == reader)
		give_up(session, reader, DEADLINE_NONE);
	else
		free_wire(session);
	spool_clear(reader);
	reject_lost(session);
	if (statement_param_count(reader->statement) != nparams)
		ereport(ERROR,
				errcode(ERRCODE_PROTOCOL_VIOLATION),
				errmsg("server \"%s\" found %d parameters in a statement, expected %d", session->server_name,
					   statement_param_count(reader->statement), nparams));

	/* From here on the wire is the reader's, also while it waits for the first answer. */
	session->streaming = reader;
	reader->failed = false;
	result = statement_execute(reader->statement, params, nparams);
	if (result != CLIENT_OK)
	{
		session->streaming = NULL;
		report(session, "run a statement on", reader->sql);
	}
	read_fields(reader);
}

/* The next row that was put aside. The slot keeps what it reads from a file until its next row. */
static bool
next_spooled(Reader *reader, ClientRow *row)
{
	MemoryContext caller = MemoryContextSwitchTo(reader->owner.context);
	bool		found = tuplestore_gettupleslot(reader->store, true, false, reader->slot);
	bytea	   *bytes;
	bool		null;

	MemoryContextSwitchTo(caller);
	if (!found)
		return false;
	bytes = DatumGetByteaPP(slot_getattr(reader->slot, 1, &null));
	row->start = (unsigned char *) VARDATA_ANY(bytes);
	row->limit = row->start + VARSIZE_ANY_EXHDR(bytes);
	return true;
}

/* What stands here has no further row: because that was all, or because it broke off? */
static void
reject_failed_reader(Reader *reader)
{
	reject_lost(reader->session);
	if (reader->failed)
		ereport(ERROR,
				errcode(ERRCODE_FDW_ERROR),
				errmsg("could not fetch from server \"%s\": the result broke off before", reader->session->server_name));
}

bool
reader_next(Reader *reader, ClientRow *row)
{
	Session    *session = reader->session;
	ClientResult result;

	if (reader->store != NULL && next_spooled(reader, row))
		return true;
	if (unlikely(session->streaming != reader))
	{
		reject_failed_reader(reader);
		return false;
	}
	result = statement_fetch(reader->statement, row);
	if (likely(result == CLIENT_OK))
		return true;
	session->streaming = NULL;
	if (result != CLIENT_END)
	{
		reader->failed = true;
		report(session, "fetch from", reader->sql);
	}
	return false;
}

void
reader_close(Reader *reader)
{
	Session    *session = reader->session;

	if (session->streaming == reader)
		give_up(session, reader, DEADLINE_NONE);
	spool_clear(reader);
	reader_forget(reader);
	if (session->streaming == NULL)
		free_done_readers(session);
}

PG_FUNCTION_INFO_V1(fdw_mysql_disconnect);

Datum
fdw_mysql_disconnect(PG_FUNCTION_ARGS)
{
	Oid			serverid = InvalidOid;

	if (!PG_ARGISNULL(0))
		serverid = GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)), false)->serverid;
	PG_RETURN_INT32(connection_close_idle(serverid));
}
