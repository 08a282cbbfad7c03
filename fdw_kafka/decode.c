/*
 * decode.c
 *		Records as rows: metadata columns, the formats json, text and raw, and what on_error says of those that do not fit.
 *		The format csv is csv.c's.
 */
#include "postgres.h"

#include "fdw_kafka/decode.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/json.h"
#include "fdw_kafka/csv.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* The type holds no later time, nor does any record have one. */
#define LAST_MS INT64CONST(9000000000000000)
#define PG_EPOCH_UNIX_MS ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000))

/* A column that tells about the record. */
typedef struct MetadataColumn
{
	Column		column;
	KafkaMetadata what;
	bool		wanted;
} MetadataColumn;

struct Decoder
{
	const KafkaOptions *options;
	Place	   *place;
	MetadataColumn *facts;		/* wanted ones that can always be told */
	int			nfacts;
	MetadataColumn *contents;	/* whose bytes may not suit the type: key, value, headers */
	int			ncontents;
	bool		reads_contents; /* any of them is wanted */
	Column	   *data;			/* of the value, in the table's order */
	bool	   *data_wanted;
	int			ndata;
	bool		reads_data;		/* any of them is wanted */
	bool		takes_tombstones;	/* no wanted one can refuse NULL */
	AttrNumber	error;			/* the column with metadata error, where wanted; else 0 */

	JsonColumns *json;
	CsvReader  *csv;
};

/* ---- columns ---- */

static bool
type_suits(KafkaMetadata what, Oid type)
{
	switch (what)
	{
		case KAFKA_METADATA_PARTITION:
			return type == INT4OID || type == INT8OID;
		case KAFKA_METADATA_OFFSET:
			return type == INT8OID;
		case KAFKA_METADATA_TIMESTAMP:
			return type == TIMESTAMPTZOID;
		case KAFKA_METADATA_TOPIC:
		case KAFKA_METADATA_TIMESTAMP_TYPE:
		case KAFKA_METADATA_ERROR:
			return type == TEXTOID;
		case KAFKA_METADATA_HEADERS:
			return type == JSONBOID || type == JSONOID;
		case KAFKA_METADATA_KEY:
		case KAFKA_METADATA_VALUE:
			return type == BYTEAOID || type == TEXTOID || type == JSONBOID || type == JSONOID;
		case KAFKA_METADATA_NONE:
			return true;
	}
	return false;
}

static const char *
suitable_types(KafkaMetadata what)
{
	switch (what)
	{
		case KAFKA_METADATA_PARTITION:
			return "integer or bigint";
		case KAFKA_METADATA_OFFSET:
			return "bigint";
		case KAFKA_METADATA_TIMESTAMP:
			return "timestamp with time zone";
		case KAFKA_METADATA_HEADERS:
			return "jsonb or json";
		case KAFKA_METADATA_KEY:
		case KAFKA_METADATA_VALUE:
			return "bytea, text, jsonb or json";
		default:
			return "text";
	}
}

static void
check_metadata_type(const Column *column, KafkaMetadata what)
{
	if (!type_suits(what, column->typid))
		ereport(ERROR,
				errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				errmsg("column \"%s\" with metadata \"%s\" cannot be of type %s", column->name, column->metadata,
					   format_type_be(column->typid)),
				errhint("Declare it as %s.", suitable_types(what)));
}

static void
add_metadata(Decoder *decoder, const Column *column, KafkaMetadata what, bool asked)
{
	MetadataColumn *metadata;

	if (what == KAFKA_METADATA_ERROR)
	{
		decoder->error = column->attnum;
		return;
	}
	if (what == KAFKA_METADATA_KEY || what == KAFKA_METADATA_VALUE || what == KAFKA_METADATA_HEADERS)
		metadata = &decoder->contents[decoder->ncontents++];
	else
		metadata = &decoder->facts[decoder->nfacts++];
	metadata->column = *column;
	metadata->what = what;
	metadata->wanted = asked;
}

