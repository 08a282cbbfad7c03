-- on_error: a record that does not fit ends the query, or is a row that says so.
\getenv brokers KAFKA_BROKERS
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-error
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-error', 1, 1, '{retention.ms=-1}');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE FOREIGN TABLE kept (a int, d date, p positive, t text, "offset" bigint OPTIONS (metadata 'offset'), key text OPTIONS (metadata 'key'),
    error text OPTIONS (metadata 'error'))
    SERVER kafka OPTIONS (topic 'test-kafka-error', on_error 'keep');
\! printf '0\t1700000000000\t=good\t={"a": 1, "d": "2026-01-01", "p": 1, "t": "x"}\n0\t1\t=number\t={"a": "one", "t": "x"}\n0\t1\t=date\t={"a": 1, "d": "2026-02-30"}\n0\t1\t=domain\t={"a": 1, "p": -1}\n0\t1\t=json\t={"a": 1\n0\t1\t=scalar\t=5\n0\t1\t=empty\t=\n0\t1\t=tombstone\t-\n0\t1\t=utf8\t7b2274223a2022ff227d\n0\t1\t=nul\t={"t": "\\u0000"}\n0\t1\t=range\t={"a": 99999999999}\n0\t1\tff\t={"a": 7}\n0\t1\t=good\t={"a": 2}\n' | $KAFKA_TOOL produce test-kafka-error >/dev/null
\! (printf '0\t1\t=deep\t={"t": '; head -c 500000 /dev/zero | tr '\0' '['; printf '\n') | $KAFKA_TOOL produce test-kafka-error >/dev/null
\pset null NULL
SELECT * FROM kept;
-- The row is the same whatever a query asks for.
SELECT t FROM kept WHERE "offset" = 1;
SELECT count(error), count(*) FROM kept;
SELECT "offset" FROM kept WHERE error IS NULL;
-- Dead letters: the bytes beside the reason.
CREATE FOREIGN TABLE letter (a int, value bytea OPTIONS (metadata 'value'), error text OPTIONS (metadata 'error'), "offset" bigint OPTIONS (metadata 'offset'))
    SERVER kafka OPTIONS (topic 'test-kafka-error', on_error 'keep');
SELECT "offset", value, error FROM letter WHERE "offset" IN (1, 4, 7);
-- Without such a column bad rows are NULL; with stop they end the query.
ALTER FOREIGN TABLE kept DROP COLUMN error;
SELECT count(a) FROM kept;
ALTER FOREIGN TABLE kept OPTIONS (SET on_error 'stop');
SELECT count(a) FROM kept;  -- ERROR
-- An ERROR that is not the record's goes on being one.
ALTER FOREIGN TABLE kept OPTIONS (SET on_error 'keep');
CREATE FUNCTION broken(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM nobody(); RETURN true; END $$;
CREATE DOMAIN odd AS int CHECK (broken(VALUE));
CREATE FOREIGN TABLE fault (a odd) SERVER kafka OPTIONS (topic 'test-kafka-error', on_error 'keep');
SELECT count(a) FROM fault;  -- ERROR

-- A topic that is not there; one that goes, and comes again with less in it.
CREATE FOREIGN TABLE absent (a int) SERVER kafka OPTIONS (topic 'test-kafka-absent');
SELECT * FROM absent;  -- ERROR
SELECT * FROM fdw_kafka_watermarks('absent');  -- ERROR
SELECT "offset" FROM kept LIMIT 1;
\! $KAFKA_TOOL delete test-kafka-error
SELECT "offset" FROM kept;  -- ERROR
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-error', 1, 1, '{retention.ms=-1}');
SELECT "offset" FROM kept;
\! printf '0\t1\t-\t={"a": 8}\n0\t1\t-\t={"a": 9}\n0\t1\t-\t={"a": 10}\n' | $KAFKA_TOOL produce test-kafka-error >/dev/null
SELECT "offset", a FROM kept;
-- What retention took is no row.
\! $KAFKA_TOOL truncate test-kafka-error 0 1
SELECT "offset", a FROM kept;
SELECT "offset", a FROM kept WHERE "offset" < 2;
SELECT * FROM fdw_kafka_watermarks('kept');

-- Records that only an input function can judge need subtransactions, which do not go with parallel workers before 17.
CREATE TABLE large AS SELECT i FROM generate_series(1, 20000) i;
ANALYZE large;
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE FOREIGN TABLE judged (a positive, error text OPTIONS (metadata 'error')) SERVER kafka OPTIONS (topic 'test-kafka-error', on_error 'keep');
SELECT count(*), count(j.a), count(j.error) FROM judged j LEFT JOIN large l ON l.i = j.a;
SELECT count(*), count(j.a), count(j.error) FROM large l RIGHT JOIN judged j ON l.i = j.a;
SELECT count(*) FROM judged WHERE (SELECT count(*) FROM large) > 0;
SELECT count(*), count(j.error) FROM (SELECT count(*) AS n FROM large) l, judged j WHERE l.n > 0;
WITH l AS MATERIALIZED (SELECT count(*) AS n FROM large) SELECT count(*), count(j.error) FROM l, judged j WHERE l.n > 0;
DROP TABLE large;

\! $KAFKA_TOOL delete test-kafka-error
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
DROP DOMAIN positive, odd;
DROP FUNCTION broken;
