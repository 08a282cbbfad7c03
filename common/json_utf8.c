/*
 * json_utf8.c
 *		Escapes of JSON strings that json_scan has found well-formed.
 */
#include "postgres.h"

#include "common/json_utf8.h"

#include "mb/pg_wchar.h"

static uint32
read_hex(const char *at)
{
	uint32		value = 0;

	for (int i = 0; i < 4; i++)
	{
		unsigned char c = at[i];

		value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static bool
is_high(uint32 unit)
{
	return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool
is_low(uint32 unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* One \u escape, or two that are one character. */
static int
unescape_unicode(const char **at, const char *end, char *buffer)
{
	uint32		unit = read_hex(*at + 2);
	int			length = 6;

	if (unit == 0)
		return JSON_UTF8_NUL;
	if (is_high(unit))
	{
		uint32		low;

		if (end - *at < 12 || (*at)[6] != '\\' || (*at)[7] != 'u')
			return JSON_UTF8_SURROGATE;
		low = read_hex(*at + 8);
		if (!is_low(low))
			return JSON_UTF8_SURROGATE;
		unit = 0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF);
		length = 12;
	}
	else if (is_low(unit))
		return JSON_UTF8_SURROGATE;
	*at += length;
	unicode_to_utf8(unit, (unsigned char *) buffer);
	return pg_utf_mblen((unsigned char *) buffer);
}

int
json_unescape_one(const char **at, const char *end, char *buffer)
{
	char		c = (*at)[1];

	switch (c)
	{
		case 'u':
			return unescape_unicode(at, end, buffer);
		case 'b':
			c = '\b';
			break;
		case 'f':
			c = '\f';
			break;
		case 'n':
			c = '\n';
			break;
		case 'r':
			c = '\r';
			break;
		case 't':
			c = '\t';
			break;
		default:
			break;				/* quote, backslash, slash */
	}
	*at += 2;
	*buffer = c;
	return 1;
}

bool
json_utf8_equal(const char *string, uint32 length, const char *key, uint32 key_length)
{
	const char *end = string + length;
	const char *key_end = key + key_length;

	while (string < end)
	{
		char		buffer[4];
		int			bytes = 1;

		if (*string == '\\')
			bytes = json_unescape_one(&string, end, buffer);
		else
			*buffer = *string++;
		if (bytes < 0 || key_end - key < bytes || memcmp(key, buffer, bytes) != 0)
			return false;
		key += bytes;
	}
	return key == key_end;
}
