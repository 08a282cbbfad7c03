/*
 * xml.h
 *		As much XML as S3 answers with, read strictly: elements and text, no document type, no entities but the five and
 *		numbers, nothing deeper than XML_DEPTH. What is outside of that is refused, never guessed.
 */
#ifndef MEDALLION_S3_XML_H
#define MEDALLION_S3_XML_H

#include "postgres.h"

#include "lib/stringinfo.h"

#pragma GCC visibility push(hidden)

#define XML_DEPTH 8

/*
 * Called at the end of every element with its path, such as "Error/Code", and the text directly within it (of a leaf:
 * its value; decoded, ended by NUL, gone after the call).
 */
typedef void (*XmlElement) (const char *path, const char *text, void *arg);

/* False where the document is not well-formed by the rules above, or ends early. */
extern bool xml_read(const char *document, size_t length, XmlElement element, void *arg);

/* Append text with the characters escaped that XML gives a meaning. */
extern void xml_escape(StringInfo out, const char *text);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_XML_H */
