-- Lines of text as rows.
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
    AS $$ SELECT s3_put('lake', 'test-s3-text', path, convert_to(content, 'UTF8')) $$;
SELECT fdw_s3_create_bucket('lake', 'test-s3-text') IS NOT NULL AS made;

CREATE FOREIGN TABLE lines (line text, path text OPTIONS (metadata 'path'), size text OPTIONS (metadata 'size')) SERVER lake
    OPTIONS (bucket 'test-s3-text', prefix 'log/', format 'text', max_line '64kB');
SELECT put('log/a.txt', E'one\n\n  "three", \\t\\N ,\nfour\r\nfive'), put('log/b.txt', E'\n'), put('log/c.txt', E'\ufefflast\n');
SELECT line, length(line), path, size FROM lines;
SELECT count(*) FROM lines;

-- A line that is longer than a buffer, exactly at the limit, and beyond it.
SELECT put('log/long.txt', repeat('x', 65536) || E'\n' || repeat(E'y\n', 100000));
SELECT count(*), max(length(line)), sum(length(line)) FROM lines WHERE path = 'log/long.txt';
SELECT put('log/long.txt', E'short\n' || repeat('x', 65537) || E'\n');
SELECT count(*) FROM lines WHERE path = 'log/long.txt';  -- ERROR
SELECT put('log/long.txt', E'short\n' || repeat('x', 1000000));
SELECT count(*) FROM lines WHERE path = 'log/long.txt';  -- ERROR
SELECT line FROM lines WHERE path = 'log/long.txt' LIMIT 1;
SELECT s3_put('lake', 'test-s3-text', 'log/long.txt', '\x6f6b0aff');
SELECT line FROM lines WHERE path = 'log/long.txt';  -- ERROR

-- Other types: every line is one value.
CREATE FOREIGN TABLE numbers (n numeric) SERVER lake OPTIONS (bucket 'test-s3-text', prefix 'numbers/', format 'text');
SELECT put('numbers/a.txt', E'1\n2.50\n');
SELECT sum(n) FROM numbers;
SELECT put('numbers/a.txt', E'1\ntwo\n');
SELECT sum(n) FROM numbers;  -- ERROR

-- Writing: what would not come back the same is refused.
INSERT INTO lines VALUES ('a,b "c" \n', 'log/d.txt.gz'), ('', 'log/d.txt.gz'), ('é', 'log/d.txt.gz');
SELECT line, path FROM lines WHERE path = 'log/d.txt.gz';
\set SHOW_CONTEXT never
INSERT INTO lines VALUES (E'two\nlines');  -- ERROR
INSERT INTO lines VALUES (E'carriage return\r');  -- ERROR
INSERT INTO lines VALUES (NULL);  -- ERROR
\set SHOW_CONTEXT errors
SELECT path FROM fdw_s3_list('lake', 'test-s3-text') ORDER BY path;

SELECT count(*) FROM (SELECT fdw_s3_delete('lake', 'test-s3-text', path) FROM fdw_s3_list('lake', 'test-s3-text')) d;
SET client_min_messages = warning;
DROP FUNCTION put, s3_put;
DROP EXTENSION fdw_s3 CASCADE;
