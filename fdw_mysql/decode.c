/*
 * decode.c
 *		The decoders, and the table by which a column gets one. Chosen once per scan; nothing is looked up per row.
 *
 * A pair that the table does not name goes through MySQL's text form and the type's input function.
 */
#include "postgres.h"

#include "decode.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/compat.h"
#include "common/remote.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/varbit.h"

/* Digits that int64 holds for sure. */
#define INT64_DIGITS 18
/* More than MySQL's TIME reaches. */
#define MAX_DURATION_DAYS 1000000
/* Longest text of a number, a date or a time. */
#define SHORT_TEXT 400

/* A date or a time as it stands on the wire. */
typedef struct WireTime
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			microsecond;
} WireTime;

/* ---- errors ---- */

static void
reject_range(Decoder *decoder, const unsigned char *value, size_t length)
{
	ereport(ERROR,
			errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			errmsg("value \"%s\" is out of range for type %s",
				   decode_text(&decoder->field, value, length, NULL), format_type_be(decoder->column->typid)));
}

/* Never rounded: a value that is finer than the column. */
static void
reject_finer(Decoder *decoder, const unsigned char *value, size_t length)
{
	ereport(ERROR,
			errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			errmsg("value \"%s\" is finer than type %s",
				   remote_message(decode_text(&decoder->field, value, length, NULL), NULL, 0),
				   format_type_with_typemod(decoder->column->typid, decoder->column->typmod)),
			errhint("Declare the column as fine as the remote one, or import the table again."));
}

/* Never cut, not even of blanks. */
static void
reject_longer(Decoder *decoder)
{
	ereport(ERROR,
			errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
			errmsg("value too long for type %s",
				   format_type_with_typemod(decoder->column->typid, decoder->column->typmod)),
			errhint("Declare the column as long as the remote one, or import the table again."));
}

static void
reject_malformed(void)
{
	ereport(ERROR,
			errcode(ERRCODE_PROTOCOL_VIOLATION),
			errmsg("malformed row from the MySQL server"));
}

/* ---- reading the wire: little-endian whatever the machine ---- */

static inline uint16
read16(const unsigned char *p)
{
	return p[0] | p[1] << 8;
}

static inline uint32
read32(const unsigned char *p)
{
	uint32		v;

	memcpy(&v, p, sizeof(v));
#ifdef WORDS_BIGENDIAN
	v = pg_bswap32(v);
#endif
	return v;
}

static inline uint64
read64(const unsigned char *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
#ifdef WORDS_BIGENDIAN
	v = pg_bswap64(v);
#endif
	return v;
}

/* An integer of any width but BIGINT UNSIGNED. */
static inline int64
read_integer(const ClientField *field, const unsigned char *p)
{
	switch (field->width)
	{
		case 1:
			return field->is_unsigned ? (int64) *p : (int64) (int8) *p;
		case 2:
			return field->is_unsigned ? (int64) read16(p) : (int64) (int16) read16(p);
		case 4:
			return field->is_unsigned ? (int64) read32(p) : (int64) (int32) read32(p);
		default:
			return (int64) read64(p);
	}
}

static bool
is_huge(const ClientField *field, const unsigned char *p)
{
	return field->width == 8 && field->is_unsigned && read64(p) > PG_INT64_MAX;
}

