--
-- Checks: kinds, arguments, severity, what is recorded and kept, and that a failure keeps the old rows published.
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
SELECT fdw_s3_create_bucket('lake', 'check-rules') IS NOT NULL AS made;

CREATE SCHEMA shop;
CREATE TABLE shop.customer (id integer PRIMARY KEY, name text);
CREATE TABLE shop.sale (id integer, customer integer, state text, amount numeric, sold_on date);
INSERT INTO shop.customer VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO shop.sale VALUES (1, 1, 'new', 10, '2026-01-01'), (2, 2, 'paid', 20, '2026-01-02'), (3, 1, 'paid', 30, '2026-01-03');
SELECT medallion.create_pipeline('sales');
SELECT medallion.create_layer('sales', 'raw', 'sales_raw', 'lake', 'check-rules');
SELECT medallion.create_layer('sales', 'silver', 'sales_silver');
SELECT medallion.create_layer('sales', 'gold', 'sales_gold');
SELECT medallion.add_source('sales', 'customer', 'shop.customer', '{id}');
SELECT medallion.add_source('sales', 'sale', 'shop.sale', '{id}');
SELECT medallion.add_model('sales', 'silver', 'customers', 'Customers', '{id}', NULL, 'SELECT id, name FROM customer');
SELECT medallion.add_model('sales', 'silver', 'sales', 'Sales', '{id}', NULL, 'SELECT * FROM sale');
SELECT medallion.add_model('sales', 'gold', 'by_state', 'Sales by state', '{state}', NULL,
						   'SELECT state, sum(amount) AS amount FROM sales GROUP BY state -- in euros');
SELECT medallion.add_model_steps('sales');
SELECT name, depends_on, plan, fingerprint FROM medallion.step WHERE pipeline = 'sales' ORDER BY position;

