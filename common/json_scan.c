/*
 * json_scan.c
 *		The scanner: one pass, a loop over values with a stack of its own. What the values become, json_span.c knows.
 *
 * Beside the text it walks down the tree of paths. Where no path leads into an object or array, it only counts how many
 * are open ("dark"): what stands in there is checked and passed over.
 */
#include "postgres.h"

#include "common/json_scan.h"
#include "common/json_utf8.h"

#include "utils/memutils.h"

/* Where the scanner is. */
typedef struct Scan
{
	const JsonPaths *paths;
	JsonSpan   *spans;
	const char *end;
	int			node;			/* the innermost open object or array that has a number */
	int			dark;			/* how many are open in there */
	int			target;			/* whose value comes next, or -1 */
	int			depth;			/* open objects and arrays */
	bool		object;			/* the innermost is an object */
	bool		opened;			/* the last value read is one that has just begun */
	JsonProblemCode code;
	const char *place;			/* of the problem */
	bool	   *outer;			/* of each one around the innermost: whether it is an object */
} Scan;

/* Every function that reads returns the first byte behind what it read, or this. */
static pg_attribute_always_inline const char *
fail(Scan *scan, JsonProblemCode code, const char *at)
{
	scan->code = at >= scan->end ? JSON_PROBLEM_END : code;
	scan->place = at;
	return NULL;
}

static pg_attribute_always_inline const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && (unsigned char) *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	return at;
}

#define EACH(byte) (UINT64CONST(0x0101010101010101) * (byte))

