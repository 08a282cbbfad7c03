-- Running pipelines: order, transactions, skipping, what steps see.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;
SET medallion.progress = off;
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'German';
CREATE TABLE public.trace (id serial, what text, run bigint, step text, pipeline text);
CREATE FUNCTION public.note(what text) RETURNS void LANGUAGE sql
AS $$ INSERT INTO public.trace (what, run, step, pipeline)
	  VALUES (what, medallion.current_run(), medallion.current_step(), medallion.current_pipeline()) $$;

SELECT medallion.current_run(), medallion.current_step(), medallion.current_pipeline();
SELECT medallion.create_pipeline('demo');
CALL medallion.run('nope');                                                    -- ERROR
CALL medallion.run(NULL);                                                      -- ERROR
CALL medallion.run('demo');

-- Steps run in order; the plan is committed before apply, and stays when apply fails.
SELECT medallion.add_step('demo', 'first', $$SELECT public.note('first')$$);
SELECT medallion.add_step('demo', 'second', $$SELECT public.note('second'); SELECT 1 / (SELECT d FROM public.divisor)$$,
						  plan => $$SELECT public.note('plan')$$, depends_on => '{first}');
CREATE TABLE public.divisor AS SELECT 0 AS d;
CALL medallion.run('demo');                                                    -- ERROR
UPDATE public.divisor SET d = 1;
CALL medallion.run('demo');
SELECT what, run, step, pipeline FROM public.trace ORDER BY id;
SELECT run_id, state, failed_step, sqlstate, message, ended_at >= started_at AS ended FROM medallion.run ORDER BY run_id;
SELECT run_id, step, state, sqlstate, message FROM medallion.step_run ORDER BY run_id, step;
SELECT medallion.drop_pipeline('demo');
SELECT count(*) FROM medallion.run;

-- What a step SETs ends with it, and what the caller has SET does not reach it. Rows that it returns go nowhere.
CREATE TABLE public.setting (name text, value text);
SELECT medallion.create_pipeline('settings');
SELECT medallion.add_step('settings', 'read', $$
	INSERT INTO public.setting SELECT s, current_setting(s)
	  FROM unnest('{search_path,TimeZone,DateStyle,IntervalStyle,statement_timeout}'::text[]) s;
	SELECT * FROM generate_series(1, 100000)$$);
SELECT medallion.add_step('settings', 'write', $$
	SET search_path = public; SET LOCAL TimeZone = 'Asia/Tokyo'; SET statement_timeout = '1h';
	SELECT set_config('work_mem', '8MB', false);
	INSERT INTO setting VALUES ('unqualified', current_setting('TimeZone'))$$);
CALL medallion.run('settings');
SELECT * FROM public.setting;
SHOW search_path;
SHOW TimeZone;
SHOW statement_timeout;
SHOW work_mem;
SELECT medallion.drop_pipeline('settings');

-- A step without change is not done again: same definition, same inputs, output still there, last try went well.
CREATE TABLE public.input (version int, output boolean);
INSERT INTO public.input VALUES (1, false);
TRUNCATE public.trace;
SELECT medallion.create_pipeline('lazy');
SELECT medallion.add_step('lazy', 'work', $$UPDATE public.input SET output = true; SELECT public.note('done');
	SELECT 1 / (SELECT d FROM public.divisor)$$,
						  fingerprint => 'SELECT version::text, output FROM public.input');
CALL medallion.run('lazy');
CALL medallion.run('lazy');
CALL medallion.run('lazy');
UPDATE public.input SET output = false;
CALL medallion.run('lazy');
UPDATE public.input SET version = 2;
CALL medallion.run('lazy');
UPDATE public.input SET version = 3;
UPDATE public.divisor SET d = 0;
CALL medallion.run('lazy');                                                    -- ERROR
UPDATE public.input SET version = 2;
UPDATE public.divisor SET d = 1;
CALL medallion.run('lazy');
SELECT medallion.drop_step('lazy', 'work');
SELECT medallion.add_step('lazy', 'work', $$SELECT public.note('new')$$, fingerprint => 'SELECT version::text FROM public.input');
CALL medallion.run('lazy');
CALL medallion.run('lazy');
UPDATE public.input SET version = NULL;
CALL medallion.run('lazy');
CALL medallion.run('lazy');
SELECT s.run_id - min(s.run_id) OVER () AS run, s.state, s.fingerprint FROM medallion.step_run s ORDER BY s.run_id;
SELECT what, count(*) FROM public.trace GROUP BY what ORDER BY what;
SELECT medallion.drop_pipeline('lazy');

