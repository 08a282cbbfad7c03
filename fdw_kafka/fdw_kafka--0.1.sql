/* fdw_kafka--0.1.sql */
\echo Use "CREATE EXTENSION fdw_kafka" to load this file. \quit

CREATE FUNCTION fdw_kafka_handler()
RETURNS pg_catalog.fdw_handler
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_handler';
COMMENT ON FUNCTION fdw_kafka_handler()
IS 'Entry point of foreign data wrapper fdw_kafka';
REVOKE ALL ON FUNCTION fdw_kafka_handler() FROM PUBLIC;

CREATE FUNCTION fdw_kafka_validator(options pg_catalog.text[], catalog pg_catalog.oid)
RETURNS pg_catalog.void
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_validator';
COMMENT ON FUNCTION fdw_kafka_validator(pg_catalog.text[], pg_catalog.oid)
IS 'Checks the options of fdw_kafka''s objects';
REVOKE ALL ON FUNCTION fdw_kafka_validator(pg_catalog.text[], pg_catalog.oid) FROM PUBLIC;

CREATE FOREIGN DATA WRAPPER fdw_kafka
HANDLER fdw_kafka_handler
VALIDATOR fdw_kafka_validator;
COMMENT ON FOREIGN DATA WRAPPER fdw_kafka IS 'Topics of Kafka';

CREATE FUNCTION fdw_kafka_options(
    OUT name pg_catalog.text,
    OUT places pg_catalog.text,
    OUT type pg_catalog.text,
    OUT default_value pg_catalog.text,
    OUT help pg_catalog.text)
RETURNS SETOF pg_catalog.record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_options';
COMMENT ON FUNCTION fdw_kafka_options()
IS 'The options that fdw_kafka knows, and where they may stand';
REVOKE ALL ON FUNCTION fdw_kafka_options() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fdw_kafka_options() TO PUBLIC;

CREATE FUNCTION fdw_kafka_watermarks(relation pg_catalog.regclass)
RETURNS TABLE("partition" pg_catalog.int4, low pg_catalog.int8, high pg_catalog.int8)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_watermarks';
COMMENT ON FUNCTION fdw_kafka_watermarks(pg_catalog.regclass)
IS 'The first offset of each partition of a foreign table''s topic, and the first that cannot be read yet';
REVOKE ALL ON FUNCTION fdw_kafka_watermarks(pg_catalog.regclass) FROM PUBLIC;

CREATE FUNCTION fdw_kafka_watermarks(server pg_catalog.name, topic pg_catalog.text)
RETURNS TABLE("partition" pg_catalog.int4, low pg_catalog.int8, high pg_catalog.int8)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_topic_watermarks';
COMMENT ON FUNCTION fdw_kafka_watermarks(pg_catalog.name, pg_catalog.text)
IS 'The first offset of each partition of a topic, and the first that cannot be read yet';
REVOKE ALL ON FUNCTION fdw_kafka_watermarks(pg_catalog.name, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_kafka_lag(relation pg_catalog.regclass, "partition" pg_catalog.int4[], next_offset pg_catalog.int8[])
RETURNS TABLE("partition" pg_catalog.int4, low pg_catalog.int8, next_offset pg_catalog.int8, high pg_catalog.int8,
    lag pg_catalog.int8)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_lag';
COMMENT ON FUNCTION fdw_kafka_lag(pg_catalog.regclass, pg_catalog.int4[], pg_catalog.int8[])
IS 'How far a reader that stands at these offsets is behind; partitions that it does not name count from their beginning';
REVOKE ALL ON FUNCTION fdw_kafka_lag(pg_catalog.regclass, pg_catalog.int4[], pg_catalog.int8[]) FROM PUBLIC;

CREATE FUNCTION fdw_kafka_create_topic(
    server pg_catalog.name, topic pg_catalog.text, partitions pg_catalog.int4 DEFAULT 1,
    replication pg_catalog.int4 DEFAULT 1, config pg_catalog.text[] DEFAULT '{}')
RETURNS pg_catalog.bool
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_create_topic';
COMMENT ON FUNCTION fdw_kafka_create_topic(pg_catalog.name, pg_catalog.text, pg_catalog.int4, pg_catalog.int4, pg_catalog.text[])
IS 'Makes a topic, with settings such as cleanup.policy=compact; false where it was there';
REVOKE ALL ON FUNCTION fdw_kafka_create_topic(pg_catalog.name, pg_catalog.text, pg_catalog.int4, pg_catalog.int4, pg_catalog.text[]) FROM PUBLIC;

CREATE FUNCTION fdw_kafka_topic_config(server pg_catalog.name, topic pg_catalog.text, name pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_topic_config';
COMMENT ON FUNCTION fdw_kafka_topic_config(pg_catalog.name, pg_catalog.text, pg_catalog.text)
IS 'The value of one setting of a topic; NULL where it has none of that name';
REVOKE ALL ON FUNCTION fdw_kafka_topic_config(pg_catalog.name, pg_catalog.text, pg_catalog.text) FROM PUBLIC;

CREATE FUNCTION fdw_kafka_cluster_id(server pg_catalog.name)
RETURNS pg_catalog.text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_cluster_id';
COMMENT ON FUNCTION fdw_kafka_cluster_id(pg_catalog.name)
IS 'The name that the cluster gave itself';
REVOKE ALL ON FUNCTION fdw_kafka_cluster_id(pg_catalog.name) FROM PUBLIC;

CREATE FUNCTION fdw_kafka_finish()
RETURNS TABLE(server pg_catalog.name, topic pg_catalog.text, "partition" pg_catalog.int4, messages pg_catalog.int8,
    first_offset pg_catalog.int8, last_offset pg_catalog.int8)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_kafka_finish';
COMMENT ON FUNCTION fdw_kafka_finish()
IS 'Sends what this transaction has written so far, waits until it is confirmed, and tells about it';
REVOKE ALL ON FUNCTION fdw_kafka_finish() FROM PUBLIC;
