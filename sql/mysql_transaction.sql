-- One snapshot for a transaction; errors, savepoints and changed definitions in between.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
SET client_min_messages = warning;

SELECT $mysql$
DROP DATABASE IF EXISTS mysql_transaction;
CREATE DATABASE mysql_transaction;
USE mysql_transaction;
CREATE TABLE t (id int PRIMARY KEY, v varchar(20));
INSERT INTO t SELECT seq, concat('v', seq) FROM seq_1_to_10000;
CREATE TABLE u (id int PRIMARY KEY);
INSERT INTO u VALUES (1);
CREATE OR REPLACE USER mysql_transaction@'%' IDENTIFIED BY 'secret word', mysql_transaction@localhost IDENTIFIED BY 'secret word';
GRANT SELECT ON mysql_transaction.* TO mysql_transaction@'%', mysql_transaction@localhost;
$mysql$ \g (format=unaligned tuples_only=on) | mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER"

CREATE EXTENSION fdw_mysql;
CREATE SERVER mysql_transaction FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'mysql_transaction');
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_transaction OPTIONS (username 'mysql_transaction', password 'secret word');
CREATE SCHEMA mysql_transaction;
SET search_path = mysql_transaction, public;
CREATE FOREIGN TABLE t (id int OPTIONS (key 'true'), v text) SERVER mysql_transaction;
CREATE FOREIGN TABLE wrong (id int, v int) SERVER mysql_transaction OPTIONS (table_name 't');
CREATE FOREIGN TABLE u (id int) SERVER mysql_transaction;
CREATE FOREIGN TABLE settings (name text OPTIONS (column_name 'VARIABLE_NAME'), value text OPTIONS (column_name 'VARIABLE_VALUE'))
  SERVER mysql_transaction OPTIONS (dbname 'information_schema', table_name 'SESSION_VARIABLES');

SELECT v FROM wrong; -- ERROR
-- the session is pinned
SELECT * FROM settings WHERE lower(name) IN ('time_zone', 'sql_mode', 'character_set_client', 'tx_isolation', 'tx_read_only', 'sql_select_limit')
ORDER BY name COLLATE "C";

-- a snapshot, over tables and over time
BEGIN;
SELECT count(*) FROM t;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" mysql_transaction --execute="DELETE FROM t WHERE id > 9000; INSERT INTO u VALUES (2)"
SELECT count(*) FROM t;
SELECT count(*) FROM u;
COMMIT;
SELECT count(*) FROM t;
SELECT count(*) FROM u;

-- it survives savepoints, caught errors and scans that were given up
BEGIN;
DECLARE kept CURSOR FOR SELECT id FROM t ORDER BY id;
FETCH 1 FROM kept;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" mysql_transaction --execute="INSERT INTO u VALUES (3)"
SAVEPOINT a;
SELECT 1 / (id - 1) FROM t; -- ERROR
ROLLBACK TO a;
FETCH 1 FROM kept;
DECLARE lost CURSOR FOR SELECT id FROM t ORDER BY id;
FETCH 2 FROM lost;
SAVEPOINT b;
SELECT v FROM wrong; -- ERROR
ROLLBACK TO b;
FETCH 1 FROM lost;
ROLLBACK TO a;
FETCH 1 FROM kept;
SAVEPOINT c;
DECLARE merged CURSOR FOR SELECT id FROM t ORDER BY id DESC;
FETCH 1 FROM merged;
RELEASE c;
FETCH 1 FROM merged;
SAVEPOINT d;
FETCH 1 FROM kept;
ROLLBACK TO d;
FETCH 1 FROM kept;
SELECT count(*) FROM u;
COMMIT;
SELECT count(*) FROM u;

-- a caught error in a loop, with results half read
DO $$
DECLARE c refcursor; r record; n int := 0;
BEGIN
  FOR i IN 1 .. 100 LOOP
    BEGIN
      OPEN c FOR SELECT * FROM t;
      FETCH c INTO r;
      PERFORM v FROM wrong;
    EXCEPTION WHEN invalid_text_representation THEN n := n + 1;
    END;
  END LOOP;
  ASSERT n = 100;
  PERFORM FROM u WHERE id = 3;
  ASSERT FOUND;
END $$;

-- a statement that runs too long ends here and there
SET statement_timeout = '200ms';
SELECT count(*) FROM t a, t b, t c WHERE a.v < b.v AND b.v < c.v; -- ERROR
RESET statement_timeout;
SELECT count(*) FROM u;

-- changed definitions: at once between transactions, afterwards within one
ALTER USER MAPPING FOR CURRENT_USER SERVER mysql_transaction OPTIONS (SET password 'not the password');
DO $$
BEGIN
  PERFORM FROM u;
EXCEPTION WHEN invalid_authorization_specification THEN
  RAISE WARNING 'refused, and the password is %', CASE WHEN SQLERRM LIKE '%not the%' THEN 'shown' ELSE 'not shown' END;
END $$;
ALTER USER MAPPING FOR CURRENT_USER SERVER mysql_transaction OPTIONS (SET password 'secret word');
BEGIN;
SELECT count(*) FROM u;
ALTER SERVER mysql_transaction OPTIONS (SET port '1');
SELECT count(*) FROM u;
COMMIT;
SELECT * FROM u; -- ERROR
ALTER SERVER mysql_transaction OPTIONS (SET port :'mysql_port');
SELECT count(*) FROM u;

-- an idle connection that the server closed is opened again, without a word
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="KILL HARD USER mysql_transaction"
SELECT count(*) FROM u;
-- one that is lost within a transaction takes the snapshot with it
BEGIN;
SELECT count(*) FROM u;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="KILL HARD USER mysql_transaction"
SAVEPOINT a;
DO $$
BEGIN
  PERFORM FROM u;
EXCEPTION WHEN connection_failure THEN RAISE WARNING 'the connection is gone';
END $$;
SELECT count(*) FROM u; -- ERROR
ROLLBACK TO a;
SELECT count(*) FROM u; -- ERROR
ROLLBACK;
SELECT count(*) FROM u;

DROP SCHEMA mysql_transaction CASCADE;
DROP EXTENSION fdw_mysql CASCADE;
\! mariadb --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --execute="DROP DATABASE mysql_transaction; DROP USER mysql_transaction@'%', mysql_transaction@localhost"
