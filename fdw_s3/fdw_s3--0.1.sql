/* fdw_s3--0.1.sql */
\echo Use "CREATE EXTENSION fdw_s3" to load this file. \quit

CREATE FUNCTION fdw_s3_handler()
RETURNS pg_catalog.fdw_handler
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_handler';
COMMENT ON FUNCTION fdw_s3_handler()
IS 'Entry point of foreign data wrapper fdw_s3';
REVOKE ALL ON FUNCTION fdw_s3_handler() FROM PUBLIC;

CREATE FUNCTION fdw_s3_validator(options pg_catalog.text[], catalog pg_catalog.oid)
RETURNS pg_catalog.void
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_validator';
COMMENT ON FUNCTION fdw_s3_validator(pg_catalog.text[], pg_catalog.oid)
IS 'Checks the options of fdw_s3''s objects';
REVOKE ALL ON FUNCTION fdw_s3_validator(pg_catalog.text[], pg_catalog.oid) FROM PUBLIC;

CREATE FOREIGN DATA WRAPPER fdw_s3
HANDLER fdw_s3_handler
VALIDATOR fdw_s3_validator;
COMMENT ON FOREIGN DATA WRAPPER fdw_s3 IS 'Objects in S3 and services that speak its protocol';

CREATE FUNCTION fdw_s3_options(
    OUT name pg_catalog.text,
    OUT places pg_catalog.text,
    OUT type pg_catalog.text,
    OUT default_value pg_catalog.text,
    OUT help pg_catalog.text)
RETURNS SETOF pg_catalog.record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_options';
COMMENT ON FUNCTION fdw_s3_options()
IS 'The options that fdw_s3 knows, and where they may stand';
REVOKE ALL ON FUNCTION fdw_s3_options() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fdw_s3_options() TO PUBLIC;

CREATE FUNCTION fdw_s3_create_bucket(server pg_catalog.name, bucket pg_catalog.text)
RETURNS pg_catalog.bool
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_create_bucket';
COMMENT ON FUNCTION fdw_s3_create_bucket(pg_catalog.name, pg_catalog.text)
IS 'Makes a bucket; false where it was there and is ours';
REVOKE ALL ON FUNCTION fdw_s3_create_bucket(pg_catalog.name, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_s3_list(server pg_catalog.name, bucket pg_catalog.text, prefix pg_catalog.text DEFAULT '')
RETURNS TABLE(path pg_catalog.text, size pg_catalog.int8, etag pg_catalog.text, last_modified pg_catalog.timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_list';
COMMENT ON FUNCTION fdw_s3_list(pg_catalog.name, pg_catalog.text, pg_catalog.text)
IS 'The objects of a bucket whose keys begin with a prefix, in the order of their keys';
REVOKE ALL ON FUNCTION fdw_s3_list(pg_catalog.name, pg_catalog.text, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_s3_stat(
    server pg_catalog.name, bucket pg_catalog.text, path pg_catalog.text,
    OUT size pg_catalog.int8, OUT etag pg_catalog.text, OUT last_modified pg_catalog.timestamptz)
RETURNS pg_catalog.record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_stat';
COMMENT ON FUNCTION fdw_s3_stat(pg_catalog.name, pg_catalog.text, pg_catalog.text)
IS 'What is known of one object; NULL where there is none';
REVOKE ALL ON FUNCTION fdw_s3_stat(pg_catalog.name, pg_catalog.text, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_s3_copy(server pg_catalog.name, bucket pg_catalog.text, path pg_catalog.text, new_path pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_copy';
COMMENT ON FUNCTION fdw_s3_copy(pg_catalog.name, pg_catalog.text, pg_catalog.text, pg_catalog.text)
IS 'Copies an object within its bucket, on the server and at once, over what stands there; objects of up to 5 GiB';
REVOKE ALL ON FUNCTION fdw_s3_copy(pg_catalog.name, pg_catalog.text, pg_catalog.text, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_s3_delete(server pg_catalog.name, bucket pg_catalog.text, path pg_catalog.text)
RETURNS pg_catalog.bool
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_delete';
COMMENT ON FUNCTION fdw_s3_delete(pg_catalog.name, pg_catalog.text, pg_catalog.text)
IS 'Deletes an object at once, whatever becomes of the transaction; false where there was none';
REVOKE ALL ON FUNCTION fdw_s3_delete(pg_catalog.name, pg_catalog.text, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_s3_finish()
RETURNS TABLE(server pg_catalog.name, bucket pg_catalog.text, path pg_catalog.text, rows pg_catalog.int8,
    bytes pg_catalog.int8, etag pg_catalog.text, sha256 pg_catalog.text, uploaded pg_catalog.bool)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_finish';
COMMENT ON FUNCTION fdw_s3_finish()
IS 'Completes the objects that this transaction has written so far, and tells about them';
REVOKE ALL ON FUNCTION fdw_s3_finish() FROM PUBLIC;

CREATE FUNCTION fdw_s3_sweep(server pg_catalog.name, bucket pg_catalog.text, older_than pg_catalog.interval DEFAULT '1 day')
RETURNS TABLE(path pg_catalog.text, upload_id pg_catalog.text, initiated pg_catalog.timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_sweep';
COMMENT ON FUNCTION fdw_s3_sweep(pg_catalog.name, pg_catalog.text, pg_catalog.interval)
IS 'Drops multipart uploads that nobody finished';
REVOKE ALL ON FUNCTION fdw_s3_sweep(pg_catalog.name, pg_catalog.text, pg_catalog.interval) FROM PUBLIC;

CREATE FUNCTION fdw_s3_write_empty(foreign_table pg_catalog.regclass, path pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_s3_write_empty';
COMMENT ON FUNCTION fdw_s3_write_empty(pg_catalog.regclass, pg_catalog.text)
IS 'Writes an object of no rows under that name, with a header where the table has one; the caller needs INSERT on the table';
REVOKE ALL ON FUNCTION fdw_s3_write_empty(pg_catalog.regclass, pg_catalog.text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fdw_s3_write_empty(pg_catalog.regclass, pg_catalog.text) TO PUBLIC;
