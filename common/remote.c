/*
 * remote.c
 *		Look up remote codes and clean remote messages. The tables of codes live in the modules.
 */
#include "postgres.h"

#include "common/remote.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#define MAX_MESSAGE 1000
/* Shorter secrets would redact ordinary words. */
#define MIN_SECRET 4

const RemoteCode *
remote_code(const RemoteCode *table, int number, const char *name)
{
	for (; table->number != 0 || table->name != NULL; table++)
	{
		if (name != NULL && table->name != NULL && strcmp(table->name, name) == 0)
			return table;
		if (number != 0 && table->number == number)
			return table;
	}
	return NULL;
}

/* Length of the secret that begins at "at", or 0. */
static size_t
secret_at(const char *at, const char *const *secrets, int nsecrets)
{
	for (int i = 0; i < nsecrets; i++)
	{
		size_t		length = secrets[i] ? strlen(secrets[i]) : 0;

		if (length >= MIN_SECRET && strncmp(at, secrets[i], length) == 0)
			return length;
	}
	return 0;
}

/* Append the character at "at" in a form that is safe to show; returns its length. */
static int
append_character(StringInfo out, const char *at, size_t left)
{
	int			length = pg_encoding_mblen(PG_UTF8, at);

	if ((unsigned char) *at < ' ' || *at == 0x7f)
		appendStringInfoChar(out, ' ');
	else if (length > left || !pg_verify_mbstr(PG_UTF8, at, length, true))
		appendStringInfoChar(out, '?');
	else
	{
		/* A conversion that fails would hide what the message is about. */
		if (length > 1 && GetDatabaseEncoding() != PG_UTF8)
			appendStringInfoChar(out, '?');
		else
			appendBinaryStringInfo(out, at, length);
		return length;
	}
	return 1;
}

char *
remote_message(const char *message, const char *const *secrets, int nsecrets)
{
	StringInfoData out;
	const char *end = message + strlen(message);

	initStringInfo(&out);
	while (message < end && out.len < MAX_MESSAGE)
	{
		size_t		secret = secret_at(message, secrets, nsecrets);

		if (secret > 0)
		{
			appendStringInfoString(&out, "***");
			message += secret;
		}
		else
			message += append_character(&out, message, end - message);
	}
	while (out.len > 0 && out.data[out.len - 1] == ' ')
		out.data[--out.len] = '\0';
	return out.data;
}