static float4
read_float4(const unsigned char *p)
{
	uint32		bits = read32(p);
	float4		v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static float8
read_float8(const unsigned char *p)
{
	uint64		bits = read64(p);
	float8		v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* BIT(n): big-endian, and no longer than 64 bits. */
static uint64
read_bits(const unsigned char *p, size_t length)
{
	uint64		v = 0;

	for (size_t i = 0; i < length && i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* DATE, DATETIME, TIMESTAMP: what is zero at the end is left out. */
static void
read_datetime(const unsigned char *p, size_t length, WireTime *t)
{
	memset(t, 0, sizeof(*t));
	if (length != 0 && length != 4 && length != 7 && length != 11)
		reject_malformed();
	if (length >= 4)
	{
		t->year = read16(p);
		t->month = p[2];
		t->day = p[3];
	}
	if (length >= 7)
	{
		t->hour = p[4];
		t->minute = p[5];
		t->second = p[6];
	}
	if (length >= 11)
		t->microsecond = read32(p + 7);
}

/* TIME: a length of time, with a sign and days. */
static int64
read_duration(const unsigned char *p, size_t length)
{
	int64		seconds;
	int64		micros;

	if (length == 0)
		return 0;
	if (length != 8 && length != 12)
		reject_malformed();
	/* 838 hours in MySQL; far more would not fit int64 */
	if (read32(p + 1) > MAX_DURATION_DAYS)
		reject_malformed();
	seconds = (int64) read32(p + 1) * SECS_PER_DAY + p[5] * SECS_PER_HOUR + p[6] * SECS_PER_MINUTE + p[7];
	micros = seconds * USECS_PER_SEC + (length == 12 ? read32(p + 8) : 0);
	return p[0] ? -micros : micros;
}

/* ---- text forms ---- */

static int
datetime_text(char *out, const ClientField *field, const unsigned char *p, size_t length)
{
	WireTime	t;
	int			n;

	read_datetime(p, length, &t);
	n = snprintf(out, SHORT_TEXT, "%04d-%02d-%02d", t.year, t.month, t.day);
	if (field->type == WIRE_DATE)
		return n;
	n += snprintf(out + n, SHORT_TEXT - n, " %02d:%02d:%02d", t.hour, t.minute, t.second);
	if (t.microsecond != 0)
		n += snprintf(out + n, SHORT_TEXT - n, ".%06d", t.microsecond);
	return n;
}

static int
duration_text(char *out, const unsigned char *p, size_t length)
{
	int64		micros = read_duration(p, length);
	uint64		rest = micros < 0 ? -micros : micros;
	int			n;

	n = snprintf(out, SHORT_TEXT, "%s%02d:%02d:%02d", micros < 0 ? "-" : "", (int) (rest / USECS_PER_HOUR),
				 (int) (rest / USECS_PER_MINUTE % 60), (int) (rest / USECS_PER_SEC % 60));
	if (rest % USECS_PER_SEC != 0)
		n += snprintf(out + n, SHORT_TEXT - n, ".%06d", (int) (rest % USECS_PER_SEC));
	return n;
}

/* The forms that are not text on the wire already; 0 for those that are. */
static int
short_text(char *out, const ClientField *field, const unsigned char *p, size_t length)
{
	switch (field->type)
	{
		case WIRE_TINY:
		case WIRE_SHORT:
		case WIRE_YEAR:
		case WIRE_LONG:
		case WIRE_LONGLONG:
			if (is_huge(field, p))
				return snprintf(out, SHORT_TEXT, UINT64_FORMAT, read64(p));
			return snprintf(out, SHORT_TEXT, INT64_FORMAT, read_integer(field, p));
		case WIRE_FLOAT:
			return float_to_shortest_decimal_buf(read_float4(p), out);
		case WIRE_DOUBLE:
			return double_to_shortest_decimal_buf(read_float8(p), out);
		case WIRE_DATE:
		case WIRE_DATETIME:
		case WIRE_TIMESTAMP:
			return datetime_text(out, field, p, length);
		case WIRE_TIME:
			return duration_text(out, p, length);
		case WIRE_BIT:
			return snprintf(out, SHORT_TEXT, UINT64_FORMAT, read_bits(p, length));
		default:
			return 0;
	}
}

char *
decode_text(const ClientField *field, const unsigned char *value, size_t length, size_t *text_length)
{
	char		buffer[SHORT_TEXT];
	int			n = short_text(buffer, field, value, length);

	if (text_length != NULL)
		*text_length = n > 0 ? n : length;
	if (n > 0)
		return pstrdup(buffer);
	return pnstrdup((const char *) value, length);
}

static size_t
count_characters(const char *utf8, size_t length)
{
	size_t		n = 0;

	for (size_t i = 0; i < length; i++)
		n += (utf8[i] & 0xc0) != 0x80;
	return n;
}

/* Input functions cut blanks at the end of a varchar(n) or char(n), and any end of a name or "char". */
static bool
is_too_long(const Decoder *decoder, const char *text, size_t length)
{
	switch (decoder->base)
	{
		case VARCHAROID:
		case BPCHAROID:
			return decoder->base_typmod >= (int32) VARHDRSZ &&
				count_characters(text, length) > decoder->base_typmod - VARHDRSZ;
		case NAMEOID:
			return length >= NAMEDATALEN;
		case CHAROID:
			return length > 1;
		default:
			return false;
	}
}

/* They round, too, to the type's typmod: is the value the same that it is without one? */
static bool
is_rounded(Decoder *decoder, const char *text, size_t length, Datum value)
{
	char	   *converted;
	Datum		whole;

	if (decoder->input.fn_oid == InvalidOid)
		return false;
	converted = pg_any_to_server(text, length, PG_UTF8);
	whole = InputFunctionCall(&decoder->input, converted, decoder->ioparam, -1);
	return !DatumGetBool(FunctionCall2Coll(&decoder->equal, DEFAULT_COLLATION_OID, whole, value));
}

static Datum
decode_input(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	size_t		text_length;
	char	   *text;
	Datum		result;

	/* Binary bytes have no text form; column_input() refuses them where they are not valid text. */
	text = decode_text(&decoder->field, value, length, &text_length);
	if (is_too_long(decoder, text, text_length))
		reject_longer(decoder);
	result = column_input(decoder->column, text, text_length);
	if (is_rounded(decoder, text, text_length, result))
		reject_finer(decoder, value, length);
	return result;
}

/* ---- numbers ---- */

static Datum
decode_int2(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	int64		v = read_integer(&decoder->field, value);

	if (unlikely(v < PG_INT16_MIN || v > PG_INT16_MAX || is_huge(&decoder->field, value)))
		reject_range(decoder, value, length);
	return Int16GetDatum((int16) v);
}

static Datum
decode_int4(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	int64		v = read_integer(&decoder->field, value);

	if (unlikely(v < PG_INT32_MIN || v > PG_INT32_MAX || is_huge(&decoder->field, value)))
		reject_range(decoder, value, length);
	return Int32GetDatum((int32) v);
}

/* The commonest pair. */
static Datum
decode_int4_exact(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	return Int32GetDatum((int32) read32(value));
}

static Datum
decode_int8(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	if (unlikely(is_huge(&decoder->field, value)))
		reject_range(decoder, value, length);
	return Int64GetDatum(read_integer(&decoder->field, value));
}

/* MySQL has no boolean of its own: TINYINT(1), where 0 is false and all else true. */
static Datum
decode_integer_bool(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	return BoolGetDatum(read_integer(&decoder->field, value) != 0);
}

static Datum
decode_bit_bool(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	return BoolGetDatum(read_bits(value, length) != 0);
}

static Datum
decode_float4(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	return Float4GetDatum(read_float4(value));
}

static Datum
decode_float8(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	return Float8GetDatum(read_float8(value));
}

static Datum
decode_float8_float4(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	float8		v = read_float8(value);

	if ((float8) (float4) v != v)
		reject_finer(decoder, value, length);
	return Float4GetDatum((float4) v);
}

/* Exact: every float is a double. */
static Datum
decode_float4_float8(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	return Float8GetDatum((float8) read_float4(value));
}

static Datum
decode_bit_integer(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	uint64		v = read_bits(value, length);
	Oid			type = decoder->column->typid;
	uint64		max = type == INT2OID ? PG_INT16_MAX : type == INT4OID ? PG_INT32_MAX : PG_INT64_MAX;

	if (v > max)
		reject_range(decoder, value, length);
	return type == INT2OID ? Int16GetDatum((int16) v) : type == INT4OID ? Int32GetDatum((int32) v) : Int64GetDatum(v);
}

/* Digits, a sign and a point, and all of it within int64: no need for numeric's parser. */
static bool
parse_decimal(const unsigned char *text, size_t length, uint32 decimals, int64 *result)
{
	const unsigned char *end = text + length;
	bool		negative = length > 0 && *text == '-';
	int64		v = 0;
	int			digits = 0;
	int			fraction = 0;	/* digits before the point, plus 1 */

	for (text += negative; text < end; text++)
	{
		if (*text == '.' && fraction == 0)
			fraction = digits + 1;
		else if (*text >= '0' && *text <= '9' && digits < INT64_DIGITS)
		{
			v = v * 10 + (*text - '0');
			digits++;
		}
		else
			return false;
	}
	if ((fraction == 0 ? 0 : digits - fraction + 1) != decimals)
		return false;
	*result = negative ? -v : v;
	return digits > 0;
}

static Datum
decode_decimal(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	int64		v;

	if (parse_decimal(value, length, decoder->field.decimals, &v))
		return NumericGetDatum(int64_div_fast_to_numeric(v, decoder->field.decimals));
	return decode_input(decoder, value, length, null);
}

/* ---- dates and times ---- */

static Datum
reject_date(Decoder *decoder, const unsigned char *value, size_t length, bool *null, bool zero)
{
	if (zero && decoder->zero_date_null)
	{
		*null = true;
		return (Datum) 0;
	}
	ereport(ERROR,
			errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
			errmsg("date \"%s\" does not exist in PostgreSQL", decode_text(&decoder->field, value, length, NULL)),
			zero ? errhint("Option zero_date 'null' of the column, the table or the server reads it as NULL.") : 0);
}

/* MySQL has dates without a month or a day, and year 0. */
static inline bool
is_zero_date(const WireTime *t)
{
	return t->year == 0 || t->month == 0 || t->day == 0;
}

static inline bool
is_calendar_date(const WireTime *t)
{
	return t->year <= 9999 && t->month <= 12 && t->day <= day_tab[isleap(t->year)][t->month - 1];
}

static Datum
decode_date(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	WireTime	t;

	read_datetime(value, length, &t);
	if (unlikely(is_zero_date(&t)))
		return reject_date(decoder, value, length, null, true);
	if (unlikely(!is_calendar_date(&t)))
		return reject_date(decoder, value, length, null, false);
	return DateADTGetDatum(date2j(t.year, t.month, t.day) - POSTGRES_EPOCH_JDATE);
}

/* A date's column must not swallow a time of day. */
static Datum
decode_datetime_date(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	if (length > 4)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				errmsg("value \"%s\" has a time of day, which type date cannot hold",
					   decode_text(&decoder->field, value, length, NULL)));
	return decode_date(decoder, value, length, null);
}

static inline Timestamp
timestamp_of(const WireTime *t)
{
	int64		seconds = t->hour * SECS_PER_HOUR + t->minute * SECS_PER_MINUTE + t->second;

	return (date2j(t->year, t->month, t->day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		seconds * USECS_PER_SEC + t->microsecond;
}

static Datum
decode_timestamp(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	WireTime	t;
	Timestamp	whole;
	Timestamp	timestamp;

	read_datetime(value, length, &t);
	if (unlikely(is_zero_date(&t)))
		return reject_date(decoder, value, length, null, true);
	if (unlikely(!is_calendar_date(&t) || t.hour > 23 || t.minute > 59 || t.second > 59 || t.microsecond > 999999))
		return reject_date(decoder, value, length, null, false);
	whole = timestamp = timestamp_of(&t);
	if (decoder->column->typmod >= 0)
		compat_adjust_timestamp(&timestamp, decoder->column->typmod);
	if (unlikely(timestamp != whole))
		reject_finer(decoder, value, length);
	return TimestampGetDatum(timestamp);
}

static Datum
decode_time(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	TimeADT		whole = read_duration(value, length);
	TimeADT		time = whole;

	if (time < 0 || time > USECS_PER_DAY)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				errmsg("value \"%s\" is out of range for type time", decode_text(&decoder->field, value, length, NULL)),
				errhint("Declare the column as interval, or import with import_time 'interval'."));
	AdjustTimeForTypmod(&time, decoder->column->typmod);
	if (unlikely(time != whole))
		reject_finer(decoder, value, length);
	return TimeADTGetDatum(time);
}

static Datum
decode_interval(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = read_duration(value, length);
	return IntervalPGetDatum(interval);
}

/* ---- bytes ---- */

/* The common case needs neither conversion nor the type's length check. */
static Datum
decode_string(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	Column	   *column = decoder->column;
	text	   *result;

	if (unlikely(column->typmod >= 0 && length > column->typmod - VARHDRSZ) ||
		unlikely(GetDatabaseEncoding() != PG_UTF8) ||
		unlikely(pg_encoding_verifymbstr(PG_UTF8, (const char *) value, length) != length))
		return decode_input(decoder, value, length, null);
	result = palloc(VARHDRSZ + length);
	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), value, length);
	return PointerGetDatum(result);
}

static Datum
decode_bytes(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), value, length);
	return PointerGetDatum(result);
}

