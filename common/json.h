/*
 * json.h
 *		One JSON object into the columns of a row, by core's own JSON parser.
 *
 * A column's value stands under its name, or where its option "path" says: keys joined by dots, such as main.temp; a
 * number steps into an array, such as weather.0.id; a key that holds a dot is quoted, such as "a.b".c.
 *
 *	- Nothing there, or null: NULL.
 *	- A number is read from its text: nothing is rounded on the way. A number, or true and false, do not become a date.
 *	- json and jsonb columns take any value as it stands; so do text columns, for objects and arrays.
 *	- An array becomes a PostgreSQL array.
 *	- Of a key that comes twice the last counts.
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
 * Read one object. "json" is UTF-8, "length" bytes followed by a NUL. Sets values and nulls at attnum - 1 of every
 * column; allocates in the current (the row's) memory context.
 */
extern void json_read(JsonColumns *columns, char *json, size_t length, Datum *values, bool *nulls);

/* Check a value of option "path": ERROR when it is malformed. */
extern void json_path_check(const char *path);

/* The keys of a column's path, a List of char *; where it has no path, its name. */
extern List *json_path_steps(const Column *column);

/* The only key of a path, or NULL when it has several steps. */
extern char *json_path_key(const Column *column);

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_H */
