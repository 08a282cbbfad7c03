/*
 * jsonl.c
 *		The format jsonl: every line is a JSON object, and a row.
 */
#include "postgres.h"

#include "fdw_s3/format.h"

#include "catalog/pg_type.h"
#include "common/json.h"
#include "common/jsonapi.h"
#include "fdw_s3/value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
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

/* Text that is JSON by itself. */
static void
write_bare(ValueWriter *writer, Datum value, StringInfo out)
{
	writer->write(writer, value, out);
}

static void
write_boolean(ValueWriter *writer, Datum value, StringInfo out)
{
	appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
}

static void
write_string(ValueWriter *writer, Datum value, StringInfo out)
{
	char	   *text = OutputFunctionCall(&writer->output, value);

	escape_json(out, text);
	pfree(text);
}

/* NaN and the infinities are no JSON numbers; their text needs no escapes. */
static void
write_number(ValueWriter *writer, Datum value, StringInfo out)
{
	int			begin = out->len;
	char	   *text;

	writer->write(writer, value, out);
	if (IsValidJsonNumber(out->data + begin, out->len - begin))
		return;
	text = pstrdup(out->data + begin);
	out->len = begin;
	appendStringInfo(out, "\"%s\"", text);
	pfree(text);
}

/* A json value as it stands, in one line: its line breaks can only be between its tokens. */
static void
write_json(ValueWriter *writer, Datum value, StringInfo out)
{
	int			begin = out->len;

	writer->write(writer, value, out);
	for (int i = begin; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
}

/* ISO 8601 as JSON users expect it, in UTC. */
static void
write_datetime(ValueWriter *writer, Datum value, StringInfo out)
{
	static const int utc = 0;
	char		buffer[MAXDATELEN + 1];

	appendStringInfo(out, "\"%s\"", JsonEncodeDateTime(buffer, value, writer->base, &utc));
}

/* JSON's arrays begin at one place only: others are written as PostgreSQL writes them, in a string. */
static bool
begins_at_one(const ArrayType *array)
{
	for (int i = 0; i < ARR_NDIM(array); i++)
		if (ARR_LBOUND(array)[i] != 1)
			return false;
	return true;
}

static void
write_array(ValueWriter *writer, Datum value, StringInfo out)
{
	text	   *json;

	if (!begins_at_one(DatumGetArrayTypeP(value)))
	{
		write_string(writer, value, out);
		return;
	}
	json = DatumGetTextPP(DirectFunctionCall1(array_to_json, value));
	appendBinaryStringInfo(out, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json));
}

/* Types that are not written as strings. */
static const struct
{
	Oid			type;
	void		(*write) (ValueWriter *writer, Datum value, StringInfo out);
} writers[] = {
	{INT2OID, write_bare},
	{INT4OID, write_bare},
	{INT8OID, write_bare},
	{FLOAT4OID, write_number},
	{FLOAT8OID, write_number},
	{NUMERICOID, write_number},
	{BOOLOID, write_boolean},
	{JSONOID, write_json},
	{JSONBOID, write_bare},
	{DATEOID, write_datetime},
	{TIMESTAMPOID, write_datetime},
	{TIMESTAMPTZOID, write_datetime},
};

/* Whether a type is an array whose elements a JSON array holds as json.h reads them: no objects among them. */
static bool
is_plain_array(Oid type)
{
	Oid			element = get_element_type(type);

	return OidIsValid(element) && !type_is_rowtype(element) &&
		getBaseType(element) != JSONOID && getBaseType(element) != JSONBOID;
}

static void
choose_writer(ValueWriter *writer)
{
	writer->write_json = is_plain_array(writer->base) ? write_array : write_string;
	for (int i = 0; i < lengthof(writers); i++)
		if (writers[i].type == writer->base)
			writer->write_json = writers[i].write;
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

	writer->values = value_writers(table);
	writer->count = table->count;
	writer->keys = palloc(sizeof(char *) * table->count);
	for (int i = 0; i < table->count; i++)
	{
		choose_writer(&writer->values[i]);
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
			value_pinned(value, slot->tts_values[at], out, value->write_json);
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
