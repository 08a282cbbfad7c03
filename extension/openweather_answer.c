/*
 * openweather_answer.c
 *		Check a body, find the message in it, take the key out of it.
 *
 * Core's parser reads the JSON. It would raise an ERROR for nesting that is deeper than its stack, so that is measured
 * before.
 */
#include "postgres.h"

#include "openweather_answer.h"

#include "common/compat.h"

/* A reading has three levels. */
#define DEPTH_MAX 64

void
answer_redact(char *body, size_t length, const char *key)
{
	size_t		key_length = strlen(key);

	for (size_t i = 0; i + key_length <= length; i++)
		if (pg_strncasecmp(body + i, key, key_length) == 0)
			memset(body + i, '*', key_length);
}

/* Whether brackets outside of strings nest deeper than is good. */
static bool
too_deep(const char *json, size_t length)
{
	int			depth = 0;
	bool		quoted = false;

	for (size_t i = 0; i < length; i++)
		if (quoted && json[i] == '\\')
			i++;
		else if (json[i] == '"')
			quoted = !quoted;
		else if (!quoted && (json[i] == '{' || json[i] == '['))
		{
			if (++depth > DEPTH_MAX)
				return true;
		}
		else if (!quoted && (json[i] == '}' || json[i] == ']'))
			depth--;
	return false;
}

static bool
is_object(const char *json)
{
	return json[strspn(json, " \t\r\n")] == '{';
}

/* The members at the top of an object, as the parser meets them. */
typedef struct Search
{
	JsonLexContext *lex;
	bool		here;			/* the next scalar is the value of "message" */
	char	   *message;
} Search;

static compat_json_result
on_field(void *state, char *name, bool isnull)
{
	Search	   *search = (Search *) state;

	search->here = search->lex->lex_level == 1 && strcmp(name, "message") == 0;
	compat_json_return;
}

static compat_json_result
on_scalar(void *state, char *token, JsonTokenType type)
{
	Search	   *search = (Search *) state;

	if (search->here && type == JSON_TOKEN_STRING)
		search->message = token;
	search->here = false;
	compat_json_return;
}

/* Parse it; false where it is no JSON object. */
static bool
parse(char *body, size_t length, Search *search)
{
	JsonSemAction actions = {0};

	if (!is_object(body) || too_deep(body, length) || !pg_verify_mbstr(PG_UTF8, body, length, true))
		return false;
	search->lex = compat_json_lex(body, length);
	actions.semstate = search;
	actions.object_field_start = on_field;
	actions.scalar = on_scalar;
	return pg_parse_json(search->lex, &actions) == JSON_SUCCESS;
}

const char *
answer_problem(char *body, size_t length)
{
	Search		search = {0};

	if (body[strspn(body, " \t\r\n")] == '\0')
		return "it is empty";
	if (parse(body, length, &search))
		return NULL;
	if (body[strspn(body, " \t\r\n")] == '<')
		return "it is a web page";
	return is_object(body) ? "it is cut or malformed" : "it is no JSON object";
}

char *
answer_message(char *body, size_t length)
{
	Search		search = {0};

	return parse(body, length, &search) ? search.message : NULL;
}