/* PostgreSQL's bit strings are left-aligned, MySQL's right-aligned. */
static Datum
decode_bit(Decoder *decoder, const unsigned char *value, size_t length, bool *null)
{
	int			nbits = decoder->field.length;
	int32		typmod = decoder->column->typmod;
	uint64		bits;
	VarBit	   *result;

	if (nbits < 1 || nbits > 64 || length > 8)
		reject_malformed();
	if (decoder->column->typid == BITOID ? (typmod > 0 && typmod != nbits) : (typmod > 0 && typmod < nbits))
		ereport(ERROR,
				errcode(ERRCODE_STRING_DATA_LENGTH_MISMATCH),
				errmsg("bit string length %d does not match type %s", nbits,
					   format_type_with_typemod(decoder->column->typid, typmod)));
	bits = read_bits(value, length) << (64 - nbits);
	result = palloc0(VARBITTOTALLEN(nbits));
	SET_VARSIZE(result, VARBITTOTALLEN(nbits));
	VARBITLEN(result) = nbits;
	for (int i = 0; i < VARBITBYTES(result); i++)
		VARBITS(result)[i] = (bits8) (bits >> (56 - 8 * i));
	return VarBitPGetDatum(result);
}

/* ---- the table ---- */

#define W(type) (1 << (type))
#define INTEGERS (W(WIRE_TINY) | W(WIRE_SHORT) | W(WIRE_YEAR) | W(WIRE_LONG) | W(WIRE_LONGLONG))
#define STRINGS (W(WIRE_STRING) | W(WIRE_BYTES) | W(WIRE_JSON) | W(WIRE_DECIMAL))
#define BYTES (W(WIRE_STRING) | W(WIRE_BYTES) | W(WIRE_JSON) | W(WIRE_GEOMETRY) | W(WIRE_BIT))
#define MOMENTS (W(WIRE_DATE) | W(WIRE_DATETIME) | W(WIRE_TIMESTAMP))

