-- Format json: records into columns, by name and by path; what does not fit, and where it stands.
\getenv brokers KAFKA_BROKERS
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-json
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-json', 1, 1, '{retention.ms=-1}');
CREATE FOREIGN TABLE json (name text, temp numeric OPTIONS (path 'main.temp'), humidity int OPTIONS (path 'main.humidity'),
    id int OPTIONS (path 'weather.0.id'), first jsonb OPTIONS (path 'weather.0'), dt bigint, at timestamptz, ok boolean, wind float8 OPTIONS (path 'wind.speed'),
    "offset" bigint OPTIONS (metadata 'offset'))
    SERVER kafka OPTIONS (topic 'test-kafka-json');
\! printf '0\t1\t-\t={"name": "London", "main": {"temp": 281.1500, "humidity": 81}, "weather": [{"id": 803}, {"id": 1}], "dt": 1700000000, "at": "2026-01-01T12:00:00+02:00", "ok": true, "wind": {"speed": 1e-3}}\n0\t1\t-\t={"main": {"temp": null}, "name": "D\\u00e9lhi"}\n0\t1\t-\t-\n0\t1\t-\t={"name": 1, "name": "last"}\n0\t1\t-\t={}\n' | $KAFKA_TOOL produce test-kafka-json >/dev/null
\x on
SELECT * FROM json;
\x off
SELECT count(*), sum(temp), count("offset") FROM json;
-- A wrong value ends the query, with its place, where it is asked for.
\! printf '0\t1\t-\t={"name": "x", "main": {"humidity": "wet"}}\n' | $KAFKA_TOOL produce test-kafka-json >/dev/null
SELECT * FROM json;  -- ERROR
SELECT count(name) FROM json;
SELECT name FROM json WHERE "offset" = 5;
\! printf '0\t1\t-\t={"name": "cut\n0\t1\t-\t=\n0\t1\t-\t=[1]\n0\t1\t-\t={"name": "nul \\u0000"}\n0\t1\t-\t7b226e616d65223a2022ff227d\n' | $KAFKA_TOOL produce test-kafka-json >/dev/null
SELECT name FROM json WHERE "offset" = 6;  -- ERROR
SELECT name FROM json WHERE "offset" = 7;  -- ERROR
SELECT name FROM json WHERE "offset" = 8;  -- ERROR
SELECT name FROM json WHERE "offset" = 9;  -- ERROR
SELECT name FROM json WHERE "offset" = 10;  -- ERROR
SELECT count(*) FROM json;
\! (printf '0\t1\t-\t={"a": '; head -c 1000000 /dev/zero | tr '\0' '['; printf '\n') | $KAFKA_TOOL -X message.max.bytes=2000000 produce test-kafka-json >/dev/null
\! printf '0\t1\t-\t={"name": "after"}\n' | $KAFKA_TOOL produce test-kafka-json >/dev/null
SELECT max("offset") FROM json;

\! $KAFKA_TOOL delete test-kafka-json
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
