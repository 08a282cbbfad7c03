--
-- Models of a user's own: columns from the query, strategies, counts, and mistakes.
--
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
CREATE EXTENSION medallion CASCADE;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
SELECT fdw_s3_create_bucket('lake', 'model-strategy') IS NOT NULL AS made;

CREATE SCHEMA shop;
CREATE TABLE shop.change (id integer, "Name" text, gone boolean, price numeric(8,2), at timestamptz, on_day date, seen timestamp);
INSERT INTO shop.change VALUES (1, 'one', NULL, 1, '2026-03-28 10:00+00', '2026-03-28', '2026-03-28 12:00'),
	(2, 'two', false, 2, '2026-03-28 22:30+00', '2026-03-28', '2026-03-28 22:30'), (3, 'three', true, 3, '2026-03-28 23:30+00', '2026-03-29', '2026-03-29 00:30');
SELECT medallion.create_pipeline('models');
SELECT medallion.create_layer('models', 'raw', 'models_raw', 'lake', 'model-strategy');
SELECT medallion.create_layer('models', 'silver', 'models_silver');
SELECT medallion.create_layer('models', 'gold', 'models_gold', 'lake', 'model-strategy', 'models_lake');
SELECT medallion.add_source('models', 'change', 'shop.change', '{id}', max_shrink => 1);

-- mistakes
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', NULL, 'SELECT id FROM change', strategy => 'nosuch');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', NULL, 'SELECT id FROM change', time_column => 'id');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', NULL, 'SELECT id FROM change', strategy => 'interval');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', NULL, 'SELECT id, at FROM change', strategy => 'interval', time_column => 'at');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{nosuch}', NULL, 'SELECT id FROM change');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', NULL, 'SELECT nosuch FROM change');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', '{{id,NULL,x},{nosuch,NULL,x}}', 'SELECT id FROM change');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{id}', NULL, 'SELECT id, 1 AS _deleted FROM change', strategy => 'merge');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'm', 'M', '{}', NULL, 'SELECT id FROM change');  -- ERROR
SELECT medallion.add_source('models', 'other', 'shop.change', '{}');  -- ERROR
SELECT medallion.add_source('models', 'other', 'shop.change', '{id,nosuch}');  -- ERROR
SELECT medallion.add_source('models', 'other', 'shop.change', '{id}', '{id}');  -- ERROR
SELECT medallion.add_source('models', 'change', 'shop.change', '{id}');  -- ERROR
SELECT medallion.add_model('models', 'silver', 'change', 'M', '{id}', NULL, 'SELECT id FROM change');  -- ERROR
SELECT medallion.add_model('models', 'silver', '_m', 'M', '{id}', NULL, 'SELECT id FROM change');  -- ERROR
SELECT to_regnamespace('work_models');

-- each strategy, with a model that reads them all
SELECT medallion.set_interval('models', '1 day', '2026-03-28', 'Europe/Berlin');
SELECT medallion.add_model('models', 'silver', 'all_rows', 'Replaced', '{id}', NULL, 'SELECT id, "Name", price * 2 AS twice FROM change');
SELECT medallion.add_model('models', 'silver', 'merged', 'Merged', '{id}', '{{id,NULL,The number},{Name,varchar(20),The name}}',
						   'SELECT id, "Name", gone AS _deleted FROM change', strategy => 'merge');
