--
-- What somebody has to decide: records that are gone, topics that are others.
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
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'my $k = Kafka->new; $k->delete("weather-accept"); $k->create("weather-accept", 3, "retention.ms=-1")'
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-accept', raw_bucket => 'weather-accept-raw', silver_bucket => 'weather-accept-silver', object_records => 10);
CREATE FOREIGN TABLE source_weather.feed (partition integer OPTIONS (metadata 'partition'), "timestamp" timestamptz OPTIONS (metadata 'timestamp'),
	key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value')) SERVER kafka OPTIONS (topic 'weather-accept', format 'raw');
CREATE FUNCTION pg_temp.send(partition integer, count integer, city text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO source_weather.feed
	SELECT $1, t, $3, format('{"name": %s, "dt": %s, "main": {"temp": 280, "humidity": 50}}', to_json($3), extract(epoch FROM t)::bigint)
	  FROM generate_series(1, $2) i CROSS JOIN LATERAL (SELECT '2026-01-01 00:00:00+00'::timestamptz + i * interval '10 seconds') s (t)
$$;
CREATE VIEW pg_temp.positions AS SELECT partition, generation, start_offset, next_offset, anchor_offset FROM medallion.weather_position ORDER BY partition;
CREATE VIEW pg_temp.gaps AS SELECT partition, generation, first_offset, last_offset, reason, accepted_by = SESSION_USER AS by_me FROM medallion.weather_gap ORDER BY id;

-- nothing to accept
SET client_min_messages = notice;
SELECT * FROM medallion.accept_gap();
SELECT * FROM medallion.accept_topic();
SET client_min_messages = warning;
SELECT * FROM medallion.accept_gap('nosuch');  -- ERROR
SELECT * FROM medallion.accept_topic(start => 'middle');  -- ERROR
SELECT medallion.create_pipeline('other');
SELECT * FROM medallion.accept_gap('other');  -- ERROR
SELECT medallion.drop_pipeline('other');

-- read records may go, unread ones may not
SELECT pg_temp.send(0, 20, 'Oslo'), pg_temp.send(1, 20, 'Rome');
CALL medallion.run('weather');
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->truncate("weather-accept", 0, 20)'
CALL medallion.run('weather');
SELECT pg_temp.send(0, 20, 'Oslo'), pg_temp.send(1, 5, 'Rome');
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->truncate("weather-accept", 0, 33)'
CALL medallion.run('weather');  -- ERROR
SELECT partition, low, next_offset, high, lag, problem FROM medallion.weather_lag;
SELECT * FROM pg_temp.positions;
SELECT * FROM medallion.accept_gap();
SELECT * FROM pg_temp.positions;
CALL medallion.run('weather');
SELECT * FROM pg_temp.positions;
SELECT * FROM pg_temp.gaps;
SELECT city, sum(readings) FROM weather.weather_rt GROUP BY city ORDER BY city;

-- a topic that was made anew, with as many records in partition 0 and more in partition 1; partition 2 had none and has none
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'my $k = Kafka->new; $k->delete("weather-accept"); $k->create("weather-accept", 3, "retention.ms=-1")'
SELECT pg_temp.send(0, 40, 'Bern'), pg_temp.send(1, 30, 'Bern');
CALL medallion.run('weather');  -- ERROR
SELECT * FROM medallion.accept_topic();
SELECT * FROM pg_temp.positions;
CALL medallion.run('weather');
SELECT * FROM pg_temp.positions;
SELECT * FROM pg_temp.gaps;
SELECT city, sum(readings) FROM weather.weather_rt GROUP BY city ORDER BY city;
SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, records FROM medallion.raw_object WHERE generation = 2 ORDER BY partition, first_offset;

-- again, with fewer records and fewer partitions, and only what comes is wanted
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'my $k = Kafka->new; $k->delete("weather-accept"); $k->create("weather-accept", 1, "retention.ms=-1")'
SELECT pg_temp.send(0, 7, 'Graz');
CALL medallion.run('weather');  -- ERROR
SELECT * FROM medallion.accept_topic(start => 'latest');
SELECT pg_temp.send(0, 3, 'Lyon');
CALL medallion.run('weather');
SELECT * FROM pg_temp.positions;
SELECT * FROM pg_temp.gaps;
SELECT city, sum(readings) FROM weather.weather_rt GROUP BY city ORDER BY city;

-- a partition that comes back gets objects of its own
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->grow("weather-accept", 2)'
SELECT pg_temp.send(1, 4, 'Nice');
CALL medallion.run('weather');
SELECT * FROM pg_temp.positions;

-- dead letters tell the generation
INSERT INTO source_weather.feed VALUES (0, '2026-01-01 00:00:00+00', 'x', 'no JSON');
CALL medallion.run('weather');
SELECT topic, partition, "offset", reason FROM weather.dead_letter;

-- others keep out
CREATE ROLE weather_stranger;
GRANT USAGE ON SCHEMA medallion TO weather_stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO weather_stranger;
SET ROLE weather_stranger;
SELECT * FROM medallion.accept_gap();  -- ERROR
SELECT * FROM medallion.accept_topic();  -- ERROR
SELECT * FROM medallion.adopt_objects();  -- ERROR
SELECT * FROM medallion.quarantine_objects();  -- ERROR
SELECT * FROM medallion.weather_lag;  -- ERROR
SELECT count(*) FROM medallion.weather_position;
SELECT count(*) FROM medallion.raw_object;
RESET ROLE;
DROP OWNED BY weather_stranger;
DROP ROLE weather_stranger;

-- leave nothing
DISCARD TEMP;
SELECT medallion.drop_pipeline('weather');
SELECT count(fdw_s3_delete('lake', b, path)) >= 0 AS emptied FROM unnest('{weather-accept-raw,weather-accept-silver}'::text[]) b, fdw_s3_list('lake', b);
DROP SCHEMA bronze, source_weather, lake_weather, weather CASCADE;
DROP SERVER lake, kafka CASCADE;
DROP EXTENSION medallion, fdw_mysql, fdw_kafka, fdw_s3;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-accept")'
