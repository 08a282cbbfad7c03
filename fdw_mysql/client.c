/*
 * client.c
 *		MariaDB Connector/C, without blocking. The only file that includes <mysql.h>.
 *
 * The library runs each call as a coroutine that comes back when it would have to wait. The waiting is done here, outside
 * of the coroutine, so that an ERROR never jumps over the library's frames. Nothing is palloc'd while the library runs.
 */
#include "postgres.h"

#include <mysql.h>
#include <errmsg.h>
#include <mysql/client_plugin.h>
#include <mysqld_error.h>
#include <openssl/err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "client.h"

#include "miscadmin.h"
#include "storage/fd.h"

#ifndef LIBMARIADB
#error "fdw_mysql needs MariaDB Connector/C: libmysqlclient has no non-blocking prepared statements"
#endif

/* The library's default is 60 kB, which is little for name look-up, TLS and dlopen of a plugin. */
#define COROUTINE_STACK (256 * 1024)

#define MAX_WAIT_BEFORE_CLOSE_MS 200

/* Ways to log in. Left out are those that send the password in the clear to whoever answers. */
#define AUTH_PLUGINS "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password"

/* ER_CLIENT_INTERACTION_TIMEOUT: MySQL 8's word for wait_timeout. */
#define SERVER_INTERACTION_TIMEOUT 4031

typedef enum Operation
{
	OP_NONE,
	OP_CONNECT,
	OP_QUERY,
	OP_PREPARE,
	OP_EXECUTE,
	OP_FETCH,
	OP_STATEMENT_CLOSE,
	OP_CLOSE
} Operation;

struct Client
{
	MYSQL	   *mysql;
	ClientTarget target;
	bool		connected;
	bool		broken;
	bool		timed_out;
	bool		encrypted;		/* under TLS, or not known yet */
	bool		holds_descriptor;	/* accounted with fd.c */
	Operation	operation;		/* the one under way, while events is not 0 */
	int			events;			/* what it waits for */
	Statement  *statement;		/* of a statement's operation */
	int			result;			/* of an operation that returns int */
	my_bool		flag;			/* or my_bool */
	MYSQL	   *connection;		/* or MYSQL * */
	char	   *text;			/* SQL of the operation under way, malloc'd */
	Deadline	connect_by;
	Deadline	hold;			/* not DEADLINE_NONE: no interrupts, and an end */
	bool		interruptible;	/* even so */
	ClientError error;
};

struct Statement
{
	Client	   *client;
	MYSQL_STMT *stmt;
};

static const unsigned int tcp_keep_idle = 60;
static const unsigned int tcp_keep_interval = 15;
static const unsigned int tcp_keep_count = 4;

/* ---- errors ---- */

/* After these nothing can be said on the connection any more. */
static const int breaking[] = {
	ER_SERVER_SHUTDOWN, ER_NET_PACKET_TOO_LARGE, ER_NET_PACKETS_OUT_OF_ORDER, ER_NET_UNCOMPRESS_ERROR,
	ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED, ER_CONNECTION_KILLED,
	CR_UNKNOWN_ERROR, CR_SERVER_GONE_ERROR, CR_SERVER_HANDSHAKE_ERR, CR_SERVER_LOST, CR_SSL_CONNECTION_ERROR,
	CR_MALFORMED_PACKET, CR_SERVER_LOST_EXTENDED, SERVER_INTERACTION_TIMEOUT,
};

static bool
breaks_connection(int number)
{
	for (int i = 0; i < lengthof(breaking); i++)
		if (breaking[i] == number)
			return true;
	return false;
}

static ClientResult
set_error(Client *client, int number, const char *sqlstate, const char *message)
{
	client->error.number = number;
	strlcpy(client->error.sqlstate, sqlstate, sizeof(client->error.sqlstate));
	strlcpy(client->error.message, message, sizeof(client->error.message));
	if (breaks_connection(number))
		client->broken = true;
	return CLIENT_FAILED;
}

