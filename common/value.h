/*
 * value.h
 *		A value as text for a remote system: the same bytes whatever the session's settings are.
 */
#ifndef MEDALLION_VALUE_H
#define MEDALLION_VALUE_H

#include "postgres.h"

#include "common/column.h"
#include "lib/stringinfo.h"

#pragma GCC visibility push(hidden)

typedef struct ValueWriter ValueWriter;

/* How the values of one column are written; looked up once per statement. */
struct ValueWriter
{
	const Column *column;
	Oid			base;			/* the column's type, below domains */
	int			pins;			/* settings that its output function goes by */
	void		(*write) (ValueWriter *writer, Datum value, StringInfo out);
	void		(*write_json) (ValueWriter *writer, Datum value, StringInfo out);	/* json_write.c's */
	FmgrInfo	output;			/* of the type */
};

/* One for each column, in the current memory context; the columns must stay. */
extern ValueWriter *value_writers(const Column *columns, int count);

/* Append a value that is not NULL, as its output function gives it under DateStyle ISO, TimeZone UTC, ... */
extern void value_write(ValueWriter *writer, Datum value, StringInfo out);

/* Run "write" with the settings pinned where the type goes by them. */
extern void value_pinned(ValueWriter *writer, Datum value, StringInfo out,
						 void (*write) (ValueWriter *, Datum, StringInfo));

#pragma GCC visibility pop

#endif							/* MEDALLION_VALUE_H */
