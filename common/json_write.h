/*
 * json_write.h
 *		A value as JSON, on one line, the same whatever the session's settings are. Keys and objects are the caller's.
 */
#ifndef MEDALLION_JSON_WRITE_H
#define MEDALLION_JSON_WRITE_H

#include "postgres.h"

#include "common/value.h"

#pragma GCC visibility push(hidden)

/* Choose how the writer's column becomes JSON; once per statement. */
extern void json_writer(ValueWriter *writer);

/* Append a value that is not NULL. */
extern void json_write(ValueWriter *writer, Datum value, StringInfo out);

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_WRITE_H */
