--
-- Export: one object for each UTC day and granularity; only days that changed are written, and what is lost is written again.
--
\getenv srcdir PG_ABS_SRCDIR
\set bucket weather-export
\set shared :srcdir '/t/weather_land.sql'
\i :shared
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
CREATE FUNCTION stale() RETURNS text LANGUAGE sql AS $$
    SELECT COALESCE(string_agg(s.granularity || ' ' || to_char(s.day, 'YYYY-MM-DD'), ', ' ORDER BY s.granularity, s.day), 'none') FROM medallion.stale_days('weather') s $$;
SELECT * FROM medallion.export_weather_fingerprint('weather') \gset before_
SELECT :'before_stands' AS stands;
SELECT medallion.export_weather('weather');
SELECT count(*) FROM medallion.object;
INSERT INTO source_weather.weather
SELECT 0, i, e.at + interval '1 minute', NULL, message((ARRAY['Delhi, \"New\"', 'rome', 'Rome', 'Åre'])[1 + i % 4], e.at, 280 + i / 7.0, (i % 101) / 3.0)
FROM generate_series(1, 40) i, LATERAL (SELECT timestamptz '2026-01-01 22:00Z' + i * interval '6 minutes' AS at) e;
SELECT land(0, 1, 20);
SELECT stale();
SELECT medallion.export_weather('weather');
SELECT stale();
SELECT path FROM fdw_s3_list('lake', 'weather-export-silver') ORDER BY path COLLATE "C";
SELECT layer, table_name, path, rows, etag IS NOT NULL AS etag, length(sha256) AS sha256, system_identifier = (pg_control_system()).system_identifier AS ours FROM medallion.object ORDER BY path COLLATE "C";
-- As it is written: in UTC, in the order of the key, without updated_at.
CREATE FOREIGN TABLE lines (line text) SERVER lake OPTIONS (bucket 'weather-export-silver', prefix '', format 'text');
SELECT l.line FROM lines l;
SELECT * FROM medallion.export_weather_fingerprint('weather') \gset one_
SELECT :'one_stands' AS stands, :'one_inputs' <> :'before_inputs' AS changed;

-- What the tables do not change is left alone: equal bytes are not sent, other days not even looked at.
CREATE TABLE written AS SELECT path, etag, last_modified FROM fdw_s3_list('lake', 'weather-export-silver');
SELECT pg_sleep(1.1);
SELECT land(0, 21, 40);
SELECT stale();
SELECT medallion.export_weather('weather');
SELECT l.path, l.etag = w.etag AS same, l.last_modified = w.last_modified AS untouched FROM fdw_s3_list('lake', 'weather-export-silver') l LEFT JOIN written w USING (path) ORDER BY l.path COLLATE "C";
SELECT * FROM medallion.export_weather_fingerprint('weather') \gset two_
SELECT :'two_stands' AS stands, :'two_inputs' <> :'one_inputs' AS changed;
-- The objects hold what the tables do.
SELECT count(*) FROM (SELECT to_jsonb(t) - 'updated_at' AS w FROM weather.weather_rt t) t FULL JOIN (SELECT to_jsonb(l) - '_path' AS w FROM lake_weather.windows_5min l) l USING (w) WHERE t IS NULL OR l IS NULL;
SELECT count(*) FROM (SELECT to_jsonb(t) - '{updated_at,granularity}'::text[] AS w FROM weather.weather_bt t WHERE granularity = 'hour') t FULL JOIN (SELECT to_jsonb(l) - '_path' AS w FROM lake_weather.windows_hour l) l USING (w) WHERE t IS NULL OR l IS NULL;
SELECT count(*) FROM (SELECT to_jsonb(t) - '{updated_at,granularity}'::text[] AS w FROM weather.weather_bt t WHERE granularity = 'day') t FULL JOIN (SELECT to_jsonb(l) - '_path' AS w FROM lake_weather.windows_day l) l USING (w) WHERE t IS NULL OR l IS NULL;

