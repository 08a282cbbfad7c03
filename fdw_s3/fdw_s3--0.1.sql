/* fdw_s3--0.1.sql: the foreign data wrapper and its functions */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION fdw_s3" to load this file. \quit

-- ---- servers and buckets ----

CREATE FUNCTION fdw_s3_create_bucket(server name, bucket text)
RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fdw_s3_create_bucket(name, text) IS
'make a bucket; false where it was there and may be used';

CREATE FUNCTION fdw_s3_list(server name, bucket text, prefix text DEFAULT '',
    OUT path text, OUT size bigint, OUT etag text, OUT last_modified timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fdw_s3_list(name, text, text) IS
'the objects of a bucket whose keys begin with a prefix, in key order';

CREATE FUNCTION fdw_s3_stat(server name, bucket text, path text,
    OUT size bigint, OUT etag text, OUT last_modified timestamptz)
RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fdw_s3_stat(name, text, text) IS
'size, etag and time of an object; NULLs where there is none';

CREATE FUNCTION fdw_s3_delete(server name, bucket text, path text)
RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fdw_s3_delete(name, text, text) IS
'delete an object at once, whatever becomes of the transaction; false where there was none';

CREATE FUNCTION fdw_s3_finish(
    OUT server name, OUT bucket text, OUT path text, OUT rows bigint, OUT bytes bigint,
    OUT etag text, OUT sha256 text, OUT uploaded boolean)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fdw_s3_finish() IS
'complete now what this transaction has written, and say what that was; uploaded is false where skip_unchanged found the same bytes';

CREATE FUNCTION fdw_s3_sweep(server name, bucket text, older_than interval DEFAULT '1 day',
    OUT path text, OUT upload_id text, OUT initiated timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION fdw_s3_sweep(name, text, interval) IS
'abort multipart uploads that nobody finished, and say which they were';

REVOKE ALL ON FUNCTION fdw_s3_create_bucket(name, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION fdw_s3_list(name, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION fdw_s3_stat(name, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION fdw_s3_delete(name, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION fdw_s3_finish() FROM PUBLIC;
REVOKE ALL ON FUNCTION fdw_s3_sweep(name, text, interval) FROM PUBLIC;
