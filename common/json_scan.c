/*
 * json_scan.c
 *		The scanner: one pass, a loop over values with a stack of its own. What the values become, json_span.c knows.
 *
 * Beside the text it walks down the tree of paths. An object or array in which no path leads is checked and passed over.
 */
#include "postgres.h"

#include "common/json_scan.h"
#include "common/json_utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "utils/memutils.h"

/* What the functions below share. */
typedef struct Scan
{
	const JsonPaths *paths;
	JsonSpan   *spans;
	const char *end;
	int			depth;			/* open objects and arrays */
	JsonProblemCode code;
	const char *place;			/* of the problem */
	bool	   *outer;			/* of each one around the innermost: whether it is an object */
} Scan;

/* Every function that reads returns the first byte behind what it read, or this. */
static pg_noinline const char *
fail(Scan *scan, JsonProblemCode code, const char *at)
{
	scan->code = at >= scan->end ? JSON_PROBLEM_END : code;
	scan->place = at;
	return NULL;
}

/*
 * Functions that take "ends_so" are compiled twice. True: the text ends with a bracket. Then whatever else outside of a
 * string was read, at least that bracket follows, and only behind a bracket it must be asked whether the text goes on.
 */
static pg_attribute_always_inline bool
goes_on(const char *at, const char *end, bool ends_so)
{
	return ends_so || at < end;
}

/* Whether a text goes on with that byte. */
static pg_attribute_always_inline bool
is_next(const char *at, const char *end, bool ends_so, char byte)
{
	return goes_on(at, end, ends_so) && *at == byte;
}

static pg_noinline const char *
skip_more_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	return at;
}

static pg_attribute_always_inline const char *
skip_blanks(const char *at, const char *end, bool ends_so)
{
	if (goes_on(at, end, ends_so) && (unsigned char) *at > ' ')
		return at;
	if (is_next(at, end, ends_so, ' ') && goes_on(at + 1, end, ends_so) && (unsigned char) at[1] > ' ')
		return at + 1;
	return skip_more_blanks(at, end);
}

#define EACH(byte) (UINT64CONST(0x0101010101010101) * (byte))

#if defined(__SSE2__)
#define PLAIN_WIDTH 16

/* How many plain bytes lie before the first that is a quote, a backslash, a control character or not ASCII. */
static pg_attribute_always_inline int
count_plain(const char *at)
{
	__m128i		bytes = _mm_loadu_si128((const __m128i *) at);
	__m128i		quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i		backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	/* Signed: what is not ASCII is less than a blank too. */
	__m128i		other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));

	return __builtin_ctz(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), other)) | 1 << PLAIN_WIDTH);
}
#elif !defined(WORDS_BIGENDIAN)
#define PLAIN_WIDTH 8

