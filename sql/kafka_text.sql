-- Formats text, raw and csv: a record's value as a row.
\getenv brokers KAFKA_BROKERS
SET datestyle = ISO;
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-text
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-text', 1, 1, '{retention.ms=-1}');
-- text: one column, of any type
\! printf '0\t1\t=k\t=one\n0\t1\t-\t=\n0\t1\t-\t-\n0\t1\t-\t6c696e650a627265616b\n' | $KAFKA_TOOL produce test-kafka-text >/dev/null
CREATE FOREIGN TABLE line (line text, key text OPTIONS (metadata 'key')) SERVER kafka OPTIONS (topic 'test-kafka-text', format 'text');
SELECT line, line IS NULL AS tombstone, key FROM line;
CREATE FOREIGN TABLE number (n int, "offset" bigint OPTIONS (metadata 'offset')) SERVER kafka OPTIONS (topic 'test-kafka-text', format 'text');
SELECT * FROM number;  -- ERROR
SELECT "offset" FROM number;
-- raw: bytes as they are; key and value of other types
CREATE FOREIGN TABLE bytes (b bytea, key bytea OPTIONS (metadata 'key')) SERVER kafka OPTIONS (topic 'test-kafka-text', format 'raw');
SELECT * FROM bytes;
\! printf '0\t1\t={"id": 7}\t={"a": [1]}\n0\t1\tff\tff00\n' | $KAFKA_TOOL produce test-kafka-text >/dev/null
CREATE FOREIGN TABLE typed (key jsonb OPTIONS (metadata 'key'), value json OPTIONS (metadata 'value'), "offset" bigint OPTIONS (metadata 'offset'))
    SERVER kafka OPTIONS (topic 'test-kafka-text', format 'raw');
SELECT key, value, value -> 'a' AS a FROM typed WHERE "offset" = 4;
SELECT key FROM typed WHERE "offset" = 5;  -- ERROR
SELECT value FROM typed WHERE "offset" = 5;  -- ERROR
SELECT line FROM line;  -- ERROR
SELECT encode(b, 'hex') FROM bytes;
-- A domain may refuse what a tombstone is.
CREATE DOMAIN given AS text NOT NULL;
CREATE FOREIGN TABLE must (line given, "offset" bigint OPTIONS (metadata 'offset')) SERVER kafka OPTIONS (topic 'test-kafka-text', format 'text');
SELECT line FROM must WHERE "offset" = 2;  -- ERROR

\! $KAFKA_TOOL delete test-kafka-text
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
DROP DOMAIN given;
