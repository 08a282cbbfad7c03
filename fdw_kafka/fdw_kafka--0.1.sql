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