-- mistakes
SELECT medallion.add_check('nosuch', 'sales', 'c', 'not_null', '{"column": "id"}');  -- ERROR
SELECT medallion.add_check('sales', 'nosuch', 'c', 'not_null', '{"column": "id"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'nosuch');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'not_null');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'not_null', '{"column": "nosuch"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'not_null', '{"column": "id", "columns": ["id"]}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'unique', '{"columns": "id"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'accepted_values', '{"column": "state", "values": []}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'range', '{"column": "amount"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'range', '{"column": "amount", "min": "x"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'relationships', '{"column": "customer", "to": "nosuch", "to_column": "id"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'freshness', '{"column": "sold_on", "max_age": "soon"}');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'row_count', '{"min": 1}', 'fatal');  -- ERROR
SELECT medallion.add_check('sales', 'sales', 'c', 'row_count', '{"min": 1}', keep => -1);  -- ERROR
SELECT medallion.drop_check('sales', 'sales', 'c');  -- ERROR

-- each kind
SELECT medallion.add_check('sales', 'sales', 'customer', 'not_null', '{"column": "customer"}');
SELECT medallion.add_check('sales', 'sales', 'id', 'unique', '{"columns": ["id"]}');
SELECT medallion.add_check('sales', 'sales', 'state', 'accepted_values', '{"column": "state", "values": ["new", "paid", "it''s"]}');
SELECT medallion.add_check('sales', 'sales', 'known', 'relationships', '{"column": "customer", "to": "customers", "to_column": "id"}');
SELECT medallion.add_check('sales', 'sales', 'amount', 'range', '{"column": "amount", "min": 0.5, "max": 1000}', keep => 2);
SELECT medallion.add_check('sales', 'sales', 'paid', 'range', '{"column": "amount", "min": 5, "where": "state = ''paid'' -- only those"}');
SELECT medallion.add_check('sales', 'sales', 'rows', 'row_count', '{"min": 1, "max": 10}');
SELECT medallion.add_check('sales', 'by_state', 'sum', 'sql', '{"query": "SELECT g.s, d.s AS t FROM (SELECT sum(amount) AS s FROM by_state) g, (SELECT sum(amount) AS s FROM sales) d WHERE g.s <> d.s"}');
SELECT medallion.add_check('sales', 'sales', 'fresh', 'freshness', '{"column": "sold_on", "max_age": "100 years"}', 'warn');
CALL medallion.run('sales');
SELECT object, rows, note FROM medallion.step_log WHERE run_id = 1 AND step = 'check' ORDER BY position;
SELECT * FROM sales_gold.by_state ORDER BY 1;
SELECT model, inserted, updated, deleted, rows FROM medallion.model_change WHERE run_id = 1 ORDER BY 1;

-- nothing new: freshness alone can have changed
CALL medallion.run('sales');
SELECT step, state FROM medallion.step_run WHERE run_id = 2 ORDER BY started_at;
SELECT medallion.drop_check('sales', 'sales', 'fresh');
CALL medallion.run('sales');
CALL medallion.run('sales');
SELECT step, state FROM medallion.step_run WHERE run_id = 4 ORDER BY started_at;

-- all of them fail; every one is run and recorded, and nothing is published
INSERT INTO shop.sale VALUES (4, NULL, 'lost', 0, '2026-01-04'), (5, 9, 'paid', 0.1, '2026-01-04'), (6, 9, 'paid', 5000, '2026-01-04');
INSERT INTO shop.sale SELECT n % 3 + 1, 1, NULL, -1, NULL FROM generate_series(1, 6) n;
SELECT medallion.add_check('sales', 'sales', 'old', 'freshness', '{"column": "sold_on", "max_age": "1 minute"}', 'warn');
SELECT medallion.add_check('sales', 'by_state', 'broken', 'sql', '{"query": "SELECT 1/(count(*) - count(*)) FROM by_state"}');
CALL medallion.run('sales');  -- ERROR
SELECT step, state, message, detail, hint FROM medallion.step_run WHERE run_id = 5 ORDER BY step;
SELECT model, check_name, kind, severity, state, failing, message FROM medallion.check_status ORDER BY 1, 2;
SELECT medallion.failing_rows('sales', 'sales', 'amount');
SELECT medallion.failing_rows('sales', 'sales', 'id') ORDER BY 1;
SELECT medallion.failing_rows('sales', 'sales', 'rows');
SELECT medallion.failing_rows('sales', 'sales', 'known') ORDER BY 1;
SELECT * FROM sales_gold.by_state ORDER BY 1;
SELECT kind, subject, message, cleared_at IS NULL AS open FROM medallion.alert WHERE kind = 'check' ORDER BY 2;

-- nothing changed since: the checks are run again, and still nothing is published
CALL medallion.run('sales');  -- ERROR
SELECT step, state FROM medallion.step_run WHERE run_id = 6 ORDER BY step;

-- repaired at the source
DELETE FROM shop.sale WHERE amount < 0 OR id > 3;
INSERT INTO shop.sale VALUES (4, 2, 'new', 1, current_date + 1);
SELECT medallion.drop_check('sales', 'by_state', 'broken');
SELECT medallion.accept_shrink('sales', 'sale');
CALL medallion.run('sales');
SELECT * FROM sales_gold.by_state ORDER BY 1;
SELECT subject, cleared_at IS NULL AS open FROM medallion.alert WHERE kind = 'check' ORDER BY 1;
SELECT count(*) FROM medallion.check_failure f JOIN medallion.check_result r USING (result_id) WHERE r.run_id = 7;

-- stored SQL is run with the rights of the owner alone
CREATE ROLE check_rules_owner;
GRANT USAGE ON SCHEMA medallion TO check_rules_owner;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO check_rules_owner;
CREATE SCHEMA owned AUTHORIZATION check_rules_owner;
SET ROLE check_rules_owner;
SELECT medallion.create_pipeline('owned');
CREATE TABLE owned.t (v integer);
SELECT medallion.add_check('owned', 'owned.t', 'who', 'sql', '{"query": "SELECT current_user AS runs_as"}');
SELECT medallion.add_check('owned', 'shop.sale', 'rows', 'row_count', '{"min": 1}');  -- ERROR
SELECT medallion.add_check_step('owned', '{}');
RESET ROLE;
SELECT * FROM medallion.run_checks('owned');  -- ERROR
CALL medallion.run('owned');  -- ERROR
SELECT medallion.failing_rows('owned', 'owned.t', 'who');
SET ROLE check_rules_owner;
SELECT pipeline, check_name, state FROM medallion.check_status;
SELECT count(*) FROM medallion.check_failure;
SELECT * FROM medallion.run_checks('sales');  -- ERROR
RESET ROLE;

-- gone without a trace
SELECT medallion.drop_pipeline('owned');
DROP OWNED BY check_rules_owner;
DROP ROLE check_rules_owner;
SELECT count(fdw_s3_delete('lake', 'check-rules', l.path)) > 0 AS deleted FROM fdw_s3_list('lake', 'check-rules') l;
DROP EXTENSION medallion, fdw_s3 CASCADE;
DROP SCHEMA shop, sales_raw, sales_silver, sales_gold, work_sales CASCADE;
