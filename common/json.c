/*
 * json.c
 *		JSON objects into columns. Lines, messages and what surrounds an object, the modules know.
 *
 * The paths of all columns form a tree of keys. The parser's callbacks walk down that tree beside the document: where
 * they find a node with columns, the value goes there; what no node stands for is parsed and passed over.
 */
#include "postgres.h"

#include "common/json.h"

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/compat.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

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
	struct JsonColumn *next;	/* another column of the same path */
} JsonColumn;

/* One step of one or several paths. */
typedef struct JsonNode
{
	const char *key;
	struct JsonNode *children;
	struct JsonNode *sibling;
	JsonColumn *columns;		/* whose path ends here */
	bool		slice;			/* one of them may need the text of an object, array or quoted string */
} JsonNode;

/* Where the parser is: one for each open object or array. */
typedef struct JsonFrame
{
	JsonNode   *node;			/* NULL: no path leads in here */
	JsonNode   *child;			/* of the member that is being read */
	int			index;			/* of the array's element that is being read */
	const char *start;			/* of the member's value in the input */
} JsonFrame;

struct JsonColumns
{
	JsonNode   *root;
	Column	   *columns;
	int			count;
	Place	   *place;
	JsonFrame  *frames;
	int			depth;			/* open objects and arrays */
	int			size;
	/* of the object that is being read */
	JsonLexContext *lex;
	Datum	   *values;
	bool	   *nulls;
};

/* An array on its way from JSON to PostgreSQL's notation. */
typedef struct ArrayText
{
	StringInfoData text;
	bool		first;			/* no comma before the next element */
} ArrayText;

static void
reject_path(const char *path)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			errmsg("invalid value for option \"path\": \"%s\"", path),
			errhint("It is made of keys joined by dots; a key that holds a dot stands in double quotes."));
}

/* The next key of a path, palloc'd; moves *at behind it and its dot; NULL at the end. */
static char *
path_step(const char *path, const char **at)
{
	const char *begin = *at;
	const char *end;
	char	   *key;

	if (*begin == '\0')
		return NULL;
	if (*begin == '"')
	{
		end = strchr(begin + 1, '"');
		if (end == NULL)
			reject_path(path);
		key = pnstrdup(begin + 1, end - begin - 1);
		end++;
	}
	else
	{
		end = begin + strcspn(begin, ".");
		key = pnstrdup(begin, end - begin);
	}
	if (end == begin || (*end != '.' && *end != '\0') || (*end == '.' && end[1] == '\0'))
		reject_path(path);
	*at = *end == '.' ? end + 1 : end;
	return key;
}

void
json_path_check(const char *path)
{
	const char *at = path;

	if (*path == '\0')
		reject_path(path);
	while (path_step(path, &at) != NULL)
		continue;
}

static const char *
column_path(const Column *column)
{
	ListCell   *lc;

	foreach(lc, column->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "path") == 0)
			return defGetString(option);
	}
	return NULL;
}

