/*
 * json.c
 *		JSON objects into columns. Lines, messages and what surrounds an object, the modules know.
 *
 * json_scan.c finds the values of all columns in one pass. Values of common types become Datums at once, without an
 * ERROR; what is left goes through the type's input function, as text.
 */
#include "postgres.h"

#include "common/json.h"

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/compat.h"
#include "common/json_scan.h"
#include "common/json_span.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* What kinds of JSON values a column takes. */
typedef enum JsonTarget
{
	JSON_TARGET_RAW,			/* json, jsonb: anything, as it stands */
	JSON_TARGET_TEXT,			/* anything; strings without their quotes */
	JSON_TARGET_NUMBER,			/* numbers and strings */
	JSON_TARGET_BOOLEAN,		/* true, false and strings */
	JSON_TARGET_ARRAY,			/* arrays and strings */
	JSON_TARGET_ANY_SCALAR,		/* types made by users */
	JSON_TARGET_STRING			/* strings alone: dates, bytea, ... */
} JsonTarget;

typedef struct JsonColumn
{
	Column	   *column;
	JsonTarget	target;
	int			path;			/* number of its span */
	Oid			direct;			/* its type where values need no input function, or InvalidOid */
} JsonColumn;

struct JsonColumns
{
	JsonPaths  *paths;
	JsonSpan   *spans;
	JsonColumn *columns;
	int			count;
	Place	   *place;
	bool		utf8;			/* the database's encoding is what JSON is in */
	const char *json;			/* the object that is being read */
};

/* What became of one value. */
typedef enum Conversion
{
	CONVERTED,
	CONVERT_BY_INPUT,			/* the type's input function knows */
	CONVERT_REFUSED				/* no value for that column */
} Conversion;

/* An array on its way from JSON to PostgreSQL's notation. */
typedef struct ArrayText
{
	StringInfoData text;
	bool		first;			/* no comma before the next element */
} ArrayText;

/* ---- columns ---- */

void
json_path_check(const char *path)
{
	list_free_deep(json_path_split(path));
}

List *
json_path_steps(const Column *column)
{
	ListCell   *lc;

	foreach(lc, column->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "path") == 0)
			return json_path_split(defGetString(option));
	}
	return list_make1(pstrdup(column->remote_name));
}

char *
json_path_key(const Column *column)
{
	List	   *steps = json_path_steps(column);

	return list_length(steps) == 1 ? linitial(steps) : NULL;
}

static JsonTarget
json_target(Oid type)
{
	char		category;
	bool		preferred;

	type = getBaseType(type);
	if (type == JSONOID || type == JSONBOID)
		return JSON_TARGET_RAW;
	if (type_is_array(type))
		return JSON_TARGET_ARRAY;
	get_type_category_preferred(type, &category, &preferred);
	switch (category)
	{
		case TYPCATEGORY_STRING:
			return JSON_TARGET_TEXT;
		case TYPCATEGORY_NUMERIC:
			return JSON_TARGET_NUMBER;
		case TYPCATEGORY_BOOLEAN:
			return JSON_TARGET_BOOLEAN;
		case TYPCATEGORY_USER:
			return JSON_TARGET_ANY_SCALAR;
		default:
			return JSON_TARGET_STRING;
	}
}

/* Types whose values need no input function; not with a type modifier, which it would look at. */
static Oid
direct_type(const Column *column)
{
	static const Oid types[] = {TEXTOID, VARCHAROID, JSONOID, INT2OID, INT4OID, INT8OID, FLOAT8OID, NUMERICOID, BOOLOID,
	TIMESTAMPTZOID};

	for (int i = 0; i < lengthof(types); i++)
		if (column->typid == types[i] && column->typmod < 0)
			return column->typid;
	return InvalidOid;
}

/* The number of a column's path; JSON's keys are UTF-8. */
static int
column_number(JsonPaths *paths, const Column *column)
{
	List	   *steps = json_path_steps(column);
	ListCell   *lc;

	foreach(lc, steps)
	{
		char	   *step = lfirst(lc);

		lfirst(lc) = pg_server_to_any(step, strlen(step), PG_UTF8);
	}
	return json_paths_add_steps(paths, steps);
}

JsonColumns *
json_columns(Column *columns, int count, Place *place)
{
	JsonColumns *result = palloc(sizeof(JsonColumns));

	result->paths = json_paths_create();
	result->columns = palloc(sizeof(JsonColumn) * Max(count, 1));
	result->count = count;
	result->place = place;
	result->utf8 = GetDatabaseEncoding() == PG_UTF8;
	for (int i = 0; i < count; i++)
	{
		result->columns[i].column = &columns[i];
		result->columns[i].target = json_target(columns[i].typid);
		result->columns[i].path = column_number(result->paths, &columns[i]);
		result->columns[i].direct = direct_type(&columns[i]);
	}
	result->spans = palloc(sizeof(JsonSpan) * result->paths->count);
	return result;
}

