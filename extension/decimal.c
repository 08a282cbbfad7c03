/*
 * decimal.c
 *		Exact decimals. What a number means, and which are accepted, is the caller's business.
 */
#include "postgres.h"

#include "decimal.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"

/* Exponents beyond this are all the same to us; sums with the length of a text cannot overflow. */
#define EXPONENT_LIMIT INT64CONST(10000000000)

static const int64 power_of_ten[] = {
	INT64CONST(1), INT64CONST(10), INT64CONST(100), INT64CONST(1000), INT64CONST(10000), INT64CONST(100000),
	INT64CONST(1000000), INT64CONST(10000000), INT64CONST(100000000), INT64CONST(1000000000),
	INT64CONST(10000000000), INT64CONST(100000000000), INT64CONST(1000000000000), INT64CONST(10000000000000),
	INT64CONST(100000000000000), INT64CONST(1000000000000000), INT64CONST(10000000000000000),
	INT64CONST(100000000000000000), INT64CONST(1000000000000000000)
};

#define MANTISSA_DIGITS 18

/* What millionths can be computed from without an overflow: 12 digits, none beyond the sixth place. */
#define is_plain(n) ((n)->count <= 12 && (n)->scale >= 0 && (n)->scale <= DECIMAL_PLACES)

static int64
read_exponent(const char *p, const char *end)
{
	bool		negative = false;
	int64		value = 0;

	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	for (; p < end; p++)
		if (value < EXPONENT_LIMIT)
			value = value * 10 + (*p - '0');
	return negative ? -value : value;
}

bool
number_read(const char *text, size_t length, Number *number)
{
	const char *p = text;
	const char *end = text + length;
	int64		digits = 0;		/* seen so far, without zeros in front */
	int64		count = 0;		/* of them up to the last that is not zero */
	int64		before = -1;	/* seen in front of the point; -1: no point yet */
	int64		leading = 0;	/* zeros between the point and the first other digit */
	int64		mantissa = 0;
	int64		scale;

	number->text = text;
	number->length = length;
	number->negative = *p == '-';
	if (number->negative)
		p++;
	for (; p < end && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
			before = digits;
		else if (*p != '0')
		{
			digits++;
			if (digits <= MANTISSA_DIGITS)
				mantissa = mantissa * power_of_ten[digits - count] + (*p - '0');
			count = digits;
		}
		else if (digits > 0)
			digits++;
		else if (before >= 0)
			leading++;
	}
	scale = count + leading - (before >= 0 ? before : digits);
	if (p < end)
		scale -= read_exponent(p + 1, end);

	if (count == 0)
		scale = 0;
	if (count - scale > DECIMAL_DIGITS_BEFORE || scale > DECIMAL_DIGITS_AFTER)
		return false;
	if (scale < 0 && count - scale <= MANTISSA_DIGITS)
	{
		mantissa *= power_of_ten[-scale];
		count -= scale;
		scale = 0;
	}
	number->count = (int) count;
	number->scale = (int) scale;
	number->mantissa = number->negative ? -mantissa : mantissa;
	return true;
}

static Numeric
numeric_from_text(char *text)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/* The digits and an exponent: zeros may make the text far longer than the number. */
Numeric
number_numeric(const Number *number)
{
	char		plain[DECIMAL_DIGITS_BEFORE + DECIMAL_DIGITS_AFTER + 32];
	char	   *out = plain;
	int			taken = 0;

	if (number->count <= MANTISSA_DIGITS)
		out += sprintf(out, INT64_FORMAT, number->mantissa);
	else
	{
		if (number->negative)
			*out++ = '-';
		for (const char *p = number->text; taken < number->count; p++)
			if (*p >= '0' && *p <= '9' && (taken > 0 || *p != '0'))
			{
				*out++ = *p;
				taken++;
			}
	}
	sprintf(out, "e%d", -number->scale);
	return numeric_from_text(plain);
}

static Datum
int_numeric(int64 value)
{
	return NumericGetDatum(int64_to_numeric(value));
}

/* As millionths where they can hold it. */
static Decimal
normal_decimal(Numeric value)
{
	Datum		scaled = DirectFunctionCall2(numeric_mul, NumericGetDatum(value), int_numeric(DECIMAL_UNIT));
	Datum		whole = DirectFunctionCall2(numeric_trunc, scaled, Int32GetDatum(0));
	Datum		size = DirectFunctionCall1(numeric_abs, whole);
	Decimal		decimal = {0, NULL};

	if (DatumGetBool(DirectFunctionCall2(numeric_eq, scaled, whole)) &&
		DatumGetBool(DirectFunctionCall2(numeric_lt, size, int_numeric(power_of_ten[18]))))
		decimal.millionths = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	else
		decimal.numeric = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(value)));
	return decimal;
}

