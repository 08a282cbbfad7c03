--
-- The pipeline belongs to a role that is no superuser; a stranger sees nothing of it and changes nothing.
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
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retail_owner');
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS retail_owner; CREATE DATABASE retail_owner CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 retail_owner <$PG_ABS_SRCDIR/t/retail_small.sql
CREATE ROLE retail_owner_loader;
CREATE ROLE retail_owner_stranger;
CREATE USER MAPPING FOR retail_owner_loader SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE USER MAPPING FOR retail_owner_loader SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
GRANT USAGE ON FOREIGN SERVER lake, retaildb TO retail_owner_loader, retail_owner_stranger;
SELECT current_database() \gset
GRANT CREATE ON DATABASE :"current_database" TO retail_owner_loader;
GRANT USAGE ON SCHEMA medallion TO retail_owner_loader, retail_owner_stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO retail_owner_loader, retail_owner_stranger;
SELECT format('GRANT EXECUTE ON FUNCTION %s TO retail_owner_loader, retail_owner_stranger', oid::regprocedure) FROM pg_proc WHERE proname LIKE 'fdw\_s3\_%'
\gexec

SET ROLE retail_owner_loader;
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'retail-owner-raw', silver_bucket => 'retail-owner-silver', gold_bucket => 'retail-owner-gold');
CALL medallion.run('retail');
SELECT * FROM gold.sales_by_department ORDER BY 1;
SELECT medallion.accept_shrink('retail', 'orders');
CALL medallion.run('retail');
SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('silver', 'gold', 'work_retail');

SET ROLE retail_owner_stranger;
SELECT count(*) FROM medallion.object;
SELECT count(*) FROM medallion.model;
UPDATE medallion.model SET query = 'SELECT 1';
SELECT medallion.accept_shrink('retail', 'orders');  -- ERROR
SELECT medallion.adopt_cluster();
SELECT medallion.add_model('retail', 'gold', 'mine', 'Mine', '{id}', '{{id, integer, The key}}', 'SELECT 1 AS id');  -- ERROR
\set VERBOSITY terse
SELECT medallion.publish('retail');  -- ERROR
CALL medallion.run('retail');  -- ERROR
SELECT * FROM gold.sales_by_department;  -- ERROR
RESET ROLE;

SET ROLE retail_owner_loader;
SELECT count(fdw_s3_delete(b.server, b.bucket, l.path)) > 0 AS deleted
  FROM (SELECT DISTINCT server, bucket FROM medallion.layer WHERE bucket IS NOT NULL) b, fdw_s3_list(b.server, b.bucket) l;
RESET ROLE;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA source_retail, bronze, silver, gold, lake_silver, lake_gold, work_retail CASCADE;
\set VERBOSITY default
DROP OWNED BY retail_owner_loader, retail_owner_stranger;
DROP ROLE retail_owner_loader, retail_owner_stranger;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE retail_owner'