List *
json_path_steps(const Column *column)
{
	const char *path = column_path(column);
	const char *at = path;
	List	   *steps = NIL;
	char	   *key;

	if (path == NULL)
		return list_make1(pstrdup(column->remote_name));
	while ((key = path_step(path, &at)) != NULL)
		steps = lappend(steps, key);
	return steps;
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

static JsonNode *
node_child(JsonNode *node, const char *key)
{
	for (JsonNode *child = node->children; child != NULL; child = child->sibling)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

/* The child for that key, made when it is not there. */
static JsonNode *
node_grow(JsonNode *node, char *key)
{
	JsonNode   *child = node_child(node, key);

	if (child == NULL)
	{
		child = palloc0(sizeof(JsonNode));
		child->key = key;
		child->sibling = node->children;
		node->children = child;
	}
	return child;
}

static void
node_add_column(JsonNode *node, Column *column)
{
	JsonColumn *target = palloc(sizeof(JsonColumn));

	target->column = column;
	target->target = json_target(column->typid);
	target->next = node->columns;
	node->columns = target;
	if (target->target <= JSON_TARGET_TEXT || target->target == JSON_TARGET_ARRAY)
		node->slice = true;
}

JsonColumns *
json_columns(Column *columns, int count, Place *place)
{
	JsonColumns *result = palloc0(sizeof(JsonColumns));

	result->root = palloc0(sizeof(JsonNode));
	result->columns = columns;
	result->count = count;
	result->place = place;
	result->size = 16;
	result->frames = palloc(sizeof(JsonFrame) * result->size);
	for (int i = 0; i < count; i++)
	{
		const char *path = column_path(&columns[i]);
		const char *at = path;
		JsonNode   *node = result->root;
		char	   *key;

		if (path == NULL)
			node = node_grow(node, pstrdup(columns[i].remote_name));
		else
			while ((key = path_step(path, &at)) != NULL)
				node = node_grow(node, key);
		node_add_column(node, &columns[i]);
	}
	return result;
}

/* The frame of the innermost open object or array, or NULL at the top. */
static JsonFrame *
frame_top(JsonColumns *state)
{
	return state->depth > 0 ? &state->frames[state->depth - 1] : NULL;
}

static void
frame_push(JsonColumns *state)
{
	JsonFrame  *outer = frame_top(state);
	JsonFrame  *frame;
	JsonNode   *node = outer ? outer->child : state->root;

	if (state->depth == state->size)
	{
		state->size *= 2;
		state->frames = repalloc(state->frames, sizeof(JsonFrame) * state->size);
	}
	frame = &state->frames[state->depth++];
	frame->node = node;
	frame->child = NULL;
	frame->index = -1;
	frame->start = NULL;
}

static void
reject_type(const JsonColumn *column, const char *what)
{
	ereport(ERROR,
			errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("JSON value does not fit type %s", format_type_be(column->column->typid)),
			errdetail("The value is %s.", what));
}

/* Store a value that is text by now; json_read has checked the encoding of the whole. */
static void
store_text(JsonColumns *state, Column *column, char *text, size_t length)
{
	state->values[column->attnum - 1] = column->typid == TEXTOID ?
		PointerGetDatum(cstring_to_text_with_len(text, length)) :
		InputFunctionCall(&column->input, text, column->ioparam, column->typmod);
	state->nulls[column->attnum - 1] = false;
}

static void
store_null(JsonColumns *state, Column *column)
{
	state->values[column->attnum - 1] = (Datum) 0;
	state->nulls[column->attnum - 1] = true;
}

static const char *
token_name(JsonTokenType type)
{
	switch (type)
	{
		case JSON_TOKEN_NUMBER:
			return "a number";
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			return "a boolean";
		case JSON_TOKEN_OBJECT_START:
			return "an object";
		case JSON_TOKEN_ARRAY_START:
			return "an array";
		default:
			return "a string";
	}
}

static bool
target_takes(JsonTarget target, JsonTokenType type)
{
	switch (type)
	{
		case JSON_TOKEN_STRING:
			return true;
		case JSON_TOKEN_NUMBER:
			return target == JSON_TARGET_NUMBER || target == JSON_TARGET_TEXT || target == JSON_TARGET_ANY_SCALAR;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			return target == JSON_TARGET_BOOLEAN || target == JSON_TARGET_TEXT || target == JSON_TARGET_ANY_SCALAR;
		case JSON_TOKEN_OBJECT_START:
			return target == JSON_TARGET_TEXT;
		case JSON_TOKEN_ARRAY_START:
			return target == JSON_TARGET_TEXT || target == JSON_TARGET_ARRAY;
		default:
			return false;
	}
}

/* A scalar at a node: strings come without quotes and escapes, everything else as it stands. */
static void
store_scalar(JsonColumns *state, JsonNode *node, char *token, JsonTokenType type)
{
	for (JsonColumn *target = node->columns; target != NULL; target = target->next)
	{
		if (target->target == JSON_TARGET_RAW)
			continue;			/* store_slice does it */
		state->place->column = target->column->name;
		if (type == JSON_TOKEN_NULL)
			store_null(state, target->column);
		else if (target_takes(target->target, type))
			store_text(state, target->column, token, strlen(token));
		else
			reject_type(target, token_name(type));
		state->place->column = NULL;
	}
}

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

static JsonTokenType
slice_type(const char *slice)
{
	return *slice == '{' ? JSON_TOKEN_OBJECT_START : *slice == '[' ? JSON_TOKEN_ARRAY_START : JSON_TOKEN_STRING;
}

/* A whole value as it stands in the document: what store_scalar did not do. */
static void
store_slice(JsonColumns *state, JsonNode *node, const char *start, bool isnull)
{
	size_t		length = state->lex->prev_token_terminator - start;
	JsonTokenType type = slice_type(start);

	for (JsonColumn *target = node->columns; target != NULL; target = target->next)
	{
		char	   *slice;

		if (target->target != JSON_TARGET_RAW && type == JSON_TOKEN_STRING)
			continue;			/* any scalar: done */
		state->place->column = target->column->name;
		if (target->target != JSON_TARGET_RAW && !target_takes(target->target, type))
			reject_type(target, token_name(type));
		slice = pnstrdup(start, length);
		if (isnull)
			store_null(state, target->column);
		else if (target->target == JSON_TARGET_ARRAY)
		{
			slice = array_text(slice, length);
			store_text(state, target->column, slice, strlen(slice));
		}
		else
			store_text(state, target->column, slice, length);
		state->place->column = NULL;
	}
}

static compat_json_result
json_open(void *arg)
{
	frame_push(arg);
	compat_json_return;
}

static compat_json_result
json_close(void *arg)
{
	((JsonColumns *) arg)->depth--;
	compat_json_return;
}

static void
reject_not_object(void)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_JSON_TEXT),
			errmsg("JSON value is not an object"),
			errdetail("A row is an object whose keys are the columns."));
}