/* The library's error, from the statement or, where it says none, from the connection. */
static ClientResult
take_error(Client *client, MYSQL_STMT *stmt)
{
	if (client->timed_out)
		return set_error(client, CR_SERVER_LOST, "HYT00", "timed out");
	if (stmt != NULL && mysql_stmt_errno(stmt) != 0)
		return set_error(client, mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt), mysql_stmt_error(stmt));
	if (mysql_errno(client->mysql) != 0)
		return set_error(client, mysql_errno(client->mysql), mysql_sqlstate(client->mysql), mysql_error(client->mysql));
	return set_error(client, CR_SERVER_LOST, "HY000", "unknown error");
}

const ClientError *
client_error(Client *client)
{
	return &client->error;
}

bool
client_broken(Client *client)
{
	return client->broken || !client->connected;
}

bool
client_unreachable(Client *client)
{
	return client->error.number == CR_CONNECTION_ERROR || client->error.number == CR_CONN_HOST_ERROR;
}

unsigned long
client_thread(Client *client)
{
	return mysql_thread_id(client->mysql);
}

/* ---- waiting ---- */

/*
 * OpenSSL keeps one list of errors for all that the backend does, and the library takes what somebody else left there
 * for its own connection's: to be called before the library may read or write.
 */
static inline void
forget_tls_errors(Client *client)
{
	if (unlikely(client->encrypted))
		ERR_clear_error();
}

/* The client whose connection is being made: what handshake_wait() is not told. */
static Client *connecting_client;

/*
 * In the handshake of TLS the library does not come back: it waits, for as many milliseconds as connect_timeout has
 * seconds. So it waits here, as long as we say.
 */
static int
handshake_wait(my_socket fd, my_bool is_read, int timeout)
{
	Client	   *client = connecting_client;
	bool		held = client->hold != DEADLINE_NONE;
	long		left = deadline_left(held ? client->hold : client->connect_by);
	bool		ready = wait_in_library(fd, is_read ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE, left,
										!held || client->interruptible);

	if (!ready)
		client->timed_out = true;
	return ready;
}

static int
operation_continue(Client *client, int events)
{
	MYSQL	   *mysql = client->mysql;
	MYSQL_STMT *stmt = client->statement ? client->statement->stmt : NULL;

	forget_tls_errors(client);
	connecting_client = client;
	switch (client->operation)
	{
		case OP_CONNECT:
			return mysql_real_connect_cont(&client->connection, mysql, events);
		case OP_QUERY:
			return mysql_real_query_cont(&client->result, mysql, events);
		case OP_PREPARE:
			return mysql_stmt_prepare_cont(&client->result, stmt, events);
		case OP_EXECUTE:
			return mysql_stmt_execute_cont(&client->result, stmt, events);
		case OP_FETCH:
			return mysql_stmt_fetch_cont(&client->result, stmt, events);
		case OP_STATEMENT_CLOSE:
			return mysql_stmt_close_cont(&client->flag, stmt, events);
		case OP_CLOSE:
			return mysql_close_cont(mysql, events);
		case OP_NONE:
			break;
	}
	return 0;
}

/* poll() in place of wait_sockets(): at the end of a transaction nothing may raise an ERROR, not even for want of memory. */
static int
wait_held(Client *client, long left)
{
	struct pollfd poll_fd = {.fd = mysql_get_socket(client->mysql)};

	if (client->events & MYSQL_WAIT_READ)
		poll_fd.events |= POLLIN;
	if (client->events & MYSQL_WAIT_WRITE)
		poll_fd.events |= POLLOUT;
	if (poll(&poll_fd, 1, (int) left) <= 0)
		return 0;
	return client->events & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE);
}

static int
wait_interruptibly(Client *client, long left)
{
	WaitSocket	socket = {mysql_get_socket(client->mysql)};

	if (client->events & MYSQL_WAIT_READ)
		socket.events |= WL_SOCKET_READABLE;
	if (client->events & MYSQL_WAIT_WRITE)
		socket.events |= WL_SOCKET_WRITEABLE;
	if (wait_sockets(&socket, 1, left) == 0)
		return 0;
	return client->events & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE);
}

