/*
 * rawline.h
 *		The line of JSON as which a Kafka record stands in a raw object, a function of the record alone.
 *
 *	{"partition":0,"offset":7,"timestamp":"2026-01-01T00:00:00.000Z","key":"London","value":{"id":2643743}}
 *
 * Every byte can be had back. The value stands as it was received if it is JSON on one line without blanks around it
 * and nests no deeper than 1000; a bare null does not, since "value":null is a record without a value. A key stands as
 * a string if it is UTF-8. What does not stand so is in "value_base64" and "key_base64" instead. Headers are not kept.
 */
#ifndef MEDALLION_RAWLINE_H
#define MEDALLION_RAWLINE_H

#include "postgres.h"

#include "reading.h"

#pragma GCC visibility push(hidden)

/* "is_json": the value is one JSON text. In the current memory context. */
extern text *raw_line(const Record *record, bool is_json);

#pragma GCC visibility pop

#endif							/* MEDALLION_RAWLINE_H */
