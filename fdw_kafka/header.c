/*
 * header.c
 *		jsonb into headers. The block's layout is message.h's.
 */
#include "postgres.h"

#include "fdw_kafka/header.h"

#include "common/compat.h"
#include "fdw_kafka/message.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

pg_noreturn static void
reject_headers(void)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid headers"),
			errhint("Headers are a JSON object such as {\"name\": \"value\"}, or an array of such objects."));
}

static void
append_number(StringInfo out, int32 number)
{
	appendBinaryStringInfo(out, (const char *) &number, sizeof(number));
}

static void
append_header(StringInfo out, const char *name, int name_length, const char *value, int value_length)
{
	char	   *name_sent = pg_server_to_any(name, name_length, PG_UTF8);
	char	   *value_sent = value ? pg_server_to_any(value, value_length, PG_UTF8) : NULL;

	if (name_sent != name)
		name_length = strlen(name_sent);
	if (value != NULL && value_sent != value)
		value_length = strlen(value_sent);
	append_number(out, name_length);
	append_number(out, value ? value_length : MESSAGE_NULL);
	appendBinaryStringInfo(out, name_sent, name_length);
	if (value != NULL)
		appendBinaryStringInfo(out, value_sent, value_length);
}

/* One value: the text of a string, null, or JSON text. */
static void
append_value(StringInfo out, const JsonbValue *name, JsonbValue *value)
{
	char	   *text;

	switch (value->type)
	{
		case jbvNull:
			append_header(out, name->val.string.val, name->val.string.len, NULL, 0);
			return;
		case jbvString:
			append_header(out, name->val.string.val, name->val.string.len, value->val.string.val, value->val.string.len);
			return;
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			break;
		case jbvBool:
			text = value->val.boolean ? "true" : "false";
			break;
		case jbvBinary:
			text = JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
			break;
		default:
			reject_headers();
	}
	append_header(out, name->val.string.val, name->val.string.len, text, strlen(text));
}

/* A name's value: an array is one header for each element. */
static void
append_values(StringInfo out, const JsonbValue *name, JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
	{
		append_value(out, name, value);
		return;
	}
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			append_value(out, name, &element);
}

static void
append_object(StringInfo out, JsonbContainer *object)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	name;
	JsonbValue	value;

	if (!JsonContainerIsObject(object))
		reject_headers();
	iterator = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&iterator, &name, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		append_values(out, &name, &value);
	}
}

void
header_write(Jsonb *headers, StringInfo out)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (!JsonContainerIsArray(&headers->root) || JsonContainerIsScalar(&headers->root))
	{
		append_object(out, &headers->root);
		return;
	}
	iterator = JsonbIteratorInit(&headers->root);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvBinary)
			reject_headers();
		append_object(out, element.val.binary.data);
	}
}
