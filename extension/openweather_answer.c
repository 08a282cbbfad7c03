/*
 * openweather_answer.c
 *		Check a body, find the code and the message in it, take the key out of it.
 */
#include "postgres.h"

#include "openweather_answer.h"

#include "common/json_path.h"
#include "common/json_scan.h"
#include "common/json_span.h"
#include "utils/memutils.h"

static JsonPaths *paths;
static int	path_code;
static int	path_message;

void
answer_redact(char *body, size_t length, const char *key)
{
	size_t		key_length = strlen(key);

	for (size_t i = 0; i + key_length <= length; i++)
		if (pg_strncasecmp(body + i, key, key_length) == 0)
			memset(body + i, '*', key_length);
}

static void
prepare_paths(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	JsonPaths  *made = json_paths_create();

	path_code = json_paths_add(made, "cod");
	path_message = json_paths_add(made, "message");
	paths = made;
	MemoryContextSwitchTo(caller);
}

static const char *
problem_of(const char *body, bool valid, const JsonSpan *root)
{
	const char *first = body + strspn(body, " \t\r\n");

	if (*first == '\0')
		return "it is empty";
	if (*first == '<')
		return "it is a web page";
	if (!valid && *first == '{')
		return "it is cut or malformed";
	return valid && root->kind == JSON_KIND_OBJECT ? NULL : "it is no JSON object";
}

/* A number, or a string that holds one: the service writes both. */
static int
code_of(const JsonSpan *span)
{
	JsonSpan	number = *span;
	int64		code;

	if (span->kind == JSON_KIND_STRING && !span->escaped && span->length == 3
		&& strspn(span->start, "0123456789") == 3)
		number = (JsonSpan) {.start = span->start, .length = 3, .kind = JSON_KIND_NUMBER, .integer = true};
	return json_span_int64(&number, &code) && code > 0 && code < 1000 ? (int) code : 0;
}

static char *
text_of(const JsonSpan *span)
{
	char	   *text;
	uint32		length;
	JsonProblem problem;

	if (span->kind != JSON_KIND_STRING)
		return NULL;
	text = palloc(span->length + 1);
	if (!json_unescape(span, text, &length, &problem))
		return NULL;
	text[length] = '\0';
	return text;
}

void
answer_read(const char *body, size_t length, Answer *answer)
{
	JsonSpan   *spans;
	JsonProblem problem;
	bool		valid;

	if (paths == NULL)
		prepare_paths();
	spans = palloc(sizeof(JsonSpan) * paths->count);
	valid = json_scan(paths, body, length, spans, &problem);
	memset(answer, 0, sizeof(*answer));
	answer->problem = problem_of(body, valid, &spans[JSON_ROOT]);
	if (answer->problem == NULL)
	{
		answer->code = code_of(&spans[path_code]);
		answer->message = text_of(&spans[path_message]);
	}
	pfree(spans);
}