/* Sort the columns into those of the record and those of its value. */
static void
sort_columns(Decoder *decoder, Relation rel, bool all, const Bitmapset *wanted)
{
	int			count;
	Column	   *columns = column_list(rel, NULL, true, &count);

	decoder->facts = palloc(sizeof(MetadataColumn) * Max(count, 1));
	decoder->contents = palloc(sizeof(MetadataColumn) * Max(count, 1));
	decoder->data = palloc(sizeof(Column) * Max(count, 1));
	decoder->data_wanted = palloc(sizeof(bool) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		KafkaMetadata what = kafka_metadata(columns[i].metadata);
		bool		asked = all || bms_is_member(columns[i].attnum, wanted);

		check_metadata_type(&columns[i], what);
		if (what == KAFKA_METADATA_NONE)
		{
			decoder->data_wanted[decoder->ndata] = asked;
			decoder->data[decoder->ndata++] = columns[i];
			decoder->reads_data |= asked;
		}
		else if (asked || what == KAFKA_METADATA_KEY || what == KAFKA_METADATA_VALUE)
			add_metadata(decoder, &columns[i], what, asked);
	}
}

/*
 * Whether a record has an error, and so what its columns hold, must not depend on the query: where one of them is read
 * that an error would change, all are.
 */
static void
want_all_for_errors(Decoder *decoder)
{
	if (decoder->options->on_error == KAFKA_ON_ERROR_KEEP && (decoder->reads_data || decoder->error != 0))
	{
		for (int i = 0; i < decoder->ndata; i++)
			decoder->data_wanted[i] = true;
		for (int i = 0; i < decoder->ncontents; i++)
			decoder->contents[i].wanted = true;
		decoder->reads_data = decoder->ndata > 0;
	}
	decoder->takes_tombstones = true;
	for (int i = 0; i < decoder->ndata; i++)
		decoder->takes_tombstones &= !decoder->data_wanted[i] || decoder->data[i].input.fn_strict;
	for (int i = 0; i < decoder->ncontents; i++)
		decoder->reads_contents |= decoder->contents[i].wanted;
}

static void
check_columns(const Decoder *decoder, Relation rel)
{
	int			format = decoder->options->format;

	if (format == KAFKA_FORMAT_TEXT && decoder->ndata > 1)
		ereport(ERROR,
				errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
				errmsg("foreign table \"%s\" of format text cannot have more than one column for the value",
					   RelationGetRelationName(rel)),
				errdetail("It has %d columns without option metadata.", decoder->ndata));
	if (format == KAFKA_FORMAT_RAW && (decoder->ndata > 1 || (decoder->ndata == 1 && decoder->data[0].typid != BYTEAOID)))
		ereport(ERROR,
				errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
				errmsg("foreign table \"%s\" of format raw can have one column of type bytea for the value",
					   RelationGetRelationName(rel)),
				errdetail("It has %d columns without option metadata.", decoder->ndata));
}

/* The data columns that are wanted, one after the other. */
static Column *
wanted_data(Decoder *decoder, int *count)
{
	Column	   *wanted = palloc(sizeof(Column) * Max(decoder->ndata, 1));

	*count = 0;
	for (int i = 0; i < decoder->ndata; i++)
		if (decoder->data_wanted[i])
			wanted[(*count)++] = decoder->data[i];
	return wanted;
}

Decoder *
decoder_begin(Relation rel, const KafkaOptions *options, bool all, const Bitmapset *wanted, Place *place)
{
	Decoder    *decoder = palloc0(sizeof(Decoder));

	decoder->options = options;
	decoder->place = place;
	sort_columns(decoder, rel, all, wanted);
	check_columns(decoder, rel);
	want_all_for_errors(decoder);
	if (options->format == KAFKA_FORMAT_JSON && decoder->reads_data)
	{
		int			count;
		Column	   *columns = wanted_data(decoder, &count);

		decoder->json = json_columns(columns, count, place);
	}
	if (options->format == KAFKA_FORMAT_CSV && decoder->reads_data)
		decoder->csv = csv_begin(rel, options, decoder->data, decoder->data_wanted, decoder->ndata, place);
	return decoder;
}

void
decoder_end(Decoder *decoder)
{
	if (decoder->csv != NULL)
		csv_end(decoder->csv);
}

/* ---- metadata ---- */

