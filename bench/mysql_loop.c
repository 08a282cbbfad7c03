/*
 * mysql_loop.c
 *		The least that a client of MariaDB Connector/C can do with a result: fetch every row and drop it.
 *
 *		mysql_loop binary|text QUERY
 *
 * "binary" binds each column to the C type of its own and calls mysql_stmt_fetch; "text" calls mysql_fetch_row. Both
 * stream. Where the server is: MYSQL_HOST, MYSQL_PORT, MYSQL_USER, MYSQL_PWD. Prints the number of rows.
 */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 65536

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "mysql_loop: %s: %s\n", what, why);
	exit(1);
}

static MYSQL *
connect_server(void)
{
	MYSQL	   *mysql = mysql_init(NULL);

	if (mysql_real_connect(mysql, getenv("MYSQL_HOST"), getenv("MYSQL_USER"), getenv("MYSQL_PWD"), NULL,
						   atoi(getenv("MYSQL_PORT")), NULL, 0) == NULL)
		die("connect", mysql_error(mysql));
	return mysql;
}

static long
loop_text(MYSQL *mysql, const char *query)
{
	MYSQL_RES  *result;
	long		rows = 0;

	if (mysql_query(mysql, query) != 0 || (result = mysql_use_result(mysql)) == NULL)
		die("query", mysql_error(mysql));
	while (mysql_fetch_row(result) != NULL)
		rows++;
	if (mysql_errno(mysql) != 0)
		die("fetch", mysql_error(mysql));
	mysql_free_result(result);
	return rows;
}

/* Numbers arrive as they travel; everything else as bytes. */
static MYSQL_BIND *
bind_columns(MYSQL_STMT *statement)
{
	MYSQL_RES  *result = mysql_stmt_result_metadata(statement);
	unsigned	n = mysql_num_fields(result);
	MYSQL_BIND *bind = calloc(n, sizeof(MYSQL_BIND));

	for (unsigned i = 0; i < n; i++)
	{
		enum enum_field_types type = mysql_fetch_field_direct(result, i)->type;
		int			number = type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_LONG ||
			type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_FLOAT || type == MYSQL_TYPE_DOUBLE;

		bind[i].buffer_type = number ? type : MYSQL_TYPE_STRING;
		bind[i].buffer_length = number ? sizeof(double) : TEXT_SIZE;
		bind[i].buffer = malloc(bind[i].buffer_length);
	}
	mysql_free_result(result);
	return bind;
}

static long
loop_binary(MYSQL *mysql, const char *query)
{
	MYSQL_STMT *statement = mysql_stmt_init(mysql);
	long		rows = 0;
	int			status;

	if (mysql_stmt_prepare(statement, query, strlen(query)) != 0 || mysql_stmt_execute(statement) != 0 ||
		mysql_stmt_bind_result(statement, bind_columns(statement)) != 0)
		die("query", mysql_stmt_error(statement));
	while ((status = mysql_stmt_fetch(statement)) == 0)
		rows++;
	if (status != MYSQL_NO_DATA)
		die("fetch", status == MYSQL_DATA_TRUNCATED ? "a value was truncated" : mysql_stmt_error(statement));
	mysql_stmt_close(statement);
	return rows;
}

int
main(int argc, char **argv)
{
	MYSQL	   *mysql;

	if (argc != 3)
		die("usage", "mysql_loop binary|text QUERY");
	mysql = connect_server();
	printf("%ld\n", strcmp(argv[1], "text") == 0 ? loop_text(mysql, argv[2]) : loop_binary(mysql, argv[2]));
	mysql_close(mysql);
	return 0;
}