/* ---- what is wrong ---- */

static int
problem_sqlstate(JsonProblemCode code)
{
	switch (code)
	{
		case JSON_PROBLEM_UTF8:
			return ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
		case JSON_PROBLEM_DEPTH:
			return ERRCODE_STATEMENT_TOO_COMPLEX;
		case JSON_PROBLEM_LENGTH:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case JSON_PROBLEM_NUL:
			return ERRCODE_UNTRANSLATABLE_CHARACTER;
		case JSON_PROBLEM_OBJECT:
			return ERRCODE_INVALID_JSON_TEXT;
		case JSON_PROBLEM_TYPE:
			return ERRCODE_DATATYPE_MISMATCH;
		default:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
	}
}

static const char *
kind_name(const JsonSpan *span)
{
	switch (span->kind)
	{
		case JSON_KIND_NUMBER:
			return "a number";
		case JSON_KIND_TRUE:
		case JSON_KIND_FALSE:
			return "a boolean";
		case JSON_KIND_OBJECT:
			return "an object";
		case JSON_KIND_ARRAY:
			return "an array";
		default:
			return "a string";
	}
}

static char *
problem_message(const JsonProblem *problem, const JsonColumn *column)
{
	if (problem->code == JSON_PROBLEM_TYPE)
		return psprintf("JSON value does not fit type %s", format_type_be(column->column->typid));
	if (problem->code == JSON_PROBLEM_OBJECT)
		return pstrdup("JSON value is not an object");
	return pstrdup("invalid JSON");
}

static char *
problem_detail(const JsonColumns *state, const JsonProblem *problem, const JsonColumn *column)
{
	if (problem->code == JSON_PROBLEM_TYPE)
		return psprintf("The value is %s.", kind_name(&state->spans[column->path]));
	if (problem->code == JSON_PROBLEM_OBJECT)
		return pstrdup("A row is an object whose keys are the columns.");
	return psprintf("At byte %zu: %s", problem->offset + 1, json_problem_text(problem->code));
}

static void
raise_problem(const JsonColumns *state, const JsonProblem *problem, const JsonColumn *column)
{
	ereport(ERROR,
			errcode(problem_sqlstate(problem->code)),
			errmsg("%s", problem_message(problem, column)),
			errdetail("%s", problem_detail(state, problem, column)));
}

/* The same on one line. */
static char *
describe_problem(const JsonColumns *state, const JsonProblem *problem, const JsonColumn *column)
{
	StringInfoData text;

	initStringInfo(&text);
	if (column != NULL)
		appendStringInfo(&text, "column \"%s\": ", column->column->name);
	appendStringInfo(&text, "%s (%s)", problem_message(problem, column), problem_detail(state, problem, column));
	return text.data;
}

/* ---- values that need no input function ---- */

/* A text in the server's encoding; its bytes are UTF-8 for certain. */
static text *
make_text(const JsonColumns *state, const char *bytes, uint32 length)
{
	char	   *converted;

	if (state->utf8)
		return cstring_to_text_with_len(bytes, length);
	converted = pg_any_to_server(bytes, length, PG_UTF8);
	return converted == bytes ? cstring_to_text_with_len(bytes, length) : cstring_to_text(converted);
}

static Conversion
convert_escaped(const JsonColumns *state, const JsonSpan *span, Datum *value, JsonProblem *problem)
{
	text	   *result = palloc(VARHDRSZ + span->length);
	uint32		length;

	if (!json_unescape(span, VARDATA(result), &length, problem))
		return CONVERT_REFUSED;
	SET_VARSIZE(result, VARHDRSZ + length);
	if (!state->utf8)
		result = make_text(state, VARDATA(result), length);
	*value = PointerGetDatum(result);
	return CONVERTED;
}

static Conversion
convert_raw(const JsonColumns *state, const JsonSpan *span, Datum *value)
{
	uint32		length;
	const char *raw = json_span_raw(span, &length);

	*value = PointerGetDatum(make_text(state, raw, length));
	return CONVERTED;
}

static Conversion
convert_text(const JsonColumns *state, const JsonSpan *span, Datum *value, JsonProblem *problem)
{
	if (span->kind == JSON_KIND_STRING && span->escaped)
		return convert_escaped(state, span, value, problem);
	*value = PointerGetDatum(make_text(state, span->start, span->length));
	return CONVERTED;
}

