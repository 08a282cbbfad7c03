/*
 * modify.c
 *		INSERT and COPY into objects. Bytes and transactions are upload.h's and pending.h's affair, rows the formats'.
 *
 * The metadata column path, where the table has one, names a row's object: a planned name, which may replace what stands
 * there. NULL, or no such column: an object with a name of its own, which replaces nothing. The rows of an object come
 * together; a name that was left may not come back, because its object is complete by then.
 */
#include "postgres.h"

#include "fdw_s3/modify.h"

#include "fdw_s3/client.h"
#include "fdw_s3/codec.h"
#include "fdw_s3/format.h"
#include "fdw_s3/key.h"
#include "fdw_s3/option.h"
#include "fdw_s3/upload.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Encoded rows are handed on in pieces of about this size. */
#define FLUSH_SIZE (64 * 1024)
/* S3's bound of a key, which key.c checks, and a NUL. */
#define KEY_SIZE 1025

struct S3Modify
{
	MemoryContext context;
	MemoryContext row_context;
	Relation	rel;
	Oid			userid;
	S3Options  *options;
	const S3FormatOps *format;
	FormatTable table;
	void	   *writer;			/* the format's */
	Column	   *path_column;	/* with metadata path, or NULL */
	FmgrInfo	path_output;
	StringInfoData out;			/* encoded, not handed on yet */
	Place		place;

	S3Client   *client;			/* NULL until the first row */
	HTAB	   *written;		/* planned names that this statement has begun */
	int			objects;

	/* the object being written, if "upload" is set */
	MemoryContext object_context;
	S3Upload   *upload;
	Encoder    *encoder;
	char	   *key;
	bool		planned;
	int64		rows;
};

static void
modify_describe(StringInfo context, void *arg)
{
	S3Modify   *modify = arg;

	if (modify->upload != NULL)
		appendStringInfo(context, ", object \"%s\", row " INT64_FORMAT, modify->key, modify->rows + 1);
}

/* The column that names objects. Other metadata columns are facts about objects and take no value. */
static void
find_path_column(S3Modify *modify)
{
	int			count;
	Column	   *columns = column_list(modify->rel, NULL, true, &count);

	for (int i = 0; i < count; i++)
	{
		Oid			output;
		bool		varlena;

		if (columns[i].metadata == NULL || pg_strcasecmp(columns[i].metadata, "path") != 0)
			continue;
		modify->path_column = &columns[i];
		getTypeOutputInfo(columns[i].typid, &output, &varlena);
		fmgr_info(output, &modify->path_output);
	}
}

S3Modify *
modify_begin(Relation rel, Oid userid)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fdw_s3 modify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	S3Modify   *modify = palloc0(sizeof(S3Modify));

	modify->context = context;
	modify->row_context = AllocSetContextCreate(context, "fdw_s3 row", ALLOCSET_DEFAULT_SIZES);
	modify->object_context = AllocSetContextCreate(context, "fdw_s3 object", ALLOCSET_DEFAULT_SIZES);
	modify->rel = rel;
	modify->userid = OidIsValid(userid) ? userid : GetUserId();
	modify->options = s3_table_options(RelationGetRelid(rel), NULL);
	modify->format = format_ops(modify->options->format);
	modify->place.table = RelationGetRelationName(rel);
	modify->place.describe = modify_describe;
	modify->place.arg = modify;
	modify->table.rel = rel;
	modify->table.options = modify->options;
	modify->table.place = &modify->place;
	format_columns(&modify->table, true, NULL);
	if (modify->format->check)
		modify->format->check(&modify->table);
	find_path_column(modify);
	modify->writer = modify->format->write_begin(&modify->table);
	initStringInfo(&modify->out);
	MemoryContextSwitchTo(old);
	return modify;
}

/* ByteSink: compressed bytes of the object. */
static void
modify_send(void *arg, const char *bytes, size_t length)
{
	upload_write(((S3Modify *) arg)->upload, bytes, length);
}

/* Whole rows, in the encoding that objects have. */
static void
modify_flush(S3Modify *modify)
{
	char	   *bytes = pg_server_to_any(modify->out.data, modify->out.len, PG_UTF8);

	encoder_write(modify->encoder, bytes, bytes == modify->out.data ? modify->out.len : strlen(bytes));
	if (bytes != modify->out.data)
		pfree(bytes);
	resetStringInfo(&modify->out);
}