static compat_json_result
json_array_open(void *arg)
{
	if (((JsonColumns *) arg)->depth == 0)
		reject_not_object();
	frame_push(arg);
	compat_json_return;
}

static compat_json_result
json_field_start(void *arg, char *key, bool isnull)
{
	JsonColumns *state = arg;
	JsonFrame  *frame = frame_top(state);

	frame->child = frame->node ? node_child(frame->node, key) : NULL;
	frame->start = state->lex->token_start;
	pfree(key);
	compat_json_return;
}

/* Values that are objects or arrays, and every value of a json column. */
static void
member_end(JsonColumns *state, bool isnull)
{
	JsonFrame  *frame = frame_top(state);
	JsonNode   *node = frame->child;

	if (node != NULL && node->columns != NULL && (node->slice || *frame->start == '{' || *frame->start == '['))
		store_slice(state, node, frame->start, isnull);
	frame->child = NULL;
}

static compat_json_result
json_field_end(void *arg, char *key, bool isnull)
{
	member_end(arg, isnull);
	compat_json_return;
}

static compat_json_result
json_element_start(void *arg, bool isnull)
{
	JsonColumns *state = arg;
	JsonFrame  *frame = frame_top(state);

	frame->index++;
	frame->child = NULL;
	if (frame->node != NULL && frame->node->children != NULL)
	{
		char		key[12];

		pg_ltoa(frame->index, key);
		frame->child = node_child(frame->node, key);
	}
	frame->start = state->lex->token_start;
	compat_json_return;
}

static compat_json_result
json_element_end(void *arg, bool isnull)
{
	member_end(arg, isnull);
	compat_json_return;
}

static compat_json_result
json_scalar(void *arg, char *token, JsonTokenType type)
{
	JsonColumns *state = arg;
	JsonFrame  *frame = frame_top(state);

	if (frame == NULL)
		reject_not_object();
	if (frame->child != NULL && frame->child->columns != NULL)
		store_scalar(state, frame->child, token, type);
	compat_json_return;
}

/* Every column is NULL until its path is met. */
static void
nullify(JsonColumns *state)
{
	for (int i = 0; i < state->count; i++)
		store_null(state, &state->columns[i]);
}

/* What is still NULL: a domain, whose input function alone is not strict, may refuse it. */
static void
check_nulls(JsonColumns *state)
{
	for (int i = 0; i < state->count; i++)
	{
		Column	   *column = &state->columns[i];

		if (!state->nulls[column->attnum - 1] || column->input.fn_strict)
			continue;
		state->place->column = column->name;
		(void) InputFunctionCall(&column->input, NULL, column->ioparam, column->typmod);
		state->place->column = NULL;
	}
}

void
json_read(JsonColumns *columns, char *json, size_t length, Datum *values, bool *nulls)
{
	JsonSemAction actions = {0};

	columns->depth = 0;
	columns->values = values;
	columns->nulls = nulls;
	nullify(columns);
	json = pg_any_to_server(json, length, PG_UTF8);
	columns->lex = compat_json_lex(json, strlen(json));
	actions.semstate = columns;
	actions.object_start = json_open;
	actions.object_end = json_close;
	actions.array_start = json_array_open;
	actions.array_end = json_close;
	actions.object_field_start = json_field_start;
	actions.object_field_end = json_field_end;
	actions.array_element_start = json_element_start;
	actions.array_element_end = json_element_end;
	actions.scalar = json_scalar;
	pg_parse_json_or_ereport(columns->lex, &actions);
	check_nulls(columns);
}
