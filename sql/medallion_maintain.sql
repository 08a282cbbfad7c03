-- maintain(): what is past its time goes, what something still reads stays.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
CREATE ROLE regress_owner;
CREATE ROLE regress_other;
GRANT USAGE ON SCHEMA medallion TO regress_owner, regress_other;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO regress_owner, regress_other;
SET ROLE regress_owner;
SELECT medallion.create_pipeline(p) FROM unnest('{kept,idle,slices}'::text[]) p;
SELECT medallion.add_step('kept', 'load', 'SELECT 1', fingerprint => $$SELECT 'same'$$);
SELECT medallion.add_step('kept', 'once', 'SELECT 1', fingerprint => $$SELECT 'same'$$);
RESET ROLE;

-- The day on which a run ended, that many days ago: its steps and their states.
CREATE PROCEDURE public.past(pipeline text, days integer, state text, steps text[] DEFAULT '{}', interval_start timestamptz DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	id bigint;
BEGIN
	INSERT INTO medallion.run (pipeline, state, triggered_by, started_at, ended_at, interval_start, message, retry_at)
	VALUES (pipeline, state, 'regress_owner', now() - days * interval '1 day', CASE WHEN state NOT IN ('running', 'waiting') THEN now() - days * interval '1 day' END,
			interval_start, format('%s days', days), CASE WHEN state = 'waiting' THEN now() END)
	RETURNING run_id INTO id;
	INSERT INTO medallion.step_run (run_id, step, state, definition, fingerprint)
	SELECT id, split_part(s, ' ', 1), split_part(s, ' ', 2), COALESCE(d.definition, ''), 'same' FROM unnest(steps) s
	LEFT JOIN medallion.step d ON (d.pipeline, d.name) = (past.pipeline, split_part(s, ' ', 1));
	INSERT INTO medallion.step_log (run_id, step, position, object) SELECT id, split_part(s, ' ', 1), 1, 'x' FROM unnest(steps) s;
END $$;
CALL public.past('kept', 400, 'succeeded', '{load succeeded,once succeeded}');
CALL public.past('kept', 300, 'succeeded', '{load succeeded,once succeeded}');
CALL public.past('kept', 200, 'succeeded', '{load succeeded}');
CALL public.past('kept', 150, 'failed', '{load failed,once blocked}');
CALL public.past('kept', 149, 'waiting', '{load waiting}');
CALL public.past('kept', 120, 'skipped');
CALL public.past('kept', 100, 'succeeded', '{load unchanged}');
CALL public.past('kept', 95, 'failed', '{load failed}');
CALL public.past('kept', 80, 'failed', '{load failed}');
CALL public.past('idle', 500, 'succeeded', '{a succeeded}');
CALL public.past('idle', 400, 'failed', '{a failed}');
CALL public.past('slices', 300, 'succeeded', '{a succeeded}', '2020-01-01');
CALL public.past('slices', 299, 'failed', '{a failed}', '2020-01-02');
CALL public.past('slices', 298, 'succeeded', '{a succeeded}', '2020-01-02');
CALL public.past('slices', 1, 'succeeded', '{a succeeded}', '2020-01-03');
INSERT INTO medallion.alert (pipeline, kind, message, raised_at, cleared_at) VALUES ('kept', 'failure', 'old', now() - interval '200 days', now() - interval '199 days'),
	('kept', 'failure', 'still so', now() - interval '200 days', NULL), ('kept', 'stale', 'new', now() - interval '2 days', now() - interval '1 day');
CREATE TABLE public.checked (a integer);
ALTER TABLE public.checked OWNER TO regress_owner;
SET ROLE regress_owner;
SELECT medallion.add_check('kept', 'public.checked', c, 'not_null', '{"column": "a"}') FROM unnest('{rare,often}'::text[]) c;
RESET ROLE;
INSERT INTO medallion.check_result (pipeline, model, check_name, state, message, checked_at)
SELECT 'kept', 'public.checked', c, 'passed', format('%s days', days), now() - days * interval '1 day'
FROM (VALUES ('rare', 300), ('rare', 200), ('often', 200), ('often', 3), ('often', 2)) d (c, days);

-- Strangers have nothing to maintain.
SET ROLE regress_other;
CALL medallion.maintain('1 second', '1 second', '1 second');
SELECT medallion.expire_runs('kept', '1 second', 10);                          -- ERROR
RESET ROLE;
SELECT count(*) FROM medallion.run;
SET ROLE regress_owner;
CALL medallion.maintain();
RESET ROLE;
SELECT r.pipeline, r.message, r.state, r.interval_start IS NOT NULL AS slice, array_agg(s.step || ' ' || s.state ORDER BY s.step) AS steps
  FROM medallion.run r LEFT JOIN medallion.step_run s USING (run_id) GROUP BY r.run_id ORDER BY r.run_id;
SELECT count(*) FROM medallion.step_log;
SELECT message FROM medallion.alert ORDER BY alert_id;
SELECT check_name, message FROM medallion.check_result ORDER BY result_id;
-- Once more, and with all time: nothing that is read goes.
CALL medallion.maintain('0 seconds', '0 seconds', '0 seconds');
SELECT pipeline, message FROM medallion.run ORDER BY run_id;
UPDATE medallion.run SET state = 'failed', ended_at = now() WHERE state = 'waiting';
CALL medallion.maintain('0 seconds');
SELECT pipeline, message FROM medallion.run ORDER BY run_id;
-- The step that was done 300 days ago is still known to be done.
CALL medallion.run('kept');
SELECT step, state FROM medallion.step_history WHERE pipeline = 'kept' ORDER BY run_id DESC, step LIMIT 2;

-- Many: in batches, each committed.
INSERT INTO medallion.run (pipeline, state, triggered_by, started_at, ended_at)
SELECT 'idle', 'succeeded', 'regress_owner', now() - interval '200 days', now() - interval '200 days' FROM generate_series(1, 3500);
SELECT medallion.expire_runs('idle', '90 days', 1000);
CREATE TABLE public.deletions (rows bigint, in_transaction xid8 DEFAULT pg_current_xact_id());
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.deletions SELECT count(*) FROM gone; RETURN NULL; END $$;
CREATE TRIGGER note AFTER DELETE ON medallion.run REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.note();
CALL medallion.maintain();
SELECT rows, count(DISTINCT in_transaction::text) FROM public.deletions WHERE rows > 0 GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM medallion.run WHERE pipeline = 'idle';

DROP TRIGGER note ON medallion.run;
DROP FUNCTION public.note();
DROP PROCEDURE public.past;
DROP TABLE public.deletions, public.checked;
DROP OWNED BY regress_owner, regress_other;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka;
DROP ROLE regress_owner, regress_other;
