-- IMPORT FOREIGN SCHEMA: a table for each topic.
\getenv brokers KAFKA_BROKERS
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! for t in test-kafka-import.one test-kafka-import-two __test-kafka-import; do $KAFKA_TOOL delete $t; $KAFKA_TOOL create $t 1; done
\! printf -- '-1\t-1\t=k\t={"a": 1}\t=h\t=v\n' | $KAFKA_TOOL produce test-kafka-import.one >/dev/null
CREATE SCHEMA topics;
IMPORT FOREIGN SCHEMA public FROM SERVER kafka INTO topics;  -- ERROR
IMPORT FOREIGN SCHEMA kafka FROM SERVER kafka INTO topics OPTIONS (formt 'raw');  -- ERROR
IMPORT FOREIGN SCHEMA kafka LIMIT TO ("test-kafka-import.one") FROM SERVER kafka INTO topics OPTIONS (format 'csv');  -- ERROR
IMPORT FOREIGN SCHEMA kafka LIMIT TO ("test-kafka-import.one", "test-kafka-import-two", "test-kafka-import-none") FROM SERVER kafka INTO topics;
SELECT foreign_table_name, attname, format_type(atttypid, atttypmod), attfdwoptions
    FROM information_schema.foreign_tables JOIN pg_attribute ON attrelid = format('topics.%I', foreign_table_name)::regclass AND attnum > 0
    WHERE foreign_table_schema = 'topics' ORDER BY foreign_table_name COLLATE "C", attnum;
SELECT foreign_table_name, option_name, option_value FROM information_schema.foreign_table_options WHERE foreign_table_schema = 'topics' ORDER BY foreign_table_name COLLATE "C", option_name;
SELECT "partition", "offset", key, value, headers FROM topics."test-kafka-import.one";
SET client_min_messages = warning;
DROP SCHEMA topics CASCADE;
CREATE SCHEMA topics;
IMPORT FOREIGN SCHEMA kafka EXCEPT ("test-kafka-import-two") FROM SERVER kafka INTO topics OPTIONS (format 'json');
SELECT count(*) FROM information_schema.foreign_tables WHERE foreign_table_name LIKE '%test-kafka-import%' OR foreign_table_name LIKE E'\\_\\_%';
SELECT value -> 'a' AS a FROM topics."test-kafka-import.one";
DROP SCHEMA topics CASCADE;
CREATE SCHEMA topics;
IMPORT FOREIGN SCHEMA kafka LIMIT TO ("test-kafka-import.one") FROM SERVER kafka INTO topics OPTIONS (format 'raw');
SELECT key, value FROM topics."test-kafka-import.one";
DROP SCHEMA topics CASCADE;
\! for t in test-kafka-import.one test-kafka-import-two __test-kafka-import; do $KAFKA_TOOL delete $t; done
DROP EXTENSION fdw_kafka CASCADE;
