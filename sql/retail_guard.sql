--
-- A source table that is empty or has lost most of its rows publishes nothing until someone says that it is right.
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
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_guard');
CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_guard; CREATE DATABASE retail_guard CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_guard <$PG_ABS_SRCDIR/t/retail_small.sql
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-guard-raw', silver_bucket => 'retail-guard-silver', gold_bucket => 'retail-guard-gold');
CALL medallion.run('retail');
CREATE TEMP TABLE ledger AS SELECT path, etag, run_id FROM medallion.object;

\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_guard -e 'CREATE TABLE kept AS SELECT * FROM order_items; DELETE FROM order_items'
CALL medallion.run('retail');  -- ERROR
SELECT step, state, sqlstate FROM medallion.step_run WHERE run_id = 2 ORDER BY step;
SELECT count(*) FROM silver.orders_fact;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_guard -e 'INSERT INTO order_items SELECT * FROM kept WHERE order_item_id <= 4'
CALL medallion.run('retail');  -- ERROR

-- the objects are the old ones
SELECT count(*) FROM ledger k JOIN fdw_s3_list('lake', 'retail-guard-raw') l ON (l.path, l.etag) = (k.path, k.etag);

-- half is still good
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_guard -e 'INSERT INTO order_items SELECT * FROM kept WHERE order_item_id = 5'
CALL medallion.run('retail');
SELECT count(*) FROM silver.orders_fact;

-- accepted, once
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_guard -e 'DELETE FROM order_items'
SELECT medallion.accept_shrink('retail', 'nosuch');  -- ERROR
SELECT medallion.accept_shrink('retail', 'order_items');
CALL medallion.run('retail');
SELECT count(*) FROM silver.orders_fact;
SELECT * FROM gold.sales_by_order_status ORDER BY 1;
SELECT count(*) FROM bronze.order_items;
SELECT path FROM fdw_s3_list('lake', 'retail-guard-raw') ORDER BY path COLLATE "C";
CALL medallion.run('retail');  -- ERROR
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_guard -e 'INSERT INTO order_items SELECT * FROM kept'
CALL medallion.run('retail');
SELECT count(*) FROM silver.orders_fact;

-- another threshold
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-guard-raw', silver_bucket => 'retail-guard-silver', gold_bucket => 'retail-guard-gold', max_shrink => 0.05);
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_guard -e 'DELETE FROM order_items WHERE order_item_id = 1'
CALL medallion.run('retail');  -- ERROR

-- a restored database must not write into the buckets of the one that it is a copy of
SELECT medallion.accept_shrink('retail', 'order_items');
UPDATE medallion.object SET system_identifier = 1;
\set VERBOSITY terse
CALL medallion.run('retail');  -- ERROR
\set VERBOSITY default
SELECT medallion.adopt_cluster() > 0 AS adopted;
CALL medallion.run('retail');
SELECT count(*) FROM silver.orders_fact;

-- gone without a trace
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail CASCADE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_guard'
