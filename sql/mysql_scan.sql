-- Scans that share a connection, start again, stop early, or spill; EXPLAIN and planning that do not connect.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_password MYSQL_PWD
SET client_min_messages = warning;

SELECT $mysql$
DROP DATABASE IF EXISTS mysql_scan;
CREATE DATABASE mysql_scan;
USE mysql_scan;
CREATE TABLE big (id int PRIMARY KEY, word varchar(50), filler varchar(200));
INSERT INTO big SELECT seq, concat('word ', seq), repeat('x', 200) FROM seq_1_to_100000;
CREATE TABLE small (id int PRIMARY KEY, big_id int);
INSERT INTO small SELECT seq, seq * 1000 FROM seq_1_to_50;
CREATE TABLE empty (id int);
CREATE TABLE huge (id int PRIMARY KEY, v longtext);
INSERT INTO huge VALUES (1, repeat('a', 17000000)), (2, 'b'), (3, repeat('c', 16777215));
$mysql$ \g (format=unaligned tuples_only=on) | mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER"

CREATE EXTENSION fdw_mysql;
CREATE SERVER mysql_scan FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port');
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_scan OPTIONS (username :'mysql_user', password :'mysql_password');
CREATE SCHEMA mysql_scan;
IMPORT FOREIGN SCHEMA mysql_scan FROM SERVER mysql_scan INTO mysql_scan;
SET search_path = mysql_scan, public;

-- neither planning nor EXPLAIN connects: nothing listens there
CREATE SERVER unreachable FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host '127.0.0.1', port '1', dbname 'd');
CREATE USER MAPPING FOR CURRENT_USER SERVER unreachable OPTIONS (username 'u', password 'secret word');
CREATE FOREIGN TABLE absent (id int, v text) SERVER unreachable;
EXPLAIN (VERBOSE, COSTS OFF) SELECT v FROM absent WHERE id = 5;
SELECT count(*) FROM absent WHERE false;
SELECT * FROM absent; -- ERROR

-- counts, projections, whole rows, system columns
SELECT count(*), count(word), min(id), max(id), sum(length(filler)) FROM big;
SELECT count(*) FROM empty;
SELECT b FROM big b WHERE id < 3 ORDER BY id;
SELECT tableoid::regclass, id FROM small WHERE id = 7;
SELECT id, length(v), left(v, 1), right(v, 1) FROM huge ORDER BY id;

-- several scans at once
SELECT count(*), sum(a.id - b.id) FROM big a JOIN big b USING (id) JOIN big c USING (id);
SELECT count(*) FROM small s, big b WHERE b.id = s.big_id;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT count(*), sum(b.id) FROM small s JOIN big b ON b.id = s.big_id;
SELECT count(*) FROM small a, small b;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
SELECT id, EXISTS (SELECT FROM big WHERE big.id > small.big_id) FROM small WHERE id > 47 ORDER BY id;
SELECT * FROM small WHERE big_id IN (SELECT id FROM big WHERE id > 48000) ORDER BY id;
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r, small WHERE small.id = n AND n < 5) SELECT * FROM r;

-- put aside on disk
SET work_mem = '64kB';
BEGIN;
DECLARE outer_scan CURSOR FOR SELECT id FROM big ORDER BY id;
FETCH 2 FROM outer_scan;
SELECT count(*) FROM small;
FETCH 2 FROM outer_scan;
MOVE 50000 FROM outer_scan;
FETCH 1 FROM outer_scan;
SELECT count(*) FROM big;
MOVE ALL FROM outer_scan;
FETCH 1 FROM outer_scan;
COMMIT;
RESET work_mem;

-- cursors: two at once, backward, held
BEGIN;
DECLARE one CURSOR FOR SELECT id FROM big ORDER BY id;
DECLARE two SCROLL CURSOR FOR SELECT id FROM big ORDER BY id DESC;
DECLARE three CURSOR WITH HOLD FOR SELECT id FROM small WHERE id < 4 ORDER BY id;
FETCH 2 FROM one;
FETCH 2 FROM two;
FETCH 2 FROM one;
FETCH BACKWARD 1 FROM two;
FETCH 1 FROM two;
CLOSE one;
FETCH 1 FROM two;
COMMIT;
FETCH ALL FROM three;
CLOSE three;

-- stopping early, many times, in one transaction
DO $$
DECLARE n int;
BEGIN
  FOR i IN 1 .. 50 LOOP
    SELECT id INTO n FROM big ORDER BY id LIMIT 1;
    ASSERT n = 1;
  END LOOP;
END $$;
SELECT count(*) FROM small;

-- a view reads as its owner
CREATE ROLE mysql_scan_reader;
CREATE VIEW seen AS SELECT id FROM small WHERE id < 3;
GRANT USAGE ON SCHEMA mysql_scan TO mysql_scan_reader;
GRANT SELECT ON seen, small TO mysql_scan_reader;
SET ROLE mysql_scan_reader;
SELECT * FROM seen ORDER BY id;
\set VERBOSITY sqlstate
SELECT * FROM small; -- ERROR: no user mapping, in words that differ by release
\set VERBOSITY default
RESET ROLE;

-- locking, and EvalPlanQual's recheck of conditions
SELECT id FROM small WHERE id = 3 FOR UPDATE;
CREATE TABLE local AS SELECT id FROM generate_series(1, 5) id;
UPDATE local SET id = small.big_id FROM small WHERE small.id = local.id AND small.id > 2;
SELECT * FROM local ORDER BY id;

-- statistics
ANALYZE big;
SELECT reltuples BETWEEN 80000 AND 120000 AS plausible FROM pg_class WHERE oid = 'big'::regclass;
SELECT n_distinct = -1 AS distinct_ids FROM pg_stats WHERE schemaname = 'mysql_scan' AND tablename = 'big' AND attname = 'id';
ANALYZE empty;
ALTER FOREIGN TABLE small OPTIONS (ADD use_remote_estimate 'true');
SELECT count(*) FROM small;

-- idle connections can be closed
SELECT fdw_mysql_disconnect('mysql_scan'), fdw_mysql_disconnect();
SELECT count(*) FROM small;
BEGIN;
SELECT count(*) FROM small;
SELECT fdw_mysql_disconnect();
COMMIT;

DROP OWNED BY mysql_scan_reader;
DROP ROLE mysql_scan_reader;
DROP SCHEMA mysql_scan CASCADE;
DROP EXTENSION fdw_mysql CASCADE;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="DROP DATABASE mysql_scan"
