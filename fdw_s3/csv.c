/*
 * csv.c
 *		The format csv. Lines are taken apart by COPY's own parser; values are converted here, and only those wanted.
 *
 * COPY's own row function converts every column or none of those that it is not asked for, cannot count rows without
 * converting, and knows neither metadata columns nor generated ones. Its fields are all that is used: quotes, escapes,
 * line ends, encodings and the null string are COPY's, byte for byte.
 */
#include "postgres.h"

#include "fdw_s3/format.h"

#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/defrem.h"
#include "common/csv_write.h"
#include "common/value.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/rel.h"

typedef struct CsvColumn
{
	Column	   *column;
	bool		wanted;
	bool		plain_text;		/* text: no input function needed, COPY has checked the encoding */
	bool		force_null;
	bool		force_not_null;
} CsvColumn;

typedef struct CsvReader
{
	const FormatTable *table;
	CsvColumn  *columns;
	CopyFromState copy;
	ByteSource	source;
	void	   *source_arg;
	MemoryContext context;
	int64		fed;			/* bytes given to COPY since it returned a line */
	bool		header_read;
} CsvReader;

typedef struct CsvWriter
{
	const FormatTable *table;
	ValueWriter *values;
	CsvStyle	style;
	StringInfoData text;		/* of one value */
} CsvWriter;

/* COPY's callback has no argument of ours: the reader that is inside COPY now. Set before every call into it. */
static CsvReader *reading = NULL;

static int
csv_feed(void *buffer, int minread, int maxread)
{
	CsvReader  *reader = reading;
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	size_t		got;

	if (reader->fed > reader->table->options->max_line)
		reject_long_line(reader->table->options->max_line);
	got = reader->source(reader->source_arg, buffer, maxread);
	MemoryContextSwitchTo(old);
	reader->fed += got;
	return got;
}

static DefElem *
csv_char_option(const char *name, char value)
{
	return makeDefElem(pstrdup(name), (Node *) makeString(pnstrdup(&value, 1)), -1);
}

static List *
csv_copy_options(const S3Options *o)
{
	List	   *list = NIL;

	list = lappend(list, makeDefElem("format", (Node *) makeString("csv"), -1));
	list = lappend(list, csv_char_option("delimiter", o->delimiter));
	list = lappend(list, csv_char_option("quote", o->quote));
	list = lappend(list, csv_char_option("escape", o->escape ? o->escape : o->quote));
	list = lappend(list, makeDefElem("null", (Node *) makeString(pstrdup(o->null)), -1));
	list = lappend(list, makeDefElem("encoding", (Node *) makeString(pstrdup(o->encoding)), -1));
	return list;
}

static bool
column_flag(const Column *column, const char *name)
{
	ListCell   *lc;

	foreach(lc, column->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
			return defGetBoolean(option);
	}
	return false;
}

static CsvColumn *
csv_columns(const FormatTable *table)
{
	CsvColumn  *columns = palloc(sizeof(CsvColumn) * table->count);

	for (int i = 0; i < table->count; i++)
	{
		Column	   *column = &table->columns[i];

		columns[i].column = column;
		columns[i].wanted = table->wanted[i];
		columns[i].plain_text = column->typid == TEXTOID;
		columns[i].force_null = column_flag(column, "force_null");
		columns[i].force_not_null = column_flag(column, "force_not_null");
	}
	return columns;
}

static void *
csvReadBegin(const FormatTable *table, ByteSource source, void *arg)
{
	CsvReader  *reader = palloc0(sizeof(CsvReader));

	reader->table = table;
	reader->columns = csv_columns(table);
	reader->source = source;
	reader->source_arg = arg;
	reader->context = CurrentMemoryContext;
	reader->header_read = table->options->header == S3_HEADER_FALSE;
	reader->copy = BeginCopyFrom(NULL, table->rel, NULL, NULL, false, csv_feed, NIL,
								 csv_copy_options(table->options));
	return reader;
}

/* COPY takes a line of \. for the end of the data; what follows must not be lost without a word. */
static void
reject_end_marker(CopyFromState copy)
{
	if (copy->input_reached_eof && INPUT_BUF_BYTES(copy) <= 0)
		return;
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("end-of-copy marker found in data"),
			errhint("A value of \\. must be quoted."));
}

static bool
csv_fields(CsvReader *reader, char ***fields, int *count)
{
	reading = reader;
	reader->fed = 0;
	if (NextCopyFromRawFields(reader->copy, fields, count))
		return true;
	reject_end_marker(reader->copy);
	return false;
}

static void
check_field_count(const CsvReader *reader, int count)
{
	if (count > reader->table->count)
		ereport(ERROR,
				errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				errmsg("extra data after last expected column"),
				errdetail("The line has %d values, the table %d columns.", count, reader->table->count));
	if (count < reader->table->count)
		ereport(ERROR,
				errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				errmsg("missing data for column \"%s\"", reader->table->columns[count].name));
}

