/*
 * analyze.c
 *		Sampling for ANALYZE, over a scan of pieces that are spread over the topic.
 */
#include "postgres.h"

#include "fdw_kafka/analyze.h"

#include <math.h>

#include "executor/tuptable.h"
#include "fdw_kafka/range.h"
#include "fdw_kafka/scan.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

/* A topic of up to so many times the wanted rows is read as a whole. */
#define WHOLE_FACTOR 4
/* Else so many pieces are. */
#define PIECES 64
/* Before anything is read: what a record takes up. */
#define RECORD_BYTES 512

typedef struct Sample
{
	HeapTuple  *rows;
	int			wanted;
	int			kept;
	double		seen;
	double		skip;			/* rows to pass over before the next that replaces one; below 0: to be drawn */
	ReservoirStateData reservoir;
} Sample;

static double
topic_size(const KafkaPartition *partitions, int count)
{
	double		size = 0;

	for (int i = 0; i < count; i++)
		size += partitions[i].high - partitions[i].low;
	return size;
}

BlockNumber
analyze_pages(Relation rel)
{
	KafkaScan  *scan = scan_begin(rel, InvalidOid, true, NULL);
	const KafkaPartition *partitions;
	double		pages;
	int			count;

	partitions = scan_partitions(scan, &count);
	pages = topic_size(partitions, count) * RECORD_BYTES / BLCKSZ;
	scan_end(scan);
	return (BlockNumber) Min(Max(pages, 1), MaxBlockNumber);
}

/* The offset that stands at a place counted over all partitions, as a piece of that length from there. */
static RangeBox *
piece_at(const KafkaPartition *partitions, int count, int64 place, int64 length)
{
	RangeBox   *box = palloc(sizeof(RangeBox));
	int			i = 0;

	while (i < count - 1 && place >= partitions[i].high - partitions[i].low)
	{
		place -= partitions[i].high - partitions[i].low;
		i++;
	}
	box->first_partition = box->last_partition = partitions[i].partition;
	box->first_offset = partitions[i].low + place;
	box->last_offset = box->first_offset + length - 1;
	box->first_time = RANGE_NO_TIME;
	return box;
}

/* Restrict a scan of a large topic to pieces: one at a random place of each of as many equal parts. */
static void
choose_pieces(KafkaScan *scan, int wanted, double *size, Sample *sample)
{
	const KafkaPartition *partitions;
	List	   *pieces = NIL;
	int64		length = Max(wanted / PIECES, 1);
	int			count;

	partitions = scan_partitions(scan, &count);
	*size = topic_size(partitions, count);
	if (*size <= (double) wanted * WHOLE_FACTOR)
		return;
	for (int i = 0; i < PIECES; i++)
	{
		double		part = *size / PIECES;
		int64		place = (int64) (part * i + (part - length) * sampler_random_fract(&sample->reservoir.randstate));

		pieces = lappend(pieces, piece_at(partitions, count, place, length));
	}
	scan_restrict(scan, pieces);
}

/* Vitter's algorithm, as core's own sampling runs it. */
static void
sample_row(Sample *sample, TupleTableSlot *slot)
{
	int			place;

	sample->seen += 1;
	if (sample->kept < sample->wanted)
	{
		sample->rows[sample->kept++] = ExecCopySlotHeapTuple(slot);
		return;
	}
	if (sample->skip < 0)
		sample->skip = reservoir_get_next_S(&sample->reservoir, sample->seen - 1, sample->wanted);
	if (sample->skip-- > 0)
		return;
	place = (int) (sample->wanted * sampler_random_fract(&sample->reservoir.randstate));
	heap_freetuple(sample->rows[place]);
	sample->rows[place] = ExecCopySlotHeapTuple(slot);
	sample->skip = -1;
}

/* The records of the topic: those seen where all was read, else by the share of offsets that had one. */
static double
total_rows(const KafkaScan *scan, const Sample *sample, double size)
{
	const KafkaScanCounters *counters = scan_counters(scan);

	if (counters->offsets == 0)
		return 0;
	return rint(size * sample->seen / counters->offsets);
}

int
analyze_sample(Relation rel, int elevel, HeapTuple *rows, int wanted, double *total, double *dead)
{
	KafkaScan  *scan = scan_begin(rel, InvalidOid, true, NULL);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "fdw_kafka sample", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Sample		sample = {.rows = rows, .wanted = wanted, .skip = -1};
	double		size;
	bool		found;

	reservoir_init_selection_state(&sample.reservoir, wanted);
	choose_pieces(scan, wanted, &size, &sample);
	do
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(row_context);
		MemoryContextSwitchTo(row_context);
		found = scan_next(scan, slot);
		MemoryContextSwitchTo(old);
		if (found)
			sample_row(&sample, slot);
	} while (found);
	*total = total_rows(scan, &sample, size);
	*dead = 0;
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	scan_end(scan);
	ereport(elevel,
			errmsg("\"%s\": the topic holds about %.0f records; %.0f read, %d rows in sample", RelationGetRelationName(rel),
				   *total, sample.seen, sample.kept));
	return sample.kept;
}
