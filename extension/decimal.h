/*
 * decimal.h
 *		Exact decimals: the number of a JSON text, a reading's value, and sums of many.
 *
 * Nearly every value is a number of few digits and is counted in millionths. What does not fit is kept as numeric, so
 * that nothing is ever rounded but where the rules say so. Nothing here raises an error.
 */
#ifndef MEDALLION_DECIMAL_H
#define MEDALLION_DECIMAL_H

#include "postgres.h"

#include "common/int.h"
#include "utils/numeric.h"

#pragma GCC visibility push(hidden)

#define DECIMAL_PLACES 6
#define DECIMAL_UNIT INT64CONST(1000000)

/* A number with more digits than these, written out without an exponent, is refused. */
#define DECIMAL_DIGITS_BEFORE 300
#define DECIMAL_DIGITS_AFTER 400

/* A number taken apart: its digits without outer zeros, times 10 to the power of -scale. */
typedef struct Number
{
	const char *text;			/* not ours */
	size_t		length;
	bool		negative;
	int			count;			/* of digits; 0: the number is zero */
	int			scale;
	int64		mantissa;		/* the digits with their sign, if they are at most 18 */
} Number;

/* One value has one form: numeric is NULL where millionths can hold it. */
typedef struct Decimal
{
	int64		millionths;
	Numeric		numeric;
} Decimal;

typedef struct DecimalSum
{
	int128		millionths;
	Numeric		numeric;		/* to be added, or NULL */
} DecimalSum;

/* "text" must be a number as JSON has it. False: it has too many digits. */
extern bool number_read(const char *text, size_t length, Number *number);

/* The number as it is, in the current memory context. */
extern Decimal number_decimal(const Number *number);
extern Numeric number_numeric(const Number *number);

/* (number + hundredths / 100) * factor / divisor, rounded to 6 places; factor and divisor below 10. */
extern Decimal number_convert(const Number *number, int hundredths, int factor, int divisor);

/* Rounded to 6 places, halves away from zero; exact, unlike round(a / b, 6). The divisor must be positive. */
extern Numeric decimal_quotient(Numeric dividend, int64 divisor);

static inline int decimal_compare(Decimal a, Decimal b);
extern int	decimal_compare_numeric(Decimal a, Decimal b);
extern Decimal decimal_copy(Decimal value);

/* Values without a numeric are added in a few instructions; sums keep theirs in the current memory context. */
extern void decimal_add(DecimalSum *sum, Decimal value);

/* With 6 places, or with as many as the value needs. */
extern Numeric decimal_numeric(Decimal value, bool fixed);
extern Numeric decimal_sum_numeric(const DecimalSum *sum, bool fixed);

static inline int
decimal_compare(Decimal a, Decimal b)
{
	if (a.numeric || b.numeric)
		return decimal_compare_numeric(a, b);
	return a.millionths < b.millionths ? -1 : a.millionths > b.millionths;
}

#pragma GCC visibility pop

#endif							/* MEDALLION_DECIMAL_H */
