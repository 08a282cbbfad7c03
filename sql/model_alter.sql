--
-- Models and steps that become others: query, columns, types, key, strategy, and what is refused.
--
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
SET datestyle = 'ISO, YMD';
CREATE EXTENSION medallion CASCADE;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
SELECT fdw_s3_create_bucket('lake', 'model-alter') IS NOT NULL AS made;

CREATE SCHEMA shop;
CREATE TABLE shop.item (id integer, code text, kind text, price numeric(8,2), gone boolean);
INSERT INTO shop.item VALUES (1, 'a', 'tea', 1.25, NULL), (2, 'b', 'tea', 2.50, NULL), (3, 'c', 'cup', 4.00, NULL);
SELECT medallion.create_pipeline('m');
SELECT medallion.create_layer('m', 'silver', 'm_silver');
SELECT medallion.create_layer('m', 'gold', 'm_gold', 'lake', 'model-alter', 'm_lake');
SELECT medallion.add_model('m', 'silver', 'kind', 'Kinds', '{kind}', NULL, 'SELECT DISTINCT kind FROM shop.item');
SELECT medallion.add_model('m', 'silver', 'item', 'Items', '{id}', NULL, 'SELECT id, code, kind, price FROM shop.item', '{{kind,kind}}');
SELECT medallion.add_model('m', 'silver', 'kept', 'Items, merged', '{id}', '{{id,NULL,The number},{code,varchar(10),The code}}', 'SELECT id, code FROM item', strategy => 'merge');
SELECT medallion.add_model('m', 'gold', 'total', 'Totals', '{kind}', NULL, 'SELECT kind, count(*) AS items, sum(price) AS price FROM item GROUP BY kind');
SELECT medallion.add_model_steps('m');
CALL medallion.run('m');

CREATE FUNCTION pg_temp.changes() RETURNS TABLE (model name, changed text) LANGUAGE sql AS $$
	SELECT c.model, format('+%s ~%s -%s =%s', c.inserted, c.updated, c.deleted, c.rows)
	  FROM medallion.model_change c JOIN medallion.model m ON m.name = c.model
	 WHERE c.run_id = (SELECT max(run_id) FROM medallion.run) ORDER BY m.position $$;
CREATE FUNCTION pg_temp.columns(relation regclass) RETURNS TABLE (name name, type text, comment text) LANGUAGE sql AS $$
	SELECT a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
	  FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum $$;
SELECT * FROM pg_temp.changes();

-- What a model may read, and who may change it
SELECT medallion.alter_model('m', 'nosuch', comment => 'x');                   -- ERROR
SELECT medallion.alter_model('m', 'item', query => 'SELECT kind FROM total');  -- ERROR
SELECT medallion.alter_model('m', 'item', query => 'SELECT id FROM item');     -- ERROR
SELECT medallion.alter_model('m', 'item', query => 'SELECT code FROM shop.item');  -- ERROR
SELECT medallion.alter_model('m', 'item', key => '{nosuch}');                  -- ERROR
SELECT medallion.alter_model('m', 'item', strategy => 'interval');             -- ERROR
SELECT medallion.alter_model('m', 'item', time_column => 'id');                -- ERROR
CREATE ROLE regress_other;
GRANT USAGE ON SCHEMA medallion TO regress_other;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO regress_other;
SET ROLE regress_other;
SELECT medallion.alter_model('m', 'item', comment => 'mine');                  -- ERROR
RESET ROLE;
CALL medallion.run('m');
SELECT * FROM pg_temp.changes();

-- Another query: its columns are the table's. Those that are new wait for a run.
SELECT medallion.alter_model('m', 'item', query => 'SELECT id, code, kind, price::numeric(10,2) AS price, upper(code) AS label FROM shop.item WHERE gone IS NOT TRUE');
SELECT * FROM pg_temp.columns('m_silver.item');
SELECT * FROM m_silver.item ORDER BY id;
UPDATE shop.item SET gone = true WHERE id = 3;
CALL medallion.run('m');
SELECT * FROM pg_temp.changes();
SELECT * FROM m_silver.item ORDER BY id;
SELECT model, input FROM medallion.model_input ORDER BY 1, 2;

-- A view holds a column; a column that is gone takes its foreign key along.
CREATE VIEW m_silver.labels AS SELECT id, label FROM m_silver.item;
SELECT medallion.alter_model('m', 'item', query => 'SELECT id, code, price FROM shop.item');  -- ERROR
DROP VIEW m_silver.labels;
SELECT medallion.alter_model('m', 'item', query => 'SELECT id, code, price FROM shop.item');
SELECT model, column_name FROM medallion.model_reference;
CALL medallion.run('m');                                                       -- ERROR
SELECT medallion.alter_model('m', 'total', query => 'SELECT left(code, 1) AS letter, sum(price) AS price FROM item GROUP BY 1', key => '{letter}');
SELECT * FROM pg_temp.columns('m_gold.total');
CALL medallion.run('m');
SELECT * FROM pg_temp.changes();
SELECT * FROM m_gold.total ORDER BY letter;
SELECT letter, price FROM m_lake.total ORDER BY letter;
SELECT conrelid::regclass AS relation, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace IN ('m_silver'::regnamespace, 'm_gold'::regnamespace) AND contype <> 'n' ORDER BY 1, 2;

