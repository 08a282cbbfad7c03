--
-- Landing: what is planned, what is written, what is entered; the views that tell about it.
--
\getenv kafka_brokers KAFKA_BROKERS
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
SET timezone = 'UTC';
CREATE EXTENSION medallion CASCADE;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'my $k = Kafka->new; $k->delete("weather-land"); $k->create("weather-land", 3, "retention.ms=-1")'
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-land', raw_bucket => 'weather-land-raw', silver_bucket => 'weather-land-silver', object_records => 100, run_records => 350);
CREATE FOREIGN TABLE source_weather.feed (partition integer OPTIONS (metadata 'partition'), "timestamp" timestamptz OPTIONS (metadata 'timestamp'),
	key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value')) SERVER kafka OPTIONS (topic 'weather-land', format 'raw');
CREATE FUNCTION pg_temp.send(partition integer, count integer, city text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO source_weather.feed
	SELECT $1, t, $3, format('{"name": %s, "dt": %s, "main": {"temp": %s, "humidity": %s}}', to_json($3), extract(epoch FROM t)::bigint, 280 + i % 7, 50 + i % 3)
	  FROM generate_series(1, $2) i CROSS JOIN LATERAL (SELECT '2026-01-01 00:00:00+00'::timestamptz + i * interval '10 seconds') s (t)
$$;
CREATE VIEW pg_temp.landed AS
	SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, records, min_event, max_event, bytes > 0 AS has_bytes, length(etag) > 0 AS has_etag,
		   length(sha256) AS sha256, run_id FROM medallion.raw_object ORDER BY partition, first_offset;

-- nothing there
CALL medallion.run('weather');
SELECT partition, generation, start_offset, next_offset, anchor_offset FROM medallion.weather_position ORDER BY partition;
SELECT * FROM pg_temp.landed;

-- objects of 100 records; a run plans 350
SELECT pg_temp.send(0, 250, 'Oslo'), pg_temp.send(1, 120, 'Rome'), pg_temp.send(2, 10, 'Paris');
SELECT topic, partition, low, next_offset, high, lag, oldest_unread, lag_time > '0' AS late, problem FROM medallion.weather_lag;
CALL medallion.run('weather');
SELECT * FROM pg_temp.landed;
SELECT topic, partition, next_offset, high, lag, oldest_unread FROM medallion.weather_lag;
SELECT object, rows, note FROM medallion.step_log WHERE step = 'land' ORDER BY run_id, position;
CALL medallion.run('weather');
SELECT * FROM pg_temp.landed WHERE run_id = 3;
SELECT topic, partition, next_offset, high, lag, lag_time FROM medallion.weather_lag;
SELECT partition, generation, start_offset, next_offset, anchor_offset, anchor_timestamp, encode(anchor_hash, 'hex') AS anchor_hash FROM medallion.weather_position ORDER BY partition;
SELECT city, count(*), sum(readings) AS readings, round(sum(sum_temp), 2) AS sum_temp FROM weather.weather_rt GROUP BY city ORDER BY city;
SELECT pipeline, topic, newest_record, newest_event, unfinished FROM medallion.weather_freshness;

-- the object holds the records as they are in Kafka
SELECT count(*), count(*) FILTER (WHERE (s.partition, s."offset", s."timestamp", convert_from(s.key, 'UTF8'), convert_from(s.value, 'UTF8'))
								  = (b.partition, b."offset", b."timestamp", b.key, b.value::text)) AS equal
  FROM source_weather.weather s FULL JOIN bronze.weather b ON (b.partition, b."offset") = (s.partition, s."offset");

-- no new records: nothing is written
SELECT sum(hashtext(xmin::text || p::text)) AS before FROM medallion.weather_position p \gset
CALL medallion.run('weather');
CALL medallion.run('weather');
SELECT sum(hashtext(xmin::text || p::text)) = :before AS as_before FROM medallion.weather_position p;
SELECT step, state, rows FROM medallion.step_history WHERE run_id = 5 ORDER BY started_at;

-- a plan that was not carried out is carried out first, and what was added comes behind it
SELECT pg_temp.send(0, 30, 'Oslo');
SELECT medallion.plan_weather('weather');
SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, partition, first_offset, last_offset, written FROM medallion.weather_progress;
SELECT pg_temp.send(0, 5, 'Oslo');
CALL medallion.run('weather');
SELECT * FROM pg_temp.landed WHERE run_id = 6;
SELECT count(*) FROM medallion.weather_plan;

-- an object is in the ledger as it is in the bucket
SELECT count(*) FROM medallion.raw_object o FULL JOIN fdw_s3_list('lake', 'weather-land-raw', 'date=') l ON l.path = o.path WHERE (o.etag, o.bytes) IS DISTINCT FROM (l.etag, l.size);

-- A broker that has less than was planned while the range is read, and is filled again before anybody looks.
SELECT pg_temp.send(0, 5, 'Oslo');
SELECT medallion.plan_weather('weather');
UPDATE medallion.weather_plan w SET last_offset = w.last_offset + 20,
	path = medallion.raw_path(now()::date, w.partition, w.generation, w.first_offset, w.last_offset + 20, 'zstd');
ALTER FUNCTION medallion.check_landed(medallion.weather_plan, bigint) RENAME TO check_landed_then;
CREATE FUNCTION medallion.check_landed(r medallion.weather_plan, first_record bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.send(0, 20, 'Oslo');
	PERFORM public.fdw_kafka_finish();
	PERFORM medallion.check_landed_then(r, first_record);
END $$;
\set VERBOSITY sqlstate
SELECT medallion.land_weather('weather'); -- ERROR
\set VERBOSITY default
DROP FUNCTION medallion.check_landed(medallion.weather_plan, bigint);
ALTER FUNCTION medallion.check_landed_then(medallion.weather_plan, bigint) RENAME TO check_landed;
SELECT pg_temp.send(0, 20, 'Oslo');
SELECT medallion.land_weather('weather');
SELECT count(*) = sum(p.next_offset) FILTER (WHERE s."offset" = 0) AS all_landed
  FROM (SELECT b.partition, b."offset" FROM bronze.weather b WHERE partition = 0) s JOIN medallion.weather_position p USING (partition);

-- names, and what they tell
SELECT medallion.raw_path('2026-01-31', 12, 1, 7, 250000, 'zstd'), medallion.raw_path('2026-01-31', 0, 3, 0, 9223372036854775806, 'gzip');
SELECT n.* FROM (VALUES ('date=2026-01-31/12-00000000000000000007-00000000000000250000.jsonl.zst'), ('date=2026-01-31/0-00000000000000000000-09223372036854775806.g3.jsonl.gz'),
	('date=2026-01-31/0-00000000000000000000-09223372036854775807.jsonl.gz'), ('date=2026-01-31/0-00000000000000000002-00000000000000000001.jsonl.gz'),
	('date=2026-01-31/part-00000.csv'), ('quarantine/date=2026-01-31/12-00000000000000000007-00000000000000250000.jsonl.zst')) v (path)
  CROSS JOIN medallion.parse_raw_path(path) n;
SELECT string_agg(f, ' ') FROM medallion.later_folders('2026-10-28') f;
SELECT string_agg(f, ' ') FROM medallion.later_folders('2029-02-09') f;
SELECT string_agg(f, ' ') FROM medallion.later_folders(NULL) f;

-- leave nothing
DISCARD TEMP;
SELECT medallion.drop_pipeline('weather');
SELECT count(fdw_s3_delete('lake', b, path)) >= 0 AS emptied FROM unnest('{weather-land-raw,weather-land-silver}'::text[]) b, fdw_s3_list('lake', b);
DROP SCHEMA bronze, source_weather, lake_weather, weather CASCADE;
DROP SERVER lake, kafka CASCADE;
DROP EXTENSION medallion, fdw_mysql, fdw_kafka, fdw_s3;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-land")'
