/*
 * json_span.c
 *		Strings, numbers and times out of spans. Which column takes what, json.c knows.
 */
#include "postgres.h"

#include "common/json_span.h"
#include "common/json_utf8.h"

#include <math.h>

#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* A number as digits and a power of ten, when its digits fit. */
typedef struct Decimal
{
	bool		negative;
	uint64		digits;
	int			exponent;		/* value = digits * 10 ^ exponent */
	bool		plain;			/* no exponent is written */
} Decimal;

/* As many digits always fit, with a sign. */
#define MAX_DIGITS 18
/* Powers of ten up to this one, and integers up to 2 ^ 53, are exact as doubles. */
#define MAX_EXACT_POWER 22
#define MAX_EXACT_DIGITS (UINT64CONST(1) << 53)

/* A longer number goes to the type's input function. */
#define MAX_NUMBER 127

bool
json_unescape(const JsonSpan *span, char *buffer, uint32 *length, JsonProblem *problem)
{
	const char *at = span->start;
	const char *end = at + span->length;
	char	   *out = buffer;

	while (at < end)
	{
		const char *escape = memchr(at, '\\', end - at);
		int			bytes;

		if (escape == NULL)
			escape = end;
		memmove(out, at, escape - at);
		out += escape - at;
		at = escape;
		if (at == end)
			break;
		bytes = json_unescape_one(&at, end, out);
		if (bytes < 0)
		{
			problem->code = bytes == JSON_UTF8_NUL ? JSON_PROBLEM_NUL : JSON_PROBLEM_SURROGATE;
			problem->offset = at - span->start;
			return false;
		}
		out += bytes;
	}
	*length = out - buffer;
	return true;
}

/* The exponent behind an e; so large a one that nothing has it is cut. */
static int
read_exponent(const char *at, const char *end)
{
	bool		negative = *at == '-';
	int			exponent = 0;

	if (*at == '-' || *at == '+')
		at++;
	for (; at < end; at++)
		if (exponent < 100000)
			exponent = exponent * 10 + *at - '0';
	return negative ? -exponent : exponent;
}

/* False when it has too many digits. Zeros in front do not count. */
static bool
read_decimal(const JsonSpan *span, Decimal *decimal)
{
	const char *at = span->start;
	const char *end = at + span->length;
	const char *point = NULL;
	int			count = 0;

	if (span->kind != JSON_KIND_NUMBER)
		return false;
	decimal->negative = *at == '-';
	decimal->digits = 0;
	decimal->exponent = 0;
	decimal->plain = true;
	if (decimal->negative)
		at++;
	for (; at < end && *at != 'e' && *at != 'E'; at++)
	{
		if (*at == '.')
		{
			point = at;
			continue;
		}
		decimal->digits = decimal->digits * 10 + *at - '0';
		if (decimal->digits != 0 && ++count > MAX_DIGITS)
			return false;
	}
	if (point != NULL)
		decimal->exponent = -(at - point - 1);
	if (at < end)
	{
		decimal->plain = false;
		decimal->exponent += read_exponent(at + 1, end);
	}
	return true;
}

/* Nineteen digits may fit too. */
bool
json_span_int64(const JsonSpan *span, int64 *value)
{
	const char *at = span->start;
	const char *end = at + span->length;
	bool		negative;
	uint64		number = 0;

	if (span->kind != JSON_KIND_NUMBER || !span->integer || span->length > 20)
		return false;
	negative = *at == '-';
	if (negative)
		at++;
	if (end - at > 19)
		return false;
	for (; at < end; at++)
		number = number * 10 + *at - '0';
	if (number > (uint64) PG_INT64_MAX + (negative ? 1 : 0))
		return false;
	*value = negative ? (int64) (0 - number) : (int64) number;
	return true;
}

/* The way of float8's input function. */
static bool
read_float8(const JsonSpan *span, double *value)
{
	char		text[MAX_NUMBER + 1];

	if (span->kind != JSON_KIND_NUMBER || span->length > MAX_NUMBER)
		return false;
	memcpy(text, span->start, span->length);
	text[span->length] = '\0';
	errno = 0;
	*value = strtod(text, NULL);
	return errno != ERANGE || (*value != 0 && !isinf(*value));
}

