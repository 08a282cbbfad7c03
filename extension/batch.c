/*
 * batch.c
 *		The batch of records that this transaction is landing.
 *
 * It ends with the transaction, and is lost with a subtransaction that used it. What a record means stands in
 * reading.c, how windows add up in window.c, what SQL sees of it in landing.c.
 */
#include "postgres.h"

#include "batch.h"

#include "window.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/compat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* A buffer that grows to what was largest. */
typedef struct Kept
{
	Bytes		bytes;
	char	   *buffer;
	size_t		room;
} Kept;

typedef struct Batch
{
	MemoryContext context;
	ResourceOwner owner;		/* of the files of windows and tuplestores */
	SubTransactionId touched;	/* the latest that began it, added to it or read its tuplestores */
	Reader	   *reader;
	Windows    *windows;
	TupleDesc	rejected_desc;
	TupleDesc	errors_desc;
	Tuplestorestate *rejected;	/* dead letters */
	Tuplestorestate *errors;	/* failed calls */
	BatchTotals totals;
	Kept		last_key;
	Kept		last_value;
} Batch;

static Batch *batch;

/*
 * The files go by their resource owner. tuplestore_end() would write out what is left first: where that fails, as on a full
 * disk, an abort that calls it would fail too.
 */
static void
close_batch(void)
{
	ResourceOwner owner;

	if (batch == NULL)
		return;
	owner = batch->owner;
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
	MemoryContextDelete(batch->context);
	batch = NULL;
}

/* After an abort there is nothing to close: the files went with the resource owner, the memory goes now. */
static void
end_with_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			close_batch();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			batch = NULL;
			break;
		default:
			break;
	}
}

/* Subtransactions are numbered as they begin, and one that aborts is the last that still runs. */
static void
end_with_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && batch && batch->touched >= mine)
		close_batch();
}

static TupleDesc
rejected_tupdesc(void)
{
	TupleDesc	tupdesc = CreateTemplateTupleDesc(7);

	TupleDescInitEntry(tupdesc, 1, "partition", INT4OID, -1, 0);
	TupleDescInitEntry(tupdesc, 2, "offset", INT8OID, -1, 0);
	TupleDescInitEntry(tupdesc, 3, "timestamp", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(tupdesc, 4, "key", BYTEAOID, -1, 0);
	TupleDescInitEntry(tupdesc, 5, "value", BYTEAOID, -1, 0);
	TupleDescInitEntry(tupdesc, 6, "reason", TEXTOID, -1, 0);
	TupleDescInitEntry(tupdesc, 7, "detail", TEXTOID, -1, 0);
	return tupdesc;
}

static TupleDesc
errors_tupdesc(void)
{
	TupleDesc	tupdesc = CreateTemplateTupleDesc(6);

	TupleDescInitEntry(tupdesc, 1, "partition", INT4OID, -1, 0);
	TupleDescInitEntry(tupdesc, 2, "offset", INT8OID, -1, 0);
	TupleDescInitEntry(tupdesc, 3, "timestamp", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(tupdesc, 4, "city", TEXTOID, -1, 0);
	TupleDescInitEntry(tupdesc, 5, "status_code", INT4OID, -1, 0);
	TupleDescInitEntry(tupdesc, 6, "record", TEXTOID, -1, 0);
	return tupdesc;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(end_with_transaction, NULL);
	RegisterSubXactCallback(end_with_subtransaction, NULL);
	registered = true;
}

void
batch_begin(void)
{
	MemoryContext context;
	MemoryContext caller;
	ResourceOwner owner;
	Batch	   *begun;

	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("weather needs a database whose encoding is UTF8"),
				 errdetail("This one's is %s.", GetDatabaseEncodingName())));
	register_callbacks();
	close_batch();
	context = AllocSetContextCreate(TopTransactionContext, "medallion weather batch", ALLOCSET_DEFAULT_SIZES);
	owner = ResourceOwnerCreate(TopTransactionResourceOwner, "medallion weather batch");
	caller = MemoryContextSwitchTo(context);
	begun = palloc0(sizeof(Batch));
	begun->context = context;
	begun->touched = GetCurrentSubTransactionId();
	begun->reader = reader_create();
	begun->owner = owner;
	begun->windows = windows_create(context, owner, work_mem);
	begun->rejected_desc = rejected_tupdesc();
	begun->errors_desc = errors_tupdesc();
	begun->rejected = window_store(context, owner, work_mem);
	begun->errors = window_store(context, owner, work_mem);
	MemoryContextSwitchTo(caller);
	batch = begun;
}

static Batch *
begun_batch(void)
{
	if (batch == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("no batch of weather records has been begun"),
				 errdetail("A batch ends with its transaction, and with a subtransaction that used it and failed."),
				 errhint("SELECT medallion.weather_begin()")));
	return batch;
}

/* Reading a tuplestore writes what is in its buffer; where that fails, it is not to be used again. */
static Batch *
touched_batch(void)
{
	Batch	   *touched = begun_batch();

	touched->touched = GetCurrentSubTransactionId();
	return touched;
}

