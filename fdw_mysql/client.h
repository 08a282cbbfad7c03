/*
 * client.h
 *		MySQL's client library in plain C types: connections, prepared statements, rows as bytes.
 *
 * client.c alone includes <mysql.h>, whose declarations clash with nodes/pg_list.h; so this header names neither.
 *
 * Every call that talks to the server can be left through an ERROR when the backend is interrupted. What it was doing
 * then stays pending in the connection, and goes on with the next call; client_hold() makes the calls uninterruptible
 * and bounded instead, for the ends of transactions. Nothing here reports the server's errors: see report.h.
 */
#ifndef FDW_MYSQL_CLIENT_H
#define FDW_MYSQL_CLIENT_H

#include "postgres.h"

#include "common/wait.h"

#pragma GCC visibility push(hidden)

typedef enum SslMode
{
	SSL_DISABLE,
	SSL_PREFER,
	SSL_REQUIRE,
	SSL_VERIFY_CA,
	SSL_VERIFY_IDENTITY
} SslMode;

/* Where and how to connect. The strings must live as long as the client. */
typedef struct ClientTarget
{
	const char *host;			/* name or address, or a socket's path */
	const char *address;		/* what to connect to: numeric, except with SSL_VERIFY_IDENTITY */
	int			port;
	const char *user;
	const char *password;
	SslMode		ssl_mode;
	const char *ssl_ca;
	const char *ssl_capath;
	const char *ssl_cert;
	const char *ssl_key;
	const char *ssl_cipher;
	int			connect_timeout;	/* ms */
	int			read_timeout;	/* ms, 0: none */
} ClientTarget;

/* What a call came to. */
typedef enum ClientResult
{
	CLIENT_OK,					/* done; a fetch: a row is there */
	CLIENT_END,					/* a fetch: no more rows */
	CLIENT_FAILED,				/* see client_error() */
	CLIENT_PENDING				/* held, and the deadline passed: the call goes on when repeated */
} ClientResult;

typedef struct ClientError
{
	int			number;			/* MySQL's, 0: none */
	char		sqlstate[6];
	char		message[512];
} ClientError;

/* How a value looks on the wire; CLIENT_TYPES counts them. */
typedef enum WireType
{
	WIRE_NULL,
	WIRE_TINY,
	WIRE_SHORT,
	WIRE_YEAR,
	WIRE_LONG,
	WIRE_LONGLONG,
	WIRE_FLOAT,
	WIRE_DOUBLE,
	WIRE_DECIMAL,
	WIRE_DATE,
	WIRE_DATETIME,
	WIRE_TIMESTAMP,
	WIRE_TIME,
	WIRE_BIT,
	WIRE_STRING,
	WIRE_BYTES,
	WIRE_JSON,
	WIRE_GEOMETRY,
	WIRE_UNKNOWN
} WireType;

typedef struct ClientField
{
	WireType	type;
	int			width;			/* bytes on the wire; 0: a length stands before them */
	bool		is_unsigned;
	bool		not_null;
	uint32		length;			/* display length, for BIT its bits */
	uint32		decimals;
} ClientField;

typedef enum ParamType
{
	PARAM_IS_NULL,
	PARAM_IS_INTEGER,
	PARAM_IS_DOUBLE,
	PARAM_IS_STRING
} ParamType;

typedef struct ClientParam
{
	ParamType	type;
	int64		integer;
	double		number;
	const char *string;
	unsigned long length;
} ClientParam;

typedef struct Client Client;
typedef struct Statement Statement;

/* A row as it stands in the client's buffer: valid until the next call on the connection. */
typedef struct ClientRow
{
	const unsigned char *start;
	const unsigned char *limit; /* no byte at or after this may be read */
} ClientRow;

/* Allocates only; NULL when out of memory or descriptors. Must be given to client_free(). */
extern Client *client_create(const ClientTarget *target);
extern ClientResult client_connect(Client *client, Deadline deadline);
/* Nobody answered at the address: another of the host's may. */
extern bool client_unreachable(Client *client);
/* It is of no use any more: no time is lost on a goodbye that nobody may hear. */
extern void client_abandon(Client *client);
/* Bounded by half a second, raises nothing; statements of the client can only be freed afterwards. */
extern void client_free(Client *client);

/* From now on no call is interruptible, and none goes on after the deadline; DEADLINE_NONE ends that. */
extern void client_hold(Client *client, Deadline deadline);
/* The same, but interruptible. */
extern void client_limit(Client *client, Deadline deadline);

/* A statement without rows. */
extern ClientResult client_query(Client *client, const char *sql);
/* Finish what an interrupted call left behind; its result is lost, except that of a fetch. */
extern ClientResult client_settle(Client *client);
extern bool client_pending(Client *client);
/* The connection cannot be used any more. */
extern bool client_broken(Client *client);
extern const ClientError *client_error(Client *client);
extern unsigned long client_thread(Client *client);

extern Statement *statement_create(Client *client);
extern ClientResult statement_prepare(Statement *statement, const char *sql);
extern ClientResult statement_execute(Statement *statement, const ClientParam *params, int nparams);
extern ClientResult statement_fetch(Statement *statement, ClientRow *row);
/* No result may be open on the connection, unless it is broken. Raises nothing. */
extern void statement_free(Statement *statement);

/* After prepare, and again after execute: the table may have changed in between. Returns the number of fields. */
extern int	statement_field_count(Statement *statement);
extern int	statement_param_count(Statement *statement);
extern void statement_field(Statement *statement, int i, ClientField *field);

/* The number of bytes of a row, or 0 when it does not end within its limit. */
extern size_t client_row_length(const ClientRow *row, const ClientField *fields, int nfields);

/* Read a length that stands before a value; false when it passes the limit. */
static inline bool
client_read_length(const unsigned char **at, const unsigned char *limit, size_t *length)
{
	const unsigned char *p = *at;
	int			bytes;

	if (p >= limit)
		return false;
	if (*p < 251)
	{
		*length = *p;
		*at = p + 1;
		return (size_t) (limit - *at) >= *length;
	}
	bytes = *p == 252 ? 2 : *p == 253 ? 3 : *p == 254 ? 8 : 0;
	if (bytes == 0 || limit - p <= bytes)
		return false;
	*length = 0;
	for (int i = bytes; i > 0; i--)
		*length = *length << 8 | p[i];
	*at = p + 1 + bytes;
	return (size_t) (limit - *at) >= *length;
}

/* The length of the value at "at", which moves past what stands before it; false at a row's ragged end. */
static inline bool
client_read_value(const ClientField *field, const unsigned char **at, const unsigned char *limit, size_t *length)
{
	*length = field->width;
	if (*length == 0)
		return client_read_length(at, limit, length);
	return (size_t) (limit - *at) >= *length;
}

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_CLIENT_H */
