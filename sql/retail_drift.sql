--
-- Columns that are added, dropped, retyped or narrowed at the source, before anything is written.
--
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_pwd MYSQL_PWD
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_drift');
CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_drift; CREATE DATABASE retail_drift CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_drift <$PG_ABS_SRCDIR/t/retail_small.sql
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-drift-raw', silver_bucket => 'retail-drift-silver', gold_bucket => 'retail-drift-gold');
CALL medallion.run('retail');
SELECT columns FROM medallion.source WHERE name = 'customers';
CREATE TEMP TABLE ledger AS SELECT path, etag FROM medallion.object;

-- added: reported until it is accepted; what is not copied is nobody's concern
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_drift -e "ALTER TABLE departments ADD manager varchar(30) NOT NULL DEFAULT 'nobody'; ALTER TABLE customers MODIFY customer_password varchar(99)"
CALL medallion.run('retail');
CALL medallion.run('retail');
SELECT run_id, step, object, note FROM medallion.step_log WHERE note LIKE 'new column%' ORDER BY run_id;

-- dropped, retyped and narrowed
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_drift -e "ALTER TABLE products DROP product_image; ALTER TABLE orders MODIFY order_id bigint NOT NULL, MODIFY order_status varchar(20) NOT NULL; INSERT INTO departments VALUES (9, 'Ninth', 'Nina')"
CALL medallion.run('retail');  -- ERROR
SELECT step, state FROM medallion.step_run WHERE run_id = 4 ORDER BY step;
SELECT count(*) FROM ledger k JOIN fdw_s3_list('lake', 'retail-drift-raw') l ON (l.path, l.etag) = (k.path, k.etag);
SELECT medallion.accept_drift('retail', 'nosuch');  -- ERROR
GRANT SELECT ON source_retail.orders, bronze.orders TO PUBLIC;
SELECT medallion.accept_drift('retail', 'orders');
SELECT medallion.grants_on(t) FROM unnest('{source_retail.orders,bronze.orders}'::text[]) t;
CALL medallion.run('retail');  -- ERROR
SELECT medallion.accept_drift('retail', 'products');
SELECT medallion.accept_drift('retail', 'departments');
CALL medallion.run('retail');
SELECT note FROM medallion.step_log WHERE run_id = 6 AND note LIKE 'new column%';
SELECT * FROM bronze.departments ORDER BY 1;
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'bronze.orders'::regclass AND attname IN ('order_id', 'order_status');
SELECT department_id FROM silver.department_dim ORDER BY 1;

-- a column that a model needs: the tables stay as they are
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_drift -e "ALTER TABLE departments CHANGE department_name name varchar(45) NOT NULL"
CALL medallion.run('retail');  -- ERROR
SELECT medallion.accept_drift('retail', 'departments');
CALL medallion.run('retail');  -- ERROR
SELECT department_id FROM silver.department_dim ORDER BY 1;

-- a table here
CREATE TABLE public.local_drift (id integer, name text);
INSERT INTO public.local_drift VALUES (1, 'one');
SELECT medallion.create_pipeline('local');
SELECT medallion.create_layer('local', 'raw', 'local_raw', 'lake', 'retail-drift-raw');
SELECT medallion.create_layer('local', 'silver', 'local_silver');
SELECT medallion.add_source('local', 'local_drift', 'public.local_drift', '{id}');
SELECT medallion.add_model('local', 'silver', 'local_rows', 'Rows', '{id}', NULL, 'SELECT * FROM local_drift');
SELECT medallion.add_model_steps('local');
CALL medallion.run('local');
ALTER TABLE public.local_drift ALTER id TYPE bigint;
CALL medallion.run('local');  -- ERROR
SELECT medallion.accept_drift('local', 'local_drift');
CALL medallion.run('local');
SELECT * FROM local_silver.local_rows;

-- gone without a trace
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail, local_raw, local_silver, work_local CASCADE;
DROP TABLE public.local_drift;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_drift'
