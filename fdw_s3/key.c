/*
 * key.c
 *		Names of a table's objects.
 */
#include "postgres.h"

#include "fdw_s3/key.h"

#include <ctype.h>

#include "access/xact.h"
#include "access/xlog.h"

#define MAX_KEY 1024			/* bytes, S3's bound */

static bool
is_hidden(char first)
{
	return first == '_' || first == '.';
}

bool
key_is_row_source(const char *prefix, const char *key)
{
	size_t		length = strlen(prefix);
	const char *rest = key + length;
	bool		begins = length == 0 || prefix[length - 1] == '/';	/* a name begins where the prefix ends */

	if (strncmp(key, prefix, length) != 0 || key[0] == '\0' || key[strlen(key) - 1] == '/')
		return false;
	for (; *rest != '\0'; rest++)
	{
		if (begins && is_hidden(*rest))
			return false;
		begins = *rest == '/';
	}
	return true;
}

static bool
has_control(const char *key)
{
	for (; *key != '\0'; key++)
		if ((unsigned char) *key < ' ' || *key == 0x7f)
			return true;
	return false;
}

void
key_check_planned(const S3Options *options, const char *key)
{
	const char *prefix = options->prefix;

	if (prefix == NULL ? strcmp(key, options->path) != 0 : !key_is_row_source(prefix, key))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("object \"%s\" would not belong to the foreign table", key),
				prefix == NULL ? errdetail("The table is the object \"%s\" alone.", options->path) :
				errdetail("The table reads what begins with \"%s\"; it passes over folders and names that begin with "
						  "_ or a dot.", prefix));
	if (strlen(key) > MAX_KEY || has_control(key))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("object name is not usable"),
				errdetail("A name has at most %d bytes and no control characters.", MAX_KEY));
}

/* The table's name in letters that mean nothing to anybody, never hidden. */
static char *
plain_name(Relation rel)
{
	char	   *name = pstrdup(RelationGetRelationName(rel));

	for (char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char) *c) && *c != '_' && *c != '.')
			*c = '-';
	return is_hidden(name[0]) ? psprintf("t%s", name) : name;
}

char *
key_unique(const S3Options *options, Relation rel, const char *extension)
{
	static uint32 sequence = 0;

	if (options->path != NULL)
		return pstrdup(options->path);
	return psprintf("%s%s-" UINT64_FORMAT "-" UINT64_FORMAT "-%u-%u.%s", options->prefix, plain_name(rel),
					GetSystemIdentifier(), U64FromFullTransactionId(GetTopFullTransactionId()),
					GetCurrentCommandId(true), ++sequence, extension);
}