SELECT medallion.add_model('models', 'silver', 'upserted', 'Merged without deletes', '{id}', NULL, 'SELECT id, "Name" FROM change', strategy => 'merge');
SELECT medallion.add_model('models', 'silver', 'appended', 'Appended', '{id}', NULL, 'SELECT id, "Name" FROM change', strategy => 'append');
SELECT medallion.add_model('models', 'silver', 'by_instant', 'By interval', '{id}', NULL, 'SELECT id, at FROM change', strategy => 'interval', time_column => 'at');
SELECT medallion.add_model('models', 'silver', 'by_day', 'By interval, days', '{id}', NULL, 'SELECT id, on_day FROM change', strategy => 'interval', time_column => 'on_day');
SELECT medallion.add_model('models', 'silver', 'by_time', 'By interval, times without zone', '{id}', NULL, 'SELECT id, seen FROM change', strategy => 'interval', time_column => 'seen');
SELECT medallion.add_model('models', 'gold', 'counted', 'Rows of each', '{model}', NULL, $$
SELECT 'all_rows' AS model, count(*) AS rows, sum(id) AS ids FROM all_rows
UNION ALL SELECT 'merged', count(*), sum(id) FROM merged UNION ALL SELECT 'upserted', count(*), sum(id) FROM upserted
UNION ALL SELECT 'appended', count(*), sum(id) FROM appended UNION ALL SELECT 'by_instant', count(*), sum(id) FROM by_instant
UNION ALL SELECT 'by_day', count(*), sum(id) FROM by_day UNION ALL SELECT 'by_time', count(*), sum(id) FROM by_time$$);
SELECT medallion.add_model_steps('models');
SELECT name, depends_on FROM medallion.step WHERE pipeline = 'models' ORDER BY position;
SELECT a.attrelid::regclass AS relation, a.attname, format_type(a.atttypid, a.atttypmod) AS type, col_description(a.attrelid, a.attnum) AS comment
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace IN ('models_silver'::regnamespace, 'models_gold'::regnamespace) AND c.relkind = 'r' AND a.attnum > 0
 ORDER BY a.attrelid::regclass::text COLLATE "C", a.attnum;

CREATE FUNCTION pg_temp.look() RETURNS TABLE (model text, ids text, changed text) LANGUAGE plpgsql AS $$
BEGIN
	FOR model IN SELECT m.name FROM medallion.model m WHERE m.layer = 'silver' ORDER BY m.position LOOP
		EXECUTE format('SELECT string_agg(id::text, '' '' ORDER BY id) FROM models_silver.%I', model) INTO ids;
		SELECT format('+%s ~%s -%s =%s', c.inserted, c.updated, c.deleted, c.rows) INTO changed
		FROM medallion.model_change c WHERE c.model = look.model ORDER BY c.run_id DESC LIMIT 1;
		RETURN NEXT;
	END LOOP;
END
$$;
CALL medallion.backfill('models', '2026-03-28 00:00+01', '2026-03-29 00:00+01', which => 'all');
SELECT * FROM pg_temp.look();
SELECT model, rows, ids FROM models_gold.counted ORDER BY 1;
-- the day after has 23 hours
CALL medallion.backfill('models', '2026-03-29 00:00+01', '2026-03-30 00:00+02', which => 'all');
SELECT * FROM pg_temp.look();

-- changed, gone from the source, marked deleted, new, and moved from one day to another
UPDATE shop.change SET "Name" = 'ONE' WHERE id = 1;
UPDATE shop.change SET gone = true WHERE id = 2;
UPDATE shop.change SET at = '2026-03-29 05:00+00', on_day = '2026-03-29', seen = '2026-03-29 07:00' WHERE id = 2;
DELETE FROM shop.change WHERE id = 3;
INSERT INTO shop.change VALUES (4, 'four', NULL, 4, '2026-03-29 21:59+00', '2026-03-29', '2026-03-29 23:59'), (5, 'five', NULL, 5, '2026-03-29 22:00+00', '2026-03-30', '2026-03-30 00:00');
CALL medallion.backfill('models', '2026-03-29 00:00+01', '2026-03-30 00:00+02', which => 'all');
SELECT * FROM pg_temp.look();
SELECT c.model, c.rows, c.ids FROM models_gold.counted c ORDER BY 1;
SELECT count(*) FROM ((SELECT model, rows, ids FROM models_lake.counted EXCEPT TABLE models_gold.counted)
					  UNION ALL (TABLE models_gold.counted EXCEPT SELECT model, rows, ids FROM models_lake.counted)) d;

-- the same again changes nothing, another interval what is in it
CALL medallion.backfill('models', '2026-03-29 00:00+01', '2026-03-30 00:00+02', which => 'all');
SELECT * FROM pg_temp.look();
CALL medallion.backfill('models', '2026-03-28 00:00+01', '2026-03-29 00:00+01', which => 'all');
SELECT * FROM pg_temp.look();

-- without an interval
SELECT medallion.build('models');  -- ERROR

