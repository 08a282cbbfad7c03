/*
 * format.h
 *		What a format must be able to do: rows out of the bytes of one object, and bytes out of rows.
 *
 * One file per format: csv.c, jsonl.c, text.c. Which object, compressed how, from where: scan.c and modify.c know.
 */
#ifndef MEDALLION_S3_FORMAT_H
#define MEDALLION_S3_FORMAT_H

#include "postgres.h"

#include "common/compat.h"
#include "common/column.h"
#include "executor/tuptable.h"
#include "fdw_s3/codec.h"
#include "fdw_s3/option.h"
#include "lib/stringinfo.h"

#pragma GCC visibility push(hidden)

/* A foreign table as a format sees it. */
typedef struct FormatTable
{
	Relation	rel;
	const S3Options *options;
	Column	   *columns;		/* those that the file holds, in its order: all without option metadata */
	bool	   *wanted;			/* reading: which of them the query needs */
	int			count;
	Place	   *place;			/* reading: its column is set around conversions */
} FormatTable;

typedef struct S3FormatOps
{
	const char *extension;		/* of objects that INSERT names */

	/* ERROR where the table's columns do not suit the format. May be NULL. */
	void		(*check) (const FormatTable *table);

	/*
	 * Begin to read one object, in a memory context that lasts as long as that. "source" gives its decompressed bytes
	 * without a byte order mark.
	 */
	void	   *(*read_begin) (const FormatTable *table, ByteSource source, void *arg);
	/* The next row into values and nulls, at the columns' attnum - 1, in the current (the row's) memory context. */
	bool		(*read_row) (void *reader, Datum *values, bool *nulls);
	/* Number of the line that was read last, from 1. */
	uint64		(*line) (void *reader);
	/* May be NULL. */
	void		(*read_end) (void *reader);

	/* Begin to write rows; once per statement. */
	void	   *(*write_begin) (const FormatTable *table);
	/* What an object begins with. May be NULL. */
	void		(*write_head) (void *writer, StringInfo out);
	/* Append a row whose columns are deformed. */
	void		(*write_row) (void *writer, TupleTableSlot *slot, StringInfo out);
} S3FormatOps;

extern const S3FormatOps format_csv;
extern const S3FormatOps format_jsonl;
extern const S3FormatOps format_text;

/* By S3Format. */
extern const S3FormatOps *format_ops(int format);

/* Fill in the columns; all of them are wanted, or those of a set of attribute numbers. */
extern void format_columns(FormatTable *table, bool all, const Bitmapset *wanted);

/* Lines of a source, without their ends. */
typedef struct LineReader LineReader;
extern LineReader *line_begin(ByteSource source, void *arg, int64 max_line);
/* The next line, NUL-terminated and writable until the next call, or NULL at the end. */
extern char *line_next(LineReader *reader, size_t *length);
extern uint64 line_number(const LineReader *reader);

/* ERROR for a line longer than the option max_line. */
pg_noreturn extern void reject_long_line(int64 max_line);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_FORMAT_H */
