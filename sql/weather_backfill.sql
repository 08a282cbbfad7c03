--
-- Backfill: windows made again from the raw objects are those that landing made; so says the check, and it finds what is not.
--
\getenv srcdir PG_ABS_SRCDIR
\set bucket weather-backfill
\set shared :srcdir '/t/weather_land.sql'
\i :shared
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
INSERT INTO source_weather.weather
SELECT i % 2, i / 2, timestamptz '2026-01-01 00:00Z' + i * interval '4 minutes', convert_to('key ' || i, 'UTF8'),
       CASE WHEN i % 40 = 0 THEN convert_to('no JSON', 'UTF8') WHEN i % 41 = 0 THEN '{"_error":true,"status_code":500}'
            ELSE message((ARRAY['London', 'Rome', 'Delhi'])[1 + i % 3], timestamptz '2026-01-01 00:00Z' + i * interval '4 minutes' - (i % 7) * interval '3 hours', 280 + i / 100.0, i % 101) END
FROM generate_series(1, 1400) i;
SELECT land(0, 0, 200), land(1, 0, 349), land(0, 201, 500), land(1, 350, 699), land(0, 501, 700);
SELECT partition, first_offset, records, min_event, max_event FROM medallion.raw_object ORDER BY 1, 2;
SELECT * FROM medallion.check_weather();
SELECT medallion.export_weather('weather');
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat((SELECT string_agg(t::text, ',' ORDER BY t.city, t.window_start) FROM weather.weather_rt t),
                      (SELECT string_agg(t::text, ',' ORDER BY t.city, t.granularity, t.window_start) FROM weather.weather_bt t))) $$;
CREATE TABLE landed AS SELECT state();

-- What was landed needs no change: not a row is written, in any zone.
SET client_min_messages = notice;
SET timezone = 'Pacific/Chatham';
SELECT objects, records, inserted, updated, deleted FROM medallion.backfill('weather', '2026-01-02 05:00Z', '2026-01-02 06:00Z');
SELECT objects, records, inserted, updated, deleted FROM medallion.backfill('weather', NULL, NULL);
SET timezone = 'UTC';
SET client_min_messages = warning;
SELECT state() = (SELECT state FROM landed) AS same;
SELECT * FROM medallion.export_weather_fingerprint('weather') \gset
SELECT :'stands' AS stands;

-- Windows that were edited, lost or made up are found, and made again; those of other days are left alone.
UPDATE weather.weather_rt SET readings = readings + 1 WHERE city = 'Rome' AND window_start = (SELECT min(window_start) FROM weather.weather_rt WHERE city = 'Rome' AND window_start >= '2026-01-02');
UPDATE weather.weather_bt SET is_final = NOT is_final, avg_temp = 1 WHERE city = 'Delhi' AND granularity = 'hour' AND window_start = '2026-01-02 03:00Z';
DELETE FROM weather.weather_bt WHERE granularity = 'day' AND city = 'London' AND window_start = '2026-01-02';
UPDATE weather.weather_rt SET city = 'Atlantis' WHERE city = 'London' AND window_start = (SELECT min(window_start) FROM weather.weather_rt WHERE city = 'London' AND window_start >= '2026-01-03');
SELECT granularity, city, window_start, stands -> 'readings' AS stands, wanted -> 'readings' AS wanted FROM medallion.check_weather();
SELECT granularity, city, window_start FROM medallion.check_weather('weather', '2026-01-02 12:00Z', '2026-01-02 13:00Z');
SELECT first, last, objects, records, inserted, updated, deleted FROM medallion.backfill('weather', '2026-01-02 12:00Z', '2026-01-02 13:00Z');
SELECT granularity, city, window_start FROM medallion.check_weather();
SELECT first, last, objects, records, inserted, updated, deleted FROM medallion.backfill('weather', '2026-01-03', NULL);
SELECT * FROM medallion.check_weather();
SELECT granularity, day FROM medallion.weather_day WHERE exported IS DISTINCT FROM version ORDER BY 1, 2;
-- A range without events is emptied.
UPDATE weather.weather_bt SET window_start = '2020-01-01', window_end = '2020-01-02' WHERE granularity = 'day' AND city = 'Rome' AND window_start = '2026-01-02';
SELECT inserted, updated, deleted FROM medallion.backfill('weather', '2020-01-01 01:00Z', '2020-01-01 02:00Z');
SELECT inserted, updated, deleted FROM medallion.backfill('weather', '2026-01-02', '2026-01-03');
SELECT * FROM medallion.check_weather();

