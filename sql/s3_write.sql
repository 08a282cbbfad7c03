-- INSERT and COPY into objects: everything comes back as it went in, and nothing but what was committed.
\getenv endpoint S3_ENDPOINT
-- t/s3_engines.pl runs this file once more, with the other engine.
\if :{?engine}
\else
\set engine native
\endif
\getenv access_key S3_ACCESS_KEY
\getenv secret_key S3_SECRET_KEY
CREATE EXTENSION fdw_s3;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'endpoint', engine :'engine');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'access_key', secret_key :'secret_key');
SELECT fdw_s3_create_bucket('lake', 'test-s3-write') IS NOT NULL AS made;

-- Every type, through every format and compression, against the local copy.
CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN money2 AS numeric(12, 2);
CREATE DOMAIN mis AS money2[];
CREATE TABLE source (id int, i2 int2, i8 int8, n numeric, m money2, f4 float4, f8 float8, b bool, t text, v varchar(20), c char(5), nm name,
    by bytea, d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, ip inet, j json, jb jsonb, e mood,
    p pair, r int4range, bits varbit(8), pt point, ia int[], ta text[], tsa timestamptz[], fa float8[], na numeric[],
    ja jsonb[], pa pair[], mis mis, tr tstzrange);
INSERT INTO source VALUES
 (1, -32768, 9223372036854775807, 123456789012345678901234567890.000000000012345, 12345.67, 3.4028235e38, 0.1::float8 + 0.2, true,
  E'comma, "quote" ''single'' back\\slash \ttab\nnew line\r\ncrlf é 😀', ' pad ', 'ab', 'name', '\x00ff0a22', '2026-02-28', '23:59:59.999999', '12:00+05:30',
  '2026-01-01 00:00:00.000001', '2026-01-01 12:00+02', '1 year 2 mons -3 days 04:05:06.7', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1/8',
  '{"a": [1, 2.50, null], "b": "é"}', '{"b": {"c": 1.10}}', 'so so', '(1,"a,b")', '[1,10)', B'101', '(1.5,-2)', '{1,NULL,3}', '{"a,b","c\"d","",NULL,"null","{}"}',
  '{"2026-01-01 00:00+00","infinity"}', '{0.1,NaN,-Infinity}', '{1.10,NULL}',
  ARRAY['{"a": [1]}', '[null]', NULL]::jsonb[], ARRAY[(1, 'x')::pair, NULL, (NULL, 'a"b')::pair], '{1.10,2.20}', '[2026-01-01 00:00+00,2026-02-01 00:00+00)'),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (3, 0, 0, 'NaN', 0.10, 'NaN', '-Infinity', false, '', '', '', '', '', 'infinity', '00:00', '00:00+00', '-infinity', 'infinity', '0', NULL, '::1',
  '"s"', '5', 'sad', '(,)', 'empty', B'', '(0,0)', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '(,)'),
 (4, 1, -1, 'Infinity', -0.01, '-0', '5e-324', true, '\.', 'NULL', 'x', 'n', '\x5c', '0044-03-15 BC', '24:00', '01:02:03.4-08', '0044-03-15 12:00 BC',
  '1900-01-01 00:00+00', '-1 day', NULL, '192.168.0.0/16', 'true', '[]', 'happy', '(2,"")', '(,5)', B'1', '(1e300,1e-300)', '[0:1]={1,2}', '{{a,b},{c,d}}',
  '{NULL}', '{1e-7}', '{NaN}', '{}', '[2:2]={"(1,)"}', '{{1,2},{3,4}}', 'empty');
DO $$
DECLARE
    f text; c text;