/*
 * The library keeps the socket blocking and reads it with MSG_DONTWAIT, but under TLS OpenSSL reads it, and waits. So it
 * is made non-blocking behind the library's back: from its first wait on, which is for the greeting, before any TLS.
 */
static void
set_nonblocking(Client *client)
{
	int			fd = mysql_get_socket(client->mysql);
	int			flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		(void) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Drive the operation under way to its end. False: held, and it did not end in time. */
static bool
drive(Client *client)
{
	bool		connecting = client->operation == OP_CONNECT;
	Deadline	deadline = connecting ? client->connect_by : deadline_in(client->target.read_timeout);

	while (client->events != 0)
	{
		long		left = deadline_left(deadline);
		int			ready;

		if (connecting)
			set_nonblocking(client);
		if (client->hold != DEADLINE_NONE)
		{
			left = deadline_left(client->hold);
			if (left <= 0)
				return false;
			ready = client->interruptible ? wait_interruptibly(client, left) : wait_held(client, left);
		}
		else if (left == 0)
		{
			/* ends the operation with an error */
			client->timed_out = true;
			ready = MYSQL_WAIT_TIMEOUT;
		}
		else
			ready = wait_interruptibly(client, left);
		if (ready == 0)
			continue;
		/* The socket moved bytes: read_timeout is for silence, however long the whole takes. */
		if (!connecting && ready != MYSQL_WAIT_TIMEOUT)
			deadline = deadline_in(client->target.read_timeout);
		client->events = operation_continue(client, ready);
	}
	return true;
}

ClientResult
client_settle(Client *client)
{
	if (client->events != 0 && !drive(client))
		return CLIENT_PENDING;
	return client_broken(client) ? CLIENT_FAILED : CLIENT_OK;
}

bool
client_pending(Client *client)
{
	return client->events != 0;
}

void
client_hold(Client *client, Deadline deadline)
{
	client->hold = deadline;
	client->interruptible = false;
}

void
client_limit(Client *client, Deadline deadline)
{
	client->hold = deadline;
	client->interruptible = true;
}

/* Before an operation: the one that was interrupted ends first. CLIENT_OK: go ahead. */
static ClientResult
operation_begin(Client *client, Operation operation, Statement *statement)
{
	ClientResult settled = client_settle(client);

	if (settled == CLIENT_FAILED && client->error.number == 0)
		return set_error(client, CR_SERVER_GONE_ERROR, "HY000", "the connection is closed");
	if (settled != CLIENT_OK)
		return settled;
	forget_tls_errors(client);
	client->error.number = 0;
	client->operation = operation;
	client->statement = statement;
	return CLIENT_OK;
}

/* SQL that outlives the caller's memory, because the operation may. */
static bool
keep_text(Client *client, const char *sql)
{
	free(client->text);
	client->text = strdup(sql);
	if (client->text != NULL)
		return true;
	set_error(client, CR_OUT_OF_MEMORY, "HY001", "out of memory");
	return false;
}

/* ---- logging in ---- */

typedef int (*LoginFunction) (MYSQL_PLUGIN_VIO *vio, MYSQL *mysql);

static int	login_caching_sha2(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql);
static int	login_sha256(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql);

static const char no_tls[] = "the server does not offer TLS";

/* The plugins that send the password itself where the connection is secure, and the functions that we put before theirs. */
static struct
{
	const char *name;
	LoginFunction guard;
	LoginFunction login;		/* the plugin's own */
}			guarded[] = {
	{"caching_sha2_password", login_caching_sha2},
	{"sha256_password", login_sha256},
};

/*
 * The plugins take a connection for secure once TLS was asked for, be it there or not: whoever strips it would be sent
 * the password in the clear. Where TLS may be missing, say so, and they encrypt the password under the server's key; that
 * is no help against a man in the middle, so where TLS is required, give up.
 */
static int
guarded_login(LoginFunction login, MYSQL_PLUGIN_VIO *vio, MYSQL *mysql)
{
	const char *key = NULL;
	MYSQL_PLUGIN_VIO_INFO info = {MYSQL_VIO_INVALID};

	vio->info(vio, &info);
	if (info.protocol != MYSQL_VIO_SOCKET && mysql_get_ssl_cipher(mysql) == NULL)
	{
		mysql_get_optionv(mysql, MYSQL_SERVER_PUBLIC_KEY, &key);
		if (key != NULL)
		{
			mysql->methods->set_error(mysql, CR_SSL_CONNECTION_ERROR, "08001", "%s", no_tls);
			return CR_ERROR;
		}
		mysql->options.use_ssl = 0;
		mysql->client_flag &= ~CLIENT_SSL;
	}
	return login(vio, mysql);
}

static int
login_caching_sha2(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql)
{
	return guarded_login(guarded[0].login, vio, mysql);
}

static int
login_sha256(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql)
{
	return guarded_login(guarded[1].login, vio, mysql);
}

/* Before each connection: a plugin that is not installed now may be later. */
static void
guard_plugins(MYSQL *mysql)
{
	for (int i = 0; i < lengthof(guarded); i++)
	{
		struct st_mysql_client_plugin_AUTHENTICATION *plugin = (struct st_mysql_client_plugin_AUTHENTICATION *)
			mysql_client_find_plugin(mysql, guarded[i].name, MYSQL_CLIENT_AUTHENTICATION_PLUGIN);

		if (plugin == NULL || plugin->authenticate_user == guarded[i].guard)
			continue;
		guarded[i].login = plugin->authenticate_user;
		plugin->authenticate_user = guarded[i].guard;
	}
}

/* ---- connections ---- */

/* Said explicitly whatever the mode: what the library does by itself differs between its versions. */
static void
set_tls_options(MYSQL *mysql, const ClientTarget *target)
{
	my_bool		enforce = target->ssl_mode != SSL_DISABLE;
	my_bool		verify = target->ssl_mode == SSL_VERIFY_IDENTITY;

	if (enforce)
		mysql_ssl_set(mysql, target->ssl_key, target->ssl_cert, target->ssl_ca, target->ssl_capath, target->ssl_cipher);
	/* Falls back to plain text nevertheless where the server offers no TLS: client_connect() checks. */
	mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce);
	mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	mysql_optionsv(mysql, MARIADB_OPT_IO_WAIT, handshake_wait);

	/* Under TLS no key is needed. guarded_login() knows by it that nothing else will do. */
	if (target->ssl_mode >= SSL_REQUIRE)
		mysql_optionsv(mysql, MYSQL_SERVER_PUBLIC_KEY, "/dev/null");
}