-- A failing step stops its dependants, directly and further on, and no other.
SELECT medallion.create_pipeline('graph');
SELECT medallion.add_step('graph', 'a', 'SELECT 1');
SELECT medallion.add_step('graph', 'b', 'SELECT 1/0', depends_on => '{a}');
SELECT medallion.add_step('graph', 'c', 'SELECT 1', depends_on => '{b}');
SELECT medallion.add_step('graph', 'd', 'SELECT 1', depends_on => '{a}');
SELECT medallion.add_step('graph', 'e', 'SELECT 1', depends_on => '{c,d}');
SELECT medallion.add_step('graph', 'f', 'SELECT nothing', depends_on => '{d}');
CALL medallion.run('graph');                                                   -- ERROR
SELECT s.step, s.state, s.sqlstate, s.message FROM medallion.step_run s ORDER BY s.step;
SELECT medallion.drop_pipeline('graph');

-- report() counts; outside a run it only speaks.
SELECT medallion.report('nowhere', 1);
RESET medallion.progress;
SELECT medallion.report('nowhere', 1, 4800000, 'outside a run');
SELECT medallion.report(NULL, 1);                                              -- ERROR
SET medallion.progress = off;
SELECT medallion.create_pipeline('counts');
SELECT medallion.add_step('counts', 'load', $$SELECT medallion.report('one', 2, 10), medallion.report('two', 40),
	medallion.report('three', NULL, 5, 'no rows')$$);
CALL medallion.run('counts');
SELECT step, rows, bytes FROM medallion.step_history;
SELECT position, object, rows, bytes, note FROM medallion.step_log ORDER BY position;
SELECT state, rows, bytes FROM medallion.run_history;
SELECT medallion.drop_pipeline('counts');

-- run() ends transactions: it wants to be called where that is possible.
SELECT medallion.create_pipeline('top');
SELECT medallion.add_step('top', 'nest', $$CALL medallion.run('top')$$);
BEGIN;
CALL medallion.run('top');                                                     -- ERROR
ROLLBACK;
CREATE FUNCTION public.wrapped() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	run bigint;
	state text;
BEGIN
	CALL medallion.run('top', run, state);
END $$;
SELECT public.wrapped();                                                       -- ERROR
DO $$
DECLARE
	run bigint;
	state text;
BEGIN
	CALL medallion.run('top', run, state);
EXCEPTION WHEN division_by_zero THEN
	NULL;
END $$;                                                                        -- ERROR
CALL medallion.run('top');                                                     -- ERROR: not within itself either
SELECT medallion.drop_step('top', 'nest');
SELECT medallion.add_step('top', 'fine', 'SELECT 1');
DO $$
DECLARE
	row record;
	run bigint;
	state text;
BEGIN
	FOR row IN SELECT * FROM generate_series(1, 3) LOOP
		CALL medallion.run('top', run, state);
		RAISE NOTICE '%', state;
	END LOOP;
END $$;

-- Runs of a pipeline are kept apart, also from a step that gives up every lock that it finds.
SELECT medallion.add_step('top', 'unlock', $$SELECT pg_advisory_unlock_all(); INSERT INTO public.trace (what)
	SELECT count(*) || ' locks' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()$$);
SELECT medallion.add_step('top', 'look', $$INSERT INTO public.trace (what)
	SELECT concat(l.classid, ' ', l.objid = p.id, ' ', l.objsubid) FROM pg_locks l, medallion.pipeline p
	 WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() AND p.name = 'top'$$);
TRUNCATE public.trace;
CALL medallion.run('top');
SELECT what FROM public.trace ORDER BY id;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

DROP TABLE public.trace, public.divisor, public.setting, public.input;
DROP FUNCTION public.note(text), public.wrapped();
SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3;
