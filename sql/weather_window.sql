--
-- Windows: whatever the order of the events, the cut into batches, the memory and the time zone, the tables are the same.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE EXTENSION medallion CASCADE;
SELECT medallion.create_pipeline('weather');
SELECT medallion.make_weather_tables('weather');
SELECT medallion.make_weather_tables('weather');
SELECT c.relname, c.relkind, obj_description(c.oid, 'pg_class') FROM pg_class c WHERE c.relnamespace = 'weather'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 2, 1;
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, col_description(a.attrelid, a.attnum) FROM pg_attribute a WHERE a.attrelid = 'weather.weather_rt'::regclass AND a.attnum > 0 ORDER BY a.attnum;
SELECT count(*) AS columns_without_comment FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'weather'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND col_description(a.attrelid, a.attnum) IS NULL;
CREATE TABLE records (partition int, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea);
CREATE FUNCTION message(city text, at timestamptz, temp text, humidity text) RETURNS bytea LANGUAGE sql AS $$
    SELECT convert_to(format('{"main":{"temp":%s,"humidity":%s},"_city":"%s","_ingest_ts":"%s"}', temp, humidity, city, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8') $$;
CREATE FUNCTION land(condition text DEFAULT 'true', topic text DEFAULT 'weather') RETURNS TABLE (records bigint, readings bigint, dead bigint, errors bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM medallion.weather_begin();
    EXECUTE format('SELECT count(medallion.weather_count(partition, "offset", "timestamp", key, value)) FROM records WHERE %s', condition);
    PERFORM medallion.merge_weather('weather', topic);
    RETURN QUERY SELECT s.records, s.readings, s.dead, s.errors FROM medallion.weather_summary() s;
END $$;
CREATE FUNCTION clear() RETURNS void LANGUAGE sql AS $$
    TRUNCATE weather.weather_rt, weather.weather_bt, weather.dead_letter, weather.api_error, records, medallion.weather_day;
    UPDATE medallion.weather_watermark SET watermark = '-infinity' $$;

-- Half-open windows, aligned to UTC in every zone; a day where the clocks change has 24 hours.
SET timezone = 'America/New_York';
INSERT INTO records SELECT 0, i, t, NULL, message('Paris', t, '280', '50')
FROM unnest(ARRAY['2026-03-08 04:55:00Z', '2026-03-08 04:59:59.999999Z', '2026-03-08 05:00:00Z', '2026-03-08 23:59:59.999999Z', '2026-03-09 00:00:00Z', '1969-12-31 23:59:59Z', '1970-01-01 00:00:00Z']::timestamptz[]) WITH ORDINALITY u (t, i);
SELECT * FROM land();
SET timezone = 'UTC';
SELECT window_start, window_end, readings, is_final FROM weather.weather_rt ORDER BY 1;
SELECT granularity, window_start, window_end, readings, is_final FROM weather.weather_bt ORDER BY 1, 2;
SELECT granularity, day, version, exported FROM medallion.weather_day ORDER BY 1, 2;
-- Final is what the watermark has passed by 15 minutes, touched or not; a late event corrects its window all the same.
SELECT clear();
INSERT INTO records VALUES (0, 1, '2026-01-01 10:02Z', NULL, message('Paris', '2026-01-01 10:02Z', '280', '50')), (0, 2, '2026-01-01 10:19:59Z', NULL, message('Rome', '2026-01-01 10:19:59.999999Z', '280', '50')),
    (1, 1, '2026-01-01 10:20Z', NULL, message('Rome', '2026-01-01 10:20Z', '280', '50')), (1, 2, '2026-01-01 11:20Z', NULL, message('Paris', '2026-01-01 10:04Z', '290.000001', '51.5'));
SELECT * FROM land('(partition, "offset") = (0, 1)');
SELECT * FROM land('(partition, "offset") = (0, 2)');
SELECT city, window_start, is_final FROM weather.weather_rt ORDER BY 1, 2;
UPDATE weather.weather_rt SET updated_at = '2000-01-01';
UPDATE weather.weather_bt SET updated_at = '2000-01-01';
SELECT * FROM land('(partition, "offset") = (1, 1)');
SELECT city, window_start, is_final, updated_at > '2000-01-01' AS changed FROM weather.weather_rt ORDER BY 1, 2;
SELECT city, granularity, is_final, updated_at > '2000-01-01' AS changed FROM weather.weather_bt ORDER BY 1, 2;
SELECT * FROM land('(partition, "offset") = (1, 2)');
SELECT city, window_start, avg_temp, avg_temp_c, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final FROM weather.weather_rt WHERE city = 'Paris';
SELECT watermark FROM medallion.weather_watermark;
-- A batch without readings changes nothing.
SELECT granularity, day, version INTO days FROM medallion.weather_day;
SELECT * FROM land('false');
SELECT * FROM medallion.weather_day w JOIN days d USING (granularity, day) WHERE w.version <> d.version;
DROP TABLE days;

-- A batch is the transaction's: it goes with a savepoint that added to it, and with the transaction.
SELECT medallion.weather_count(0, 1, now(), NULL, NULL); -- ERROR
BEGIN;
SELECT medallion.weather_begin();
SELECT medallion.weather_count(0, 1, now(), NULL, '{}');
SAVEPOINT a;
SELECT records FROM medallion.weather_summary();
ROLLBACK TO a;
SELECT records, dead, first_offset, last_offset, last_hash = medallion.weather_anchor(NULL, '{}') AS anchored FROM medallion.weather_summary();
SAVEPOINT b;
SAVEPOINT c;
SELECT medallion.weather_count(0, 2, now(), 'k', NULL);
RELEASE c;
ROLLBACK TO b;
SELECT records FROM medallion.weather_summary(); -- ERROR
ROLLBACK;
BEGIN;
SAVEPOINT a;
SELECT medallion.weather_begin();
RELEASE a;
SELECT medallion.weather_count(0, 7, '2026-01-01 12:00Z', 'k', message('Paris', '2026-01-01 10:00Z', '1', '2')), medallion.weather_count(0, 5, now(), NULL, NULL);
SELECT records, readings, dead, first_offset, last_offset, last_timestamp, last_hash = medallion.weather_anchor('k', message('Paris', '2026-01-01 10:00Z', '1', '2')) AS anchored, min_event, max_event FROM medallion.weather_summary();
SELECT * FROM medallion.weather_windows();
COMMIT;
SELECT * FROM medallion.weather_windows(); -- ERROR
SELECT count(DISTINCT medallion.weather_anchor(k, v)) FROM unnest(ARRAY[NULL, '', 'a', 'ab']::bytea[]) k, unnest(ARRAY[NULL, '', 'b', 'bb']::bytea[]) v;
DO $$
BEGIN
    PERFORM medallion.weather_begin();
    BEGIN
        PERFORM medallion.weather_count(0, 1, now(), NULL, repeat('x', 100000)::bytea) FROM generate_series(1, 200);
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    PERFORM medallion.weather_begin();
    IF (medallion.weather_summary()).records <> 0 THEN RAISE EXCEPTION 'something is left'; END IF;
END $$;
-- Reading writes what is still in a buffer: where that fails, the batch has ended.
SET work_mem = '64kB';
BEGIN;
SELECT medallion.weather_begin();
SELECT count(medallion.weather_count(0, i, now(), NULL, repeat('x', 100001)::bytea)) FROM generate_series(1, 2) i;
SAVEPOINT a;
SET LOCAL temp_file_limit = 0;
\set VERBOSITY sqlstate
SELECT count(*) FROM medallion.weather_rejected(); -- ERROR
\set VERBOSITY default
ROLLBACK TO a;
SELECT records FROM medallion.weather_summary(); -- ERROR
ROLLBACK;
RESET work_mem;
SELECT medallion.weather_line(NULL, 1, NULL, NULL, NULL); -- ERROR
SELECT medallion.merge_weather('weather', 'weather'); -- ERROR

-- Averages are rounded once.
SELECT medallion.weather_average(0.0000015 - 1e-30, 3), medallion.weather_average(-0.0000015, 3), abs(medallion.weather_average(1e300, 7) * 7 - 1e300) < 0.000004 AS near, medallion.weather_average(1, 0);

-- The same 6,000 events in any order, in batches of any size, in any zone, with much memory and little: the same tables.
SELECT clear();
SELECT setseed(0.25);
INSERT INTO records
SELECT i % 3, i / 3, e.at + interval '1 second', NULL,
       CASE WHEN i % 97 = 0 THEN '\xff' WHEN i % 89 = 0 THEN '{"_error":true,"status_code":500}'
            ELSE message((ARRAY['London', 'New York', 'S\u00e3o Paulo', 'x'])[1 + i % 4] || CASE WHEN i % 11 = 0 THEN i::text ELSE '' END, e.at,
                         CASE WHEN i % 50 = 0 THEN round((random() * 1e20)::numeric, 3) ELSE round((random() * 60 + 250)::numeric, 1 + i % 6) END::text,
                         CASE WHEN i % 20 = 0 THEN (random() * 100)::numeric(25, 20) WHEN i % 21 = 0 THEN (random() / 1e9)::numeric(30, 25) ELSE floor(random() * 101)::numeric END::text) END
FROM generate_series(1, 6000) i, LATERAL (SELECT timestamptz '2026-01-01 00:00:00Z' + random() * (i > 0)::int * interval '3 days' AS at) e;
CREATE FUNCTION state() RETURNS text LANGUAGE sql SET timezone = 'UTC' AS $$
    SELECT md5(concat((SELECT string_agg((to_jsonb(t) - 'updated_at')::text, ',' ORDER BY t.city COLLATE "C", t.window_start) FROM weather.weather_rt t),
                      (SELECT string_agg((to_jsonb(t) - 'updated_at')::text, ',' ORDER BY t.city COLLATE "C", t.granularity, t.window_start) FROM weather.weather_bt t),
                      (SELECT string_agg((to_jsonb(t) - 'landed_at')::text, ',' ORDER BY t.partition, t."offset") FROM weather.dead_letter t),
                      (SELECT string_agg((to_jsonb(t) - 'landed_at')::text, ',' ORDER BY t.partition, t."offset") FROM weather.api_error t),
                      (SELECT string_agg(w.watermark::text, ',') FROM medallion.weather_watermark w))) $$;
CREATE FUNCTION land_as(size int, zone text, memory text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE weather.weather_rt, weather.weather_bt, weather.dead_letter, weather.api_error;
    UPDATE medallion.weather_watermark SET watermark = '-infinity';
    PERFORM set_config('timezone', zone, true), set_config('work_mem', memory, true);
    CREATE TEMPORARY TABLE shuffled ON COMMIT DROP AS SELECT r.*, row_number() OVER (ORDER BY random()) AS n FROM records r;
    FOR b IN 0 .. (SELECT max(n) / size FROM shuffled) LOOP
        PERFORM medallion.weather_begin();
        PERFORM medallion.weather_count(s.partition, s."offset", s."timestamp", s.key, s.value) FROM shuffled s WHERE s.n / size = b ORDER BY s.n;
        PERFORM medallion.merge_weather('weather', 'weather');
    END LOOP;
    DROP TABLE shuffled;
    RETURN state();
END $$;
SELECT count(DISTINCT s) AS states FROM (VALUES (10000, 'UTC', '4MB'), (10000, 'America/New_York', '64kB'), (1000, 'Pacific/Chatham', '64kB'), (317, 'Asia/Kathmandu', '4MB')) v (size, zone, memory),
LATERAL (SELECT land_as(size, zone, memory) AS s) l;
SELECT land_as(6001, 'UTC', '4MB') = land_as(150, 'Australia/Lord_Howe', '4MB') AS same;
-- And they are what SQL makes of the readings.
CREATE TEMPORARY TABLE wanted AS
SELECT g.name AS granularity, r.city, date_bin(g.width, r.event_time, 'epoch') AS window_start, round(avg(r.temp), 6) AS avg_temp, round(avg(r.temp), 6) - 273.15 AS avg_temp_c,
       round(sum(r.humidity) / count(*)::numeric(60, 40), 6) AS avg_humidity, min(r.temp) AS min_temp, max(r.temp) AS max_temp, min(r.humidity) AS min_humidity, max(r.humidity) AS max_humidity,
       sum(r.temp) AS sum_temp, trim_scale(sum(r.humidity)) AS sum_humidity, count(*) AS readings,
       date_bin(g.width, r.event_time, 'epoch') + g.width + interval '15 minutes' <= max(max(r.event_time)) OVER () AS is_final
FROM records s, LATERAL medallion.weather_reading(s."timestamp", s.value) r, (VALUES ('5min', interval '5 minutes'), ('hour', interval '1 hour'), ('day', interval '1 day')) g (name, width)
WHERE r.kind = 'reading' GROUP BY g.name, g.width, r.city, 3;
SELECT count(*) > 3000 AS enough FROM wanted;
WITH stands AS (SELECT '5min' AS granularity, t.* FROM weather.weather_rt t UNION ALL SELECT t.granularity, t.city, t.window_start, t.window_end, t.avg_temp, t.avg_temp_c, t.avg_humidity, t.min_temp, t.max_temp,
                       t.min_humidity, t.max_humidity, t.sum_temp, t.sum_humidity, t.readings, t.is_final, t.updated_at FROM weather.weather_bt t)
SELECT s, w FROM stands s FULL JOIN wanted w USING (granularity, city, window_start) WHERE (to_jsonb(s) - 'window_end' - 'updated_at') IS DISTINCT FROM to_jsonb(w);
SELECT count(*) AS letters, count(*) FILTER (WHERE value = '\xff') AS exact, min(reason) AS reason, min(detail) AS detail FROM weather.dead_letter;
SELECT status_code, count(*), min(record) FROM weather.api_error GROUP BY 1;

-- What dashboards use.
SELECT city, age > interval '1 day' AS old FROM weather.weather_now WHERE city !~ '\d' ORDER BY 1;
SELECT count(*) = (SELECT count(DISTINCT city) FROM weather.weather_rt) AS all_cities FROM weather.weather_now;
SELECT w.city, w.window_start = (SELECT max(t.window_start) FROM weather.weather_rt t WHERE t.city = w.city) AS newest FROM weather.weather_now w WHERE city = 'x';
SELECT day, sum(readings) > 1500 AS many FROM weather.weather_daily GROUP BY 1 ORDER BY 1;
SELECT sum(readings) FROM weather.weather_hourly;
SELECT reason, letters, waiting FROM weather.dead_letters_by_reason;
UPDATE weather.api_error SET city = 'London' WHERE "offset" = (SELECT min("offset") FROM weather.api_error);
SELECT city, newest_window IS NOT NULL AS seen, last_status_code FROM weather.freshness WHERE city IN ('London', 'x') ORDER BY 1;

-- Tables of an earlier installation: nothing is counted onto their rows.
SELECT medallion.drop_pipeline('weather');
SELECT medallion.create_pipeline('weather');
SELECT medallion.make_weather_tables('weather'); -- ERROR
TRUNCATE weather.weather_rt, weather.weather_bt, weather.dead_letter, weather.api_error;
SELECT medallion.make_weather_tables('weather');
DROP VIEW weather.weather_daily;
DROP TABLE weather.dead_letter CASCADE;
SELECT medallion.make_weather_tables('weather');
SELECT to_regclass('weather.weather_daily'), to_regclass('weather.dead_letter'), to_regclass('weather.dead_letters_by_reason');
-- And nobody else's.
CREATE ROLE regress_weather;
ALTER TABLE weather.api_error OWNER TO regress_weather;
SELECT medallion.make_weather_tables('weather'); -- ERROR
BEGIN;
SELECT medallion.weather_begin();
SELECT medallion.merge_weather('weather', 'weather'); -- ERROR
ROLLBACK;
DROP SCHEMA weather CASCADE;
DROP ROLE regress_weather;
DROP EXTENSION medallion CASCADE;
DROP EXTENSION fdw_mysql, fdw_s3;
DROP EXTENSION IF EXISTS fdw_kafka;
DROP TABLE records;
DROP FUNCTION message, land, clear, state, land_as;
