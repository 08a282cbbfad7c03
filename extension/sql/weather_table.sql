--
-- The tables of weather, in schema weather: the owner's. What the pipeline has to know about them is in schema medallion.
--

CREATE TABLE medallion.weather_watermark (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	watermark timestamptz NOT NULL
);
COMMENT ON TABLE medallion.weather_watermark IS 'how far the events of a pipeline have come';
COMMENT ON COLUMN medallion.weather_watermark.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_watermark.watermark IS 'greatest event time of a reading that has landed; never goes back';

CREATE TABLE medallion.weather_day (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	granularity text NOT NULL CHECK (granularity IN ('5min', 'hour', 'day')),
	day date NOT NULL,
	version bigint NOT NULL DEFAULT 1,
	exported bigint,
	PRIMARY KEY (pipeline, granularity, day)
);
COMMENT ON TABLE medallion.weather_day IS 'UTC days whose windows have changed, and which of their versions stand in the bucket';
COMMENT ON COLUMN medallion.weather_day.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_day.granularity IS '5min, hour or day';
COMMENT ON COLUMN medallion.weather_day.day IS 'UTC day in which the windows begin';
COMMENT ON COLUMN medallion.weather_day.version IS 'number of transactions that changed one of its windows';
COMMENT ON COLUMN medallion.weather_day.exported IS 'version that stands in the bucket, or NULL';

