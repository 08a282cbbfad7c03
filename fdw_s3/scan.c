/*
 * scan.c
 *		Objects to rows. How bytes come, client.h knows; what they mean, the formats.
 */
#include "postgres.h"

#include "fdw_s3/scan.h"

#include "executor/executor.h"
#include "fdw_s3/client.h"
#include "fdw_s3/codec.h"
#include "fdw_s3/format.h"
#include "fdw_s3/key.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static const char byte_order_mark[] = {'\xEF', '\xBB', '\xBF'};

/* A column that tells about the object. */
typedef struct MetadataColumn
{
	Column		column;
	bool		wanted;
	Datum		value;			/* of the current object, in its context */
	bool		isnull;
} MetadataColumn;

/* One object being read or fetched ahead. */
typedef struct ScanSource
{
	S3Scan	   *scan;
	const S3Object *object;
	MemoryContext context;		/* of all that belongs to it */
	S3Stream   *stream;
	Decoder    *decoder;
	void	   *reader;			/* the format's, or NULL until its first row is asked for */
	char		head[sizeof(byte_order_mark)];	/* the first bytes, which may be a byte order mark */
	int			head_begin;
	int			head_end;
	bool		head_read;
} ScanSource;

struct S3Scan
{
	MemoryContext context;
	Relation	rel;
	Oid			userid;
	S3Options  *options;
	const char *listed_prefix;
	const S3FormatOps *format;
	FormatTable table;
	MetadataColumn *metadata;
	int			nmetadata;
	Place		place;

	S3Client   *client;			/* NULL until the first row is asked for */
	S3Listing  *listing;
	List	   *objects;		/* of S3Object *: what was listed so far */
	bool		listed;			/* that is all */
	int			next_object;	/* in objects */

	ExprState  *filter;			/* on metadata columns; NULL: none */
	ExprContext *filter_context;
	TupleTableSlot *filter_slot;

	List	   *ahead;			/* of ScanSource *: opened, in order */
	ScanSource *current;
	S3ScanCounters counters;
};

static void
scan_describe(StringInfo context, void *arg)
{
	S3Scan	   *scan = arg;
	ScanSource *source = scan->current;

	if (source == NULL)
		return;
	appendStringInfo(context, ", object \"%s\"", source->object->key);
	if (source->reader != NULL)
		appendStringInfo(context, ", line " UINT64_FORMAT, scan->format->line(source->reader));
}

/* The columns with option metadata. */
static void
scan_metadata_columns(S3Scan *scan, bool all, const Bitmapset *wanted)
{
	int			count;
	Column	   *columns = column_list(scan->rel, NULL, true, &count);

	scan->metadata = palloc0(sizeof(MetadataColumn) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		MetadataColumn *metadata = &scan->metadata[scan->nmetadata];

		if (columns[i].metadata == NULL)
			continue;
		metadata->column = columns[i];
		metadata->wanted = all || bms_is_member(columns[i].attnum, wanted);
		scan->nmetadata++;
	}
}

S3Scan *
scan_begin(Relation rel, Oid userid, bool all, const Bitmapset *wanted, const char *listing)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fdw_s3 scan", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	S3Scan	   *scan = palloc0(sizeof(S3Scan));

	scan->context = context;
	scan->rel = rel;
	scan->userid = OidIsValid(userid) ? userid : GetUserId();
	scan->options = s3_table_options(RelationGetRelid(rel), NULL);
	scan->listed_prefix = listing ? pstrdup(listing) : scan->options->prefix;
	scan->format = format_ops(scan->options->format);
	scan->table.rel = rel;
	scan->table.options = scan->options;
	scan->table.place = &scan->place;
	scan->place.table = RelationGetRelationName(rel);
	scan->place.describe = scan_describe;
	scan->place.arg = scan;
	format_columns(&scan->table, all, wanted);
	scan_metadata_columns(scan, all, wanted);
	if (scan->format->check)
		scan->format->check(&scan->table);
	MemoryContextSwitchTo(old);
	return scan;
}

void
scan_filter(S3Scan *scan, List *conditions, PlanState *parent)
{
	if (conditions == NIL)
		return;
	scan->filter = ExecInitQual(conditions, parent);
	scan->filter_context = CreateExprContext(parent->state);
	scan->filter_slot = MakeSingleTupleTableSlot(RelationGetDescr(scan->rel), &TTSOpsVirtual);
}

static void
scan_connect(S3Scan *scan)
{
	if (scan->client == NULL)
		scan->client = client_get(GetForeignTable(RelationGetRelid(scan->rel))->serverid, scan->userid);
}

static void
reject_missing(const S3Options *options)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
			errmsg("object \"%s\" does not exist in bucket \"%s\"", options->path, options->bucket));
}

