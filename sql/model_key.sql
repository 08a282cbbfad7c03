--
-- Keys and names of models that go wrong, unique indexes of a user's own, and data intervals that fail and are made good.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE EXTENSION medallion CASCADE;
CREATE SCHEMA shop;
CREATE TABLE shop.item (id integer, code text, mail text, day date);
INSERT INTO shop.item VALUES (1, 'a', 'x@y', '2026-01-01'), (2, 'b', NULL, '2026-01-02');
SELECT medallion.create_pipeline('k');
SELECT medallion.create_layer('k', 'silver', 'k_silver');
SELECT medallion.add_model('k', 'silver', 'item', 'Replaced', '{id}', NULL, 'SELECT id, code, mail FROM shop.item');
SELECT medallion.add_model('k', 'silver', 'merged', 'Merged', '{id}', NULL, 'SELECT id, code FROM shop.item', strategy => 'merge');
SELECT medallion.add_model_steps('k');
CALL medallion.run('k');

-- A key twice, of a row that is there and of a new one; a key with NULL
INSERT INTO shop.item VALUES (1, 'A', 'z@y', '2026-01-01');
SELECT medallion.alter_model('k', 'merged', query => 'SELECT DISTINCT ON (id) id, code FROM shop.item WHERE id IS NOT NULL ORDER BY id, code');
CALL medallion.run('k');                                                       -- ERROR
DELETE FROM shop.item WHERE code = 'A';
INSERT INTO shop.item VALUES (NULL, 'n', NULL, NULL);
CALL medallion.run('k');                                                       -- ERROR
SELECT medallion.alter_model('k', 'merged', query => 'SELECT id, code FROM shop.item');
CALL medallion.run('k');                                                       -- ERROR
DELETE FROM shop.item WHERE id IS NULL;
CALL medallion.run('k');
TABLE k_silver.item ORDER BY id;

-- What a unique index of the user's holds passes from row to row.
CREATE UNIQUE INDEX ON k_silver.item (mail);
UPDATE shop.item SET id = 3 WHERE id = 1;
CALL medallion.run('k');
UPDATE shop.item SET mail = CASE id WHEN 2 THEN 'x@y' END;
DELETE FROM shop.item WHERE id = 3;
CALL medallion.run('k');
INSERT INTO shop.item VALUES (4, 'd', 'x@y', NULL);
UPDATE shop.item SET mail = 'q@y' WHERE id = 2;
CALL medallion.run('k');
TABLE k_silver.item ORDER BY id;

-- Names
SELECT medallion.add_model('k', 'silver', 'item', 'Again', '{id}', NULL, 'SELECT id FROM shop.item');  -- ERROR

-- A parent is not dropped; a child leaves no foreign key; a table that is used again gets the key of its model.
SELECT medallion.add_model('k', 'silver', 'child', 'Child', '{code}', NULL, 'SELECT code, id FROM shop.item', '{{id,item}}');
SELECT medallion.add_check('k', 'child', 'never', 'row_count', '{"max": 0}', 'warn');
CALL medallion.run('k');
SELECT kind, subject, cleared_at IS NULL AS raised FROM medallion.alert ORDER BY alert_id DESC LIMIT 1;
SELECT medallion.drop_model('k', 'item');                                      -- ERROR
SELECT medallion.drop_model('k', 'child');
SELECT count(*) FROM medallion.alert WHERE kind = 'check' AND cleared_at IS NULL;
SELECT conname FROM pg_constraint WHERE conrelid = 'k_silver.child'::regclass AND contype <> 'n' ORDER BY 1;
SELECT medallion.add_model('k', 'silver', 'child', 'By both', '{code,id}', NULL, 'SELECT code, id FROM shop.item');
CALL medallion.run('k');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'k_silver.child'::regclass AND contype = 'p';
SELECT obj_description('k_silver.child'::regclass, 'pg_class');

-- Two intervals, of which the first fails its check: the second is published. Made good, the first one's rows are there.
SELECT medallion.create_pipeline('daily');
SELECT medallion.create_layer('daily', 'silver', 'd_silver');
SELECT medallion.set_interval('daily', '1 day', '2026-01-01', 'UTC');
CREATE TABLE shop.sale (id integer, day date, amount integer);
INSERT INTO shop.sale VALUES (1, '2026-01-01', -1), (2, '2026-01-02', 2);
SELECT medallion.add_model('daily', 'silver', 'sale', 'By day', '{id}', NULL, 'SELECT id, day, amount FROM shop.sale', strategy => 'interval', time_column => 'day');
SELECT medallion.add_check('daily', 'sale', 'amount', 'range', '{"column": "amount", "min": 0}');
SELECT medallion.add_model_steps('daily');
-- a fingerprint that does not change
SELECT medallion.alter_step('daily', 'build', fingerprint => $$SELECT 'always', (medallion.build_fingerprint('daily')).stands$$);
CALL medallion.backfill('daily', '2026-01-01', '2026-01-03', 'missing');       -- ERROR
TABLE d_silver.sale ORDER BY id;
UPDATE shop.sale SET amount = 1 WHERE id = 1;
CALL medallion.retry('daily');
SELECT run_id - min(run_id) OVER () AS run, step, try, s.state FROM medallion.step_run s JOIN medallion.run USING (run_id) WHERE pipeline = 'daily' ORDER BY 1, 2, 3;
TABLE d_silver.sale ORDER BY id;
SELECT interval_start, state FROM medallion.intervals('daily', '2026-01-01', '2026-01-03') ORDER BY 1;
-- the same by a new run
UPDATE shop.sale SET amount = -1 WHERE id = 1;
CALL medallion.backfill('daily', '2026-01-01', '2026-01-03', 'all');           -- ERROR
UPDATE shop.sale SET amount = 3 WHERE id = 1;
CALL medallion.backfill('daily', '2026-01-01', '2026-01-03', 'failed');
TABLE d_silver.sale ORDER BY id;

-- A step that was done again has those behind it done again.
SELECT medallion.create_pipeline('pass');
CREATE TABLE shop.trace (n integer GENERATED ALWAYS AS IDENTITY, what text);
CREATE TABLE shop.version (v integer);
INSERT INTO shop.version VALUES (1);
SELECT medallion.add_step('pass', 'a', $$INSERT INTO shop.trace (what) VALUES ('a')$$, fingerprint => $$SELECT v::text FROM shop.version$$);
SELECT medallion.add_step('pass', 'b', $$INSERT INTO shop.trace (what) VALUES ('b')$$, depends_on => '{a}');
SELECT medallion.add_step('pass', 'c', $$SELECT 1 / v FROM shop.version WHERE v < 2; INSERT INTO shop.trace (what) SELECT 'c' WHERE (SELECT 1 / (v - 1) FROM shop.version) IS NOT NULL$$, depends_on => '{b}');
CALL medallion.run('pass');                                                    -- ERROR
CALL medallion.retry('pass');                                                  -- ERROR
UPDATE shop.version SET v = 2;
CALL medallion.retry('pass');
SELECT string_agg(what, ' ' ORDER BY n) FROM shop.trace;

DROP EXTENSION medallion CASCADE;
DROP SCHEMA shop, k_silver, work_k, d_silver, work_daily CASCADE;
