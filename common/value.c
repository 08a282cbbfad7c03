/*
 * value.c
 *		Values as text that does not depend on the session. How the text is quoted, each format knows.
 */
#include "postgres.h"

#include "common/value.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
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

/* Settings that output functions go by. */
enum
{
	PIN_DATESTYLE = 1,
	PIN_TIMEZONE = 2,
	PIN_INTERVAL = 4,
	PIN_FLOAT = 8,
	PIN_BYTEA = 16,
	PIN_ALL = 31
};

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
interval_holds(void)
{
	return IntervalStyle == INTSTYLE_POSTGRES;
}

/* The shortest text that reads back as the same number. */
static bool
float_holds(void)
{
	return extra_float_digits >= 1;
}

static bool
bytea_holds(void)
{
	return bytea_output == BYTEA_OUTPUT_HEX;
}

static const struct
{
	int			pin;
	const char *name;
	const char *value;
	bool		(*holds) (void);
} settings[] = {
	{PIN_DATESTYLE, "datestyle", "ISO", datestyle_holds},
	{PIN_TIMEZONE, "timezone", "UTC", timezone_holds},
	{PIN_INTERVAL, "intervalstyle", "postgres", interval_holds},
	{PIN_FLOAT, "extra_float_digits", "1", float_holds},
	{PIN_BYTEA, "bytea_output", "hex", bytea_holds},
};

/* Set what does not hold yet; returns the nest level to leave with AtEOXact_GUC, or -1 when nothing was to be done. */
static int
pins_set(int pins)
{
	int			level = -1;

	for (int i = 0; i < lengthof(settings); i++)
	{
		if (!(pins & settings[i].pin) || settings[i].holds())
			continue;
		if (level < 0)
			level = NewGUCNestLevel();
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
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
write_float4(ValueWriter *writer, Datum value, StringInfo out)
{
	char		digits[FLOAT_SHORTEST_DECIMAL_LEN];

	appendBinaryStringInfo(out, digits, float_to_shortest_decimal_buf(DatumGetFloat4(value), digits));
}

static void
write_float8(ValueWriter *writer, Datum value, StringInfo out)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	appendBinaryStringInfo(out, digits, double_to_shortest_decimal_buf(DatumGetFloat8(value), digits));
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
	{
		tm.tm_isdst = 0;		/* a time zone is known: no offset would be written else */
		EncodeDateTime(&tm, fsec, writer->base == TIMESTAMPTZOID, 0, NULL, USE_ISO_DATES, buffer);
	}
	else
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));
	appendStringInfoString(out, buffer);
}

/* Types that are known: how they are written, and what is pinned for their output functions and those of their arrays. */
static const struct
{
	Oid			type;
	void		(*write) (ValueWriter *writer, Datum value, StringInfo out);
	int			pins;
} types[] = {
	{TEXTOID, write_text, 0},
	{VARCHAROID, write_text, 0},
	{BPCHAROID, write_text, 0},
	{JSONOID, write_text, 0},
	{INT2OID, write_int2, 0},
	{INT4OID, write_int4, 0},
	{INT8OID, write_int8, 0},
	{FLOAT4OID, write_float4, PIN_FLOAT},
	{FLOAT8OID, write_float8, PIN_FLOAT},
	{DATEOID, write_date, PIN_DATESTYLE},
	{TIMESTAMPOID, write_timestamp, PIN_DATESTYLE},
	{TIMESTAMPTZOID, write_timestamp, PIN_DATESTYLE | PIN_TIMEZONE},
	{INTERVALOID, write_output, PIN_INTERVAL},
	{BYTEAOID, write_output, PIN_BYTEA},
	{NUMERICOID, write_output, 0},
	{BOOLOID, write_output, 0},
	{UUIDOID, write_output, 0},
	{JSONBOID, write_output, 0},
	{NAMEOID, write_output, 0},
	{TIMEOID, write_output, 0},
	{TIMETZOID, write_output, 0},
	{INETOID, write_output, 0},
	{CIDROID, write_output, 0},
};

/* What must be pinned for a type that has no writer of its own: everything, where it is not known. */
static int
type_pins(Oid type)
{
	for (int i = 0; i < lengthof(types); i++)
		if (types[i].type == type)
			return types[i].pins;
	return type_is_enum(type) ? 0 : PIN_ALL;
}

static void
value_writer(ValueWriter *writer, const Column *column)
{
	Oid			output;
	bool		varlena;
	Oid			element = get_base_element_type(column->typid);

	writer->column = column;
	writer->base = getBaseType(column->typid);
	writer->write = write_output;
	for (int i = 0; i < lengthof(types); i++)
		if (types[i].type == writer->base)
			writer->write = types[i].write;
	if (writer->write == write_output)
		writer->pins = type_pins(OidIsValid(element) ? getBaseType(element) : writer->base);
	getTypeOutputInfo(column->typid, &output, &varlena);
	fmgr_info(output, &writer->output);
}

ValueWriter *
value_writers(const Column *columns, int count)
{
	ValueWriter *result = palloc0(sizeof(ValueWriter) * Max(count, 1));

	for (int i = 0; i < count; i++)
		value_writer(&result[i], &columns[i]);
	return result;
}

void
value_pinned(ValueWriter *writer, Datum value, StringInfo out,
			 void (*write) (ValueWriter *, Datum, StringInfo))
{
	int			level = writer->pins ? pins_set(writer->pins) : -1;

	write(writer, value, out);
	if (level >= 0)
		AtEOXact_GUC(true, level);
}

void
value_write(ValueWriter *writer, Datum value, StringInfo out)
{
	value_pinned(writer, value, out, writer->write);
}