static void
set_options(MYSQL *mysql, const ClientTarget *target)
{
	size_t		stack = COROUTINE_STACK;
	unsigned int off = 0;
	unsigned int seconds = (target->connect_timeout + 999) / 1000;
	unsigned int protocol = target->host[0] == '/' ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;

	mysql_options(mysql, MYSQL_OPT_NONBLOCK, &stack);
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, AUTH_PLUGINS);
	mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "fdw_mysql");
	set_tls_options(mysql, target);
}

Client *
client_create(const ClientTarget *target)
{
	Client	   *client;
	sigset_t	signals;

	if (!AcquireExternalFD())
		return NULL;
	client = calloc(1, sizeof(Client));
	if (client != NULL)
	{
		signals_block(&signals);
		client->mysql = mysql_init(NULL);
		signals_restore(&signals);
	}
	if (client == NULL || client->mysql == NULL)
	{
		ReleaseExternalFD();
		free(client);
		return NULL;
	}
	client->target = *target;
	set_options(client->mysql, target);
	signals_block(&signals);
	guard_plugins(client->mysql);
	signals_restore(&signals);
	return client;
}

/* A peer that vanished without a word is noticed even while a statement may be silent for long. */
static void
set_keepalive(Client *client)
{
	int			fd = mysql_get_socket(client->mysql);
	int			on = 1;

	if (client->target.host[0] == '/')
		return;
	(void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &tcp_keep_idle, sizeof(tcp_keep_idle));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &tcp_keep_interval, sizeof(tcp_keep_interval));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tcp_keep_count, sizeof(tcp_keep_count));
}

