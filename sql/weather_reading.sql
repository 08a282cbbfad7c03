--
-- What one record of the topic means: every rule, odd bytes, and a second implementation of the rules that must agree.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION medallion CASCADE;

-- A record is read as if it had been written at 12:00 UTC. What comes back: a reading, or why there is none.
CREATE FUNCTION outcome(value bytea, at timestamptz DEFAULT '2026-01-01 12:00:00+00') RETURNS text LANGUAGE sql AS $$
    SELECT CASE kind WHEN 'reading' THEN concat_ws(' | ', city, city_id, to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), temp, humidity)
                     WHEN 'error' THEN concat_ws(' | ', 'failed call', city, status_code) ELSE concat_ws(': ', reason, detail) END
    FROM medallion.weather_reading(at, value) $$;
-- A message with other values in the place of these; NULL leaves the key out.
CREATE FUNCTION message(VARIADIC changes text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    fields text[] := ARRAY['_city', '"London"', '_units', '"standard"', '_ingest_ts', '"2026-01-01T12:00:00Z"', 'temp', '280.5', 'humidity', '80',
                           'id', '2643743', 'name', '"London, GB"', 'dt', '1767268000'];
    top text := '';
    main text := '';
    value text;
BEGIN
    FOR i IN 1 .. array_length(fields, 1) BY 2 LOOP
        value := fields[i + 1];
        FOR c IN 1 .. COALESCE(array_length(changes, 1), 0) BY 2 LOOP
            IF changes[c] = fields[i] THEN value := changes[c + 1]; END IF;
        END LOOP;
        IF value IS NULL THEN CONTINUE; END IF;
        IF fields[i] IN ('temp', 'humidity') THEN
            main := concat_ws(',', NULLIF(main, ''), format('"%s":%s', fields[i], value));
        ELSE
            top := concat_ws(',', NULLIF(top, ''), format('"%s":%s', fields[i], value));
        END IF;
    END LOOP;
    RETURN format('{%s,"main":{%s}}', top, main);
END $$;
CREATE FUNCTION try(VARIADIC changes text[]) RETURNS text LANGUAGE sql AS $$ SELECT outcome(convert_to(message(VARIADIC changes), 'UTF8')) $$;

-- The city that was asked for, without outer blanks, else the name; case is kept.
SELECT v AS _city, try('_city', v) FROM unnest(ARRAY['"London"', '"  lonDON\t"', '"\u0020S\u00e3o Paulo "', '""', '" "', 'null', NULL, '5', '["x"]', '"a\u0000b"', '"\ud800"',
    '"' || repeat('x', 256) || '"', '"' || repeat('x', 257) || '"', '"' || repeat(' ', 3000) || 'x"']) v;
SELECT try('_city', NULL, 'name', NULL), try('_city', '""', 'name', '" "'), try('_city', NULL, 'name', '7'), try('id', '"7"'), try('id', '9223372036854775808');
-- The time of the poll, with its offset or in UTC; dt only where that is absent.
SELECT v AS _ingest_ts, try('_ingest_ts', v) FROM unnest(ARRAY['"2026-01-01T12:00:00.123456"', '"2026-01-01 12:00:00.1234567+00:00"', '"2026-01-01t17:45:00.9999999+05:45"', '"2026-01-01T12:00Z"',
    '"2026-01-01T08:00:00,5-04"', '"2026-01-01T11:59:60z"', '"2024-02-29T00:00:00+0000"', '"0001-01-01T00:00:00"', '"0001-01-01T00:00:00+01"', 'null', NULL,
    '"2026-02-29T00:00:00"', '"2026-01-01"', '"2026-01-01T24:00:00"', '"2026-01-01T12:60:00"', '"2026-01-01T12:00:61"', '"2026-01-01T12:00:00."', '"2026-01-01T12:00:00+16"',
    '"2026-01-01T12:00:00 "', '"2026-01-01T12:00:00Europe/Paris"', '"20260101T120000Z"', '"now"', '""', '1767268800', 'true', '"2026-01-01T12:00:00\u0000"', '"10000-01-01T00:00:00"']) v;
SELECT v AS dt, try('_ingest_ts', NULL, 'dt', v) FROM unnest(ARRAY['1767268800', '1767268800.25', '1767268800.1234567', '1.7672688e9', '0', '-1.5', '-62135596800', '-62135596801', '253402300800',
    '1767268800000', '1e400', '1e-400', '"1767268800"', 'null', NULL]) v;
-- No more than 10 minutes ahead of the record's own timestamp, which must be there.
SELECT try('_ingest_ts', '"2026-01-01T12:10:00"'), try('_ingest_ts', '"2026-01-01T12:10:00.000001"'), try('_ingest_ts', '"2099-01-01T00:00:00"');
SELECT outcome(message('', '')::bytea, NULL), outcome(message('', '')::bytea, 'infinity'), outcome(message('', '')::bytea, '-infinity');
-- Units: Kelvin with 6 places, rounded once.
SELECT u AS _units, t AS temp, try('_units', u, 'temp', t)
FROM unnest(ARRAY['"standard"', '"metric"', '"imperial"']) u, unnest(ARRAY['0', '-0', '-459.67', '70', '27.57', '0.0000005', '-0.0000005', '1.2345674999999999999', '1e2', '1e-30', '12345678901234567890.1']) t;
SELECT v AS _units, try('_units', v) FROM unnest(ARRAY[NULL, 'null', '"Metric"', '""', '"kelvin"', '1', '"st\u0061ndard"']) v;
SELECT left(v, 20) AS temp, left(try('temp', v), 120) FROM unnest(ARRAY['null', NULL, '"280"', 'true', '{}', '1e299', '1e300', '1e400', '-1e400', '1e999999999999999999999', '0e999999999999999999999', '1e-400', '1e-401',
    '0.' || repeat('0', 1000000) || '1e1000000', '1' || repeat('0', 1000000) || 'e-1000000', '280.' || repeat('5', 399), '280.' || repeat('5', 401)]) v;
-- Humidity: 0 to 100, as exact as it is.
SELECT left(v, 20) AS humidity, left(try('humidity', v), 120) FROM unnest(ARRAY['0', '100', '-0.0', '1.0e2', '55.123456789', '0.1e-30', '99.9999999999999999999', '100.0000000000000000001', '-0.000000001', '101', '1e400',
    '-1', 'null', NULL, '"50"', '55.' || repeat('1', 500)]) v;
-- Failed calls: only true counts, and what they do not say stays unknown.
SELECT outcome(v::bytea) FROM unnest(ARRAY['{"_error": true, "status_code": 401, "city": "London"}', '{"_error": true}', '{"_error": true, "status_code": "401", "city": 5, "_city": "x"}',
    '{"_error": true, "status_code": 99999999999, "_city": " New York "}', '{"_error": false}', '{"_error": "true", "city": "London"}', '{"_error": true, "_error": null}']) v;
-- JSON and what is not.
SELECT left(v, 20) AS value, outcome(convert_to(v, 'UTF8')) FROM unnest(ARRAY[NULL, '', ' ', 'null', '42', '"x"', '[]', '{}', '{"a":1', '{} {}', '{"a":NaN}', '{"a":01}', '{a:1}', '{"a":1,}', '{"a":"\x"}',
    repeat('[', 1000000), repeat('{"a":', 1000000), repeat('[', 1000000) || repeat(']', 1000000)]) v;
SELECT v AS value, outcome(v) FROM unnest(ARRAY['\xefbbbf7b7d', '\xff', '\x00', '\x7b2261223a22c328227d', '\x7b2261223a22eda080227d', '\x7b2261223a2201227d', '\x7b7d00']::bytea[]) v;
-- Of a key that comes twice the last counts, with what is below it.
SELECT outcome(convert_to('{"main":{"temp":1,"humidity":2},' || substr(message('', ''), 2), 'UTF8')), outcome(convert_to(left(message('', ''), -1) || ',"main":{"temp":1}}', 'UTF8')),
       outcome(convert_to(left(message('', ''), -1) || ',"_city":" Paris "}', 'UTF8'));
-- What nobody asks for may be anything: the escape \u0000, megabytes, depth.
SELECT outcome(convert_to(left(message('', ''), -1) || ',"x":"\u0000\ud800"}', 'UTF8')), outcome(convert_to(left(message('', ''), -1) || ',"x":"' || repeat('é', 5000000) || '"}', 'UTF8')),
       outcome(convert_to(left(message('', ''), -1) || ',"x":' || repeat('[', 9000) || repeat(']', 9000) || '}', 'UTF8'));

-- The rules once more, in PL/pgSQL on core's own types.
CREATE FUNCTION reference(value bytea, at timestamptz) RETURNS text LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    j jsonb;
    c text;
    t text;
    part text[];
    event timestamptz;
    temp numeric;
    humidity numeric;
BEGIN
    IF value IS NULL THEN RETURN 'tombstone'; END IF;
    BEGIN j := convert_from(value, 'UTF8')::jsonb; EXCEPTION WHEN OTHERS THEN RETURN 'not json'; END;
    IF jsonb_typeof(j) <> 'object' THEN RETURN 'not an object'; END IF;
    IF j -> '_error' = 'true' THEN
        c := NULLIF(btrim(COALESCE(CASE jsonb_typeof(j -> 'city') WHEN 'string' THEN NULLIF(btrim(j ->> 'city', E' \t\n\r\f\v'), '') END, j ->> '_city'), E' \t\n\r\f\v'), '');
        RETURN concat_ws(' | ', 'failed call', c, CASE jsonb_typeof(j -> 'status_code') WHEN 'number' THEN j ->> 'status_code' END);
    END IF;
    FOREACH t IN ARRAY ARRAY['_city', 'name'] LOOP
        CONTINUE WHEN NULLIF(c, '') IS NOT NULL OR j ->> t IS NULL;
        IF jsonb_typeof(j -> t) <> 'string' THEN RETURN 'bad city'; END IF;
        c := btrim(j ->> t, E' \t\n\r\f\v');
        IF octet_length(c) > 256 THEN RETURN 'bad city'; END IF;
    END LOOP;
    IF NULLIF(c, '') IS NULL THEN RETURN 'no city'; END IF;
    IF j ->> '_ingest_ts' IS NOT NULL THEN
        part := regexp_match(j ->> '_ingest_ts', '^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?$');
        IF part IS NULL OR jsonb_typeof(j -> '_ingest_ts') <> 'string' OR part[2]::int > 23 OR part[3]::int > 59 OR part[4]::int > 60 OR part[7]::int > 15 OR part[8]::int > 59 THEN
            RETURN 'bad time';
        END IF;
        BEGIN
            event := part[1]::timestamp AT TIME ZONE 'UTC';
        EXCEPTION WHEN OTHERS THEN RETURN 'bad time'; END;
        event := event + make_interval(hours => part[2]::int, mins => part[3]::int, secs => COALESCE(part[4], '0')::int)
            + rpad(left(COALESCE(part[5], '0'), 6), 6, '0')::int * interval '1 microsecond'
            - (COALESCE(part[6], '+') || '1')::int * make_interval(hours => COALESCE(part[7], '0')::int, mins => COALESCE(part[8], '0')::int);
    ELSIF j ->> 'dt' IS NULL THEN
        RETURN 'no time';
    ELSIF jsonb_typeof(j -> 'dt') <> 'number' OR abs((j ->> 'dt')::numeric) > 1e12 THEN
        RETURN 'bad time';
    ELSE
        event := timestamptz '1970-01-01 00:00:00+00' + trunc((j ->> 'dt')::numeric / 86400)::int * interval '1 day'
            + floor(((j ->> 'dt')::numeric - trunc((j ->> 'dt')::numeric / 86400) * 86400) * 1000000)::bigint * interval '1 microsecond';
    END IF;
    IF event < '0001-01-01' OR event >= '10000-01-01' THEN RETURN 'bad time'; END IF;
    IF at IS NULL THEN RETURN 'no timestamp'; END IF;
    IF event > date_trunc('milliseconds', at) + interval '10 minutes' THEN RETURN 'future'; END IF;
    IF COALESCE(j ->> '_units', 'standard') NOT IN ('standard', 'metric', 'imperial') OR jsonb_typeof(j -> '_units') NOT IN ('string', 'null') THEN RETURN 'bad units'; END IF;
    IF jsonb_typeof(j #> '{main,temp}') IS DISTINCT FROM 'number' THEN RETURN 'bad temp'; END IF;
    temp := (j #>> '{main,temp}')::numeric;
    temp := CASE j ->> '_units' WHEN 'metric' THEN round(temp + 273.15, 6) WHEN 'imperial' THEN round((temp + 459.67) * 5 / 9::numeric(60, 50), 6) ELSE round(temp, 6) END;
    IF jsonb_typeof(j #> '{main,humidity}') IS DISTINCT FROM 'number' THEN RETURN 'bad humidity'; END IF;
    humidity := trim_scale((j #>> '{main,humidity}')::numeric);
    IF humidity NOT BETWEEN 0 AND 100 THEN RETURN 'bad humidity'; END IF;
    RETURN concat_ws(' | ', c, CASE WHEN jsonb_typeof(j -> 'id') = 'number' AND j ->> 'id' ~ '^-?\d{1,18}$' THEN j ->> 'id' END,
                     to_char(event, 'YYYY-MM-DD HH24:MI:SS.US'), temp, humidity);
END $$;
-- Messages of values that are mostly good, cut and damaged now and then.
CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT choices[1 + floor(random() * array_length(choices, 1))::int] $$;
SELECT setseed(0.5);
CREATE TEMPORARY TABLE generated AS
SELECT i, m.value, timestamptz '2026-01-01 12:00:00+00' + (random() * 2000 - 1000) * interval '1 second' AS at
FROM generate_series(1, 8000) i
CROSS JOIN LATERAL (SELECT i AS n, message(
    '_city', pick('"London"', '"New York"', '"  New Delhi "', '"S\u00e3o Paulo"', 'null', '7', '" "', NULL),
    'name', pick('"London"', '""', '"x y"', 'null', '[]', NULL),
    '_units', pick('"standard"', '"metric"', '"imperial"', '"metric"', '"imperial"', '"K"', 'null', '5', NULL),
    '_ingest_ts', pick(format('"2026-01-01T%s:%s:%s.%s%s"', lpad((10 + floor(random() * 4))::text, 2, '0'), lpad(floor(random() * 61)::text, 2, '0'), lpad(floor(random() * 62)::text, 2, '0'),
                                floor(random() * 1e9), pick('', 'Z', '+00:00', '-0130', '+05', '+99')), 'null', NULL, '"x"',
                         format('"%s-%s-%s 01:02"', floor(random() * 9000 + 1000), lpad(floor(random() * 13)::text, 2, '0'), lpad(floor(random() * 32)::text, 2, '0'))),
    'dt', pick((1767268800 + floor(random() * 1000))::text, (random() * 3e9 - 1e9)::text, '1767268800.1234567', NULL, '"x"', '1e13'),
    'temp', pick((random() * 600 - 300)::text, round((random() * 600 - 300)::numeric, 2)::text, round((random() * 100)::numeric, 6)::text, (random() * 1e-5)::text, (random() * 1e30)::text, '280', '-0.0', 'null', '"1"'),
    'humidity', pick(floor(random() * 101)::text, round((random() * 110 - 5)::numeric, 9)::text, (random() * 100)::text, '100', '1e2', '0.0', 'null', '[]'),
    'id', pick(floor(random() * 1e7)::text, 'null', '1.5', '"7"')) AS message) b
CROSS JOIN LATERAL (SELECT 1 + floor(random() * length(b.message))::int AS place, random() AS luck) d
CROSS JOIN LATERAL (SELECT convert_to(CASE WHEN d.luck < 0.8 THEN b.message
                                           WHEN d.luck < 0.85 THEN left(b.message, d.place)
                                           WHEN d.luck < 0.9 THEN overlay(b.message PLACING '' FROM d.place FOR 1)
                                           ELSE overlay(b.message PLACING pick('"', '{', '}', ',', ':', '\', '0', ' ', E'\u00e9', E'\t', '-') FROM d.place FOR 1) END, 'UTF8') AS value) m;
SELECT count(*) > 7000 AS enough, count(DISTINCT split_part(reference(value, at), ' | ', 1)) > 15 AS varied FROM generated;
SELECT convert_from(value, 'UTF8') AS value, at, outcome(value, at), reference(value, at) FROM generated
WHERE regexp_replace(outcome(value, at), '^not json: .*', 'not json') IS DISTINCT FROM reference(value, at) ORDER BY i LIMIT 5;

-- Recorded answers, where they are at hand.
\getenv weather_data WEATHER_DATA
\if :{?weather_data}
\set command 'zcat ' :weather_data '/daily_17cities_metric.jsonl.gz; cat ' :weather_data '/edge_payloads.jsonl'
CREATE TEMPORARY TABLE recorded (line text);
COPY recorded FROM PROGRAM :'command' WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
DO $$
DECLARE
    different text;
BEGIN
    SELECT m.value INTO different FROM recorded r, LATERAL (SELECT r.line::jsonb) j (line),
    LATERAL (SELECT left(substring(r.line FROM '"payload":(.*)}$'), -1)
                    || CASE WHEN j.line ? 'query_city' THEN format(',"_city":"%s","_units":"metric","_ingest_ts":"%s"}', j.line ->> 'query_city', j.line ->> 'poll_hour') ELSE '}' END AS value) m
    WHERE outcome(convert_to(m.value, 'UTF8'), '2027-01-01') IS DISTINCT FROM reference(convert_to(m.value, 'UTF8'), '2027-01-01');
    IF FOUND OR (SELECT count(*) FROM recorded) < 6000 THEN
        RAISE EXCEPTION 'the two readings differ: %', different;
    END IF;
END $$;
\endif
DROP EXTENSION medallion CASCADE;
DROP EXTENSION fdw_mysql, fdw_s3;
DROP EXTENSION IF EXISTS fdw_kafka;
DROP FUNCTION outcome, message, try, reference, pick;
