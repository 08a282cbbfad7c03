/*
 * landing.c
 *		The functions in SQL over the batch of records that this transaction is landing, and over single records.
 *
 * The batch itself is in batch.c. The rows that it gives are merged into the tables by sql/weather_merge.sql.
 */
#include "postgres.h"

#include "batch.h"
#include "instant.h"
#include "rawline.h"

#include "access/htup_details.h"
#include "common/compat.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define SUMMARY_COLUMNS 10
#define READING_COLUMNS 9

static Bytes
bytes_arg(FunctionCallInfo fcinfo, int number)
{
	Bytes		bytes = {NULL, 0};
	bytea	   *arg;

	if (PG_ARGISNULL(number))
		return bytes;
	arg = PG_GETARG_BYTEA_PP(number);
	bytes.data = VARDATA_ANY(arg);
	bytes.length = VARSIZE_ANY_EXHDR(arg);
	return bytes;
}

static void
take_timestamp(FunctionCallInfo fcinfo, int number, Record *record)
{
	record->timestamp = PG_ARGISNULL(number) ? 0 : PG_GETARG_TIMESTAMPTZ(number);
	record->has_timestamp = !PG_ARGISNULL(number) && !TIMESTAMP_NOT_FINITE(record->timestamp);
	if (record->has_timestamp)
		record->timestamp = instant_floor(record->timestamp, 1000);
}

static void
take_record(FunctionCallInfo fcinfo, Record *record)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("partition and offset of a record must not be null")));
	record->partition = PG_GETARG_INT32(0);
	record->offset = PG_GETARG_INT64(1);
	take_timestamp(fcinfo, 2, record);
	record->key = bytes_arg(fcinfo, 3);
	record->value = bytes_arg(fcinfo, 4);
}

