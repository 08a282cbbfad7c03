/*
 * csv.c
 *		The format csv: one record holds one line. Its fields are COPY's, byte for byte; values are converted here.
 *
 * One parser serves all records of a scan: each is given to it with a line end behind it, and must be one line then. Where
 * it is not, or an ERROR leaves the parser within a line, the next record gets a new one.
 */
#include "postgres.h"

#include "fdw_kafka/csv.h"

#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/defrem.h"
#include "common/compat.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct CsvColumn
{
	Column	   *column;
	bool		wanted;
	bool		plain_text;		/* text: no input function needed, COPY has checked the encoding */
	bool		force_null;
	bool		force_not_null;
} CsvColumn;

struct CsvReader
{
	Relation	rel;
	const KafkaOptions *options;
	CsvColumn  *columns;
	int			count;
	Place	   *place;
	MemoryContext context;
	MemoryContext parser_context;	/* below it */
	CopyFromState parser;		/* NULL: to be made */
	const char *value;			/* what is not given to the parser yet */
	size_t		left;
	bool		line_end;		/* is still to be given */
};

/* COPY's callback has no argument of ours: the reader that is inside COPY now. Set before every call into it. */
static CsvReader *reading = NULL;

static int
csv_feed(void *buffer, int minread, int maxread)
{
	CsvReader  *reader = reading;
	size_t		given = Min(reader->left, maxread);

	memcpy(buffer, reader->value, given);
	reader->value += given;
	reader->left -= given;
	if (reader->left == 0 && reader->line_end && given < maxread)
	{
		((char *) buffer)[given++] = '\n';
		reader->line_end = false;
	}
	return given;
}

static DefElem *
csv_char_option(const char *name, char value)
{
	return makeDefElem(pstrdup(name), (Node *) makeString(pnstrdup(&value, 1)), -1);
}

static List *
csv_copy_options(const KafkaOptions *o)
{
	List	   *list = NIL;

	list = lappend(list, makeDefElem("format", (Node *) makeString("csv"), -1));
	list = lappend(list, csv_char_option("delimiter", o->delimiter));
	list = lappend(list, csv_char_option("quote", o->quote));
	list = lappend(list, csv_char_option("escape", o->escape ? o->escape : o->quote));
	list = lappend(list, makeDefElem("null", (Node *) makeString(pstrdup(o->null)), -1));
	list = lappend(list, makeDefElem("encoding", (Node *) makeString("UTF8"), -1));
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

CsvReader *
csv_begin(Relation rel, const KafkaOptions *options, Column *columns, const bool *wanted, int count, Place *place)
{
	CsvReader  *reader = palloc0(sizeof(CsvReader));

	reader->rel = rel;
	reader->options = options;
	reader->count = count;
	reader->place = place;
	reader->context = CurrentMemoryContext;
	reader->columns = palloc(sizeof(CsvColumn) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		reader->columns[i].column = &columns[i];
		reader->columns[i].wanted = wanted[i];
		reader->columns[i].plain_text = columns[i].typid == TEXTOID;
		reader->columns[i].force_null = column_flag(&columns[i], "force_null");
		reader->columns[i].force_not_null = column_flag(&columns[i], "force_not_null");
	}
	return reader;
}

static void
parser_open(CsvReader *reader)
{
	MemoryContext old;

	if (reader->parser != NULL)
		return;
	if (reader->parser_context == NULL)
		reader->parser_context = AllocSetContextCreate(reader->context, "fdw_kafka csv", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(reader->parser_context);
	old = MemoryContextSwitchTo(reader->parser_context);
	reader->parser = BeginCopyFrom(NULL, reader->rel, NULL, NULL, false, csv_feed, NIL,
								   csv_copy_options(reader->options));
	MemoryContextSwitchTo(old);
}

static void
check_single(bool single)
{
	if (single)
		return;
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("the value is more than one line"),
			errhint("A line break within a value must stand in quotes."));
}

/* The fields of a line. */
static void
csv_fields(CsvReader *reader, char ***fields, int *count)
{
	CopyFromState parser;

	parser_open(reader);
	parser = reader->parser;
	/* Whatever goes wrong now leaves it useless. */
	reader->parser = NULL;
	reading = reader;
	/* It has a line in any case. It sees none where the first of several is COPY's mark of the end. */
	check_single(NextCopyFromRawFields(parser, fields, count));
	check_single(reader->left == 0 && !reader->line_end && INPUT_BUF_BYTES(parser) <= 0);
	reader->parser = parser;
}

/*
 * A line of \. is data, as COPY has it from 18 on. Where COPY takes it for the end, it is given a field more, an empty one,
 * that keeps the line from being just that.
 */
static void
csv_line(CsvReader *reader, const char *value, size_t length, char ***fields, int *count)
{
	bool		end_marker = COMPAT_CSV_END_MARKER && length == 2 && memcmp(value, "\\.", 2) == 0;

	reader->value = end_marker ? psprintf("\\.%c", reader->options->delimiter) : value;
	reader->left = length + end_marker;
	reader->line_end = true;
	csv_fields(reader, fields, count);
	*count -= end_marker;
}

static void
check_field_count(const CsvReader *reader, int count)
{
	if (count > reader->count)
		ereport(ERROR,
				errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				errmsg("extra data after last expected column"),
				errdetail("The line has %d values, the table %d columns for them.", count, reader->count));
	if (count < reader->count)
		ereport(ERROR,
				errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				errmsg("missing data for column \"%s\"", reader->columns[count].column->name));
}

/* What a field stands for: force_null and force_not_null are COPY's, which its raw fields do not know. */
static char *
csv_field(const CsvReader *reader, const CsvColumn *column, char *field)
{
	if (field == NULL && column->force_not_null)
		return reader->options->null;
	if (field != NULL && column->force_null && strcmp(field, reader->options->null) == 0)
		return NULL;
	return field;
}

static Datum
csv_value(const CsvColumn *column, char *field)
{
	if (column->plain_text)
		return CStringGetTextDatum(field);
	return InputFunctionCall(&column->column->input, field, column->column->ioparam, column->column->typmod);
}

void
csv_read(CsvReader *reader, const char *value, size_t length, Datum *values, bool *nulls)
{
	char	  **fields;
	int			count;

	/* One line end of the producer's own is no second line. */
	if (length > 0 && value[length - 1] == '\n')
		length--;
	if (length > 0 && value[length - 1] == '\r')
		length--;
	csv_line(reader, value, length, &fields, &count);
	if (count != reader->count)
		check_field_count(reader, count);
	for (int i = 0; i < count; i++)
	{
		const CsvColumn *column = &reader->columns[i];
		char	   *field;

		if (!column->wanted)
			continue;
		reader->place->column = column->column->name;
		field = csv_field(reader, column, fields[i]);
		/* NULL goes through the input function too: a domain may refuse it. */
		if (field != NULL || !column->plain_text)
			values[column->column->attnum - 1] = csv_value(column, field);
		nulls[column->column->attnum - 1] = field == NULL;
	}
	reader->place->column = NULL;
}

void
csv_end(CsvReader *reader)
{
	if (reader->parser != NULL)
		EndCopyFrom(reader->parser);
	reader->parser = NULL;
}
