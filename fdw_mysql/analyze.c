/*
 * analyze.c
 *		MySQL's row count for planning, and ANALYZE, which reads a random sample of the rows.
 */
#include "postgres.h"

#include "analyze.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog.h"
#include "commands/vacuum.h"
#include "common/column.h"
#include "decode.h"
#include "deparse.h"
#include "miscadmin.h"
#include "session.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"

/* Sample rather more than wanted: the count is MySQL's estimate, and can be off by half. */
#define OVERSAMPLE 2.0

/* A sample in the making. */
typedef struct Sample
{
	Decoder    *decoders;
	Column	   *columns;
	int			ncolumns;
	HeapTuple  *rows;
	int			wanted;
	int			taken;
	double		seen;
	ReservoirStateData reservoir;
	double		skip;			/* rows to pass over before the next is taken */
	Datum	   *values;
	bool	   *nulls;
	Place		place;
} Sample;

static char *
size_query(const Options *options)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = ");
	deparse_string(&sql, options->dbname, strlen(options->dbname));
	appendStringInfoString(&sql, " AND TABLE_NAME = ");
	deparse_string(&sql, options->table_name, strlen(options->table_name));
	return sql.data;
}

/* Never wrong, being an estimate; but a number. */
static double
estimate(const char *text)
{
	double		n = text ? strtod(text, NULL) : 0;

	return isfinite(n) && n > 0 ? n : 0;
}

/* False where MySQL does not know, as for a view. */
static bool
read_size(UserMapping *mapping, const Options *options, double *tuples, double *bytes)
{
	List	   *rows = catalog_query(mapping, size_query(options), 2, 0);
	char	  **row = rows != NIL ? linitial(rows) : NULL;

	if (row == NULL || row[0] == NULL)
		return false;
	*tuples = estimate(row[0]);
	*bytes = estimate(row[1]);
	return true;
}

double
estimate_tuples(const RemoteTable *table, double otherwise)
{
	UserMapping *mapping = GetUserMapping(table->userid, GetForeignTable(table->relid)->serverid);
	double		tuples;
	double		bytes;

	return read_size(mapping, table->options, &tuples, &bytes) ? Max(tuples, 1) : otherwise;
}

static UserMapping *
mapping_of(Relation relation)
{
	return GetUserMapping(GetUserId(), GetForeignTable(RelationGetRelid(relation))->serverid);
}

/* ---- sampling ---- */

/* With share 1 every row is read. */
static char *
sample_query(const Options *options, Column *columns, int ncolumns, double share)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, ncolumns == 0 ? "SELECT NULL" : "SELECT ");
	for (int i = 0; i < ncolumns; i++)
	{
		appendStringInfoString(&sql, i > 0 ? ", " : "");
		deparse_identifier(&sql, columns[i].remote_name);
	}
	appendStringInfoString(&sql, " FROM ");
	deparse_table(&sql, options);
	if (share < 1)
		appendStringInfo(&sql, " WHERE rand() < %.10f", share);
	return sql.data;
}

static void
begin_sample(Sample *sample, Relation relation, const Options *options, int wanted, HeapTuple *rows)
{
	int			natts = RelationGetDescr(relation)->natts;

	sample->columns = column_list(relation, NULL, true, &sample->ncolumns);
	sample->decoders = palloc0(sizeof(Decoder) * Max(sample->ncolumns, 1));
	for (int i = 0; i < sample->ncolumns; i++)
	{
		Options		column = options_of_column(options, sample->columns[i].options);

		sample->decoders[i].column = &sample->columns[i];
		sample->decoders[i].slot = sample->columns[i].attnum - 1;
		sample->decoders[i].zero_date_null = column.zero_date == ZERO_DATE_NULL;
	}
	sample->rows = rows;
	sample->wanted = wanted;
	sample->values = palloc0(sizeof(Datum) * Max(natts, 1));
	sample->nulls = palloc(Max(natts, 1));
	memset(sample->nulls, true, Max(natts, 1));
	sample->place.table = RelationGetRelationName(relation);
	reservoir_init_selection_state(&sample->reservoir, wanted);
}

