/*
 * window.c
 *		The 5-minute windows of a batch of readings. What a reading is stands in reading.c, whose batch it is in landing.c.
 */
#include "postgres.h"

#include "window.h"

#include "instant.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define WINDOW_COLUMNS 9

typedef struct WindowKey
{
	Bytes		city;
	TimestampTz start;
} WindowKey;

typedef struct Window
{
	WindowKey	key;
	uint32		hash;
	char		status;
	int64		readings;
	DecimalSum	sum_temp;
	DecimalSum	sum_humidity;
	Decimal		min_temp;
	Decimal		max_temp;
	Decimal		min_humidity;
	Decimal		max_humidity;
} Window;

static inline uint32
key_hash(WindowKey key)
{
	uint32		city = hash_bytes((const unsigned char *) key.city.data, (int) key.city.length);

	return hash_combine(city, murmurhash32((uint32) (key.start / WINDOW_WIDTH)));
}

static inline bool
key_equal(WindowKey a, WindowKey b)
{
	return a.start == b.start && a.city.length == b.city.length && memcmp(a.city.data, b.city.data, a.city.length) == 0;
}

#define SH_PREFIX window
#define SH_ELEMENT_TYPE Window
#define SH_KEY_TYPE WindowKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) key_hash(key)
#define SH_EQUAL(table, a, b) key_equal(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct Windows
{
	MemoryContext context;		/* the table, its cities and large numbers; emptied when they are spilled */
	window_hash *table;
	TupleDesc	tupdesc;
	ResourceOwner owner;		/* of the store's files */
	Tuplestorestate *spilled;	/* NULL until needed */
	int			limit;			/* kilobytes */
};

Tuplestorestate *
window_store(MemoryContext context, ResourceOwner owner, int kilobytes)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	ResourceOwner callers = CurrentResourceOwner;
	Tuplestorestate *store;

	CurrentResourceOwner = owner;
	store = tuplestore_begin_heap(true, false, kilobytes);
	CurrentResourceOwner = callers;
	MemoryContextSwitchTo(caller);
	return store;
}

static TupleDesc
window_tupdesc(void)
{
	static const struct
	{
		const char *name;
		Oid			type;
	}			columns[WINDOW_COLUMNS] = {
		{"city", TEXTOID}, {"window_start", TIMESTAMPTZOID}, {"readings", INT8OID},
		{"sum_temp", NUMERICOID}, {"min_temp", NUMERICOID}, {"max_temp", NUMERICOID},
		{"sum_humidity", NUMERICOID}, {"min_humidity", NUMERICOID}, {"max_humidity", NUMERICOID},
	};
	TupleDesc	tupdesc = CreateTemplateTupleDesc(WINDOW_COLUMNS);

	for (int i = 0; i < WINDOW_COLUMNS; i++)
		TupleDescInitEntry(tupdesc, i + 1, columns[i].name, columns[i].type, -1, 0);
	return tupdesc;
}

Windows *
windows_create(MemoryContext parent, ResourceOwner owner, int limit)
{
	MemoryContext caller = MemoryContextSwitchTo(parent);
	Windows    *windows = palloc0(sizeof(Windows));

	windows->context = AllocSetContextCreate(parent, "medallion weather windows", ALLOCSET_DEFAULT_SIZES);
	windows->table = window_create(windows->context, 256, NULL);
	windows->tupdesc = window_tupdesc();
	windows->owner = owner;
	windows->limit = limit;
	MemoryContextSwitchTo(caller);
	return windows;
}

static void
window_row(const Window *window, Datum *values)
{
	int			i = 0;

	values[i++] = PointerGetDatum(cstring_to_text_with_len(window->key.city.data, window->key.city.length));
	values[i++] = TimestampTzGetDatum(window->key.start);
	values[i++] = Int64GetDatum(window->readings);
	values[i++] = NumericGetDatum(decimal_sum_numeric(&window->sum_temp, true));
	values[i++] = NumericGetDatum(decimal_numeric(window->min_temp, true));
	values[i++] = NumericGetDatum(decimal_numeric(window->max_temp, true));
	values[i++] = NumericGetDatum(decimal_sum_numeric(&window->sum_humidity, false));
	values[i++] = NumericGetDatum(decimal_numeric(window->min_humidity, false));
	values[i++] = NumericGetDatum(decimal_numeric(window->max_humidity, false));
	Assert(i == WINDOW_COLUMNS);
}