-- Lost and replaced objects are written again, with the bytes that they had.
CREATE FUNCTION s3_put(server name, bucket text, path text, content bytea) RETURNS void LANGUAGE c STRICT AS '$libdir/fdw_s3', 'fdw_s3_put';
CREATE TABLE ledger AS SELECT path, etag FROM medallion.object;
SELECT fdw_s3_delete('lake', 'weather-export-silver', 'daily/date=2026-01-01/part-00000.csv');
SELECT s3_put('lake', 'weather-export-silver', '5min/date=2026-01-02/part-00000.csv', 'city');
SELECT stale();
SELECT stands FROM medallion.export_weather_fingerprint('weather');
SELECT medallion.export_weather('weather');
SELECT stale();
SELECT count(*) FROM (SELECT path, etag FROM fdw_s3_list('lake', 'weather-export-silver')) s FULL JOIN ledger l USING (path, etag) WHERE s IS NULL OR l IS NULL;
-- A day whose windows are gone has an object without rows.
DELETE FROM weather.weather_bt WHERE granularity = 'day' AND window_start = '2026-01-02 00:00Z';
SELECT medallion.note_days('weather', 'day', '{2026-01-02}');
SELECT medallion.export_weather('weather');
SELECT l.line FROM lines l WHERE line ~ 'city';
SELECT rows FROM medallion.object WHERE path = 'daily/date=2026-01-02/part-00000.csv';
-- What did not commit is done again.
SELECT inserted FROM medallion.backfill('weather', '2026-01-02Z', '2026-01-03Z');
BEGIN;
SELECT medallion.export_weather('weather');
ROLLBACK;
SELECT stale();
SELECT medallion.export_weather('weather');
SELECT stale();

-- A pipeline's step, when idle, is unchanged.
SET medallion.progress = off;
SELECT medallion.add_step('weather', 'export', $$SELECT medallion.export_weather('weather')$$, fingerprint => $$SELECT * FROM medallion.export_weather_fingerprint('weather')$$);
CALL medallion.run('weather');
CALL medallion.run('weather');
SELECT fdw_s3_delete('lake', 'weather-export-silver', 'hourly/date=2026-01-01/part-00000.csv');
CALL medallion.run('weather');
SELECT run_id, state, rows FROM medallion.step_run ORDER BY run_id;
SELECT run_id, object, rows, note FROM medallion.step_log ORDER BY run_id, position;
-- Another bucket, after the pipeline was made anew: the foreign tables follow.
SELECT medallion.drop_pipeline('weather');
SELECT medallion.create_pipeline('weather');
TRUNCATE weather.weather_rt, weather.weather_bt, weather.dead_letter, weather.api_error;
INSERT INTO medallion.weather_topic (pipeline, kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records)
VALUES ('weather', 'kafka', 'weather', 'lake', 'weather-export-raw', 'weather-export-other', 'zstd', 1000000, 1000000);
SELECT medallion.make_weather_tables('weather');
SELECT c.relname, o.option_value FROM pg_foreign_table f JOIN pg_class c ON c.oid = f.ftrelid, pg_options_to_table(f.ftoptions) o
WHERE o.option_name = 'bucket' AND c.relnamespace IN ('lake_weather'::regnamespace, 'bronze'::regnamespace) ORDER BY 1;
SELECT fdw_s3_delete('lake', b, l.path) FROM unnest('{weather-export-raw,weather-export-silver}'::text[]) b, fdw_s3_list('lake', b) l \g /dev/null
DROP TABLE written, ledger;
DROP SCHEMA weather, source_weather, lake_weather, bronze CASCADE;
DROP EXTENSION medallion CASCADE;
DROP EXTENSION fdw_s3, fdw_mysql CASCADE;
DROP EXTENSION IF EXISTS fdw_kafka;
DROP FUNCTION land, message, stale;
