-- Every type of MySQL, at its edges. What the foreign table shows is compared with what MySQL prints.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_password MYSQL_PWD
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

SELECT $mysql$
SET NAMES utf8mb4;
SET sql_mode = '';
SET time_zone = '+00:00';
DROP DATABASE IF EXISTS mysql_types;
CREATE DATABASE mysql_types CHARACTER SET utf8mb4;
USE mysql_types;
CREATE TABLE integers (id int PRIMARY KEY, t tinyint, tu tinyint unsigned, s smallint, su smallint unsigned,
  m mediumint, mu mediumint unsigned, i int, iu int unsigned, b bigint, bu bigint unsigned, flag tinyint(1), z int(6) zerofill, y year);
INSERT INTO integers VALUES
  (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, 0, 0),
  (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 1, 42, 1901),
  (3, -1, 1, -1, 1, -1, 1, -1, 1, -1, 9223372036854775808, 2, 999999, 2155),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE numbers (id int PRIMARY KEY, d decimal(10,2), wide decimal(65,30), whole decimal(20,0), du decimal(5,5) unsigned, f float, g double);
INSERT INTO numbers VALUES
  (1, -99999999.99, -99999999999999999999999999999999999.999999999999999999999999999999, -99999999999999999999, 0.00001, 12345.67, 0.1),
  (2, 99999999.99, 0.000000000000000000000000000001, 99999999999999999999, 0.99999, 3.4028234e38, 1.7976931348623157e308),
  (3, 0, 0, 0, 0, 1.17549435e-38, 2.2250738585072014e-308),
  (4, -0.01, -1.5, -1, 0.5, -0.1, -1e-300),
  (5, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE bits (id int PRIMARY KEY, b1 bit(1), b5 bit(5), b8 bit(8), b12 bit(12), b64 bit(64));
INSERT INTO bits VALUES (1, b'0', b'0', b'0', b'0', b'0'),
  (2, b'1', b'10101', b'11110000', b'101010101010', b'1000000000000000000000000000000000000000000000000000000000000001'),
  (3, b'1', b'11111', b'11111111', b'1', ~0), (4, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE moments (id int PRIMARY KEY, d date, dt datetime, dt6 datetime(6), ts timestamp NULL, ts3 timestamp(3) NULL, t time, t6 time(6));
INSERT INTO moments VALUES
  (1, '0001-01-01', '0001-01-01 00:00:00', '0001-01-01 00:00:00.000001', '1970-01-01 00:00:01', '1970-01-01 00:00:01.001', '00:00:00', '00:00:00.000001'),
  (2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.999', '23:59:59', '23:59:59.999999'),
  (3, '2024-02-29', '2024-02-29 12:00:00', '2024-02-29 12:34:56.5', '2024-02-29 12:00:00', '2024-02-29 12:00:00', '12:34:56', '12:34:56.5'),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE durations (id int PRIMARY KEY, t time(3));
INSERT INTO durations VALUES (1, '838:59:59'), (2, '-838:59:59'), (3, '24:00:00'), (4, '-00:00:01.5'), (5, NULL);
CREATE TABLE zeros (id int PRIMARY KEY, d date, dt datetime, ts timestamp NOT NULL DEFAULT '0000-00-00 00:00:00');
INSERT INTO zeros VALUES (1, '2024-01-01', '2024-01-01 10:00:00', '2024-01-01 10:00:00'), (2, '0000-00-00', '2024-01-01', '2024-01-01'),
  (3, '2024-10-00', '2024-01-01', '2024-01-01'), (4, '2024-01-01', '0000-00-00', '2024-01-01'), (5, '2024-01-01', '2024-01-01', 0);
SET sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE invalid_dates (id int PRIMARY KEY, d date);
INSERT INTO invalid_dates VALUES (7, '2023-02-30');
SET sql_mode = '';
CREATE TABLE strings (id int PRIMARY KEY, c char(5), v varchar(20), tt tinytext, x text, lt longtext, e enum('small','Größe','it''s'), st set('a','b','c'), latin varchar(20) CHARACTER SET latin1, j json);
INSERT INTO strings VALUES
  (1, 'ab', 'trailing  ', '', 'a''b"c\\d', repeat('x', 300), 'small', 'a,c', 'Größe €', '{"a": [1, "é"]}'),
  (2, 'äöüß€', '日本語 😀', '\n\t\r', '', repeat('é', 70000), 'Größe', '', '', '[]'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, '', '', '', '', '', '', '', '', 'null');
CREATE TABLE bytes (id int PRIMARY KEY, b binary(4), vb varbinary(10), tb tinyblob, lb longblob, p point);
INSERT INTO bytes VALUES (1, x'00ff', x'0001ff', '', repeat(x'00', 100000), ST_GeomFromText('POINT(1 2)')), (2, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE computed (id int PRIMARY KEY, a int, twice int AS (a * 2) VIRTUAL, thrice int AS (a * 3) STORED);
INSERT INTO computed (id, a) VALUES (1, 5), (2, NULL);
CREATE TABLE bad_text (id int PRIMARY KEY, v varbinary(10));
INSERT INTO bad_text VALUES (1, 'good'), (2, x'61ff62'), (3, x'610062'), (4, x'eda080');
CREATE TABLE many (id int PRIMARY KEY, `select` int, `a"b` int, `back``tick` int, `sp ace` int, Ümläut int, c6 int, c7 int, c8 int, c9 int, c10 int);
INSERT INTO many VALUES (1, NULL, 2, NULL, 4, 5, NULL, NULL, 8, NULL, 10);
CREATE TABLE fine (id int PRIMARY KEY, d decimal(10,4), g double, dt datetime(6), t time(6), v varchar(10), KEY (d), KEY (dt));
INSERT INTO fine VALUES (1, 1.2300, 0.5, '2024-01-01 10:00:00', '10:00:00', 'abc'),
  (2, 1.2345, 0.1, '2024-01-01 10:00:00.4', '10:00:00.4', 'abc  ');
CREATE TABLE growing (id int PRIMARY KEY, v longtext, after int);
INSERT INTO growing SELECT seq, REPEAT(CHAR(64 + seq), seq * 20000), seq * 11 FROM seq_1_to_20;
CREATE TABLE names (id uuid PRIMARY KEY, a4 inet4, a6 inet6);
INSERT INTO names VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1', '2001:db8::ff');
$mysql$ \g (format=unaligned tuples_only=on) | mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER"

CREATE EXTENSION fdw_mysql;
CREATE SERVER mysql_types FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port');
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_types OPTIONS (username :'mysql_user', password :'mysql_password');
CREATE SCHEMA mysql_types;
IMPORT FOREIGN SCHEMA mysql_types FROM SERVER mysql_types INTO mysql_types;
SET search_path = mysql_types, public;

-- what a local type cannot hold is an ERROR that says where
CREATE FOREIGN TABLE narrow (id int OPTIONS (key 'true'), i smallint, b int) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'integers');
SELECT i FROM narrow WHERE id = 2; -- ERROR
SELECT id, b FROM narrow WHERE id = 2; -- ERROR
CREATE FOREIGN TABLE signed (id int, bu bigint) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'integers');
SELECT bu FROM signed; -- ERROR
CREATE FOREIGN TABLE coarse (id int, d numeric(5,2)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'numbers');
SELECT d FROM coarse; -- ERROR
CREATE FOREIGN TABLE short (id int, v varchar(3)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'strings');
SELECT v FROM short; -- ERROR
CREATE FOREIGN TABLE word (id int, v int) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'strings');
SELECT v FROM word; -- ERROR
CREATE FOREIGN TABLE few_bits (id int, b12 bit(5)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'bits');
SELECT b12 FROM few_bits; -- ERROR
CREATE FOREIGN TABLE truncated (id int, dt date) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'moments');
SELECT dt FROM truncated WHERE id = 3; -- ERROR
SELECT t FROM durations; -- ERROR
SELECT d FROM zeros WHERE id = 2; -- ERROR
SELECT d FROM zeros WHERE id = 3; -- ERROR
SELECT dt FROM zeros WHERE id = 4; -- ERROR
SELECT ts FROM zeros WHERE id = 5; -- ERROR
SELECT d FROM invalid_dates; -- ERROR
CREATE FOREIGN TABLE bad_bytes (id int OPTIONS (key 'true'), v text) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'bad_text');
SELECT v FROM bad_bytes WHERE id = 2; -- ERROR
SELECT id, v FROM bad_bytes WHERE id = 3; -- ERROR
SELECT v FROM bad_bytes WHERE id = 4; -- ERROR
CREATE FOREIGN TABLE place (id int, p text) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'bytes');
SELECT p FROM place; -- ERROR
CREATE FOREIGN TABLE missing (id int, absent int) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'bytes');
SELECT absent FROM missing; -- ERROR

