-- Steps that fail, each in its own way, up to the commit: every failure is recorded, named, and undone.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SET medallion.progress = off;
CREATE TABLE public.kept (id int PRIMARY KEY, what text);
CREATE TABLE public.parent (id int PRIMARY KEY);
CREATE TABLE public.child (id int REFERENCES public.parent DEFERRABLE INITIALLY DEFERRED);
-- How a step failed, and that nothing of it was kept.
CREATE VIEW public.last_failure AS
	SELECT r.state, r.failed_step, s.sqlstate, s.message, s.detail, s.hint, s.context IS NOT NULL AS context,
		   (SELECT count(*) FROM public.kept) AS kept
	  FROM medallion.run r JOIN medallion.step_run s ON s.run_id = r.run_id AND s.step = r.failed_step
	 ORDER BY r.run_id DESC LIMIT 1;
SELECT medallion.create_pipeline('broken');
CREATE FUNCTION public.try(apply text, plan text DEFAULT NULL, fingerprint text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT medallion.drop_step(pipeline, name) FROM medallion.step WHERE pipeline = 'broken';
	SELECT medallion.add_step('broken', 'step', apply, plan, '{}', fingerprint) $$;

-- At once, with everything that an error can carry.
SELECT public.try($$INSERT INTO public.kept VALUES (1); DO 'BEGIN RAISE EXCEPTION ''no luck'' USING ERRCODE = ''MD001'',
	DETAIL = ''It rained.'', HINT = ''Bring an umbrella.''; END'$$);
CALL medallion.run('broken');                                                  -- ERROR
\echo :SQLSTATE
\x
SELECT * FROM public.last_failure;

-- A deferred constraint.
SELECT public.try($$INSERT INTO public.kept VALUES (2); INSERT INTO public.child VALUES (1)$$);
CALL medallion.run('broken');                                                  -- ERROR
\echo :SQLSTATE
SELECT * FROM public.last_failure;

-- A deferred trigger, and one that defers another until the commit itself.
CREATE FUNCTION public.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.what = 'again' THEN
		SET CONSTRAINTS ALL DEFERRED;
		INSERT INTO public.kept VALUES (NEW.id + 1, 'at commit');
	ELSIF NEW.what IS NOT NULL THEN
		RAISE EXCEPTION 'refused %: %, %', NEW.what, current_user, medallion.current_step();
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON public.kept DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION public.at_commit();
SELECT public.try($$INSERT INTO public.kept VALUES (3, 'deferred')$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT * FROM public.last_failure;
SELECT public.try($$INSERT INTO public.kept VALUES (4, 'again')$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT * FROM public.last_failure;
SELECT public.try($$SELECT 1$$, plan => $$INSERT INTO public.kept VALUES (5, 'again')$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT * FROM public.last_failure;
DROP TRIGGER at_commit ON public.kept;

-- What a step may not do, and fingerprints that are none.
SELECT public.try($$COPY public.kept FROM STDIN$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT public.try($$DO 'BEGIN COMMIT; END'$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT public.try($$VACUUM public.kept$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT public.try($$SELECT 1$$, fingerprint => $$SELECT 1, 2, 3$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT public.try($$SELECT 1$$, fingerprint => $$SELECT 'a', 'b'$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT public.try($$SELECT 1$$, fingerprint => $$VALUES ('a'), ('b')$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT public.try($$SELECT 1$$, fingerprint => $$SELECT no_such_column$$);
CALL medallion.run('broken');                                                  -- ERROR
SELECT * FROM public.last_failure;

-- Cancel stops the run, is recorded, and is raised again.
SELECT public.try($$INSERT INTO public.kept VALUES (6); SELECT pg_sleep(60)$$);
SELECT medallion.add_step('broken', 'later', $$SELECT 1$$);
SET statement_timeout = '1s';
CALL medallion.run('broken');                                                  -- ERROR
\echo :SQLSTATE
RESET statement_timeout;
SELECT * FROM public.last_failure;
SELECT step, state, message FROM medallion.step_run WHERE run_id = (SELECT max(run_id) FROM medallion.run) ORDER BY step;
-- A cancel is the news, also after another failure.
SELECT medallion.drop_step('broken', 'step');
SELECT medallion.add_step('broken', 'early', $$SELECT 1/0$$);
SELECT medallion.drop_step('broken', 'later');
SELECT medallion.add_step('broken', 'slow', $$SELECT pg_sleep(60)$$);
SET statement_timeout = '1s';
CALL medallion.run('broken');                                                  -- ERROR
RESET statement_timeout;
SELECT failed_step, sqlstate FROM medallion.run ORDER BY run_id DESC LIMIT 1;

-- None of this left a lock, a role, a setting or a half-finished run behind; the next run works.
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT current_user = session_user AS same_user, current_setting('search_path') AS path;
SELECT count(*) FROM medallion.run WHERE state = 'running' OR ended_at IS NULL;
SELECT public.try($$INSERT INTO public.kept VALUES (7)$$);
CALL medallion.run('broken');
SELECT * FROM public.kept;
\x

DROP VIEW public.last_failure;
DROP TABLE public.kept, public.child, public.parent;
DROP FUNCTION public.try(text, text, text), public.at_commit();
SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