/* The first line of an object with option header; false when there is none. */
static bool
csv_read_header(CsvReader *reader)
{
	char	  **fields;
	int			count;

	reader->header_read = true;
	if (!csv_fields(reader, &fields, &count))
		return false;
	if (reader->table->options->header != S3_HEADER_MATCH)
		return true;
	check_field_count(reader, count);
	for (int i = 0; i < count; i++)
		if (fields[i] == NULL || strcmp(fields[i], reader->table->columns[i].name) != 0)
			ereport(ERROR,
					errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					errmsg("column name mismatch in header line field %d: got \"%s\", expected \"%s\"", i + 1,
						   fields[i] ? fields[i] : "", reader->table->columns[i].name));
	return true;
}

static Datum
csv_value(const CsvColumn *column, char *field)
{
	if (column->plain_text)
		return CStringGetTextDatum(field);
	return InputFunctionCall(&column->column->input, field, column->column->ioparam, column->column->typmod);
}

/* What a field stands for: force_null and force_not_null are COPY's, which its raw fields do not know. */
static char *
csv_field(const CsvReader *reader, const CsvColumn *column, char *field)
{
	if (field == NULL && column->force_not_null)
		return reader->table->options->null;
	if (field != NULL && column->force_null && strcmp(field, reader->table->options->null) == 0)
		return NULL;
	return field;
}

static bool
csvReadRow(void *arg, Datum *values, bool *nulls)
{
	CsvReader  *reader = arg;
	Place	   *place = reader->table->place;
	char	  **fields;
	int			count;

	if (!reader->header_read && !csv_read_header(reader))
		return false;
	if (!csv_fields(reader, &fields, &count))
		return false;
	if (count != reader->table->count)
		check_field_count(reader, count);
	for (int i = 0; i < count; i++)
	{
		const CsvColumn *column = &reader->columns[i];
		char	   *field;

		if (!column->wanted)
			continue;
		place->column = column->column->name;
		field = csv_field(reader, column, fields[i]);
		/* NULL goes through the input function too: a domain may refuse it. */
		if (field != NULL || !column->plain_text)
			values[column->column->attnum - 1] = csv_value(column, field);
		nulls[column->column->attnum - 1] = field == NULL;
	}
	place->column = NULL;
	return true;
}

static uint64
csvLine(void *arg)
{
	return ((CsvReader *) arg)->copy->cur_lineno;
}

static void
csvReadEnd(void *arg)
{
	EndCopyFrom(((CsvReader *) arg)->copy);
}

static void *
csvWriteBegin(const FormatTable *table)
{
	CsvWriter  *writer = palloc(sizeof(CsvWriter));
	const S3Options *o = table->options;

	if (pg_char_to_encoding(o->encoding) != PG_UTF8)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("cannot write objects in encoding %s", o->encoding),
				errhint("Objects are written in UTF8."));
	writer->table = table;
	writer->values = value_writers(table->columns, table->count);
	csv_style(&writer->style, o->delimiter, o->quote, o->escape, o->null, table->count);
	initStringInfo(&writer->text);
	return writer;
}

static void
csvWriteHead(void *arg, StringInfo out)
{
	CsvWriter  *writer = arg;
	const FormatTable *table = writer->table;

	if (table->options->header == S3_HEADER_FALSE)
		return;
	for (int i = 0; i < table->count; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, table->options->delimiter);
		csv_append(&writer->style, table->columns[i].name, strlen(table->columns[i].name), out);
	}
	appendStringInfoChar(out, '\n');
}

static void
csvWriteRow(void *arg, TupleTableSlot *slot, StringInfo out)
{
	CsvWriter  *writer = arg;
	const FormatTable *table = writer->table;

	for (int i = 0; i < table->count; i++)
	{
		int			at = table->columns[i].attnum - 1;

		if (i > 0)
			appendStringInfoCharMacro(out, table->options->delimiter);
		if (slot->tts_isnull[at])
		{
			appendStringInfoString(out, table->options->null);
			continue;
		}
		resetStringInfo(&writer->text);
		value_write(&writer->values[i], slot->tts_values[at], &writer->text);
		csv_append(&writer->style, writer->text.data, writer->text.len, out);
	}
	appendStringInfoCharMacro(out, '\n');
}

const S3FormatOps format_csv = {
	.extension = "csv",
	.read_begin = csvReadBegin,
	.read_row = csvReadRow,
	.line = csvLine,
	.read_end = csvReadEnd,
	.write_begin = csvWriteBegin,
	.write_head = csvWriteHead,
	.write_row = csvWriteRow,
};
