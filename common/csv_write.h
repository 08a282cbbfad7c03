/*
 * csv_write.h
 *		A value as a field of CSV, by COPY TO's rules. Delimiters and line ends are the caller's.
 */
#ifndef MEDALLION_CSV_WRITE_H
#define MEDALLION_CSV_WRITE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#pragma GCC visibility push(hidden)

typedef struct CsvStyle
{
	char		delimiter;
	char		quote;
	char		escape;
	const char *null;			/* what stands, without quotes, for NULL */
	int			null_length;
	bool		alone;			/* a line holds one field: it must not look like the end marker */
} CsvStyle;

/* Fill in a style; an escape of NUL means the quote. "null" must stay. */
extern void csv_style(CsvStyle *style, char delimiter, char quote, char escape, const char *null, int fields);

/* Append a field that is not NULL; "text" ends with NUL. */
extern void csv_append(const CsvStyle *style, const char *text, int length, StringInfo out);

#pragma GCC visibility pop

#endif							/* MEDALLION_CSV_WRITE_H */
