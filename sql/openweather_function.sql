-- What is made of answers, slots and cities, and made-up readings: nothing here asks a service.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SET timezone = 'Asia/Kolkata';
SET medallion.progress = off;
\set SHOW_CONTEXT never

-- Members are added to the text as it came: numbers keep their form, strings their escapes, and it becomes one line.
SELECT medallion.weather_record('London', E'{"main": {"temp": 285.50, "e": 1E2},\n\t"name":"L\\u00f6\\n"} \r\n', '2026-01-02 03:04:05.6+00', 'standard');
SELECT medallion.weather_record('New "Delhi"', '{}', '2026-01-02 03:04:05+05:30', 'metric');
SELECT medallion.weather_record(E'a\\b\nc', '{"_city":"other","_ingest_ts":1}', '2026-01-02', 'metric')::jsonb ->> '_city' AS city;
SELECT medallion.weather_error_record('Lon"don', 401, 'Invalid API key.', '2026-01-02 03:04:05.000006+00');
SELECT medallion.weather_error_record('London', NULL, 'no answer', '2026-01-02 03:04:05+00')::jsonb ->> 'status_code' IS NULL AS without_status;

-- Slots are aligned to the epoch in UTC, whatever the session's time zone is.
SELECT i, medallion.poll_slot(i, '2026-01-02 03:04:05+00') AT TIME ZONE 'UTC' AS slot FROM unnest('{10 s,1 min,5 min,7 min,1 h,1 day}'::interval[]) i;

-- A made-up reading is shaped like a real one, says what it is, and does not change.
SELECT jsonb_object_agg(key, jsonb_typeof(value)) AS shape FROM jsonb_each(medallion.synthetic_weather('London', '2026-07-22 12:00+00')::jsonb);
SELECT medallion.synthetic_weather('London', '2026-07-22 12:00+00') = medallion.synthetic_weather('London', '2026-07-22 12:00+00', 0) AS same,
       medallion.synthetic_weather('London', '2026-07-22 12:00+00') = medallion.synthetic_weather('London', '2026-07-22 12:00+00', 1) AS other_seed,
       md5(medallion.synthetic_weather('London', '2026-07-22 12:00+00'));
