-- What cannot be written, and what an ERROR says.
\getenv brokers KAFKA_BROKERS
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka_write_error FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
-- without a user mapping: at the first row, not at commit
CREATE FOREIGN TABLE orphan (v text) SERVER kafka_write_error OPTIONS (topic 'kafka_write_error', format 'text');
BEGIN;
\set VERBOSITY sqlstate
INSERT INTO orphan VALUES ('x'); -- ERROR
\set VERBOSITY default
ROLLBACK;
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka_write_error;
-- topics of this run
SELECT 'kafka_write_error_' || substr(md5(random()::text), 1, 10) AS topic \gset
\set compacted :topic '_compacted'
SELECT fdw_kafka_create_topic('kafka_write_error', :'topic', 2, 1, ARRAY['max.message.bytes=20000']),
    fdw_kafka_create_topic('kafka_write_error', :'compacted', 1, 1, ARRAY['cleanup.policy=compact']);
-- run a statement and what it has spooled; the message without this run's name
CREATE FUNCTION said(statement text) RETURNS TABLE (code text, message text, detail text, hint text, context text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE statement;
        PERFORM * FROM fdw_kafka_finish();
        message := 'fine';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code := RETURNED_SQLSTATE, message := MESSAGE_TEXT, detail := PG_EXCEPTION_DETAIL,
            hint := PG_EXCEPTION_HINT, context := PG_EXCEPTION_CONTEXT;
    END;
    message := regexp_replace(message, '_[0-9a-f]{10}', '');
    detail := regexp_replace(detail, '_[0-9a-f]{10}', '');
    context := regexp_replace(split_part(context, E'\n', 1), '_[0-9a-f]{10}', '');
    context := CASE WHEN context NOT LIKE 'SQL statement%' THEN context END;
    RETURN NEXT;
END $$;
\x

-- columns that do not suit
CREATE FOREIGN TABLE two_columns (a text, b text) SERVER kafka_write_error OPTIONS (topic :'topic', format 'text');
SELECT * FROM said($$INSERT INTO two_columns VALUES ('a', 'b')$$);
CREATE FOREIGN TABLE no_column ("offset" bigint OPTIONS (metadata 'offset')) SERVER kafka_write_error OPTIONS (topic :'topic', format 'raw');
SELECT * FROM said($$INSERT INTO no_column VALUES (NULL)$$);
CREATE FOREIGN TABLE array_step (a text OPTIONS (path 'list.0.id')) SERVER kafka_write_error OPTIONS (topic :'topic', format 'json');
SELECT * FROM said($$INSERT INTO array_step VALUES ('a')$$);
CREATE FOREIGN TABLE same_path (a text OPTIONS (path 'a.b'), b text OPTIONS (path 'a.b')) SERVER kafka_write_error OPTIONS (topic :'topic', format 'json');
SELECT * FROM said($$INSERT INTO same_path VALUES ('a')$$);
CREATE FOREIGN TABLE through_path (a text OPTIONS (path 'a'), b text OPTIONS (path 'a.b')) SERVER kafka_write_error OPTIONS (topic :'topic', format 'json');
SELECT * FROM said($$INSERT INTO through_path VALUES ('a')$$);
CREATE FOREIGN TABLE two_keys (a bytea OPTIONS (metadata 'key'), b text OPTIONS (metadata 'key'), v text) SERVER kafka_write_error OPTIONS (topic :'topic', format 'text');
SELECT * FROM said($$INSERT INTO two_keys VALUES ('a')$$);

-- values that cannot be set
CREATE FOREIGN TABLE all_of (
    topic text OPTIONS (metadata 'topic'), partition bigint OPTIONS (metadata 'partition'), "offset" bigint OPTIONS (metadata 'offset'),
    "timestamp" timestamptz OPTIONS (metadata 'timestamp'), type text OPTIONS (metadata 'timestamp_type'), key text OPTIONS (metadata 'key'),
    headers jsonb OPTIONS (metadata 'headers'), value text OPTIONS (metadata 'value'), error text OPTIONS (metadata 'error'), a text)
    SERVER kafka_write_error OPTIONS (topic :'topic', format 'json');
SELECT * FROM said($$INSERT INTO all_of ("offset") VALUES (1)$$);
SELECT * FROM said($$INSERT INTO all_of (type) VALUES ('create')$$);
SELECT * FROM said($$INSERT INTO all_of (error) VALUES ('x')$$);
SELECT * FROM said($$INSERT INTO all_of (topic) VALUES ('elsewhere')$$);
SELECT * FROM said($$INSERT INTO all_of (value, a) VALUES ('{}', 'x')$$);
SELECT * FROM said($$INSERT INTO all_of (partition) VALUES (-1)$$);
SELECT * FROM said($$INSERT INTO all_of (partition) VALUES (2)$$);
SELECT * FROM said($$INSERT INTO all_of (partition) VALUES (3000000000)$$);
SELECT * FROM said($$INSERT INTO all_of ("timestamp") VALUES ('infinity')$$);
SELECT * FROM said($$INSERT INTO all_of ("timestamp") VALUES ('1969-12-31 23:59:59+00')$$);
SELECT * FROM said($$INSERT INTO all_of (headers) VALUES ('"text"')$$);
SELECT * FROM said($$INSERT INTO all_of (headers) VALUES ('[1]')$$);
SELECT * FROM said(format('INSERT INTO all_of (topic, value) VALUES (%L, ''{"a": 1}'')', :'topic'));

-- a topic that is not there, one that wants keys, messages that are too large
CREATE FOREIGN TABLE nowhere (key text OPTIONS (metadata 'key'), v text) SERVER kafka_write_error OPTIONS (topic 'kafka_write_error_absent', format 'text');
SELECT * FROM said($$INSERT INTO nowhere VALUES ('k', 'v')$$);
CREATE FOREIGN TABLE compacted (key text OPTIONS (metadata 'key'), v text) SERVER kafka_write_error OPTIONS (topic :'compacted', format 'text');
SELECT code, message, hint FROM said($$INSERT INTO compacted VALUES (NULL, 'v')$$);
CREATE FOREIGN TABLE small (key text OPTIONS (metadata 'key'), v text) SERVER kafka_write_error OPTIONS (topic :'topic', format 'text', max_message '10kB');
SELECT * FROM said($$INSERT INTO small VALUES ('k', 'fits'), ('k', repeat('x', 10240))$$);
CREATE FOREIGN TABLE large (key text OPTIONS (metadata 'key'), v text) SERVER kafka_write_error OPTIONS (topic :'topic', format 'text', compression 'none');
SELECT code, message, hint, detail ~ 'message 1 of the transaction, with a value of 30000 bytes' AS names_it FROM said($$INSERT INTO large VALUES ('k', repeat('x', 30000))$$);
-- small messages go to such a topic in batches that it takes
SELECT * FROM said($$INSERT INTO small SELECT 'k', repeat('x', 1000) FROM generate_series(1, 1000)$$);

-- an attempt that failed: its transaction cannot send again what may be there already
BEGIN;
INSERT INTO small VALUES ('before', 'x');
SAVEPOINT a;
INSERT INTO large VALUES ('k', repeat('x', 30000));
SAVEPOINT b;
\set VERBOSITY sqlstate
SELECT * FROM fdw_kafka_finish(); -- ERROR
ROLLBACK TO b;
\set VERBOSITY default
SELECT * FROM fdw_kafka_finish(); -- ERROR
ROLLBACK TO b;
COMMIT; -- ERROR

-- UPDATE, DELETE, TRUNCATE, ON CONFLICT
UPDATE small SET v = 'x'; -- ERROR
DELETE FROM small; -- ERROR
TRUNCATE small; -- ERROR
INSERT INTO small VALUES ('k', 'v') ON CONFLICT DO NOTHING; -- ERROR

-- rights, and a transaction that only reads
CREATE ROLE regress_kafka_writer;
GRANT INSERT ON small TO regress_kafka_writer;
SET ROLE regress_kafka_writer;
SELECT * FROM fdw_kafka_finish(); -- ERROR
\set VERBOSITY sqlstate
INSERT INTO small VALUES ('k', 'v'); -- ERROR
\set VERBOSITY default
RESET ROLE;
BEGIN READ ONLY;
INSERT INTO small VALUES ('k', 'v'); -- ERROR
ROLLBACK;
DROP OWNED BY regress_kafka_writer;
DROP ROLE regress_kafka_writer;

-- brokers that are not there: at commit, and nothing is left behind
CREATE SERVER kafka_write_dead FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers '127.0.0.1:1', connect_timeout '1s', send_timeout '1s');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka_write_dead;
CREATE FOREIGN TABLE dead (v text) SERVER kafka_write_dead OPTIONS (topic 'kafka_write_error', format 'text');
CREATE FOREIGN TABLE dead_whole (v text) SERVER kafka_write_dead OPTIONS (topic 'kafka_write_error', format 'text', transactional 'true');
CREATE TABLE local (v text);
\set VERBOSITY sqlstate
BEGIN;
INSERT INTO local VALUES ('x');
INSERT INTO dead VALUES ('x');
COMMIT; -- ERROR
BEGIN;
INSERT INTO local VALUES ('x');
INSERT INTO dead_whole VALUES ('x');
COMMIT; -- ERROR
\set VERBOSITY default
SELECT count(*) FROM local;
SELECT code, message, hint FROM said('INSERT INTO dead VALUES (''x'')');

\x
DROP TABLE local;
SET client_min_messages = warning;
DROP FUNCTION said;
DROP SERVER kafka_write_dead CASCADE;
DROP SERVER kafka_write_error CASCADE;
DROP EXTENSION fdw_kafka;