-- a key twice; edits by others are counted, and undone where the rows are about them
INSERT INTO models_silver.appended VALUES (99, 'by hand');
DELETE FROM models_silver.merged WHERE id = 1;
INSERT INTO shop.change VALUES (6, 'six', NULL, 6, '2026-03-28 10:00+00', '2026-03-28', '2026-03-28 10:00');
CALL medallion.backfill('models', '2026-03-28 00:00+01', '2026-03-29 00:00+01', which => 'all');
SELECT * FROM pg_temp.look();
SELECT model, rows FROM medallion.publication WHERE model IN ('appended', 'merged') ORDER BY 1;
INSERT INTO shop.change VALUES (6, 'six again', NULL, 6, '2026-03-28 10:00+00', '2026-03-28', '2026-03-28 10:00');
CALL medallion.backfill('models', '2026-03-28 00:00+01', '2026-03-29 00:00+01', which => 'all');  -- ERROR
DELETE FROM shop.change WHERE "Name" = 'six again';

-- a model is dropped and added again: its table stays, unless it has other columns
SELECT medallion.drop_model('models', 'nosuch');  -- ERROR
SELECT medallion.drop_model('models', 'counted');
SELECT medallion.add_model('models', 'gold', 'counted', 'Rows', '{model}', NULL, 'SELECT ''merged'' AS model, count(*) AS rows, 0 AS nought FROM merged');  -- ERROR
DROP TABLE models_gold.counted;
SELECT medallion.add_model('models', 'gold', 'counted', 'Rows', '{model}', NULL, 'SELECT ''merged'' AS model, count(*) AS rows, 0 AS nought FROM merged');
CALL medallion.backfill('models', '2026-03-28 00:00+01', '2026-03-29 00:00+01', which => 'all');
SELECT * FROM models_gold.counted;

-- types without equality, and values that are equal but not the same
CREATE COLLATION shop.anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE shop.odd (id integer, j json, x xml, p point, n numeric, c text COLLATE shop.anycase, s interval);
INSERT INTO shop.odd VALUES (1, '{"a": 1}', '<a/>', '(1,2)', 1.0, 'abc', '1 day'), (2, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT medallion.create_pipeline('odd');
SELECT medallion.create_layer('odd', 'silver', 'odd_silver');
SELECT medallion.add_model('odd', 'silver', 'whole', 'Replaced', '{id}', NULL, 'SELECT * FROM shop.odd');
SELECT medallion.add_model('odd', 'silver', 'merged', 'Merged', '{id}', NULL, 'SELECT * FROM shop.odd', strategy => 'merge');
CREATE EXTENSION citext SCHEMA shop;
SELECT medallion.add_model('odd', 'silver', 'named', 'Key of a type of an extension', '{c}', NULL, 'SELECT COALESCE(c, ''none'')::shop.citext AS c, id FROM shop.odd WHERE id < 3');
SELECT medallion.add_model('odd', 'silver', 'named_merged', 'The same, merged', '{c}', NULL, 'SELECT * FROM named', strategy => 'merge');
SELECT medallion.add_check('odd', 'named_merged', 'named', 'relationships', '{"column": "c", "to": "named"}');
SELECT medallion.add_model('odd', 'silver', 'bare', 'Only a key', '{id}', NULL, 'SELECT id FROM shop.odd');
SELECT medallion.add_model_steps('odd');
CALL medallion.run('odd');
CALL medallion.run('odd');
UPDATE shop.odd SET j = '{"a":1}' WHERE id = 1;
CALL medallion.run('odd');
UPDATE shop.odd SET n = 1.00, c = 'ABC', s = '24 hours' WHERE id = 1;
CALL medallion.run('odd');
INSERT INTO shop.odd (id) VALUES (3);
CALL medallion.run('odd');
SELECT run_id - min(run_id) OVER () AS run, model, inserted, updated, deleted FROM medallion.model_change WHERE pipeline = 'odd' ORDER BY run_id, model;
SELECT * FROM odd_silver.whole ORDER BY id;
SELECT * FROM odd_silver.named ORDER BY id;
SELECT * FROM odd_silver.named_merged ORDER BY id;
SELECT source, target, kind FROM medallion.lineage WHERE pipeline = 'odd' ORDER BY target, source;
SELECT count(*) FROM odd_silver.merged m JOIN odd_silver.whole w ON record_image_eq(m, w);

-- gone without a trace
SELECT count(fdw_s3_delete('lake', 'model-strategy', l.path)) > 0 AS deleted FROM fdw_s3_list('lake', 'model-strategy') l;
DROP EXTENSION medallion, fdw_s3, citext CASCADE;
DROP SCHEMA shop, models_raw, models_silver, models_gold, models_lake, work_models, odd_silver, work_odd CASCADE;