-- The columns that both tables of windows have.
CREATE FUNCTION medallion.weather_column(OUT name text, OUT type text, OUT comment text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('window_start', 'timestamptz NOT NULL', 'first instant of the window; windows are aligned to the epoch, in UTC'),
		   ('window_end', 'timestamptz NOT NULL', 'first instant behind the window'),
		   ('avg_temp', 'numeric NOT NULL', 'average temperature in Kelvin, rounded to 6 places'),
		   ('avg_temp_c', 'numeric NOT NULL GENERATED ALWAYS AS (avg_temp OPERATOR(pg_catalog.-) 273.15) STORED', 'the same in degrees Celsius'),
		   ('avg_humidity', 'numeric NOT NULL', 'average relative humidity in percent, rounded to 6 places'),
		   ('min_temp', 'numeric NOT NULL', 'least temperature in Kelvin'),
		   ('max_temp', 'numeric NOT NULL', 'greatest temperature in Kelvin'),
		   ('min_humidity', 'numeric NOT NULL', 'least humidity in percent'),
		   ('max_humidity', 'numeric NOT NULL', 'greatest humidity in percent'),
		   ('sum_temp', 'numeric NOT NULL', 'sum of the temperatures in Kelvin, exact'),
		   ('sum_humidity', 'numeric NOT NULL', 'sum of the humidities, exact'),
		   ('readings', 'bigint NOT NULL', 'number of readings'),
		   ('is_final', 'boolean NOT NULL', 'the events have come 15 minutes further than the window; a late one corrects it all the same'),
		   ('updated_at', 'timestamptz NOT NULL', 'when the row last changed')
$$;
COMMENT ON FUNCTION medallion.weather_column() IS 'columns of weather_rt and weather_bt besides city and granularity';

-- Records that gave no reading keep the place that they came from.
CREATE FUNCTION medallion.weather_place_column(OUT name text, OUT type text, OUT comment text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('topic', 'text NOT NULL', 'the topic; its name and #2 where it was made anew, and so on'),
		   ('partition', 'integer NOT NULL', 'its partition'),
		   ('offset', 'bigint NOT NULL', 'offset in the partition'),
		   ('timestamp', 'timestamptz', 'the record''s own timestamp in Kafka'),
		   ('landed_at', 'timestamptz NOT NULL DEFAULT pg_catalog.now()', 'when it was read'),
		   ('run_id', 'bigint', 'run that read it, or NULL')
$$;
COMMENT ON FUNCTION medallion.weather_place_column() IS 'columns of dead_letter and api_error that say where a record stood';

-- Make one table; "columns" has a name, a type and a comment in each line.
CREATE FUNCTION medallion.make_weather_table(pipeline text, name text, comment text, key text, columns text[]) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target text := format('weather.%I', name);
	definition text := (SELECT string_agg(format('%I %s', columns[n][1], columns[n][2]), ', ' ORDER BY n)
						FROM generate_subscripts(columns, 1) n);
BEGIN
	IF to_regclass(target) IS NOT NULL THEN
		PERFORM medallion.own_table($1, target);
		RETURN false;
	END IF;
	PERFORM medallion.check_maker($1);
	EXECUTE format('CREATE TABLE %s (%s, PRIMARY KEY (%s))', target, definition, key);
	EXECUTE format('COMMENT ON TABLE %s IS %L', target, comment);
	FOR i IN 1 .. array_length(columns, 1) LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, columns[i][1], columns[i][3]);
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION medallion.make_weather_table(text, text, text, text, text[]) IS 'make a table of weather where it is missing; returns whether it was';

-- What is final is found by the end of the window, what a day holds by its start.
CREATE FUNCTION medallion.make_weather_indexes(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('CREATE INDEX ON weather.%I (window_start)', name);
	EXECUTE format('CREATE INDEX ON weather.%I (window_end) WHERE NOT is_final', name);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_indexes(text) IS 'indexes of a table of windows';

CREATE FUNCTION medallion.weather_table_names() RETURNS SETOF text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ VALUES ('weather_rt'), ('weather_bt'), ('api_error'), ('dead_letter') $$;
COMMENT ON FUNCTION medallion.weather_table_names() IS 'names of the tables of weather';

-- Where the pipeline is new, its events will all be counted again: onto nothing.
CREATE FUNCTION medallion.check_weather_empty(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text;
	filled boolean;
BEGIN
	FOR name IN SELECT n FROM medallion.weather_table_names() n WHERE to_regclass(format('weather.%I', n)) IS NOT NULL LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', medallion.own_table($1, format('weather.%I', name))) INTO filled;
		IF filled THEN
			RAISE EXCEPTION 'table weather.% holds rows of an earlier installation', quote_ident(name)
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = 'Events that are read again would be counted twice.',
					HINT = 'TRUNCATE, rename or drop the tables of schema weather: the raw objects give their rows again.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.check_weather_empty(text) IS 'an ERROR where tables of weather hold rows of an earlier installation';

-- Called by install_weather(), and again wherever something may be missing. What a table held that is gone comes from the
-- raw objects.
CREATE FUNCTION medallion.make_weather_tables(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	windows text[] := (SELECT array_agg(ARRAY[c.name, c.type, c.comment]) FROM medallion.weather_column() c);
	place text[] := (SELECT array_agg(ARRAY[c.name, c.type, c.comment]) FROM medallion.weather_place_column() c);
	city text[] := ARRAY[ARRAY['city', 'text NOT NULL', 'the city that was asked for, else the name in the answer']];
	t medallion.weather_topic := (SELECT w FROM medallion.weather_topic w WHERE w.pipeline = $1);
	is_lost boolean := EXISTS (SELECT FROM medallion.weather_watermark w WHERE w.pipeline = $1 AND w.watermark > '-infinity')
					   AND EXISTS (SELECT FROM unnest(ARRAY['weather.weather_rt', 'weather.weather_bt', 'weather.dead_letter']) n WHERE to_regclass(n) IS NULL);
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.make_schema($1, 'weather');
	INSERT INTO medallion.weather_watermark (pipeline, watermark) VALUES ($1, '-infinity') ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM medallion.check_weather_empty($1);
	END IF;
	IF medallion.make_weather_table($1, 'weather_rt', 'Weather by city in windows of 5 minutes', 'city, window_start', city || windows) THEN
		PERFORM medallion.make_weather_indexes('weather_rt');
	END IF;
	IF medallion.make_weather_table($1, 'weather_bt', 'Weather by city in windows of an hour and of a UTC day', 'city, granularity, window_start',
			city || ARRAY[ARRAY['granularity', 'text NOT NULL CHECK (granularity IN (''hour'', ''day''))', 'hour or day']] || windows) THEN
		PERFORM medallion.make_weather_indexes('weather_bt');
	END IF;
	IF medallion.make_weather_table($1, 'api_error', 'Calls of OpenWeather that failed', 'topic, partition, "offset"', place || ARRAY[
			ARRAY['city', 'text', 'the city that was asked for'],
			ARRAY['status_code', 'integer', 'HTTP status of the answer'],
			ARRAY['record', 'text NOT NULL', 'the record as it was received']]) THEN
		CREATE INDEX ON weather.api_error ("timestamp");
	END IF;
	IF medallion.make_weather_table($1, 'dead_letter', 'Records that cannot be used, kept as they were received', 'topic, partition, "offset"', place || ARRAY[
			ARRAY['key', 'bytea', 'the key, or NULL'],
			ARRAY['value', 'bytea', 'the value''s exact bytes; NULL of a tombstone'],
			ARRAY['reason', 'text NOT NULL', 'why it cannot be used: see docs/weather.md'],
			ARRAY['detail', 'text', 'where in the value'],
			ARRAY['replayed_at', 'timestamptz', 'when replay_dead_letters() could use it; NULL: it counts nowhere']]) THEN
		CREATE INDEX ON weather.dead_letter (reason) WHERE replayed_at IS NULL;
	END IF;
	PERFORM medallion.withhold_payloads();
	PERFORM medallion.make_weather_views($1);
	PERFORM medallion.make_bronze_weather($1, t.lake, t.raw_bucket) WHERE t.lake IS NOT NULL;
	PERFORM medallion.make_weather_exports($1, t.lake, t.silver_bucket) WHERE t.lake IS NOT NULL;
	IF is_lost AND t.lake IS NOT NULL THEN
		PERFORM medallion.backfill($1, NULL, NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_weather_tables(text) IS
'make the schemas, tables and views of weather and the foreign tables over its objects, where they are missing';

-- A foreign table over the objects of a bucket; one over another bucket, of an earlier installation, gives way.
CREATE FUNCTION medallion.make_weather_foreign_table(pipeline text, name text, columns text, server name, bucket text, options text, comment text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted text[] := ARRAY[server, 'bucket=' || bucket];
BEGIN
	IF EXISTS (SELECT FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
				WHERE f.ftrelid = to_regclass(name) AND wanted <@ (f.ftoptions || s.srvname::text)) THEN
		PERFORM medallion.own_table($1, name);
		RETURN;
	END IF;
	PERFORM medallion.clear_foreign_table($1, name);
	EXECUTE format('CREATE FOREIGN TABLE %s (%s) SERVER %I OPTIONS (bucket %L, %s)', name, columns, server, bucket, options);
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', name, comment || medallion.made_for($1));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_foreign_table(text, text, text, name, text, text, text) IS
'make a foreign table over objects of a weather pipeline, where it is missing';