-- the types that IMPORT chose
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attfdwoptions
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_foreign_table t ON t.ftrelid = c.oid
WHERE c.relnamespace = 'mysql_types'::regnamespace AND a.attnum > 0
  AND c.relname NOT IN ('narrow', 'signed', 'coarse', 'short', 'word', 'few_bits', 'truncated', 'bad_bytes', 'place', 'missing', 'fine', 'growing')
ORDER BY c.relname COLLATE "C", a.attnum;

-- the values
SELECT * FROM integers ORDER BY id;
SELECT * FROM numbers ORDER BY id;
SELECT id, f::float8, f::float8::numeric(12,2) FROM numbers WHERE id = 1;
SELECT * FROM bits ORDER BY id;
SELECT * FROM moments ORDER BY id;
SELECT id, c, v, tt, x, length(lt), octet_length(lt), e, st, latin, j FROM strings ORDER BY id;
SELECT id, b, vb, tb, length(lb), p FROM bytes ORDER BY id;
SELECT * FROM computed ORDER BY id;
SELECT * FROM many;
SELECT * FROM names;

-- other local types for the same columns
CREATE FOREIGN TABLE lengths (id int, t interval) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'durations');
SELECT * FROM lengths ORDER BY id;
CREATE FOREIGN TABLE flags (id int, flag boolean, t text, bu text, y text) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'integers');
SELECT * FROM flags ORDER BY id;
SELECT id FROM flags WHERE flag ORDER BY id;
SELECT id FROM flags WHERE NOT flag ORDER BY id;
CREATE FOREIGN TABLE exact (id int, d float8, f numeric, g text) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'numbers');
SELECT * FROM exact ORDER BY id;
CREATE FOREIGN TABLE bit_values (id int, b1 boolean, b5 int, b12 varbit, b8 bigint) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'bits');
SELECT * FROM bit_values ORDER BY id;
CREATE FOREIGN TABLE texts (id int, d text, dt6 text, t6 text, ts3 text) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'moments');
SELECT * FROM texts ORDER BY id;
CREATE FOREIGN TABLE rounded (id int, dt6 timestamp(0), ts3 timestamptz(1)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'moments');
SELECT dt6 FROM rounded WHERE id = 3; -- ERROR
SELECT ts3 FROM rounded WHERE id = 2; -- ERROR
SELECT * FROM rounded WHERE id = 4;

