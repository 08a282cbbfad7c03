-- Tries, timeouts, pausing, cancelling; runs with parameters, of one step, from a step on; what a run would do.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SET medallion.progress = off;

SELECT medallion.transient(s), s FROM unnest('{08006,40001,40P01,53300,55P03,57P01,58030,HV00N,22012,23505,42P01,57014,XX000}'::text[]) s;
SELECT medallion.transient('8006');                                            -- ERROR
SELECT medallion.create_pipeline('demo');
SELECT medallion.add_step('demo', 'a', 'SELECT 1', retries => -1);             -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', retry_delay => '-1 s');     -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', backoff => 0.5);            -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', retry_on => 'never');       -- ERROR
SELECT medallion.add_step('demo', 'a', 'SELECT 1', timeout => '-1 s');         -- ERROR

-- The order of steps follows what they depend on, and never in a circle.
SELECT medallion.add_step('demo', 'a', 'SELECT 1');
SELECT medallion.add_step('demo', 'b', 'SELECT 1');
SELECT medallion.add_step('demo', 'c', 'SELECT 1', depends_on => '{b}');
SELECT medallion.alter_step('demo', 'a', depends_on => '{c}');
SELECT medallion.alter_step('demo', 'b', depends_on => '{a}');                 -- ERROR
SELECT medallion.alter_step('demo', 'b', depends_on => '{b}');                 -- ERROR
SELECT medallion.alter_step('demo', 'b', depends_on => '{x}');                 -- ERROR
SELECT medallion.alter_step('demo', 'x', retries => 1);                        -- ERROR
SELECT medallion.alter_step('demo', 'b', retries => -1);                       -- ERROR
CALL medallion.run('demo');
SELECT step, state FROM medallion.step_run ORDER BY started_at;
SELECT medallion.drop_pipeline('demo');

-- A failure that may pass is tried again, the step's dependants wait for it, and the rest goes on.
CREATE TABLE public.switch (what text);
CREATE TABLE public.trace (id serial, step text, try int);
CREATE FUNCTION public.work() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	state text := (SELECT what FROM public.switch);
BEGIN
	INSERT INTO public.trace (step, try) VALUES (medallion.current_step(), medallion.current_try());
	IF state IS NOT NULL AND medallion.current_step() = 'load' THEN
		RAISE EXCEPTION 'no luck' USING ERRCODE = state;
	END IF;
END $$;
CREATE VIEW public.tries AS
	SELECT r.run_id - (SELECT min(run_id) FROM medallion.run) AS run, r.state AS run_state, r.retry_at - now() BETWEEN '25 min' AND '31 min' AS due_in_30,
		   s.step, s.try, s.state, s.sqlstate, s.message
	  FROM medallion.run r LEFT JOIN medallion.step_run s USING (run_id) ORDER BY r.run_id, s.started_at NULLS LAST, s.step;
SELECT medallion.create_pipeline('demo');
SELECT medallion.add_step('demo', 'load', 'SELECT public.work()', retries => 2, retry_delay => '30 min', backoff => 1);
SELECT medallion.add_step('demo', 'next', 'SELECT public.work()', depends_on => '{load}');
SELECT medallion.add_step('demo', 'last', 'SELECT public.work()', depends_on => '{next}');
SELECT medallion.add_step('demo', 'other', 'SELECT public.work()');
INSERT INTO public.switch VALUES ('40001');
\set VERBOSITY terse
CALL medallion.run('demo');                                                    -- ERROR
SELECT * FROM public.tries;
SELECT state, retry_at IS NOT NULL AS waits FROM medallion.latest_run;
-- The second try fails in a way that is for good: then so are its dependants, which the first did not touch.
UPDATE public.switch SET what = '22012';
CALL medallion.retry('demo');                                                  -- ERROR
SELECT * FROM public.tries;
-- What failed is done when it is asked for, within the same run; what is done is not done again.
UPDATE public.switch SET what = NULL;
CALL medallion.retry('demo');
SELECT * FROM public.tries;
CALL medallion.retry('demo');
-- As many tries as are allowed, then the end.
UPDATE public.switch SET what = '08006';
CALL medallion.run('demo');                                                    -- ERROR
CALL medallion.retry('demo');                                                  -- ERROR
CALL medallion.retry('demo');                                                  -- ERROR
SELECT * FROM public.tries WHERE run = 1;
-- A new run does what those that wait were to do.
CALL medallion.run('demo');                                                    -- ERROR
UPDATE public.switch SET what = NULL;
CALL medallion.run('demo');
SELECT run, run_state, step, try, state FROM public.tries WHERE run > 1;
CALL medallion.retry('demo');
-- Any failure, if that is wanted.
SELECT medallion.alter_step('demo', 'load', retry_on => 'any');
UPDATE public.switch SET what = 'P0001';
CALL medallion.run('demo');                                                    -- ERROR
SELECT state FROM medallion.latest_run;
-- What waits can be given up.
SELECT medallion.cancel('demo');
SELECT medallion.cancel('demo');
SELECT state, sqlstate, regexp_replace(message, '"[^"]*"', '...') AS message FROM medallion.latest_run;
SELECT step, try, state FROM public.tries WHERE run = (SELECT max(run) FROM public.tries);
UPDATE public.switch SET what = NULL;

