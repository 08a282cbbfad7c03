--
-- OpenWeather: a wrapper without tables. Its servers hold the service's address, its user mappings the key, and one function
-- asks for the current weather. Nobody but superusers may make servers before GRANT USAGE ON FOREIGN DATA WRAPPER: whoever
-- makes one decides where this machine sends requests.
--

CREATE FUNCTION medallion.openweather_validator(options text[], catalog oid) RETURNS void
	LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_openweather_validator';
COMMENT ON FUNCTION medallion.openweather_validator(text[], oid) IS 'checks the options of servers and user mappings of openweather';

CREATE FOREIGN DATA WRAPPER openweather NO HANDLER VALIDATOR medallion.openweather_validator;
COMMENT ON FOREIGN DATA WRAPPER openweather IS 'the current weather service of OpenWeather, for medallion.openweather()';

CREATE FUNCTION medallion.openweather_options(OUT name text, OUT places text, OUT type text, OUT default_value text, OUT help text)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_openweather_options';
COMMENT ON FUNCTION medallion.openweather_options() IS 'the options that openweather knows, and where they may stand';

CREATE FUNCTION medallion.openweather(cities text[], server name DEFAULT 'openweather')
	RETURNS TABLE (city text, status_code integer, body text, error text, attempts integer, elapsed interval,
				   received_at timestamptz, server_time timestamptz)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_openweather';
COMMENT ON FUNCTION medallion.openweather(text[], name) IS
'the current weather of each city, all asked for at once: body is the JSON object as received, or else error says what went wrong';
