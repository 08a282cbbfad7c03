-- CSV as others write it: what COPY FROM reads from a file, a scan reads from objects.
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
CREATE FUNCTION s3_put(server name, bucket text, path text, content bytea) RETURNS void
    LANGUAGE c STRICT AS '$libdir/fdw_s3', 'fdw_s3_put';
CREATE FUNCTION put(path text, content text) RETURNS void LANGUAGE sql
    AS $$ SELECT s3_put('lake', 'test-s3-csv', path, convert_to(content, 'UTF8')) $$;
-- What EXPLAIN tells about objects.
CREATE FUNCTION objects(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line LIKE '%S3%' THEN RETURN NEXT ltrim(line); END IF;
    END LOOP;
END $$;
SELECT fdw_s3_create_bucket('lake', 'test-s3-csv') IS NOT NULL AS made;

-- As Spark writes it: parts with a header each, a marker, backslash before quotes, work in progress beside it.
SELECT put('spark/_SUCCESS', ''), put('spark/_temporary/0/part-00000.csv', E'id,name\n9,never\n'),
    put('spark/.part-00000.csv.crc', 'crc'), put('spark/empty.csv', ''),
    put('spark/part-00000.csv', E'id,name\n1,"a \\"quoted\\" one"\n2,\n3,""\n'),
    put('spark/part-00001.csv', E'id,name\n'),
    put('spark/part-00002.csv', E'id,name\n4,"back\\\\slash, comma"\n5,last line without an end');
CREATE FOREIGN TABLE spark (id int, name text, path text OPTIONS (metadata 'path')) SERVER lake
    OPTIONS (bucket 'test-s3-csv', prefix 'spark/', header 'match', escape '\');
SELECT id, name, name IS NULL AS isnull, path FROM spark ORDER BY id;
SELECT count(*) FROM spark;

-- Line ends, a byte order mark, quoted line breaks, in one object each.
SELECT put('ends/crlf.csv', E'id,name\r\n1,crlf\r\n2,"in\r\nside"\r\n'),
    put('ends/bom.csv', E'\ufeffid,name\n3,bom\n'),
    put('ends/cr.csv', E'id,name\r4,cr\r'),
    put('ends/lf.csv', E'id,name\n5,"one\ntwo\n\nthree"\n');
CREATE FOREIGN TABLE ends (id int, name text, path text OPTIONS (metadata 'path'), etag text OPTIONS (metadata 'etag'),
    size int OPTIONS (metadata 'size'), changed timestamptz OPTIONS (metadata 'last_modified'))
    SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'ends/', header 'match');
SELECT id, replace(replace(name, E'\r', '<CR>'), E'\n', '<LF>') AS name, path, length(etag), size,
    changed > now() - interval '1 hour' AS recent FROM ends ORDER BY id;

-- Options of COPY.
SELECT put('dialect/a.csv', E'1;''x;y'';NULL\n2;''it''''s'';''NULL''\n3;NULL;z\n');
CREATE FOREIGN TABLE dialect (id int, a text OPTIONS (force_not_null 'true'), b text OPTIONS (force_null 'true'))
    SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'dialect/', delimiter ';', quote '''', null 'NULL');
SELECT id, a, a IS NULL, b, b IS NULL FROM dialect;
SELECT s3_put('lake', 'test-s3-csv', 'latin/a.csv', '\x636166e90a'), put('tab/a.csv', E'1\t2\n');
CREATE FOREIGN TABLE latin (word text) SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'latin/', encoding 'LATIN1');
SELECT * FROM latin;
CREATE FOREIGN TABLE tab (a int, b int) SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'tab/', delimiter E'\t');
SELECT * FROM tab;

-- Only what is needed is converted: a bad value in another column is no matter.
SELECT put('lazy/a.csv', E'1,x,2026-01-01\nbad,y,2026-02-30\n');
CREATE FOREIGN TABLE lazy (n int, t text, d date) SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'lazy/');
SELECT count(*) FROM lazy;
SELECT t FROM lazy;
SELECT n FROM lazy;  -- ERROR
SELECT d FROM lazy WHERE t = 'y';  -- ERROR
SELECT * FROM lazy LIMIT 1;