/* The place for the row just read, or -1 to pass over it: Vitter's reservoir. */
static int
choose_place(Sample *sample)
{
	if (sample->taken < sample->wanted)
		return sample->taken++;
	if (sample->skip < 0)
		sample->skip = reservoir_get_next_S(&sample->reservoir, sample->seen, sample->wanted);
	if (sample->skip-- > 0)
		return -1;
	sample->skip = -1;
	return (int) (sample->wanted * sampler_random_fract(&sample->reservoir.randstate));
}

static void
take_row(Sample *sample, TupleDesc desc, const ClientField *fields, int nfields, ClientRow *row, MemoryContext temporary)
{
	int			place = choose_place(sample);
	MemoryContext caller;

	sample->seen++;
	if (place < 0)
		return;
	caller = MemoryContextSwitchTo(temporary);
	decode_keep(sample->decoders, sample->ncolumns, fields, nfields, row);
	decode_row(sample->decoders, sample->ncolumns, nfields, row, &sample->place, sample->values, sample->nulls);
	MemoryContextSwitchTo(caller);
	if (sample->rows[place] != NULL)
		heap_freetuple(sample->rows[place]);
	sample->rows[place] = heap_form_tuple(desc, sample->values, sample->nulls);
	MemoryContextReset(temporary);
}

static void
read_sample(Sample *sample, Relation relation, const char *sql)
{
	Reader	   *reader = reader_open(session_get(mapping_of(relation)), sql, reader_owner());
	MemoryContext temporary = AllocSetContextCreate(CurrentMemoryContext, "fdw_mysql sample", ALLOCSET_DEFAULT_SIZES);
	const ClientField *fields;
	int			nfields;
	ClientRow	row;

	reader_execute(reader, NULL, 0);
	fields = reader_fields(reader, &nfields);
	if (nfields != Max(sample->ncolumns, 1))
		ereport(ERROR,
				errcode(ERRCODE_PROTOCOL_VIOLATION),
				errmsg("the result has %d columns, expected %d", nfields, Max(sample->ncolumns, 1)));
	for (int i = 0; i < sample->ncolumns; i++)
		decoder_choose(&sample->decoders[i], &fields[i]);
	place_push(&sample->place);
	while (reader_next(reader, &row))
	{
		CHECK_FOR_INTERRUPTS();
		take_row(sample, RelationGetDescr(relation), fields, nfields, &row, temporary);
	}
	place_pop(&sample->place);
	MemoryContextDelete(temporary);
	reader_close(reader);
}

static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int wanted, double *total, double *dead)
{
	Options    *options = options_of_table(RelationGetRelid(relation), NULL);
	Sample		sample = {.skip = -1};
	double		tuples;
	double		bytes;
	double		share = 1;

	if (read_size(mapping_of(relation), options, &tuples, &bytes) && tuples > wanted * OVERSAMPLE * 2)
		share = wanted * OVERSAMPLE / tuples;
	begin_sample(&sample, relation, options, wanted, rows);
	memset(rows, 0, sizeof(HeapTuple) * wanted);
	read_sample(&sample, relation, sample_query(options, sample.columns, sample.ncolumns, share));
	*total = sample.seen / share;
	*dead = 0;
	ereport(elevel,
			errmsg("\"%s\": read %.0f of about %.0f rows, %d in the sample", RelationGetRelationName(relation),
				   sample.seen, *total, sample.taken));
	return sample.taken;
}

bool
mysqlAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *pages)
{
	double		tuples;
	double		bytes = 0;

	read_size(mapping_of(relation), options_of_table(RelationGetRelid(relation), NULL), &tuples, &bytes);
	*func = acquire_sample;
	*pages = (BlockNumber) Min(Max(bytes / BLCKSZ, 1), MaxBlockNumber);
	return true;
}