ClientResult
client_connect(Client *client, Deadline deadline)
{
	const ClientTarget *target = &client->target;
	bool		local = target->host[0] == '/';

	client->operation = OP_CONNECT;
	client->connect_by = deadline;
	client->timed_out = false;
	client->encrypted = target->ssl_mode != SSL_DISABLE;
	forget_tls_errors(client);
	connecting_client = client;
	client->events = mysql_real_connect_start(&client->connection, client->mysql, local ? NULL : target->address,
											  target->user, target->password, NULL, target->port,
											  local ? target->host : NULL, 0);
	if (!drive(client))
		return CLIENT_PENDING;
	if (client->connection == NULL)
	{
		/* what ended handshake_wait() */
		if (client->hold == DEADLINE_NONE || client->interruptible)
			CHECK_FOR_INTERRUPTS();
		return take_error(client, NULL);
	}
	client->connected = true;
	client->encrypted = mysql_get_ssl_cipher(client->mysql) != NULL;
	if (target->ssl_mode >= SSL_REQUIRE && !local && !client->encrypted)
		return set_error(client, CR_SSL_CONNECTION_ERROR, "08001", no_tls);
	set_nonblocking(client);
	set_keepalive(client);
	return CLIENT_OK;
}

/* Unwind a call that is suspended: told of a timeout on a socket that is shut, it fails at once. */
static void
give_up_operation(Client *client)
{
	int			fd = mysql_get_socket(client->mysql);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	for (int i = 0; client->events != 0 && i < 100; i++)
		client->events = operation_continue(client, MYSQL_WAIT_TIMEOUT);
	client->broken = true;
}

static void
say_goodbye(Client *client)
{
	client->operation = OP_CLOSE;
	client_hold(client, deadline_in(MAX_WAIT_BEFORE_CLOSE_MS));
	client->events = mysql_close_start(client->mysql);
	if (!drive(client))
		give_up_operation(client);
}

void
client_free(Client *client)
{
	if (client->events != 0)
		give_up_operation(client);
	if (client->broken && client->connected)
		give_up_operation(client);
	say_goodbye(client);
	ReleaseExternalFD();
	free(client->text);
	free(client);
}

void
client_abandon(Client *client)
{
	client->broken = true;
}

ClientResult
client_query(Client *client, const char *sql)
{
	ClientResult begun = operation_begin(client, OP_QUERY, NULL);

	if (begun != CLIENT_OK)
		return begun;
	if (!keep_text(client, sql))
		return CLIENT_FAILED;
	client->events = mysql_real_query_start(&client->result, client->mysql, client->text, strlen(client->text));
	if (!drive(client))
		return CLIENT_PENDING;
	return client->result == 0 ? CLIENT_OK : take_error(client, NULL);
}

/* ---- statements ---- */

Statement *
statement_create(Client *client)
{
	Statement  *statement = calloc(1, sizeof(Statement));

	if (statement != NULL)
	{
		statement->client = client;
		statement->stmt = mysql_stmt_init(client->mysql);
	}
	if (statement == NULL || statement->stmt == NULL)
	{
		free(statement);
		return NULL;
	}
	return statement;
}

ClientResult
statement_prepare(Statement *statement, const char *sql)
{
	Client	   *client = statement->client;
	ClientResult begun = operation_begin(client, OP_PREPARE, statement);

	if (begun != CLIENT_OK)
		return begun;
	if (!keep_text(client, sql))
		return CLIENT_FAILED;
	client->events = mysql_stmt_prepare_start(&client->result, statement->stmt, client->text, strlen(client->text));
	if (!drive(client))
		return CLIENT_PENDING;
	return client->result == 0 ? CLIENT_OK : take_error(client, statement->stmt);
}

