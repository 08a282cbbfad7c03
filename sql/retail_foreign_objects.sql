--
-- Objects in the buckets that the pipeline did not write are neither read nor deleted.
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
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_foreign');
CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_foreign; CREATE DATABASE retail_foreign CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_foreign <$PG_ABS_SRCDIR/t/retail_small.sql
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-foreign-raw', silver_bucket => 'retail-foreign-silver', gold_bucket => 'retail-foreign-gold');
CALL medallion.run('retail');

-- one more object in a folder would be read as more rows
CREATE FOREIGN TABLE other (order_id integer, order_date timestamp, order_customer_id integer, order_status text, _path text OPTIONS (metadata 'path'))
	SERVER lake OPTIONS (bucket 'retail-foreign-raw', prefix 'orders/', format 'csv', header 'true');
INSERT INTO other VALUES (7, '2013-07-29', 1, 'COMPLETE', 'orders/part-00001.csv');
SELECT count(*) FROM bronze.orders;
\set VERBOSITY terse
SELECT medallion.build('retail');  -- ERROR
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER retail_foreign -e "UPDATE orders SET order_status = 'CLOSED' WHERE order_id = 1"
CALL medallion.run('retail');  -- ERROR
SELECT step, state, message FROM medallion.step_run WHERE run_id = 2 ORDER BY started_at NULLS LAST, step;
SELECT fdw_s3_delete('lake', 'retail-foreign-raw', 'orders/part-00001.csv');

CALL medallion.run('retail');
SELECT order_status FROM silver.order_dim WHERE order_id = 1;

-- a replaced object is refused, and written anew by the next run
INSERT INTO other VALUES (7, '2013-07-29', 1, 'COMPLETE', 'orders/part-00000.csv');
SELECT medallion.build('retail');  -- ERROR
SELECT fdw_s3_delete('lake', 'retail-foreign-raw', 'categories/part-00000.csv');
CALL medallion.run('retail');
SELECT object, rows, note FROM medallion.step_log WHERE run_id = 4 AND step = 'ingest' ORDER BY at;
SELECT count(*) FROM bronze.orders;
SELECT count(*) FROM bronze.categories;

-- so is an exported one, and what stands beside it stays
CREATE FOREIGN TABLE beside (note text, _path text OPTIONS (metadata 'path')) SERVER lake OPTIONS (bucket 'retail-foreign-gold', prefix 'sales_by_region/', format 'csv', header 'true');
INSERT INTO beside VALUES ('mine', 'sales_by_region/mine.csv'), ('spoilt', 'sales_by_region/part-00000.csv');
CALL medallion.run('retail');
SELECT step, object, note FROM medallion.step_log WHERE run_id = 5 AND step = 'export' ORDER BY at;
SELECT path FROM fdw_s3_list('lake', 'retail-foreign-gold', 'sales_by_region/') ORDER BY path COLLATE "C";

-- publish takes nothing but its own build's tables
TRUNCATE work_retail._mark;
SELECT medallion.publish('retail');  -- ERROR
CALL medallion.run('retail');
SELECT step, state FROM medallion.step_run WHERE run_id = 6 ORDER BY started_at;
\set VERBOSITY default
DROP FOREIGN TABLE other, beside;

-- gone without a trace
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail CASCADE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_foreign'
