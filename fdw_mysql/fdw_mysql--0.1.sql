/* fdw_mysql--0.1.sql */
\echo Use "CREATE EXTENSION fdw_mysql" to load this file. \quit

CREATE FUNCTION fdw_mysql_handler()
RETURNS pg_catalog.fdw_handler
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_mysql_handler';
COMMENT ON FUNCTION fdw_mysql_handler() IS 'Entry point of foreign data wrapper fdw_mysql';
REVOKE ALL ON FUNCTION fdw_mysql_handler() FROM PUBLIC;

CREATE FUNCTION fdw_mysql_validator(options pg_catalog.text[], catalog pg_catalog.oid)
RETURNS pg_catalog.void
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_mysql_validator';
COMMENT ON FUNCTION fdw_mysql_validator(pg_catalog.text[], pg_catalog.oid) IS 'Checks the options of fdw_mysql''s objects';
REVOKE ALL ON FUNCTION fdw_mysql_validator(pg_catalog.text[], pg_catalog.oid) FROM PUBLIC;

CREATE FOREIGN DATA WRAPPER fdw_mysql
HANDLER fdw_mysql_handler
VALIDATOR fdw_mysql_validator;
COMMENT ON FOREIGN DATA WRAPPER fdw_mysql IS 'Tables of MySQL and MariaDB servers';

CREATE FUNCTION fdw_mysql_options(
    OUT name pg_catalog.text,
    OUT places pg_catalog.text,
    OUT type pg_catalog.text,
    OUT default_value pg_catalog.text,
    OUT help pg_catalog.text)
RETURNS SETOF pg_catalog.record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_mysql_options';
COMMENT ON FUNCTION fdw_mysql_options() IS 'The options that fdw_mysql knows, and where they may stand';
REVOKE ALL ON FUNCTION fdw_mysql_options() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fdw_mysql_options() TO PUBLIC;

CREATE FUNCTION fdw_mysql_import_comments(server pg_catalog.name, schema pg_catalog.name)
RETURNS pg_catalog.int8
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_mysql_import_comments';
COMMENT ON FUNCTION fdw_mysql_import_comments(pg_catalog.name, pg_catalog.name)
IS 'Copies MySQL''s comments onto the foreign tables of a server in a schema; returns how many';
REVOKE ALL ON FUNCTION fdw_mysql_import_comments(pg_catalog.name, pg_catalog.name) FROM PUBLIC;

CREATE FUNCTION fdw_mysql_disconnect(server pg_catalog.name DEFAULT NULL)
RETURNS pg_catalog.int4
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'fdw_mysql_disconnect';
COMMENT ON FUNCTION fdw_mysql_disconnect(pg_catalog.name)
IS 'Closes this session''s idle connections to one server, or to all; returns how many';
REVOKE ALL ON FUNCTION fdw_mysql_disconnect(pg_catalog.name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fdw_mysql_disconnect(pg_catalog.name) TO PUBLIC;