-- Damaged lines: an ERROR that says where.
CREATE FOREIGN TABLE bad (a int, b text) SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'bad/');
SELECT put('bad/a.csv', E'1,x\n2\n');
SELECT * FROM bad;  -- ERROR
SELECT count(*) FROM bad;  -- ERROR
SELECT put('bad/a.csv', E'1,x\n2,"y\nz"\n3,z,more\n');
SELECT * FROM bad;  -- ERROR
SELECT put('bad/a.csv', E'1,x\n2,"never ends\n');
SELECT * FROM bad;  -- ERROR
-- COPY's end marker (before PostgreSQL 18) must not end the object without a word.
\set VERBOSITY sqlstate
SELECT put('bad/a.csv', E'1,x\n\\.\n2,lost\n');
SELECT * FROM bad;  -- ERROR
SELECT put('bad/a.csv', E'1,x\n2,lost\n\\.\n');
SELECT * FROM bad;  -- ERROR
\set VERBOSITY default
SELECT s3_put('lake', 'test-s3-csv', 'bad/a.csv', '\x312cff0a');
SELECT * FROM bad;  -- ERROR
SELECT s3_put('lake', 'test-s3-csv', 'bad/a.csv', '\x312c610062');
SELECT * FROM bad;  -- ERROR
ALTER FOREIGN TABLE bad OPTIONS (ADD header 'match');
SELECT put('bad/a.csv', E'a,c\n1,x\n');
SELECT * FROM bad;  -- ERROR
SELECT put('bad/a.csv', E'a\n1,x\n');
SELECT * FROM bad;  -- ERROR
ALTER FOREIGN TABLE bad OPTIONS (DROP header, ADD max_line '200kB');
SELECT put('bad/a.csv', E'1,x\n2,"' || repeat('x', 1000000) || E'"\n');
SELECT a FROM bad;  -- ERROR

-- Compression by name and by option; several members and frames; cut off and damaged streams.
CREATE FOREIGN TABLE packed (a int, b text) SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'packed/');
\set gz '1f8b08000000000002ff33d449e432d2514a0200c6d23bc2080000001f8b08000000000002ff4b52e232d649e602009f075dfc07000000'
\set zst '28b52ffd0458410000312c610a322c22621bbed00628b52ffd045839000062220a332c630a1802ba00'
SELECT s3_put('lake', 'test-s3-csv', 'packed/a.csv.gz', decode(:'gz', 'hex')), s3_put('lake', 'test-s3-csv', 'packed/b.csv.zst', decode(:'zst', 'hex'));
SELECT * FROM packed;
SELECT s3_put('lake', 'test-s3-csv', 'packed/a.csv.gz', substr(decode(:'gz', 'hex'), 1, length(decode(:'gz', 'hex')) - 1));
SELECT * FROM packed;  -- ERROR
SELECT s3_put('lake', 'test-s3-csv', 'packed/a.csv.gz', substr(decode(:'gz', 'hex'), 1, 5));
SELECT * FROM packed;  -- ERROR
SELECT s3_put('lake', 'test-s3-csv', 'packed/a.csv.gz', set_byte(decode(:'gz', 'hex'), 20, 7));
SELECT count(*) FROM packed;  -- ERROR
SELECT s3_put('lake', 'test-s3-csv', 'packed/a.csv.gz', '1,plain');
SELECT * FROM packed;  -- ERROR
SELECT fdw_s3_delete('lake', 'test-s3-csv', 'packed/a.csv.gz');
SELECT s3_put('lake', 'test-s3-csv', 'packed/b.csv.zst', substr(decode(:'zst', 'hex'), 1, length(decode(:'zst', 'hex')) - 1));
SELECT * FROM packed;  -- ERROR
SELECT s3_put('lake', 'test-s3-csv', 'packed/b.csv.zst', '1,plain');
SELECT * FROM packed;  -- ERROR
ALTER FOREIGN TABLE packed OPTIONS (ADD compression 'none');
SELECT * FROM packed;
SELECT s3_put('lake', 'test-s3-csv', 'packed/b.csv.zst', decode(:'gz', 'hex'));
ALTER FOREIGN TABLE packed OPTIONS (SET compression 'gzip');
SELECT * FROM packed;