static const struct
{
	int			wires;
	Oid			type;
	DecodeFn	decode;
} decode_table[] = {
	{INTEGERS, INT2OID, decode_int2},
	{INTEGERS, INT4OID, decode_int4},
	{INTEGERS, INT8OID, decode_int8},
	{INTEGERS, BOOLOID, decode_integer_bool},
	{W(WIRE_BIT), BOOLOID, decode_bit_bool},
	{W(WIRE_BIT), INT2OID, decode_bit_integer},
	{W(WIRE_BIT), INT4OID, decode_bit_integer},
	{W(WIRE_BIT), INT8OID, decode_bit_integer},
	{W(WIRE_BIT), BITOID, decode_bit},
	{W(WIRE_BIT), VARBITOID, decode_bit},
	{W(WIRE_FLOAT), FLOAT4OID, decode_float4},
	{W(WIRE_FLOAT), FLOAT8OID, decode_float4_float8},
	{W(WIRE_DOUBLE), FLOAT8OID, decode_float8},
	{W(WIRE_DOUBLE), FLOAT4OID, decode_float8_float4},
	{W(WIRE_DECIMAL), NUMERICOID, decode_decimal},
	{W(WIRE_DATE), DATEOID, decode_date},
	{W(WIRE_DATETIME) | W(WIRE_TIMESTAMP), DATEOID, decode_datetime_date},
	{W(WIRE_DATE) | W(WIRE_DATETIME), TIMESTAMPOID, decode_timestamp},
	{MOMENTS, TIMESTAMPTZOID, decode_timestamp},
	{W(WIRE_TIME), TIMEOID, decode_time},
	{W(WIRE_TIME), INTERVALOID, decode_interval},
	{STRINGS, TEXTOID, decode_string},
	{STRINGS, VARCHAROID, decode_string},
	{BYTES, BYTEAOID, decode_bytes},
};

