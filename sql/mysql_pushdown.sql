-- Which conditions and orders MySQL evaluates, and that the rows are the same as when it does not.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_password MYSQL_PWD
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';

SELECT $mysql$
SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = '';
DROP DATABASE IF EXISTS mysql_pushdown;
CREATE DATABASE mysql_pushdown CHARACTER SET utf8mb4;
USE mysql_pushdown;
CREATE TABLE t (id int NOT NULL PRIMARY KEY, i int, b bigint, u bigint unsigned, n decimal(12,3), f float, g double, d date, dt datetime(6),
  ts timestamp NULL, s varchar(20), c char(5), flag tinyint(1), y year, dt0 datetime, KEY (i), KEY (b), KEY (u), KEY (n), KEY (f), KEY (g), KEY (d), KEY (dt), KEY (dt0), KEY (ts), KEY (s), KEY (c), KEY (flag), KEY (y));
INSERT INTO t SELECT seq, IF(seq % 7 = 0, NULL, CAST(seq % 23 AS SIGNED) - 11), (CAST(seq * 7919 % 1000 AS SIGNED) - 500) * 1000000007, seq * 18446744073709551,
  IF(seq % 11 = 0, NULL, (CAST(seq * 37 % 1000 AS SIGNED) - 500) / 8), IF(seq % 13 = 0, NULL, (seq % 100) / 10), IF(seq % 5 = 0, NULL, (seq % 50) / 7),
  IF(seq % 6 = 0, NULL, DATE'2023-12-01' + INTERVAL (seq % 90) DAY), TIMESTAMP'2024-02-28 00:00:00' + INTERVAL (seq * 1234567 % 200000000) * 1000 MICROSECOND,
  IF(seq % 9 = 0, NULL, TIMESTAMP'2024-01-01 00:00:00' + INTERVAL (seq % 77) HOUR),
  ELT(seq % 12 + 1, 'abc', 'ABC', 'abc ', 'äbc', '', ' ', 'ß', 'ss', 'a''b', 'a\\b', NULL, 'x%'), ELT(seq % 4 + 1, 'a', 'A', 'b ', NULL),
  IF(seq % 8 = 0, NULL, seq % 3), 2000 + seq % 30, TIMESTAMP'2024-02-28 00:00:00' + INTERVAL (seq % 20) SECOND FROM seq_1_to_1000;
CREATE TABLE wrong (id int NOT NULL PRIMARY KEY, i varchar(10), n float, d varchar(10));
INSERT INTO wrong VALUES (1, '5', 0.1, '2024-01-01'), (2, '5 ', 0.5, '2024-01-02'), (3, '05', 12345.67, '2024-01-03'), (4, NULL, NULL, NULL);
CREATE TABLE zeros (id int NOT NULL PRIMARY KEY, d date NOT NULL, e date);
INSERT INTO zeros VALUES (1, '0000-00-00', '0000-00-00'), (2, '2024-01-01', NULL), (3, '2024-06-01', '2024-06-01');
$mysql$ \g (format=unaligned tuples_only=on) | mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER"

CREATE EXTENSION fdw_mysql;
CREATE SERVER mysql_pushdown FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'mysql_pushdown');
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_pushdown OPTIONS (username :'mysql_user', password :'mysql_password');
CREATE SCHEMA mysql_pushdown;
SET search_path = mysql_pushdown, public;
IMPORT FOREIGN SCHEMA mysql_pushdown FROM SERVER mysql_pushdown INTO mysql_pushdown;
ALTER FOREIGN TABLE t ALTER flag TYPE boolean;
CREATE FOREIGN TABLE off (id int NOT NULL, i int, b bigint, u numeric(20,0), n numeric(12,3), f real, g double precision, d date, dt timestamp,
  ts timestamptz, s varchar(20), c varchar(5), flag boolean, y smallint, dt0 timestamp) SERVER mysql_pushdown OPTIONS (table_name 't', pushdown 'false');
CREATE TABLE copy AS SELECT * FROM off;