static pg_attribute_always_inline int
count_plain(const char *at)
{
	uint64		word;
	uint64		quote;
	uint64		backslash;
	uint64		special;

	memcpy(&word, at, sizeof(word));
	quote = word ^ EACH('"');
	backslash = word ^ EACH('\\');
	/* The highest bit of the bytes in question; exact up to the first. */
	special = (((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash) | (word - EACH(' ')) | word) & EACH(0x80);
	return special == 0 ? PLAIN_WIDTH : __builtin_ctzll(special) / 8;
}
#endif

/* The first byte of a string that is not plain text, or the end. */
static pg_attribute_always_inline const char *
skip_plain(const char *at, const char *end)
{
#ifdef PLAIN_WIDTH
	while (end - at >= PLAIN_WIDTH)
	{
		int			count = count_plain(at);

		at += count;
		if (count < PLAIN_WIDTH)
			return at;
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
					return fail(scan, JSON_PROBLEM_ESCAPE, at + i);
			return at + 6;
		default:
			return fail(scan, JSON_PROBLEM_ESCAPE, at + 1);
	}
}

/* What is special in a string, up to the quote that ends it. */
static pg_noinline const char *
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
skip_string(Scan *scan, const char *end, const char *at, bool *escaped)
{
	*escaped = false;
	at = skip_plain(at, end);
	return is_next(at, end, false, '"') ? at : skip_special(scan, at, escaped);
}

static const char *
skip_digits(Scan *scan, const char *at)
{
	const char *begin = at;

	while (at < scan->end && (unsigned char) (*at - '0') <= 9)
		at++;
	return at > begin ? at : fail(scan, JSON_PROBLEM_NUMBER, at);
}

/* A number from behind its sign, of any length. */
static pg_noinline const char *
skip_long_number(Scan *scan, const char *at, bool *integer)
{
	const char *begin = at;

	*integer = true;
	at = skip_digits(scan, at);
	if (at != NULL && *begin == '0' && at > begin + 1)
		return fail(scan, JSON_PROBLEM_NUMBER, begin + 1);
	if (at != NULL && is_next(at, scan->end, false, '.'))
	{
		*integer = false;
		at = skip_digits(scan, at + 1);
	}
	if (at != NULL && at < scan->end && (*at == 'e' || *at == 'E'))
	{
		*integer = false;
		at++;
		if (at < scan->end && (*at == '+' || *at == '-'))
			at++;
		at = skip_digits(scan, at);
	}
	return at;
}

/* A bit for each byte that is no digit. */
#if defined(__SSE2__)
#define NUMBER_WIDTH 16

static pg_attribute_always_inline uint32
find_others(const char *at)
{
	__m128i		digits = _mm_sub_epi8(_mm_loadu_si128((const __m128i *) at), _mm_set1_epi8('0'));

	return ~_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits)) & 0xFFFF;
}

#define FIRST_OTHER(others) __builtin_ctz(others)
#elif !defined(WORDS_BIGENDIAN)
#define NUMBER_WIDTH 8

/* Each bit the highest of a byte; exact up to one that is not ASCII. */
static pg_attribute_always_inline uint64
find_others(const char *at)
{
	uint64		word;

	memcpy(&word, at, sizeof(word));
	word ^= EACH('0');
	return ((word + EACH(0x7F - 9)) | word) & EACH(0x80);
}

#define FIRST_OTHER(others) (__builtin_ctzll(others) / 8)
#endif

/* A number from behind its sign; nearly always it lies with what follows it in one word. */
static pg_attribute_always_inline const char *
skip_number(Scan *scan, const char *end, const char *at, bool *integer)
{
#ifdef NUMBER_WIDTH
	if (end - at >= NUMBER_WIDTH)
	{
		uint64		others = find_others(at);
		int			whole = others != 0 ? FIRST_OTHER(others) : 0;	/* digits before the point */
		int			count = whole;

		*integer = at[whole] != '.';
		if (!*integer)
		{
			others &= others - 1;
			count = others != 0 ? FIRST_OTHER(others) : 0;
			if (count <= whole + 1)
				count = 0;
		}
		if (whole > 0 && count > 0 && (at[count] | 0x20) != 'e' && (*at != '0' || whole == 1))
			return at + count;
	}
#endif
	return skip_long_number(scan, at, integer);
}

static const char *
skip_word(Scan *scan, const char *at, const char *word, int length)
{
	for (int i = 1; i < length; i++)
		if (at + i >= scan->end || at[i] != word[i])
			return fail(scan, JSON_PROBLEM_VALUE, at + i >= scan->end ? scan->end : at);
	return at + length;
}

/* true, false, null, or nothing that begins a value. */
static pg_noinline const char *
scan_word(Scan *scan, const char *at, JsonSpan *span)
{
	const char *start = at;

	if (is_next(at, scan->end, false, 't'))
	{
		span->kind = JSON_KIND_TRUE;
		at = skip_word(scan, at, "true", 4);
	}
	else if (is_next(at, scan->end, false, 'f'))
	{
		span->kind = JSON_KIND_FALSE;
		at = skip_word(scan, at, "false", 5);
	}
	else if (is_next(at, scan->end, false, 'n'))
	{
		span->kind = JSON_KIND_NULL;
		at = skip_word(scan, at, "null", 4);
	}
	else
		return fail(scan, JSON_PROBLEM_VALUE, at);
	span->start = start;
	span->length = span->kind == JSON_KIND_FALSE ? 5 : 4;
	return at;
}