static void
bind_param(MYSQL_BIND *bind, const ClientParam *param)
{
	switch (param->type)
	{
		case PARAM_IS_NULL:
			bind->buffer_type = MYSQL_TYPE_NULL;
			break;
		case PARAM_IS_INTEGER:
			bind->buffer_type = MYSQL_TYPE_LONGLONG;
			bind->buffer = (void *) &param->integer;
			break;
		case PARAM_IS_DOUBLE:
			bind->buffer_type = MYSQL_TYPE_DOUBLE;
			bind->buffer = (void *) &param->number;
			break;
		case PARAM_IS_STRING:
			bind->buffer_type = MYSQL_TYPE_VAR_STRING;
			bind->buffer = (void *) param->string;
			bind->buffer_length = param->length;
			bind->length = (unsigned long *) &param->length;
			break;
	}
}

ClientResult
statement_execute(Statement *statement, const ClientParam *params, int nparams)
{
	Client	   *client = statement->client;
	ClientResult begun;
	MYSQL_BIND *binds = palloc0(sizeof(MYSQL_BIND) * Max(nparams, 1));

	begun = operation_begin(client, OP_EXECUTE, statement);
	if (begun != CLIENT_OK)
		return begun;
	for (int i = 0; i < nparams; i++)
		bind_param(&binds[i], &params[i]);
	/* The values are copied into the request before the first wait. */
	if (nparams > 0 && mysql_stmt_bind_param(statement->stmt, binds))
		return take_error(client, statement->stmt);
	client->events = mysql_stmt_execute_start(&client->result, statement->stmt);
	if (!drive(client))
		return CLIENT_PENDING;
	pfree(binds);
	return client->result == 0 ? CLIENT_OK : take_error(client, statement->stmt);
}

static ClientResult
fetch_failed(Client *client, Statement *statement)
{
	if (client->result == MYSQL_NO_DATA)
		return CLIENT_END;
	/* The library can fail here and leave the statement's own error as it was. */
	if (mysql_stmt_errno(statement->stmt) == 0 && mysql_errno(client->mysql) == 0)
		return set_error(client, CR_SERVER_LOST, "HY000", "the result ended early");
	return take_error(client, statement->stmt);
}

ClientResult
statement_fetch(Statement *statement, ClientRow *row)
{
	Client	   *client = statement->client;

	/* A fetch that was interrupted goes on: its row is not lost. */
	if (unlikely(client->events != 0) && client->operation == OP_FETCH && client->statement == statement)
	{
		if (!drive(client))
			return CLIENT_PENDING;
	}
	else
	{
		if (unlikely(client->events != 0 || client->broken))
		{
			ClientResult begun = operation_begin(client, OP_FETCH, statement);

			if (begun != CLIENT_OK)
				return begun;
		}
		forget_tls_errors(client);
		client->operation = OP_FETCH;
		client->statement = statement;
		client->events = mysql_stmt_fetch_start(&client->result, statement->stmt);
		if (unlikely(client->events != 0) && !drive(client))
			return CLIENT_PENDING;
	}
	if (unlikely(client->result != 0))
		return fetch_failed(client, statement);
	/* No columns are bound: the library only checked their lengths, and the row stands where it arrived. */
	row->start = client->mysql->net.read_pos;
	row->limit = client->mysql->net.buff_end;
	return CLIENT_OK;
}

void
statement_free(Statement *statement)
{
	Client	   *client = statement->client;

	if (client->events != 0 && client->statement == statement)
		give_up_operation(client);
	client->operation = OP_STATEMENT_CLOSE;
	client->statement = statement;
	forget_tls_errors(client);
	/* Sends a few bytes; of a result that is still under way it would read the rest. */
	client->events = mysql_stmt_close_start(&client->flag, statement->stmt);
	if (client->events != 0)
	{
		Deadline	hold = client->hold;
		bool		interruptible = client->interruptible;

		client_hold(client, deadline_in(client->broken ? 1 : MAX_WAIT_BEFORE_CLOSE_MS));
		if (!drive(client))
			give_up_operation(client);
		client->hold = hold;
		client->interruptible = interruptible;
	}
	client->statement = NULL;
	free(statement);
}

int
statement_field_count(Statement *statement)
{
	return mysql_stmt_field_count(statement->stmt);
}