-- what is sent
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE i = 5 AND b > 7::smallint AND u >= 18446744073709551000 AND n <> -1.5;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE g < 0.1 AND d >= '2024-01-31' AND dt < '2024-02-29 12:00:00.5' AND ts <= '2024-01-02 03:04:05+05:30';
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE i IS NULL OR NOT (n IS NOT NULL AND flag);
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE i IN (1, -2, NULL) AND n NOT IN (1, 2.5) AND d IN ('2024-01-01', '2024-01-02');
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE d < dt AND i = b AND n = i AND b <= n;
-- text is compared there for a superset, and again here
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE s = 'a''b\' AND c IN ('a', '日本');
-- a value that is computed here
SET plan_cache_mode = force_generic_plan;
PREPARE computed (int) AS SELECT id FROM t WHERE ts > now() - interval '1 day' AND i = $1;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE computed (3);
DEALLOCATE computed;
RESET plan_cache_mode;
-- what is not sent
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE i / 2 = 3 AND f = 0.5 AND NOT (s = 'x') AND s < 'b' AND s LIKE 'a%' AND upper(s) = 'ABC' AND i > random() AND s <> 'b';
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE g < 'NaN' AND d < 'infinity' AND dt > '0001-01-01 BC' AND n = 1e40;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE i = 5.5 AND n > 0.0005 AND d < timestamp '2024-01-01 12:00' AND dt = '2024-01-01 00:00:00.5';
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE d IS NULL AND ts IS NOT NULL;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM off WHERE id = 5 ORDER BY id;

-- orders
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t ORDER BY id;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, i FROM t ORDER BY i NULLS FIRST, id DESC;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, i FROM t ORDER BY i DESC NULLS LAST;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, i FROM t ORDER BY i;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, s FROM t ORDER BY s;
SELECT (SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY i NULLS FIRST, id DESC) x) = (SELECT array_agg(id) FROM (SELECT id FROM copy ORDER BY i NULLS FIRST, id DESC) x) AS same,
  (SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY ts DESC NULLS LAST, n NULLS FIRST, id) x) = (SELECT array_agg(id) FROM (SELECT id FROM copy ORDER BY ts DESC NULLS LAST, n NULLS FIRST, id) x) AS same,
  (SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY y NULLS FIRST, u DESC NULLS LAST, id) x) = (SELECT array_agg(id) FROM (SELECT id FROM copy ORDER BY y NULLS FIRST, u DESC NULLS LAST, id) x) AS same;

-- parameters
PREPARE by_values(int, numeric, date, timestamp, timestamptz, float8, text) AS
  SELECT id FROM t WHERE i <> $1 AND n < $2 AND d > $3 AND dt > $4 AND ts < $5 AND g <> $6 AND s = $7 ORDER BY id;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE by_values(5, 1, '2024-01-01', '2024-01-01', '2024-02-01', 0.5, 'ABC');
EXECUTE by_values(5, 1000, '2023-01-01', '2024-02-29', '2025-02-01', 0.5, 'ABC');
EXECUTE by_values(5, 1000, '2023-01-01', '2024-02-29', 'infinity', 'NaN', 'ABC');
EXECUTE by_values(5, 'NaN', '-infinity', '4000-01-01 BC', '30000-01-01', 'Infinity', 'ABC');
EXECUTE by_values(NULL, 1000, '2023-01-01', '2024-01-01', '2024-02-01', 0.5, 'ABC');
RESET plan_cache_mode;
DEALLOCATE by_values;
-- a look-up by key for each row of the other side, where that is few
ANALYZE t;
EXPLAIN (VERBOSE, COSTS OFF) SELECT x, s FROM (VALUES (3), (5), (5), (9999)) v (x) LEFT JOIN t ON t.id = v.x;
SELECT x, s FROM (VALUES (3), (5), (5), (9999)) v (x) LEFT JOIN t ON t.id = v.x ORDER BY x;
SELECT x, (SELECT max(b) FROM t WHERE i = x) FROM generate_series(-12, 12, 6) x;
SELECT x, l.id FROM generate_series(1, 3) x, LATERAL (SELECT id FROM t WHERE i = x ORDER BY id LIMIT 2) l;