static void
read_facts(const Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls)
{
	for (int i = 0; i < decoder->nfacts; i++)
	{
		const MetadataColumn *metadata = &decoder->facts[i];
		int			at = metadata->column.attnum - 1;
		int			type;
		int64		time;

		nulls[at] = false;
		switch (metadata->what)
		{
			case KAFKA_METADATA_PARTITION:
				values[at] = metadata->column.typid == INT8OID ? Int64GetDatum(record->partition) :
					Int32GetDatum(record->partition);
				break;
			case KAFKA_METADATA_OFFSET:
				values[at] = Int64GetDatum(record->offset);
				break;
			case KAFKA_METADATA_TOPIC:
				values[at] = CStringGetTextDatum(decoder->options->topic);
				break;
			case KAFKA_METADATA_TIMESTAMP:
				time = record_timestamp(record, &type);
				nulls[at] = type == 0 || time < 0 || time > LAST_MS;
				if (!nulls[at])
				{
					values[at] = TimestampTzGetDatum((time - PG_EPOCH_UNIX_MS) * 1000);
					if (metadata->column.typmod >= 0)
						values[at] = DirectFunctionCall2(timestamptz_scale, values[at], Int32GetDatum(metadata->column.typmod));
				}
				break;
			case KAFKA_METADATA_TIMESTAMP_TYPE:
				(void) record_timestamp(record, &type);
				nulls[at] = type == 0;
				values[at] = CStringGetTextDatum(type == 2 ? "append" : "create");
				break;
			default:
				break;
		}
	}
}

static Datum
bytes_datum(const char *bytes, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return PointerGetDatum(result);
}

/* Bytes as a JSON string; what is no text as type bytea shows it. */
static void
append_header_text(StringInfo json, const char *bytes, size_t length)
{
	char	   *text;

	if (memchr(bytes, '\0', length) == NULL && pg_verify_mbstr(PG_UTF8, bytes, length, true))
		text = pg_any_to_server(pnstrdup(bytes, length), length, PG_UTF8);
	else
		text = DatumGetCString(DirectFunctionCall1(byteaout, bytes_datum(bytes, length)));
	escape_json(json, text);
}

/* A header, and the next one of the same name. */
typedef struct Header
{
	const char *name;
	const char *value;			/* NULL: null */
	size_t		length;
	bool		repeats;		/* one of that name stands before it */
	struct Header *next;
} Header;

static Header *
read_headers(const KafkaRecord *record, int *count)
{
	int			room = 16;
	Header	   *headers = palloc0(sizeof(Header) * room);
	int			n = 0;

	while (record_header(record, n, &headers[n].name, &headers[n].value, &headers[n].length))
	{
		CHECK_FOR_INTERRUPTS();
		if (++n < room)
			continue;
		headers = repalloc_huge(headers, sizeof(Header) * room * 2);
		memset(headers + room, 0, sizeof(Header) * room);
		room *= 2;
	}
	*count = n;
	return headers;
}

/* By name, and those of a name as they stand in the record, which is as they stand in memory. */
static int
compare_headers(const void *a, const void *b)
{
	Header	   *const *left = a;
	Header	   *const *right = b;
	int			names = strcmp((*left)->name, (*right)->name);

	return names != 0 ? names : *left < *right ? -1 : 1;
}

/* A record may have as many headers as fit: no name is looked for among the others one by one. */
static void
chain_headers(Header *headers, int count)
{
	Header	  **sorted = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Header *) * count);

	for (int i = 0; i < count; i++)
		sorted[i] = &headers[i];
	qsort(sorted, count, sizeof(Header *), compare_headers);
	for (int i = 1; i < count; i++)
	{
		if (strcmp(sorted[i]->name, sorted[i - 1]->name) != 0)
			continue;
		sorted[i]->repeats = true;
		sorted[i - 1]->next = sorted[i];
	}
	pfree(sorted);
}

/* All values of a name: one as it is, several as an array. */
static void
append_header_values(StringInfo json, const Header *first)
{
	if (first->next != NULL)
		appendStringInfoChar(json, '[');
	for (const Header *header = first; header != NULL; header = header->next)
	{
		CHECK_FOR_INTERRUPTS();
		if (header != first)
			appendStringInfoChar(json, ',');
		if (header->value == NULL)
			appendStringInfoString(json, "null");
		else
			append_header_text(json, header->value, header->length);
	}
	if (first->next != NULL)
		appendStringInfoChar(json, ']');
}

