/*
 * json_utf8.h
 *		Characters inside JSON strings: UTF-8 as it stands, and escapes. For json_scan.c and json_span.c alone.
 */
#ifndef MEDALLION_JSON_UTF8_H
#define MEDALLION_JSON_UTF8_H

#include "postgres.h"

#pragma GCC visibility push(hidden)

static inline bool
json_utf8_continues(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

/* Length of the well-formed character (Unicode's table 3-7) that begins with a byte that is not ASCII, or 0. */
static inline int
json_utf8_length(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *) at;
	size_t		left = end - at;

	if (byte[0] < 0xC2 || byte[0] > 0xF4)
		return 0;
	if (byte[0] < 0xE0)
		return left >= 2 && json_utf8_continues(byte[1]) ? 2 : 0;
	if (byte[0] < 0xF0)
	{
		if (left < 3 || !json_utf8_continues(byte[1]) || !json_utf8_continues(byte[2]))
			return 0;
		/* Too long a form, or a surrogate. */
		return (byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xED && byte[1] > 0x9F) ? 0 : 3;
	}
	if (left < 4 || !json_utf8_continues(byte[1]) || !json_utf8_continues(byte[2]) || !json_utf8_continues(byte[3]))
		return 0;
	/* Too long a form, or beyond U+10FFFF. */
	return (byte[0] == 0xF0 && byte[1] < 0x90) || (byte[0] == 0xF4 && byte[1] > 0x8F) ? 0 : 4;
}

/* Negative results of json_unescape_one. */
#define JSON_UTF8_NUL (-1)
#define JSON_UTF8_SURROGATE (-2)

/*
 * The character of the valid escape at *at, which is moved behind it, as UTF-8 into "buffer" of at least 4 bytes;
 * returns its length, or one of the above, leaving *at.
 */
extern int	json_unescape_one(const char **at, const char *end, char *buffer);

/* Whether a valid string with escapes says the key. */
extern bool json_utf8_equal(const char *string, uint32 length, const char *key, uint32 key_length);

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_UTF8_H */
