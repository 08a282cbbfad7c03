/*
 * xml.c
 *		The reader and the escaping of xml.h. Knows no S3.
 */
#include "postgres.h"

#include "fdw_s3/xml.h"

#include "mb/pg_wchar.h"

#define NAME_MAX_LENGTH 64

typedef struct Xml
{
	const char *at;
	const char *end;
	StringInfoData path;		/* names of the open elements, with slashes between */
	int			starts[XML_DEPTH];	/* where in "path" each of them begins */
	int			depth;
	StringInfoData text;		/* since the last tag */
} Xml;

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
		|| c == '-' || c == '_' || c == '.' || c == ':';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(Xml *xml)
{
	while (xml->at < xml->end && is_blank(*xml->at))
		xml->at++;
}

static bool
take(Xml *xml, const char *literal)
{
	size_t		length = strlen(literal);

	if ((size_t) (xml->end - xml->at) < length || memcmp(xml->at, literal, length) != 0)
		return false;
	xml->at += length;
	return true;
}

/* A character by its number; NUL, surrogates and what lies beyond Unicode are refused. */
static bool
append_number(Xml *xml, const char *digits, const char *end)
{
	int			base = *digits == 'x' ? 16 : 10;
	unsigned char utf8[8] = {0};
	char	   *stop;
	unsigned long number;

	if (base == 16)
		digits++;
	if (end - digits < 1 || end - digits > 7 || !isxdigit((unsigned char) *digits))
		return false;
	number = strtoul(digits, &stop, base);
	if (stop != end || number == 0 || number > 0x10FFFF || (number >= 0xD800 && number <= 0xDFFF))
		return false;
	unicode_to_utf8((pg_wchar) number, utf8);
	appendBinaryStringInfo(&xml->text, (char *) utf8, pg_utf_mblen(utf8));
	return true;
}

static bool
read_reference(Xml *xml)
{
	static const struct
	{
		const char *name;
		char		character;
	}			entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	const char *name = xml->at + 1;
	const char *end = memchr(name, ';', Min(xml->end - name, 12));

	if (end == NULL)
		return false;
	xml->at = end + 1;
	if (*name == '#')
		return append_number(xml, name + 1, end);
	for (int i = 0; i < lengthof(entities); i++)
		if (strlen(entities[i].name) == end - name && strncmp(name, entities[i].name, end - name) == 0)
		{
			appendStringInfoChar(&xml->text, entities[i].character);
			return true;
		}
	return false;
}

static bool
read_text(Xml *xml)
{
	while (xml->at < xml->end && *xml->at != '<')
	{
		if (*xml->at == '\0')
			return false;
		if (*xml->at != '&')
			appendStringInfoChar(&xml->text, *xml->at++);
		else if (!read_reference(xml))
			return false;
	}
	return true;
}

static int
name_length(const Xml *xml)
{
	const char *at = xml->at;

	while (at < xml->end && at - xml->at <= NAME_MAX_LENGTH && is_name_char(*at))
		at++;
	return at - xml->at;
}

/* Attributes mean nothing here, namespaces included. */
static bool
skip_attributes(Xml *xml)
{
	for (;;)
	{
		int			length;
		char		quote;
		const char *end;

		skip_blanks(xml);
		length = name_length(xml);
		if (length == 0)
			return true;
		xml->at += length;
		if (length > NAME_MAX_LENGTH || !take(xml, "=") || xml->at >= xml->end)
			return false;
		quote = *xml->at++;
		if (quote != '"' && quote != '\'')
			return false;
		end = memchr(xml->at, quote, xml->end - xml->at);
		if (end == NULL)
			return false;
		xml->at = end + 1;
	}
}

static bool
open_element(Xml *xml)
{
	int			length = name_length(xml);

	if (length == 0 || length > NAME_MAX_LENGTH || xml->depth == XML_DEPTH)
		return false;
	xml->starts[xml->depth++] = xml->path.len;
	if (xml->path.len > 0)
		appendStringInfoChar(&xml->path, '/');
	appendBinaryStringInfo(&xml->path, xml->at, length);
	xml->at += length;
	resetStringInfo(&xml->text);
	return skip_attributes(xml);
}

static void
close_element(Xml *xml, XmlElement element, void *arg)
{
	element(xml->path.data, xml->text.data, arg);
	xml->path.len = xml->starts[--xml->depth];
	xml->path.data[xml->path.len] = '\0';
	resetStringInfo(&xml->text);
}

/* Whether the name that comes next is that of the innermost open element. */
static bool
name_matches(const Xml *xml)
{
	const char *innermost;
	int			length = name_length(xml);

	if (xml->depth == 0)
		return false;
	innermost = xml->path.data + xml->starts[xml->depth - 1];
	if (*innermost == '/')
		innermost++;
	return strlen(innermost) == length && strncmp(innermost, xml->at, length) == 0;
}

static bool
read_tag(Xml *xml, XmlElement element, void *arg)
{
	if (take(xml, "</"))
	{
		if (!name_matches(xml))
			return false;
		xml->at += name_length(xml);
		skip_blanks(xml);
		if (!take(xml, ">"))
			return false;
		close_element(xml, element, arg);
		return true;
	}
	if (!take(xml, "<") || !open_element(xml))
		return false;
	if (take(xml, "/>"))
	{
		close_element(xml, element, arg);
		return true;
	}
	return take(xml, ">");
}

static bool
skip_declaration(Xml *xml)
{
	take(xml, "\xEF\xBB\xBF");
	skip_blanks(xml);
	if (!take(xml, "<?xml"))
		return true;
	while (xml->at < xml->end && *xml->at != '>' && *xml->at != '<')
		xml->at++;
	return xml->at > xml->end - 1 ? false : xml->at[-1] == '?' && take(xml, ">");
}

bool
xml_read(const char *document, size_t length, XmlElement element, void *arg)
{
	Xml			xml = {.at = document, .end = document + length};
	bool		good;

	initStringInfo(&xml.path);
	initStringInfo(&xml.text);
	good = skip_declaration(&xml);
	skip_blanks(&xml);
	if (good)
		good = read_tag(&xml, element, arg);
	while (good && xml.depth > 0)
		good = read_text(&xml) && read_tag(&xml, element, arg);
	skip_blanks(&xml);
	pfree(xml.path.data);
	pfree(xml.text.data);
	return good && xml.at == xml.end;
}

void
xml_escape(StringInfo out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text)
		{
			case '&':
				appendStringInfoString(out, "&amp;");
				break;
			case '<':
				appendStringInfoString(out, "&lt;");
				break;
			case '>':
				appendStringInfoString(out, "&gt;");
				break;
			default:
				appendStringInfoChar(out, *text);
		}
}