/* The headers as an object; NULL where there are none. What is written the same way, header.h reads. */
static char *
headers_json(const KafkaRecord *record)
{
	StringInfoData json;
	int			count;
	Header	   *headers = read_headers(record, &count);

	if (count == 0)
		return NULL;
	chain_headers(headers, count);
	initStringInfo(&json);
	for (int i = 0; i < count; i++)
	{
		if (headers[i].repeats)
			continue;
		appendStringInfoChar(&json, i == 0 ? '{' : ',');
		append_header_text(&json, headers[i].name, strlen(headers[i].name));
		appendStringInfoChar(&json, ':');
		append_header_values(&json, &headers[i]);
	}
	appendStringInfoChar(&json, '}');
	pfree(headers);
	return json.data;
}

/* Bytes as a value of a column. "bytes" need not end with NUL. */
static Datum
content_datum(Column *column, const char *bytes, size_t length)
{
	if (column->typid == BYTEAOID)
		return bytes_datum(bytes, length);
	if (column->typid == TEXTOID)
		return PointerGetDatum(column_text(bytes, length));
	return column_input(column, pnstrdup(bytes, length), length);
}

/* The bytes of a column; NULL where the record has none. */
static const char *
content_bytes(const MetadataColumn *metadata, const KafkaRecord *record, size_t *length)
{
	const char *json;

	switch (metadata->what)
	{
		case KAFKA_METADATA_KEY:
			*length = record->key_length;
			return record->key;
		case KAFKA_METADATA_VALUE:
			*length = record->value_length;
			return record->value;
		default:
			json = headers_json(record);
			*length = json ? strlen(json) : 0;
			return json;
	}
}

static void
read_content(Decoder *decoder, const MetadataColumn *metadata, const KafkaRecord *record, Datum *values, bool *nulls)
{
	Column	   *column = (Column *) &metadata->column;
	size_t		length;
	const char *bytes = content_bytes(metadata, record, &length);

	if (bytes == NULL)
		return;
	decoder->place->column = column->name;
	values[column->attnum - 1] = content_datum(column, bytes, length);
	nulls[column->attnum - 1] = false;
	decoder->place->column = NULL;
}

/* ---- the value ---- */

/* A tombstone: every column is NULL, which a domain may refuse. */
static void
read_tombstone(Decoder *decoder)
{
	for (int i = 0; i < decoder->ndata; i++)
	{
		Column	   *column = &decoder->data[i];

		if (!decoder->data_wanted[i] || column->input.fn_strict)
			continue;
		decoder->place->column = column->name;
		(void) InputFunctionCall(&column->input, NULL, column->ioparam, column->typmod);
		decoder->place->column = NULL;
	}
}

static void
read_whole(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls)
{
	Column	   *column = &decoder->data[0];

	decoder->place->column = column->name;
	values[column->attnum - 1] = content_datum(column, record->value, record->value_length);
	nulls[column->attnum - 1] = false;
	decoder->place->column = NULL;
}

static void
read_data(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls)
{
	if (record->value == NULL)
		read_tombstone(decoder);
	else if (decoder->json != NULL)
		json_read(decoder->json, record->value, record->value_length, values, nulls);
	else if (decoder->csv != NULL)
		csv_read(decoder->csv, record->value, record->value_length, values, nulls);
	else
		read_whole(decoder, record, values, nulls);
}

/* ---- on_error keep ---- */

/* What went wrong, on one line. */
static char *
error_text(const ErrorData *error, const char *column)
{
	StringInfoData text;

	initStringInfo(&text);
	if (column != NULL)
		appendStringInfo(&text, "column \"%s\": ", column);
	appendStringInfoString(&text, error->message);
	if (error->detail != NULL)
		appendStringInfo(&text, " (%s)", error->detail);
	return text.data;
}

/* What a record can be at fault for. Everything else goes on being an ERROR. */
static bool
is_data_error(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		sqlstate == ERRCODE_DATATYPE_MISMATCH || sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX ||
		sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED || sqlstate == ERRCODE_BAD_COPY_FILE_FORMAT;
}

/* Read a column, or with NULL the value, that only an input function can judge. Returns what went wrong, or NULL. */
static char *
read_in_subtransaction(Decoder *decoder, const MetadataColumn *metadata, const KafkaRecord *record, Datum *values,
					   bool *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile problem = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		if (metadata != NULL)
			read_content(decoder, metadata, record, values, nulls);
		else
			read_data(decoder, record, values, nulls);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!is_data_error(error->sqlerrcode))
			ReThrowError(error);
		problem = error_text(error, decoder->place->column);
		decoder->place->column = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return problem;
}