/* Note a planned name; true when it was there already. */
static bool
already_written(S3Modify *modify, const char *key)
{
	bool		found;

	if (modify->written == NULL)
	{
		HASHCTL		control = {.keysize = KEY_SIZE, .entrysize = KEY_SIZE, .hcxt = modify->context};

		modify->written = hash_create("fdw_s3 written", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	(void) hash_search(modify->written, key, HASH_ENTER, &found);
	return found;
}

static void
object_end(S3Modify *modify)
{
	modify_flush(modify);
	encoder_finish(modify->encoder);
	upload_seal(modify->upload, modify->rows);
	modify->upload = NULL;
	MemoryContextReset(modify->object_context);
}

static void
reject_return(const char *key)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("rows for object \"%s\" do not come together", key),
			errhint("Sort the rows by the column with option metadata 'path'."));
}

/* The name of a new unique object, with the endings that tell a reader what it is. */
static char *
unique_key(S3Modify *modify)
{
	const char *extension = modify->format->extension;

	if (modify->options->compression == S3_COMPRESSION_GZIP)
		extension = psprintf("%s.gz", extension);
	else if (modify->options->compression == S3_COMPRESSION_ZSTD)
		extension = psprintf("%s.zst", extension);
	return key_unique(modify->options, modify->rel, extension);
}

/* Begin an object; "key" is a planned name or NULL. */
static void
object_begin(S3Modify *modify, const char *key)
{
	MemoryContext old = MemoryContextSwitchTo(modify->object_context);
	S3UploadPlan plan = {0};

	if (modify->client == NULL)
		modify->client = client_get(GetForeignTable(RelationGetRelid(modify->rel))->serverid, modify->userid);
	modify->planned = key != NULL;
	modify->key = key ? pstrdup(key) : unique_key(modify);
	if (modify->planned)
	{
		key_check_planned(modify->options, key);
		if (already_written(modify, key))
			reject_return(key);
	}
	plan.bucket = modify->options->bucket;
	plan.key = modify->key;
	plan.planned = modify->planned;
	plan.skip_unchanged = modify->planned && modify->options->skip_unchanged;
	plan.part_size = modify->options->part_size;
	modify->upload = upload_begin(modify->client, &plan);
	modify->encoder = encoder_begin(s3_compression_of(modify->options->compression, modify->key),
									modify->options->compression_level, modify->options->compression_threads,
									modify_send, modify);
	modify->rows = 0;
	modify->objects++;
	MemoryContextSwitchTo(old);
	if (modify->format->write_head != NULL)
		modify->format->write_head(modify->writer, &modify->out);
}

/* The planned name of a row's object, or NULL. */
static char *
row_key(S3Modify *modify, TupleTableSlot *slot)
{
	int			at = modify->path_column ? modify->path_column->attnum - 1 : -1;

	if (at < 0 || slot->tts_isnull[at])
		return NULL;
	return OutputFunctionCall(&modify->path_output, slot->tts_values[at]);
}

/* Have the row's object be the one that is written. */
static void
choose_object(S3Modify *modify, const char *key)
{
	bool		same = modify->upload != NULL && modify->planned == (key != NULL) &&
		(key == NULL || strcmp(key, modify->key) == 0);

	if (same)
		return;
	if (modify->upload != NULL)
		object_end(modify);
	object_begin(modify, key);
}

void
modify_insert(S3Modify *modify, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(modify->row_context);

	place_push(&modify->place);
	slot_getallattrs(slot);
	choose_object(modify, row_key(modify, slot));
	modify->format->write_row(modify->writer, slot, &modify->out);
	modify->rows++;
	if (modify->out.len >= FLUSH_SIZE)
		modify_flush(modify);
	place_pop(&modify->place);
	MemoryContextSwitchTo(old);
	MemoryContextReset(modify->row_context);
}

void
modify_empty(S3Modify *modify, const char *key)
{
	place_push(&modify->place);
	choose_object(modify, key);
	place_pop(&modify->place);
}

void
modify_end(S3Modify *modify)
{
	if (modify->upload != NULL)
	{
		place_push(&modify->place);
		object_end(modify);
		place_pop(&modify->place);
	}
	MemoryContextDelete(modify->context);
}

int
modify_objects(const S3Modify *modify)
{
	return modify->objects;
}
