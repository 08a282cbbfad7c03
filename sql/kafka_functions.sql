-- The functions over servers and topics, and who may call them.
\getenv brokers KAFKA_BROKERS
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-functions
SELECT length(fdw_kafka_cluster_id('kafka')) > 10 AS has_id;
-- topics
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-functions', 3, 1, '{cleanup.policy=compact,retention.ms=-1,max.message.bytes=2000000}');
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-functions');
SELECT fdw_kafka_create_topic('kafka', 'test/kafka');  -- ERROR
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-none', 0);  -- ERROR
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-none', 1, 99);  -- ERROR
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-none', 1, 1, '{cleanup.policy}');  -- ERROR
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-none', 1, 1, '{cleanup.policy=burn}');  -- ERROR
SELECT fdw_kafka_topic_config('kafka', 'test-kafka-functions', 'cleanup.policy'), fdw_kafka_topic_config('kafka', 'test-kafka-functions', 'max.message.bytes'),
    fdw_kafka_topic_config('kafka', 'test-kafka-functions', 'no.such') IS NULL AS no_such;
SELECT fdw_kafka_topic_config('kafka', 'test-kafka-none', 'cleanup.policy');  -- ERROR
-- watermarks and lag
\! printf '0\t1\t=a\t=1\n0\t1\t=b\t=2\n2\t1\t=c\t=3\n' | $KAFKA_TOOL produce test-kafka-functions >/dev/null
CREATE FOREIGN TABLE t (line text) SERVER kafka OPTIONS (topic 'test-kafka-functions', format 'text');
SELECT * FROM fdw_kafka_watermarks('t');
SELECT * FROM fdw_kafka_watermarks('kafka', 'test-kafka-functions');
SELECT * FROM fdw_kafka_lag('t', '{0,1}', '{1,0}');
SELECT * FROM fdw_kafka_lag('t', '{}', '{}');
SELECT * FROM fdw_kafka_lag('t', '{0}', '{1,2}');  -- ERROR
SELECT * FROM fdw_kafka_lag('t', '{0}', '{NULL}');  -- ERROR
SELECT * FROM fdw_kafka_watermarks('pg_class');  -- ERROR
SELECT * FROM fdw_kafka_watermarks('kafka', 'test-kafka-none');  -- ERROR
SELECT * FROM fdw_kafka_watermarks('nobody', 'test-kafka-functions');  -- ERROR
-- a server of another wrapper
CREATE FOREIGN DATA WRAPPER kafka_functions_other;
CREATE SERVER other FOREIGN DATA WRAPPER kafka_functions_other;
SELECT fdw_kafka_cluster_id('other');  -- ERROR
DROP FOREIGN DATA WRAPPER kafka_functions_other CASCADE;
-- Nobody may call them but who was told so, and may use the server, and read the table.
CREATE ROLE kafka_functions_user;
SET ROLE kafka_functions_user;
SELECT fdw_kafka_cluster_id('kafka');  -- ERROR
RESET ROLE;
GRANT EXECUTE ON FUNCTION fdw_kafka_cluster_id, fdw_kafka_watermarks(regclass), fdw_kafka_lag TO kafka_functions_user;
SET ROLE kafka_functions_user;
SELECT fdw_kafka_cluster_id('kafka');  -- ERROR
SELECT * FROM fdw_kafka_watermarks('t');  -- ERROR
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER kafka TO kafka_functions_user;
GRANT SELECT ON t TO kafka_functions_user;
SET ROLE kafka_functions_user;
\set VERBOSITY sqlstate
SELECT * FROM fdw_kafka_watermarks('t');  -- ERROR: no user mapping, in the words of the release
\set VERBOSITY default
RESET ROLE;
CREATE USER MAPPING FOR PUBLIC SERVER kafka;
SET ROLE kafka_functions_user;
SELECT * FROM fdw_kafka_watermarks('t');
SELECT sum(lag) FROM fdw_kafka_lag('t', '{}', '{}');
RESET ROLE;
-- Every function has its volatility and its comment.
SELECT p.oid::regprocedure, provolatile, proparallel FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'fdw_kafka' WHERE obj_description(p.oid, 'pg_proc') IS NULL OR proconfig IS NULL;

\! $KAFKA_TOOL delete test-kafka-functions
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
DROP OWNED BY kafka_functions_user;
DROP ROLE kafka_functions_user;
