/*
 * encode.c
 *		Rows as messages: key, value and headers as bytes, partition and timestamp as numbers.
 *
 * A json value is compiled once per statement into a list of fixed texts and columns, so that a nested object costs a row
 * no more than a flat one.
 */
#include "postgres.h"

#include "fdw_kafka/encode.h"

#include "catalog/pg_type.h"
#include "common/csv_write.h"
#include "common/json.h"
#include "common/json_write.h"
#include "common/value.h"
#include "fdw_kafka/header.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* From 1970 to PostgreSQL's 2000, in milliseconds. */
#define EPOCH_MS ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000))

/* One column of the table, as it is written. */
typedef struct Field
{
	Column	   *column;
	ValueWriter *writer;
	Oid			base;			/* its type, below domains */
} Field;

/* A piece of the json value: a fixed text, then a column's value, unless it is the end. */
typedef struct JsonPiece
{
	char	   *text;
	int			length;
	Field	   *field;
} JsonPiece;

/* A key of the object that is written, with the column below it or the object's own keys. */
typedef struct JsonNode
{
	char	   *key;
	Field	   *field;
	List	   *nodes;
} JsonNode;

struct Encoder
{
	const char *table;
	const KafkaOptions *options;
	Field	   *data;			/* columns of the value */
	int			ndata;
	Field	   *metadata[KAFKA_METADATA_ERROR + 1]; /* by KafkaMetadata; NULL: no such column */
	JsonPiece  *pieces;
	int			npieces;
	CsvStyle	style;
	const char *at;				/* column that is being encoded */
	StringInfoData key_bytes;
	StringInfoData value_bytes;
	StringInfoData header_bytes;
	StringInfoData text;		/* of one field */
};

const char *
encoder_column(const Encoder *encoder)
{
	return encoder->at;
}

static void
reject_write(const Encoder *encoder, const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("cannot write to foreign table \"%s\"", encoder->table),
			errdetail("%s", detail));
}

/* ---- columns ---- */

