-- When messages are sent, and what an abort leaves: DESIGN.md's promises about producing, one by one.
\getenv brokers KAFKA_BROKERS
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka_transaction FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka_transaction;
-- topics of this run
SELECT 'kafka_transaction_' || substr(md5(random()::text), 1, 10) AS plain \gset
\set whole :plain '_whole'
SELECT fdw_kafka_create_topic('kafka_transaction', :'plain', 2), fdw_kafka_create_topic('kafka_transaction', :'whole', 2);
CREATE FOREIGN TABLE plain (key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value'))
    SERVER kafka_transaction OPTIONS (topic :'plain', format 'raw');
CREATE FOREIGN TABLE whole (key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value'))
    SERVER kafka_transaction OPTIONS (topic :'whole', format 'raw', transactional 'true');
CREATE FOREIGN TABLE whole_dirty (key text OPTIONS (metadata 'key'), value text OPTIONS (metadata 'value'))
    SERVER kafka_transaction OPTIONS (topic :'whole', format 'raw', isolation 'read_uncommitted');
-- what is there under a key; "seen" by who reads committed messages only, "written" by who reads all
CREATE FUNCTION stands(wanted text) RETURNS TABLE (plain text, seen text, written text) LANGUAGE sql AS $$
    SELECT (SELECT string_agg(value, ' ') FROM plain WHERE key = wanted), (SELECT string_agg(value, ' ') FROM whole WHERE key = wanted),
        (SELECT string_agg(value, ' ') FROM whole_dirty WHERE key = wanted) $$;
-- a commit of Kafka's is seen by readers a moment after it is done
CREATE FUNCTION settled() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..200 LOOP
        IF NOT EXISTS (SELECT FROM fdw_kafka_watermarks('whole') w JOIN fdw_kafka_watermarks('whole_dirty') d USING (partition) WHERE w.high <> d.high)
        THEN RETURN true; END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN false;
END $$;
CREATE FUNCTION finish() RETURNS TABLE (topic text, partitions bigint, messages numeric, offsets numeric) LANGUAGE sql AS $$
    SELECT regexp_replace(topic, '^kafka_transaction_[0-9a-f]+', 'topic'), count(*), sum(messages), sum(last_offset - first_offset + 1)
    FROM fdw_kafka_finish() GROUP BY 1 ORDER BY 1 $$;

-- nothing before commit, all of it after
BEGIN;
INSERT INTO plain VALUES ('a', '1'), ('a', '2');
INSERT INTO whole VALUES ('a', '1'), ('a', '2');
SELECT * FROM stands('a');
INSERT INTO plain VALUES ('a', '3');
COMMIT;
SELECT settled();
SELECT * FROM stands('a');

-- or before fdw_kafka_finish(), which tells what it sent; a transactional table stays unseen until commit
BEGIN;
INSERT INTO plain VALUES ('b', '1'), ('b', '2');
INSERT INTO whole VALUES ('b', '1'), ('b', '2');
SELECT * FROM finish();
SELECT * FROM finish();
SELECT * FROM stands('b');
INSERT INTO plain VALUES ('b', '3');
INSERT INTO whole VALUES ('b', '3');
SELECT * FROM finish();
COMMIT;
SELECT settled();
SELECT * FROM stands('b');
SELECT * FROM finish();

-- ROLLBACK sends nothing
BEGIN;
INSERT INTO plain VALUES ('c', '1');
INSERT INTO whole VALUES ('c', '1');
ROLLBACK;
BEGIN;
INSERT INTO plain VALUES ('c', '1');
INSERT INTO whole VALUES ('c', '1');
SELECT 1 / 0; -- ERROR
COMMIT;
INSERT INTO plain SELECT 'c', (1 / (3 - i))::text FROM generate_series(1, 3) i; -- ERROR
SELECT settled();
SELECT * FROM stands('c');

-- after fdw_kafka_finish() a plain table's messages stay, a transactional one's do not
BEGIN;
INSERT INTO plain VALUES ('d', '1'), ('d', '2');
INSERT INTO whole VALUES ('d', '1'), ('d', '2');
SELECT * FROM finish();
ROLLBACK;
SELECT settled();
SELECT * FROM stands('d');
INSERT INTO whole VALUES ('d', 'next');
SELECT settled();
SELECT * FROM stands('d');

-- savepoints: what is rolled back is dropped, what is released stays, in order
BEGIN;
INSERT INTO plain VALUES ('e', '1');
SAVEPOINT a;
INSERT INTO plain VALUES ('e', '2');
INSERT INTO whole VALUES ('e', '2');
SAVEPOINT b;
INSERT INTO plain VALUES ('e', '3');
SAVEPOINT c;
INSERT INTO plain VALUES ('e', '4');
RELEASE c;
ROLLBACK TO b;
INSERT INTO plain VALUES ('e', '5');
RELEASE a;
SAVEPOINT d;
ROLLBACK TO d;
INSERT INTO plain VALUES ('e', '6');
INSERT INTO whole VALUES ('e', '6');
ROLLBACK TO d;
INSERT INTO plain VALUES ('e', '7');
INSERT INTO whole VALUES ('e', '7');
COMMIT;
SELECT settled();
SELECT * FROM stands('e');

-- the same by exceptions, a thousand times
DO $$
BEGIN
    FOR i IN 1..1000 LOOP
        BEGIN
            INSERT INTO plain VALUES ('f', i::text);
            IF i % 100 <> 0 THEN RAISE division_by_zero; END IF;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT settled();
SELECT * FROM stands('f');

-- a savepoint that was sent: the plain messages stay, the transactional ones from before it are sent once more
BEGIN;
INSERT INTO plain VALUES ('g', '1');
INSERT INTO whole VALUES ('g', '1');
SAVEPOINT a;
INSERT INTO plain VALUES ('g', '2');
INSERT INTO whole VALUES ('g', '2');
SELECT * FROM finish();
ROLLBACK TO a;
SELECT * FROM finish();
INSERT INTO plain VALUES ('g', '3');
INSERT INTO whole VALUES ('g', '3');
COMMIT;
SELECT settled();
SELECT plain, seen FROM stands('g');
BEGIN;
INSERT INTO whole VALUES ('h', '1');
SAVEPOINT a;
INSERT INTO whole VALUES ('h', '2');
SELECT * FROM finish();
ROLLBACK TO a;
COMMIT;
SELECT settled();
SELECT seen FROM stands('h');

-- PREPARE TRANSACTION is refused
BEGIN;
INSERT INTO plain VALUES ('i', '1');
PREPARE TRANSACTION 'kafka'; -- ERROR
BEGIN;
SAVEPOINT a;
INSERT INTO plain VALUES ('i', '2');
ROLLBACK TO a;
PREPARE TRANSACTION 'kafka';
ROLLBACK PREPARED 'kafka';
SELECT settled();
SELECT * FROM stands('i');

-- an ERROR at commit from elsewhere, before the messages are sent
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO child VALUES (1);
INSERT INTO plain VALUES ('j', '1');
INSERT INTO whole VALUES ('j', '1');
COMMIT; -- ERROR
SELECT settled();
SELECT * FROM stands('j');

-- a trigger that fires at commit can write, too
CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO plain VALUES ('k', NEW.id::text); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER announce AFTER INSERT ON parent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION announce();
INSERT INTO parent SELECT generate_series(1, 3);
SELECT settled();
SELECT * FROM stands('k');

-- a transaction sees its own messages when they are sent, not before; reading and writing go on side by side
BEGIN;
INSERT INTO plain VALUES ('l', '1');
SELECT * FROM stands('l');
SELECT * FROM finish();
INSERT INTO plain SELECT key, value || ' again' FROM plain WHERE key = 'l';
SELECT * FROM finish();
SELECT * FROM stands('l');
COMMIT;

-- one order for all tables over a topic
CREATE FOREIGN TABLE other (key text OPTIONS (metadata 'key'), word text) SERVER kafka_transaction OPTIONS (topic :'plain', format 'csv');
BEGIN;
INSERT INTO plain VALUES ('m', '1');
INSERT INTO other VALUES ('m', '2');
INSERT INTO plain VALUES ('m', '3');
COMMIT;
SELECT settled();
SELECT * FROM stands('m');

-- a server or user mapping that changes, in the middle and between two transactions
BEGIN;
INSERT INTO plain VALUES ('n', '1');
ALTER SERVER kafka_transaction OPTIONS (ADD send_timeout '30s');
INSERT INTO plain VALUES ('n', '2');
COMMIT;
ALTER SERVER kafka_transaction OPTIONS (SET send_timeout '20s');
INSERT INTO plain VALUES ('n', '3');
BEGIN;
INSERT INTO plain VALUES ('n', '4');
ALTER SERVER kafka_transaction OPTIONS (SET brokers '127.0.0.1:1');
COMMIT;
\set VERBOSITY sqlstate
SELECT count(*) FROM plain; -- ERROR
\set VERBOSITY default
ALTER SERVER kafka_transaction OPTIONS (SET brokers :'brokers');
SELECT settled();
SELECT * FROM stands('n');

-- many transactions, one after the other
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..100 LOOP
        INSERT INTO whole VALUES ('o', i::text);
        IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
END $$;
CALL work();
SELECT settled();
SELECT count(*), sum(value::int) FROM whole WHERE key = 'o';

-- rows enough to leave memory
BEGIN;
INSERT INTO plain SELECT 'p', i || repeat(' ', 200) FROM generate_series(1, 20000) i;
SAVEPOINT a;
INSERT INTO plain SELECT 'p', 'gone' FROM generate_series(1, 20000) i;
ROLLBACK TO a;
INSERT INTO plain VALUES ('p', '20001');
COMMIT;
SELECT count(*), sum(value::int), min(length(value)) FROM plain WHERE key = 'p';

DROP TABLE child, parent;
SET client_min_messages = warning;
DROP FUNCTION announce, stands, settled, finish;
DROP PROCEDURE work;
DROP SERVER kafka_transaction CASCADE;
DROP EXTENSION fdw_kafka;