/* What the table holds now. */
static void
put_windows(Windows *windows, Tuplestorestate *out)
{
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "medallion weather row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row);
	bool		nulls[WINDOW_COLUMNS] = {false};
	Datum		values[WINDOW_COLUMNS];
	window_iterator iterator;
	Window	   *window;

	window_start_iterate(windows->table, &iterator);
	while ((window = window_iterate(windows->table, &iterator)) != NULL)
	{
		window_row(window, values);
		tuplestore_putvalues(out, windows->tupdesc, values, nulls);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
}

static void
spill(Windows *windows)
{
	if (windows->spilled == NULL)
		windows->spilled = window_store(MemoryContextGetParent(windows->context), windows->owner, windows->limit);
	put_windows(windows, windows->spilled);
	MemoryContextReset(windows->context);
	windows->table = window_create(windows->context, 256, NULL);
}

static void
begin_window(Windows *windows, Window *window, const Reading *reading)
{
	MemoryContext caller = MemoryContextSwitchTo(windows->context);
	char	   *city = palloc(reading->city.length);

	window->key.city.data = memcpy(city, reading->city.data, reading->city.length);
	window->readings = 0;
	memset(&window->sum_temp, 0, sizeof(DecimalSum));
	memset(&window->sum_humidity, 0, sizeof(DecimalSum));
	window->min_temp = decimal_copy(reading->temp);
	window->max_temp = decimal_copy(reading->temp);
	window->min_humidity = decimal_copy(reading->humidity);
	window->max_humidity = decimal_copy(reading->humidity);
	MemoryContextSwitchTo(caller);
}

/* Comparing large numbers leaves garbage, which must not stay with the window. */
static void
keep_if(Windows *windows, int wanted, Decimal value, Decimal *kept)
{
	MemoryContext caller;

	if (decimal_compare(value, *kept) != wanted)
		return;
	caller = MemoryContextSwitchTo(windows->context);
	if (kept->numeric)
		pfree(kept->numeric);
	*kept = decimal_copy(value);
	MemoryContextSwitchTo(caller);
}

static void
add_to_window(Windows *windows, Window *window, const Reading *reading)
{
	MemoryContext caller = MemoryContextSwitchTo(windows->context);

	window->readings++;
	decimal_add(&window->sum_temp, reading->temp);
	decimal_add(&window->sum_humidity, reading->humidity);
	MemoryContextSwitchTo(caller);
	keep_if(windows, -1, reading->temp, &window->min_temp);
	keep_if(windows, 1, reading->temp, &window->max_temp);
	keep_if(windows, -1, reading->humidity, &window->min_humidity);
	keep_if(windows, 1, reading->humidity, &window->max_humidity);
}

void
windows_add(Windows *windows, const Reading *reading)
{
	WindowKey	key = {reading->city, instant_floor(reading->event_time, WINDOW_WIDTH)};
	bool		found;
	Window	   *window = window_insert(windows->table, key, &found);

	if (!found)
		begin_window(windows, window, reading);
	add_to_window(windows, window, reading);
	if (!found && MemoryContextMemAllocated(windows->context, true) > (Size) windows->limit * 1024)
		spill(windows);
}

void
windows_read(Windows *windows, Tuplestorestate *out)
{
	TupleTableSlot *slot;

	put_windows(windows, out);
	if (windows->spilled == NULL)
		return;
	slot = MakeSingleTupleTableSlot(windows->tupdesc, &TTSOpsMinimalTuple);
	tuplestore_rescan(windows->spilled);
	while (tuplestore_gettupleslot(windows->spilled, true, false, slot))
		tuplestore_puttupleslot(out, slot);
	ExecDropSingleTupleTableSlot(slot);
}
