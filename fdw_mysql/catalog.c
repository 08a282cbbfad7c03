/*
 * catalog.c
 *		Run a query whose few rows are wanted as text. What is asked, the callers know.
 */
#include "postgres.h"

#include "catalog.h"

#include "decode.h"
#include "mb/pg_wchar.h"
#include "session.h"

static void
reject_answer(const char *problem)
{
	ereport(ERROR,
			errcode(ERRCODE_PROTOCOL_VIOLATION),
			errmsg("unexpected answer from the MySQL server: %s", problem));
}

static char *
read_text(const ClientField *field, const unsigned char *at, size_t length)
{
	size_t		text_length;
	char	   *text = decode_text(field, at, length, &text_length);

	return pg_any_to_server(text, text_length, PG_UTF8);
}

static char **
row_texts(const ClientField *fields, int nfields, const ClientRow *row)
{
	const unsigned char *map = row->start + 1;
	const unsigned char *at = map + (nfields + 9) / 8;
	char	  **texts = palloc0(sizeof(char *) * nfields);

	if (at > row->limit)
		reject_answer("a malformed row");
	for (int i = 0; i < nfields; i++)
	{
		size_t		length;

		if (map[(i + 2) / 8] & (1 << ((i + 2) % 8)))
			continue;
		if (!client_read_value(&fields[i], &at, row->limit, &length))
			reject_answer("a malformed row");
		texts[i] = read_text(&fields[i], at, length);
		at += length;
	}
	return texts;
}

static void
check_filled(char **texts, int nfilled)
{
	for (int i = 0; i < nfilled; i++)
		if (texts[i] == NULL)
			reject_answer("NULL where there must be a value");
}

List *
catalog_query(UserMapping *mapping, const char *sql, int ncolumns, int nfilled)
{
	Reader	   *reader = reader_open(session_get(mapping), sql, reader_owner());
	const ClientField *fields;
	int			nfields;
	ClientRow	row;
	List	   *rows = NIL;

	reader_execute(reader, NULL, 0);
	fields = reader_fields(reader, &nfields);
	if (nfields != ncolumns)
		reject_answer(psprintf("%d columns, not %d", nfields, ncolumns));
	while (reader_next(reader, &row))
	{
		char	  **texts = row_texts(fields, nfields, &row);

		check_filled(texts, nfilled);
		rows = lappend(rows, texts);
	}
	reader_close(reader);
	return rows;
}

int64
catalog_number(const char *text, int64 least, int64 most)
{
	char	   *end;
	int64		number;

	if (text == NULL)
		reject_answer("no number where there must be one");
	errno = 0;
	number = strtoi64(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || number < least || number > most)
		reject_answer("a number that is none, or out of range");
	return number;
}