-- Fewer columns, the same rows: the object has them, too.
GRANT SELECT ON m_lake.total TO PUBLIC;
SELECT medallion.alter_model('m', 'total', query => 'SELECT left(code, 1) AS letter FROM item GROUP BY 1');
SELECT medallion.grants_on('m_lake.total');
CALL medallion.run('m');
SELECT * FROM pg_temp.changes() WHERE model = 'total';
SELECT letter FROM m_lake.total ORDER BY letter;

-- Declared columns stay declared; types and comments change where one says so. A key that is not one is refused.
SELECT medallion.alter_model('m', 'kept', query => 'SELECT id, code, price FROM item');
SELECT * FROM pg_temp.columns('m_silver.kept');
SELECT medallion.alter_model('m', 'kept', columns => '{{id,bigint,Number},{code,text,NULL},{price,NULL,In dollars}}', comment => 'Items that were');
SELECT * FROM pg_temp.columns('m_silver.kept');
SELECT obj_description('m_silver.kept'::regclass, 'pg_class');
CALL medallion.run('m');
SELECT * FROM pg_temp.changes() WHERE model = 'kept';
UPDATE shop.item SET code = 'a' WHERE id = 2;
SELECT medallion.alter_model('m', 'kept', key => '{code}', strategy => 'append');
CALL medallion.run('m');                                                       -- ERROR
UPDATE shop.item SET code = 'd' WHERE id = 2;
CALL medallion.run('m');
SELECT * FROM pg_temp.changes() WHERE model = 'kept';
SELECT * FROM m_silver.kept ORDER BY code;
UPDATE m_silver.kept SET price = 1;
SELECT medallion.alter_model('m', 'kept', key => '{price}');                   -- ERROR
SELECT key FROM medallion.model WHERE name = 'kept';

-- What others read is not dropped; what is dropped leaves nothing that a query could find.
SELECT medallion.drop_model('m', 'item');                                      -- ERROR
SELECT medallion.alter_model('m', 'kept', query => 'SELECT id, code, price FROM shop.item');
SELECT medallion.alter_model('m', 'total', query => 'SELECT code AS letter FROM shop.item');
CALL medallion.run('m');
SELECT medallion.drop_model('m', 'item');
SELECT to_regclass('work_m.item') AS left;
SELECT medallion.alter_model('m', 'total', query => 'SELECT code AS letter FROM item');  -- ERROR
CALL medallion.run('m');
SELECT * FROM pg_temp.changes();

-- Steps: another text is another step, whatever the fingerprint says.
SELECT medallion.create_pipeline('s');
CREATE TABLE shop.trace (what text);
SELECT medallion.add_step('s', 'a', $$INSERT INTO shop.trace VALUES ('a')$$, fingerprint => $$SELECT 'same'$$);
SELECT medallion.add_step('s', 'b', $$INSERT INTO shop.trace VALUES ('b')$$, depends_on => '{a}', fingerprint => $$SELECT 'same'$$);
CALL medallion.run('s');
CALL medallion.run('s');
SELECT medallion.alter_step('s', 'a', retries => 1);
CALL medallion.run('s');
SELECT medallion.alter_step('s', 'a', apply => $$INSERT INTO shop.trace VALUES ('a changed')$$);
SELECT medallion.alter_step('s', 'b', plan => $$INSERT INTO shop.trace VALUES ('b planned')$$);
CALL medallion.run('s');
CALL medallion.run('s');
SELECT medallion.alter_step('s', 'a', fingerprint => '');
SELECT medallion.alter_step('s', 'b', plan => '');
CALL medallion.run('s');
CALL medallion.run('s');
TABLE shop.trace;
SELECT name, plan, apply, fingerprint, retries, depends_on FROM medallion.step WHERE pipeline = 's' ORDER BY position;
SELECT medallion.alter_step('s', 'a', apply => 'SELEC 1');                     -- ERROR
SELECT medallion.alter_step('s', 'a', apply => '');                            -- ERROR
SELECT medallion.alter_step('s', 'a', fingerprint => 'DELETE FROM shop.trace');  -- ERROR

SELECT count(fdw_s3_delete('lake', 'model-alter', l.path)) > 0 AS deleted FROM fdw_s3_list('lake', 'model-alter') l;
DROP OWNED BY regress_other;
DROP EXTENSION medallion, fdw_s3 CASCADE;
DROP SCHEMA shop, m_silver, m_gold, m_lake, work_m CASCADE;
DROP ROLE regress_other;
