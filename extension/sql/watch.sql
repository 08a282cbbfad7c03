--
-- Watch: once a minute, by pg_cron. It looks at what is recorded, asks for the runs that are due, and raises alerts. It
-- never runs a pipeline itself: one that takes long would keep every alert waiting.
--

CREATE TABLE medallion.max_age (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	max_age interval NOT NULL CHECK (max_age OPERATOR(pg_catalog.>) '0'::interval),
	since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE medallion.max_age IS 'how old the last success of a pipeline may be before watch() starts it';
COMMENT ON COLUMN medallion.max_age.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.max_age.max_age IS 'counted from the begin of the last run that succeeded';
COMMENT ON COLUMN medallion.max_age.since IS 'when this was set, from which it is counted before the first success';

-- A process of that number that began later is another one.
CREATE FUNCTION medallion.is_alive(pid integer, since timestamptz) RETURNS boolean
	LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = $1 AND a.backend_start <= $2) $$;
COMMENT ON FUNCTION medallion.is_alive(integer, timestamptz) IS 'whether the process that had this number then still runs';

-- A try that died with the server says nothing about its step: it is done again at once, but not for ever.
CREATE FUNCTION medallion.close_dead_runs(pipelines text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT n.run_id, n.pipeline, s.step, COALESCE(s.try, 0) <= GREATEST(d.retries, 2) AS again
			   FROM medallion.run n
			   LEFT JOIN medallion.step_run s ON s.run_id = n.run_id AND s.state = 'running'
			   LEFT JOIN medallion.step d ON (d.pipeline, d.name) = (n.pipeline, s.step)
			  WHERE n.pipeline = ANY (pipelines) AND n.state = 'running' AND NOT medallion.is_alive(n.pid, COALESCE(n.continued_at, n.started_at))
			  FOR UPDATE OF n SKIP LOCKED LOOP
		UPDATE medallion.step_run s
		   SET state = CASE WHEN r.again THEN 'waiting' ELSE 'failed' END, ended_at = clock_timestamp(), sqlstate = '57000',
			   message = 'did not finish: the server or session ended'
		 WHERE s.run_id = r.run_id AND s.state = 'running';
		UPDATE medallion.run n
		   SET state = CASE WHEN r.again THEN 'waiting' ELSE 'failed' END, retry_at = CASE WHEN r.again THEN clock_timestamp() END,
			   ended_at = CASE WHEN NOT r.again THEN clock_timestamp() END,
			   failed_step = r.step, sqlstate = '57000', message = 'did not finish: the server or session ended'
		 WHERE n.run_id = r.run_id AND n.state = 'running';
		PERFORM medallion.after_run(r.run_id);
	END LOOP;
	PERFORM medallion.return_requests(ARRAY(SELECT q.request_id FROM medallion.request q
											 WHERE q.pipeline = ANY (pipelines) AND q.pid IS NOT NULL AND NOT medallion.is_alive(q.pid, q.started_at)));
END
$$;
COMMENT ON FUNCTION medallion.close_dead_runs(text[]) IS 'have the runs whose process is gone wait for their next try, and give back the requests of dead workers';

CREATE FUNCTION medallion.stale_pipelines(pipelines text[])
	RETURNS TABLE (pipeline text, max_age interval, last_success timestamptz, startable boolean)
	LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
	SELECT m.pipeline, m.max_age, s.started_at,
		   NOT p.paused AND NOT EXISTS (SELECT FROM medallion.run o WHERE o.pipeline = m.pipeline AND o.state IN ('running', 'waiting'))
		   -- what fails again and again is not started every minute
		   AND COALESCE(t.ended_at < clock_timestamp() - LEAST(m.max_age / 10, interval '1 hour'), true)
	  FROM medallion.max_age m
	  JOIN medallion.pipeline p ON p.name = m.pipeline
	  LEFT JOIN LATERAL (SELECT r.started_at FROM medallion.run r
						  WHERE r.pipeline = m.pipeline AND r.state = 'succeeded' AND r.mode = 'run' AND r.reason <> 'backfill'
						  ORDER BY r.run_id DESC LIMIT 1) s ON true
	  LEFT JOIN LATERAL (SELECT r.ended_at FROM medallion.run r WHERE r.pipeline = m.pipeline ORDER BY r.run_id DESC LIMIT 1) t ON true
	 WHERE m.pipeline = ANY (pipelines) AND clock_timestamp() - GREATEST(s.started_at, m.since) > m.max_age
$$;
COMMENT ON FUNCTION medallion.stale_pipelines(text[]) IS 'pipelines whose last success is older than their max_age, and whether they can be started now';

-- What the calling role may see to. As the owner of the tables, on behalf of the role that calls watch(). Returns, for each
-- thing that a worker is to do, the role whose worker it is.
CREATE FUNCTION medallion.watch_as(caller name) RETURNS oid[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine text[] := ARRAY(SELECT p.name FROM medallion.pipeline p JOIN pg_roles o ON o.rolname = p.owner WHERE pg_has_role(caller, o.oid, 'USAGE'));
	s record;
BEGIN
	PERFORM medallion.close_dead_runs(mine);
	INSERT INTO medallion.request (pipeline, run_id, reason, requested_by)
	SELECT r.pipeline, r.run_id, 'retry', caller FROM medallion.run r JOIN medallion.pipeline p ON p.name = r.pipeline
	 WHERE r.pipeline = ANY (mine) AND r.state = 'waiting' AND r.retry_at <= clock_timestamp() AND NOT p.paused
	   AND NOT EXISTS (SELECT FROM medallion.request q WHERE q.run_id = r.run_id)
	ON CONFLICT DO NOTHING;
	FOR s IN SELECT * FROM medallion.stale_pipelines(mine) LOOP
		PERFORM medallion.raise_alert(s.pipeline, 'stale', '', format('the last success began %s; max_age is %s',
									  COALESCE(format('at %s', s.last_success), 'never'), s.max_age));
		INSERT INTO medallion.request (pipeline, reason, requested_by)
		SELECT s.pipeline, 'stale', caller WHERE s.startable AND NOT EXISTS (SELECT FROM medallion.request q WHERE q.pipeline = s.pipeline)
		ON CONFLICT DO NOTHING;
	END LOOP;
	PERFORM medallion.watch_events(mine);
	RETURN ARRAY(SELECT o.oid FROM medallion.pipeline p JOIN pg_roles o ON o.rolname = p.owner
				   JOIN (SELECT q.pipeline FROM medallion.request q WHERE q.pid IS NULL
						 UNION ALL
						 SELECT d.pipeline FROM medallion.alert_delivery d WHERE d.delivered_at IS NULL AND d.next_at <= clock_timestamp()) w
					 ON w.pipeline = p.name
				  WHERE p.name = ANY (mine));
END
$$;
COMMENT ON FUNCTION medallion.watch_as(name) IS 'watch() for the pipelines whose owner''s rights a role has; returns the roles whose workers are to be started';

CREATE FUNCTION medallion.watch() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_watch';
COMMENT ON FUNCTION medallion.watch() IS
'for pg_cron, every minute: close runs that died, start what is due again or older than its max_age in background workers, raise and deliver alerts';
