/*
 * column.c
 *		Column lists, the context of conversion errors, and text that comes from outside. Formats live in the modules.
 */
#include "postgres.h"

#include "common/column.h"

#include "access/sysattr.h"
#include "access/tupdesc.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static bool
column_wanted(const Bitmapset *wanted, AttrNumber attnum)
{
	return wanted == NULL
		|| bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, wanted)
		|| bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, wanted);
}

static void
column_read(Column *column, Oid relid, Form_pg_attribute attribute)
{
	ListCell   *lc;
	Oid			input;

	column->attnum = attribute->attnum;
	column->name = pstrdup(NameStr(attribute->attname));
	column->remote_name = column->name;
	column->metadata = NULL;
	column->typid = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	column->options = GetForeignColumnOptions(relid, attribute->attnum);
	foreach(lc, column->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "column_name") == 0)
			column->remote_name = defGetString(option);
		else if (strcmp(option->defname, "metadata") == 0)
			column->metadata = defGetString(option);
	}
	getTypeInputInfo(column->typid, &input, &column->ioparam);
	fmgr_info(input, &column->input);
}

Column *
column_list(Relation rel, const Bitmapset *wanted, bool generated, int *count)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Column	   *columns = palloc(sizeof(Column) * Max(desc->natts, 1));
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || (attribute->attgenerated && !generated))
			continue;
		if (column_wanted(wanted, attribute->attnum))
			column_read(&columns[n++], RelationGetRelid(rel), attribute);
	}
	*count = n;
	return columns;
}

Column *
column_find(Column *columns, int count, AttrNumber attnum)
{
	for (int i = 0; i < count; i++)
		if (columns[i].attnum == attnum)
			return &columns[i];
	return NULL;
}

static void
place_report(void *arg)
{
	Place	   *place = (Place *) arg;
	StringInfoData context;

	initStringInfo(&context);
	appendStringInfo(&context, "foreign table \"%s\"", place->table);
	if (place->column != NULL)
		appendStringInfo(&context, ", column \"%s\"", place->column);
	if (place->describe != NULL)
		place->describe(&context, place->arg);
	errcontext("%s", context.data);
	pfree(context.data);
}

void
place_push(Place *place)
{
	place->callback.callback = place_report;
	place->callback.arg = place;
	place->callback.previous = error_context_stack;
	error_context_stack = &place->callback;
}

void
place_pop(Place *place)
{
	error_context_stack = place->callback.previous;
}

static void
reject_nul(const char *bytes, size_t length)
{
	if (memchr(bytes, '\0', length) != NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				errmsg("cannot store a NUL byte in a text value"),
				errhint("Declare the column as bytea, or remove the byte at the source."));
}

/* Checked, and in the server's encoding; the same pointer where nothing had to be converted. */
static char *
to_server(const char *bytes, size_t length)
{
	reject_nul(bytes, length);
	return pg_any_to_server(bytes, length, PG_UTF8);
}

text *
column_text(const char *bytes, size_t length)
{
	char	   *converted = to_server(bytes, length);

	if (converted == bytes)
		return cstring_to_text_with_len(bytes, length);
	return cstring_to_text(converted);
}

Datum
column_input(Column *column, char *bytes, size_t length)
{
	return InputFunctionCall(&column->input, to_server(bytes, length), column->ioparam, column->typmod);
}