-- A try that takes too long is such a failure, in apply, in the plan and in the fingerprint; not in what comes after it.
SELECT medallion.create_pipeline('slow');
SELECT medallion.add_step('slow', 'sleep', 'SELECT pg_sleep(60)', timeout => '200 ms', retries => 1);
SELECT medallion.add_step('slow', 'after', 'SELECT pg_sleep(0.3)', depends_on => '{sleep}');
SELECT medallion.add_step('slow', 'plan', 'SELECT 1', plan => 'SELECT pg_sleep(60)', timeout => '200 ms');
SELECT medallion.add_step('slow', 'ask', 'SELECT 1', fingerprint => 'SELECT pg_sleep(60)::text', timeout => '200 ms');
SELECT medallion.add_step('slow', 'quick', 'SELECT pg_sleep(0.3)', timeout => '1 h');
SELECT medallion.add_step('slow', 'free', 'SELECT pg_sleep(0.3)');
CALL medallion.run('slow');                                                    -- ERROR
\echo :SQLSTATE
\set VERBOSITY default
SELECT s.step, s.try, s.state, s.sqlstate, s.message, s.hint FROM medallion.step_run s JOIN medallion.run r USING (run_id)
 WHERE r.pipeline = 'slow' ORDER BY s.started_at;
-- The second try is the last: what depends on the step is marked.
\set VERBOSITY terse
CALL medallion.retry('slow');                                                  -- ERROR
\set VERBOSITY default
SELECT s.step, s.try, s.state, s.sqlstate, s.message FROM medallion.step_run s JOIN medallion.run r USING (run_id)
 WHERE r.pipeline = 'slow' AND s.step IN ('sleep', 'after') ORDER BY s.step DESC, s.try;
SELECT medallion.alter_step('slow', 'sleep', timeout => '0');
SELECT timeout IS NULL AS no_limit FROM medallion.step WHERE (pipeline, name) = ('slow', 'sleep');
SELECT medallion.drop_pipeline('slow');

-- Paused, nothing is run and nothing recorded.
SELECT medallion.pause('demo');
CALL medallion.run('demo');
CALL medallion.retry('demo');
SELECT paused FROM medallion.latest_run;
SELECT medallion.resume('demo');
CALL medallion.run('demo', NULL, NULL);
SELECT medallion.pause('nope');                                                -- ERROR

-- One step alone, and a step with what comes after it.
TRUNCATE public.trace;
CALL medallion.run('demo', step => 'next');
SELECT step FROM public.trace ORDER BY id;
SELECT mode, from_step FROM medallion.run ORDER BY run_id DESC LIMIT 1;
TRUNCATE public.trace;
CALL medallion.rebuild('demo', 'next');
SELECT step FROM public.trace ORDER BY id;
CALL medallion.run('demo', step => 'nope');                                    -- ERROR
CALL medallion.rebuild('demo', 'nope');                                        -- ERROR
CALL medallion.rebuild('demo', NULL);                                          -- ERROR
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

-- Parameters are for the steps to read. With other ones, a step is not unchanged.
CREATE TABLE public.seen (params jsonb);
SELECT medallion.create_pipeline('with');
SELECT medallion.add_step('with', 'read', 'INSERT INTO public.seen SELECT medallion.current_params()', fingerprint => $$SELECT '1'$$);
CALL medallion.run('with', params => '[1]');                                   -- ERROR
CALL medallion.run('with', params => '{"country": "NZ"}');
CALL medallion.run('with', params => '{"country": "NZ"}');
CALL medallion.run('with');
SELECT * FROM public.seen;
SELECT medallion.current_params(), medallion.current_try(), medallion.interval_start(), medallion.interval_end();

-- What a run would do.
SELECT medallion.add_step('with', 'always', 'SELECT 1', depends_on => '{read}');
SELECT medallion.add_step('with', 'broken', 'SELECT 1', fingerprint => 'SELECT nothing');
SELECT * FROM medallion.dry_run('with');
SELECT medallion.drop_step('with', 'broken');
SELECT medallion.add_step('with', 'behind', 'SELECT 1', fingerprint => $$SELECT '2'$$, depends_on => '{always}');
CALL medallion.run('with');
SELECT * FROM medallion.dry_run('with');
SELECT * FROM medallion.dry_run('nope');                                       -- ERROR
SELECT * FROM medallion.dry_run(NULL);                                         -- ERROR

SET client_min_messages = warning;
DROP VIEW public.tries;
DROP TABLE public.switch, public.trace, public.seen;
DROP FUNCTION public.work();
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