-- never rounded and never cut: what is finer or longer than declared is an ERROR, whatever MySQL evaluates
CREATE DOMAIN price AS numeric(10,2);
CREATE FOREIGN TABLE coarser (id int OPTIONS (key 'true'), d numeric(10,2), dt timestamp(0)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'fine');
SELECT * FROM coarser WHERE id = 1;
SELECT d FROM coarser; -- ERROR
SELECT count(*) FROM coarser WHERE d = 1.23; -- ERROR
SELECT count(*) FROM coarser WHERE d < 1; -- ERROR
SELECT count(*) FROM coarser WHERE dt = '2024-01-01 10:00:00'; -- ERROR
CREATE FOREIGN TABLE cuts (id int, d price, g real, t time(0), v varchar(3)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'fine');
SELECT * FROM cuts WHERE id = 1;
SELECT d FROM cuts; -- ERROR
SELECT g FROM cuts; -- ERROR
SELECT t FROM cuts; -- ERROR
SELECT v FROM cuts; -- ERROR
CREATE FOREIGN TABLE more_cuts (id int, d text, g numeric(10,0), t interval(0), v "char") SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'fine');
SELECT d FROM more_cuts ORDER BY id;
SELECT g FROM more_cuts; -- ERROR
SELECT t FROM more_cuts; -- ERROR
SELECT v FROM more_cuts; -- ERROR
CREATE FOREIGN TABLE padded (id int, d numeric(20,6), v char(5)) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'fine');
SELECT id, d, v || '|' AS v FROM padded ORDER BY id;
CREATE FOREIGN TABLE documents (id int, j jsonb, e text, v bytea) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'strings');
SELECT id, j, e, v FROM documents ORDER BY id;

-- zero dates as NULL, by column, table and server
CREATE FOREIGN TABLE null_dates (id int, d date OPTIONS (zero_date 'null'), dt timestamp OPTIONS (zero_date 'null'), ts timestamptz) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'zeros', zero_date 'null');
SELECT * FROM null_dates ORDER BY id;
SELECT id FROM null_dates WHERE d IS NULL ORDER BY id;
SELECT id FROM null_dates WHERE d IS NOT NULL ORDER BY id;
SELECT id FROM null_dates WHERE d < '2024-06-01' ORDER BY id;
SELECT id FROM null_dates WHERE ts IS NULL;
CREATE FOREIGN TABLE date_texts (id int, d text, ts text) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'zeros');
SELECT * FROM date_texts ORDER BY id;

-- a domain whose CHECK reads through the same connection, while the row is decoded
CREATE FUNCTION is_known(text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM mysql_types.integers WHERE id = length($1) / 20000 % 4 + 1)';
CREATE DOMAIN checked AS text CHECK (is_known(VALUE));
CREATE FOREIGN TABLE checks (id int, v checked, after int) SERVER mysql_types OPTIONS (dbname 'mysql_types', table_name 'growing');
SELECT count(*), sum(after), bool_and(after = id * 11 AND v = repeat(chr(64 + id), id * 20000)) FROM checks;

DROP SCHEMA mysql_types CASCADE;
DROP EXTENSION fdw_mysql CASCADE;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="DROP DATABASE mysql_types"
