/*
 * json_write.c
 *		Which types are JSON numbers, booleans, arrays; all others are strings.
 */
#include "postgres.h"

#include "common/json_write.h"

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

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

#define EACH(byte) (UINT64CONST(0x0101010101010101) * (byte))

/* Whether some of eight bytes is a quote, a backslash or a control character. */
static bool
word_needs_escapes(uint64 word)
{
	uint64		quote = word ^ EACH('"');
	uint64		backslash = word ^ EACH('\\');

	return ((((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash) | ((word - EACH(' ')) & ~word)) &
			EACH(0x80)) != 0;
}

static bool
needs_escapes(const char *bytes, size_t length)
{
	uint64		word;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word))
	{
		memcpy(&word, bytes, sizeof(word));
		if (word_needs_escapes(word))
			return true;
	}
	word = EACH(' ');
	memcpy(&word, bytes, length);
	return word_needs_escapes(word);
}

/* Most strings stand as they are. */
static void
write_string(ValueWriter *writer, Datum value, StringInfo out)
{
	int			begin = out->len;
	char	   *text;

	appendStringInfoChar(out, '"');
	writer->write(writer, value, out);
	if (!needs_escapes(out->data + begin + 1, out->len - begin - 1))
	{
		appendStringInfoChar(out, '"');
		return;
	}
	text = pnstrdup(out->data + begin + 1, out->len - begin - 1);
	out->len = begin;
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

void
json_writer(ValueWriter *writer)
{
	writer->write_json = is_plain_array(writer->base) ? write_array : write_string;
	for (int i = 0; i < lengthof(writers); i++)
		if (writers[i].type == writer->base)
			writer->write_json = writers[i].write;
}

void
json_write(ValueWriter *writer, Datum value, StringInfo out)
{
	value_pinned(writer, value, out, writer->write_json);
}
