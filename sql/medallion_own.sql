-- A pipeline takes nothing for its own that somebody else made, notices edits of its tables, and makes again what is gone.
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
SET medallion.progress = off;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
CREATE ROLE regress_squatter;
SELECT current_database(), current_user AS me \gset
GRANT CREATE ON DATABASE :"current_database" TO regress_squatter;
GRANT CREATE ON SCHEMA public TO regress_squatter;
\! printf 'id,name,amount\n1,Alice,100\n2,Bob,200.55\n' >/tmp/medallion_own.csv; chmod a+r /tmp/medallion_own.csv
CREATE VIEW public.install AS SELECT medallion.install_sample('lake', '/tmp/medallion_own.csv', 'medallion-own')::text AS made;

-- An operator in the schema that the models' queries would look into.
SET ROLE regress_squatter;
CREATE SCHEMA work_sample;
GRANT ALL ON SCHEMA work_sample TO PUBLIC;
CREATE FUNCTION work_sample.times(numeric, numeric) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'ALTER ROLE regress_squatter SUPERUSER';
	RETURN 0;
END $$;
CREATE OPERATOR work_sample.* (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = work_sample.times);
RESET ROLE;
TABLE public.install;                                                          -- ERROR
ALTER SCHEMA work_sample OWNER TO :"me";
TABLE public.install;                                                          -- ERROR
DROP SCHEMA work_sample CASCADE;

-- Tables that were there before.
CREATE TABLE public.transactions (id integer, name text, amount numeric(12,2));
INSERT INTO public.transactions VALUES (7, 'mine', 1);
TABLE public.install;                                                          -- ERROR
ALTER TABLE public.transactions OWNER TO regress_squatter;
TABLE public.install;                                                          -- ERROR
TABLE public.transactions;
DROP TABLE public.transactions;
CREATE SCHEMA bronze;
CREATE FOREIGN TABLE bronze.sample_data (line text) SERVER lake OPTIONS (bucket 'medallion-own', path 'notes', format 'text');
TABLE public.install;                                                          -- ERROR
\d bronze.sample_data
DROP SCHEMA bronze CASCADE;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_squatter';
SELECT count(*) FROM medallion.pipeline;

TABLE public.install;
CALL medallion.run('sample');
TABLE public.transactions;

-- What others may change later is looked at again.
GRANT CREATE ON SCHEMA work_sample TO regress_squatter;
\! printf '3,Carol,1\n' >>/tmp/medallion_own.csv
CALL medallion.run('sample');                                                  -- ERROR
REVOKE CREATE ON SCHEMA work_sample FROM regress_squatter;
ALTER TABLE public.transactions OWNER TO regress_squatter;
CALL medallion.run('sample');                                                  -- ERROR
ALTER TABLE public.transactions OWNER TO :"me";
CALL medallion.run('sample');

-- Models find tables under their bare names, and nothing but catalogs before them.
SELECT medallion.add_model('sample', 'public', 'pg_class', 'x', '{id}', '{{id, integer, x}}', 'SELECT 1 AS id');  -- ERROR
SELECT medallion.add_model('sample', 'public', '_mark', 'x', '{id}', '{{id, integer, x}}', 'SELECT 1 AS id');     -- ERROR

-- Edits by hand do not last.
CREATE VIEW public.published AS
	SELECT s.state, l.note FROM medallion.step_run s LEFT JOIN medallion.step_log l USING (run_id, step)
	 WHERE s.step = 'publish' ORDER BY s.run_id DESC LIMIT 1;
CALL medallion.run('sample');
TABLE public.published;
DELETE FROM public.transactions WHERE id = 2;
UPDATE public.transactions SET amount = 0 WHERE id = 1;
GRANT SELECT, INSERT ON public.transactions TO regress_squatter;
SET ROLE regress_squatter;
INSERT INTO public.transactions VALUES (9, 'forged', 9);
RESET ROLE;
CALL medallion.run('sample');
TABLE public.published;
SELECT * FROM public.transactions ORDER BY id;
CALL medallion.run('sample');
TABLE public.published;
TRUNCATE public.transactions;
CALL medallion.run('sample');
TABLE public.published;
BEGIN;
DELETE FROM public.transactions;
ROLLBACK;
CALL medallion.run('sample');
TABLE public.published;
-- A trigger on another table has no say.
SET ROLE regress_squatter;
CREATE TABLE public.other (id integer);
RESET ROLE;
CREATE TRIGGER forged AFTER INSERT ON public.other EXECUTE FUNCTION medallion.note_edit('sample', 'transactions');
INSERT INTO public.other VALUES (1);
CALL medallion.run('sample');
TABLE public.published;
DROP TABLE public.other;

-- What is gone is made again: by a run, and by the same install.
DROP SCHEMA work_sample CASCADE;
DROP SCHEMA bronze CASCADE;
DROP TABLE public.transactions CASCADE;
SELECT * FROM medallion.build_fingerprint('sample');
SELECT stands FROM medallion.publish_fingerprint('sample');
CALL medallion.run('sample');
SELECT * FROM public.transactions ORDER BY id;
SELECT * FROM bronze.sample_data ORDER BY id;
DROP SCHEMA work_sample, bronze CASCADE;
DROP TABLE public.transactions;
TABLE public.install;
SELECT relname FROM pg_class WHERE relnamespace IN ('work_sample'::regnamespace, 'bronze'::regnamespace) AND relkind IN ('r', 'f') ORDER BY 1;
SELECT obj_description('public.transactions'::regclass), col_description('public.transactions'::regclass, 3);
CALL medallion.run('sample');
SELECT count(*) FROM public.transactions;
DROP TRIGGER medallion_edit ON public.transactions;
TABLE public.install;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'public.transactions'::regclass;

-- Forgotten and installed again: the tables are known.
SELECT medallion.drop_pipeline('sample');
TABLE public.install;
CALL medallion.run('sample');
TABLE public.published;

-- One pipeline for one object. A row in the ledger of somebody else's pipeline is in nobody's way.
SELECT medallion.create_pipeline('second');
SELECT medallion.create_layer('second', 'raw', 'second', 'lake', 'medallion-own');
CREATE TABLE public.feed (id integer);
SELECT medallion.add_source('second', 'feed', 'public.feed', '{id}', path => 'sample_data.csv');  -- ERROR
INSERT INTO medallion.object (server, bucket, path, pipeline, layer, table_name, rows, bytes, etag)
VALUES ('lake', 'medallion-own', 'sample_data.csv', 'second', 'raw', 'feed', 0, 0, 'forged');
\! printf '4,Dan,1\n' >>/tmp/medallion_own.csv
CALL medallion.run('sample');
SELECT pipeline, rows FROM medallion.object ORDER BY pipeline;

-- Only the owner makes tables, which then are the owner's.
CREATE ROLE regress_owner;
SELECT medallion.drop_pipeline('second');
SELECT medallion.alter_pipeline_owner('sample', 'regress_owner');
SELECT medallion.create_layer('sample', 'more', 'more');                       -- ERROR

\! rm /tmp/medallion_own.csv
SELECT count(public.fdw_s3_delete('lake', 'medallion-own', path)) FROM public.fdw_s3_list('lake', 'medallion-own');
DROP VIEW public.install, public.published;
DROP EXTENSION medallion, fdw_mysql, fdw_s3 CASCADE;
DROP SCHEMA bronze, work_sample, second CASCADE;
DROP TABLE public.transactions, public.feed;
DROP OWNED BY regress_squatter;
DROP ROLE regress_squatter, regress_owner;
