--
-- What install_weather makes, and that a second call is harmless.
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
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-install")'

-- mistakes
SELECT medallion.install_weather('nosuch', 'lake', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT medallion.install_weather('kafka', 'nosuch', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT medallion.install_weather('kafka', 'lake', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT medallion.install_weather('kafka', 'lake', producer => 'sunshine', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', compression => 'lzma', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', poll_interval => '-1 minute', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', object_records => 0, topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
SELECT count(*) FROM medallion.pipeline;

SELECT medallion.install_weather('kafka', 'lake', producer => 'synthetic', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');
SET client_min_messages = notice;
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-other', silver_bucket => 'weather-install-silver');  -- ERROR
SET client_min_messages = warning;

SELECT name, depends_on, plan IS NOT NULL AS has_plan, fingerprint IS NOT NULL AS may_be_unchanged FROM medallion.step WHERE pipeline = 'weather' ORDER BY position;
SELECT server, kind, target FROM medallion.endpoint WHERE pipeline = 'weather' ORDER BY kind, target;
SELECT producer, poll_interval FROM medallion.weather_producer;
SELECT city FROM medallion.weather_city ORDER BY city;
SELECT kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records FROM medallion.weather_topic;
SELECT * FROM fdw_kafka_watermarks('source_weather.weather') ORDER BY partition;
SELECT c.oid::regclass AS relation, c.relkind, obj_description(c.oid) AS comment
  FROM pg_class c WHERE c.relnamespace IN ('bronze'::regnamespace, 'weather'::regnamespace, 'source_weather'::regnamespace, 'lake_weather'::regnamespace)
   AND c.relkind IN ('r', 'f', 'v') ORDER BY c.oid::regclass::text COLLATE "C";
SELECT a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_attribute a WHERE a.attrelid = 'source_weather.weather'::regclass AND a.attnum > 0 ORDER BY a.attnum;

-- what is gone is made again, by a run and by an install
DROP SCHEMA source_weather CASCADE;
DROP FOREIGN TABLE lake_weather.raw;
CALL medallion.run('weather');
SELECT to_regclass('source_weather.weather'), to_regclass('source_weather.weather_feed'), to_regclass('lake_weather.raw');
DROP SCHEMA source_weather, lake_weather CASCADE;
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');
CALL medallion.run('weather');

-- the tables of an earlier installation are not added to
INSERT INTO source_weather.weather_feed VALUES ('Oslo', '{"name": "Oslo", "dt": 1767225600, "main": {"temp": 270.5, "humidity": 80}}');
CALL medallion.run('weather');
SELECT city, window_start, avg_temp_c, readings FROM weather.weather_rt;
SELECT medallion.drop_pipeline('weather');
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver');  -- ERROR
DROP SCHEMA weather CASCADE;
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-install', raw_bucket => 'weather-install-raw', silver_bucket => 'weather-install-silver', compression => 'gzip');
SELECT count(*) FROM medallion.quarantine_objects();
CALL medallion.run('weather');
SELECT city, window_start, avg_temp_c, readings FROM weather.weather_rt;
SELECT regexp_replace(path, 'date=[-0-9]+', 'date=…') AS path, records FROM medallion.raw_object;

-- leave nothing
SELECT medallion.drop_pipeline('weather');
SELECT count(fdw_s3_delete('lake', b, path)) >= 0 AS emptied FROM unnest('{weather-install-raw,weather-install-silver}'::text[]) b, fdw_s3_list('lake', b);
DROP SCHEMA bronze, source_weather, lake_weather, weather CASCADE;
DROP SERVER lake, kafka CASCADE;
DROP EXTENSION medallion, fdw_mysql, fdw_kafka, fdw_s3;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-install")'
