--
-- The retail pipeline on a small RetailDB, run once, and run again without a change.
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
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_run');
CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_run; CREATE DATABASE retail_run CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_run <$PG_ABS_SRCDIR/t/retail_small.sql
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-run-raw', silver_bucket => 'retail-run-silver', gold_bucket => 'retail-run-gold');
CALL medallion.run('retail');
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 1 ORDER BY at;

SELECT * FROM silver.customer_dim ORDER BY 1;
SELECT * FROM silver.category_dim ORDER BY 1;
SELECT * FROM silver.product_dim ORDER BY 1;
SELECT * FROM silver.order_dim ORDER BY 1;
SELECT * FROM silver.orders_fact ORDER BY 1;
SELECT * FROM silver.orders_fact_rejected ORDER BY 1;
SELECT * FROM gold.sales_by_customer ORDER BY 1;
SELECT * FROM gold.sales_by_product ORDER BY 1;
SELECT * FROM gold.sales_by_category ORDER BY 1;
SELECT * FROM gold.sales_by_department ORDER BY 1;
SELECT * FROM gold.sales_by_department_daily ORDER BY 1, 2;
SELECT * FROM gold.sales_by_region ORDER BY 1;
SELECT * FROM gold.sales_by_order_status ORDER BY 1;
SELECT * FROM gold.orders_time_series ORDER BY 1;

-- the buckets hold the same
SELECT l.path FROM (SELECT DISTINCT server, bucket FROM medallion.layer) b, fdw_s3_list(b.server, b.bucket) l ORDER BY b.bucket COLLATE "C", l.path COLLATE "C";
SELECT count(*) FROM (SELECT * FROM gold.sales_by_product EXCEPT SELECT product_id, product_name, total_quantity, total_revenue FROM lake_gold.sales_by_product) d;
SELECT count(*) FROM (SELECT * FROM silver.orders_fact EXCEPT SELECT order_item_id, order_id, order_date, order_status, customer_id, customer_fname, customer_lname, customer_city, customer_state, product_id, product_name, category_id, category_name, department_id, department_name, order_item_quantity, order_item_product_price, order_item_subtotal FROM lake_silver.orders_fact) d;
SELECT * FROM bronze.customers ORDER BY 1;
SELECT product_id, product_name, product_description IS NULL AS missing, product_price FROM bronze.products ORDER BY 1;

-- the ledger knows each object
SELECT o.layer, o.table_name, o.rows, o.bytes = l.size AS size, o.etag = l.etag AS etag, length(o.sha256) AS sha256, o.run_id
  FROM medallion.object o, fdw_s3_list(o.server, o.bucket, o.path) l ORDER BY o.bucket COLLATE "C", o.path COLLATE "C";

-- again: no row, no object
CREATE TEMP TABLE before AS SELECT 'gold.sales_by_product'::text AS relation, xmin::text AS writer, ctid AS place FROM gold.sales_by_product
	UNION ALL SELECT 'silver.orders_fact', xmin::text, ctid FROM silver.orders_fact;
CREATE TEMP TABLE objects AS SELECT l.* FROM (SELECT DISTINCT server, bucket FROM medallion.layer) b, fdw_s3_list(b.server, b.bucket) l;
CALL medallion.run('retail');
SELECT step, state FROM medallion.step_run WHERE run_id = 2 ORDER BY started_at;
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 2 ORDER BY at;
SELECT count(*) FROM (SELECT * FROM before EXCEPT (SELECT 'gold.sales_by_product', xmin::text, ctid FROM gold.sales_by_product
	UNION ALL SELECT 'silver.orders_fact', xmin::text, ctid FROM silver.orders_fact)) d;
SELECT count(*) FROM (SELECT * FROM objects EXCEPT SELECT l.* FROM (SELECT DISTINCT server, bucket FROM medallion.layer) b, fdw_s3_list(b.server, b.bucket) l) d;

-- an object that was taken away is written again, and nothing else
SELECT fdw_s3_delete('lake', 'retail-run-gold', 'sales_by_region/part-00000.csv');
CALL medallion.run('retail');
SELECT step, state FROM medallion.step_run WHERE run_id = 3 ORDER BY started_at;
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 3 AND step = 'export' ORDER BY at;

-- so is a table that was emptied
TRUNCATE gold.sales_by_region;
CALL medallion.run('retail');
SELECT step, state FROM medallion.step_run WHERE run_id = 4 ORDER BY started_at;
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 4 AND note <> 'unchanged' ORDER BY at;
SELECT count(*) FROM gold.sales_by_region;

-- an export that fails leaves the tables published, and is done by the next run
ALTER FOREIGN TABLE lake_gold.sales_by_region OPTIONS (SET bucket 'retail-run-nosuch');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_run -e 'UPDATE order_items SET order_item_quantity = 2, order_item_subtotal = 119.98 WHERE order_item_id = 3'
\set VERBOSITY terse
CALL medallion.run('retail');  -- ERROR
\set VERBOSITY default
SELECT step, state FROM medallion.step_run WHERE run_id = 5 ORDER BY started_at;
SELECT * FROM gold.sales_by_region ORDER BY 1;
ALTER FOREIGN TABLE lake_gold.sales_by_region OPTIONS (SET bucket 'retail-run-gold');
SELECT customer_state, total_revenue FROM lake_gold.sales_by_region ORDER BY 1;
CALL medallion.run('retail');
SELECT step, state FROM medallion.step_run WHERE run_id = 6 ORDER BY started_at;
SELECT object, rows FROM medallion.step_log WHERE run_id = 6 AND step = 'export' ORDER BY object COLLATE "C";
SELECT customer_state, total_revenue FROM lake_gold.sales_by_region ORDER BY 1;

-- gone without a trace
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail CASCADE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_run'
