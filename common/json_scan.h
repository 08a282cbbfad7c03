/*
 * json_scan.h
 *		One pass over a JSON text: is it valid, and where do the values of a fixed set of paths stand?
 *
 * Strict: the grammar of RFC 8259, well-formed UTF-8, nothing behind the value but blanks, no byte order mark. What
 * type json of PostgreSQL accepts this accepts, and the other way round, but for these:
 *
 *	- bytes that are not UTF-8, and NUL, are a problem here; there the database refuses them earlier;
 *	- objects and arrays nest JSON_MAX_DEPTH deep, whatever the stack's size is: there is no recursion.
 *
 * So the escape \u0000 and halves of surrogate pairs are valid, as RFC 8259 has it, where nobody asks for the string.
 * Asked for (json_span.h) such a string is a problem, as it is for jsonb.
 *
 * No ERROR is raised and nothing is allocated. The text need not end with NUL, and nothing behind it is read.
 */
#ifndef MEDALLION_JSON_SCAN_H
#define MEDALLION_JSON_SCAN_H

#include "postgres.h"

#include "common/json_path.h"

#pragma GCC visibility push(hidden)

/* How deep objects and arrays may stand in one another. */
#define JSON_MAX_DEPTH 10000

typedef enum JsonKind
{
	JSON_KIND_ABSENT,			/* the path leads nowhere in this document */
	JSON_KIND_NULL,
	JSON_KIND_FALSE,
	JSON_KIND_TRUE,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY
} JsonKind;

/* A value where it stands in the text, which must stay. */
typedef struct JsonSpan
{
	const char *start;			/* its first byte; of a string the one behind the quote */
	uint32		length;			/* in bytes; of a string without its quotes */
	uint8		kind;			/* JsonKind */
	bool		escaped;		/* a string with escapes: json_unescape gives what it says */
	bool		integer;		/* a number without fraction and exponent */
} JsonSpan;

typedef enum JsonProblemCode
{
	JSON_FINE,
	JSON_PROBLEM_LENGTH,		/* a gigabyte and more */
	JSON_PROBLEM_END,			/* the text ends too early, or is blank */
	JSON_PROBLEM_VALUE,			/* no value begins so */
	JSON_PROBLEM_NUMBER,
	JSON_PROBLEM_KEY,			/* an object's key, in quotes, is missing */
	JSON_PROBLEM_COLON,
	JSON_PROBLEM_COMMA,			/* neither a comma nor the end of the object or array */
	JSON_PROBLEM_TRAILING,		/* something behind the value */
	JSON_PROBLEM_CONTROL,		/* a control character in a string */
	JSON_PROBLEM_ESCAPE,
	JSON_PROBLEM_UTF8,
	JSON_PROBLEM_DEPTH,
	/* Valid JSON that does not become the value asked for: json_span.h, json.h */
	JSON_PROBLEM_NUL,			/* the escape \u0000: text cannot hold it */
	JSON_PROBLEM_SURROGATE,		/* half of a surrogate pair */
	JSON_PROBLEM_OBJECT,		/* the document is not an object */
	JSON_PROBLEM_TYPE,			/* a value that its column does not take */
	JSON_PROBLEM_RANGE			/* a number out of its type's range */
} JsonProblemCode;

typedef struct JsonProblem
{
	JsonProblemCode code;
	size_t		offset;			/* of the byte, from 0 */
} JsonProblem;

/*
 * Check the text and fill in one span for each of paths->count numbers, spans[JSON_ROOT] being the whole value. Of a
 * key that comes twice the last counts, and nothing remains of what was noted below the first; keys are compared
 * without their escapes. Returns false for an invalid text: "problem" tells why, the spans mean nothing.
 */
extern bool json_scan(const JsonPaths *paths, const char *json, size_t length, JsonSpan *spans, JsonProblem *problem);

/* What is wrong, as a sentence without a place, such as: An escape is malformed. */
extern const char *json_problem_text(JsonProblemCode code);

/* The whole value as it stands, strings with their quotes. */
static inline const char *
json_span_raw(const JsonSpan *span, uint32 *length)
{
	int			quote = span->kind == JSON_KIND_STRING ? 1 : 0;

	*length = span->length + 2 * quote;
	return span->start - quote;
}

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_SCAN_H */