static void
require_type(const Encoder *encoder, const Field *field, bool fits, const char *wanted)
{
	if (!fits)
		reject_write(encoder, psprintf("Column \"%s\" has option metadata '%s'; to be written it must be of type %s.",
									   field->column->name, field->column->metadata, wanted));
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static void
take_metadata(Encoder *encoder, Field *field)
{
	KafkaMetadata metadata = kafka_metadata(field->column->metadata);
	Field	   *other = encoder->metadata[metadata];

	if (metadata == KAFKA_METADATA_PARTITION)
		require_type(encoder, field, is_integer(field->base), "integer");
	else if (metadata == KAFKA_METADATA_TIMESTAMP)
		require_type(encoder, field, field->base == TIMESTAMPTZOID, "timestamp with time zone");
	else if (metadata == KAFKA_METADATA_HEADERS)
		require_type(encoder, field, field->base == JSONBOID || field->base == JSONOID, "jsonb or json");
	if (other != NULL)
		reject_write(encoder, psprintf("Columns \"%s\" and \"%s\" both have option metadata '%s'.",
									   other->column->name, field->column->name, field->column->metadata));
	encoder->metadata[metadata] = field;
}

static void
take_columns(Encoder *encoder, Relation rel)
{
	int			count;
	Column	   *columns = column_list(rel, NULL, true, &count);
	ValueWriter *writers = value_writers(columns, count);
	Field	   *fields = palloc(sizeof(Field) * Max(count, 1));

	encoder->data = palloc(sizeof(Field) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		Field		field = {&columns[i], &writers[i], getBaseType(columns[i].typid)};

		fields[i] = field;
		if (columns[i].metadata == NULL)
			encoder->data[encoder->ndata++] = field;
		else
			take_metadata(encoder, &fields[i]);
	}
}

/* ---- json ---- */

/* A step that is a number leads into an array, which has no room for "the element that somebody set". */
static bool
is_index(const char *step)
{
	return *step != '\0' && strspn(step, "0123456789") == strlen(step);
}

static JsonNode *
find_node(List *nodes, const char *key)
{
	ListCell   *lc;

	foreach(lc, nodes)
		if (strcmp(((JsonNode *) lfirst(lc))->key, key) == 0)
			return lfirst(lc);
	return NULL;
}

static void
add_path(Encoder *encoder, JsonNode *node, Field *field)
{
	List	   *steps = json_path_steps(field->column);
	ListCell   *lc;

	foreach(lc, steps)
	{
		char	   *key = lfirst(lc);
		JsonNode   *next = find_node(node->nodes, key);

		if (is_index(key) && list_length(steps) > 1)
			reject_write(encoder, psprintf("The path of column \"%s\" leads into an array.", field->column->name));
		if (next == NULL)
		{
			next = palloc0(sizeof(JsonNode));
			next->key = key;
			node->nodes = lappend(node->nodes, next);
		}
		else if (next->field != NULL || lnext(steps, lc) == NULL)
			reject_write(encoder, psprintf("The path of column \"%s\" is that of another column, or leads through it.",
										   field->column->name));
		node = next;
	}
	node->field = field;
}

static void
end_piece(Encoder *encoder, StringInfo text, Field *field)
{
	JsonPiece  *piece = &encoder->pieces[encoder->npieces++];

	piece->text = pnstrdup(text->data, text->len);
	piece->length = text->len;
	piece->field = field;
	resetStringInfo(text);
}

/* The depth is that of paths, which the validator bounds by their length. */
static void
add_pieces(Encoder *encoder, const JsonNode *node, StringInfo text)
{
	ListCell   *lc;

	if (node->field != NULL)
	{
		end_piece(encoder, text, node->field);
		return;
	}
	check_stack_depth();
	appendStringInfoChar(text, '{');
	foreach(lc, node->nodes)
	{
		const JsonNode *next = lfirst(lc);

		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(text, ',');
		escape_json(text, next->key);
		appendStringInfoChar(text, ':');
		add_pieces(encoder, next, text);
	}
	appendStringInfoChar(text, '}');
}

static void
compile_json(Encoder *encoder)
{
	JsonNode	root = {0};
	StringInfoData text;

	for (int i = 0; i < encoder->ndata; i++)
	{
		json_writer(encoder->data[i].writer);
		add_path(encoder, &root, &encoder->data[i]);
	}
	encoder->pieces = palloc(sizeof(JsonPiece) * (encoder->ndata + 1));
	initStringInfo(&text);
	add_pieces(encoder, &root, &text);
	end_piece(encoder, &text, NULL);
}

/* ---- begin ---- */

static void
check_format(Encoder *encoder)
{
	bool		one = encoder->options->format == KAFKA_FORMAT_RAW || encoder->options->format == KAFKA_FORMAT_TEXT;

	if (one && encoder->ndata > 1)
		reject_write(encoder, "A message of this format has one value, and the table more than one column for it.");
	if (encoder->ndata == 0 && encoder->metadata[KAFKA_METADATA_VALUE] == NULL && encoder->metadata[KAFKA_METADATA_KEY] == NULL)
		reject_write(encoder, "It has no column that a message could hold.");
}

Encoder *
encoder_begin(Relation rel, const KafkaOptions *options)
{
	Encoder    *encoder = palloc0(sizeof(Encoder));

	encoder->table = pstrdup(RelationGetRelationName(rel));
	encoder->options = options;
	take_columns(encoder, rel);
	check_format(encoder);
	if (options->format == KAFKA_FORMAT_JSON && encoder->ndata > 0)
		compile_json(encoder);
	csv_style(&encoder->style, options->delimiter, options->quote, options->escape, options->null, encoder->ndata);
	initStringInfo(&encoder->key_bytes);
	initStringInfo(&encoder->value_bytes);
	initStringInfo(&encoder->header_bytes);
	initStringInfo(&encoder->text);
	return encoder;
}

/* ---- rows ---- */

static bool
is_null(const Field *field, TupleTableSlot *slot)
{
	return field == NULL || slot->tts_isnull[field->column->attnum - 1];
}

static Datum
datum(const Field *field, TupleTableSlot *slot)
{
	return slot->tts_values[field->column->attnum - 1];
}

/* Messages hold UTF-8. What came out of a bytea column is left as it is. */
static void
to_utf8(StringInfo bytes)
{
	char	   *converted;

	if (GetDatabaseEncoding() == PG_UTF8)
		return;
	converted = pg_server_to_any(bytes->data, bytes->len, PG_UTF8);
	if (converted == bytes->data)
		return;
	resetStringInfo(bytes);
	appendStringInfoString(bytes, converted);
	pfree(converted);
}

/* One column alone: the bytes of a bytea, any other type's text. */
static void
write_alone(Field *field, Datum value, StringInfo out)
{
	struct varlena *packed;

	if (field->base != BYTEAOID)
	{
		value_write(field->writer, value, out);
		to_utf8(out);
		return;
	}
	packed = PG_DETOAST_DATUM_PACKED(value);
	appendBinaryStringInfo(out, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
	if ((Pointer) packed != DatumGetPointer(value))
		pfree(packed);
}

static void
write_json(Encoder *encoder, TupleTableSlot *slot, StringInfo out)
{
	for (int i = 0; i < encoder->npieces; i++)
	{
		const JsonPiece *piece = &encoder->pieces[i];

		appendBinaryStringInfo(out, piece->text, piece->length);
		if (piece->field == NULL)
			continue;
		encoder->at = piece->field->column->name;
		if (is_null(piece->field, slot))
			appendBinaryStringInfo(out, "null", 4);
		else
			json_write(piece->field->writer, datum(piece->field, slot), out);
	}
	to_utf8(out);
}

static void
write_csv(Encoder *encoder, TupleTableSlot *slot, StringInfo out)
{
	for (int i = 0; i < encoder->ndata; i++)
	{
		Field	   *field = &encoder->data[i];

		encoder->at = field->column->name;
		if (i > 0)
			appendStringInfoCharMacro(out, encoder->style.delimiter);
		if (is_null(field, slot))
		{
			appendStringInfoString(out, encoder->style.null);
			continue;
		}
		resetStringInfo(&encoder->text);
		value_write(field->writer, datum(field, slot), &encoder->text);
		csv_append(&encoder->style, encoder->text.data, encoder->text.len, out);
	}
	to_utf8(out);
}

/* The value out of the data columns; false for NULL, which Kafka calls a tombstone. */
static bool
write_value(Encoder *encoder, TupleTableSlot *slot, StringInfo out)
{
	if (encoder->ndata == 0)
		return false;
	if (encoder->options->format == KAFKA_FORMAT_JSON)
		write_json(encoder, slot, out);
	else if (encoder->options->format == KAFKA_FORMAT_CSV)
		write_csv(encoder, slot, out);
	else
	{
		encoder->at = encoder->data[0].column->name;
		if (is_null(&encoder->data[0], slot))
			return false;
		write_alone(&encoder->data[0], datum(&encoder->data[0], slot), out);
	}
	return true;
}

static void
reject_two_values(Encoder *encoder, TupleTableSlot *slot)
{
	for (int i = 0; i < encoder->ndata; i++)
		if (!is_null(&encoder->data[i], slot))
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("columns \"%s\" and \"%s\" cannot both have a value",
						   encoder->metadata[KAFKA_METADATA_VALUE]->column->name, encoder->data[i].column->name),
					errdetail("The first is the whole message, the second a part of it."));
}

/* Facts about messages that stand in Kafka already, and a topic other than the table's. */
static void
reject_facts(Encoder *encoder, TupleTableSlot *slot)
{
	static const KafkaMetadata facts[] = {
		KAFKA_METADATA_OFFSET, KAFKA_METADATA_TIMESTAMP_TYPE, KAFKA_METADATA_ERROR};
	Field	   *topic = encoder->metadata[KAFKA_METADATA_TOPIC];

	for (int i = 0; i < lengthof(facts); i++)
	{
		Field	   *field = encoder->metadata[facts[i]];

		if (!is_null(field, slot))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("cannot set column \"%s\"", field->column->name),
					errdetail("Metadata %s is filled by reading alone.", field->column->metadata));
	}
	if (is_null(topic, slot))
		return;
	resetStringInfo(&encoder->text);
	value_write(topic->writer, datum(topic, slot), &encoder->text);
	if (strcmp(encoder->text.data, encoder->options->topic) != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("cannot set column \"%s\" to another topic than the table's", topic->column->name));
}