static DecodeFn
decoder_find(WireType wire, Oid type)
{
	for (int i = 0; i < lengthof(decode_table); i++)
		if (decode_table[i].type == type && (decode_table[i].wires & W(wire)))
			return decode_table[i].decode;
	return decode_input;
}

/* DECIMAL(p, s) into numeric as wide or wider needs no check against the column's typmod. */
static bool
decimal_always_fits(const Decoder *decoder)
{
	int32		typmod = decoder->column->typmod;
	int			precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	int			scale = (typmod - VARHDRSZ) & 0x7ff;
	/* the display length counts the sign and the point */
	int			digits = decoder->field.length - (decoder->field.decimals > 0) - !decoder->field.is_unsigned;

	if (typmod < (int32) VARHDRSZ)
		return true;
	return scale == decoder->field.decimals && precision - scale >= digits - (int) decoder->field.decimals;
}

/* What decode_input() needs to notice that a value lost something. */
static void
choose_checks(Decoder *decoder)
{
	TypeCacheEntry *type;
	Oid			input;

	decoder->base_typmod = decoder->column->typmod;
	decoder->base = getBaseTypeAndTypmod(decoder->column->typid, &decoder->base_typmod);
	decoder->input.fn_oid = InvalidOid;
	type = lookup_type_cache(decoder->base, TYPECACHE_EQ_OPR_FINFO);
	if (decoder->base_typmod < 0 || !OidIsValid(type->eq_opr_finfo.fn_oid))
		return;
	getTypeInputInfo(decoder->base, &input, &decoder->ioparam);
	fmgr_info(input, &decoder->input);
	fmgr_info(type->eq_opr_finfo.fn_oid, &decoder->equal);
}

