/*
 * instant.h
 *		Points in time as messages give them: ISO 8601 text and seconds of the Unix epoch. Nothing here raises an error.
 *
 *	- YYYY-MM-DDTHH:MM[:SS[.ffffff]] with Z, +HH, +HHMM or +HH:MM, or without: then it is UTC. The T may be a blank or in
 *	  lower case, as may the Z.
 *	- What lies beyond microseconds is cut off: rounding could move an event into the next window.
 *	- Years 1 to 9999, in UTC.
 */
#ifndef MEDALLION_INSTANT_H
#define MEDALLION_INSTANT_H

#include "postgres.h"

#include "decimal.h"

#include "datatype/timestamp.h"

#pragma GCC visibility push(hidden)

/* False: no such point in time. */
extern bool instant_from_text(const char *text, size_t length, TimestampTz *instant);
extern bool instant_from_seconds(const Number *seconds, TimestampTz *instant);

/* Cut down to a multiple of "unit" microseconds. In line: with a constant unit it needs no division. */
static inline TimestampTz instant_floor(TimestampTz instant, int64 unit);

static inline TimestampTz
instant_floor(TimestampTz instant, int64 unit)
{
	int64		rest = instant % unit;

	return instant - (rest < 0 ? rest + unit : rest);
}

#pragma GCC visibility pop

#endif							/* MEDALLION_INSTANT_H */
