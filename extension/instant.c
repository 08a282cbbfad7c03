/*
 * instant.c
 *		Points in time as messages give them. Whether one is late or in the future is the caller's business.
 */
#include "postgres.h"

#include "instant.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#define EPOCH_SECONDS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)
/* 0001-01-01 and 10000-01-01 as seconds of the Unix epoch */
#define FIRST_SECOND INT64CONST(-62135596800)
#define END_SECOND INT64CONST(253402300800)

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static bool
instant_from_micros(int64 seconds, int64 micros, TimestampTz *instant)
{
	if (seconds < FIRST_SECOND || seconds >= END_SECOND)
		return false;
	*instant = (seconds - EPOCH_SECONDS) * USECS_PER_SEC + micros;
	return true;
}

/* Exactly so many digits. */
static bool
take_digits(Cursor *cursor, int count, int *value)
{
	*value = 0;
	if (cursor->end - cursor->at < count)
		return false;
	for (int i = 0; i < count; i++, cursor->at++)
	{
		if (*cursor->at < '0' || *cursor->at > '9')
			return false;
		*value = *value * 10 + (*cursor->at - '0');
	}
	return true;
}

static bool
take(Cursor *cursor, char wanted)
{
	if (cursor->at == cursor->end || *cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

static bool
take_date(Cursor *cursor, int64 *days)
{
	int			year;
	int			month;
	int			day;

	if (!take_digits(cursor, 4, &year) || !take(cursor, '-') || !take_digits(cursor, 2, &month) ||
		!take(cursor, '-') || !take_digits(cursor, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*days = date2j(year, month, day) - UNIX_EPOCH_JDATE;
	return true;
}

/* At least one digit; those after the sixth are passed over. */
static bool
take_fraction(Cursor *cursor, int *micros)
{
	const char *start = cursor->at;
	int			unit = 100000;

	for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++, unit /= 10)
		*micros += (*cursor->at - '0') * unit;
	return cursor->at > start;
}

/* A leap second is the first of the next minute. */
static bool
take_time(Cursor *cursor, int *seconds, int *micros)
{
	int			hour;
	int			minute;
	int			second = 0;

	*micros = 0;
	if (!take_digits(cursor, 2, &hour) || !take(cursor, ':') || !take_digits(cursor, 2, &minute))
		return false;
	if (take(cursor, ':'))
	{
		if (!take_digits(cursor, 2, &second))
			return false;
		if ((take(cursor, '.') || take(cursor, ',')) && !take_fraction(cursor, micros))
			return false;
	}
	*seconds = (hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second;
	return hour < HOURS_PER_DAY && minute < MINS_PER_HOUR && second <= SECS_PER_MINUTE;
}

/* Up to 15:59, as PostgreSQL has it. */
static bool
take_zone(Cursor *cursor, int *seconds)
{
	int			sign = 1;
	int			hours;
	int			minutes = 0;

	*seconds = 0;
	if (cursor->at == cursor->end || take(cursor, 'Z') || take(cursor, 'z'))
		return true;
	if (take(cursor, '-'))
		sign = -1;
	else if (!take(cursor, '+'))
		return false;
	if (!take_digits(cursor, 2, &hours))
		return false;
	if ((take(cursor, ':') || cursor->at < cursor->end) && !take_digits(cursor, 2, &minutes))
		return false;
	*seconds = sign * (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE;
	return hours <= MAX_TZDISP_HOUR && minutes < MINS_PER_HOUR;
}

bool
instant_from_text(const char *text, size_t length, TimestampTz *instant)
{
	Cursor		cursor = {text, text + length};
	int64		days;
	int			seconds;
	int			micros;
	int			zone;

	if (!take_date(&cursor, &days))
		return false;
	if (!take(&cursor, 'T') && !take(&cursor, 't') && !take(&cursor, ' '))
		return false;
	if (!take_time(&cursor, &seconds, &micros) || !take_zone(&cursor, &zone) || cursor.at != cursor.end)
		return false;
	return instant_from_micros(days * SECS_PER_DAY + seconds - zone, micros, instant);
}

bool
instant_from_seconds(const Number *seconds, TimestampTz *instant)
{
	Decimal		decimal;
	int64		micros;

	/* before the decimal is made: years 1 to 9999 have no more digits */
	if (seconds->count - seconds->scale > 12)
		return false;
	decimal = number_decimal(seconds);
	if (decimal.numeric)
		decimal.millionths = DatumGetInt64(
			DirectFunctionCall1(numeric_int8,
								DirectFunctionCall1(numeric_floor,
													DirectFunctionCall2(numeric_mul,
																		NumericGetDatum(decimal.numeric),
																		NumericGetDatum(int64_to_numeric(DECIMAL_UNIT))))));
	micros = decimal.millionths % USECS_PER_SEC;
	if (micros < 0)
		micros += USECS_PER_SEC;
	return instant_from_micros((decimal.millionths - micros) / USECS_PER_SEC, micros, instant);
}
