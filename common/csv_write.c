/*
 * csv_write.c
 *		Which fields of CSV need quotes, and the quotes.
 */
#include "postgres.h"

#include "common/csv_write.h"

void
csv_style(CsvStyle *style, char delimiter, char quote, char escape, const char *null, int fields)
{
	style->delimiter = delimiter;
	style->quote = quote;
	style->escape = escape ? escape : quote;
	style->null = null;
	style->null_length = strlen(null);
	style->alone = fields == 1;
}

/* What could be taken for a delimiter, a quote, a line end, NULL or the end marker. */
static bool
needs_quotes(const CsvStyle *style, const char *text, int length)
{
	if (length == style->null_length && memcmp(text, style->null, length) == 0)
		return true;
	if (style->alone && strcmp(text, "\\.") == 0)
		return true;
	for (int i = 0; i < length; i++)
		if (text[i] == style->delimiter || text[i] == style->quote || text[i] == '\n' || text[i] == '\r')
			return true;
	return false;
}

static void
append_quoted(const CsvStyle *style, const char *text, int length, StringInfo out)
{
	appendStringInfoChar(out, style->quote);
	for (int i = 0; i < length; i++)
	{
		if (text[i] == style->quote || text[i] == style->escape)
			appendStringInfoCharMacro(out, style->escape);
		appendStringInfoCharMacro(out, text[i]);
	}
	appendStringInfoChar(out, style->quote);
}

void
csv_append(const CsvStyle *style, const char *text, int length, StringInfo out)
{
	if (needs_quotes(style, text, length))
		append_quoted(style, text, length, out);
	else
		appendBinaryStringInfo(out, text, length);
}
