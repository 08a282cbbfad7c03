-- The views for people and dashboards: what they say, to whom, and that they are quick over a long history.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
CREATE ROLE regress_owner LOGIN;
CREATE ROLE regress_reader;
CREATE ROLE regress_metabase IN ROLE regress_reader;
CREATE ROLE regress_stranger;
INSERT INTO medallion.observer VALUES ('regress_owner', 'regress_reader');
GRANT USAGE ON SCHEMA medallion TO regress_owner, regress_reader, regress_stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO regress_owner;
SET ROLE regress_owner;
SELECT medallion.create_pipeline(p) FROM unnest('{good,bad,dead,late,old,paused,due}'::text[]) p;
SELECT medallion.add_step('good', 'work', $$SELECT medallion.report('a', 40, 4000), medallion.report('b', 2, 200)$$);
SELECT medallion.add_step('bad', 'work', $$DO 'BEGIN RAISE EXCEPTION ''no luck'' USING DETAIL = ''a row of ours''; END'$$);
CALL medallion.run('good', params => '{"token": "of ours"}');
CALL medallion.run('bad');                                                     -- ERROR
SELECT medallion.pause('paused');
RESET ROLE;

-- What goes wrong behind the runner's back.
INSERT INTO medallion.run (pipeline, state, triggered_by, pid) VALUES ('dead', 'running', 'regress_owner', 0);
INSERT INTO medallion.run (pipeline, state, triggered_by, retry_at) VALUES ('late', 'waiting', 'regress_owner', now() - interval '1 hour'), ('due', 'waiting', 'regress_owner', now() + interval '1 hour');
INSERT INTO medallion.run (pipeline, state, triggered_by, started_at, ended_at) VALUES ('old', 'succeeded', 'regress_owner', now() - interval '2 days', now() - interval '47 hours');
INSERT INTO medallion.run (pipeline, state, triggered_by, started_at, ended_at, reason) VALUES ('old', 'succeeded', 'regress_owner', now(), now(), 'backfill');
INSERT INTO medallion.run (pipeline, state, triggered_by, started_at, ended_at, mode) VALUES ('old', 'succeeded', 'regress_owner', now(), now(), 'rebuild');
INSERT INTO medallion.max_age (pipeline, max_age, since) VALUES ('old', '25 hours', now() - interval '3 days');
INSERT INTO medallion.request (pipeline, reason, requested_by, requested_at) VALUES ('good', 'trigger', 'regress_owner', now() - interval '10 minutes');
CREATE VIEW public.health AS SELECT check_name, ok, regexp_replace(message, '(at|began at) \d+-\d.*?(;|$)', '\1 <time>\2', 'g') AS message, fix FROM medallion.health;
GRANT SELECT ON public.health TO PUBLIC;
SELECT check_name FROM public.health WHERE NOT ok AND check_name <> 'pg_cron';
SET ROLE regress_metabase;
SELECT check_name, ok, message, fix FROM public.health WHERE NOT ok AND check_name <> 'pg_cron';
SELECT pipeline, run_id, step, rows, pid, alive FROM medallion.running;
SELECT pipeline, next_at < clock_timestamp() AS overdue, reason FROM medallion.next_run ORDER BY 1;
SELECT pipeline, clock_timestamp() - started_at > '47 hours' AS is_old, stale, max_age FROM medallion.last_success WHERE pipeline IN ('old', 'good', 'bad') ORDER BY 1;
SELECT name, labels, value FROM medallion.metrics WHERE name ~ 'failed|paused|stale|runs_last_day|healthy' AND labels <> '{"check": "pg_cron"}' ORDER BY name COLLATE "C", labels;
SELECT count(*) FROM medallion.metrics WHERE value IS NULL;
-- A reader sees what happened, not the rows and parameters in it.
SELECT pipeline, state, rows, bytes, message, params FROM medallion.run_history WHERE pipeline IN ('good', 'bad') ORDER BY 1 DESC;
SELECT step, state, message, detail FROM medallion.step_history ORDER BY run_id;
SET ROLE regress_owner;
SELECT params FROM medallion.run_history WHERE pipeline = 'good';
SELECT step, state, message, detail FROM medallion.step_history WHERE pipeline = 'bad';
SET ROLE regress_stranger;
SELECT count(*) FROM medallion.visible_pipeline;
SELECT count(*) FROM medallion.run_history;
SELECT count(*) FROM medallion.running;
SELECT count(*) FROM medallion.next_run;
SELECT count(*) FROM medallion.lineage;
SELECT count(*) FROM medallion.freshness;
SELECT count(*) FROM medallion.metrics WHERE labels ? 'pipeline';
SELECT check_name FROM medallion.health WHERE NOT ok AND check_name <> 'pg_cron';
TABLE medallion.observer;                                                      -- ERROR
RESET ROLE;

