/*
 * rawline.c
 *		The line of JSON as which a Kafka record stands in a raw object. How it is read again stands in sql/weather_raw.sql.
 */
#include "postgres.h"

#include "rawline.h"

#include "instant.h"

#include "common/base64.h"
#include "common/compat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Names, numbers and punctuation of a line, with room to spare. */
#define FRAME_SIZE 256
/* A value that nests deeper does not stand in a line as it is. */
#define DEPTH_MAX 1000

static char *
put_bytes(char *out, const char *data, size_t length)
{
	memcpy(out, data, length);
	return out + length;
}

#define put_literal(out, literal) put_bytes((out), (literal), sizeof(literal) - 1)

static char *
put_number(char *out, int64 number)
{
	return out + pg_lltoa(number, out);
}

static inline char *
put_pair(char *out, int number)
{
	*out++ = '0' + number / 10;
	*out++ = '0' + number % 10;
	return out;
}

/* As timestamptz reads it, whatever the session's settings; milliseconds are all that Kafka has. */
static char *
put_timestamp(char *out, TimestampTz timestamp)
{
	TimestampTz day = instant_floor(timestamp, USECS_PER_DAY);
	int			rest = (int) ((timestamp - day) / 1000);
	int			year;
	int			month;
	int			mday;
	bool		bc;

	j2date((int) (day / USECS_PER_DAY) + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	bc = year <= 0;
	*out++ = '"';
	out = pg_ultostr_zeropad(out, bc ? 1 - year : year, 4);
	*out++ = '-';
	out = put_pair(out, month);
	*out++ = '-';
	out = put_pair(out, mday);
	*out++ = 'T';
	out = put_pair(out, rest / 3600000);
	*out++ = ':';
	out = put_pair(out, rest / 60000 % 60);
	*out++ = ':';
	out = put_pair(out, rest / 1000 % 60);
	*out++ = '.';
	out = pg_ultostr_zeropad(out, rest % 1000, 3);
	*out++ = 'Z';
	if (bc)
		out = put_literal(out, " BC");
	*out++ = '"';
	return out;
}

static char *
put_base64(char *out, Bytes bytes)
{
	int			room = pg_b64_enc_len((int) bytes.length);
	int			written;

	*out++ = '"';
	/* no cast to a type: the parameter's has changed between versions */
	written = pg_b64_encode((const void *) bytes.data, (int) bytes.length, out, room);
	if (written < 0)
		elog(ERROR, "could not encode %zu bytes", bytes.length);
	out += written;
	*out++ = '"';
	return out;
}

/* Control characters are the only ones that a line cannot hold but escaped. */
static char *
put_string(char *out, Bytes bytes)
{
	static const char digits[] = "0123456789abcdef";

	*out++ = '"';
	for (size_t i = 0; i < bytes.length; i++)
	{
		unsigned char c = bytes.data[i];

		if (c < ' ')
		{
			out = put_literal(out, "\\u00");
			*out++ = digits[c >> 4];
			*out++ = digits[c & 15];
			continue;
		}
		if (c == '"' || c == '\\')
			*out++ = '\\';
		*out++ = c;
	}
	*out++ = '"';
	return out;
}

static bool
is_text(Bytes bytes)
{
	return pg_verify_mbstr(PG_UTF8, bytes.data, (int) bytes.length, true);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Counted as far as it goes at once: readers of JSON lines have limits, or a stack. */
static bool
is_deep(Bytes value)
{
	int			depth = 0;
	bool		quoted = false;

	if (value.length <= 2 * DEPTH_MAX)
		return false;
	for (size_t i = 0; i < value.length; i++)
	{
		char		c = value.data[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			i += c == '\\';
		else if (c == '[' || c == '{')
		{
			if (++depth > DEPTH_MAX)
				return true;
		}
		else if (c == ']' || c == '}')
			depth--;
	}
	return false;
}

/* Whether a value that is JSON comes back byte for byte from a line that it stands in. */
static bool
stands_alone(Bytes value)
{
	if (is_blank(value.data[0]) || is_blank(value.data[value.length - 1]))
		return false;
	if (memchr(value.data, '\n', value.length) || memchr(value.data, '\r', value.length))
		return false;
	return (value.length != 4 || memcmp(value.data, "null", 4) != 0) && !is_deep(value);
}

static char *
put_key(char *out, Bytes key)
{
	if (key.data == NULL)
		return put_literal(out, ",\"key\":null");
	if (is_text(key))
		return put_string(put_literal(out, ",\"key\":"), key);
	return put_base64(put_literal(out, ",\"key_base64\":"), key);
}

static char *
put_value(char *out, Bytes value, bool is_json)
{
	if (value.data == NULL)
		return put_literal(out, ",\"value\":null");
	if (is_json && stands_alone(value))
		return put_bytes(put_literal(out, ",\"value\":"), value.data, value.length);
	return put_base64(put_literal(out, ",\"value_base64\":"), value);
}

/* A character of a key takes six at most; values that stand as they are need less room than base64 takes. */
static size_t
line_room(const Record *record)
{
	return FRAME_SIZE + 6 * record->key.length + pg_b64_enc_len((int) record->value.length);
}

text *
raw_line(const Record *record, bool is_json)
{
	text	   *line = palloc(VARHDRSZ + line_room(record));
	char	   *out = VARDATA(line);

	out = put_number(put_literal(out, "{\"partition\":"), record->partition);
	out = put_number(put_literal(out, ",\"offset\":"), record->offset);
	out = put_literal(out, ",\"timestamp\":");
	out = record->has_timestamp ? put_timestamp(out, record->timestamp) : put_literal(out, "null");
	out = put_key(out, record->key);
	out = put_value(out, record->value, is_json);
	*out++ = '}';
	SET_VARSIZE(line, out - (char *) line);
	return line;
}
