/*
 * format.c
 *		What the formats share: the columns that a file holds, and lines of bounded length.
 */
#include "postgres.h"

#include "fdw_s3/format.h"

#include "utils/rel.h"

#define LINE_BUFFER (128 * 1024)

struct LineReader
{
	ByteSource	source;
	void	   *source_arg;
	int64		max_line;
	uint64		number;			/* of the line that was returned last */
	bool		ended;
	char	   *buffer;			/* start .. end is not returned yet; one byte beyond size is ours */
	size_t		size;
	size_t		start;
	size_t		end;
};

static const S3FormatOps *const formats[] = {
	[S3_FORMAT_CSV] = &format_csv,
	[S3_FORMAT_JSONL] = &format_jsonl,
	[S3_FORMAT_TEXT] = &format_text,
};

const S3FormatOps *
format_ops(int format)
{
	return formats[format];
}

void
format_columns(FormatTable *table, bool all_wanted, const Bitmapset *wanted)
{
	int			all;
	int			kept = 0;

	/* Generated columns are stored with the others: the file is all that there is of the row. */
	table->columns = column_list(table->rel, NULL, true, &all);
	table->wanted = palloc(sizeof(bool) * Max(all, 1));
	for (int i = 0; i < all; i++)
	{
		if (table->columns[i].metadata != NULL)
			continue;
		table->columns[kept] = table->columns[i];
		table->wanted[kept] = all_wanted || bms_is_member(table->columns[i].attnum, wanted);
		kept++;
	}
	table->count = kept;
	if (kept == 0)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
				errmsg("foreign table \"%s\" has no column that its objects could hold",
					   RelationGetRelationName(table->rel)));
}

LineReader *
line_begin(ByteSource source, void *arg, int64 max_line)
{
	LineReader *reader = palloc0(sizeof(LineReader));

	reader->source = source;
	reader->source_arg = arg;
	reader->max_line = max_line;
	reader->size = LINE_BUFFER;
	reader->buffer = palloc(LINE_BUFFER + 1);
	return reader;
}

uint64
line_number(const LineReader *reader)
{
	return reader->number;
}

void
reject_long_line(int64 max_line)
{
	ereport(ERROR,
			errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("line is longer than " INT64_FORMAT " bytes", max_line),
			errhint("The option max_line of the foreign table is the limit."));
}

/* Make room behind what is buffered and read more; false at the end. */
static bool
line_fill(LineReader *reader)
{
	size_t		kept = reader->end - reader->start;
	size_t		got;

	if (reader->start > 0)
		memmove(reader->buffer, reader->buffer + reader->start, kept);
	reader->start = 0;
	reader->end = kept;
	if (kept > reader->max_line)
	{
		reader->number++;
		reject_long_line(reader->max_line);
	}
	if (kept > reader->size / 2)
	{
		reader->size *= 2;
		reader->buffer = repalloc_huge(reader->buffer, reader->size + 1);
	}
	got = reader->source(reader->source_arg, reader->buffer + reader->end, reader->size - reader->end);
	reader->end += got;
	return got > 0;
}

/* The bytes from start to "end" as a line; "next" is where the one after it starts. */
static char *
line_take(LineReader *reader, size_t end, size_t next, size_t *length)
{
	char	   *line = reader->buffer + reader->start;

	*length = end - reader->start;
	reader->buffer[end] = '\0';
	reader->start = next;
	reader->number++;
	if (*length > reader->max_line)
		reject_long_line(reader->max_line);
	return line;
}

char *
line_next(LineReader *reader, size_t *length)
{
	size_t		scanned = 0;	/* bytes from start on that hold no newline */

	for (;;)
	{
		char	   *from = reader->buffer + reader->start + scanned;
		size_t		left = reader->end - reader->start - scanned;
		char	   *newline = left > 0 ? memchr(from, '\n', left) : NULL;

		if (newline != NULL)
			return line_take(reader, newline - reader->buffer, newline - reader->buffer + 1, length);
		scanned += left;
		if (!reader->ended && line_fill(reader))
			continue;
		reader->ended = true;
		if (reader->end == reader->start)
			return NULL;
		return line_take(reader, reader->end, reader->end, length);
	}
}
