--
-- Scenario 1, the tutorial: a local CSV file becomes an object, and the object a table.
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
\! printf 'id,name,amount\n1,Alice,100\n2,"Bob, Jr.",200.55\n3,Chloé,0.05\n' >/tmp/tutorial_sample.csv; chmod a+r /tmp/tutorial_sample.csv
SELECT medallion.install_sample('lake', '/tmp/tutorial_sample.csv', 'tutorial-sample');
SELECT medallion.install_sample('lake', '/tmp/tutorial_sample.csv', 'tutorial-sample');
CALL medallion.run('sample');
SELECT * FROM transactions ORDER BY id;
SELECT path FROM fdw_s3_list('lake', 'tutorial-sample');
SELECT * FROM bronze.sample_data ORDER BY id;

-- the file has changed
\! printf 'id,name,amount\n1,Alice,100\n3,Chloé,10\n4,Dan,1000000\n' >/tmp/tutorial_sample.csv
CALL medallion.run('sample');
SELECT step, object, rows, note FROM medallion.step_log WHERE run_id = 2 ORDER BY at;
SELECT * FROM transactions ORDER BY id;
CALL medallion.run('sample');
SELECT step, state FROM medallion.step_run WHERE run_id = 3 ORDER BY started_at;

-- a broken file changes nothing
\! printf 'id,name,amount\n1,Alice,ten\n' >/tmp/tutorial_sample.csv
\set VERBOSITY terse
CALL medallion.run('sample');  -- ERROR
\! rm /tmp/tutorial_sample.csv
CALL medallion.run('sample');  -- ERROR
\set VERBOSITY default
SELECT count(*) FROM transactions;

SELECT count(fdw_s3_delete('lake', 'tutorial-sample', path)) FROM fdw_s3_list('lake', 'tutorial-sample');
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA bronze, work_sample CASCADE;
DROP TABLE transactions;