static Conversion
convert_integer(const JsonSpan *span, Oid type, Datum *value)
{
	int64		number;

	if (!json_span_int64(span, &number))
		return CONVERT_BY_INPUT;
	if (type == INT8OID)
		*value = Int64GetDatum(number);
	else if (type == INT4OID && number >= PG_INT32_MIN && number <= PG_INT32_MAX)
		*value = Int32GetDatum((int32) number);
	else if (type == INT2OID && number >= PG_INT16_MIN && number <= PG_INT16_MAX)
		*value = Int16GetDatum((int16) number);
	else
		return CONVERT_BY_INPUT;
	return CONVERTED;
}

static Conversion
convert_float8(const JsonSpan *span, Datum *value)
{
	double		number;

	if (!json_span_float8(span, &number))
		return CONVERT_BY_INPUT;
	*value = Float8GetDatum(number);
	return CONVERTED;
}

static Conversion
convert_boolean(const JsonSpan *span, Datum *value)
{
	if (span->kind == JSON_KIND_STRING)
		return CONVERT_BY_INPUT;
	*value = BoolGetDatum(span->kind == JSON_KIND_TRUE);
	return CONVERTED;
}

/* A local time in the session's time zone, as the input function takes it. */
static bool
local_time(TimestampTz *time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(*time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	*time += DetermineTimeZoneOffset(&tm, session_timezone) * USECS_PER_SEC;
	return IS_VALID_TIMESTAMP(*time);
}

static Conversion
convert_timestamptz(const JsonSpan *span, Datum *value)
{
	TimestampTz time;
	bool		zoned;

	if (!json_span_timestamp(span, &time, &zoned) || (!zoned && !local_time(&time)))
		return CONVERT_BY_INPUT;
	*value = TimestampTzGetDatum(time);
	return CONVERTED;
}

static bool
target_takes(JsonTarget target, JsonKind kind)
{
	switch (kind)
	{
		case JSON_KIND_STRING:
			return true;
		case JSON_KIND_NUMBER:
			return target <= JSON_TARGET_NUMBER || target == JSON_TARGET_ANY_SCALAR;
		case JSON_KIND_TRUE:
		case JSON_KIND_FALSE:
			return target <= JSON_TARGET_TEXT || target == JSON_TARGET_BOOLEAN || target == JSON_TARGET_ANY_SCALAR;
		case JSON_KIND_ARRAY:
			return target <= JSON_TARGET_TEXT || target == JSON_TARGET_ARRAY;
		default:
			return target <= JSON_TARGET_TEXT;
	}
}

/* A value that is there and not null. No ERROR. */
static Conversion
convert(const JsonColumns *state, const JsonColumn *column, const JsonSpan *span, Datum *value, JsonProblem *problem)
{
	if (!target_takes(column->target, span->kind))
	{
		problem->code = JSON_PROBLEM_TYPE;
		return CONVERT_REFUSED;
	}
	switch (column->direct)
	{
		case TEXTOID:
		case VARCHAROID:
			return convert_text(state, span, value, problem);
		case JSONOID:
			return convert_raw(state, span, value);
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return convert_integer(span, column->direct, value);
		case FLOAT8OID:
			return convert_float8(span, value);
		case NUMERICOID:
			return json_span_numeric(span, value) ? CONVERTED : CONVERT_BY_INPUT;
		case BOOLOID:
			return convert_boolean(span, value);
		case TIMESTAMPTZOID:
			return convert_timestamptz(span, value);
		default:
			return CONVERT_BY_INPUT;
	}
}

/* ---- values that do ---- */

static void
array_comma(ArrayText *array)
{
	if (!array->first)
		appendStringInfoChar(&array->text, ',');
	array->first = false;
}

static compat_json_result
array_begin(void *arg)
{
	ArrayText  *array = arg;

	array_comma(array);
	appendStringInfoChar(&array->text, '{');
	array->first = true;
	compat_json_return;
}

static compat_json_result
array_end(void *arg)
{
	ArrayText  *array = arg;

	appendStringInfoChar(&array->text, '}');
	array->first = false;
	compat_json_return;
}

static compat_json_result
array_object(void *arg)
{
	ereport(ERROR,
			errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("JSON value does not fit an array"),
			errdetail("One of its elements is an object."),
			errhint("Declare the column as jsonb."));
	compat_json_return;
}

static compat_json_result
array_scalar(void *arg, char *token, JsonTokenType type)
{
	ArrayText  *array = arg;

	array_comma(array);
	if (type == JSON_TOKEN_NULL)
		appendStringInfoString(&array->text, "NULL");
	else
	{
		appendStringInfoChar(&array->text, '"');
		for (const char *c = token; *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&array->text, '\\');
			appendStringInfoChar(&array->text, *c);
		}
		appendStringInfoChar(&array->text, '"');
	}
	compat_json_return;
}