/* The table's one object; none where it is empty. */
static void
list_single(S3Scan *scan)
{
	S3Object   *object = palloc0(sizeof(S3Object));

	if (!s3_head(scan->client, scan->options->bucket, scan->options->path, object))
		reject_missing(scan->options);
	if (object->key == NULL)
		object->key = scan->options->path;
	if (object->size != 0)
		scan->objects = lappend(scan->objects, object);
	scan->listed = true;
}

/* One more object of the listing. */
static void
list_more(S3Scan *scan)
{
	S3Object   *object;

	if (scan->listing == NULL)
		scan->listing = s3_list_begin(scan->client, scan->options->bucket, scan->listed_prefix);
	object = s3_list_next(scan->listing);
	if (object == NULL)
		scan->listed = true;
	else if (object->size != 0 && key_is_row_source(scan->options->prefix, object->key))
		scan->objects = lappend(scan->objects, object);
	else
	{
		pfree(object->key);
		if (object->etag != NULL)
			pfree(object->etag);
		pfree(object);
	}
}

/* The object at that place of the list, listing as far as needed; NULL behind the last. */
static const S3Object *
object_at(S3Scan *scan, int place)
{
	MemoryContext old = MemoryContextSwitchTo(scan->context);

	scan_connect(scan);
	while (!scan->listed && list_length(scan->objects) <= place)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->options->path != NULL)
			list_single(scan);
		else
			list_more(scan);
	}
	MemoryContextSwitchTo(old);
	return place < list_length(scan->objects) ? list_nth(scan->objects, place) : NULL;
}

/* What a metadata column says of an object, as text; NULL where the server did not tell. */
static char *
metadata_text(const MetadataColumn *metadata, const S3Object *object)
{
	const char *what = metadata->column.metadata;

	if (pg_strcasecmp(what, "path") == 0)
		return object->key;
	if (pg_strcasecmp(what, "etag") == 0)
		return object->etag;
	if (pg_strcasecmp(what, "size") == 0)
		return object->size < 0 ? NULL : psprintf(INT64_FORMAT, object->size);
	return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(object->last_modified)));
}

/* Convert the metadata of an object, in the current memory context. */
static void
metadata_read(S3Scan *scan, const S3Object *object, bool all)
{
	for (int i = 0; i < scan->nmetadata; i++)
	{
		MetadataColumn *metadata = &scan->metadata[i];
		Column	   *column = &metadata->column;
		char	   *text;

		if (!metadata->wanted && !all)
			continue;
		scan->place.column = column->name;
		text = metadata_text(metadata, object);
		metadata->value = InputFunctionCall(&column->input, text, column->ioparam, column->typmod);
		metadata->isnull = text == NULL;
	}
	scan->place.column = NULL;
}

static void
metadata_store(const S3Scan *scan, TupleTableSlot *slot, bool all)
{
	for (int i = 0; i < scan->nmetadata; i++)
	{
		const MetadataColumn *metadata = &scan->metadata[i];

		if (!metadata->wanted && !all)
			continue;
		slot->tts_values[metadata->column.attnum - 1] = metadata->value;
		slot->tts_isnull[metadata->column.attnum - 1] = metadata->isnull;
	}
}

/* Whether the conditions on metadata columns hold; the executor checks them again on every row. */
static bool
object_passes(S3Scan *scan, const S3Object *object)
{
	TupleTableSlot *slot = scan->filter_slot;
	MemoryContext old;
	bool		passes;

	if (scan->filter == NULL)
		return true;
	ResetExprContext(scan->filter_context);
	old = MemoryContextSwitchTo(scan->filter_context->ecxt_per_tuple_memory);
	ExecStoreAllNullTuple(slot);
	metadata_read(scan, object, true);
	metadata_store(scan, slot, true);
	scan->filter_context->ecxt_scantuple = slot;
	passes = ExecQual(scan->filter, scan->filter_context);
	MemoryContextSwitchTo(old);
	if (!passes)
		scan->counters.pruned++;
	return passes;
}

static const S3Object *
next_object(S3Scan *scan)
{
	const S3Object *object;

	while ((object = object_at(scan, scan->next_object)) != NULL)
	{
		scan->next_object++;
		if (object_passes(scan, object))
			return object;
	}
	return NULL;
}

/* ByteSource: the object as it is stored. */
static size_t
source_fetch(void *arg, char *buffer, size_t size)
{
	ScanSource *source = arg;
	size_t		got = s3_read(source->stream, buffer, size);

	source->scan->counters.bytes += got;
	return got;
}

/* Read the first bytes; a byte order mark is dropped. */
static void
source_read_head(ScanSource *source)
{
	size_t		got;

	source->head_read = true;
	while (source->head_end < sizeof(source->head) &&
		   (got = decoder_read(source->decoder, source->head + source->head_end,
							   sizeof(source->head) - source->head_end)) > 0)
		source->head_end += got;
	if (source->head_end == sizeof(source->head) && memcmp(source->head, byte_order_mark, source->head_end) == 0)
		source->head_begin = source->head_end;
}

