/*
 * reading.h
 *		What one Kafka record of the topic of weather means: a reading, a failed call, or a dead letter.
 *
 * The rules are in docs/weather.md. They look at the record alone, never at the clock or the session, so that a record
 * means the same whenever it is read. Nothing that a record holds raises an error.
 */
#ifndef MEDALLION_READING_H
#define MEDALLION_READING_H

#include "postgres.h"

#include "decimal.h"

#include "common/json_scan.h"
#include "datatype/timestamp.h"

#pragma GCC visibility push(hidden)

/* As Kafka has them. NULL with length 0 for none. */
typedef struct Bytes
{
	const char *data;
	size_t		length;
} Bytes;

typedef struct Record
{
	int32		partition;
	int64		offset;
	bool		has_timestamp;
	TimestampTz timestamp;		/* whole milliseconds */
	Bytes		key;
	Bytes		value;
} Record;

typedef enum ReadingKind
{
	READING_USABLE,
	READING_API_ERROR,
	READING_DEAD,
} ReadingKind;

typedef enum DeadReason
{
	DEAD_TOMBSTONE,
	DEAD_NOT_JSON,
	DEAD_NOT_OBJECT,
	DEAD_NO_CITY,
	DEAD_BAD_CITY,
	DEAD_NO_TIME,
	DEAD_BAD_TIME,
	DEAD_NO_TIMESTAMP,
	DEAD_FUTURE,
	DEAD_BAD_UNITS,
	DEAD_BAD_TEMP,
	DEAD_BAD_HUMIDITY,
} DeadReason;

typedef struct Reading
{
	ReadingKind kind;
	DeadReason	reason;			/* of a dead letter */
	bool		is_json;		/* the value is one JSON text */
	JsonProblem problem;		/* why it is none */
	Bytes		city;			/* points into the record or the reader; of a failed call it may be absent */
	bool		has_city_id;
	int64		city_id;
	TimestampTz event_time;
	Decimal		temp;			/* Kelvin */
	Decimal		humidity;
	bool		has_status_code;
	int32		status_code;	/* of a failed call */
} Reading;

typedef struct Reader Reader;

/* What all records share, in the current memory context. */
extern Reader *reader_create(void);

/* Large numbers are allocated in the current memory context, nothing else. */
extern void reading_read(Reader *reader, const Record *record, Reading *reading);

/* As they stand in weather.dead_letter; the detail is palloc'd, or NULL. */
extern const char *dead_reason_name(DeadReason reason);
extern char *reading_detail(const Reading *reading);

#pragma GCC visibility pop

#endif							/* MEDALLION_READING_H */
