-- IMPORT FOREIGN SCHEMA and fdw_mysql_import_comments().
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_password MYSQL_PWD
SET client_min_messages = warning;
SET DateStyle = 'ISO, YMD';

SELECT $mysql$
SET NAMES utf8mb4;
DROP DATABASE IF EXISTS mysql_import;
DROP DATABASE IF EXISTS `mysql_import ``odd'"`;
CREATE DATABASE mysql_import CHARACTER SET utf8mb4;
CREATE DATABASE `mysql_import ``odd'"`;
USE mysql_import;
CREATE TABLE people (id int PRIMARY KEY COMMENT 'the number', `Full Name` varchar(50) NOT NULL COMMENT 'it''s a name: \\ "é"', born date) COMMENT 'who''s who';
CREATE TABLE `Mixed Case` (`Id` int, part int, `order` text, PRIMARY KEY (`Id`, part));
CREATE TABLE other (a int NOT NULL, doubled int AS (a * 2) STORED, d datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, t time);
CREATE VIEW both_tables AS SELECT p.id, m.part FROM people p JOIN `Mixed Case` m ON m.`Id` = p.id;
INSERT INTO people VALUES (1, 'Zoë', '2000-01-01');
INSERT INTO `Mixed Case` VALUES (1, 2, 'x');
CREATE TABLE `mysql_import ``odd'"`.`ta``ble'"` (`co``l'"umn;--` int);
INSERT INTO `mysql_import ``odd'"`.`ta``ble'"` VALUES (7);
$mysql$ \g (format=unaligned tuples_only=on) | mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER"

CREATE EXTENSION fdw_mysql;
CREATE SERVER mysql_import FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port');
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_import OPTIONS (username :'mysql_user', password :'mysql_password');
CREATE SCHEMA mysql_import;
SET search_path = mysql_import, public;

IMPORT FOREIGN SCHEMA mysql_import_absent FROM SERVER mysql_import INTO mysql_import; -- ERROR
IMPORT FOREIGN SCHEMA mysql_import FROM SERVER mysql_import INTO mysql_import OPTIONS (import_default 'true'); -- ERROR
IMPORT FOREIGN SCHEMA mysql_import FROM SERVER mysql_import INTO mysql_import OPTIONS (import_not_null 'perhaps'); -- ERROR

-- what it makes
IMPORT FOREIGN SCHEMA mysql_import FROM SERVER mysql_import INTO mysql_import;
\d mysql_import.*
SELECT * FROM people;
SELECT * FROM "Mixed Case";
SELECT * FROM both_tables;
DROP FOREIGN TABLE people, "Mixed Case", other, both_tables;

-- choices
IMPORT FOREIGN SCHEMA mysql_import LIMIT TO (people, "Mixed Case") FROM SERVER mysql_import INTO mysql_import OPTIONS (import_not_null 'false');
\d people
SELECT relname FROM pg_class WHERE relnamespace = 'mysql_import'::regnamespace ORDER BY relname COLLATE "C";
DROP FOREIGN TABLE people, "Mixed Case";
IMPORT FOREIGN SCHEMA mysql_import EXCEPT (people, "Mixed Case", both_tables) FROM SERVER mysql_import INTO mysql_import
  OPTIONS (import_generated 'false', import_time 'interval', import_enum_as_text 'true');
\d other
DROP FOREIGN TABLE other;

-- names
IMPORT FOREIGN SCHEMA "mysql_import `odd'""" FROM SERVER mysql_import INTO mysql_import;
SELECT * FROM "ta`ble'""";
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM "ta`ble'""" WHERE "co`l'""umn;--" = 7;
SELECT * FROM "ta`ble'""" WHERE "co`l'""umn;--" = 7;
DROP FOREIGN TABLE "ta`ble'""";
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" mysql_import --execute="CREATE TABLE $(printf 'n%.0s' $(seq 64)) (a int)"
IMPORT FOREIGN SCHEMA mysql_import FROM SERVER mysql_import INTO mysql_import; -- ERROR
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" mysql_import --execute="DROP TABLE $(printf 'n%.0s' $(seq 64))"
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" mysql_import --execute="CREATE TABLE columns (a int, \`é$(printf 'c%.0s' $(seq 63))\` int)"
IMPORT FOREIGN SCHEMA mysql_import FROM SERVER mysql_import INTO mysql_import; -- ERROR
IMPORT FOREIGN SCHEMA mysql_import EXCEPT (columns) FROM SERVER mysql_import INTO mysql_import;

-- comments
SELECT fdw_mysql_import_comments('absent', 'mysql_import'); -- ERROR
SELECT fdw_mysql_import_comments('mysql_import', 'absent'); -- ERROR
SELECT fdw_mysql_import_comments('mysql_import', 'mysql_import');
SELECT c.relname, a.attname, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 WHERE c.relnamespace = 'mysql_import'::regnamespace ORDER BY d.objsubid;

-- nothing of this is written to
INSERT INTO people VALUES (2, 'x', NULL); -- ERROR
UPDATE people SET born = NULL; -- ERROR
DELETE FROM people; -- ERROR
TRUNCATE people; -- ERROR

DROP SCHEMA mysql_import CASCADE;
DROP EXTENSION fdw_mysql CASCADE;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="DROP DATABASE mysql_import; DROP DATABASE \`mysql_import \`\`odd'\"\`"