/* The highest bit of bytes that are a quote, a backslash, a control character or not ASCII; exact up to the first. */
static pg_attribute_always_inline uint64
find_special(uint64 word)
{
	uint64		quote = word ^ EACH('"');
	uint64		backslash = word ^ EACH('\\');

	return (((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash) | (word - EACH(' ')) | word) & EACH(0x80);
}

/* The first byte of a string that is not plain text, or the end. */
static pg_attribute_always_inline const char *
skip_plain(const char *at, const char *end)
{
#ifndef WORDS_BIGENDIAN
	while (end - at >= sizeof(uint64))
	{
		uint64		word;
		uint64		special;

		memcpy(&word, at, sizeof(word));
		special = find_special(word);
		if (special != 0)
			return at + __builtin_ctzll(special) / 8;
		at += sizeof(word);
	}
#endif
	while (at < end && *at >= ' ' && *at != '"' && *at != '\\' && !IS_HIGHBIT_SET(*at))
		at++;
	return at;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Over an escape, from its backslash. */
static const char *
skip_escape(Scan *scan, const char *at)
{
	if (scan->end - at < 2)
		return fail(scan, JSON_PROBLEM_END, scan->end);
	switch (at[1])
	{
		case '"':
		case '\\':
		case '/':
		case 'b':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			return at + 2;
		case 'u':
			for (int i = 2; i < 6; i++)
				if (at + i >= scan->end || !is_hex(at[i]))
					return fail(scan, JSON_PROBLEM_ESCAPE, Min(at + i, scan->end));
			return at + 6;
		default:
			return fail(scan, JSON_PROBLEM_ESCAPE, at + 1);
	}
}

/* What is special in a string, up to the quote that ends it. */
static const char *
skip_special(Scan *scan, const char *at, bool *escaped)
{
	while (at < scan->end && *at != '"')
	{
		if (*at == '\\')
		{
			*escaped = true;
			at = skip_escape(scan, at);
			if (at == NULL)
				return NULL;
		}
		else if (IS_HIGHBIT_SET(*at))
		{
			int			length = json_utf8_length(at, scan->end);

			if (length == 0)
				return fail(scan, JSON_PROBLEM_UTF8, at);
			at += length;
			continue;			/* those that are not ASCII come in groups */
		}
		else if ((unsigned char) *at < ' ')
			return fail(scan, JSON_PROBLEM_CONTROL, at);
		at = skip_plain(at, scan->end);
	}
	return at < scan->end ? at : fail(scan, JSON_PROBLEM_END, at);
}

/* From behind the opening quote of a string to the closing one. */
static pg_attribute_always_inline const char *
skip_string(Scan *scan, const char *at, bool *escaped)
{
	*escaped = false;
	at = skip_plain(at, scan->end);
	if (at < scan->end && *at == '"')
		return at;
	return skip_special(scan, at, escaped);
}

static pg_attribute_always_inline const char *
skip_digits(Scan *scan, const char *at)
{
	const char *begin = at;

	while (at < scan->end && (unsigned char) (*at - '0') <= 9)
		at++;
	return at > begin ? at : fail(scan, JSON_PROBLEM_NUMBER, at);
}

static pg_attribute_always_inline const char *
skip_exponent(Scan *scan, const char *at)
{
	if (at < scan->end && (*at == '+' || *at == '-'))
		at++;
	return skip_digits(scan, at);
}

static pg_attribute_always_inline const char *
skip_number(Scan *scan, const char *at, bool *integer)
{
	const char *digits;

	*integer = true;
	if (*at == '-')
		at++;
	digits = at;
	at = skip_digits(scan, at);
	if (at != NULL && *digits == '0' && at > digits + 1)
		return fail(scan, JSON_PROBLEM_NUMBER, digits + 1);
	if (at != NULL && at < scan->end && *at == '.')
	{
		*integer = false;
		at = skip_digits(scan, at + 1);
	}
	if (at != NULL && at < scan->end && (*at == 'e' || *at == 'E'))
	{
		*integer = false;
		at = skip_exponent(scan, at + 1);
	}
	return at;
}

static pg_attribute_always_inline const char *
skip_word(Scan *scan, const char *at, const char *word, int length)
{
	for (int i = 1; i < length; i++)
		if (at + i >= scan->end || at[i] != word[i])
			return fail(scan, JSON_PROBLEM_VALUE, at + i >= scan->end ? scan->end : at);
	return at + length;
}

/* Nothing remains of what was noted below a node. */
static void
forget_below(Scan *scan, int node)
{
	int			top = node;

	/* Down to the first child, else across to the next sibling, else up: no recursion, paths can be long. */
	for (;;)
	{
		if (scan->paths->nodes[node].child != 0)
			node = scan->paths->nodes[node].child;
		else
		{
			while (node != top && scan->paths->nodes[node].sibling == 0)
				node = scan->paths->nodes[node].parent;
			if (node == top)
				return;
			node = scan->paths->nodes[node].sibling;
		}
		scan->spans[node].kind = JSON_KIND_ABSENT;
	}
}

/* A value of the target; start and length as JsonSpan has them. */
static pg_attribute_always_inline void
note(Scan *scan, JsonKind kind, const char *start, uint32 length, bool flag)
{
	JsonSpan   *span;

	if (scan->target < 0)
		return;
	span = &scan->spans[scan->target];
	if (span->kind != JSON_KIND_ABSENT)
		forget_below(scan, scan->target);
	span->start = start;
	span->length = length;
	span->kind = kind;
	span->escaped = kind == JSON_KIND_STRING && flag;
	span->integer = kind == JSON_KIND_NUMBER && flag;
}

/* An object or array begins. Until it ends, the length of an array's span counts its elements. */
static pg_attribute_always_inline const char *
open_value(Scan *scan, const char *at, bool object)
{
	if (scan->depth == JSON_MAX_DEPTH)
		return fail(scan, JSON_PROBLEM_DEPTH, at);
	scan->outer[scan->depth++] = scan->object;
	scan->object = object;
	scan->opened = true;
	note(scan, object ? JSON_KIND_OBJECT : JSON_KIND_ARRAY, at, 0, false);
	if (scan->target >= 0)
		scan->node = scan->target;
	else
		scan->dark++;
	return at + 1;
}

/* The innermost one ends. */
static pg_attribute_always_inline const char *
close_value(Scan *scan, const char *at)
{
	scan->object = scan->outer[--scan->depth];
	if (scan->dark > 0)
		scan->dark--;
	else
	{
		JsonSpan   *span = &scan->spans[scan->node];

		span->length = at + 1 - span->start;
		scan->node = scan->paths->nodes[scan->node].parent;
	}
	return at + 1;
}

static pg_attribute_always_inline const char *
scan_value(Scan *scan, const char *at)
{
	const char *start = at;
	bool		flag;

	scan->opened = false;
	if (at == scan->end)
		return fail(scan, JSON_PROBLEM_END, at);
	switch (*at)
	{
		case '"':
			at = skip_string(scan, at + 1, &flag);
			if (at == NULL)
				return NULL;
			note(scan, JSON_KIND_STRING, start + 1, at - start - 1, flag);
			return at + 1;
		case '{':
			return open_value(scan, at, true);
		case '[':
			return open_value(scan, at, false);
		case 't':
			at = skip_word(scan, at, "true", 4);
			note(scan, JSON_KIND_TRUE, start, 4, false);
			return at;
		case 'f':
			at = skip_word(scan, at, "false", 5);
			note(scan, JSON_KIND_FALSE, start, 5, false);
			return at;
		case 'n':
			at = skip_word(scan, at, "null", 4);
			note(scan, JSON_KIND_NULL, start, 4, false);
			return at;
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			at = skip_number(scan, at, &flag);
			note(scan, JSON_KIND_NUMBER, start, at - start, flag);
			return at;
		default:
			return fail(scan, JSON_PROBLEM_VALUE, at);
	}
}

/* The child whose key is a string with escapes. */
static int
find_escaped(const Scan *scan, const JsonNode *node, const char *string, uint32 length)
{
	for (int child = node->child; child != 0; child = scan->paths->nodes[child].sibling)
		if (json_utf8_equal(string, length, scan->paths->nodes[child].key, scan->paths->nodes[child].length))
			return child;
	return -1;
}

/* The child for a key, or -1. */
static pg_attribute_always_inline int
find_child(const Scan *scan, const char *key, uint32 length, bool escaped)
{
	const JsonNode *node = &scan->paths->nodes[scan->node];
	uint64		head = 0;
	int			child;

	if (escaped)
		return find_escaped(scan, node, key, length);
#ifndef WORDS_BIGENDIAN
	if (length > 0 && scan->end - key >= sizeof(head))
	{
		memcpy(&head, key, sizeof(head));
		if (length < sizeof(head))
			head &= (UINT64CONST(1) << length * 8) - 1;
	}
	else
#endif
		memcpy(&head, key, Min(length, sizeof(head)));
	child = json_node_child(scan->paths, node, head, key, length);
	return child != 0 ? child : -1;
}

/* An object's key and its colon. */
static pg_attribute_always_inline const char *
scan_key(Scan *scan, const char *at)
{
	const char *key = at + 1;
	bool		escaped;

	if (at == scan->end || *at != '"')
		return fail(scan, JSON_PROBLEM_KEY, at);
	at = skip_string(scan, key, &escaped);
	if (at == NULL)
		return NULL;
	scan->target = -1;
	if (scan->dark == 0 && scan->paths->nodes[scan->node].slots != NULL)
		scan->target = find_child(scan, key, at - key, escaped);
	at++;
	if (at < scan->end && *at == ':')
		return at + 1;
	at = skip_blanks(at, scan->end);
	if (at < scan->end && *at == ':')
		return at + 1;
	return fail(scan, JSON_PROBLEM_COLON, at);
}

/* The next element of an array begins: which child is it? */
static void
count_element(Scan *scan)
{
	const JsonNode *node = &scan->paths->nodes[scan->node];
	uint32		index;

	scan->target = -1;
	if (scan->dark > 0 || node->child == 0)
		return;
	index = scan->spans[scan->node].length++;
	for (int child = node->child; child != 0; child = scan->paths->nodes[child].sibling)
		if (scan->paths->nodes[child].index == (int64) index)
			scan->target = child;
}

/* Behind a value: the ends of objects and arrays, then a comma, unless the document is over. */
static pg_attribute_always_inline const char *
scan_behind(Scan *scan, const char *at)
{
	while (scan->depth > 0)
	{
		at = skip_blanks(at, scan->end);
		if (at == scan->end)
			return fail(scan, JSON_PROBLEM_END, at);
		if (*at == ',')
			return at + 1;
		if (*at != (scan->object ? '}' : ']'))
			return fail(scan, JSON_PROBLEM_COMMA, at);
		at = close_value(scan, at);
	}
	return at;
}

/* The whole value; returns where it ends, or NULL. */
static const char *
scan_document(Scan *scan, const char *at)
{
	at = scan_value(scan, skip_blanks(at, scan->end));
	while (at != NULL)
	{
		/* Here something was opened, or a comma stands before the next member. */
		bool		empty = false;

		if (scan->opened)
		{
			at = skip_blanks(at, scan->end);
			empty = at < scan->end && *at == (scan->object ? '}' : ']');
		}
		if (scan->depth == 0)
			return at;
		if (!empty)
		{
			if (scan->object)
				at = scan_key(scan, skip_blanks(at, scan->end));
			else
				count_element(scan);
			if (at == NULL)
				return NULL;
			at = scan_value(scan, skip_blanks(at, scan->end));
			if (at == NULL || scan->opened)
				continue;
		}
		scan->opened = false;
		at = scan_behind(scan, at);
	}
	return NULL;
}

static bool
report(JsonProblem *problem, JsonProblemCode code, size_t offset)
{
	problem->code = code;
	problem->offset = offset;
	return code == JSON_FINE;
}

bool
json_scan(const JsonPaths *paths, const char *json, size_t length, JsonSpan *spans, JsonProblem *problem)
{
	bool		outer[JSON_MAX_DEPTH];
	Scan		scan;
	const char *at;

	if (length > MaxAllocSize)
		return report(problem, JSON_PROBLEM_LENGTH, MaxAllocSize);
	for (int i = 0; i < paths->count; i++)
		spans[i].kind = JSON_KIND_ABSENT;
	scan.paths = paths;
	scan.spans = spans;
	scan.end = json + length;
	scan.node = JSON_ROOT;
	scan.dark = 0;
	scan.target = JSON_ROOT;
	scan.depth = 0;
	scan.object = false;
	scan.outer = outer;
	at = scan_document(&scan, json);
	if (at == NULL)
		return report(problem, scan.code, scan.place - json);
	at = skip_blanks(at, scan.end);
	return report(problem, at == scan.end ? JSON_FINE : JSON_PROBLEM_TRAILING, at - json);
}

const char *
json_problem_text(JsonProblemCode code)
{
	switch (code)
	{
		case JSON_FINE:
			return "Nothing is wrong.";
		case JSON_PROBLEM_LENGTH:
			return "The text is too long.";
		case JSON_PROBLEM_END:
			return "The text ends too early.";
		case JSON_PROBLEM_VALUE:
			return "A value is expected.";
		case JSON_PROBLEM_NUMBER:
			return "A number is malformed.";
		case JSON_PROBLEM_KEY:
			return "A key in quotes is expected.";
		case JSON_PROBLEM_COLON:
			return "A colon is expected.";
		case JSON_PROBLEM_COMMA:
			return "A comma, or the end of the object or array, is expected.";
		case JSON_PROBLEM_TRAILING:
			return "Something stands behind the value.";
		case JSON_PROBLEM_CONTROL:
			return "A control character in a string is not escaped.";
		case JSON_PROBLEM_ESCAPE:
			return "An escape is malformed.";
		case JSON_PROBLEM_UTF8:
			return "The bytes are not UTF-8.";
		case JSON_PROBLEM_DEPTH:
			return "Objects and arrays are nested too deeply.";
		case JSON_PROBLEM_NUL:
			return "\\u0000 cannot be stored in a text.";
		case JSON_PROBLEM_SURROGATE:
			return "Half of a surrogate pair is not a character.";
		case JSON_PROBLEM_OBJECT:
			return "The value is not an object.";
		case JSON_PROBLEM_TYPE:
			return "A value does not fit its column's type.";
		case JSON_PROBLEM_RANGE:
			return "A number is out of its type's range.";
	}
	return "";
}