int
statement_param_count(Statement *statement)
{
	return mysql_stmt_param_count(statement->stmt);
}

/* The character set number that stands for none. */
#define CHARSET_BINARY 63

static const struct
{
	enum enum_field_types type;
	WireType	wire;
	int			width;
} wire_types[] = {
	{MYSQL_TYPE_NULL, WIRE_NULL, 0},
	{MYSQL_TYPE_TINY, WIRE_TINY, 1},
	{MYSQL_TYPE_SHORT, WIRE_SHORT, 2},
	{MYSQL_TYPE_YEAR, WIRE_YEAR, 2},
	{MYSQL_TYPE_INT24, WIRE_LONG, 4},
	{MYSQL_TYPE_LONG, WIRE_LONG, 4},
	{MYSQL_TYPE_LONGLONG, WIRE_LONGLONG, 8},
	{MYSQL_TYPE_FLOAT, WIRE_FLOAT, 4},
	{MYSQL_TYPE_DOUBLE, WIRE_DOUBLE, 8},
	{MYSQL_TYPE_DECIMAL, WIRE_DECIMAL, 0},
	{MYSQL_TYPE_NEWDECIMAL, WIRE_DECIMAL, 0},
	{MYSQL_TYPE_DATE, WIRE_DATE, 0},
	{MYSQL_TYPE_NEWDATE, WIRE_DATE, 0},
	{MYSQL_TYPE_DATETIME, WIRE_DATETIME, 0},
	{MYSQL_TYPE_TIMESTAMP, WIRE_TIMESTAMP, 0},
	{MYSQL_TYPE_TIME, WIRE_TIME, 0},
	{MYSQL_TYPE_BIT, WIRE_BIT, 0},
	{MYSQL_TYPE_JSON, WIRE_JSON, 0},
	{MYSQL_TYPE_GEOMETRY, WIRE_GEOMETRY, 0},
	{MYSQL_TYPE_VARCHAR, WIRE_STRING, 0},
	{MYSQL_TYPE_VAR_STRING, WIRE_STRING, 0},
	{MYSQL_TYPE_STRING, WIRE_STRING, 0},
	{MYSQL_TYPE_ENUM, WIRE_STRING, 0},
	{MYSQL_TYPE_SET, WIRE_STRING, 0},
	{MYSQL_TYPE_TINY_BLOB, WIRE_STRING, 0},
	{MYSQL_TYPE_BLOB, WIRE_STRING, 0},
	{MYSQL_TYPE_MEDIUM_BLOB, WIRE_STRING, 0},
	{MYSQL_TYPE_LONG_BLOB, WIRE_STRING, 0},
};

void
statement_field(Statement *statement, int i, ClientField *field)
{
	const MYSQL_FIELD *mine = &mariadb_stmt_fetch_fields(statement->stmt)[i];

	memset(field, 0, sizeof(*field));
	field->type = WIRE_UNKNOWN;
	for (int t = 0; t < lengthof(wire_types); t++)
		if (wire_types[t].type == mine->type)
		{
			field->type = wire_types[t].wire;
			field->width = wire_types[t].width;
		}
	if (field->type == WIRE_STRING && mine->charsetnr == CHARSET_BINARY)
		field->type = WIRE_BYTES;
	field->is_unsigned = (mine->flags & UNSIGNED_FLAG) != 0;
	field->not_null = (mine->flags & NOT_NULL_FLAG) != 0;
	field->length = mine->length;
	field->decimals = mine->decimals;
}

size_t
client_row_length(const ClientRow *row, const ClientField *fields, int nfields)
{
	const unsigned char *nulls = row->start + 1;
	const unsigned char *at = nulls + (nfields + 9) / 8;

	if (at > row->limit)
		return 0;
	for (int i = 0; i < nfields; i++)
	{
		size_t		length;

		if (nulls[(i + 2) / 8] & (1 << ((i + 2) % 8)))
			continue;
		if (!client_read_value(&fields[i], &at, row->limit, &length))
			return 0;
		at += length;
	}
	return at - row->start;
}
