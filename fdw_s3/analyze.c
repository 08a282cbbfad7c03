/*
 * analyze.c
 *		Sampling for ANALYZE, over a scan.
 */
#include "postgres.h"

#include "fdw_s3/analyze.h"

#include "executor/tuptable.h"
#include "fdw_s3/scan.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

typedef struct Sample
{
	HeapTuple  *rows;
	int			wanted;
	int			kept;
	double		seen;
	double		skip;			/* rows to pass over before the next that replaces one; below 0: to be drawn */
	ReservoirStateData reservoir;
} Sample;

BlockNumber
analyze_pages(Relation rel)
{
	S3Scan	   *scan = scan_begin(rel, InvalidOid, true, NULL, NULL);
	int64		objects;
	int64		bytes;

	scan_measure(scan, &objects, &bytes);
	scan_end(scan);
	return (BlockNumber) Min((bytes + BLCKSZ - 1) / BLCKSZ, MaxBlockNumber);
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

int
analyze_sample(Relation rel, int elevel, HeapTuple *rows, int wanted, double *total, double *dead)
{
	S3Scan	   *scan = scan_begin(rel, InvalidOid, true, NULL, NULL);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "fdw_s3 sample", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Sample		sample = {.rows = rows, .wanted = wanted, .skip = -1};
	bool		found;

	reservoir_init_selection_state(&sample.reservoir, wanted);
	do
	{
		MemoryContextReset(row_context);
		MemoryContextSwitchTo(row_context);
		found = scan_next(scan, slot);
		MemoryContextSwitchTo(old);
		if (found)
			sample_row(&sample, slot);
	} while (found);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	scan_end(scan);
	*total = sample.seen;
	*dead = 0;
	ereport(elevel,
			errmsg("\"%s\": the objects contain %.0f rows; %d rows in sample", RelationGetRelationName(rel), sample.seen,
				   sample.kept));
	return sample.kept;
}