BEGIN
    FOREACH f IN ARRAY '{csv,jsonl}'::text[] LOOP
        FOREACH c IN ARRAY '{none,gzip,zstd}'::text[] LOOP
            EXECUTE format('CREATE FOREIGN TABLE %I (%s) SERVER lake
                OPTIONS (bucket ''test-s3-write'', prefix %L, format %L, compression %L, header ''true'')',
                'all_' || f || '_' || c,
                (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                 FROM pg_attribute WHERE attrelid = 'source'::regclass AND attnum > 0),
                f || '/' || c || '/', f, c);
            -- Settings of the session must not reach the objects.
            SET LOCAL datestyle = 'SQL, DMY';
            SET LOCAL intervalstyle = sql_standard;
            SET LOCAL timezone = 'Asia/Kolkata';
            SET LOCAL extra_float_digits = -10;
            SET LOCAL bytea_output = escape;
            EXECUTE format('INSERT INTO %I SELECT * FROM source', 'all_' || f || '_' || c);
            PERFORM fdw_s3_finish();
        END LOOP;
    END LOOP;
END $$;
CREATE FUNCTION difference(t text) RETURNS TABLE (side text, line text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT ''lost'', x FROM (SELECT s::text AS x FROM source s EXCEPT ALL SELECT f::text FROM %1$I f) a
        UNION ALL SELECT ''made'', x FROM (SELECT f::text AS x FROM %1$I f EXCEPT ALL SELECT s::text FROM source s) b', t);
END $$;
SELECT t, d.* FROM unnest('{all_csv_none,all_csv_gzip,all_csv_zstd,all_jsonl_none,all_jsonl_gzip,all_jsonl_zstd}'::text[]) t, difference(t) d;
SELECT count(*) FROM all_jsonl_zstd;
-- Random texts of everything that means something to a format, over the borders of all buffers.
SELECT setseed(0.42);
CREATE TABLE random AS
    SELECT i, (SELECT string_agg(('{"\"","\"\"",",","\n","\r\n","\r","\\","\\\"","é","😀","x"," ","NULL","\\.","\t","{","}","null"}'::text::text[] || repeat('z', 300))
                [1 + floor(random() * 19)::int], '') FROM generate_series(1, i % 40)) AS t
    FROM generate_series(1, 3000) i;
UPDATE random SET t = replace(replace(replace(t, 'n', E'\n'), 'r', E'\r'), 't', E'\t');
CREATE FUNCTION random_difference(format text, compression text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
    EXECUTE format('CREATE FOREIGN TABLE there (i int, t text) SERVER lake
        OPTIONS (bucket ''test-s3-write'', prefix %L, format %L, compression %L)', 'random/' || format || compression, format, compression);
    INSERT INTO there SELECT * FROM random;
    PERFORM fdw_s3_finish();
    SELECT count(*) INTO result FROM ((TABLE there EXCEPT ALL TABLE random) UNION ALL (TABLE random EXCEPT ALL TABLE there)) d;
    PERFORM 1 / count(*) FROM there;
    DROP FOREIGN TABLE there;
    RETURN result;
END $$;
SELECT f, c, random_difference(f, c) FROM unnest('{csv,jsonl}'::text[]) f, unnest('{none,gzip,zstd}'::text[]) c;
SELECT fdw_s3_delete('lake', 'test-s3-write', path) FROM fdw_s3_list('lake', 'test-s3-write', 'random/');
-- A single column: NULL, the empty string and the end marker stay apart.
CREATE FOREIGN TABLE lonely (t text) SERVER lake OPTIONS (bucket 'test-s3-write', prefix 'lonely/');
INSERT INTO lonely VALUES (NULL), (''), ('\.'), (NULL);
SELECT t, t IS NULL FROM lonely;
SELECT fdw_s3_delete('lake', 'test-s3-write', path) FROM fdw_s3_list('lake', 'test-s3-write', 'lonely/');

-- One object per statement, named by cluster, transaction and statement.
SELECT regexp_replace(path, '-[0-9]+-[0-9]+-[0-9]+-[0-9]+', '-N-N-N-N') AS path, size > 0 FROM fdw_s3_list('lake', 'test-s3-write');
-- The same bytes whatever the session says.
SELECT count(DISTINCT etag) FROM fdw_s3_list('lake', 'test-s3-write', 'csv/none/');
SET timezone = 'America/New_York';
INSERT INTO all_csv_none SELECT * FROM source;
SELECT count(*), count(DISTINCT etag) FROM fdw_s3_list('lake', 'test-s3-write', 'csv/none/');
RESET timezone;

-- CSV as COPY TO writes it.
CREATE FOREIGN TABLE quoted (a text, b text, path text OPTIONS (metadata 'path')) SERVER lake
    OPTIONS (bucket 'test-s3-write', prefix 'quoted/', header 'true');
CREATE FOREIGN TABLE spark (a text, b text, path text OPTIONS (metadata 'path')) SERVER lake
    OPTIONS (bucket 'test-s3-write', prefix 'quoted/', header 'true', escape '\');
CREATE FOREIGN TABLE raw (line text, path text OPTIONS (metadata 'path')) SERVER lake
    OPTIONS (bucket 'test-s3-write', prefix 'quoted/', format 'text');
CREATE TABLE rows (n serial, a text, b text);
INSERT INTO rows (a, b) VALUES ('plain', NULL), ('', 'a,b'), ('say "hi"', 'back\slash'), (E'two\nlines', ' spaces '), ('\.', '\"');
INSERT INTO quoted SELECT a, b, 'quoted/a.csv' FROM rows ORDER BY n;
INSERT INTO spark SELECT a, b, 'quoted/b.csv' FROM rows ORDER BY n;
SELECT line FROM raw WHERE path = 'quoted/a.csv';
COPY (SELECT a, b FROM rows ORDER BY n) TO STDOUT (FORMAT csv, HEADER);
SELECT line FROM raw WHERE path = 'quoted/b.csv';
COPY (SELECT a, b FROM rows ORDER BY n) TO STDOUT (FORMAT csv, HEADER, ESCAPE '\');
SELECT a, b FROM quoted WHERE path = 'quoted/a.csv' EXCEPT ALL SELECT a, b FROM rows;
SELECT a, b FROM spark WHERE path = 'quoted/b.csv' EXCEPT ALL SELECT a, b FROM rows;

-- Planned names: several objects in a statement, replaced by the next.
CREATE FOREIGN TABLE part (id int, v text, path text OPTIONS (metadata 'path'), etag text OPTIONS (metadata 'etag'))
    SERVER lake OPTIONS (bucket 'test-s3-write', prefix 'part/', header 'true');
INSERT INTO part SELECT i, 'v' || i, format('part/k=%s/part-00000.csv', i / 4) FROM generate_series(0, 9) i;
SELECT path, count(*), min(id), max(id) FROM part GROUP BY path ORDER BY path;
INSERT INTO part VALUES (100, 'new', 'part/k=1/part-00000.csv');
SELECT path, count(*), min(id), max(id) FROM part GROUP BY path ORDER BY path;
-- Names that the table would not read again, and rows that do not come together.
INSERT INTO part VALUES (1, 'x', 'elsewhere/a.csv');  -- ERROR
INSERT INTO part VALUES (1, 'x', 'part/');  -- ERROR
INSERT INTO part VALUES (1, 'x', 'part/_a.csv');  -- ERROR
INSERT INTO part VALUES (1, 'x', 'part/.x/a.csv');  -- ERROR
INSERT INTO part VALUES (1, 'x', E'part/a\nb.csv');  -- ERROR
INSERT INTO part VALUES (1, 'x', 'part/' || repeat('x', 1020));  -- ERROR
INSERT INTO part VALUES (1, 'x', 'part/a.csv'), (2, 'y', 'part/b.csv'), (3, 'z', 'part/a.csv');  -- ERROR
SELECT count(*) FROM part;
-- A table of one object is written once.
CREATE FOREIGN TABLE single (id int) SERVER lake OPTIONS (bucket 'test-s3-write', path 'single.csv');
INSERT INTO single VALUES (1), (2);
SELECT * FROM single;
\set VERBOSITY terse
INSERT INTO single VALUES (3);  -- ERROR
\set VERBOSITY default
SELECT * FROM single;

-- Transactions.
CREATE FOREIGN TABLE tx (id int) SERVER lake OPTIONS (bucket 'test-s3-write', prefix 'tx/');
BEGIN;
INSERT INTO tx VALUES (1);
SELECT count(*) FROM tx;
ROLLBACK;
SELECT count(*) FROM tx;
BEGIN;
INSERT INTO tx VALUES (2);
SAVEPOINT s;
INSERT INTO tx VALUES (3);
ROLLBACK TO s;
INSERT INTO tx VALUES (4);
INSERT INTO tx SELECT 1 / (5 - i) FROM generate_series(1, 5) i;  -- ERROR
ROLLBACK TO s;
INSERT INTO tx VALUES (5);
SELECT server, bucket, rows, bytes, length(etag), length(sha256), uploaded FROM fdw_s3_finish();
SELECT id FROM tx ORDER BY id;
INSERT INTO tx VALUES (6);
COMMIT;
SELECT id FROM tx ORDER BY id;
INSERT INTO tx SELECT 7 WHERE false;
SELECT count(*) FROM fdw_s3_list('lake', 'test-s3-write', 'tx/');

-- An object without rows.
SELECT fdw_s3_write_empty('part', 'part/k=0/part-00000.csv');
SELECT line FROM (SELECT path AS line FROM part UNION SELECT path || ' ' || size FROM fdw_s3_list('lake', 'test-s3-write', 'part/k=0/')) l ORDER BY 1;
SELECT fdw_s3_write_empty('part', 'elsewhere/a.csv');  -- ERROR
SELECT fdw_s3_write_empty('source', 'part/a.csv');  -- ERROR
CREATE ROLE s3_write_nobody;
SET ROLE s3_write_nobody;
SELECT fdw_s3_write_empty('part', 'part/a.csv');  -- ERROR
RESET ROLE;
DROP ROLE s3_write_nobody;

-- What would not change is not sent again.
ALTER FOREIGN TABLE part OPTIONS (ADD skip_unchanged 'true');
BEGIN;
INSERT INTO part VALUES (100, 'new', 'part/k=1/part-00000.csv'), (101, 'newer', 'part/k=2/part-00000.csv');
SELECT path, rows, uploaded FROM fdw_s3_finish() ORDER BY path;
COMMIT;

-- COPY, RETURNING, generated columns, triggers, partitions, a view.
COPY part (id, v, path) FROM STDIN (FORMAT csv);
1,copied,part/copy.csv
2,"also, copied",part/copy.csv
\.
SELECT id, v FROM part WHERE path = 'part/copy.csv';
INSERT INTO part VALUES (1, 'r', 'part/r.csv') RETURNING id * 2, v, path;
CREATE FOREIGN TABLE made (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int DEFAULT 7) SERVER lake
    OPTIONS (bucket 'test-s3-write', prefix 'made/');
INSERT INTO made (a) VALUES (1), (2);
SELECT * FROM made;
CREATE TABLE routed (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE routed_now PARTITION OF routed FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FOREIGN TABLE routed_old PARTITION OF routed FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') SERVER lake
    OPTIONS (bucket 'test-s3-write', prefix 'routed/');
INSERT INTO routed VALUES (1, '2026-05-01'), (2, '2025-05-01'), (3, '2026-06-01'), (4, '2025-06-01');
SELECT tableoid::regclass, id FROM routed ORDER BY id;
INSERT INTO tx SELECT id + 100 FROM tx;
SELECT sum(id) FROM tx;

-- More than one part, and more than one buffer.
CREATE FOREIGN TABLE big (id int, v text) SERVER lake OPTIONS (bucket 'test-s3-write', prefix 'big/', part_size '5MB');
INSERT INTO big SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 50000) i;
SELECT count(*), count(DISTINCT id), sum(length(v)), bool_and(v = repeat(md5(id::text), 8)) FROM big;
SELECT size FROM fdw_s3_list('lake', 'test-s3-write', 'big/');

SELECT count(*) > 0 FROM (SELECT fdw_s3_delete('lake', 'test-s3-write', path) FROM fdw_s3_list('lake', 'test-s3-write')) d;
SET client_min_messages = warning;
DROP TABLE routed, rows;
DROP EXTENSION fdw_s3 CASCADE;
DROP FUNCTION difference, random_difference;
DROP TABLE source, random;
DROP TYPE mood, pair;
DROP DOMAIN mis, money2;
