/*
 * column.h
 *		Columns of a foreign table as a wrapper sees them, and where a value that does not fit came from.
 */
#ifndef MEDALLION_COLUMN_H
#define MEDALLION_COLUMN_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/bitmapset.h"
#include "utils/rel.h"

#pragma GCC visibility push(hidden)

/* One column, looked up once per scan or modification. */
typedef struct Column
{
	AttrNumber	attnum;			/* 1-based */
	const char *name;			/* PostgreSQL's name, for messages */
	const char *remote_name;	/* option column_name, or the same name */
	const char *metadata;		/* option metadata, or NULL for an ordinary column */
	List	   *options;		/* the column's options, for what only one wrapper knows */
	Oid			typid;
	int32		typmod;
	FmgrInfo	input;			/* the type's input function */
	Oid			ioparam;
} Column;

/*
 * The columns of a relation that are not dropped, in order, in the current memory context. With "wanted" (attribute
 * numbers offset by FirstLowInvalidHeapAttributeNumber, as pull_varattnos gives them; a whole-row reference wants all)
 * only those. Generated columns are left out when "generated" is false: nobody writes them.
 */
extern Column *column_list(Relation rel, const Bitmapset *wanted, bool generated, int *count);

/* The column with that attribute number, or NULL. */
extern Column *column_find(Column *columns, int count, AttrNumber attnum);

/*
 * The place that an ERROR while decoding is about, pushed on error_context_stack by place_push and taken off by
 * place_pop. CONTEXT becomes: foreign table "t", column "c", <what describe says, such as: object "a.csv", line 7>.
 */
typedef struct Place
{
	const char *table;
	const char *column;			/* NULL: none in particular; set by the decoder as it goes */
	/* Appends ", object ..., line ..." or nothing; must not raise an ERROR. May be NULL. */
	void		(*describe) (StringInfo context, void *arg);
	void	   *arg;
	ErrorContextCallback callback;
} Place;

extern void place_push(Place *place);
extern void place_pop(Place *place);

/*
 * A text from outside in the server's encoding: checks it (invalid bytes and NUL are an ERROR), converts it where the
 * database is not UTF-8. "bytes" need not end with NUL. Returns a palloc'd varlena of type text.
 */
extern text *column_text(const char *bytes, size_t length);

/* The same check, then the column's input function. "bytes" must be followed by a NUL. */
extern Datum column_input(Column *column, char *bytes, size_t length);

#pragma GCC visibility pop

#endif							/* MEDALLION_COLUMN_H */
