/*
 * option.h
 *		The options of fdw_mysql, parsed. What they mean is said in option.c's table.
 */
#ifndef FDW_MYSQL_OPTION_H
#define FDW_MYSQL_OPTION_H

#include "common/column.h"
#include "common/option.h"
#include "foreign/foreign.h"

#pragma GCC visibility push(hidden)

typedef enum ZeroDate
{
	ZERO_DATE_ERROR,
	ZERO_DATE_NULL
} ZeroDate;

typedef struct Options
{
	/* server */
	char	   *host;
	int			port;
	int			ssl_mode;		/* an SslMode of client.h */
	char	   *ssl_ca;
	char	   *ssl_capath;
	char	   *ssl_cert;
	char	   *ssl_key;
	char	   *ssl_cipher;
	int			connect_timeout;	/* ms */
	int			read_timeout;	/* ms, 0: none */
	bool		use_remote_estimate;
	bool		pushdown;
	int			zero_date;		/* a ZeroDate */
	/* user mapping */
	char	   *username;
	char	   *password;
	/* table */
	char	   *dbname;
	char	   *table_name;
	/* column */
	char	   *column_name;
	bool		key;
	/* IMPORT FOREIGN SCHEMA */
	bool		import_not_null;
	bool		import_generated;
	bool		import_enum_as_text;
	int			import_time;	/* an ImportTime */
} Options;

typedef enum ImportTime
{
	IMPORT_TIME_AS_TIME,
	IMPORT_TIME_AS_INTERVAL
} ImportTime;

extern const OptionDef option_defs[];

/* Defaults, then the server's and (where not NULL) the mapping's options. */
extern Options *options_of_server(ForeignServer *server, UserMapping *mapping);

/* The same, then the table's; dbname and table_name are filled in where no option says them. */
extern Options *options_of_table(Oid relid, UserMapping *mapping);

/* What one column's options say where they differ from the table's. */
extern Options options_of_column(const Options *table, List *column_options);

#pragma GCC visibility pop

#endif							/* FDW_MYSQL_OPTION_H */
