/*
 * report.c
 *		The table of MySQL's error numbers, and the one place that raises them.
 */
#include "postgres.h"

#include "report.h"

#include "common/remote.h"

/* Where MySQL's own SQLSTATE is missing or says less. */
static const RemoteCode codes[] = {
	{1040, NULL, ERRCODE_TOO_MANY_CONNECTIONS, "The MySQL server's max_connections is reached."},
	{1044, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, "Grant the MySQL user access to the database."},
	{1045, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "Check username and password of the user mapping."},
	{1049, NULL, ERRCODE_FDW_SCHEMA_NOT_FOUND, "Check option dbname."},
	{1053, NULL, ERRCODE_CONNECTION_FAILURE, "The MySQL server is shutting down."},
	{1054, NULL, ERRCODE_FDW_COLUMN_NAME_NOT_FOUND, "Check option column_name, or import the table again."},
	{1129, NULL, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, "The MySQL server blocked this host: FLUSH HOSTS there."},
	{1130, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "The MySQL server lets no user in from this host."},
	{1142, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE, "Grant the MySQL user SELECT on the table."},
	{1143, NULL, ERRCODE_INSUFFICIENT_PRIVILEGE, "Grant the MySQL user SELECT on the column."},
	{1146, NULL, ERRCODE_FDW_TABLE_NOT_FOUND, "Check options dbname and table_name."},
	{1153, NULL, ERRCODE_PROGRAM_LIMIT_EXCEEDED, "Raise max_allowed_packet on the MySQL server."},
	{1159, NULL, ERRCODE_CONNECTION_FAILURE, NULL},
	{1203, NULL, ERRCODE_TOO_MANY_CONNECTIONS, NULL},
	{1205, NULL, ERRCODE_LOCK_NOT_AVAILABLE, NULL},
	{1213, NULL, ERRCODE_T_R_DEADLOCK_DETECTED, NULL},
	{1226, NULL, ERRCODE_TOO_MANY_CONNECTIONS, "The MySQL user's own limit is reached."},
	{1317, NULL, ERRCODE_QUERY_CANCELED, "The statement was killed on the MySQL server."},
	{1412, NULL, ERRCODE_T_R_SERIALIZATION_FAILURE, "The table was altered after the transaction's snapshot. Try again."},
	{1927, NULL, ERRCODE_CONNECTION_FAILURE, "The connection was killed on the MySQL server."},
	{1969, NULL, ERRCODE_QUERY_CANCELED, "The MySQL server's max_statement_time was exceeded."},
	{2002, NULL, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, "Check options host and port, and that the server runs."},
	{2003, NULL, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, "Check options host and port, and that the server runs."},
	{2005, NULL, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, "Check option host."},
	{2006, NULL, ERRCODE_CONNECTION_FAILURE, NULL},
	{2008, NULL, ERRCODE_OUT_OF_MEMORY, NULL},
	{2012, NULL, ERRCODE_CONNECTION_FAILURE, NULL},
	{2013, NULL, ERRCODE_CONNECTION_FAILURE, NULL},
	{2026, NULL, ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, "Check the options that begin with ssl_."},
	{2027, NULL, ERRCODE_PROTOCOL_VIOLATION, NULL},
	{2055, NULL, ERRCODE_CONNECTION_FAILURE, NULL},
	{2059, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"The server asked for a way to log in that is not installed or would show the password."},
	{3024, NULL, ERRCODE_QUERY_CANCELED, "The MySQL server's max_execution_time was exceeded."},
	{4031, NULL, ERRCODE_CONNECTION_FAILURE, NULL},
	{5010, NULL, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"The server asked for a way to log in that would show the password."},
	{0}
};

static int
sqlstate_of(const ClientError *error, const RemoteCode *code)
{
	const char *s = error->sqlstate;

	if (strcmp(s, "HYT00") == 0)
		return ERRCODE_CONNECTION_FAILURE;
	if (code != NULL)
		return code->sqlstate;
	if (strlen(s) == 5 && strcmp(s, "HY000") != 0 && strcmp(s, "00000") != 0 &&
		strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
		return MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4]);
	return ERRCODE_FDW_ERROR;
}

void
report_client_error(const ClientError *error, const char *what, const char *secret, const char *sql)
{
	const RemoteCode *code = remote_code(codes, error->number, NULL);
	const char *hint = code ? code->hint : NULL;

	ereport(ERROR,
			errcode(sqlstate_of(error, code)),
			errmsg("could not %s: %s", what, remote_message(error->message, &secret, 1)),
			error->number ? errdetail("MySQL error %d.", error->number) : 0,
			hint ? errhint("%s", hint) : 0,
			sql ? errcontext("remote SQL: %s", sql) : 0);
}
