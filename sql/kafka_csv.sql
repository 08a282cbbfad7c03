-- Format csv: one record is one line, taken apart by COPY's own parser.
\getenv brokers KAFKA_BROKERS
SET datestyle = ISO;
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-csv
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-csv', 1, 1, '{retention.ms=-1}');
CREATE FOREIGN TABLE csv (id int, "offset" bigint OPTIONS (metadata 'offset'), name text, total numeric)
    SERVER kafka OPTIONS (topic 'test-kafka-csv', format 'csv');
\! printf '0\t1\t-\t=1,one,1.50\n0\t1\t-\t=2,"t,""w""o",\n0\t1\t-\t=3,"",0\n0\t1\t-\t-\n0\t1\t-\t352c22610a62222c350a\n0\t1\t-\t=6,,6\n' | $KAFKA_TOOL produce test-kafka-csv >/dev/null
SELECT *, name IS NULL AS no_name FROM csv;
SELECT sum(total) FROM csv;
SELECT count(*) FROM csv;
-- What is not one line, or not of these columns; the next record is none the worse for it.
\! printf '0\t1\t-\t=7,seven\n0\t1\t-\t=8,eight,8,8\n0\t1\t-\t=9,"nine,9\n0\t1\t-\t312c312c310a322c322c32\n0\t1\t-\t=\\.\n0\t1\t-\t=x,y,1\n0\t1\t-\t=\n0\t1\t-\t372cff2c37\n0\t1\t-\t=15,last,15\n' | $KAFKA_TOOL produce test-kafka-csv >/dev/null
SELECT id FROM csv WHERE "offset" = 6;  -- ERROR
SELECT id FROM csv WHERE "offset" = 7;  -- ERROR
SELECT id FROM csv WHERE "offset" = 8;  -- ERROR
SELECT id FROM csv WHERE "offset" = 9;  -- ERROR
SELECT id FROM csv WHERE "offset" = 10;  -- ERROR
SELECT id FROM csv WHERE "offset" = 11;  -- ERROR
SELECT id FROM csv WHERE "offset" = 12;  -- ERROR
SELECT id FROM csv WHERE "offset" = 13;  -- ERROR
SELECT id FROM csv WHERE "offset" = 14;
CREATE FOREIGN TABLE kept (id int, name text, total numeric, "offset" bigint OPTIONS (metadata 'offset'), error text OPTIONS (metadata 'error'))
    SERVER kafka OPTIONS (topic 'test-kafka-csv', format 'csv', on_error 'keep');
SELECT * FROM kept ORDER BY "offset";
-- A line of \. is a value like another, in every release; before another line it makes two.
\! printf '0\t1\t-\t=\\.\n0\t1\t-\t5c2e0d0a\n0\t1\t-\t5c2e0a78\n' | $KAFKA_TOOL produce test-kafka-csv >/dev/null
CREATE FOREIGN TABLE marker (line text, error text OPTIONS (metadata 'error'), "offset" bigint OPTIONS (metadata 'offset'))
    SERVER kafka OPTIONS (topic 'test-kafka-csv', format 'csv', on_error 'keep');
SELECT line, error FROM marker WHERE "offset" >= 15;
CREATE FOREIGN TABLE nulls (a text, "offset" bigint OPTIONS (metadata 'offset'))
    SERVER kafka OPTIONS (topic 'test-kafka-csv', format 'csv', null '\.');
SELECT a IS NULL FROM nulls WHERE "offset" = 15;
-- Options of COPY's.
\! $KAFKA_TOOL delete test-kafka-csv
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-csv', 1, 1, '{retention.ms=-1}');
\! printf '0\t1\t-\t313b27615c2762273b2d\n0\t1\t-\t323b272d273b2d\n' | $KAFKA_TOOL produce test-kafka-csv >/dev/null
CREATE FOREIGN TABLE other (id int, a text OPTIONS (force_null 'true'), b text OPTIONS (force_not_null 'true'))
    SERVER kafka OPTIONS (topic 'test-kafka-csv', format 'csv', delimiter ';', quote '''', escape '\', null '-');
SELECT *, a IS NULL FROM other;

\! $KAFKA_TOOL delete test-kafka-csv
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