void
decoder_choose(Decoder *decoder, const ClientField *field)
{
	decoder->field = *field;
	decoder->runs_code = decoder->column->typid >= FirstNormalObjectId;
	decoder->decode = decoder_find(field->type, decoder->column->typid);
	if (field->type == WIRE_UNKNOWN)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				errmsg("column \"%s\" has a MySQL type that is not supported", decoder->column->name));
	if (field->type == WIRE_GEOMETRY && decoder->decode == decode_input)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				errmsg("column \"%s\" holds a geometry and must be of type bytea", decoder->column->name));
	if (decoder->decode == decode_int4 && field->type == WIRE_LONG && !field->is_unsigned)
		decoder->decode = decode_int4_exact;
	if (decoder->decode == decode_interval && decoder->column->typmod >= 0)
		decoder->decode = decode_input;
	if (decoder->decode == decode_decimal && !decimal_always_fits(decoder))
		decoder->decode = decode_input;
	if (decoder->decode == decode_input || decoder->decode == decode_string)
		choose_checks(decoder);
}

void
decode_keep(const Decoder *decoders, int ndecoders, const ClientField *fields, int nfields, ClientRow *row)
{
	unsigned char *copy;
	size_t		length;
	bool		keep = false;

	for (int i = 0; i < ndecoders; i++)
		keep |= decoders[i].runs_code;
	if (likely(!keep))
		return;
	length = client_row_length(row, fields, nfields);
	if (length == 0)
		reject_malformed();
	copy = palloc(length);
	memcpy(copy, row->start, length);
	row->start = copy;
	row->limit = copy + length;
}

/*
 * The row: a byte, the map of NULLs (which begins at its third bit), the values. Every length is checked against what
 * may be read, because the server may be anyone.
 */
void
decode_row(Decoder *decoders, int ndecoders, int nfields, const ClientRow *row, Place *place, Datum *values, bool *nulls)
{
	const unsigned char *map = row->start + 1;
	const unsigned char *at = map + (nfields + 9) / 8;

	if (unlikely(at > row->limit))
		reject_malformed();
	for (int i = 0; i < ndecoders; i++)
	{
		Decoder    *decoder = &decoders[i];
		size_t		length;
		bool	   *null = &nulls[decoder->slot];

		*null = (map[(i + 2) / 8] & (1 << ((i + 2) % 8))) != 0;
		if (*null)
			continue;
		place->column = decoder->column->name;
		if (unlikely(!client_read_value(&decoder->field, &at, row->limit, &length)))
			reject_malformed();
		values[decoder->slot] = decoder->decode(decoder, at, length, null);
		at += length;
	}
	place->column = NULL;
}

/* Runs while an ERROR is being raised: numbers only, and nothing that could raise another. */
void
decode_key(StringInfo out, const Decoder *decoders, int ndecoders, int nfields, const ClientRow *row)
{
	const unsigned char *map = row->start + 1;
	const unsigned char *at = map + (nfields + 9) / 8;
	const char *separator = ", key ";
	char		text[SHORT_TEXT];

	for (int i = 0; i < ndecoders && at < row->limit; i++)
	{
		const ClientField *field = &decoders[i].field;
		size_t		length;

		if (map[(i + 2) / 8] & (1 << ((i + 2) % 8)))
			continue;
		if (!client_read_value(field, &at, row->limit, &length))
			return;
		if (decoders[i].key && (INTEGERS & W(field->type)) && short_text(text, field, at, length) > 0)
		{
			appendStringInfo(out, "%s%s=%s", separator, decoders[i].column->name, text);
			separator = ", ";
		}
		at += length;
	}
}
