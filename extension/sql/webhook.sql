--
-- Webhooks: a wrapper without tables. Its servers say how to post, its user mappings to which address: whoever knows the
-- address of a webhook can use it. Nobody but superusers may make servers before GRANT USAGE ON FOREIGN DATA WRAPPER.
--

CREATE FUNCTION medallion.webhook_validator(options text[], catalog oid) RETURNS void
	LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_webhook_validator';
COMMENT ON FUNCTION medallion.webhook_validator(text[], oid) IS 'checks the options of servers and user mappings of webhook';

CREATE FOREIGN DATA WRAPPER webhook NO HANDLER VALIDATOR medallion.webhook_validator;
COMMENT ON FOREIGN DATA WRAPPER webhook IS 'HTTP services that take alerts, for medallion.on_alert()';

CREATE FUNCTION medallion.webhook_options(OUT name text, OUT places text, OUT type text, OUT default_value text, OUT help text)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_webhook_options';
COMMENT ON FUNCTION medallion.webhook_options() IS 'the options that webhook knows, and where they may stand';

CREATE FUNCTION medallion.check_webhook(server name) RETURNS void
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_check_webhook';
COMMENT ON FUNCTION medallion.check_webhook(name) IS 'an ERROR unless that is a server of webhook which the current role can use';

CREATE FUNCTION medallion.post_json(server name, document jsonb) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_post_json';
COMMENT ON FUNCTION medallion.post_json(name, jsonb) IS
'post a JSON document to a server of webhook; an ERROR unless the answer is HTTP status 2xx; no redirect is followed';
