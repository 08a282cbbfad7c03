/*
 * value.c
 *		Values as text that does not depend on the session. How the text is quoted, each format knows.
 */
#include "postgres.h"

#include "fdw_s3/value.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define MIN_FLOAT_DIGITS 1		/* shortest text that reads back as the same number */

/* A setting that output functions go by, and what it is pinned to. */
typedef struct Pin
{
	const char *name;
	const char *value;
	bool		(*holds) (void);
} Pin;

static bool
datestyle_holds(void)
{
	return DateStyle == USE_ISO_DATES;
}

static bool
timezone_holds(void)
{
	return strcmp(pg_get_timezone_name(session_timezone), "UTC") == 0;
}

static bool
intervalstyle_holds(void)
{
	return IntervalStyle == INTSTYLE_POSTGRES;
}

static bool
floatdigits_hold(void)
{
	return extra_float_digits >= MIN_FLOAT_DIGITS;
}

static bool
bytea_holds(void)
{
	return bytea_output == BYTEA_OUTPUT_HEX;
}

static const Pin pins[] = {
	{"datestyle", "ISO", datestyle_holds},
	{"timezone", "UTC", timezone_holds},
	{"intervalstyle", "postgres", intervalstyle_holds},
	{"extra_float_digits", "1", floatdigits_hold},
	{"bytea_output", "hex", bytea_holds},
};

/* Set what does not hold yet; returns the nest level to leave with AtEOXact_GUC, or -1 when nothing was to be done. */
static int
pins_set(void)
{
	int			level = -1;

	for (int i = 0; i < lengthof(pins); i++)
	{
		if (pins[i].holds())
			continue;
		if (level < 0)
			level = NewGUCNestLevel();
		(void) set_config_option(pins[i].name, pins[i].value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	}
	return level;
}

static void
write_output(ValueWriter *writer, Datum value, StringInfo out)
{
	char	   *text = OutputFunctionCall(&writer->output, value);

	appendStringInfoString(out, text);
	pfree(text);
}

static void
write_text(ValueWriter *writer, Datum value, StringInfo out)
{
	text	   *packed = DatumGetTextPP(value);

	appendBinaryStringInfo(out, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
}

static void
write_int64(ValueWriter *writer, int64 value, StringInfo out)
{
	char		digits[MAXINT8LEN + 1];
	int			length = pg_lltoa(value, digits);

	appendBinaryStringInfo(out, digits, length);
}

static void
write_int2(ValueWriter *writer, Datum value, StringInfo out)
{
	write_int64(writer, DatumGetInt16(value), out);
}

static void
write_int4(ValueWriter *writer, Datum value, StringInfo out)
{
	write_int64(writer, DatumGetInt32(value), out);
}

static void
write_int8(ValueWriter *writer, Datum value, StringInfo out)
{
	write_int64(writer, DatumGetInt64(value), out);
}

static void
write_date(ValueWriter *writer, Datum value, StringInfo out)
{
	char		buffer[MAXDATELEN + 1];
	DateADT		date = DatumGetDateADT(value);
	struct pg_tm tm;

	if (DATE_NOT_FINITE(date))
		EncodeSpecialDate(date, buffer);
	else
	{
		j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, buffer);
	}
	appendStringInfoString(out, buffer);
}

/* timestamp, and timestamptz as UTC with +00. */
static void
write_timestamp(ValueWriter *writer, Datum value, StringInfo out)
{
	char		buffer[MAXDATELEN + 1];
	Timestamp	timestamp = DatumGetTimestamp(value);
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(timestamp))
		EncodeSpecialTimestamp(timestamp, buffer);
	else if (timestamp2tm(timestamp, NULL, &tm, &fsec, NULL, NULL) == 0)
		EncodeDateTime(&tm, fsec, writer->base == TIMESTAMPTZOID, 0, NULL, USE_ISO_DATES, buffer);
	else
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));
	appendStringInfoString(out, buffer);
}

/* Types with a writer of their own are fast and need nothing pinned; of the rest, these do not go by settings. */
static const struct
{
	Oid			type;
	void		(*write) (ValueWriter *writer, Datum value, StringInfo out);
} writers[] = {
	{TEXTOID, write_text},
	{VARCHAROID, write_text},
	{BPCHAROID, write_text},
	{JSONOID, write_text},
	{INT2OID, write_int2},
	{INT4OID, write_int4},
	{INT8OID, write_int8},
	{DATEOID, write_date},
	{TIMESTAMPOID, write_timestamp},
	{TIMESTAMPTZOID, write_timestamp},
	{NUMERICOID, write_output},
	{BOOLOID, write_output},
	{UUIDOID, write_output},
	{JSONBOID, write_output},
	{NAMEOID, write_output},
};

static void
value_writer(ValueWriter *writer, const Column *column)
{
	Oid			output;
	bool		varlena;

	writer->column = column;
	writer->base = getBaseType(column->typid);
	writer->write = write_output;
	writer->pinned = true;
	for (int i = 0; i < lengthof(writers); i++)
		if (writers[i].type == writer->base)
		{
			writer->write = writers[i].write;
			writer->pinned = false;
		}
	getTypeOutputInfo(column->typid, &output, &varlena);
	fmgr_info(output, &writer->output);
}

ValueWriter *
value_writers(const FormatTable *table)
{
	ValueWriter *result = palloc0(sizeof(ValueWriter) * table->count);

	for (int i = 0; i < table->count; i++)
		value_writer(&result[i], &table->columns[i]);
	return result;
}

void
value_pinned(ValueWriter *writer, Datum value, StringInfo out,
			 void (*write) (ValueWriter *, Datum, StringInfo))
{
	int			level = writer->pinned ? pins_set() : -1;

	write(writer, value, out);
	if (level >= 0)
		AtEOXact_GUC(true, level);
}

void
value_write(ValueWriter *writer, Datum value, StringInfo out)
{
	value_pinned(writer, value, out, writer->write);
}