/* ByteSource: the object's content. */
static size_t
source_read(void *arg, char *buffer, size_t size)
{
	ScanSource *source = arg;
	MemoryContext old = MemoryContextSwitchTo(source->context);
	size_t		got;

	if (!source->head_read)
		source_read_head(source);
	got = Min(size, source->head_end - source->head_begin);
	if (got > 0)
	{
		memcpy(buffer, source->head + source->head_begin, got);
		source->head_begin += got;
	}
	else
		got = decoder_read(source->decoder, buffer, size);
	MemoryContextSwitchTo(old);
	return got;
}

static ScanSource *
source_open(S3Scan *scan, const S3Object *object)
{
	MemoryContext context = AllocSetContextCreate(scan->context, "fdw_s3 object", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	ScanSource *source = palloc0(sizeof(ScanSource));

	source->scan = scan;
	source->object = object;
	source->context = context;
	source->stream = s3_open(scan->client, scan->options->bucket, object);
	MemoryContextSwitchTo(old);
	scan->counters.objects++;
	return source;
}

static void
source_close(ScanSource *source)
{
	if (source->reader != NULL && source->scan->format->read_end != NULL)
		source->scan->format->read_end(source->reader);
	s3_close(source->stream);
	MemoryContextDelete(source->context);
}

/* It becomes the current one: its content and its metadata are wanted now. */
static void
source_start(ScanSource *source)
{
	S3Scan	   *scan = source->scan;
	MemoryContext old = MemoryContextSwitchTo(source->context);

	scan->current = source;
	source->decoder = decoder_begin(s3_compression_of(scan->options->compression, source->object->key),
									source_fetch, source);
	metadata_read(scan, source->object, false);
	source->reader = scan->format->read_begin(&scan->table, source_read, source);
	MemoryContextSwitchTo(old);
}

/* Keep as many objects open as the option read_ahead says, the current one included. */
static void
scan_fetch_ahead(S3Scan *scan)
{
	while (list_length(scan->ahead) < scan->options->read_ahead)
	{
		const S3Object *object = next_object(scan);
		MemoryContext old;

		if (object == NULL)
			return;
		old = MemoryContextSwitchTo(scan->context);
		scan->ahead = lappend(scan->ahead, source_open(scan, object));
		MemoryContextSwitchTo(old);
	}
}

static bool
scan_next_source(S3Scan *scan)
{
	ScanSource *source;

	scan_fetch_ahead(scan);
	if (scan->ahead == NIL)
		return false;
	source = linitial(scan->ahead);
	scan->ahead = list_delete_first(scan->ahead);
	source_start(source);
	return true;
}

static void
scan_close_current(S3Scan *scan)
{
	ScanSource *source = scan->current;

	scan->current = NULL;
	if (source != NULL)
		source_close(source);
}

/* The next row of whichever object has one. */
static bool
scan_read(S3Scan *scan, TupleTableSlot *slot)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->current == NULL && !scan_next_source(scan))
			return false;
		memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
		if (scan->format->read_row(scan->current->reader, slot->tts_values, slot->tts_isnull))
			return true;
		scan_close_current(scan);
	}
}

bool
scan_next(S3Scan *scan, TupleTableSlot *slot)
{
	bool		found;

	ExecClearTuple(slot);
	place_push(&scan->place);
	found = scan_read(scan, slot);
	place_pop(&scan->place);
	if (!found)
		return false;
	metadata_store(scan, slot, false);
	ExecStoreVirtualTuple(slot);
	return true;
}

static void
scan_close_sources(S3Scan *scan)
{
	ListCell   *lc;

	scan_close_current(scan);
	foreach(lc, scan->ahead)
		source_close(lfirst(lc));
	list_free(scan->ahead);
	scan->ahead = NIL;
}

void
scan_rewind(S3Scan *scan)
{
	scan_close_sources(scan);
	scan->next_object = 0;
}

void
scan_measure(S3Scan *scan, int64 *objects, int64 *bytes)
{
	const S3Object *object;

	*objects = 0;
	*bytes = 0;
	place_push(&scan->place);
	while ((object = object_at(scan, *objects)) != NULL)
	{
		(*objects)++;
		*bytes += Max(object->size, 0);
	}
	place_pop(&scan->place);
}

const S3ScanCounters *
scan_counters(const S3Scan *scan)
{
	return &scan->counters;
}

void
scan_end(S3Scan *scan)
{
	scan_close_sources(scan);
	if (scan->filter_slot != NULL)
		ExecDropSingleTupleTableSlot(scan->filter_slot);
	MemoryContextDelete(scan->context);
}
