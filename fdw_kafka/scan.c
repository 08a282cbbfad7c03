/*
 * scan.c
 *		Ranges of a topic to rows. How records come, client.h knows; what they mean, decode.h.
 *
 * A range is read when a record at or behind its end has come, or the broker says that there is nothing before it: holes
 * of compaction, markers and aborted transactions have offsets, but never come. Nothing else ends a range but an ERROR.
 */
#include "postgres.h"

#include "fdw_kafka/scan.h"

#include "executor/executor.h"
#include "fdw_kafka/client.h"
#include "fdw_kafka/decode.h"
#include "fdw_kafka/range.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* A gap between two ranges of a partition that is not worth another fetch. */
#define SMALL_GAP 5000
/* Boxes with more different times than that are looked up by the least of them. */
#define MAX_TIMES 16

/* One partition with something to read. */
typedef struct PartitionScan
{
	int			partition;
	OffsetRange *ranges;		/* in order, apart from each other */
	int			count;
	int			current;		/* == count: done */
	int64		next;			/* no record before this one is wanted */
} PartitionScan;

struct KafkaScan
{
	MemoryContext context;
	MemoryContext run_context;	/* of what scan_rewind throws away; below it */
	Relation	rel;
	Oid			userid;
	KafkaOptions *options;
	Decoder    *decoder;
	Place		place;

	KafkaConsumer *consumer;	/* NULL until the first row is asked for */
	KafkaPartition *watermarks;
	int			nwatermarks;

	List	   *boxes;			/* NIL and restricted: nothing to read */
	bool		restricted;
	bool		started;
	PartitionScan **by_number;	/* the partition's, or NULL */
	int			numbers;
	int			unfinished;		/* partitions */
	KafkaRecord record;
	bool		on_record;		/* for the context of an ERROR */
	KafkaScanCounters counters;
};

/* fdw_kafka.strict_offsets */
static bool strict_offsets = false;

void
scan_init(void)
{
	DefineCustomBoolVariable("fdw_kafka.strict_offsets",
							 "Fails a scan that is asked for offsets which a partition does not have.",
							 "Otherwise it returns the records that are there.",
							 &strict_offsets, false, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("fdw_kafka");
}

static void
scan_describe(StringInfo context, void *arg)
{
	KafkaScan  *scan = arg;

	if (scan->on_record)
		appendStringInfo(context, ", partition %d, offset " INT64_FORMAT, scan->record.partition, scan->record.offset);
}

KafkaScan *
scan_begin(Relation rel, Oid userid, bool all, const Bitmapset *wanted)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fdw_kafka scan", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	KafkaScan  *scan = palloc0(sizeof(KafkaScan));

	scan->context = context;
	scan->run_context = AllocSetContextCreate(context, "fdw_kafka ranges", ALLOCSET_DEFAULT_SIZES);
	scan->rel = rel;
	scan->userid = OidIsValid(userid) ? userid : GetUserId();
	scan->options = kafka_table_options(RelationGetRelid(rel), NULL);
	scan->place.table = pstrdup(RelationGetRelationName(rel));
	scan->place.describe = scan_describe;
	scan->place.arg = scan;
	scan->decoder = decoder_begin(rel, scan->options, all, wanted, &scan->place);
	MemoryContextSwitchTo(old);
	return scan;
}

void
scan_restrict(KafkaScan *scan, List *boxes)
{
	scan->boxes = boxes;
	scan->restricted = true;
}

/* ---- what to read ---- */

static void
scan_connect(KafkaScan *scan)
{
	MemoryContext old;

	if (scan->consumer != NULL)
		return;
	old = MemoryContextSwitchTo(scan->context);
	scan->consumer = consumer_acquire(client_get(GetForeignTable(RelationGetRelid(scan->rel))->serverid, scan->userid),
									  scan->options->settings.isolation, scan->options->settings.fetch_budget);
	scan->watermarks = consumer_watermarks(scan->consumer, scan->options->topic, &scan->nwatermarks);
	consumer_open(scan->consumer, scan->options->topic);
	MemoryContextSwitchTo(old);
}

/* A time that boxes begin at, and the first offset of it in each partition. */
typedef struct TimeStart
{
	int64		time;
	int64	   *offsets;		/* beside watermarks */
} TimeStart;

static int
compare_times(const void *a, const void *b)
{
	int64		l = *(const int64 *) a;
	int64		r = *(const int64 *) b;

	return l < r ? -1 : l > r;
}

/* The different times of the boxes, in order. */
static int64 *
box_times(List *boxes, int *count)
{
	int64	   *times = palloc(sizeof(int64) * Max(list_length(boxes), 1));
	int			n = 0;
	int			kept = 0;
	ListCell   *lc;

	foreach(lc, boxes)
		if (((RangeBox *) lfirst(lc))->first_time != RANGE_NO_TIME)
			times[n++] = ((RangeBox *) lfirst(lc))->first_time;
	qsort(times, n, sizeof(int64), compare_times);
	for (int i = 0; i < n; i++)
		if (kept == 0 || times[kept - 1] != times[i])
			times[kept++] = times[i];
	*count = kept > MAX_TIMES ? 1 : kept;
	return times;
}

