/*
 * option.h
 *		Every option of fdw_s3 and what it means, from one table: servers, user mappings, foreign tables, columns.
 *
 * Column options that belong to one format (path, force_null, ...) are read by that format from Column.options; they are
 * declared here so that they are checked and documented with the others.
 */
#ifndef MEDALLION_S3_OPTION_H
#define MEDALLION_S3_OPTION_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "fdw_s3/client.h"

#pragma GCC visibility push(hidden)

typedef enum S3Format
{
	S3_FORMAT_CSV,
	S3_FORMAT_JSONL,
	S3_FORMAT_TEXT
} S3Format;

typedef enum S3Compression
{
	S3_COMPRESSION_AUTO,		/* by the object's name: .gz, .zst, else none */
	S3_COMPRESSION_NONE,
	S3_COMPRESSION_GZIP,
	S3_COMPRESSION_ZSTD
} S3Compression;

typedef enum S3Header
{
	S3_HEADER_FALSE,
	S3_HEADER_TRUE,
	S3_HEADER_MATCH				/* the names must be those of the columns */
} S3Header;

typedef struct S3Options
{
	S3Settings	settings;		/* of the server and the user mapping */

	/* table; part_size and read_ahead stand at the server too */
	char	   *bucket;
	char	   *prefix;			/* "" or a folder or the beginning of a name; NULL when path is set */
	char	   *path;			/* one object's key */
	int			format;			/* S3Format */
	int			compression;	/* S3Compression */
	int			compression_level;	/* of what is written; 0: the method's own */
	int			compression_threads;	/* of zstd, beside the backend's own */
	int			header;			/* S3Header */
	char		delimiter;
	char		quote;
	char		escape;			/* '\0': the same as quote */
	char	   *null;			/* the string that is NULL */
	char	   *encoding;		/* of the objects; NULL: UTF-8 */
	int64		part_size;		/* bytes of a part of an upload, and of what is buffered of it */
	int			read_ahead;		/* objects that are fetched at once */
	int64		max_line;		/* bytes of one line */
	bool		skip_unchanged;
	int			rows;			/* planner's estimate before ANALYZE */
} S3Options;

/* All options of a server and a mapping (NULL: none), in the current memory context. */
extern S3Options *s3_server_options(ForeignServer *server, UserMapping *mapping);

/* The same with those of a foreign table on top; "mapping" may be NULL where nothing will connect. */
extern S3Options *s3_table_options(Oid relid, UserMapping *mapping);

/* The compression of an object: the option's, or by its name. Never S3_COMPRESSION_AUTO. */
extern S3Compression s3_compression_of(int option, const char *key);

/* Names for EXPLAIN, messages, and object names. */
extern const char *s3_format_name(int format);
extern const char *s3_compression_name(int compression);

#pragma GCC visibility pop

#endif							/* MEDALLION_S3_OPTION_H */
