--
-- The weather pipeline: OpenWeather -> Kafka -> raw objects and windows -> objects of the windows.
--

CREATE FUNCTION medallion.install_weather(kafka name, lake name, openweather name DEFAULT NULL, producer text DEFAULT 'openweather',
		topic text DEFAULT 'weather', cities text[] DEFAULT NULL, poll_interval interval DEFAULT '5 minutes',
		raw_bucket text DEFAULT 'raw-weather-data', silver_bucket text DEFAULT 'weather-silver-data', compression text DEFAULT 'zstd',
		run_records bigint DEFAULT 10000000, object_records bigint DEFAULT 250000, replication integer DEFAULT 1) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	poller name := COALESCE(openweather, 'openweather');
	arguments text := format('kafka %s, topic %s, lake %s, buckets %s, %s, compression %s', kafka, topic, lake, raw_bucket, silver_bucket, compression);
BEGIN
	IF medallion.is_installed('weather', arguments) THEN
		PERFORM medallion.check_weather_sizes(compression, run_records, object_records);
		PERFORM medallion.make_weather_places(kafka, topic, lake, ARRAY[raw_bucket, silver_bucket], replication);
		UPDATE medallion.weather_topic t SET run_records = $11, object_records = $12 WHERE t.pipeline = 'weather';
		PERFORM medallion.set_weather_producer('weather', producer, poller, poll_interval);
		PERFORM medallion.add_weather_cities('weather', cities) WHERE cities IS NOT NULL;
		PERFORM medallion.repair('weather');
		RETURN;
	END IF;

	PERFORM medallion.check_weather_sizes(compression, run_records, object_records);
	PERFORM medallion.check_installer(kafka, lake);
	PERFORM medallion.create_pipeline('weather', arguments);
	PERFORM medallion.set_weather_producer('weather', producer, poller, poll_interval);
	INSERT INTO medallion.weather_topic (pipeline, kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records)
	VALUES ('weather', kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records);
	PERFORM medallion.make_weather_places(kafka, topic, lake, ARRAY[raw_bucket, silver_bucket], replication);
	PERFORM medallion.add_endpoint('weather', kafka, 'kafka', topic);
	PERFORM medallion.add_endpoint('weather', lake, 's3', b) FROM unnest(ARRAY[raw_bucket, silver_bucket]) b;
	PERFORM medallion.add_weather_cities('weather', COALESCE(cities, '{London,New Delhi,New York}'));
	PERFORM medallion.repair('weather');

	PERFORM medallion.add_step('weather', 'produce', $sql$SELECT medallion.produce_weather('weather')$sql$);
	PERFORM medallion.add_step('weather', 'land', $sql$SELECT medallion.land_weather('weather')$sql$,
							   plan => $sql$SELECT medallion.plan_weather('weather')$sql$);
	PERFORM medallion.add_weather_checks('weather');
	PERFORM medallion.add_check_step('weather', '{land}');
	PERFORM medallion.add_step('weather', 'export', $sql$SELECT medallion.export_weather('weather')$sql$,
							   depends_on => '{land}', fingerprint => $sql$SELECT * FROM medallion.export_weather_fingerprint('weather')$sql$);
	PERFORM medallion.add_step('weather', 'poll', $sql$SELECT medallion.check_poll('weather')$sql$);
END
$$;
COMMENT ON FUNCTION medallion.install_weather(name, name, name, text, text, text[], interval, text, text, text, bigint, bigint, integer) IS
'make the pipeline "weather": topic, buckets, schemas, tables and steps, from OpenWeather through Kafka to tables and an S3 server';

CREATE FUNCTION medallion.check_weather_sizes(compression text, run_records bigint, object_records bigint) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF compression IS NULL OR compression NOT IN ('zstd', 'gzip') THEN
		RAISE EXCEPTION 'unknown compression "%"', compression
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Raw objects are compressed by zstd or gzip.';
	ELSIF run_records IS NULL OR run_records < 1 OR object_records IS NULL OR object_records < 1 THEN
		RAISE EXCEPTION 'run_records and object_records must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_weather_sizes(text, bigint, bigint) IS 'an ERROR for raw objects that cannot be made';

CREATE FUNCTION medallion.make_weather_places(kafka name, topic text, lake name, buckets text[], replication integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM public.fdw_s3_create_bucket(lake, b) FROM unnest(buckets) b;
	PERFORM public.fdw_kafka_create_topic(kafka, topic, 3, replication);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_places(name, text, name, text[], integer) IS
'make the topic, with 3 partitions, and the buckets, where they are missing';

-- Through this one records are read, with nothing but what Kafka has.
CREATE FUNCTION medallion.make_weather_source(t medallion.weather_topic) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema(t.pipeline, 'source_weather');
	PERFORM medallion.clear_foreign_table(t.pipeline, 'source_weather.weather');
	EXECUTE format('CREATE FOREIGN TABLE source_weather.weather (partition integer OPTIONS (metadata ''partition''), '
				   '"offset" bigint OPTIONS (metadata ''offset''), "timestamp" timestamptz OPTIONS (metadata ''timestamp''), '
				   'key bytea OPTIONS (metadata ''key''), value bytea OPTIONS (metadata ''value'')) SERVER %I OPTIONS (topic %L, format ''raw'')',
				   t.kafka, t.topic);
	EXECUTE format('COMMENT ON FOREIGN TABLE source_weather.weather IS %L',
				   'the records of the topic, as they are in Kafka now' || medallion.made_for(t.pipeline));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_source(medallion.weather_topic) IS 'make the foreign table over the topic';

-- And through this one they are written: lines as they come, into the object that is named.
CREATE FUNCTION medallion.make_weather_raw(t medallion.weather_topic) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema(t.pipeline, 'lake_weather');
	PERFORM medallion.clear_foreign_table(t.pipeline, 'lake_weather.raw');
	EXECUTE format('CREATE FOREIGN TABLE lake_weather.raw (line text, _path text OPTIONS (metadata ''path'')) SERVER %I '
				   'OPTIONS (bucket %L, prefix ''date='', format ''text'', skip_unchanged ''true'')', t.lake, t.raw_bucket);
	EXECUTE format('COMMENT ON FOREIGN TABLE lake_weather.raw IS %L', 'the lines of the raw objects' || medallion.made_for(t.pipeline));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_raw(medallion.weather_topic) IS 'make the foreign table through which raw objects are written';

CREATE FUNCTION medallion.repair_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := (SELECT w FROM medallion.weather_topic w WHERE w.pipeline = $1);
BEGIN
	PERFORM medallion.make_weather_source(t) WHERE to_regclass('source_weather.weather') IS NULL;
	PERFORM medallion.make_weather_feed($1, t.kafka, t.topic) WHERE to_regclass('source_weather.weather_feed') IS NULL;
	PERFORM medallion.make_weather_raw(t) WHERE to_regclass('lake_weather.raw') IS NULL;
	PERFORM medallion.make_weather_tables($1);
END
$$;
COMMENT ON FUNCTION medallion.repair_weather(text) IS 'make again the schemas and tables of a weather pipeline that are missing';
