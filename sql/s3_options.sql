-- What the options of fdw_s3 refuse, and that nothing connects before it must.
CREATE EXTENSION fdw_s3;
-- servers
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3;  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpont 'http://h');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'h:9000');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://h', url_style 'vhost');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://h', engine 'aws');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://h', retries '-1');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://h', connect_timeout 'soon');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://h', access_key 'k');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://h', bucket 'b');  -- ERROR
-- Nothing listens on port 1: whatever succeeds below did not connect.
CREATE SERVER s FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://127.0.0.1:1', connect_timeout '1s', retries '0');
-- user mappings
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (acces_key 'k');  -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (username 'k');  -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (access_key 'k');  -- ERROR
-- tables
CREATE FOREIGN TABLE t (a int) SERVER s;  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix 'p/', path 'p/o.csv');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b/c', prefix 'p/');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '/p/');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', path '');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', format 'parquet');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', compression 'bzip2');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', header 'yes');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', delimiter ';;');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', delimiter '"');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', delimiter E'\n');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', null 'a,b');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', encoding 'klingon');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', part_size '1MB');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', compression_level '20');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', read_ahead '0');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (bucket 'b', prefix '', endpoint 'http://h');  -- ERROR
-- columns
CREATE FOREIGN TABLE t (a int OPTIONS (metadata 'name')) SERVER s OPTIONS (bucket 'b', prefix '');  -- ERROR
CREATE FOREIGN TABLE t (a text OPTIONS (metadata 'path', force_null 'true')) SERVER s OPTIONS (bucket 'b', prefix '');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (path 'a..b')) SERVER s OPTIONS (bucket 'b', prefix '');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (path '"a')) SERVER s OPTIONS (bucket 'b', prefix '');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (force_null 'maybe')) SERVER s OPTIONS (bucket 'b', prefix '');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (header 'true')) SERVER s OPTIONS (bucket 'b', prefix '');  -- ERROR

-- EXPLAIN and PREPARE do not connect.
CREATE FOREIGN TABLE t (a int, b text, path text OPTIONS (metadata 'path'), size int8 OPTIONS (metadata 'size'))
    SERVER s OPTIONS (bucket 'b', prefix 'p/', compression 'gzip', rows '5000');
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE b > 'x' AND path = 'p/1.csv';
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE path LIKE 'p/2026-11%' AND size > 10 AND a = 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE path IN ('p/1.csv', 'p/2.csv');
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE path IN ('p/2026-11-01.csv', 'p/2026-11-02.csv', NULL);
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE path IN ('p/xé', 'p/xè') AND path <> ALL ('{p/longer,p/longest}');
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE path = '' OR path LIKE '%x' OR path = NULL;
-- A key that is not the table's, a volatile condition, one that needs the row: all objects are listed.
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE path = 'elsewhere/1.csv';
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE size > random() AND path > b;
EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO t SELECT 1;
EXPLAIN SELECT * FROM t;
PREPARE p AS SELECT * FROM t WHERE path = $1;
-- What is not supported says so, also without connecting.
UPDATE t SET a = 1;  -- ERROR
DELETE FROM t;  -- ERROR
TRUNCATE t;  -- ERROR
INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING;  -- ERROR
-- No user mapping, and then nobody there.
\set VERBOSITY sqlstate
SELECT * FROM t;  -- ERROR
INSERT INTO t VALUES (1);  -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (access_key 'k', secret_key 'hush');
SELECT a FROM t;  -- ERROR
\set VERBOSITY default
-- Statements that write nothing do not connect.
INSERT INTO t SELECT 1 WHERE false;
-- Tables that no format can hold.
CREATE FOREIGN TABLE nothing (path text OPTIONS (metadata 'path')) SERVER s OPTIONS (bucket 'b', prefix '');
SELECT * FROM nothing;  -- ERROR
CREATE FOREIGN TABLE two (a text, b text) SERVER s OPTIONS (bucket 'b', prefix '', format 'text');
SELECT * FROM two;  -- ERROR

-- The options, as docs/fdw_s3.md lists them.
SELECT name, places, type, default_value FROM fdw_s3_options() ORDER BY name;
SET client_min_messages = warning;
DROP EXTENSION fdw_s3 CASCADE;
