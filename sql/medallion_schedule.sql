-- Schedules where pg_cron is not in this database: the hint is the statement to run there.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SELECT medallion.schedule('nope', '0 2 * * *');                                -- ERROR
SELECT medallion.create_pipeline('it''s me');
-- The message names pg_cron's database, which is the server's business: only its shape is shown.
CREATE FUNCTION public.told(command text) RETURNS TABLE (message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	message := 'done';
	RETURN NEXT;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	message := replace(replace(SQLERRM, current_setting('cron.database_name'), '<cron>'), current_database(), '<this>');
	hint := replace(replace(replace(hint, current_setting('cron.database_name') || '",', '<cron>",'), current_database(), '<this>'),
					format('%L', current_user), '<me>');
	RETURN NEXT;
END $$;
SELECT * FROM public.told($$SELECT medallion.schedule('it''s me', '0 2 * * *')$$);
SELECT * FROM public.told($$SELECT medallion.unschedule('it''s me')$$);
SELECT check_name, ok, replace(fix, current_database(), '<this>') AS fix FROM medallion.doctor() WHERE check_name = 'pg_cron: installed';
DROP FUNCTION public.told(text);
-- Somebody else's cron.job is not read, least of all with the extension's rights.
CREATE SCHEMA cron;
CREATE FUNCTION cron.called() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
CREATE VIEW cron.job AS SELECT 1::bigint AS jobid, cron.called() AS username, 'medallion: it''s me' AS jobname, current_database()::text AS database;
SELECT * FROM medallion.scheduler('it''s me');
SELECT medallion.drop_pipeline('it''s me');
DROP SCHEMA cron CASCADE;
SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