static int32
partition_of(Encoder *encoder, TupleTableSlot *slot)
{
	Field	   *field = encoder->metadata[KAFKA_METADATA_PARTITION];
	int64		partition;

	if (is_null(field, slot))
		return MESSAGE_ANY_PARTITION;
	encoder->at = field->column->name;
	partition = field->base == INT2OID ? DatumGetInt16(datum(field, slot)) :
		field->base == INT4OID ? DatumGetInt32(datum(field, slot)) : DatumGetInt64(datum(field, slot));
	if (partition < 0 || partition > PG_INT32_MAX)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("partition " INT64_FORMAT " does not exist in Kafka", partition));
	return (int32) partition;
}

/* In milliseconds, rounded down as Kafka's clients do; 0 means when it is sent. */
static int64
timestamp_of(Encoder *encoder, TupleTableSlot *slot)
{
	Field	   *field = encoder->metadata[KAFKA_METADATA_TIMESTAMP];
	TimestampTz timestamp;
	int64		milliseconds;

	if (is_null(field, slot))
		return 0;
	encoder->at = field->column->name;
	timestamp = DatumGetTimestampTz(datum(field, slot));
	milliseconds = timestamp / 1000 - (timestamp % 1000 < 0) + EPOCH_MS;
	if (TIMESTAMP_NOT_FINITE(timestamp) || milliseconds <= 0)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range for Kafka"),
				errdetail("Kafka's timestamps begin in 1970."));
	return milliseconds;
}