-- A step that runs shows its progress, and what share of the last success that is.
SET ROLE regress_owner;
SELECT medallion.drop_step('good', 'work');
SELECT medallion.add_step('good', 'work', $$SELECT medallion.report('a', 21); CREATE TEMP TABLE seen AS SELECT * FROM medallion.running;
	SELECT medallion.report(format('%s/%s try %s, %s rows, %s %%, alive %s', s.pipeline, s.step, s.try, s.rows, s.percent, s.alive), 21) FROM seen s WHERE s.pipeline = 'good'$$);
CALL medallion.run('good');
RESET ROLE;
SELECT object FROM medallion.step_log ORDER BY run_id DESC, position DESC LIMIT 1;

-- 100 pipelines with 1,000 runs of 4 steps each, some of them failed, and models.
SET ROLE regress_owner;
SELECT count(medallion.create_pipeline('many' || n)) FROM generate_series(1, 100) n;
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO medallion.run (pipeline, state, triggered_by, started_at, ended_at, failed_step, sqlstate, message)
SELECT 'many' || p, CASE WHEN n % 50 = 7 THEN 'failed' WHEN n % 20 = 3 THEN 'skipped' ELSE 'succeeded' END, 'regress_owner',
	   now() - (1000 - n) * interval '2 hours', now() - (1000 - n) * interval '2 hours' + interval '1 minute', CASE WHEN n % 50 = 7 THEN 'build' END, NULL, NULL
  FROM generate_series(1, 1000) n, generate_series(1, 100) p;
INSERT INTO medallion.step_run (run_id, step, state, rows, started_at, ended_at, definition, fingerprint)
SELECT r.run_id, s, CASE WHEN r.state = 'failed' AND s = 'build' THEN 'failed' ELSE 'succeeded' END, 1000, r.started_at, r.ended_at, 'd', 'f'
  FROM medallion.run r, unnest('{ingest,build,publish,export}'::text[]) s WHERE r.pipeline LIKE 'many%' AND r.state <> 'skipped';
RESET session_replication_role;
INSERT INTO medallion.layer (pipeline, name, schema_name) SELECT 'many' || p, l, 's' FROM generate_series(1, 100) p, unnest('{raw,gold}'::text[]) l;
INSERT INTO medallion.model (pipeline, name, layer, position, key, query, columns) SELECT 'many' || p, 'm' || m, 'gold', m, '{id}', '', '{}' FROM generate_series(1, 100) p, generate_series(1, 10) m;
INSERT INTO medallion.publication (pipeline, model, version, rows, changed_at) SELECT pipeline, name, 1, 1, now() FROM medallion.model;
INSERT INTO medallion.model_input (pipeline, model, input, query_hash) SELECT pipeline, name, 'm1', '' FROM medallion.model WHERE position > 1;
INSERT INTO medallion.max_age (pipeline, max_age) SELECT 'many' || p, '1 day' FROM generate_series(1, 100) p;
VACUUM ANALYZE medallion.run, medallion.step_run, medallion.model, medallion.layer, medallion.publication, medallion.pipeline, medallion.model_input;
-- The time of a query: the best of ten, in ms.
CREATE FUNCTION public.quickest(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	best numeric;
	begun timestamptz;
BEGIN
	FOR i IN 1 .. 10 LOOP
		begun := clock_timestamp();
		EXECUTE format('SELECT count(q.*) FROM (%s) q', query);
		best := LEAST(best, 1000 * EXTRACT(epoch FROM clock_timestamp() - begun));
	END LOOP;
	RETURN best;
END $$;
CREATE FUNCTION public.slow() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s: %s ms', q, round(t, 1))
	  FROM unnest(ARRAY['TABLE medallion.latest_run', 'TABLE medallion.last_success', 'TABLE medallion.freshness', 'TABLE medallion.running', 'TABLE medallion.next_run',
						'TABLE medallion.lineage', 'TABLE medallion.health', 'TABLE medallion.metrics', 'TABLE medallion.weather_freshness',
						'SELECT * FROM medallion.run_history ORDER BY run_id DESC LIMIT 100', 'SELECT * FROM medallion.step_history ORDER BY run_id DESC LIMIT 100',
						'SELECT * FROM medallion.run_history WHERE started_at > now() - interval ''2 days'' ORDER BY started_at DESC',
						'SELECT pipeline, state, count(*) FROM medallion.run_history WHERE started_at > now() - interval ''7 days'' GROUP BY 1, 2',
						'SELECT * FROM medallion.run_history WHERE pipeline = ''many50'' ORDER BY run_id DESC LIMIT 100',
						'SELECT * FROM medallion.step_history WHERE run_id = (SELECT max(run_id) FROM medallion.latest_run)']) q
	 CROSS JOIN LATERAL public.quickest(q) t WHERE t > 100
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;
SELECT * FROM public.slow();
SET ROLE regress_metabase;
SELECT * FROM public.slow();
SELECT count(*) FROM medallion.lineage;
SELECT count(*) FROM medallion.freshness WHERE NOT stale;
RESET ROLE;

DROP VIEW public.health;
DROP OWNED BY regress_owner, regress_reader, regress_stranger;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka;
DROP FUNCTION public.slow(), public.quickest(text);
DROP ROLE regress_owner, regress_reader, regress_metabase, regress_stranger;