/* A value that is neither object nor array, into a span. */
static pg_attribute_always_inline const char *
scan_scalar(Scan *scan, const char *end, const char *at, JsonSpan *span, bool ends_so)
{
	const char *start = at;

	if (is_next(at, end, ends_so, '"'))
	{
		at = skip_string(scan, end, at + 1, &span->escaped);
		if (at == NULL)
			return NULL;
		span->kind = JSON_KIND_STRING;
		span->start = start + 1;
		span->length = at - start - 1;
		return at + 1;
	}
	if (!goes_on(at, end, ends_so) || ((unsigned char) (*at - '0') > 9 && *at != '-'))
		return scan_word(scan, at, span);
	at = skip_number(scan, end, at + (*at == '-' ? 1 : 0), &span->integer);
	span->kind = JSON_KIND_NUMBER;
	span->start = start;
	span->length = at - start;
	return at;
}

/* Nothing remains of what was noted for a node and below it. */
static pg_noinline void
forget(Scan *scan, int top)
{
	int			node = top;

	scan->spans[top].kind = JSON_KIND_ABSENT;
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

/* The child whose key is a string with escapes, or 0. */
static pg_noinline int
find_escaped(const Scan *scan, const JsonNode *node, const char *string, uint32 length)
{
	for (int child = node->child; child != 0; child = scan->paths->nodes[child].sibling)
		if (json_utf8_equal(string, length, scan->paths->nodes[child].key, scan->paths->nodes[child].length))
			return child;
	return 0;
}

/* The child of a node for a key that ends before "end", or 0. */
static pg_attribute_always_inline int
find_child(const Scan *scan, const char *end, const JsonNode *node, const char *key, uint32 length)
{
	uint64		head = 0;

#ifndef WORDS_BIGENDIAN
	if (end - key >= sizeof(head))
	{
		memcpy(&head, key, sizeof(head));
		head &= length < sizeof(head) ? (UINT64CONST(1) << length * 8) - 1 : ~UINT64CONST(0);
	}
	else
#endif
		memcpy(&head, key, Min(length, sizeof(head)));
	return json_node_child(scan->paths, node, head, key, length);
}

/* An object's key and its colon; which child of the node is it? Without a node nobody asks. */
static pg_attribute_always_inline const char *
scan_key(Scan *scan, const char *end, const char *at, const JsonNode *node, int *child, bool ends_so)
{
	const char *key = at + 1;
	bool		escaped;

	*child = 0;
	if (!is_next(at, end, ends_so, '"'))
		return fail(scan, JSON_PROBLEM_KEY, at);
	at = skip_string(scan, end, key, &escaped);
	if (at == NULL)
		return NULL;
	if (node != NULL && (escaped || ((node->filter >> json_node_bit(key, at - key)) & 1)))
	{
		*child = escaped ? find_escaped(scan, node, key, at - key) : find_child(scan, end, node, key, at - key);
		if (*child != 0 && scan->spans[*child].kind != JSON_KIND_ABSENT)
			forget(scan, *child);
	}
	at++;
	if (is_next(at, end, ends_so, ':'))
		return at + 1;
	at = skip_blanks(at, end, ends_so);
	return is_next(at, end, ends_so, ':') ? at + 1 : fail(scan, JSON_PROBLEM_COLON, at);
}

/* Which child of a node is an array's element of that number? 0: none. */
static int
find_element(const Scan *scan, const JsonNode *node, int64 index)
{
	for (int child = node->child; child != 0; child = scan->paths->nodes[child].sibling)
		if (scan->paths->nodes[child].index == index)
			return child;
	return 0;
}

static pg_attribute_always_inline bool
is_open(const char *at, const char *end, bool ends_so)
{
	return is_next(at, end, ends_so, '{') || is_next(at, end, ends_so, '[');
}

static const char *skip_nested(Scan *scan, const char *at, bool ends_so);

/*
 * Over an object or array and all that stands in it, from the bracket that opens it. "noted": it is the document's, the
 * values of the paths are noted; else no path leads in there. Several functions for the compiler, one for the reader.
 */
static pg_attribute_always_inline const char *
scan_nested(Scan *scan, const char *at, bool noted, bool ends_so)
{
	const JsonNode *nodes = scan->paths->nodes;
	const char *end = scan->end;
	int			top = scan->depth;
	const JsonNode *node = nodes + JSON_ROOT;	/* the innermost open one, while noted */
	JsonSpan   *span = scan->spans + JSON_ROOT; /* its span */
	int			child = JSON_ROOT;	/* the member that comes next, or 0 */
	bool		object = false;	/* the innermost is an object */
	bool		begins = true;	/* "at" is at an opening bracket; else inside, behind a comma */
	JsonSpan	nobody;

	for (;;)
	{
		if (begins)
		{
			if (scan->depth == JSON_MAX_DEPTH)
				return fail(scan, JSON_PROBLEM_DEPTH, at);
			scan->outer[scan->depth++] = object;
			object = *at == '{';
			if (noted)
			{
				node = nodes + child;
				span = scan->spans + child;
				span->kind = object ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
				span->start = at;
				span->length = 0;	/* of an array the number of its elements, until it ends */
			}
			at = skip_blanks(at + 1, end, ends_so);
		}
		if (!begins || !is_next(at, end, ends_so, object ? '}' : ']'))
		{
			child = 0;
			if (object)
			{
				at = scan_key(scan, end, at, noted ? node : NULL, &child, ends_so);
				if (at == NULL)
					return NULL;
				at = skip_blanks(at, end, ends_so);
			}
			else if (noted && node->child != 0)
				child = find_element(scan, node, span->length++);
			begins = is_open(at, end, ends_so);
			if (begins && (!noted || child != 0))
				continue;
			if (begins)
				at = skip_nested(scan, at, ends_so);
			else
				at = scan_scalar(scan, end, at, child != 0 ? scan->spans + child : &nobody, ends_so);
			if (at == NULL)
				return NULL;
			if (begins && at == end)
				return fail(scan, JSON_PROBLEM_END, at);
			if (is_next(at, end, ends_so, ','))
			{
				at = skip_blanks(at + 1, end, ends_so);
				begins = false;
				continue;
			}
			at = skip_blanks(at, end, ends_so);
		}
		begins = false;
		while (is_next(at, end, ends_so, object ? '}' : ']'))
		{
			at++;
			object = scan->outer[--scan->depth];
			if (noted)
			{
				span->length = at - span->start;
				span = scan->spans + node->parent;
				node = nodes + node->parent;
			}
			if (scan->depth == top)
				return at;
			if (at == end)
				return fail(scan, JSON_PROBLEM_END, at);
			at = skip_blanks(at, end, ends_so);
		}
		if (!is_next(at, end, ends_so, ','))
			return fail(scan, JSON_PROBLEM_COMMA, at);
		at = skip_blanks(at + 1, end, ends_so);
	}
}

static pg_noinline const char *
skip_nested(Scan *scan, const char *at, bool ends_so)
{
	return ends_so ? scan_nested(scan, at, false, true) : scan_nested(scan, at, false, false);
}

/* A document that is no object or array, or does not end as these do, is not worth the speed. */
static pg_noinline const char *
scan_odd(Scan *scan, const char *at)
{
	if (is_open(at, scan->end, false))
		return scan_nested(scan, at, true, false);
	return scan_scalar(scan, scan->end, at, &scan->spans[JSON_ROOT], false);
}

static pg_attribute_always_inline bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
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
	Scan		scan = {.paths = paths, .spans = spans, .outer = outer};
	const char *at;

	if (length > MaxAllocSize)
		return report(problem, JSON_PROBLEM_LENGTH, MaxAllocSize);
	for (int i = 0; i < paths->count; i++)
		spans[i].kind = JSON_KIND_ABSENT;
	while (length > 0 && is_blank(json[length - 1]))
		length--;
	scan.end = json + length;
	at = skip_blanks(json, scan.end, false);
	if (is_open(at, scan.end, false) && (scan.end[-1] == '}' || scan.end[-1] == ']'))
		at = scan_nested(&scan, at, true, true);
	else
		at = scan_odd(&scan, at);
	if (at == NULL)
		return report(problem, scan.code, scan.place - json);
	at = skip_blanks(at, scan.end, false);
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
