--
-- Raw objects that the ledger does not know: adopted or moved aside.
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
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'my $k = Kafka->new; $k->delete("weather-adopt"); $k->create("weather-adopt", 3, "retention.ms=-1")'
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-adopt', raw_bucket => 'weather-adopt-raw', silver_bucket => 'weather-adopt-silver', object_records => 10);
CREATE FOREIGN TABLE source_weather.feed (partition integer OPTIONS (metadata 'partition'), "timestamp" timestamptz OPTIONS (metadata 'timestamp'),
	key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value')) SERVER kafka OPTIONS (topic 'weather-adopt', format 'raw');
CREATE FUNCTION pg_temp.send(partition integer, count integer, city text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO source_weather.feed
	SELECT $1, t, $3, CASE WHEN i % 5 = 0 THEN format('broken %s', i) WHEN i % 7 = 0 THEN '{"_error": true, "status_code": 500, "city": "Oslo"}'
					  ELSE format('{"name": %s, "dt": %s, "main": {"temp": 280, "humidity": 50}}', to_json($3), extract(epoch FROM t)::bigint) END
	  FROM generate_series(1, $2) i CROSS JOIN LATERAL (SELECT '2026-01-01 00:00:00+00'::timestamptz + i * interval '10 seconds') s (t)
$$;
-- as a database that was restored to the time before those objects
CREATE PROCEDURE pg_temp.forget(partition integer, first_offset bigint) LANGUAGE sql AS $$
	DELETE FROM medallion.raw_object o WHERE o.partition = $1 AND o.first_offset >= $2;
	DELETE FROM weather.dead_letter o WHERE o.partition = $1 AND o."offset" >= $2;
	DELETE FROM weather.api_error o WHERE o.partition = $1 AND o."offset" >= $2;
	DELETE FROM weather.weather_rt;
	DELETE FROM weather.weather_bt;
	UPDATE medallion.weather_position p SET next_offset = $2, anchor_offset = s."offset", anchor_timestamp = s."timestamp", anchor_hash = medallion.weather_anchor(s.key, s.value)
	  FROM source_weather.weather s WHERE p.partition = $1 AND (s.partition, s."offset") = ($1, $2 - 1)
$$;
CREATE VIEW pg_temp.objects AS SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, records, sha256 IS NULL AS adopted FROM medallion.raw_object ORDER BY partition, first_offset;
CREATE VIEW pg_temp.tables AS SELECT (SELECT sum(readings) FROM weather.weather_rt) AS rt, (SELECT sum(readings) FROM weather.weather_bt) AS bt,
	(SELECT count(*) FROM weather.dead_letter) AS dead, (SELECT count(*) FROM weather.api_error) AS errors;

SET client_min_messages = notice;
SELECT * FROM medallion.adopt_objects();
SELECT * FROM medallion.quarantine_objects();
SET client_min_messages = warning;
SELECT pg_temp.send(0, 35, 'Oslo'), pg_temp.send(1, 5, 'Rome');
CALL medallion.run('weather');
SELECT * FROM pg_temp.tables;

-- adopt
CALL pg_temp.forget(0, 10);
DO $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM medallion.plan_weather('weather');
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE WARNING '% / % / %', SQLERRM, regexp_replace(detail, 'date=[-0-9]+', 'date=…'), hint;
END
$$;
SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, partition, first_offset, last_offset, records FROM medallion.adopt_objects();
SELECT * FROM pg_temp.objects;
SELECT partition, next_offset, anchor_offset FROM medallion.weather_position ORDER BY partition;
SELECT * FROM pg_temp.tables;
CALL medallion.run('weather');
SELECT pg_temp.send(0, 3, 'Oslo');
CALL medallion.run('weather');
SELECT * FROM pg_temp.objects;

-- move aside
CALL pg_temp.forget(0, 20);
SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, regexp_replace(regexp_replace(new_path, 'date=[-0-9]+', 'date=…'), '\d{8}T\d{6}Z', '…') AS new_path FROM medallion.quarantine_objects();
CALL medallion.run('weather');
SELECT * FROM pg_temp.objects;
SELECT * FROM pg_temp.tables;
SELECT count(*) FROM bronze.weather;

-- what an unfinished run has written can be adopted, too
SELECT pg_temp.send(2, 25, 'Rome');
SELECT medallion.plan_weather('weather');
INSERT INTO lake_weather.raw
SELECT format('{"partition":%s,"offset":%s,"timestamp":"2026-01-01T00:00:00.000Z","key":"x","value":null}', p.partition, o), p.path
  FROM (SELECT * FROM medallion.weather_plan ORDER BY first_offset LIMIT 1) p CROSS JOIN generate_series(p.first_offset, p.last_offset) o ORDER BY o;
SELECT first_offset, last_offset, written FROM medallion.weather_progress;
SELECT first_offset, last_offset, records FROM medallion.adopt_objects();
SELECT count(*) FROM medallion.weather_plan;
CALL medallion.run('weather');  -- ERROR: that is not what is in Kafka
SELECT partition, problem, given_up_from, next_offset FROM medallion.accept_topic();
CALL medallion.run('weather');
SELECT * FROM pg_temp.objects;

-- leave nothing
DISCARD TEMP;
SELECT medallion.drop_pipeline('weather');
SELECT count(fdw_s3_delete('lake', b, path)) >= 0 AS emptied FROM unnest('{weather-adopt-raw,weather-adopt-silver}'::text[]) b, fdw_s3_list('lake', b);
DROP SCHEMA bronze, source_weather, lake_weather, weather CASCADE;
DROP SERVER lake, kafka CASCADE;
DROP EXTENSION medallion, fdw_mysql, fdw_kafka, fdw_s3;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-adopt")'
