-- JSON lines: objects into columns, by name and by path; what does not fit, and where.
\getenv endpoint S3_ENDPOINT
-- t/s3_engines.pl runs this file once more, with the other engine.
\if :{?engine}
\else
\set engine native
\endif
\getenv access_key S3_ACCESS_KEY
\getenv secret_key S3_SECRET_KEY
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE EXTENSION fdw_s3;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'endpoint', engine :'engine');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'access_key', secret_key :'secret_key');
CREATE FUNCTION s3_put(server name, bucket text, path text, content bytea) RETURNS void
    LANGUAGE c STRICT AS '$libdir/fdw_s3', 'fdw_s3_put';
CREATE FUNCTION put(path text, content text) RETURNS void LANGUAGE sql
    AS $$ SELECT s3_put('lake', 'test-s3-jsonl', path, convert_to(content, 'UTF8')) $$;
SELECT fdw_s3_create_bucket('lake', 'test-s3-jsonl') IS NOT NULL AS made;

-- Paths into objects and arrays; what is missing is NULL; blank lines; a byte order mark; CRLF; no end of the last line.
SELECT put('weather/a.jsonl', E'\ufeff{"name": "London", "main": {"temp": 281.1500, "humidity": 81}, "weather": [{"id": 803, "main": "Clouds"}, {"id": 1}], "dt": 1700000000, "a.b": {"c": true}}\r\n'
    || E'\n  \n{"main": {"temp": null}, "name": "D\\u00e9l\\u0068i \\ud83d\\ude00", "weather": []}\n'
    || '{"weather": {"0": {"id": "5"}}, "main": 7, "extra": [[{"main": {"temp": 1}}]]}');
CREATE FOREIGN TABLE weather (name text, temp numeric OPTIONS (path 'main.temp'), humidity int OPTIONS (path 'main.humidity'),
    id int OPTIONS (path 'weather.0.id'), first jsonb OPTIONS (path 'weather.0'), main text, weather json, dt int8,
    c bool OPTIONS (path '"a.b".c'), path text OPTIONS (metadata 'path'))
    SERVER lake OPTIONS (bucket 'test-s3-jsonl', prefix 'weather/', format 'jsonl');
\x on
SELECT * FROM weather;
\x off
SELECT count(*), sum(temp) FROM weather;

-- Values and types.
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN given AS text NOT NULL;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE FOREIGN TABLE typed (n numeric, i int, f float8, b bool, t text, d date, ts timestamptz, a int[], ta text[], j jsonb, js json,
    by bytea, m mood, p positive, u uuid, r int4range) SERVER lake OPTIONS (bucket 'test-s3-jsonl', prefix 'typed/', format 'jsonl');
SELECT put('typed/a.jsonl', '{"n": 12345678901234567890.12345678901234567890, "i": "7", "f": 1e-3, "b": true, "t": 1.50, "d": "2026-02-28", '
    '"ts": "2026-01-01T12:00:00+02:00", "a": [1, null, 3], "ta": ["x\"y", "", "null", null, "\\"], "j": {"k": [1, 2.50]}, "js": "s", '
    '"by": "\\x00ff", "m": "sad", "p": 3, "u": "00000000-0000-0000-0000-000000000001", "r": "[1,5)"}' || E'\n'
    '{"t": {"as": "is"}, "j": null, "js": null, "a": [[1,2],[3,4]], "f": "NaN", "n": "NaN", "b": "off", "t2": 1}' || E'\n'
    '{"t": false, "t": "last", "ta": [], "j": 5}');
\x on
SELECT * FROM typed;
\x off
SELECT js IS NULL, j IS NULL FROM typed;

-- What does not fit is an ERROR with its place.
CREATE FUNCTION try(line text) RETURNS void LANGUAGE sql AS $$
    SELECT s3_put('lake', 'test-s3-jsonl', 'typed/a.jsonl', convert_to(E'{"n": 1}\n' || line || E'\n', 'UTF8')) $$;
