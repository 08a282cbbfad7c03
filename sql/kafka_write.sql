-- INSERT and COPY: what becomes of a row, in each format, and where it goes.
\getenv brokers KAFKA_BROKERS
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka_write FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka_write;
-- topics of this run
SELECT 'kafka_write_' || substr(md5(random()::text), 1, 10) AS run \gset
\set json :run '_json'
\set csv :run '_csv'
\set text :run '_text'
\set raw :run '_raw'
\set spread :run '_spread'
SELECT count(*) FROM unnest(ARRAY[:'json', :'csv', :'text', :'raw']) topic WHERE fdw_kafka_create_topic('kafka_write', topic);
SELECT fdw_kafka_create_topic('kafka_write', :'spread', 3);

-- what stands in Kafka, byte for byte
CREATE FOREIGN TABLE json_bytes (key bytea OPTIONS (metadata 'key'), value bytea OPTIONS (metadata 'value'))
    SERVER kafka_write OPTIONS (topic :'json', format 'raw');
CREATE FOREIGN TABLE csv_bytes (key bytea OPTIONS (metadata 'key'), value bytea OPTIONS (metadata 'value'))
    SERVER kafka_write OPTIONS (topic :'csv', format 'raw');
CREATE FOREIGN TABLE text_bytes (key bytea OPTIONS (metadata 'key'), value bytea OPTIONS (metadata 'value'))
    SERVER kafka_write OPTIONS (topic :'text', format 'raw');
CREATE FOREIGN TABLE raw_all (
    partition int OPTIONS (metadata 'partition'), "offset" bigint OPTIONS (metadata 'offset'),
    "timestamp" timestamptz OPTIONS (metadata 'timestamp'), key bytea OPTIONS (metadata 'key'),
    headers jsonb OPTIONS (metadata 'headers'), value bytea OPTIONS (metadata 'value'))
    SERVER kafka_write OPTIONS (topic :'raw', format 'raw');

-- json: columns under their names, or where their paths say; the same in any session
CREATE TYPE mood AS ENUM ('sunny', 'grey');
CREATE FOREIGN TABLE json (
    key text OPTIONS (metadata 'key'),
    temp numeric OPTIONS (path 'main.temp'), lon float8 OPTIONS (path 'coord.lon'), humidity int OPTIONS (path 'main.humidity'),
    city text, "a ""b" text OPTIONS (path '"x.y".z'), at timestamptz, day date, span interval, ok boolean, doc jsonb,
    words text[], mood mood, bytes bytea)
    SERVER kafka_write OPTIONS (topic :'json', format 'json');