/*
 * Look the boxes' times up. After the watermarks were taken: then "none at or after it" also holds for all that stands
 * below them.
 */
static TimeStart *
find_times(KafkaScan *scan, List *boxes, int *count)
{
	int64	   *times = box_times(boxes, count);
	TimeStart  *starts = palloc(sizeof(TimeStart) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
	{
		consumer_find_times(scan->consumer, scan->options->topic, scan->watermarks, scan->nwatermarks, times[i]);
		starts[i].time = times[i];
		starts[i].offsets = palloc(sizeof(int64) * scan->nwatermarks);
		for (int j = 0; j < scan->nwatermarks; j++)
			starts[i].offsets[j] = scan->watermarks[j].found;
	}
	return starts;
}

/* The first offset of a partition that a box with that time can want: by the greatest time looked up that is not later. */
static int64
time_offset(const TimeStart *starts, int count, int64 time, int place)
{
	int64		offset = 0;

	for (int i = 0; i < count && starts[i].time <= time; i++)
		offset = starts[i].offsets[place];
	return offset;
}

/*
 * An upper bound names the records up to it, and a lower bound those from it on: who is strict wants each of them. Where a
 * bound is left out, whatever is there will do.
 */
static void
require_offsets(const KafkaScan *scan, const KafkaPartition *partition, const RangeBox *box)
{
	bool		ahead = box->last_offset != PG_INT64_MAX && box->last_offset >= partition->high;

	if (!ahead && (box->first_offset <= 0 || box->first_offset >= partition->low))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FDW_ERROR),
			errmsg("topic \"%s\" partition %d does not have all offsets that are asked for", scan->options->topic,
				   partition->partition),
			errdetail("Asked for are offsets " INT64_FORMAT "%s; it has " INT64_FORMAT " to " INT64_FORMAT ".",
					  box->first_offset,
					  box->last_offset == PG_INT64_MAX ? " and more" : psprintf(" to " INT64_FORMAT, box->last_offset),
					  partition->low, partition->high - 1),
			errhint("fdw_kafka.strict_offsets is on."));
}

/* The same of partitions: a box that names one and an end in it. */
static void
require_partition(const KafkaScan *scan, const RangeBox *box)
{
	if (box->last_offset == PG_INT64_MAX || box->last_partition == PG_INT64_MAX || box->last_partition < scan->numbers)
		return;
	ereport(ERROR,
			errcode(ERRCODE_FDW_ERROR),
			errmsg("topic \"%s\" has no partition " INT64_FORMAT, scan->options->topic, box->last_partition),
			errhint("fdw_kafka.strict_offsets is on."));
}

/* What a box wants of a partition. */
static OffsetRange
box_range(const RangeBox *box, const KafkaPartition *partition, int64 time_offset)
{
	OffsetRange range;

	range.first = Max(Max(box->first_offset, time_offset), partition->low);
	range.end = box->last_offset < partition->high ? box->last_offset + 1 : partition->high;
	return range;
}

static void
add_partition(KafkaScan *scan, int partition, OffsetRange *ranges, int count)
{
	PartitionScan *part = palloc(sizeof(PartitionScan));

	part->partition = partition;
	part->ranges = ranges;
	part->count = count;
	part->current = 0;
	part->next = ranges[0].first;
	scan->by_number[partition] = part;
	scan->unfinished++;
	scan->counters.partitions++;
	scan->counters.ranges += count;
	for (int i = 0; i < count; i++)
		scan->counters.offsets += ranges[i].end - ranges[i].first;
}

static void
plan_partition(KafkaScan *scan, int place, List *boxes, const TimeStart *starts, int nstarts)
{
	const KafkaPartition *partition = &scan->watermarks[place];
	OffsetRange *ranges = palloc(sizeof(OffsetRange) * list_length(boxes));
	int			count = 0;
	ListCell   *lc;

	foreach(lc, boxes)
	{
		const RangeBox *box = lfirst(lc);

		if (partition->partition < box->first_partition || partition->partition > box->last_partition)
			continue;
		if (strict_offsets)
			require_offsets(scan, partition, box);
		ranges[count++] = box_range(box, partition,
									box->first_time == RANGE_NO_TIME ? 0 :
									time_offset(starts, nstarts, box->first_time, place));
	}
	count = range_normalize(ranges, count);
	if (count > 0)
		add_partition(scan, partition->partition, ranges, count);
	else
		pfree(ranges);
}