/* Why bytes cannot become a text, or NULL. */
static const char *
text_problem(const char *bytes, size_t length)
{
	if (memchr(bytes, '\0', length) != NULL)
		return "cannot store a NUL byte in a text value";
	if (!pg_verify_mbstr(PG_UTF8, bytes, length, true))
		return "invalid byte sequence for encoding \"UTF8\"";
	return NULL;
}

/* Whether a column takes bytes without an ERROR; as json_try says it. */
static JsonTry
judge_bytes(const Column *column, const char *bytes, size_t length, char **problem)
{
	const char *why;

	if (bytes == NULL || column->typid == BYTEAOID)
		return JSON_TRY_READ;
	if (column->typid != TEXTOID || GetDatabaseEncoding() != PG_UTF8)
		return JSON_TRY_UNSURE;
	why = text_problem(bytes, length);
	if (why == NULL)
		return JSON_TRY_READ;
	*problem = psprintf("column \"%s\": %s", column->name, why);
	return JSON_TRY_REFUSED;
}

/* Read key, value and headers where they suit their columns. Returns what is wrong with the last that does not. */
static char *
keep_contents(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls)
{
	char	   *problem = NULL;

	for (int i = 0; i < decoder->ncontents; i++)
	{
		const MetadataColumn *metadata = &decoder->contents[i];
		JsonTry		judged = JSON_TRY_READ;
		char	   *why = NULL;

		if (!metadata->wanted)
			continue;
		if (metadata->what != KAFKA_METADATA_HEADERS)
		{
			size_t		length;
			const char *bytes = content_bytes(metadata, record, &length);

			judged = judge_bytes(&metadata->column, bytes, length, &why);
		}
		if (judged == JSON_TRY_READ)
			read_content(decoder, metadata, record, values, nulls);
		else if (judged == JSON_TRY_UNSURE)
			why = read_in_subtransaction(decoder, metadata, record, values, nulls);
		if (why != NULL)
		{
			nulls[metadata->column.attnum - 1] = true;
			problem = why;
		}
	}
	return problem;
}

/* Read the value where that needs no subtransaction. */
static JsonTry
try_data(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls, char **problem)
{
	JsonTry		judged;

	if (!decoder->reads_data)
		return JSON_TRY_READ;
	if (record->value == NULL)
		return decoder->takes_tombstones ? JSON_TRY_READ : JSON_TRY_UNSURE;
	if (decoder->json != NULL)
		return json_try(decoder->json, record->value, record->value_length, values, nulls, problem);
	if (decoder->csv != NULL)
		return JSON_TRY_UNSURE;
	judged = judge_bytes(&decoder->data[0], record->value, record->value_length, problem);
	if (judged == JSON_TRY_READ)
		read_whole(decoder, record, values, nulls);
	return judged;
}

/* The columns of the value are NULL, and the error column says why. */
static void
store_error(Decoder *decoder, const char *text, Datum *values, bool *nulls)
{
	for (int i = 0; i < decoder->ndata; i++)
		nulls[decoder->data[i].attnum - 1] = true;
	if (decoder->error != 0)
	{
		values[decoder->error - 1] = CStringGetTextDatum(text);
		nulls[decoder->error - 1] = false;
	}
}

/* Read a record and keep it whatever it holds. Few need a subtransaction: those that only an input function can judge. */
static void
keep_row(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls)
{
	char	   *problem = keep_contents(decoder, record, values, nulls);

	if (problem == NULL && try_data(decoder, record, values, nulls, &problem) == JSON_TRY_UNSURE)
		problem = read_in_subtransaction(decoder, NULL, record, values, nulls);
	if (problem != NULL)
		store_error(decoder, problem, values, nulls);
}

void
decoder_row(Decoder *decoder, const KafkaRecord *record, Datum *values, bool *nulls)
{
	if (decoder->nfacts > 0)
		read_facts(decoder, record, values, nulls);
	if (decoder->options->on_error == KAFKA_ON_ERROR_KEEP)
	{
		keep_row(decoder, record, values, nulls);
		return;
	}
	for (int i = 0; decoder->reads_contents && i < decoder->ncontents; i++)
		if (decoder->contents[i].wanted)
			read_content(decoder, &decoder->contents[i], record, values, nulls);
	if (decoder->reads_data)
		read_data(decoder, record, values, nulls);
}
