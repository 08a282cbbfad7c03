/*
 * session.h
 *		The remote transaction that goes with the local one, and the results that are read in it.
 *
 * One session per user mapping. All its readers see one snapshot. At most one reader has its result on the wire; when
 * another wants the connection, the rest of that result is first put aside, in memory or on disk.
 */
#ifndef FDW_MYSQL_SESSION_H
#define FDW_MYSQL_SESSION_H

#include "postgres.h"

#include "access/xact.h"
#include "client.h"
#include "foreign/foreign.h"
#include "utils/resowner.h"

#pragma GCC visibility push(hidden)

typedef struct Session Session;
typedef struct Reader Reader;

/* Whose a reader is: noted when a scan begins, which may be long before its first row. */
typedef struct ReaderOwner
{
	MemoryContext context;		/* of the query: rows that are put aside live there */
	ResourceOwner resources;	/* and their files belong to this */
	SubTransactionId subid;
} ReaderOwner;

/* Call once, from _PG_init. */
extern void session_init(void);

/* The caller's context, resource owner and subtransaction. */
extern ReaderOwner reader_owner(void);

/* The mapping's session, connected and with its transaction begun. */
extern Session *session_get(UserMapping *mapping);

/* A prepared statement. Freed by reader_close(), or by the end of the owner's subtransaction. */
extern Reader *reader_open(Session *session, const char *sql, ReaderOwner owner);

/* The result's fields, as of the last prepare or execute. */
extern const ClientField *reader_fields(Reader *reader, int *nfields);

/* Run it; a result that was not read to its end is given up first. */
extern void reader_execute(Reader *reader, const ClientParam *params, int nparams);

/* The next row, valid until the next call; false at the end. Anything else is an ERROR. */
extern bool reader_next(Reader *reader, ClientRow *row);

extern void reader_close(Reader *reader);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_SESSION_H */