PG_FUNCTION_INFO_V1(medallion_weather_begin);
Datum
medallion_weather_begin(PG_FUNCTION_ARGS)
{
	batch_begin();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(medallion_weather_line);
Datum
medallion_weather_line(PG_FUNCTION_ARGS)
{
	Record		record;
	Reading		reading;

	take_record(fcinfo, &record);
	batch_add(&record, &reading);
	PG_RETURN_TEXT_P(raw_line(&record, reading.is_json));
}

PG_FUNCTION_INFO_V1(medallion_weather_count);
Datum
medallion_weather_count(PG_FUNCTION_ARGS)
{
	Record		record;
	Reading		reading;

	take_record(fcinfo, &record);
	batch_add(&record, &reading);
	PG_RETURN_BOOL(reading.kind == READING_USABLE);
}

/* A part with its length in front, so that no two pairs of key and value give the same bytes. */
static int
hash_part(pg_cryptohash_ctx *hash, Bytes part)
{
	uint64		length = pg_hton64(part.data ? (uint64) part.length : PG_UINT64_MAX);

	if (pg_cryptohash_update(hash, (uint8 *) &length, sizeof(length)) < 0)
		return -1;
	return part.length == 0 ? 0 : pg_cryptohash_update(hash, (const uint8 *) part.data, part.length);
}

static bytea *
anchor_hash(Bytes key, Bytes value)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	bytea	   *result = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	if (hash == NULL || pg_cryptohash_init(hash) < 0 || hash_part(hash, key) < 0 || hash_part(hash, value) < 0 ||
		pg_cryptohash_final(hash, (uint8 *) VARDATA(result), PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute the hash of a record");
	pg_cryptohash_free(hash);
	SET_VARSIZE(result, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	return result;
}

PG_FUNCTION_INFO_V1(medallion_weather_anchor);
Datum
medallion_weather_anchor(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(anchor_hash(bytes_arg(fcinfo, 0), bytes_arg(fcinfo, 1)));
}

static Datum
record_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

PG_FUNCTION_INFO_V1(medallion_weather_summary);
Datum
medallion_weather_summary(PG_FUNCTION_ARGS)
{
	const BatchTotals *totals = batch_totals();
	Datum		values[SUMMARY_COLUMNS] = {0};
	bool		nulls[SUMMARY_COLUMNS] = {false};
	Bytes		key;
	Bytes		value;

	batch_last(&key, &value);
	values[0] = Int64GetDatum(totals->records);
	values[1] = Int64GetDatum(totals->readings);
	values[2] = Int64GetDatum(totals->dead);
	values[3] = Int64GetDatum(totals->errors);
	values[4] = Int64GetDatum(totals->first_offset);
	values[5] = Int64GetDatum(totals->last_offset);
	values[6] = TimestampTzGetDatum(totals->last_timestamp);
	if (totals->records > 0)
		values[7] = PointerGetDatum(anchor_hash(key, value));
	values[8] = TimestampTzGetDatum(totals->min_event);
	values[9] = TimestampTzGetDatum(totals->max_event);
	nulls[4] = nulls[5] = nulls[7] = totals->records == 0;
	nulls[6] = totals->records == 0 || !totals->has_last_timestamp;
	nulls[8] = nulls[9] = totals->readings == 0;
	return record_datum(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(medallion_weather_windows);
Datum
medallion_weather_windows(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	batch_read_windows(((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(medallion_weather_rejected);
Datum
medallion_weather_rejected(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	batch_read_rejected(((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(medallion_weather_errors);
Datum
medallion_weather_errors(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	batch_read_errors(((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
	return (Datum) 0;
}

static Reader *
cached_reader(FmgrInfo *function)
{
	if (function->fn_extra == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(function->fn_mcxt);

		function->fn_extra = reader_create();
		MemoryContextSwitchTo(caller);
	}
	return function->fn_extra;
}

static Datum
text_or_null(const char *data, size_t length, bool *isnull)
{
	*isnull = data == NULL || length == 0;
	return *isnull ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(data, (int) length));
}

static void
put_values(const Reading *reading, Datum *values, bool *nulls)
{
	values[1] = text_or_null(reading->city.data, reading->city.length, &nulls[1]);
	if (reading->kind == READING_API_ERROR)
	{
		values[6] = Int32GetDatum(reading->status_code);
		nulls[6] = !reading->has_status_code;
		return;
	}
	values[2] = Int64GetDatum(reading->city_id);
	nulls[2] = !reading->has_city_id;
	values[3] = TimestampTzGetDatum(reading->event_time);
	values[4] = NumericGetDatum(decimal_numeric(reading->temp, true));
	values[5] = NumericGetDatum(decimal_numeric(reading->humidity, false));
	nulls[3] = nulls[4] = nulls[5] = false;
}

PG_FUNCTION_INFO_V1(medallion_weather_reading);
Datum
medallion_weather_reading(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"reading", "error", "dead"};
	Record		record = {0};
	Reading		reading;
	Datum		values[READING_COLUMNS] = {0};
	bool		nulls[READING_COLUMNS];
	char	   *detail;

	memset(nulls, true, sizeof(nulls));
	take_timestamp(fcinfo, 0, &record);
	record.value = bytes_arg(fcinfo, 1);
	reading_read(cached_reader(fcinfo->flinfo), &record, &reading);
	values[0] = CStringGetTextDatum(kinds[reading.kind]);
	nulls[0] = false;
	if (reading.kind != READING_DEAD)
		put_values(&reading, values, nulls);
	else
	{
		values[7] = CStringGetTextDatum(dead_reason_name(reading.reason));
		nulls[7] = false;
		detail = reading_detail(&reading);
		if (detail)
			values[8] = text_or_null(detail, strlen(detail), &nulls[8]);
	}
	return record_datum(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(medallion_weather_average);
Datum
medallion_weather_average(PG_FUNCTION_ARGS)
{
	int64		readings = PG_GETARG_INT64(1);

	if (readings <= 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(decimal_quotient(PG_GETARG_NUMERIC(0), readings));
}
