/*
 * option.h
 *		Options of servers, user mappings, foreign tables, columns and IMPORT, from one table per module.
 *
 * A module writes one array of OptionDef. From it come the validator, the parsed struct, and the rows from which the
 * option table of its documentation page is made.
 */
#ifndef MEDALLION_OPTION_H
#define MEDALLION_OPTION_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

/* Where an option may stand; an option may allow several places. */
typedef enum OptionPlace
{
	OPTION_SERVER = 1,
	OPTION_MAPPING = 2,
	OPTION_TABLE = 4,
	OPTION_COLUMN = 8,
	OPTION_IMPORT = 16			/* IMPORT FOREIGN SCHEMA ... OPTIONS; core does not validate these */
} OptionPlace;

/* What an option holds, and so the C type of its field in the parsed struct. */
typedef enum OptionType
{
	OPTION_STRING,				/* char * */
	OPTION_BOOL,				/* bool */
	OPTION_INT,					/* int */
	OPTION_BYTES,				/* int64; units B, kB, MB, GB */
	OPTION_TIME,				/* int, milliseconds; units ms, s, min, h, d; a bare number is seconds */
	OPTION_ENUM,				/* int, from choices */
	OPTION_CHAR,				/* char: exactly one byte */
	OPTION_IGNORED,				/* accepted with a WARNING for the sake of people who switch from another wrapper */
	OPTION_REFUSED				/* refused, with "help" as the HINT */
} OptionType;

typedef struct OptionChoice
{
	const char *name;
	int			value;
} OptionChoice;

/* Flags */
#define OPTION_SECRET	1		/* the value appears in no message */
#define OPTION_FILE		2		/* names a file of the server's: needs the rights of pg_read_server_files */
#define OPTION_REQUIRED 4		/* the place cannot be used without it; checked by option_validate */

typedef struct OptionDef
{
	const char *name;			/* NULL ends the array */
	int			places;			/* OptionPlace bits */
	OptionType	type;
	size_t		offset;			/* of the field in the parsed struct */
	const char *default_value;	/* as a user would write it; NULL leaves the field zero */
	const char *help;			/* one sentence for the documentation, or the HINT of a refused option */
	double		min;			/* bounds of OPTION_INT, _BYTES, _TIME; both zero: 0 .. the type's maximum */
	double		max;
	const OptionChoice *choices;	/* of OPTION_ENUM, ended by a NULL name */
	int			flags;
} OptionDef;

/*
 * Check a list of DefElem that stands at a catalog's object; ERROR names the option, the place and, for an unknown
 * name, the nearest valid one. "catalog" is the second argument of a validator function.
 */
extern void option_validate(const OptionDef *defs, List *options, Oid catalog);

/* Check options of IMPORT FOREIGN SCHEMA, which core passes on unchecked. */
extern void option_validate_import(const OptionDef *defs, List *options);

/* Set every field of "target" to its option's default. Strings are constants. */
extern void option_defaults(const OptionDef *defs, void *target);

/*
 * Read "options" (valid by now) into "target"; fields without an option keep their value, so that calls for server,
 * mapping, table and column can follow each other. Strings are copied into the current memory context.
 */
extern void option_read(const OptionDef *defs, List *options, void *target);

/* The body of a set-returning function (name, places, type, default_value, help) over the array. */
extern Datum option_rows(FunctionCallInfo fcinfo, const OptionDef *defs);

#pragma GCC visibility pop

#endif							/* MEDALLION_OPTION_H */
