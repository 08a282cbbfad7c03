--
-- The weather pipeline belongs to a role that is no superuser; a stranger sees nothing of it and changes nothing, and a
-- superuser does not act with his own rights on its tables.
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
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-owner")'
CREATE ROLE weather_owner_loader;
CREATE ROLE weather_owner_stranger;
CREATE USER MAPPING FOR weather_owner_loader SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE USER MAPPING FOR weather_owner_loader SERVER kafka;
SELECT current_database() \gset
GRANT CREATE ON DATABASE :"current_database" TO weather_owner_loader, weather_owner_stranger;
GRANT USAGE ON SCHEMA medallion TO weather_owner_loader, weather_owner_stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO weather_owner_loader, weather_owner_stranger;
GRANT USAGE ON FOREIGN SERVER kafka, lake TO weather_owner_loader, weather_owner_stranger;
GRANT EXECUTE ON FUNCTION fdw_s3_create_bucket, fdw_s3_list, fdw_s3_stat, fdw_s3_copy, fdw_s3_delete, fdw_s3_finish TO weather_owner_loader, weather_owner_stranger;
GRANT EXECUTE ON FUNCTION fdw_kafka_watermarks(regclass), fdw_kafka_create_topic, fdw_kafka_topic_config TO weather_owner_loader, weather_owner_stranger;

SET ROLE weather_owner_loader;
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-owner', raw_bucket => 'weather-owner-raw', silver_bucket => 'weather-owner-silver');
INSERT INTO source_weather.weather_feed VALUES ('Oslo', '{"name": "Oslo", "dt": 1767225600, "main": {"temp": 270.5, "humidity": 80}}'), ('x', 'broken');
CALL medallion.run('weather');
CALL medallion.run('weather');
SELECT city, window_start, avg_temp_c, readings FROM weather.weather_rt;
SELECT reason, letters FROM weather.dead_letters_by_reason;
SELECT sum(high) AS records, sum(lag) AS lag FROM medallion.weather_lag;
SELECT count(*) FROM medallion.weather_progress;
SELECT topic, unfinished FROM medallion.weather_freshness;
SELECT count(*), sum(records) FROM medallion.raw_object;
SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'weather';
-- what is forgotten is adopted, or moved aside
DELETE FROM medallion.raw_object;
UPDATE medallion.weather_position SET next_offset = 0, anchor_offset = NULL, anchor_hash = NULL;
DELETE FROM weather.weather_rt;
DELETE FROM weather.weather_bt;
DELETE FROM weather.dead_letter;
SELECT sum(records) FROM medallion.adopt_objects();
SELECT count(*) FROM medallion.quarantine_objects();
SELECT count(*) FROM medallion.accept_gap();
SELECT count(*) FROM medallion.accept_topic();
CALL medallion.run('weather');
SELECT city, readings FROM weather.weather_rt;

SET ROLE weather_owner_stranger;
SELECT count(*) FROM medallion.raw_object;
SELECT count(*) FROM medallion.weather_position;
SELECT count(*) FROM medallion.weather_plan;
SELECT count(*) FROM medallion.weather_gap;
SELECT count(*) FROM medallion.weather_topic;
SELECT count(*) FROM medallion.weather_freshness;
UPDATE medallion.weather_position SET next_offset = 0;
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'weather-owner', raw_bucket => 'weather-owner-raw', silver_bucket => 'weather-owner-silver');  -- ERROR
SELECT * FROM medallion.accept_gap();  -- ERROR
SELECT * FROM medallion.accept_topic();  -- ERROR
SELECT * FROM medallion.adopt_objects();  -- ERROR
SELECT * FROM medallion.quarantine_objects();  -- ERROR
SELECT * FROM medallion.weather_lag;  -- ERROR
SELECT * FROM medallion.weather_progress;  -- ERROR
SELECT medallion.plan_weather('weather');  -- ERROR
SELECT medallion.land_weather('weather');
CALL medallion.run('weather');  -- ERROR
RESET ROLE;

SELECT * FROM medallion.adopt_objects();  -- ERROR
SELECT * FROM medallion.accept_topic();  -- ERROR

SET ROLE weather_owner_loader;
SELECT count(fdw_s3_delete('lake', b, path)) > 0 AS emptied FROM unnest('{weather-owner-raw,weather-owner-silver}'::text[]) b, fdw_s3_list('lake', b);
RESET ROLE;
DROP EXTENSION medallion, fdw_mysql, fdw_kafka, fdw_s3 CASCADE;
DROP SCHEMA bronze, source_weather, lake_weather, weather CASCADE;
DROP OWNED BY weather_owner_loader, weather_owner_stranger;
DROP ROLE weather_owner_loader, weather_owner_stranger;
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("weather-owner")'
