--
-- Inserts, updates and deletes at the source reach silver and gold; grants, comments, views and keys stay.
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
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_change');
CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_change; CREATE DATABASE retail_change CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_change <$PG_ABS_SRCDIR/t/retail_small.sql
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-change-raw', silver_bucket => 'retail-change-silver', gold_bucket => 'retail-change-gold');
CALL medallion.run('retail');

CREATE ROLE retail_change_reader;
GRANT SELECT ON gold.sales_by_product TO retail_change_reader;
COMMENT ON COLUMN gold.sales_by_product.product_name IS 'What our people call it';
CREATE VIEW gold.best AS SELECT product_id, total_revenue FROM gold.sales_by_product WHERE total_revenue > 1000;
CREATE TEMP TABLE made AS SELECT oid, relfilenode FROM pg_class WHERE relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace);

\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_change -e "INSERT INTO customers VALUES (5, 'Ana', 'Lee', 'X', 'X', '5 Elk Lane', 'Miami', 'FL', '33142'); INSERT INTO orders VALUES (7, '2013-07-29', 5, 'COMPLETE'), (8, '2013-07-29', 4, 'ON_HOLD'); INSERT INTO order_items VALUES (11, 7, 12, 1, 9.99, 9.99)"
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_change -e "UPDATE products SET product_name = 'Wool Scarf' WHERE product_id = 12; UPDATE orders SET order_status = 'CLOSED' WHERE order_id = 1; UPDATE categories SET category_department_id = 3 WHERE category_id = 3"
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_change -e "DELETE FROM order_items WHERE order_item_id IN (2, 3); DELETE FROM customers WHERE customer_id = 3; DELETE FROM departments WHERE department_id = 2; DELETE FROM products WHERE product_id = 13"
CALL medallion.run('retail');
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 2 ORDER BY at;
SELECT * FROM silver.category_dim ORDER BY 1;
SELECT * FROM silver.order_dim ORDER BY 1;
SELECT order_item_id, order_id, customer_id, product_id, product_name, category_id, department_id FROM silver.orders_fact ORDER BY 1;
SELECT * FROM silver.orders_fact_rejected ORDER BY 1;
SELECT * FROM gold.sales_by_product ORDER BY 1;
SELECT * FROM gold.sales_by_department_daily ORDER BY 1, 2;
SELECT * FROM gold.sales_by_order_status ORDER BY 1;

-- as if built from nothing: the objects too
SELECT count(*) FROM (SELECT * FROM silver.orders_fact EXCEPT TABLE work_retail.orders_fact) d;
SELECT count(*) FROM (SELECT product_id, product_name, total_quantity, total_revenue FROM lake_gold.sales_by_product EXCEPT TABLE gold.sales_by_product) d;

-- what was there stayed
SELECT has_table_privilege('retail_change_reader', 'gold.sales_by_product', 'SELECT');
SELECT col_description('gold.sales_by_product'::regclass, 2);
SELECT * FROM gold.best ORDER BY 1;
SELECT count(*) FROM made m JOIN pg_class c USING (oid, relfilenode);
SELECT count(*) FROM made;

-- an empty table is an object with a header
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_change -e "DELETE FROM order_items WHERE order_item_order_id NOT IN (SELECT order_id FROM orders JOIN customers ON customer_id = order_customer_id)"
SELECT medallion.accept_shrink('retail', 'order_items');
CALL medallion.run('retail');
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 3 AND object LIKE '%rejected' ORDER BY at;
SELECT path, size FROM fdw_s3_list('lake', 'retail-change-silver', 'orders_fact_rejected/');
SELECT * FROM lake_silver.orders_fact_rejected;
CALL medallion.run('retail');
SELECT step, state FROM medallion.step_run WHERE run_id = 4 ORDER BY started_at;

-- From bronze that is there, with the source down: what readers see is made again, and nothing had to change.
ALTER SERVER retaildb OPTIONS (SET port '1');
\set VERBOSITY sqlstate
CALL medallion.run('retail'); -- ERROR
\set VERBOSITY default
SELECT state, retry_at IS NOT NULL AS to_be_tried_again FROM medallion.latest_run;
DELETE FROM gold.sales_by_product;
CALL medallion.rebuild('retail', 'build');
SELECT step, state FROM medallion.step_run WHERE run_id = 6 ORDER BY started_at;
SELECT object, rows, note FROM medallion.step_log WHERE run_id = 6 AND step = 'publish' AND note <> 'unchanged';
SELECT count(*) FROM gold.sales_by_product;
DROP OWNED BY retail_change_reader;
DROP ROLE retail_change_reader;

-- gone without a trace
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail CASCADE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_change'
