-- Scans: what a topic holds between its watermarks, as rows; metadata; tombstones; several scans at once.
\getenv brokers KAFKA_BROKERS
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-scan
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-scan', 3, 1, '{retention.ms=-1}');

CREATE FOREIGN TABLE scan (topic text OPTIONS (metadata 'topic'), "partition" int OPTIONS (metadata 'partition'), "offset" bigint OPTIONS (metadata 'offset'),
    "timestamp" timestamptz OPTIONS (metadata 'timestamp'), kind text OPTIONS (metadata 'timestamp_type'), key text OPTIONS (metadata 'key'),
    headers jsonb OPTIONS (metadata 'headers'), value bytea OPTIONS (metadata 'value'), error text OPTIONS (metadata 'error'))
    SERVER kafka OPTIONS (topic 'test-kafka-scan', format 'raw');
-- An empty topic has partitions and no rows.
SELECT * FROM scan;
SELECT * FROM fdw_kafka_watermarks('scan');
\! printf '0\t1700000000000\t=a\t=one\t=h1\t=x\t=h2\t-\t=h1\t=y\n0\t1700000001500\t=b\t-\n2\t1700000000001\t-\t=\n2\t1700000000002\t=\t=four\t=bin\tff00\n' | $KAFKA_TOOL produce test-kafka-scan >/dev/null
\x on
SELECT * FROM scan ORDER BY "partition", "offset";
\x off
SELECT key IS NULL AS no_key, length(key), value IS NULL AS tombstone, length(value) FROM scan ORDER BY "partition", "offset";
SELECT count(*), count(value) FROM scan;
SELECT * FROM fdw_kafka_watermarks('kafka', 'test-kafka-scan');

-- A scan sees what was there when it began; the next one sees more.
BEGIN;
DECLARE c CURSOR FOR SELECT convert_from(value, 'UTF8') FROM scan WHERE "partition" = 0;
FETCH 1 FROM c;
\! printf '0\t1700000009000\t=c\t=late\n' | $KAFKA_TOOL produce test-kafka-scan >/dev/null
FETCH ALL FROM c;
SELECT count(*) FROM scan WHERE "partition" = 0;
COMMIT;

-- Two scans of a topic at a time: a join of it with itself, cursors that take turns.
SELECT a."offset", b."offset" FROM scan a JOIN scan b USING ("partition", "offset") WHERE "partition" = 0 ORDER BY 1;
BEGIN;
DECLARE d CURSOR FOR SELECT "offset" FROM scan WHERE "partition" = 2;
DECLARE e CURSOR FOR SELECT "offset" FROM scan WHERE "partition" = 2;
FETCH 1 FROM d;
FETCH 1 FROM e;
FETCH 1 FROM d;
FETCH 1 FROM e;
FETCH 1 FROM d;
COMMIT;
-- One that is given up, in a subtransaction too.
SELECT count(*) FROM (SELECT * FROM scan LIMIT 1) s;
DO $$
BEGIN
    FOR i IN 1 .. 20 LOOP
        BEGIN
            PERFORM 1 / ("offset" - 1) FROM scan WHERE "partition" = 0;
        EXCEPTION WHEN division_by_zero THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT count(*) FROM scan;

-- Larger: every record once, whatever the budget.
\! $KAFKA_TOOL -X compression.type=lz4 flood test-kafka-scan 20000 1700010000 3600 20 1
SELECT count(*), count(DISTINCT ("partition", "offset")), sum(length(value)) > 10000000 AS big FROM scan;
ALTER FOREIGN TABLE scan OPTIONS (ADD fetch_budget '16MB');
SELECT count(*), count(DISTINCT ("partition", "offset")) FROM scan;
-- The foreign table against a local copy of it.
CREATE TEMP TABLE copy AS SELECT * FROM scan;
SELECT count(*) FROM ((TABLE scan EXCEPT ALL TABLE copy) UNION ALL (TABLE copy EXCEPT ALL TABLE scan)) difference;
SELECT count(*) FROM ((SELECT "offset", value FROM scan WHERE "partition" = 1 AND "offset" BETWEEN 100 AND 5000)
    EXCEPT (SELECT "offset", value FROM copy WHERE "partition" = 1 AND "offset" BETWEEN 100 AND 5000)) difference;

-- ANALYZE; estimates then come from it.
ANALYZE scan;
SELECT reltuples FROM pg_class WHERE oid = 'scan'::regclass;
SELECT n_distinct FROM pg_stats WHERE tablename = 'scan' AND attname = 'partition';
ALTER FOREIGN TABLE scan OPTIONS (ADD use_remote_estimate 'true');
SELECT count(*) FROM scan;

-- A longer record than is fetched at once.
\! $KAFKA_TOOL delete test-kafka-long
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-long', 1, 1, '{max.message.bytes=12000000}');
\! (printf -- '-1\t-1\t=k\t='; head -c 10000000 /dev/zero | tr '\0' x; printf '\n-1\t-1\t=k\t=short\n') | $KAFKA_TOOL -X message.max.bytes=12000000 produce test-kafka-long >/dev/null
CREATE FOREIGN TABLE long (line text) SERVER kafka OPTIONS (topic 'test-kafka-long', format 'text');
SELECT length(line), left(line, 5) FROM long;

-- What the server says changes for the next statement.
ALTER SERVER kafka OPTIONS (SET brokers '127.0.0.1:1', ADD connect_timeout '1s');
\set VERBOSITY sqlstate
SELECT count(*) FROM scan;  -- ERROR
\set VERBOSITY default
ALTER SERVER kafka OPTIONS (SET brokers :'brokers');
SELECT count(*) FROM scan WHERE "partition" = 0 AND "offset" < 3;

\! $KAFKA_TOOL delete test-kafka-scan
\! $KAFKA_TOOL delete test-kafka-long
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