bool
json_span_float8(const JsonSpan *span, double *value)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
	1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	Decimal		decimal;
	double		number;

	StaticAssertStmt(lengthof(powers) == MAX_EXACT_POWER + 1, "one for each power");
	if (!read_decimal(span, &decimal) || decimal.digits > MAX_EXACT_DIGITS ||
		decimal.exponent > MAX_EXACT_POWER || decimal.exponent < -MAX_EXACT_POWER)
		return read_float8(span, value);
	/* Both operands are exact, so the one operation rounds as the number itself would be rounded. */
	number = decimal.digits;
	if (decimal.exponent < 0)
		number /= powers[-decimal.exponent];
	else
		number *= powers[decimal.exponent];
	*value = decimal.negative ? -number : number;
	return true;
}

bool
json_span_numeric(const JsonSpan *span, Datum *value)
{
	Decimal		decimal;
	int64		digits;

	if (!read_decimal(span, &decimal) || !decimal.plain || decimal.exponent < -MAX_DIGITS)
		return false;
	digits = decimal.negative ? -(int64) decimal.digits : (int64) decimal.digits;
	if (decimal.exponent == 0)
		*value = NumericGetDatum(int64_to_numeric(digits));
	else
		*value = NumericGetDatum(int64_div_fast_to_numeric(digits, -decimal.exponent));
	return true;
}

/* That many digits as a number, or -1. */
static int
read_digits(const char *at, int count)
{
	int			number = 0;

	for (int i = 0; i < count; i++)
	{
		if (at[i] < '0' || at[i] > '9')
			return -1;
		number = number * 10 + at[i] - '0';
	}
	return number;
}

static bool
read_date(const char *at, int *days)
{
	int			year = read_digits(at, 4);
	int			month = read_digits(at + 5, 2);
	int			day = read_digits(at + 8, 2);

	if (at[4] != '-' || at[7] != '-' || year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	if (day > day_tab[isleap(year)][month - 1])
		return false;
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Hours, minutes, seconds without a fraction. */
static bool
read_time(const char *at, int64 *microseconds)
{
	int			hour = read_digits(at, 2);
	int			minute = read_digits(at + 3, 2);
	int			second = read_digits(at + 6, 2);

	if (at[2] != ':' || at[5] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	*microseconds = ((hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second) * USECS_PER_SEC;
	return true;
}

/* Up to six digits behind the point. */
static bool
read_fraction(const char **at, const char *end, int64 *microseconds)
{
	int64		unit = USECS_PER_SEC;
	const char *digit = *at + 1;

	if (*at == end || **at != '.')
		return true;
	for (; digit < end && *digit >= '0' && *digit <= '9'; digit++)
	{
		unit /= 10;
		if (unit == 0)
			return false;
		*microseconds += (*digit - '0') * unit;
	}
	if (digit == *at + 1)
		return false;
	*at = digit;
	return true;
}

/* Z, +02, +0200, +02:00, or nothing. */
static bool
read_zone(const char *at, const char *end, int *seconds, bool *zoned)
{
	int			left = end - at;
	int			hour;
	int			minute = 0;

	*seconds = 0;
	*zoned = left > 0;
	if (left == 0 || (left == 1 && *at == 'Z'))
		return true;
	if ((*at != '+' && *at != '-') || !(left == 3 || left == 5 || (left == 6 && at[3] == ':')))
		return false;
	hour = read_digits(at + 1, 2);
	if (left > 3)
		minute = read_digits(end - 2, 2);
	if (hour < 0 || hour > MAX_TZDISP_HOUR || minute < 0 || minute >= MINS_PER_HOUR)
		return false;
	*seconds = (hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE * (*at == '-' ? -1 : 1);
	return true;
}

bool
json_span_timestamp(const JsonSpan *span, TimestampTz *value, bool *zoned)
{
	const char *at = span->start;
	const char *end = at + span->length;
	int			days;
	int64		microseconds;
	int			east;

	if (span->kind != JSON_KIND_STRING || span->escaped || span->length < strlen("2026-01-01T12:00:00"))
		return false;
	if ((at[10] != 'T' && at[10] != ' ') || !read_date(at, &days) || !read_time(at + 11, &microseconds))
		return false;
	at += 19;
	if (!read_fraction(&at, end, &microseconds) || !read_zone(at, end, &east, zoned))
		return false;
	*value = days * USECS_PER_DAY + microseconds - east * USECS_PER_SEC;
	return true;
}