static Datum
bytea_datum(Bytes bytes, bool *isnull)
{
	bytea	   *copy;

	*isnull = bytes.data == NULL;
	if (*isnull)
		return (Datum) 0;
	copy = palloc(VARHDRSZ + bytes.length);
	SET_VARSIZE(copy, VARHDRSZ + bytes.length);
	memcpy(VARDATA(copy), bytes.data, bytes.length);
	return PointerGetDatum(copy);
}

static Datum
text_datum(Bytes bytes, bool *isnull)
{
	*isnull = bytes.data == NULL || bytes.length == 0;
	return *isnull ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(bytes.data, (int) bytes.length));
}

static Datum
detail_datum(const Reading *reading, bool *isnull)
{
	char	   *detail = reading_detail(reading);

	*isnull = detail == NULL;
	return *isnull ? (Datum) 0 : CStringGetTextDatum(detail);
}

static void
put_place(const Record *record, Datum *values, bool *nulls)
{
	values[0] = Int32GetDatum(record->partition);
	values[1] = Int64GetDatum(record->offset);
	values[2] = TimestampTzGetDatum(record->timestamp);
	nulls[0] = nulls[1] = false;
	nulls[2] = !record->has_timestamp;
}

static void
put_rejected(Batch *into, const Record *record, const Reading *reading)
{
	Datum		values[7];
	bool		nulls[7];

	put_place(record, values, nulls);
	values[3] = bytea_datum(record->key, &nulls[3]);
	values[4] = bytea_datum(record->value, &nulls[4]);
	values[5] = CStringGetTextDatum(dead_reason_name(reading->reason));
	nulls[5] = false;
	values[6] = detail_datum(reading, &nulls[6]);
	tuplestore_putvalues(into->rejected, into->rejected_desc, values, nulls);
}

static void
put_error(Batch *into, const Record *record, const Reading *reading)
{
	Datum		values[6];
	bool		nulls[6];

	put_place(record, values, nulls);
	values[3] = text_datum(reading->city, &nulls[3]);
	values[4] = Int32GetDatum(reading->status_code);
	nulls[4] = !reading->has_status_code;
	values[5] = text_datum(record->value, &nulls[5]);
	tuplestore_putvalues(into->errors, into->errors_desc, values, nulls);
}

static void
keep(Kept *kept, Bytes bytes)
{
	kept->bytes = bytes;
	if (bytes.data == NULL)
		return;
	if (kept->buffer == NULL || kept->room < bytes.length)
	{
		if (kept->buffer)
			pfree(kept->buffer);
		kept->buffer = NULL;
		kept->room = Max(bytes.length, 1024);
		kept->buffer = MemoryContextAllocHuge(batch->context, kept->room);
	}
	memcpy(kept->buffer, bytes.data, bytes.length);
	kept->bytes.data = kept->buffer;
}

static void
count_record(Batch *into, const Record *record)
{
	BatchTotals *totals = &into->totals;

	if (totals->records == 0 || record->offset < totals->first_offset)
		totals->first_offset = record->offset;
	if (totals->records == 0 || record->offset > totals->last_offset)
	{
		totals->last_offset = record->offset;
		totals->has_last_timestamp = record->has_timestamp;
		totals->last_timestamp = record->timestamp;
		keep(&into->last_key, record->key);
		keep(&into->last_value, record->value);
	}
	totals->records++;
}

static void
count_reading(Batch *into, const Reading *reading)
{
	BatchTotals *totals = &into->totals;

	if (totals->readings == 0 || reading->event_time < totals->min_event)
		totals->min_event = reading->event_time;
	if (totals->readings == 0 || reading->event_time > totals->max_event)
		totals->max_event = reading->event_time;
	totals->readings++;
	windows_add(into->windows, reading);
}

void
batch_add(const Record *record, Reading *reading)
{
	Batch	   *into = touched_batch();

	reading_read(into->reader, record, reading);
	count_record(into, record);
	switch (reading->kind)
	{
		case READING_USABLE:
			count_reading(into, reading);
			break;
		case READING_API_ERROR:
			into->totals.errors++;
			put_error(into, record, reading);
			break;
		case READING_DEAD:
			into->totals.dead++;
			put_rejected(into, record, reading);
			break;
	}
}

const BatchTotals *
batch_totals(void)
{
	return &begun_batch()->totals;
}

void
batch_last(Bytes *key, Bytes *value)
{
	Batch	   *from = begun_batch();

	*key = from->last_key.bytes;
	*value = from->last_value.bytes;
}

/* It can be read again: the tuplestore stays as it is. */
static void
copy_store(Tuplestorestate *store, TupleDesc tupdesc, Tuplestorestate *out)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsMinimalTuple);

	tuplestore_rescan(store);
	while (tuplestore_gettupleslot(store, true, false, slot))
		tuplestore_puttupleslot(out, slot);
	ExecDropSingleTupleTableSlot(slot);
}

void
batch_read_windows(Tuplestorestate *out)
{
	windows_read(touched_batch()->windows, out);
}

void
batch_read_rejected(Tuplestorestate *out)
{
	Batch	   *from = touched_batch();

	copy_store(from->rejected, from->rejected_desc, out);
}

void
batch_read_errors(Tuplestorestate *out)
{
	Batch	   *from = touched_batch();

	copy_store(from->errors, from->errors_desc, out);
}