-- remote types that are not as declared: nothing is left to MySQL, and the rows are right
CREATE FOREIGN TABLE wrong_types (id int NOT NULL, i text, n numeric, d date) SERVER mysql_pushdown OPTIONS (table_name 'wrong');
CREATE FOREIGN TABLE wrong_number (id int NOT NULL, i int, n float8) SERVER mysql_pushdown OPTIONS (table_name 'wrong');
SELECT * FROM wrong_types WHERE i = '5';
SELECT * FROM wrong_types WHERE n = 0.1;
SELECT * FROM wrong_types WHERE d >= '2024-01-02' ORDER BY id;
SELECT id, i FROM wrong_number WHERE i = 5 ORDER BY id;
SELECT id FROM wrong_types ORDER BY d NULLS FIRST; -- ERROR
SELECT id FROM wrong_number ORDER BY i NULLS FIRST; -- ERROR
CREATE FOREIGN TABLE not_null (id int NOT NULL, i int NOT NULL) SERVER mysql_pushdown OPTIONS (table_name 't');
SELECT i FROM not_null ORDER BY i; -- ERROR

-- zero dates as NULL
CREATE FOREIGN TABLE zero_on (id int, d date, e date) SERVER mysql_pushdown OPTIONS (table_name 'zeros', zero_date 'null');
CREATE FOREIGN TABLE zero_off (id int, d date, e date) SERVER mysql_pushdown OPTIONS (table_name 'zeros', zero_date 'null', pushdown 'false');
SELECT 'on' AS pushdown, array_agg(id ORDER BY id) FROM zero_on WHERE d IS NULL UNION ALL SELECT 'off', array_agg(id ORDER BY id) FROM zero_off WHERE d IS NULL;
SELECT 'on' AS pushdown, array_agg(id ORDER BY id) FROM zero_on WHERE e IS NOT NULL UNION ALL SELECT 'off', array_agg(id ORDER BY id) FROM zero_off WHERE e IS NOT NULL;
SELECT 'on' AS pushdown, array_agg(id ORDER BY id) FROM zero_on WHERE NOT (d > '2024-03-01') UNION ALL SELECT 'off', array_agg(id ORDER BY id) FROM zero_off WHERE NOT (d > '2024-03-01');