-- Records that wait as dead letters are left out, replayed ones are not; nor those of a topic made anew at the same offsets.
INSERT INTO weather.dead_letter (topic, partition, "offset", "timestamp", key, value, reason)
SELECT 'weather', s.partition, s."offset", s."timestamp", s.key, s.value, 'old rule' FROM source_weather.weather s WHERE s.partition = 0 AND s."offset" IN (62, 65);
SELECT granularity, city, window_start, (stands -> 'readings')::int - COALESCE((wanted -> 'readings')::int, 0) AS less FROM medallion.check_weather();
SELECT inserted, updated, deleted FROM medallion.backfill('weather', NULL, NULL);
SELECT * FROM medallion.check_weather();
SELECT * FROM medallion.replay_dead_letters(reason => 'old rule');
SELECT * FROM medallion.check_weather();
UPDATE weather.weather_rt SET updated_at = 'epoch';
UPDATE weather.weather_bt SET updated_at = 'epoch';
SELECT inserted, updated, deleted FROM medallion.backfill('weather', NULL, NULL);
INSERT INTO weather.dead_letter (topic, partition, "offset", "timestamp", value, reason) VALUES ('weather#2', 0, 62, now(), NULL, 'tombstone');
SELECT * FROM medallion.check_weather();
DELETE FROM weather.dead_letter WHERE topic = 'weather#2';
-- Letters that are lost are found again, and a replayed one that the rules of today refuse waits again.
DELETE FROM weather.dead_letter WHERE "offset" = 20 AND partition = 0;
UPDATE weather.dead_letter SET replayed_at = now(), reason = 'old rule' WHERE "offset" = 40 AND partition = 0;
SELECT inserted, updated, deleted FROM medallion.backfill('weather', NULL, NULL);
SELECT "offset", reason, detail, replayed_at, encode(value, 'escape') AS value, encode(key, 'escape') AS key FROM weather.dead_letter WHERE partition = 0 AND "offset" IN (20, 40) ORDER BY 1;

-- Tables that are gone are filled again.
CREATE TABLE windows AS SELECT to_jsonb(t) - 'updated_at' AS w FROM weather.weather_rt t UNION ALL SELECT to_jsonb(t) - 'updated_at' FROM weather.weather_bt t;
DROP TABLE weather.weather_rt, weather.dead_letter CASCADE;
SELECT medallion.repair('weather');
SELECT count(*) FROM (SELECT to_jsonb(t) - 'updated_at' AS w FROM weather.weather_rt t UNION ALL SELECT to_jsonb(t) - 'updated_at' FROM weather.weather_bt t) n FULL JOIN windows o USING (w) WHERE n IS NULL OR o IS NULL;
SELECT reason, letters FROM weather.dead_letters_by_reason;
SELECT * FROM medallion.check_weather();

-- Raw objects that are not what landed stop it.
\set VERBOSITY terse
UPDATE medallion.raw_object SET etag = 'other' WHERE partition = 1 AND first_offset = 0;
SELECT medallion.backfill('weather', NULL, NULL); -- ERROR
SELECT path FROM medallion.raw_object WHERE partition = 0 AND first_offset = 0 \gset
SELECT fdw_s3_delete('lake', 'weather-backfill-raw', :'path');
SELECT * FROM medallion.check_weather(); -- ERROR
\set VERBOSITY default
-- What has no windows, and no sense.
SELECT medallion.create_pipeline('other');
SELECT medallion.backfill('other', NULL, NULL); -- ERROR
SELECT medallion.backfill('nowhere', NULL, NULL); -- ERROR
SELECT medallion.backfill('weather', '2026-01-02', '2026-01-02'); -- ERROR
SELECT medallion.backfill('weather', '2026-01-03', '2026-01-02'); -- ERROR
SELECT fdw_s3_delete('lake', b, l.path) FROM medallion.weather_topic t, unnest(ARRAY[t.raw_bucket, t.silver_bucket]) b, fdw_s3_list('lake', b) l \g /dev/null
DROP TABLE landed, windows;
DROP SCHEMA weather, source_weather, lake_weather, bronze CASCADE;
DROP EXTENSION medallion CASCADE;
DROP EXTENSION fdw_s3, fdw_mysql CASCADE;
DROP EXTENSION IF EXISTS fdw_kafka;
DROP FUNCTION land, message, state;
