--
-- What install_retail makes, that a second call is harmless, and what the first publication adds.
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
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_install');
CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_install; CREATE DATABASE retail_install CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_install <$PG_ABS_SRCDIR/t/retail_small.sql

-- mistakes
SELECT medallion.install_retail('nosuch', 'lake', raw_bucket => 'retail-install-raw', silver_bucket => 'retail-install-silver', gold_bucket => 'retail-install-gold');  -- ERROR
SELECT medallion.install_retail('retaildb', 'nosuch');  -- ERROR
SELECT medallion.install_retail('retaildb', 'lake', 'nosuch', 'retail-install-raw', 'retail-install-silver', 'retail-install-gold');  -- ERROR
SELECT medallion.install_retail('retaildb', 'lake', max_shrink => 2);  -- ERROR
SELECT count(*) FROM medallion.pipeline;

SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-install-raw', silver_bucket => 'retail-install-silver', gold_bucket => 'retail-install-gold');
SET client_min_messages = notice;
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-install-raw', silver_bucket => 'retail-install-silver', gold_bucket => 'retail-install-gold');
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-install-other', silver_bucket => 'retail-install-silver', gold_bucket => 'retail-install-gold');  -- ERROR
SET client_min_messages = warning;

SELECT name, depends_on, fingerprint IS NOT NULL AS may_be_unchanged FROM medallion.step WHERE pipeline = 'retail' ORDER BY position;
SELECT server, kind, target FROM medallion.endpoint WHERE pipeline = 'retail' ORDER BY kind, target;

-- passwords stay at the source
SELECT attrelid::regclass, string_agg(attname, ' ' ORDER BY attnum) AS columns
  FROM pg_attribute WHERE attrelid IN ('source_retail.customers'::regclass, 'bronze.customers'::regclass) AND attnum > 0 GROUP BY 1 ORDER BY 1;

CALL medallion.run('retail');

-- columns
SELECT a.attrelid::regclass AS relation, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
	   col_description(a.attrelid, a.attnum) AS comment
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND c.relkind = 'r' AND a.attnum > 0
 ORDER BY a.attrelid::regclass::text COLLATE "C", a.attnum;
SELECT c.oid::regclass AS relation, obj_description(c.oid) AS comment FROM pg_class c
 WHERE c.relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND c.relkind = 'r' ORDER BY c.oid::regclass::text COLLATE "C";

-- keys
SELECT conrelid::regclass AS relation, conname, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint WHERE connamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND contype IN ('p', 'f') ORDER BY conrelid::regclass::text COLLATE "C", contype DESC, conname COLLATE "C";

-- statistics are fresh
SELECT count(*) FROM pg_class WHERE relnamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND relkind = 'r' AND reltuples < 0;

-- what is gone is made again: the source's tables by an install, all others also by a run
DROP SCHEMA source_retail, silver, lake_gold, work_retail CASCADE;
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-install-raw', silver_bucket => 'retail-install-silver', gold_bucket => 'retail-install-gold');
CALL medallion.run('retail');
SELECT step, count(*), sum(rows) FROM medallion.step_log WHERE run_id = 2 AND note <> 'unchanged' GROUP BY step ORDER BY step;
SELECT count(*) FROM silver.orders_fact;
SELECT count(*) FROM lake_gold.sales_by_region;
SELECT contype, count(*) FROM pg_constraint WHERE connamespace IN ('silver'::regnamespace, 'gold'::regnamespace) AND contype IN ('p', 'f') GROUP BY 1 ORDER BY 1;

-- forgotten and installed again, the tables go on
SELECT medallion.drop_pipeline('retail');
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-install-raw', silver_bucket => 'retail-install-silver', gold_bucket => 'retail-install-gold');
CALL medallion.run('retail');
SELECT object, rows, note FROM medallion.step_log WHERE step = 'publish' ORDER BY run_id DESC, position LIMIT 15;

-- gone without a trace
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail CASCADE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_install'
