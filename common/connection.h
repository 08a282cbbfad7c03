/*
 * connection.h
 *		One handle of a client library per user mapping, kept for the session and dropped when its definition changes.
 *
 * A module has one ConnectionClass. The cache knows when a handle may be closed (never while the transaction that used
 * it runs) and tells the class about the ends of transactions and subtransactions; what a handle is, how it is opened
 * and what must happen to it at those ends, the class knows.
 */
#ifndef MEDALLION_CONNECTION_H
#define MEDALLION_CONNECTION_H

#include "postgres.h"

#include "access/xact.h"
#include "common/wait.h"
#include "foreign/foreign.h"

#pragma GCC visibility push(hidden)

typedef struct Connection
{
	Oid			umid;			/* hash key: the user mapping */
	Oid			serverid;
	Oid			userid;			/* the mapping's role; InvalidOid for PUBLIC */
	void	   *handle;			/* the class's, NULL while closed */
	bool		used;			/* by the current transaction */
	bool		stale;			/* server or mapping changed: close as soon as no transaction uses it */
	uint32		server_hash;	/* syscache hash values, to recognise invalidations */
	uint32		mapping_hash;
} Connection;

/*
 * All callbacks but "close" may be NULL. "close", "aborted" and "subaborted" run where no ERROR may be raised and nothing
 * times out: they must be bounded in time. A callback that finds its handle broken calls connection_close.
 */
typedef struct ConnectionClass
{
	const char *name;			/* of the foreign data wrapper, for messages */
	void		(*close) (void *handle);
	void		(*before_commit) (Connection *connection);	/* may raise an ERROR */
	void		(*committed) (Connection *connection);
	void		(*aborted) (Connection *connection);
	void		(*subaborted) (Connection *connection, SubTransactionId subid, SubTransactionId parent);
	void		(*subcommitted) (Connection *connection, SubTransactionId subid, SubTransactionId parent);
} ConnectionClass;

/* Call once, from _PG_init. */
extern void connection_init(const ConnectionClass *cls);

/*
 * The cache entry for a mapping, marked as used by this transaction. When its "handle" is NULL the caller opens one and
 * stores it before anything can raise an ERROR over it. A stale handle that no transaction uses was closed by then; a
 * stale one in use is returned as it is, because the transaction's snapshot lives in it.
 */
extern Connection *connection_get(UserMapping *mapping);

/*
 * For "aborted", "committed", "subaborted": by when the callback must return. The time is for all connections that take
 * part in the end of one transaction together, so that many dead ones hold it up no longer than one does.
 */
extern Deadline connection_end_deadline(void);

/* Close the handle now (it may be NULL already); the entry stays. */
extern void connection_close(Connection *connection);

/* Close the handles that the current transaction does not use, of one server or, with InvalidOid, of all; returns how many. */
extern int	connection_close_idle(Oid serverid);

#pragma GCC visibility pop

#endif							/* MEDALLION_CONNECTION_H */
