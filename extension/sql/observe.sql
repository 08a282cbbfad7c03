--
-- Views of what is going on: how fresh the tables are, what runs, what is due next. For whoever may look at a pipeline, see
-- observer.sql; none of them asks anything of a remote server, or reads more of the history than a few rows of a pipeline.
--

CREATE INDEX ON medallion.run (pipeline, run_id) WHERE state OPERATOR(pg_catalog.=) 'succeeded' AND mode OPERATOR(pg_catalog.=) 'run';

-- Backfills of what is long past say nothing of what is new.
CREATE VIEW medallion.last_success WITH (security_barrier) AS
	SELECT p.name AS pipeline, s.run_id, s.started_at, s.ended_at, m.max_age,
		   pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) GREATEST(s.started_at, m.since) OPERATOR(pg_catalog.>) m.max_age AS stale,
		   GREATEST(s.started_at, m.since) OPERATOR(pg_catalog.+) m.max_age AS stale_at
	  FROM medallion.visible_pipeline p
	  LEFT JOIN medallion.max_age m ON m.pipeline OPERATOR(pg_catalog.=) p.name
	  LEFT JOIN LATERAL (SELECT r.run_id, r.started_at, r.ended_at FROM medallion.run r
						  WHERE r.pipeline OPERATOR(pg_catalog.=) p.name AND r.state OPERATOR(pg_catalog.=) 'succeeded'
							AND r.mode OPERATOR(pg_catalog.=) 'run' AND r.reason OPERATOR(pg_catalog.<>) 'backfill'
						  ORDER BY r.run_id DESC LIMIT 1) s ON true;
COMMENT ON VIEW medallion.last_success IS 'the last run of each pipeline that brought it up to date, and when that is too long ago';

CREATE VIEW medallion.freshness WITH (security_barrier) AS
	SELECT t.pipeline, t.table_name, t.rows, t.changed_at, s.ended_at AS checked_at,
		   pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.ended_at AS age, s.max_age, s.stale
	  FROM (SELECT m.pipeline, pg_catalog.format('%I.%I', l.schema_name, m.name) AS table_name, p.rows, p.changed_at
			  FROM medallion.model m
			  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer
			  JOIN medallion.publication p ON p.pipeline OPERATOR(pg_catalog.=) m.pipeline AND p.model OPERATOR(pg_catalog.=) m.name
			 UNION ALL
			SELECT w.pipeline, pg_catalog.format('weather.%s', c.relname), NULLIF(c.reltuples, -1)::bigint, o.moved_at
			  FROM medallion.weather_topic w
			  JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) 'weather'
			  JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
										AND c.relname OPERATOR(pg_catalog.=) ANY ('{weather_rt,weather_bt}'::name[])
			  LEFT JOIN LATERAL (SELECT pg_catalog.max(q.moved_at) AS moved_at FROM medallion.weather_position q
								  WHERE q.pipeline OPERATOR(pg_catalog.=) w.pipeline AND q.anchor_offset IS NOT NULL) o ON true) t
	  JOIN medallion.last_success s ON s.pipeline OPERATOR(pg_catalog.=) t.pipeline;
COMMENT ON VIEW medallion.freshness IS
'the published tables: rows (of weather: estimated), when they last changed, when a successful run last looked, and whether that is longer ago than max_age';

-- Other sessions' progress is for superusers; that of steps is for everybody who sees the runs.
CREATE FUNCTION medallion.run_process() RETURNS TABLE (run_id bigint, alive boolean, rows bigint, bytes bigint)
	LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10 SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.run_id, a.pid IS NOT NULL, p.tuples_processed, p.bytes_processed
	  FROM medallion.run r
	  LEFT JOIN pg_stat_activity a ON a.pid = r.pid AND a.backend_start <= COALESCE(r.continued_at, r.started_at)
	  LEFT JOIN pg_stat_progress_copy p ON p.pid = a.pid AND p.relid = 'medallion.step_run'::regclass
	 WHERE r.state = 'running'
$$;
COMMENT ON FUNCTION medallion.run_process() IS 'the processes of the runs that are recorded as running, and the rows and bytes that their steps have reported';

