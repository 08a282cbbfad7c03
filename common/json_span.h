/*
 * json_span.h
 *		What a span that json_scan noted says, as C values and Datums. Nothing here raises an ERROR for what stands in it.
 *
 * Every function returns false where the span is not of that kind, or does not fit: the value is then unset, and the
 * caller decides, for instance by giving the text to the type's input function.
 */
#ifndef MEDALLION_JSON_SPAN_H
#define MEDALLION_JSON_SPAN_H

#include "postgres.h"

#include "common/json_scan.h"
#include "datatype/timestamp.h"

#pragma GCC visibility push(hidden)

/*
 * A string without its escapes into "buffer", which has room for span->length bytes; sets how many it took, and adds no
 * NUL. False with a problem (its offset counts from span->start) for \u0000 and halves of surrogate pairs.
 */
extern bool json_unescape(const JsonSpan *span, char *buffer, uint32 *length, JsonProblem *problem);

/* A number of digits alone (280.0 and 1e3 are none), in range. */
extern bool json_span_int64(const JsonSpan *span, int64 *value);

/* The double next to a number, as float8's input function finds it; false where that one would raise an ERROR. */
extern bool json_span_float8(const JsonSpan *span, double *value);

/* A number exactly, with the scale that it is written with; palloc'd. False for those too long for a short way. */
extern bool json_span_numeric(const JsonSpan *span, Datum *value);

/*
 * A string such as 2026-01-01T12:00:00.123456+02:00 (or Z, or a blank for T, or no zone: then the time is taken as UTC
 * and *zoned is false). Exactly what timestamptz's input function makes of it, for the years 1 to 9999; false for
 * anything else, which that function may still understand.
 */
extern bool json_span_timestamp(const JsonSpan *span, TimestampTz *value, bool *zoned);

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_SPAN_H */
