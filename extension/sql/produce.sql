--
-- Produce: the first step of a weather pipeline. It asks for the weather of the cities that are due and sends what it got to
-- Kafka, failures too; the records and the polls' ledger are committed together. Its last step tells where all failed.
--

CREATE FUNCTION medallion.make_weather_feed(pipeline text, kafka name, topic text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema($1, 'source_weather');
	PERFORM medallion.clear_foreign_table($1, 'source_weather.weather_feed');
	EXECUTE format('CREATE FOREIGN TABLE source_weather.weather_feed (key text OPTIONS (metadata ''key''), '
				   'value text OPTIONS (metadata ''value'')) SERVER %I OPTIONS (topic %L, format ''raw'')', kafka, topic);
	EXECUTE format('COMMENT ON FOREIGN TABLE source_weather.weather_feed IS %L',
				   'what is inserted here is sent to the topic' || medallion.made_for($1));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_feed(text, name, text) IS 'make the foreign table through which a weather pipeline writes to its topic';

CREATE FUNCTION medallion.utc_text(at timestamptz) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
COMMENT ON FUNCTION medallion.utc_text(timestamptz) IS 'a point in time in ISO 8601, in UTC, with microseconds';

-- Members are added to the text: its numbers stay as they were written. Line ends, which JSON allows between its tokens only,
-- become blanks: one record, one line. Of a member that comes twice the last counts.
CREATE FUNCTION medallion.weather_record(city text, body text, at timestamptz, units text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	head text := rtrim(left(btrim(translate(body, E'\n\r\t', '   ')), -1));
BEGIN
	RETURN format('%s%s"_ingest_ts":"%s","_city":%s,"_units":%s}', head, CASE WHEN head = '{' THEN '' ELSE ',' END,
				  to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), to_json(city), to_json(units));
END
$$;
COMMENT ON FUNCTION medallion.weather_record(text, text, timestamptz, text) IS 'a reading as it is sent: the JSON object that was received, and where and when';

CREATE FUNCTION medallion.weather_error_record(city text, status_code integer, message text, at timestamptz) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('{"_error":true,"status_code":%s,"city":%s,"message":%s,"_ingest_ts":"%s"}', COALESCE($2::text, 'null'), to_json($1),
				  to_json($3), medallion.utc_text($4))
$$;
COMMENT ON FUNCTION medallion.weather_error_record(text, integer, text, timestamptz) IS 'what is sent in place of a reading where a call failed';

CREATE FUNCTION medallion.poll_cities(p medallion.weather_producer, cities text[], slot timestamptz)
	RETURNS TABLE (city text, status_code integer, error text, attempts integer, polled_at timestamptz, record text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	units text := COALESCE(medallion.server_option(p.server, 'units'), 'standard');
BEGIN
	IF p.producer = 'synthetic' THEN
		RETURN QUERY
			SELECT c, 200, NULL::text, 0, clock_timestamp(),
				   medallion.weather_record(c, medallion.synthetic_weather(c, slot, p.seed), clock_timestamp(), 'standard')
			  FROM unnest(cities) c;
		RETURN;
	END IF;
	RETURN QUERY
		SELECT o.city, o.status_code, o.error, o.attempts, o.received_at,
			   CASE WHEN o.error IS NULL THEN medallion.weather_record(o.city, o.body, o.received_at, units)
			   ELSE medallion.weather_error_record(o.city, o.status_code, o.error, o.received_at) END
		  FROM medallion.openweather(cities, p.server) o;
END
$$;
COMMENT ON FUNCTION medallion.poll_cities(medallion.weather_producer, text[], timestamptz) IS 'the records of cities in a slot, as they are to be sent';

CREATE FUNCTION medallion.produce_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p medallion.weather_producer;
	current_slot timestamptz;
	cities text[];
	c record;
	keys text[] := '{}';
	records text[] := '{}';
	failures text[] := '{}';
BEGIN
	PERFORM medallion.check_cluster($1);
	SELECT w.* INTO p FROM medallion.weather_producer w WHERE w.pipeline = $1 AND w.producer <> 'none';
	IF NOT FOUND THEN
		RETURN;
	END IF;
	current_slot := medallion.poll_slot(p.poll_interval, clock_timestamp());
	cities := medallion.due_cities($1, current_slot);
	IF cities IS NULL THEN
		PERFORM medallion.report('weather', 0, NULL, format('every city was polled since %s', medallion.utc_text(current_slot)));
		RETURN;
	END IF;
	FOR c IN SELECT * FROM medallion.poll_cities(p, cities, current_slot) LOOP
		keys := keys || c.city;
		records := records || c.record;
		failures := failures || CASE WHEN c.error IS NOT NULL THEN ARRAY[c.city || ': ' || c.error] END;
		INSERT INTO medallion.weather_poll VALUES ($1, current_slot, c.city, c.polled_at, c.status_code, c.error, c.attempts,
												   medallion.current_run());
	END LOOP;
	EXECUTE format('INSERT INTO %s (key, value) SELECT * FROM unnest($1, $2)', medallion.own_table($1, 'source_weather.weather_feed'))
		USING keys, records;
	DELETE FROM medallion.weather_poll w WHERE w.pipeline = $1 AND w.slot < current_slot - interval '30 days';
	PERFORM medallion.report('weather', cardinality(records), octet_length(array_to_string(records, '')),
							 format('%s, %s of %s cities answered', p.producer, cardinality(cities) - cardinality(failures), cardinality(cities)));
	IF cardinality(failures) BETWEEN 1 AND cardinality(cities) - 1 THEN
		RAISE WARNING '% of % cities could not be polled', cardinality(failures), cardinality(cities)
			USING DETAIL = array_to_string(failures[1:5], E'\n');
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.produce_weather(text) IS 'polls the cities that are due and sends what they answered to Kafka';

CREATE FUNCTION medallion.openweather_hint(status_code integer, server name) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 IN (401, 403) THEN format('Check the option api_key of the user mapping for server "%s"; a new key takes up '
												   'to two hours to become active.', $2)
		   WHEN $1 = 404 THEN 'The service knows no such city: see medallion.weather_city.'
		   WHEN $1 = 429 THEN 'The account''s limit is used up: poll fewer cities or less often.'
		   WHEN $1 >= 500 THEN 'The service has trouble of its own: the next run tries again.'
		   WHEN $1 IS NULL THEN format('Check the option url of server "%s", and that this machine can reach it.', $2)
		   ELSE format('Check the option url of server "%s".', $2) END
$$;
COMMENT ON FUNCTION medallion.openweather_hint(integer, name) IS 'what to do about a call of OpenWeather that failed';

CREATE FUNCTION medallion.check_poll(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	polled medallion.weather_poll[];
BEGIN
	-- a key that is refused says more than a city that does not exist
	SELECT array_agg(w ORDER BY COALESCE(array_position('{401,403,429}', w.status_code), 4), w.city) INTO polled FROM medallion.weather_poll w
	WHERE w.pipeline = $1 AND w.run_id = medallion.current_run();
	IF polled IS NULL OR EXISTS (SELECT FROM unnest(polled) w WHERE w.error IS NULL) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'no city could be polled: %', polled[1].error
		USING ERRCODE = CASE WHEN polled[1].status_code IN (401, 403) THEN 'invalid_authorization_specification' ELSE 'connection_failure' END,
			DETAIL = (SELECT string_agg(w.city || ': ' || w.error, E'\n') FROM unnest(polled[1:5]) w),
			HINT = (SELECT medallion.openweather_hint(polled[1].status_code, p.server) FROM medallion.weather_producer p WHERE p.pipeline = $1);
END
$$;
COMMENT ON FUNCTION medallion.check_poll(text) IS 'an ERROR where this run polled cities and none answered';

-- For trying things out: as if a pipeline that makes its readings up had run all that time.
CREATE FUNCTION medallion.produce_synthetic(pipeline text, from_time timestamptz, to_time timestamptz, step interval DEFAULT '5 minutes')
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p medallion.weather_producer;
	sent bigint;
BEGIN
	PERFORM medallion.check_owner($1);
	SELECT w.* INTO p FROM medallion.weather_producer w WHERE w.pipeline = $1;
	IF p.producer IS DISTINCT FROM 'synthetic' THEN
		RAISE EXCEPTION 'pipeline "%" does not make its readings up', $1 USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('Made-up readings among real ones could not be taken out of the averages again. If that is what you want: '
						  'SELECT medallion.set_weather_producer(%L, ''synthetic'')', $1);
	ELSIF to_time > clock_timestamp() THEN
		RAISE EXCEPTION 'a series cannot end in the future' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM medallion.check_poll_interval('synthetic', step);
	EXECUTE format('INSERT INTO %s (key, value) '
				   'SELECT c.city, medallion.weather_record(c.city, medallion.synthetic_weather(c.city, t, $4), t, ''standard'') '
				   '  FROM generate_series(medallion.poll_slot($3, $1), $2, $3) t '
				   '  JOIN medallion.weather_city c ON c.pipeline = $5 AND c.enabled WHERE t >= $1 AND t < $2 ORDER BY t, c.city',
				   medallion.own_table($1, 'source_weather.weather_feed'))
		USING from_time, to_time, step, p.seed, $1;
	GET DIAGNOSTICS sent = ROW_COUNT;
	RETURN sent;
END
$$;
COMMENT ON FUNCTION medallion.produce_synthetic(text, timestamptz, timestamptz, interval) IS
'send made-up readings of a time that has passed, only where the pipeline makes its readings up; returns how many';