static void
take_key(Encoder *encoder, TupleTableSlot *slot, KafkaMessage *message)
{
	Field	   *field = encoder->metadata[KAFKA_METADATA_KEY];

	resetStringInfo(&encoder->key_bytes);
	if (!is_null(field, slot))
	{
		encoder->at = field->column->name;
		write_alone(field, datum(field, slot), &encoder->key_bytes);
	}
	message->key = encoder->key_bytes.data;
	message->key_length = is_null(field, slot) ? MESSAGE_NULL : encoder->key_bytes.len;
}

/* A json value is headers as what it would be in jsonb: of a name that comes twice the last counts. */
static void
take_headers(Encoder *encoder, TupleTableSlot *slot, KafkaMessage *message)
{
	Field	   *field = encoder->metadata[KAFKA_METADATA_HEADERS];

	resetStringInfo(&encoder->header_bytes);
	if (!is_null(field, slot))
	{
		Datum		value = datum(field, slot);

		encoder->at = field->column->name;
		if (field->base == JSONOID)
			value = DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(value)));
		header_write(DatumGetJsonbP(value), &encoder->header_bytes);
	}
	message->headers = encoder->header_bytes.data;
	message->headers_length = encoder->header_bytes.len;
}

static void
take_value(Encoder *encoder, TupleTableSlot *slot, KafkaMessage *message)
{
	Field	   *field = encoder->metadata[KAFKA_METADATA_VALUE];
	bool		present = true;

	resetStringInfo(&encoder->value_bytes);
	if (is_null(field, slot))
		present = write_value(encoder, slot, &encoder->value_bytes);
	else
	{
		reject_two_values(encoder, slot);
		encoder->at = field->column->name;
		write_alone(field, datum(field, slot), &encoder->value_bytes);
	}
	message->value = encoder->value_bytes.data;
	message->value_length = present ? encoder->value_bytes.len : MESSAGE_NULL;
}

void
encoder_row(Encoder *encoder, TupleTableSlot *slot, KafkaMessage *message)
{
	encoder->at = NULL;
	reject_facts(encoder, slot);
	message->partition = partition_of(encoder, slot);
	message->timestamp = timestamp_of(encoder, slot);
	take_key(encoder, slot, message);
	take_headers(encoder, slot, message);
	take_value(encoder, slot, message);
	encoder->at = NULL;
}
