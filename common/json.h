/*
 * json.h
 *		One JSON object into the columns of a row.
 *
 * A column's value stands under its name, or where its option "path" says: keys joined by dots, such as main.temp; a
 * number steps into an array, such as weather.0.id; a key that holds a dot is quoted, such as "a.b".c.
 *
 *	- Nothing there, or null: NULL.
 *	- A number is read from its text: nothing is rounded on the way. A number, or true and false, do not become a date.
 *	- json and jsonb columns take any value as it stands; so do text columns, for objects and arrays.
 *	- An array becomes a PostgreSQL array.
 *	- Of a key that comes twice the last counts.
 *
 * The whole object must be valid, as json_scan.h has it; what no column asks for may be anything.
 */
#ifndef MEDALLION_JSON_H
#define MEDALLION_JSON_H

#include "postgres.h"

#include "common/column.h"

#pragma GCC visibility push(hidden)

typedef struct JsonColumns JsonColumns;

/*
 * Prepare for objects that are read into those columns, in the current memory context, once per scan. "columns" must
 * stay. The conversion sets place->column as it goes.
 */
extern JsonColumns *json_columns(Column *columns, int count, Place *place);

/*
 * Read one object of "length" bytes; a NUL need not follow. Sets values and nulls at attnum - 1 of every column;
 * allocates in the current (the row's) memory context. ERROR where the text is no object, or a value does not fit.
 */
extern void json_read(JsonColumns *columns, const char *json, size_t length, Datum *values, bool *nulls);

typedef enum JsonTry
{
	JSON_TRY_READ,				/* as json_read would have done */
	JSON_TRY_REFUSED,			/* json_read would raise an ERROR: *problem says which, on one palloc'd line */
	JSON_TRY_UNSURE				/* some value needs its type's input function: only json_read can tell */
} JsonTry;

/*
 * The same without an ERROR for anything that the text holds. Never unsure where every column is text, varchar, json,
 * numeric, int2, int4, int8, float8, boolean or timestamptz without a modifier and each value is written as such.
 */
extern JsonTry json_try(JsonColumns *columns, const char *json, size_t length, Datum *values, bool *nulls, char **problem);

/* Check a value of option "path": ERROR when it is malformed. */
extern void json_path_check(const char *path);

/* The keys of a column's path, a List of char *; where it has no path, its name. */
extern List *json_path_steps(const Column *column);

/* The only key of a path, or NULL when it has several steps. */
extern char *json_path_key(const Column *column);

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_H */
