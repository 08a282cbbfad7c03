/*
 * text.c
 *		The format text: every line is a row of one column.
 */
#include "postgres.h"

#include "fdw_s3/format.h"

#include "catalog/pg_type.h"
#include "common/value.h"
#include "utils/rel.h"

typedef struct TextReader
{
	const FormatTable *table;
	LineReader *lines;
} TextReader;

static void
textCheck(const FormatTable *table)
{
	if (table->count != 1)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
				errmsg("foreign table \"%s\" of format text must have one column",
					   RelationGetRelationName(table->rel)),
				errdetail("It has %d columns without option metadata.", table->count));
}

static void *
textReadBegin(const FormatTable *table, ByteSource source, void *arg)
{
	TextReader *reader = palloc(sizeof(TextReader));

	reader->table = table;
	reader->lines = line_begin(source, arg, table->options->max_line);
	return reader;
}

static Datum
text_value(Column *column, char *line, size_t length)
{
	if (column->typid == TEXTOID)
		return PointerGetDatum(column_text(line, length));
	return column_input(column, line, length);
}

static bool
textReadRow(void *arg, Datum *values, bool *nulls)
{
	TextReader *reader = arg;
	const FormatTable *table = reader->table;
	Column	   *column = &table->columns[0];
	size_t		length;
	char	   *line = line_next(reader->lines, &length);

	if (line == NULL)
		return false;
	if (length > 0 && line[length - 1] == '\r')
		line[--length] = '\0';
	if (!table->wanted[0])
		return true;
	table->place->column = column->name;
	values[column->attnum - 1] = text_value(column, line, length);
	nulls[column->attnum - 1] = false;
	table->place->column = NULL;
	return true;
}

static uint64
textLine(void *arg)
{
	return line_number(((TextReader *) arg)->lines);
}

static void *
textWriteBegin(const FormatTable *table)
{
	return value_writers(table->columns, table->count);
}

static void
textWriteRow(void *arg, TupleTableSlot *slot, StringInfo out)
{
	ValueWriter *writer = arg;
	int			at = writer->column->attnum - 1;
	int			begin = out->len;

	if (slot->tts_isnull[at])
		ereport(ERROR,
				errcode(ERRCODE_NOT_NULL_VIOLATION),
				errmsg("cannot write NULL in format text"),
				errdetail("A line of text is never NULL."));
	value_write(writer, slot->tts_values[at], out);
	/* What a reader would take apart or change is refused. */
	if (memchr(out->data + begin, '\n', out->len - begin) != NULL ||
		(out->len > begin && out->data[out->len - 1] == '\r'))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("cannot write a line break within a value in format text"));
	appendStringInfoChar(out, '\n');
}

const S3FormatOps format_text = {
	.extension = "txt",
	.check = textCheck,
	.read_begin = textReadBegin,
	.read_row = textReadRow,
	.line = textLine,
	.write_begin = textWriteBegin,
	.write_row = textWriteRow,
};