CREATE VIEW medallion.running WITH (security_barrier) AS
	SELECT r.pipeline, r.run_id, s.step, s.try, s.started_at, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.started_at AS elapsed,
		   b.rows, b.bytes, LEAST(99, (100 OPERATOR(pg_catalog.*) b.rows) OPERATOR(pg_catalog./) NULLIF(e.rows, 0))::integer AS percent,
		   g.object, g.note, r.pid, b.alive
	  FROM medallion.run r
	  JOIN medallion.visible_pipeline p ON p.name OPERATOR(pg_catalog.=) r.pipeline
	  JOIN medallion.run_process() b ON b.run_id OPERATOR(pg_catalog.=) r.run_id
	  LEFT JOIN medallion.step_run s ON s.run_id OPERATOR(pg_catalog.=) r.run_id AND s.state OPERATOR(pg_catalog.=) 'running'
	  LEFT JOIN LATERAL (SELECT l.object, l.note FROM medallion.step_log l
						  WHERE l.run_id OPERATOR(pg_catalog.=) s.run_id AND l.step OPERATOR(pg_catalog.=) s.step AND l.try OPERATOR(pg_catalog.=) s.try
						  ORDER BY l.position DESC LIMIT 1) g ON true
	  LEFT JOIN LATERAL (SELECT t.rows FROM medallion.run o
						   JOIN medallion.step_run t ON t.run_id OPERATOR(pg_catalog.=) o.run_id AND t.step OPERATOR(pg_catalog.=) s.step
						  WHERE o.pipeline OPERATOR(pg_catalog.=) r.pipeline AND t.state OPERATOR(pg_catalog.=) 'succeeded'
						  ORDER BY o.run_id DESC LIMIT 1) e ON true
	 WHERE r.state OPERATOR(pg_catalog.=) 'running';
COMMENT ON VIEW medallion.running IS
'runs that are under way, with the step, the rows and bytes that it has reported so far, what share that is of its last success, and the '
'last object that it has committed; alive: its process is there';

-- pg_cron shows roles their own jobs only, and its settings to superusers. Without pg_cron, a schema "cron" may be anybody's.
CREATE FUNCTION medallion.cron_jobs()
	RETURNS TABLE (job_id bigint, name text, pipeline text, schedule text, timezone text, role name, can_login boolean, active boolean)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT medallion.has_cron() THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE $query$
		SELECT j.jobid, j.jobname::text, p.name, j.schedule, COALESCE(current_setting('cron.timezone', true), 'UTC'), j.username::name, r.rolcanlogin, j.active
		  FROM cron.job j
		  LEFT JOIN medallion.pipeline p ON j.jobname = medallion.job_name(p.name)
		  LEFT JOIN pg_roles r ON r.rolname = j.username
		 WHERE j.database = current_database() AND (p.name IS NOT NULL OR j.jobname IN (SELECT c.name FROM medallion.common_job() c)) $query$;
END
$$;
COMMENT ON FUNCTION medallion.cron_jobs() IS 'the pg_cron jobs of this database that call pipelines; can_login: NULL where the role does not exist';

CREATE VIEW medallion.next_run WITH (security_barrier) AS
	WITH due AS (
		SELECT j.pipeline, medallion.next_time(j.schedule, pg_catalog.clock_timestamp(), j.timezone) AS next_at, 'schedule' AS reason
		  FROM medallion.cron_jobs() j WHERE j.pipeline IS NOT NULL AND j.active
		 UNION ALL
		SELECT r.pipeline, r.retry_at, 'retry' FROM medallion.run r WHERE r.state OPERATOR(pg_catalog.=) 'waiting'
		 UNION ALL
		SELECT q.pipeline, q.requested_at, q.reason FROM medallion.request q WHERE q.pid IS NULL
		 UNION ALL
		SELECT s.pipeline, s.stale_at, 'max_age' FROM medallion.last_success s WHERE s.max_age IS NOT NULL
	)
	SELECT p.name AS pipeline, CASE WHEN NOT p.paused THEN d.next_at END AS next_at,
		   CASE WHEN p.paused THEN 'paused' ELSE COALESCE(d.reason, 'not scheduled') END AS reason
	  FROM medallion.visible_pipeline p
	  LEFT JOIN (SELECT DISTINCT ON (e.pipeline) e.pipeline, e.next_at, e.reason FROM due e
				  WHERE e.next_at IS NOT NULL ORDER BY e.pipeline, e.next_at) d ON d.pipeline OPERATOR(pg_catalog.=) p.name;
COMMENT ON VIEW medallion.next_run IS
'when each pipeline is due next, and why: schedule (pg_cron), max_age, retry, a request that waits for a worker; without a time: paused or not scheduled';
