-- What the options of fdw_kafka refuse, and that nothing connects before it must.
CREATE EXTENSION fdw_kafka;
-- servers
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka;  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokrs 'h:9092');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers ' , ');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'user@h:9092');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', security_protocol 'tls');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', security_protocol 'sasl_plaintext');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', sasl_mechanism 'GSSAPI');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', certificate_file '/c.pem');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', fetch_budget '1MB');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', read_timeout 'soon');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', password 'hush');  -- ERROR
-- no setting of the library's
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', "enable.auto.commit" 'true');  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', "#debug" 'all');  -- ERROR
-- Nothing listens on port 1: whatever succeeds below did not connect.
CREATE SERVER s FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers '127.0.0.1:1', connect_timeout '2s');
-- user mappings
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'k');  -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (username 'k');  -- ERROR
-- tables
CREATE FOREIGN TABLE t (a int) SERVER s;  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 'a/b');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic '');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', format 'avro');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', on_error 'skip');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', isolation 'snapshot');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', compression 'bzip2');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', delimiter ';;');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', delimiter '"');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', null 'a,b');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', rows '0');  -- ERROR
CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (topic 't', brokers 'h:9092');  -- ERROR
-- columns
CREATE FOREIGN TABLE t (a int OPTIONS (metadata 'off')) SERVER s OPTIONS (topic 't');  -- ERROR
CREATE FOREIGN TABLE t (a text OPTIONS (metadata 'key', path 'a')) SERVER s OPTIONS (topic 't');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (path 'a..b')) SERVER s OPTIONS (topic 't');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (force_null 'maybe')) SERVER s OPTIONS (topic 't');  -- ERROR
CREATE FOREIGN TABLE t (a int OPTIONS (topic 't')) SERVER s OPTIONS (topic 't');  -- ERROR

-- EXPLAIN and PREPARE do not connect.
CREATE FOREIGN TABLE t (a int, b text, "partition" int OPTIONS (metadata 'partition'), "offset" bigint OPTIONS (metadata 'offset'))
    SERVER s OPTIONS (topic 't', rows '5000');
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM t WHERE b > 'x' AND "partition" = 1;
EXPLAIN SELECT * FROM t;
PREPARE p AS SELECT * FROM t WHERE "offset" = $1;
EXPLAIN (COSTS OFF) EXECUTE p(5);
-- Nor does what no record can satisfy.
CREATE USER MAPPING FOR CURRENT_USER SERVER s;
SELECT * FROM t WHERE "offset" < 5 AND "offset" > 5;
EXECUTE p(NULL);
-- What is not supported says so, also without connecting.
UPDATE t SET a = 1;  -- ERROR
DELETE FROM t;  -- ERROR
TRUNCATE t;  -- ERROR
INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING;  -- ERROR
-- nobody there
\set VERBOSITY sqlstate
SELECT * FROM t;  -- ERROR
SELECT * FROM fdw_kafka_watermarks('t');  -- ERROR
SELECT fdw_kafka_cluster_id('s');  -- ERROR
ANALYZE t;  -- ERROR
ALTER FOREIGN TABLE t OPTIONS (ADD use_remote_estimate 'true');
EXPLAIN SELECT * FROM t;  -- ERROR
-- no user mapping, settings that contradict each other, files that are not there
DROP USER MAPPING FOR CURRENT_USER SERVER s;
SELECT * FROM t;  -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s;
ALTER SERVER s OPTIONS (ADD security_protocol 'sasl_ssl');
SELECT * FROM t;  -- ERROR
ALTER SERVER s OPTIONS (SET security_protocol 'ssl', ADD ca_file '/nowhere/ca.pem');
SELECT * FROM t;  -- ERROR
\set VERBOSITY default
-- Columns that cannot hold what they are to tell, and tables that no format can be.
CREATE FOREIGN TABLE wrong (o int OPTIONS (metadata 'offset')) SERVER s OPTIONS (topic 't');
SELECT * FROM wrong;  -- ERROR
CREATE FOREIGN TABLE late (t date OPTIONS (metadata 'timestamp')) SERVER s OPTIONS (topic 't');
SELECT * FROM late;  -- ERROR
CREATE FOREIGN TABLE two (a text, b text) SERVER s OPTIONS (topic 't', format 'text');
SELECT * FROM two;  -- ERROR
CREATE FOREIGN TABLE bytes (a text) SERVER s OPTIONS (topic 't', format 'raw');
SELECT * FROM bytes;  -- ERROR
-- Only those who may read the server's files may name one; secrets show in no message.
CREATE ROLE kafka_options_user;
GRANT USAGE ON FOREIGN SERVER s TO kafka_options_user;
GRANT USAGE ON FOREIGN DATA WRAPPER fdw_kafka TO kafka_options_user;
SET ROLE kafka_options_user;
CREATE SERVER mine FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h:9092', ca_file '/etc/passwd');  -- ERROR
SELECT * FROM fdw_kafka_watermarks('s', 't');  -- ERROR
RESET ROLE;

-- The options, as docs/fdw_kafka.md lists them.
SELECT name, places, type, default_value FROM fdw_kafka_options() ORDER BY name;
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
DROP OWNED BY kafka_options_user;
DROP ROLE kafka_options_user;