Decimal
number_decimal(const Number *number)
{
	Decimal		decimal = {0, NULL};

	if (!is_plain(number))
		return normal_decimal(number_numeric(number));
	decimal.millionths = number->mantissa * power_of_ten[DECIMAL_PLACES - number->scale];
	return decimal;
}

/* Rounded as numeric rounds: halves away from zero. */
static int64
divide_rounded(int64 value, int divisor)
{
	int64		quotient = value / divisor;
	int64		rest = value % divisor;

	if (2 * (rest < 0 ? -rest : rest) >= divisor)
		quotient += value < 0 ? -1 : 1;
	return quotient;
}

Decimal
number_convert(const Number *number, int hundredths, int factor, int divisor)
{
	Decimal		decimal = {0, NULL};
	Datum		value;

	if (is_plain(number))
	{
		decimal.millionths = number->mantissa * power_of_ten[DECIMAL_PLACES - number->scale];
		decimal.millionths += hundredths * (DECIMAL_UNIT / 100);
		if (factor != divisor)
			decimal.millionths = divide_rounded(decimal.millionths * factor, divisor);
		return decimal;
	}
	value = DirectFunctionCall2(numeric_add, NumericGetDatum(number_numeric(number)),
								NumericGetDatum(int64_div_fast_to_numeric(hundredths, 2)));
	value = DirectFunctionCall2(numeric_mul, value, int_numeric(factor));
	return normal_decimal(decimal_quotient(DatumGetNumeric(value), divisor));
}

/* One division, of integers, so that nothing is rounded twice. */
Numeric
decimal_quotient(Numeric dividend, int64 divisor)
{
	Datum		twice = DirectFunctionCall2(numeric_mul, NumericGetDatum(dividend), int_numeric(2 * DECIMAL_UNIT));
	Datum		half = DirectFunctionCall2(numeric_mul, DirectFunctionCall1(numeric_sign, twice), int_numeric(divisor));
	Datum		both = DirectFunctionCall2(numeric_mul, int_numeric(2), int_numeric(divisor));
	Datum		whole;

	whole = DirectFunctionCall2(numeric_div_trunc, DirectFunctionCall2(numeric_add, twice, half), both);
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul, whole,
											   NumericGetDatum(int64_div_fast_to_numeric(1, DECIMAL_PLACES))));
}

Numeric
decimal_numeric(Decimal value, bool fixed)
{
	Numeric		numeric = value.numeric;

	if (numeric == NULL)
		numeric = int64_div_fast_to_numeric(value.millionths, DECIMAL_PLACES);
	if (fixed)
		return DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(numeric),
												   Int32GetDatum(DECIMAL_PLACES)));
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(numeric)));
}

int
decimal_compare_numeric(Decimal a, Decimal b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(decimal_numeric(a, false)),
											 NumericGetDatum(decimal_numeric(b, false))));
}

Decimal
decimal_copy(Decimal value)
{
	if (value.numeric)
		value.numeric = DatumGetNumeric(datumCopy(NumericGetDatum(value.numeric), false, -1));
	return value;
}

void
decimal_add(DecimalSum *sum, Decimal value)
{
	Numeric		before = sum->numeric;

	if (value.numeric == NULL)
		sum->millionths += value.millionths;
	else if (before == NULL)
		sum->numeric = decimal_copy(value).numeric;
	else
	{
		sum->numeric = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(before),
														   NumericGetDatum(value.numeric)));
		pfree(before);
	}
}

/* Two halves below 10^18 each: no sum that one batch can reach is larger. */
static Numeric
wide_numeric(int128 millionths)
{
	Datum		high;
	Datum		low;

	if (millionths >= PG_INT64_MIN && millionths <= PG_INT64_MAX)
		return int64_div_fast_to_numeric((int64) millionths, DECIMAL_PLACES);
	high = DirectFunctionCall2(numeric_mul, int_numeric((int64) (millionths / power_of_ten[18])),
							   int_numeric(power_of_ten[18] / DECIMAL_UNIT));
	low = NumericGetDatum(int64_div_fast_to_numeric((int64) (millionths % power_of_ten[18]), DECIMAL_PLACES));
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, high, low));
}

Numeric
decimal_sum_numeric(const DecimalSum *sum, bool fixed)
{
	Decimal		total = {0, wide_numeric(sum->millionths)};

	if (sum->numeric)
		total.numeric = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(total.numeric),
															NumericGetDatum(sum->numeric)));
	return decimal_numeric(total, fixed);
}
