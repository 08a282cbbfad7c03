/*
 * option.h
 *		Every option of fdw_s3 and what it means, from one table: servers, user mappings, foreign tables, columns.
 *
 * Column options that belong to one format (path, force_null, ...) are read by that format from Column.options; they are
 * declared here so that they are checked and documented with the others.
 */
#ifndef FDW_S3_OPTION_H
#define FDW_S3_OPTION_H

#include "postgres.h"

#include "foreign/foreign.h"

#pragma GCC visibility push(hidden)

typedef enum S3UrlStyle
{
	S3_URL_PATH,
	S3_URL_VIRTUAL
} S3UrlStyle;

typedef enum S3EngineKind
{
	S3_ENGINE_NATIVE,
	S3_ENGINE_LIBS3
} S3EngineKind;

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
	/* server */
	char	   *endpoint;		/* NULL: AWS, by region */
	char	   *region;
	int			url_style;		/* S3UrlStyle */
	int			engine;			/* S3EngineKind */
	char	   *ca_file;		/* NULL: the system's certificates */
	bool		allow_unverified_tls;	/* engine libs3 cannot verify a certificate chain */
	int			connect_timeout;	/* ms */
	int			read_timeout;	/* ms without a byte */
	int			retries;		/* of one request, after the first attempt */

	/* user mapping */
	char	   *access_key;		/* NULL: anonymous */
	char	   *secret_key;
	char	   *session_token;

	/* table; part_size and read_ahead stand at the server too */
	char	   *bucket;
	char	   *prefix;			/* "" or a folder or the beginning of a name; NULL when path is set */
	char	   *path;			/* one object's key */
	int			format;			/* S3Format */
	int			compression;	/* S3Compression */
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

#endif							/* FDW_S3_OPTION_H */
