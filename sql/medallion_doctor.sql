-- doctor() against real servers, good and bad; and steps whose objects cannot be written.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_password MYSQL_PWD
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\getenv kafka_brokers KAFKA_BROKERS
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SET medallion.progress = off;
CREATE SERVER source FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port');
CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (username :'mysql_user', password :'mysql_password');
CREATE SERVER shut FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port');
CREATE USER MAPPING FOR CURRENT_USER SERVER shut OPTIONS (username :'mysql_user', password 'not the password');
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE SERVER leak FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER leak OPTIONS (access_key :'s3_access_key', secret_key 'not the secret key');
CREATE SERVER bare FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE SERVER stream FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER stream;
CREATE SERVER sky FOREIGN DATA WRAPPER openweather OPTIONS (url 'http://127.0.0.1:1/', retries '0', timeout '2s');
CREATE USER MAPPING FOR CURRENT_USER SERVER sky OPTIONS (api_key 'not the api key'); -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER sky OPTIONS (api_key 'not-the-api-key');
SELECT count(public.fdw_s3_create_bucket('lake', 'medallion-doctor'));

SELECT medallion.create_pipeline('patient');
SELECT medallion.add_endpoint('patient', s, 'mysql') FROM unnest('{source,shut,nowhere,lake}'::name[]) s;
SELECT medallion.add_endpoint('patient', s, 's3', 'medallion-doctor') FROM unnest('{lake,leak,bare}'::name[]) s;
SELECT medallion.add_endpoint('patient', 'lake', 's3', 'medallion-no-such-bucket');
SELECT medallion.add_endpoint('patient', s, 'kafka', 'medallion-no-such-topic') FROM unnest('{stream,nowhere}'::name[]) s;
SELECT medallion.add_endpoint('patient', s, 'openweather') FROM unnest('{sky,stream}'::name[]) s;
SELECT check_name, ok, fix IS NOT NULL AS fix FROM medallion.doctor() WHERE check_name NOT LIKE 'pg_cron%';
SELECT check_name, replace(detail, current_user, '<me>') AS detail, replace(fix, current_user, '<me>') AS fix
  FROM medallion.doctor() WHERE check_name LIKE 'pipeline%' AND NOT ok;
-- no secret in what it says, nothing left where it wrote
SELECT count(*) FROM medallion.doctor() d
 WHERE strpos(d::text, :'mysql_password') > 0 OR strpos(d::text, :'s3_secret_key') > 0 OR d::text ~ 'not[ -]the[ -]';
SELECT count(*) FROM public.fdw_s3_list('lake', 'medallion-doctor');

-- What a step writes is complete before its outcome is recorded; what cannot be written is that step's failure.
CREATE FOREIGN TABLE public.good (line text) SERVER lake OPTIONS (bucket 'medallion-doctor', path 'out/good', format 'text');
CREATE FOREIGN TABLE public.bad (line text) SERVER lake OPTIONS (bucket 'medallion-no-such-bucket', path 'out/bad', format 'text');
CREATE TABLE public.kept (step text);
SELECT medallion.add_step('patient', 'good', $$INSERT INTO public.good VALUES ('one'); INSERT INTO public.kept VALUES ('good')$$);
SELECT medallion.add_step('patient', 'bad', $$INSERT INTO public.bad VALUES ('two'); INSERT INTO public.kept VALUES ('bad')$$);
SELECT medallion.add_step('patient', 'next', $$INSERT INTO public.kept SELECT line FROM public.good$$, depends_on => '{good}');
SELECT medallion.add_step('patient', 'last', $$SELECT 1$$, depends_on => '{bad}');
\set VERBOSITY sqlstate
CALL medallion.run('patient');                                                 -- ERROR
\set VERBOSITY default
SELECT step, state, sqlstate FROM medallion.step_history ORDER BY step;
SELECT * FROM public.kept;
SELECT path, size FROM public.fdw_s3_list('lake', 'medallion-doctor');
SELECT check_name, ok, fix FROM medallion.doctor() WHERE check_name LIKE '%last run';

SELECT public.fdw_s3_delete('lake', 'medallion-doctor', 'out/good');
DROP TABLE public.kept;

-- Anybody may ask; each sees his own pipelines, and their servers are tried with their owner's keys only.
CREATE ROLE regress_owner;
CREATE ROLE regress_stranger;
GRANT USAGE ON SCHEMA medallion TO regress_owner, regress_stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO regress_owner, regress_stranger;
GRANT USAGE ON FOREIGN SERVER lake TO regress_owner;
SELECT current_database() \gset
GRANT CREATE ON DATABASE :"current_database" TO regress_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO regress_owner;
CREATE USER MAPPING FOR regress_owner SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
SELECT medallion.drop_pipeline('patient');
SET ROLE regress_owner;
SELECT medallion.create_pipeline('theirs');
SELECT medallion.add_endpoint('theirs', 'lake', 's3', 'medallion-doctor');
SELECT check_name, ok, fix FROM medallion.doctor() WHERE check_name NOT LIKE 'pg_cron%';
RESET ROLE;
SELECT check_name, ok, detail, fix FROM medallion.doctor() WHERE check_name NOT LIKE 'pg_cron%';
SET ROLE regress_stranger;
SELECT check_name, ok, detail, fix FROM medallion.doctor() WHERE check_name NOT LIKE 'pg_cron%';
SELECT count(*) FROM medallion.endpoint;
RESET ROLE;
DROP OWNED BY regress_owner, regress_stranger;
SELECT medallion.drop_pipeline('theirs');
DROP ROLE regress_owner, regress_stranger;

SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka CASCADE;