-- a thousand random conditions: on, off, and a local copy agree
CREATE FUNCTION one_of(VARIADIC text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1[1 + floor(random() * cardinality($1))::int]';
CREATE FUNCTION comparison() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT one_of('=', '<>', '<', '<=', '>', '>=') $$;
CREATE FUNCTION random_atom() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT one_of(
    format('%s %s %s', one_of('i', 'id', 'b'), comparison(), one_of('0', '5', '-3', '11', '5000000035', '(-500000003500)::bigint')),
    format('%s %s %s', one_of('n', 'u', 'i'), comparison(), one_of('0.0', '5.5', '-3.125', '18446744073709551000', '1e30', '5.000', '5.0005', '-3.1255', '-1.5', '1e-20')),
    format('g %s %s', comparison(), one_of('0.14285714285714285', '1', '0', '''NaN''', '''Infinity''', '7.142857142857143')),
    format('f %s %s', comparison(), one_of('0.5', '0.1', '0.1::real', '7')),
    format('d %s %s', comparison(), one_of('date ''2024-01-15''', 'timestamp ''2024-01-15 12:00''', 'date ''infinity''', 'date ''2023-12-01''')),
    format('dt %s %s', comparison(), one_of('timestamp ''2024-02-29 00:00:00.567''', 'date ''2024-02-29''', 'timestamp ''-infinity''')),
    format('dt0 %s %s', comparison(), one_of('timestamp ''2024-02-28 00:00:05.5''', 'timestamp ''2024-02-28 00:00:05''', 'date ''2024-02-28''', 'timestamp ''1999-01-01 00:00:00.5''')),
    format('dt0 %s (%s, %s)', one_of('IN', 'NOT IN'), one_of('timestamp ''2024-02-28 00:00:05.5''', 'timestamp ''2024-02-28 00:00:05'''), 'timestamp ''2024-02-28 00:00:07'''),
    format('%s %s (SELECT %s)', one_of('n', 'u'), comparison(), one_of('5.5', '5.0005', '-3.125', 'NULL::numeric', '18446744073709551000', '''NaN''::numeric')),
    format('%s %s (SELECT timestamp %L)', one_of('dt0', 'dt'), comparison(), one_of('2024-02-28 00:00:05.5', '2024-02-28 00:00:05', '2024-02-29 00:00:00.567', 'infinity', '9999-12-31 23:59:59.5')),
    format('ts %s (SELECT timestamptz %L)', comparison(), one_of('2024-01-02 00:00:00.5+00', '2024-01-02 00:00+00', '1900-01-01 00:00:00.5+00')),
    format('%s %s (SELECT %s)', one_of('i', 'b'), comparison(), one_of('5', '-3', 'NULL::int', '5000000035')),
    format('(%s) %s %s', one_of('SELECT 5.5', 'SELECT 2', '2.5', '7'), comparison(), one_of('i', 'n')),
    format('timestamp ''2024-02-28 00:00:05.5'' %s dt0', comparison()),
    format('g %s (SELECT %L::float8)', comparison(), one_of('NaN', '1', '0.14285714285714285')),
    format('%s %s (SELECT %L::text)', one_of('s', 'c'), comparison(), one_of('abc', 'ABC ', '')),
    format('ts %s %s', comparison(), one_of('timestamptz ''2024-01-02 00:00+02''', 'timestamptz ''2024-01-01 05:00+00''')),
    format('%s %s %L', one_of('s', 'c'), comparison(), one_of('abc', 'ABC', 'abc ', 'a', '', 'ß', 'a''b', 'a\b')),
    format('%s %s (%L, %L)', one_of('s', 'c'), one_of('IN', 'NOT IN'), one_of('abc', 'a', ''), one_of('ABC ', 'b', 'x%')),
    format('i %s (%s, %s)', one_of('IN', 'NOT IN'), one_of('1', '-3', 'NULL'), one_of('7', '0')),
    format('%s IS %s', one_of('i', 'n', 'g', 'd', 'ts', 's', 'flag'), one_of('NULL', 'NOT NULL')),
    format('y %s %s', comparison(), one_of('2005', '5', '0')),
    format('%s %s %s', one_of('i', 'n', 'b'), comparison(), one_of('id', 'u', 'n')),
    one_of('flag', 'd < dt', 'd = dt', 's = c', 'i = y'))
$$;
CREATE FUNCTION random_condition(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF depth = 0 OR random() < 0.3 THEN RETURN random_atom(); END IF;
  RETURN CASE floor(random() * 5)::int WHEN 0 THEN format('NOT (%s)', random_condition(depth - 1))
    WHEN 1 THEN format('(%s) OR (%s)', random_condition(depth - 1), random_condition(depth - 1))
    ELSE format('(%s) AND (%s)', random_condition(depth - 1), random_condition(depth - 1)) END;
END $$;
CREATE FUNCTION matches(relation text, condition text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE result int[];
BEGIN
  EXECUTE format('SELECT array_agg(id ORDER BY id) FROM %s WHERE %s', relation, condition) INTO result;
  RETURN result;
END $$;
SELECT setseed(0.42);
DO $$
DECLARE condition text; matched int := 0;
BEGIN
  FOR n IN 1 .. 1000 LOOP
    condition := random_condition(3);
    IF matches('t', condition) IS DISTINCT FROM matches('copy', condition) THEN RAISE EXCEPTION 'pushdown differs: %', condition; END IF;
    IF n % 20 = 0 AND matches('off', condition) IS DISTINCT FROM matches('copy', condition) THEN RAISE EXCEPTION 'no pushdown differs: %', condition; END IF;
    IF matches('copy', condition) IS NOT NULL THEN matched := matched + 1; END IF;
  END LOOP;
  IF matched < 500 THEN RAISE EXCEPTION 'only % conditions matched anything', matched; END IF;
END $$;

-- a zero date in a NOT NULL column is NULL to MySQL's IS NULL, and text to whoever declared it so
CREATE FOREIGN TABLE zero_texts (id int, d text, e text) SERVER mysql_pushdown OPTIONS (table_name 'zeros');
SELECT id, d FROM zero_texts WHERE d IS NULL OR e IS NULL ORDER BY id;
SELECT id, d FROM zero_texts WHERE NOT (d IS NOT NULL) ORDER BY id;
SELECT id, d FROM zero_texts WHERE d IS NOT NULL ORDER BY id;

DROP SCHEMA mysql_pushdown CASCADE;
DROP EXTENSION fdw_mysql CASCADE;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="DROP DATABASE mysql_pushdown"