/* A JSON array in the notation of array_in. */
static char *
array_text(char *json, size_t length)
{
	ArrayText	array;
	JsonSemAction actions = {0};
	JsonLexContext *lex = compat_json_lex(json, length);

	initStringInfo(&array.text);
	array.first = true;
	actions.semstate = &array;
	actions.array_start = array_begin;
	actions.array_end = array_end;
	actions.object_start = array_object;
	actions.scalar = array_scalar;
	pg_parse_json_or_ereport(lex, &actions);
	return array.text.data;
}

/* What the input function of a column's type is to see. */
static char *
input_text(const JsonColumns *state, const JsonColumn *column, const JsonSpan *span)
{
	JsonProblem problem;
	uint32		length;
	char	   *text;

	if (span->kind == JSON_KIND_STRING && column->target != JSON_TARGET_RAW)
	{
		text = palloc(span->length + 1);
		if (!json_unescape(span, text, &length, &problem))
		{
			problem.offset += span->start - state->json;
			raise_problem(state, &problem, column);
		}
		text[length] = '\0';
	}
	else
	{
		const char *raw = json_span_raw(span, &length);

		text = pnstrdup(raw, length);
	}
	if (!state->utf8)
		text = pg_any_to_server(text, length, PG_UTF8);
	return column->target == JSON_TARGET_ARRAY && span->kind == JSON_KIND_ARRAY ? array_text(text, strlen(text)) : text;
}

/* A value, or NULL for none: a domain, whose input function alone is not strict, may refuse that. */
static Datum
convert_by_input(const JsonColumns *state, const JsonColumn *column, const JsonSpan *span)
{
	Column	   *target = column->column;
	char	   *text;
	Datum		value;

	state->place->column = target->name;
	text = span != NULL ? input_text(state, column, span) : NULL;
	value = InputFunctionCall(&target->input, text, target->ioparam, target->typmod);
	state->place->column = NULL;
	return value;
}

/* ---- rows ---- */

static bool
scan_object(JsonColumns *state, const char *json, size_t length, JsonProblem *problem)
{
	state->json = json;
	if (!json_scan(state->paths, json, length, state->spans, problem))
		return false;
	if (state->spans[JSON_ROOT].kind == JSON_KIND_OBJECT)
		return true;
	problem->code = JSON_PROBLEM_OBJECT;
	problem->offset = 0;
	return false;
}

/* One column of an object that was scanned, as far as that goes without an ERROR. */
static Conversion
read_column(const JsonColumns *state, const JsonColumn *column, Datum *values, bool *nulls, JsonProblem *problem)
{
	const JsonSpan *span = &state->spans[column->path];
	int			at = column->column->attnum - 1;
	Conversion	result;

	values[at] = (Datum) 0;
	nulls[at] = span->kind <= JSON_KIND_NULL;
	if (nulls[at])
		return column->column->input.fn_strict ? CONVERTED : CONVERT_BY_INPUT;
	result = convert(state, column, span, &values[at], problem);
	if (result == CONVERT_REFUSED && problem->code != JSON_PROBLEM_TYPE)
		problem->offset += span->start - state->json;
	return result;
}

void
json_read(JsonColumns *columns, const char *json, size_t length, Datum *values, bool *nulls)
{
	JsonProblem problem;

	if (!scan_object(columns, json, length, &problem))
		raise_problem(columns, &problem, NULL);
	for (int i = 0; i < columns->count; i++)
	{
		JsonColumn *column = &columns->columns[i];
		int			at = column->column->attnum - 1;

		switch (read_column(columns, column, values, nulls, &problem))
		{
			case CONVERTED:
				break;
			case CONVERT_BY_INPUT:
				values[at] = convert_by_input(columns, column, nulls[at] ? NULL : &columns->spans[column->path]);
				break;
			case CONVERT_REFUSED:
				columns->place->column = column->column->name;
				raise_problem(columns, &problem, column);
		}
	}
}

JsonTry
json_try(JsonColumns *columns, const char *json, size_t length, Datum *values, bool *nulls, char **problem)
{
	JsonProblem found;
	JsonTry		result = JSON_TRY_READ;

	if (!scan_object(columns, json, length, &found))
	{
		*problem = describe_problem(columns, &found, NULL);
		return JSON_TRY_REFUSED;
	}
	for (int i = 0; i < columns->count; i++)
	{
		switch (read_column(columns, &columns->columns[i], values, nulls, &found))
		{
			case CONVERTED:
				break;
			case CONVERT_BY_INPUT:
				result = JSON_TRY_UNSURE;
				break;
			case CONVERT_REFUSED:
				*problem = describe_problem(columns, &found, &columns->columns[i]);
				return JSON_TRY_REFUSED;
		}
	}
	return result;
}