SELECT city, max(temp) - min(temp) > 5 AS varies, min(temp) > 220 AND max(temp) < 325 AS plausible, max(jump) < 8 AS smooth,
       min(humidity) >= 0 AND max(humidity) <= 100 AS humid
  FROM (SELECT city, temp, humidity, abs(temp - lag(temp) OVER (PARTITION BY city ORDER BY t)) AS jump
          FROM unnest('{London,New Delhi,New York,Reykjavík,O''Higgins,"x\"y"}'::text[]) city, generate_series('2026-01-01'::timestamptz, '2026-12-31', '6 h') t,
               LATERAL (SELECT (r #>> '{main,temp}')::numeric AS temp, (r #>> '{main,humidity}')::int AS humidity
                          FROM (SELECT medallion.synthetic_weather(city, t)::jsonb AS r) x) y) z
 GROUP BY city ORDER BY city COLLATE "C";

-- Producers and cities
SELECT medallion.set_weather_producer('weather', 'synthetic');                                            -- ERROR
SELECT medallion.create_pipeline('weather');
SELECT medallion.set_weather_producer('weather', 'spark');                                                -- ERROR
SELECT medallion.set_weather_producer('weather', NULL);                                                   -- ERROR
SELECT medallion.set_weather_producer('weather', 'openweather');                                          -- ERROR
CREATE SERVER openweather FOREIGN DATA WRAPPER openweather OPTIONS (url 'http://127.0.0.1:1/', timeout '2s', retries '0', units 'metric');
\set VERBOSITY sqlstate
SELECT medallion.set_weather_producer('weather', 'openweather');                                          -- ERROR
\set VERBOSITY default
CREATE USER MAPPING FOR CURRENT_USER SERVER openweather OPTIONS (api_key 'canary0123456789');
SELECT medallion.set_weather_producer('weather', 'openweather', poll_interval => '30 s');                 -- ERROR
SELECT medallion.set_weather_producer('weather', 'synthetic', poll_interval => '0');                      -- ERROR
SELECT medallion.set_weather_producer('weather', 'synthetic', poll_interval => '1 month');                -- ERROR
SELECT medallion.set_weather_producer('weather', 'openweather');
SELECT * FROM medallion.weather_producer;
SELECT server, kind, target FROM medallion.endpoint;
SELECT medallion.add_weather_cities('weather');
SELECT medallion.add_weather_cities('weather', '{London, Paris ,Paris}');
INSERT INTO medallion.weather_city VALUES ('weather', ' ');                                               -- ERROR
UPDATE medallion.weather_city SET enabled = false WHERE city = 'New York';
SELECT medallion.due_cities('weather', '2026-01-01 00:00+00');

-- The steps, with a table in the place of the topic
CREATE SCHEMA source_weather;
CREATE TABLE source_weather.weather_feed (key text, value text);
SELECT medallion.add_step('weather', 'produce', $$SELECT medallion.produce_weather('weather')$$);
SELECT medallion.add_step('weather', 'land', $$CREATE TABLE public.landed AS SELECT * FROM source_weather.weather_feed$$);
SELECT medallion.add_step('weather', 'poll', $$SELECT medallion.check_poll('weather')$$);
\set VERBOSITY sqlstate
CALL medallion.run('weather', NULL);                                                                      -- ERROR
\set VERBOSITY default
SELECT step, state, sqlstate FROM medallion.step_history ORDER BY started_at;
SELECT hint, message ~ '^no city could be polled: no answer: ' AS message, detail ~ '^London: no answer.*\nNew Delhi: no answer.*\nParis: no answer' AS detail FROM medallion.step_history WHERE step = 'poll';
SELECT key, value::jsonb - '_ingest_ts' - 'message' AS value, value::jsonb ? '_ingest_ts' AS stamped, value::jsonb ->> 'message' ~ '^no answer: ' AS message FROM landed ORDER BY key;
SELECT city, status_code, error ~ '^no answer' AS error, attempts, run_id IS NOT NULL AS run FROM medallion.weather_poll ORDER BY city;
-- in the same slot nothing is asked again, so nothing fails
DELETE FROM source_weather.weather_feed;
DROP TABLE public.landed;
UPDATE medallion.weather_poll SET slot = medallion.poll_slot('5 min', clock_timestamp());
CALL medallion.run('weather', NULL);
SELECT count(*) FROM source_weather.weather_feed;
SELECT medallion.produce_synthetic('weather', '2026-01-01', '2026-01-02');                                -- ERROR

SELECT medallion.set_weather_producer('weather', 'synthetic', poll_interval => '1 day', seed => 7);
SELECT server, kind, target FROM medallion.endpoint;
DELETE FROM medallion.weather_poll;
SELECT medallion.produce_weather('weather');
SELECT key, value::jsonb ->> '_city' = key AS city, value::jsonb ->> '_units' AS units, value::jsonb ->> '_synthetic' AS synthetic,
       left(value, -1) LIKE rtrim(medallion.synthetic_weather(key, medallion.poll_slot('1 day', clock_timestamp()), 7), '}') || '%' AS same
  FROM source_weather.weather_feed ORDER BY key;
SELECT city, status_code, error, attempts FROM medallion.weather_poll ORDER BY city;
SELECT medallion.produce_synthetic('weather', '2026-01-01 00:01+00', '2026-01-01 01:00+00', '10 min');
SELECT key, count(*), min(value::jsonb ->> '_ingest_ts'), max(value::jsonb ->> '_ingest_ts') FROM source_weather.weather_feed
 WHERE value::jsonb ->> '_ingest_ts' LIKE '2026-01-01%' GROUP BY key ORDER BY key;
SELECT medallion.produce_synthetic('weather', '2026-01-01', clock_timestamp() + interval '1 h');          -- ERROR
SELECT medallion.set_weather_producer('weather', 'none');
DELETE FROM medallion.weather_poll;
SELECT medallion.produce_weather('weather');
SELECT count(*) FROM medallion.weather_poll;

-- Only who has the rights of the pipeline's owner sees and changes its cities and polls.
CREATE ROLE regress_other;
GRANT USAGE ON SCHEMA medallion TO regress_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA medallion TO regress_other;
\set VERBOSITY sqlstate
SET ROLE regress_other;
SELECT count(*) FROM medallion.weather_city;
INSERT INTO medallion.weather_city VALUES ('weather', 'Rome');                                            -- ERROR
SELECT medallion.add_weather_cities('weather', '{Rome}');                                                 -- ERROR
SELECT medallion.set_weather_producer('weather', 'none');                                                 -- ERROR
SELECT medallion.produce_synthetic('weather', '2026-01-01', '2026-01-02');                                -- ERROR
RESET ROLE;
DROP OWNED BY regress_other;
DROP ROLE regress_other;

SELECT medallion.drop_pipeline('weather');
SELECT (SELECT count(*) FROM medallion.weather_city) + (SELECT count(*) FROM medallion.weather_producer) + (SELECT count(*) FROM medallion.weather_poll) AS left_over;
DROP TABLE public.landed, source_weather.weather_feed;
DROP SCHEMA source_weather;
SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka CASCADE;