SELECT try('{"i": 1.5}');
SELECT * FROM typed;  -- ERROR
SELECT count(*) FROM typed;
SELECT try('{"i": true}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"b": 1}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"d": 20260101}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"n": {"x": 1}}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"i": [1]}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"a": {"x": 1}}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"a": [{"x": 1}]}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"p": -1}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"t": "nul \u0000 here"}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"t": "half \ud83d"}');
SELECT * FROM typed;  -- ERROR
SELECT try('{"i": 1');
SELECT * FROM typed;  -- ERROR
SELECT try('{"i": 1} {"i": 2}');
SELECT * FROM typed;  -- ERROR
SELECT try('[{"i": 1}]');
SELECT * FROM typed;  -- ERROR
SELECT try('7');
SELECT * FROM typed;  -- ERROR
SELECT try(repeat('[', 100000));
\set VERBOSITY sqlstate
SELECT * FROM typed;  -- ERROR
SELECT try('{"j": ' || repeat('[', 100000) || repeat(']', 100000) || '}');
SELECT * FROM typed;  -- ERROR
\set VERBOSITY default
SELECT s3_put('lake', 'test-s3-jsonl', 'typed/a.jsonl', '\x7b2274223a22ff227d');
SELECT * FROM typed;  -- ERROR
SELECT s3_put('lake', 'test-s3-jsonl', 'typed/a.jsonl', '\x7b2274223a2200227d');
SELECT * FROM typed;  -- ERROR
SELECT try('{"t": "' || repeat('x', 300000) || '"}');
SELECT length(t) FROM typed WHERE t IS NOT NULL;
ALTER FOREIGN TABLE typed OPTIONS (ADD max_line '200kB');
SELECT count(*) FROM typed;  -- ERROR
CREATE FOREIGN TABLE must (t given) SERVER lake OPTIONS (bucket 'test-s3-jsonl', prefix 'must/', format 'jsonl');
SELECT put('must/a.jsonl', '{"t": "x"}' || E'\n{}');
SELECT * FROM must;  -- ERROR

-- Keys as they are meant, not as they are written; of an object that comes twice nothing of the first remains; what no
-- column asks for may be anything that is JSON.
SELECT put('keys/a.jsonl', '{"n\u0061me": "Oslo", "main": {"temp": 1, "humidity": 2}, "m\u0061in": {"temp": 3}, "dt": 4, "dt": 5, "x": "\u0000 \ud83d"}'
    || E'\n{"coord": [0, [{"a": 1}, {"a": 2, "a": 3}]], "": 7, "a": {"": 8}}');
CREATE FOREIGN TABLE keys (name text, temp numeric OPTIONS (path 'main.temp'), humidity int OPTIONS (path 'main.humidity'),
    main jsonb, dt int8, a int OPTIONS (path 'coord.1.1.a'), e int OPTIONS (path '""'), ae int OPTIONS (path 'a.""'),
    x json, v varchar OPTIONS (path 'name'))
    SERVER lake OPTIONS (bucket 'test-s3-jsonl', prefix 'keys/', format 'jsonl');
\x on
SELECT name, temp, humidity, main, dt, a, e, ae, v FROM keys;
SELECT x FROM keys WHERE x IS NOT NULL;
\x off
SELECT put('keys/a.jsonl', '{"x": ' || repeat('[', 9999) || repeat(']', 9999) || '}');
SELECT length(x::text) FROM keys;
SELECT put('keys/a.jsonl', '{"y": ' || repeat('[', 10000) || repeat(']', 10000) || '}');
SELECT name FROM keys;  -- ERROR
SELECT put('keys/a.jsonl', repeat('[', 1000000));
SELECT name FROM keys;  -- ERROR

-- Writing: keys, types, nothing that depends on the session.
CREATE FOREIGN TABLE written (id int, "a ""b""" text, "when" timestamptz OPTIONS (path 'ts'), j json, path text OPTIONS (metadata 'path'))
    SERVER lake OPTIONS (bucket 'test-s3-jsonl', prefix 'written/', format 'jsonl');
SET timezone = 'Asia/Kolkata';
SET datestyle = 'German, DMY';
INSERT INTO written VALUES (1, E'tab\t "q" \\ \u00e9', '2026-01-01 00:00+00', E'{"k":\n 1.0}', 'written/1.jsonl'),
    (2, NULL, 'infinity', NULL, 'written/1.jsonl');
CREATE FOREIGN TABLE lines (line text) SERVER lake OPTIONS (bucket 'test-s3-jsonl', prefix 'written/', format 'text');
SELECT * FROM lines;
INSERT INTO weather (name) VALUES ('x');  -- ERROR

SELECT count(*) FROM (SELECT fdw_s3_delete('lake', 'test-s3-jsonl', path) FROM fdw_s3_list('lake', 'test-s3-jsonl')) d;
SET client_min_messages = warning;
DROP FUNCTION put, s3_put, try;
DROP EXTENSION fdw_s3 CASCADE;
DROP TYPE positive, given, mood;
