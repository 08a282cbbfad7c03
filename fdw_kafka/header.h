/*
 * header.h
 *		Headers of a message out of a jsonb value.
 *
 * An object: {"trace": "1", "empty": null, "twice": ["a", "b"]}; or, where the order of equal names matters, an array of
 * such objects. A value is the string's text, or the JSON text of what is no string.
 */
#ifndef MEDALLION_KAFKA_HEADER_H
#define MEDALLION_KAFKA_HEADER_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#pragma GCC visibility push(hidden)

/* Append the headers as message.h's block. ERROR where the value has another shape. */
extern void header_write(Jsonb *headers, StringInfo out);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_HEADER_H */
