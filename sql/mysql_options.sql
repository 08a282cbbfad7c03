-- Options: what is refused, what is accepted, and that the documentation lists them.
SET client_min_messages = warning;
CREATE EXTENSION fdw_mysql;
CREATE FOREIGN DATA WRAPPER other HANDLER fdw_mysql_handler VALIDATOR fdw_mysql_validator OPTIONS (host 'x'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (hst 'x'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (username 'x'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (password 'x'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (port '0'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (port '65536'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (port 'http'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (ssl_mode 'verify-full'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (connect_timeout '0'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (connect_timeout '2h'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (read_timeout '-1'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (zero_date 'ignore'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (pushdown 'maybe'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (init_command 'SET x = 1'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (mysql_default_file '/etc/my.cnf'); -- ERROR
CREATE SERVER bad FOREIGN DATA WRAPPER fdw_mysql OPTIONS (table_name 't'); -- ERROR
CREATE SERVER mysql_options FOREIGN DATA WRAPPER fdw_mysql;
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_options OPTIONS (user 'x'); -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_options OPTIONS (host 'x'); -- ERROR
CREATE FOREIGN TABLE bad (a int) SERVER mysql_options OPTIONS (tablename 't'); -- ERROR
CREATE FOREIGN TABLE bad (a int) SERVER mysql_options OPTIONS (key 'true'); -- ERROR
CREATE FOREIGN TABLE bad (a int OPTIONS (key 'primary')) SERVER mysql_options; -- ERROR
CREATE FOREIGN TABLE bad (a int OPTIONS (colum_name 'b')) SERVER mysql_options; -- ERROR
IMPORT FOREIGN SCHEMA s FROM SERVER mysql_options INTO public OPTIONS (import_nul 'true'); -- ERROR
CREATE FOREIGN TABLE nowhere (a int) SERVER mysql_options;
SELECT * FROM nowhere; -- ERROR
ALTER SERVER mysql_options OPTIONS (ADD dbname 'd');
\set VERBOSITY sqlstate
SELECT * FROM nowhere; -- ERROR: no user mapping, in words that differ by release
\set VERBOSITY default

CREATE USER MAPPING FOR CURRENT_USER SERVER mysql_options;
ALTER SERVER mysql_options OPTIONS (ADD ssl_mode 'verify_ca');
SELECT * FROM nowhere; -- ERROR

-- files of the server's are not for everybody
CREATE ROLE mysql_options_user;
GRANT USAGE ON FOREIGN DATA WRAPPER fdw_mysql TO mysql_options_user;
SET ROLE mysql_options_user;
CREATE SERVER mine FOREIGN DATA WRAPPER fdw_mysql OPTIONS (ssl_key '/etc/passwd'); -- ERROR
CREATE SERVER mine FOREIGN DATA WRAPPER fdw_mysql OPTIONS (dbname 'd');
CREATE USER MAPPING FOR CURRENT_USER SERVER mine OPTIONS (username 'root');
RESET ROLE;
GRANT CREATE ON SCHEMA public TO mysql_options_user;
SET ROLE mysql_options_user;
CREATE FOREIGN TABLE without_password (a int) SERVER mine;
SELECT * FROM without_password; -- ERROR
SELECT fdw_mysql_import_comments('mine', 'public'); -- ERROR
RESET ROLE;
DROP OWNED BY mysql_options_user;
DROP ROLE mysql_options_user;

-- what users of mysql_fdw bring along
CREATE SERVER switched FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host 'db', port '3306', secure_auth 'true', fetch_size '1000', reconnect 'true',
  character_set 'utf8', sql_mode 'ANSI_QUOTES', truncatable 'true', use_remote_estimate 'true');
ALTER SERVER switched OPTIONS (ADD connect_timeout '500ms', ADD read_timeout '0', ADD ssl_mode 'VERIFY_IDENTITY', ADD zero_date 'null');
DROP SERVER switched;

SELECT name, places, type, default_value FROM fdw_mysql_options();
DROP EXTENSION fdw_mysql CASCADE;
