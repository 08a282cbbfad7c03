/*
 * jsonl.c
 *		The format jsonl: every line is a JSON object, and a row.
 */
#include "postgres.h"

#include "fdw_s3/format.h"

#include "common/json.h"
#include "common/json_write.h"
#include "utils/json.h"
#include "utils/rel.h"

typedef struct JsonlReader
{
	LineReader *lines;
	JsonColumns *columns;
} JsonlReader;

typedef struct JsonlWriter
{
	ValueWriter *values;
	char	  **keys;			/* of each column: quoted, with colon, after the first with a comma in front */
	int			count;
} JsonlWriter;

/* Only the columns that the query needs: what else a line holds is parsed and passed over. */
static Column *
wanted_columns(const FormatTable *table, int *count)
{
	Column	   *columns = palloc(sizeof(Column) * table->count);

	*count = 0;
	for (int i = 0; i < table->count; i++)
		if (table->wanted[i])
			columns[(*count)++] = table->columns[i];
	return columns;
}

static void *
jsonlReadBegin(const FormatTable *table, ByteSource source, void *arg)
{
	JsonlReader *reader = palloc(sizeof(JsonlReader));
	int			count;
	Column	   *columns = wanted_columns(table, &count);

	reader->lines = line_begin(source, arg, table->options->max_line);
	reader->columns = json_columns(columns, count, table->place);
	return reader;
}

static bool
is_blank(const char *line, size_t length)
{
	return strspn(line, " \t\r") == length;
}

static bool
jsonlReadRow(void *arg, Datum *values, bool *nulls)
{
	JsonlReader *reader = arg;
	size_t		length;
	char	   *line;

	do
	{
		line = line_next(reader->lines, &length);
		if (line == NULL)
			return false;
	} while (is_blank(line, length));
	json_read(reader->columns, line, length, values, nulls);
	return true;
}

static uint64
jsonlLine(void *arg)
{
	return line_number(((JsonlReader *) arg)->lines);
}

static char *
quoted_key(const FormatTable *table, int column)
{
	StringInfoData key;
	char	   *name = json_path_key(&table->columns[column]);

	if (name == NULL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("cannot write to foreign table \"%s\"", RelationGetRelationName(table->rel)),
				errdetail("The path of column \"%s\" leads into another object.", table->columns[column].name));
	initStringInfo(&key);
	if (column > 0)
		appendStringInfoChar(&key, ',');
	escape_json(&key, name);
	appendStringInfoChar(&key, ':');
	return key.data;
}

static void *
jsonlWriteBegin(const FormatTable *table)
{
	JsonlWriter *writer = palloc(sizeof(JsonlWriter));

	writer->values = value_writers(table->columns, table->count);
	writer->count = table->count;
	writer->keys = palloc(sizeof(char *) * table->count);
	for (int i = 0; i < table->count; i++)
	{
		json_writer(&writer->values[i]);
		writer->keys[i] = quoted_key(table, i);
	}
	return writer;
}

static void
jsonlWriteRow(void *arg, TupleTableSlot *slot, StringInfo out)
{
	JsonlWriter *writer = arg;

	appendStringInfoChar(out, '{');
	for (int i = 0; i < writer->count; i++)
	{
		ValueWriter *value = &writer->values[i];
		int			at = value->column->attnum - 1;

		appendStringInfoString(out, writer->keys[i]);
		if (slot->tts_isnull[at])
			appendStringInfoString(out, "null");
		else
			json_write(value, slot->tts_values[at], out);
	}
	appendStringInfoString(out, "}\n");
}

const S3FormatOps format_jsonl = {
	.extension = "jsonl",
	.read_begin = jsonlReadBegin,
	.read_row = jsonlReadRow,
	.line = jsonlLine,
	.write_begin = jsonlWriteBegin,
	.write_row = jsonlWriteRow,
};
