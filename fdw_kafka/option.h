/*
 * option.h
 *		Every option of fdw_kafka and what it means, from one table: servers, user mappings, foreign tables, columns.
 *
 * Column options that belong to one format (path, force_null, ...) are read by that format from Column.options; they are
 * declared here so that they are checked and documented with the others.
 */
#ifndef MEDALLION_KAFKA_OPTION_H
#define MEDALLION_KAFKA_OPTION_H

#include "postgres.h"

#include "fdw_kafka/client.h"
#include "foreign/foreign.h"

#pragma GCC visibility push(hidden)

typedef enum KafkaFormat
{
	KAFKA_FORMAT_JSON,
	KAFKA_FORMAT_CSV,
	KAFKA_FORMAT_TEXT,
	KAFKA_FORMAT_RAW
} KafkaFormat;

typedef enum KafkaOnError
{
	KAFKA_ON_ERROR_STOP,
	KAFKA_ON_ERROR_KEEP
} KafkaOnError;

typedef enum KafkaCompression
{
	KAFKA_COMPRESSION_NONE,
	KAFKA_COMPRESSION_GZIP,
	KAFKA_COMPRESSION_SNAPPY,
	KAFKA_COMPRESSION_LZ4,
	KAFKA_COMPRESSION_ZSTD
} KafkaCompression;

/* What a metadata column tells. */
typedef enum KafkaMetadata
{
	KAFKA_METADATA_NONE,		/* a column of the value's */
	KAFKA_METADATA_TOPIC,
	KAFKA_METADATA_PARTITION,
	KAFKA_METADATA_OFFSET,
	KAFKA_METADATA_TIMESTAMP,
	KAFKA_METADATA_TIMESTAMP_TYPE,
	KAFKA_METADATA_KEY,
	KAFKA_METADATA_HEADERS,
	KAFKA_METADATA_VALUE,
	KAFKA_METADATA_ERROR
} KafkaMetadata;

typedef struct KafkaOptions
{
	KafkaSettings settings;		/* of the server and the user mapping, in parts of the table */

	/* table */
	char	   *topic;
	int			format;			/* KafkaFormat */
	int			on_error;		/* KafkaOnError */
	char		delimiter;		/* csv */
	char		quote;
	char		escape;			/* '\0': the same as quote */
	char	   *null;			/* the string that is NULL */
	int			rows;			/* planner's estimate before ANALYZE */
	bool		use_remote_estimate;

	/* table, producing; max_message stands at the server too */
	bool		transactional;
	int			compression;	/* KafkaCompression */
	int64		max_message;	/* bytes */
} KafkaOptions;

/* All options of a server and a mapping (NULL: none), in the current memory context. */
extern KafkaOptions *kafka_server_options(ForeignServer *server, UserMapping *mapping);

/* The same with those of a foreign table on top; "mapping" may be NULL where nothing will connect. */
extern KafkaOptions *kafka_table_options(Oid relid, UserMapping *mapping);

/* The same for IMPORT FOREIGN SCHEMA, checked. */
extern KafkaOptions *kafka_import_options(ForeignServer *server, UserMapping *mapping, List *given);

/* What a column's option metadata says; NULL: the option is not there. */
extern KafkaMetadata kafka_metadata(const char *name);

/* Names for EXPLAIN, messages and the library. */
extern const char *kafka_format_name(int format);
extern const char *kafka_compression_name(int compression);

#pragma GCC visibility pop

#endif							/* MEDALLION_KAFKA_OPTION_H */
