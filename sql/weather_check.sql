--
-- The checks of the weather pipeline: what fails a run, and what raises an alert.
--
\getenv kafka_brokers KAFKA_BROKERS
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-check', raw_bucket => 'weather-check-raw', silver_bucket => 'weather-check-silver');
SELECT model, name, kind, severity FROM medallion.check_rule ORDER BY model, name;

-- nothing yet: that is stale
CALL medallion.run('weather');
SELECT check_name, state, failing FROM medallion.check_status ORDER BY 1;

-- as it should be
SELECT date_bin('5 minutes', now(), 'epoch') AS start \gset
INSERT INTO weather.weather_rt (city, window_start, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final, updated_at)
SELECT c, :'start', :'start'::timestamptz + interval '5 minutes', 280.123457, 50, 280.1234567, 280.1234567, 50, 50, 280.1234567, 50, 1, false, now() FROM unnest('{London,Oslo}'::text[]) c;
CALL medallion.run('weather');
SELECT check_name, state, failing FROM medallion.check_status ORDER BY 1;

-- warnings
UPDATE weather.weather_rt SET max_humidity = 101 WHERE city = 'Oslo';
INSERT INTO weather.dead_letter (topic, partition, "offset", reason) VALUES ('weather-check', 0, 1, 'json');
CALL medallion.run('weather');
SELECT subject, message, cleared_at IS NULL AS open FROM medallion.alert WHERE kind = 'check' ORDER BY alert_id;
SELECT f->>'city' AS city, f->>'max_humidity' AS max_humidity FROM medallion.failing_rows('weather', 'weather.weather_rt', 'humidity') f;

-- what cannot be
UPDATE weather.weather_rt SET avg_temp = 300, readings = 0 WHERE city = 'Oslo';
CALL medallion.run('weather');  -- ERROR
SELECT step, state FROM medallion.step_run WHERE run_id = 4 ORDER BY step;

-- windows older than two days are not looked at again
UPDATE weather.weather_rt SET window_start = window_start - interval '3 days' WHERE city = 'Oslo';
CALL medallion.run('weather');

-- gone without a trace
DROP EXTENSION medallion, fdw_kafka, fdw_s3 CASCADE;
DROP SCHEMA bronze, weather, source_weather, lake_weather CASCADE;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-check")'
