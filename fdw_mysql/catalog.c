/*
 * catalog.c
 *		Run a query whose few rows are wanted as text. What is asked, the callers know.
 */
#include "postgres.h"

#include "catalog.h"

#include "decode.h"
#include "mb/pg_wchar.h"
#include "session.h"

static char **
row_texts(const ClientField *fields, int nfields, const ClientRow *row)
{
	const unsigned char *map = row->start + 1;
	const unsigned char *at = map + (nfields + 9) / 8;
	char	  **texts = palloc0(sizeof(char *) * nfields);

	for (int i = 0; i < nfields; i++)
	{
		size_t		length = fields[i].width;
		size_t		text_length;
		char	   *text;

		if (map[(i + 2) / 8] & (1 << ((i + 2) % 8)))
			continue;
		if (length == 0 && !client_read_length(&at, row->limit, &length))
			elog(ERROR, "malformed row from the MySQL server");
		text = decode_text(&fields[i], at, length, &text_length);
		texts[i] = pg_any_to_server(text, text_length, PG_UTF8);
		at += length;
	}
	return texts;
}

List *
catalog_query(UserMapping *mapping, const char *sql)
{
	Reader	   *reader = reader_open(session_get(mapping), sql, reader_owner());
	const ClientField *fields;
	int			nfields;
	ClientRow	row;
	List	   *rows = NIL;

	reader_execute(reader, NULL, 0);
	fields = reader_fields(reader, &nfields);
	while (reader_next(reader, &row))
		rows = lappend(rows, row_texts(fields, nfields, &row));
	reader_close(reader);
	return rows;
}