SET timezone = 'Asia/Kolkata';
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -5;
INSERT INTO json VALUES
    ('London', 280.150, 0.1257, 81, E'a "quoted"\n\\line ä', 'z', '2024-02-29 23:59:59.123456+00', '2024-02-29', '1 day 02:03', true,
     '{"k": [1, null]}', '{a,NULL,"b c"}', 'grey', '\x00ff'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('', 'NaN', 'Infinity', -1, '', '', 'infinity', '0044-03-15 BC', '0', false, '"s"', '{}', 'sunny', '');
RESET timezone;
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
SELECT key, convert_from(value, 'UTF8') FROM json_bytes;
SELECT * FROM json WHERE key = 'London';

-- csv, as COPY writes it
CREATE FOREIGN TABLE csv (id int, word text, amount numeric) SERVER kafka_write
    OPTIONS (topic :'csv', format 'csv', delimiter ';', null '\N');
INSERT INTO csv VALUES (1, 'plain', 1.50), (2, 'semi;colon', NULL), (3, E'two\nlines', 0), (4, 'a "quote"', 1), (5, '\N', 2), (6, '', 3),
    (NULL, NULL, NULL);
SELECT convert_from(value, 'UTF8') FROM csv_bytes;
SELECT * FROM csv;

-- text: one column, NULL is a tombstone and '' is not
CREATE FOREIGN TABLE text (key text OPTIONS (metadata 'key'), line text) SERVER kafka_write OPTIONS (topic :'text', format 'text');
INSERT INTO text VALUES ('a', 'one'), ('a', NULL), ('a', ''), (NULL, 'two');
COPY text (line, key) FROM STDIN WITH (FORMAT csv);
"three, four",k
,k
""," "
\.
SELECT key, value, value IS NULL AS tombstone FROM text_bytes;

-- raw: all that a message has
INSERT INTO raw_all (key, value, headers, "timestamp") VALUES
    ('\x00', '\xdeadbeef', '{"trace": "1", "none": null, "empty": "", "twice": ["a", "b"], "number": 1.50, "object": {"a": 1}}',
     '2024-01-01 00:00:00.999999+00'),
    (NULL, NULL, '[{"b": "1"}, {"a": "2"}, {"b": "3"}]', '1970-01-01 00:00:00.001+00'),
    ('', '', '{}', '1999-12-31 23:59:59.9999+00'),
    ('k', 'v', NULL, NULL);
SELECT "offset", key, value, headers FROM raw_all ORDER BY "offset";
-- As many headers as fit into a record take no longer than they must.
INSERT INTO raw_all (key, headers) SELECT 'many', jsonb_object_agg('h' || i, CASE WHEN i % 2 = 0 THEN to_jsonb(i::text) ELSE '["a", "b"]' END) FROM generate_series(1, 40000) i;
SET statement_timeout = '10s';
SELECT count(*) AS headers, count(*) FILTER (WHERE jsonb_typeof(h.value) = 'array') AS arrays FROM raw_all r, jsonb_each(r.headers) h WHERE r.key = 'many';
RESET statement_timeout;
SELECT "offset", to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') FROM raw_all WHERE "offset" < 3 ORDER BY 1;
SELECT now() - "timestamp" < '1 hour' AS just_now FROM raw_all WHERE "offset" = 3;

-- RETURNING, DEFAULT, a query, a CTE, a view, a partition of a table
INSERT INTO raw_all (key, value) VALUES ('r', 'x') RETURNING key, value, partition, "offset";
ALTER FOREIGN TABLE csv ALTER id SET DEFAULT 7;
INSERT INTO csv (word) VALUES ('default');
WITH new AS (INSERT INTO csv VALUES (8, 'cte', 0) RETURNING *) SELECT * FROM new;
CREATE VIEW csv_view AS SELECT id, word FROM csv WHERE id > 5 WITH CASCADED CHECK OPTION;
INSERT INTO csv_view VALUES (9, 'view');
INSERT INTO csv_view VALUES (1, 'view'); -- ERROR
CREATE TABLE parted (id int, word text, amount numeric) PARTITION BY RANGE (id);
CREATE TABLE parted_local PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE FOREIGN TABLE parted_kafka PARTITION OF parted FOR VALUES FROM (10) TO (20) SERVER kafka_write
    OPTIONS (topic :'csv', format 'csv', delimiter ';', null '\N');
INSERT INTO parted VALUES (10, 'routed', 0), (5, 'stays', 0), (11, 'routed', 0);
COPY parted FROM STDIN;
12	copied	0
6	stays	0
\.
SELECT * FROM csv WHERE id > 6 OR id IS NULL;
SELECT * FROM parted_local;

-- a generated column is stored with the others; a trigger changes a row before it leaves
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.word := upper(NEW.word); RETURN NEW; END $$;
CREATE TRIGGER shout BEFORE INSERT ON csv FOR EACH ROW EXECUTE FUNCTION shout();
INSERT INTO csv VALUES (20, 'trigger', 1);
DROP TRIGGER shout ON csv;
CREATE FOREIGN TABLE doubled (n int, twice int GENERATED ALWAYS AS (n * 2) STORED) SERVER kafka_write
    OPTIONS (topic :'csv', format 'csv', delimiter ';');
INSERT INTO doubled VALUES (21);
SELECT convert_from(value, 'UTF8') FROM csv_bytes WHERE value LIKE '2%';

-- partitions: named, or by the key as Java's producers choose (the hashes are those of Kafka's own test)
CREATE FOREIGN TABLE spread (
    partition int OPTIONS (metadata 'partition'), key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value'))
    SERVER kafka_write OPTIONS (topic :'spread', format 'raw');
INSERT INTO spread SELECT p, 'named', i::text FROM generate_series(0, 2) p, generate_series(1, p + 1) i;
INSERT INTO spread (key, value) VALUES ('21', 'h'), ('foobar', 'h'), ('a-little-bit-long-string', 'h'),
    ('a-little-bit-longer-string', 'h'), ('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', 'h'), ('abc', 'h');
SELECT key, partition,
    (hash & 2147483647) % 3 AS in_java
FROM spread JOIN (VALUES ('21', -973932308), ('foobar', -790332482), ('a-little-bit-long-string', -985981536),
    ('a-little-bit-longer-string', -1486304829), ('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971),
    ('abc', 479470107)) java (key, hash) USING (key)
ORDER BY 1;
SELECT partition, count(*), string_agg(value, ',') FROM spread WHERE key = 'named' GROUP BY 1 ORDER BY 1;

-- the order of rows is the order of messages, whatever the compression; large values pass
CREATE FUNCTION send(compression text, many int, bytes int) RETURNS TABLE (sent numeric, partitions bigint) LANGUAGE plpgsql AS $$
DECLARE topic text := (SELECT split_part(o, '=', 2) FROM pg_foreign_table, unnest(ftoptions) o WHERE ftrelid = 'spread'::regclass AND o LIKE 'topic=%');
BEGIN
    EXECUTE format($q$CREATE FOREIGN TABLE packed (key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value'))
        SERVER kafka_write OPTIONS (topic %L, format 'raw', compression %L, max_message '2MB')$q$, topic, compression);
    INSERT INTO packed SELECT compression, i || repeat(' ', bytes - length(i::text)) FROM generate_series(1, many) i;
    DROP FOREIGN TABLE packed;
    RETURN QUERY SELECT sum(f.messages), count(*) FROM fdw_kafka_finish() f;
END $$;
SELECT * FROM send('none', 1000, 1000);
SELECT * FROM send('gzip', 1000, 1000);
SELECT * FROM send('snappy', 1000, 1000);
SELECT * FROM send('lz4', 1000, 1000);
SELECT * FROM send('zstd', 1000, 1000);
SELECT * FROM send('lz4', 3, 1500000);
CREATE FOREIGN TABLE sent ("offset" bigint OPTIONS (metadata 'offset'), key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value'))
    SERVER kafka_write OPTIONS (topic :'spread', format 'raw');
SELECT key, count(*), bool_and(in_order) AS in_order, max(length(value))
FROM (SELECT key, value, trim(value)::int = row_number() OVER (PARTITION BY key, length(value) ORDER BY "offset") AS in_order
      FROM sent WHERE key IN ('none', 'gzip', 'snappy', 'lz4', 'zstd')) s
GROUP BY 1 ORDER BY 1;

-- A topic made anew under its name, while connections know the one before: what is written and read is the new one's.
CREATE FOREIGN TABLE anew (line text, "offset" bigint OPTIONS (metadata 'offset')) SERVER kafka_write OPTIONS (topic 'test-kafka-anew', format 'text');
\! $KAFKA_TOOL delete test-kafka-anew
SELECT fdw_kafka_create_topic('kafka_write', 'test-kafka-anew', 1, 1, '{retention.ms=-1}');
INSERT INTO anew (line) VALUES ('round 1');
SELECT * FROM anew;
\! $KAFKA_TOOL delete test-kafka-anew
SELECT fdw_kafka_create_topic('kafka_write', 'test-kafka-anew', 1, 1, '{retention.ms=-1}');
INSERT INTO anew (line) VALUES ('round 2');
SELECT * FROM anew;
\! $KAFKA_TOOL delete test-kafka-anew
SELECT fdw_kafka_create_topic('kafka_write', 'test-kafka-anew', 1, 1, '{retention.ms=-1}');
INSERT INTO anew (line) VALUES ('round 3');
SELECT * FROM anew;
\! $KAFKA_TOOL delete test-kafka-anew
SELECT fdw_kafka_create_topic('kafka_write', 'test-kafka-anew', 1, 1, '{retention.ms=-1}');
INSERT INTO anew (line) VALUES ('round 4');
SELECT * FROM anew;
\! $KAFKA_TOOL delete test-kafka-anew
SELECT fdw_kafka_create_topic('kafka_write', 'test-kafka-anew', 1, 1, '{retention.ms=-1}');
INSERT INTO anew (line) VALUES ('round 5');
SELECT * FROM anew;
\! $KAFKA_TOOL delete test-kafka-anew

-- what EXPLAIN tells
CREATE FOREIGN TABLE fixed (v text) SERVER kafka_write OPTIONS (topic 'kafka_write', format 'text');
EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO fixed VALUES ('not sent');

DROP TABLE parted;
SET client_min_messages = warning;
DROP FUNCTION send, shout;
DROP TYPE mood CASCADE;
DROP SERVER kafka_write CASCADE;
DROP EXTENSION fdw_kafka;