-- Bucket and object that are not there; no object under a prefix.
CREATE FOREIGN TABLE nobucket (a int) SERVER lake OPTIONS (bucket 'test-s3-csv-none', prefix '');
SELECT * FROM nobucket;  -- ERROR
CREATE FOREIGN TABLE noobject (a int) SERVER lake OPTIONS (bucket 'test-s3-csv', path 'none.csv');
SELECT * FROM noobject;  -- ERROR
CREATE FOREIGN TABLE noprefix (a int) SERVER lake OPTIONS (bucket 'test-s3-csv', prefix 'none/');
SELECT * FROM noprefix;
CREATE FOREIGN TABLE emptyobject (a int) SERVER lake OPTIONS (bucket 'test-s3-csv', path 'spark/empty.csv');
SELECT * FROM emptyobject;

-- Two scans at once, rescans, cursors, LIMIT, prepared statements.
DO $$
BEGIN
    PERFORM put(format('many/%s.csv', lpad(i::text, 3, '0')), format(E'%s,%s\n', i, i * i)) FROM generate_series(1, 30) i;
END $$;
CREATE FOREIGN TABLE many (a int, b int, path text OPTIONS (metadata 'path')) SERVER lake
    OPTIONS (bucket 'test-s3-csv', prefix 'many/', read_ahead '3');
CREATE TABLE local AS SELECT i AS a, i * i AS b, format('many/%s.csv', lpad(i::text, 3, '0')) AS path FROM generate_series(1, 30) i;
(TABLE many EXCEPT ALL TABLE local) UNION ALL (TABLE local EXCEPT ALL TABLE many);
SELECT count(*), sum(x.b + y.b) FROM many x JOIN many y ON x.a = y.a + 1;
BEGIN;
DECLARE one CURSOR FOR SELECT a FROM many;
DECLARE two SCROLL CURSOR FOR SELECT b FROM many;
FETCH 2 FROM one;
FETCH 3 FROM two;
FETCH 2 FROM one;
MOVE BACKWARD ALL IN two;
FETCH 1 FROM two;
COMMIT;
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*), sum(m.b) FROM (VALUES (1), (2), (3)) v (i) LEFT JOIN many m ON m.a <= v.i;
SELECT i, (SELECT b FROM many WHERE path = format('many/%s.csv', lpad(i::text, 3, '0'))) FROM generate_series(7, 9) i;
RESET ALL;
SELECT * FROM many LIMIT 2;
PREPARE p (text) AS SELECT a FROM many WHERE path = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE p ('many/004.csv');
SELECT objects($$EXECUTE p ('many/004.csv')$$);
SELECT objects($$SELECT a FROM many WHERE path IN ('many/004.csv', 'many/020.csv')$$);
SELECT objects($$SELECT a FROM many WHERE path = 'many/004.csv' AND path > 'x'$$);
SELECT objects($$SELECT a FROM many WHERE path = 'elsewhere'$$);
SELECT a FROM many WHERE path >= 'many/029';
ANALYZE many;
SELECT reltuples FROM pg_class WHERE oid = 'many'::regclass;

SELECT count(*) FROM (SELECT fdw_s3_delete('lake', 'test-s3-csv', path) FROM fdw_s3_list('lake', 'test-s3-csv')) d;
SET client_min_messages = warning;
DROP TABLE local;
DROP FUNCTION put, s3_put, objects;
DROP EXTENSION fdw_s3 CASCADE;