static void
plan_ranges(KafkaScan *scan)
{
	RangeBox	everything = {0, PG_INT64_MAX, 0, PG_INT64_MAX, RANGE_NO_TIME};
	List	   *boxes = scan->restricted ? scan->boxes : list_make1(&everything);
	int			nstarts;
	TimeStart  *starts = find_times(scan, boxes, &nstarts);
	ListCell   *lc;

	scan->numbers = scan->nwatermarks > 0 ? scan->watermarks[scan->nwatermarks - 1].partition + 1 : 0;
	scan->by_number = palloc0(sizeof(PartitionScan *) * Max(scan->numbers, 1));
	foreach(lc, boxes)
		if (strict_offsets)
			require_partition(scan, lfirst(lc));
	for (int i = 0; i < scan->nwatermarks; i++)
		plan_partition(scan, i, boxes, starts, nstarts);
}

/* All partitions are fetched from now on. */
static void
scan_start(KafkaScan *scan)
{
	MemoryContext old = MemoryContextSwitchTo(scan->run_context);

	scan->started = true;
	if (!scan->restricted || scan->boxes != NIL)
	{
		scan_connect(scan);
		plan_ranges(scan);
		for (int i = 0; i < scan->numbers; i++)
			if (scan->by_number[i] != NULL)
				consumer_start(scan->consumer, i, scan->by_number[i]->next);
	}
	MemoryContextSwitchTo(old);
}

/* ---- reading ---- */

/* The current range of a partition is read. Go on to the next, by a new fetch where it is far; "at" is where we stand. */
static void
next_range(KafkaScan *scan, PartitionScan *part, int64 at)
{
	OffsetRange *range;

	if (++part->current == part->count)
	{
		scan->unfinished--;
		consumer_stop(scan->consumer, part->partition);
		return;
	}
	range = &part->ranges[part->current];
	part->next = range->first;
	if (range->first - at <= SMALL_GAP)
		return;
	consumer_stop(scan->consumer, part->partition);
	consumer_start(scan->consumer, part->partition, range->first);
}

/* Whether a record is one of those wanted; takes note of the ranges that it shows to be read. */
static bool
record_wanted(KafkaScan *scan, const KafkaRecord *record)
{
	PartitionScan *part = scan->by_number[record->partition];

	while (part->current < part->count && record->offset >= part->ranges[part->current].end)
		next_range(scan, part, record->offset);
	if (record->message == NULL || part->current == part->count || record->offset < part->next)
		return false;
	part->next = record->offset + 1;
	if (part->next == part->ranges[part->current].end)
		next_range(scan, part, part->next);
	return true;
}

/* The next record of any partition; false when all ranges are read. */
static bool
scan_record(KafkaScan *scan)
{
	KafkaRecord *record = &scan->record;

	if (!scan->started)
		scan_start(scan);
	while (scan->unfinished > 0)
	{
		consumer_next(scan->consumer, record);
		if (!record_wanted(scan, record))
			continue;
		scan->counters.messages++;
		scan->counters.bytes += record->key_length + record->value_length;
		return true;
	}
	return false;
}

static bool
scan_row(KafkaScan *scan, TupleTableSlot *slot)
{
	scan->on_record = false;
	if (!scan_record(scan))
		return false;
	scan->on_record = true;
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	decoder_row(scan->decoder, &scan->record, slot->tts_values, slot->tts_isnull);
	scan->on_record = false;
	return true;
}

bool
scan_next(KafkaScan *scan, TupleTableSlot *slot)
{
	bool		found;

	ExecClearTuple(slot);
	place_push(&scan->place);
	found = scan_row(scan, slot);
	place_pop(&scan->place);
	if (found)
		ExecStoreVirtualTuple(slot);
	return found;
}

void
scan_rewind(KafkaScan *scan)
{
	for (int i = 0; i < scan->numbers; i++)
		if (scan->by_number[i] != NULL && scan->by_number[i]->current < scan->by_number[i]->count)
			consumer_stop(scan->consumer, i);
	MemoryContextReset(scan->run_context);
	scan->by_number = NULL;
	scan->numbers = 0;
	scan->unfinished = 0;
	scan->started = false;
}

bool
scan_keeps_errors(const KafkaScan *scan)
{
	return scan->options->on_error == KAFKA_ON_ERROR_KEEP;
}

const KafkaPartition *
scan_partitions(KafkaScan *scan, int *count)
{
	place_push(&scan->place);
	scan_connect(scan);
	place_pop(&scan->place);
	*count = scan->nwatermarks;
	return scan->watermarks;
}

const KafkaScanCounters *
scan_counters(const KafkaScan *scan)
{
	return &scan->counters;
}

void
scan_end(KafkaScan *scan)
{
	decoder_end(scan->decoder);
	if (scan->consumer != NULL)
		consumer_release(scan->consumer);
	MemoryContextDelete(scan->context);
}
