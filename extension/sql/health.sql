--
-- Health: whether the machinery works, from what the server knows. doctor() is the one that asks remote servers.
--

-- Only the newest runs of pg_cron are looked at: there may be millions. A job whose own ERROR is recorded as a run is not
-- pg_cron's problem.
CREATE FUNCTION medallion.cron_problem() RETURNS TABLE (check_name text, pipeline text, problem text, fix text)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current_setting('cron.database_name', true) IS NULL THEN
		RETURN QUERY SELECT 'pg_cron', NULL, 'it is not loaded', 'Add pg_cron to shared_preload_libraries and restart the server.';
		RETURN;
	ELSIF NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.backend_type = 'pg_cron launcher') THEN
		RETURN QUERY SELECT 'pg_cron', NULL, 'its launcher is not running',
							'Restart the server; if the launcher goes again, delete the jobs of dropped roles from cron.job first.';
	END IF;
	RETURN QUERY
		SELECT 'roles of jobs', j.pipeline, format('job "%s": role "%s" %s', j.name, j.role, CASE WHEN j.can_login IS NULL THEN 'does not exist' ELSE 'may not log in' END),
			   CASE WHEN j.can_login IS NULL THEN format('DELETE FROM cron.job WHERE jobid = %s; and restart the server if the launcher is gone.', j.job_id)
			   ELSE format('ALTER ROLE %I LOGIN;', j.role) END
		  FROM medallion.cron_jobs() j WHERE j.can_login IS NOT TRUE;
	IF EXISTS (SELECT FROM medallion.cron_jobs()) THEN
		RETURN QUERY EXECUTE $query$
			SELECT 'jobs', j.pipeline, format('job "%s": %s', j.name, CASE WHEN d.return_message LIKE '%connection failed%'
					   THEN format('role "%s" could not log in', j.role) ELSE 'failed before or after the pipeline ran' END),
				   CASE WHEN d.return_message LIKE '%connection failed%' THEN medallion.cron_login_advice(j.role) ELSE 'See cron.job_run_details and the server''s log.' END
			  FROM medallion.cron_jobs() j
			  JOIN (SELECT DISTINCT ON (d.jobid) d.jobid, d.status, d.return_message FROM cron.job_run_details d
					 WHERE d.runid > (SELECT max(n.runid) - 2000 FROM cron.job_run_details n) AND d.status IN ('succeeded', 'failed')
					 ORDER BY d.jobid, d.runid DESC) d ON d.jobid = j.job_id
			 WHERE d.status = 'failed' AND d.return_message !~ '^(ERROR: +)?run [0-9]+ of pipeline ' $query$;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.cron_problem() IS 'what keeps pg_cron from calling the pipelines';

CREATE VIEW medallion.problem WITH (security_barrier) AS
	SELECT o.check_name, o.problem, o.fix
	  FROM (SELECT c.check_name, c.pipeline, c.problem, c.fix FROM medallion.cron_problem() c
			 UNION ALL
			SELECT 'dead runs', r.pipeline, pg_catalog.format('run %s of pipeline "%s": its process is gone', r.run_id, r.pipeline),
				   pg_catalog.format('CALL medallion.run(%L);', r.pipeline)
			  FROM medallion.running r WHERE NOT r.alive
			 UNION ALL
			SELECT 'retries', r.pipeline, pg_catalog.format('run %s of pipeline "%s" was to be tried again at %s', r.run_id, r.pipeline, r.retry_at),
				   pg_catalog.format('Something has to call medallion.watch() every minute, as the job does that schedule() makes; or: CALL medallion.retry(%L);', r.pipeline)
			  FROM medallion.run r
			 WHERE r.state OPERATOR(pg_catalog.=) 'waiting'
			   AND r.retry_at OPERATOR(pg_catalog.<) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '5 minutes'::interval)
			 UNION ALL
			SELECT 'requests', q.pipeline, pg_catalog.format('a run of pipeline "%s" was asked for at %s and has not begun', q.pipeline, q.requested_at),
				   'Background workers could not start: see max_worker_processes, the server''s log, and whether the owner may log in.'
			  FROM medallion.request q
			 WHERE q.pid IS NULL AND q.requested_at OPERATOR(pg_catalog.<) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '5 minutes'::interval)
			   AND NOT EXISTS (SELECT FROM medallion.run u WHERE u.pipeline OPERATOR(pg_catalog.=) q.pipeline AND u.state OPERATOR(pg_catalog.=) 'running')
			 UNION ALL
			SELECT 'last runs', r.pipeline, pg_catalog.format('run %s of pipeline "%s" failed in step "%s": %s', r.run_id, r.pipeline, r.failed_step, r.message),
				   pg_catalog.format('CALL medallion.retry(%L);', r.pipeline)
			  FROM medallion.latest_run r WHERE r.state OPERATOR(pg_catalog.=) 'failed'
			 UNION ALL
			SELECT 'checks', c.pipeline, pg_catalog.format('check "%s" of "%s" %s', c.check_name, c.model,
														   CASE c.state WHEN 'failed' THEN pg_catalog.format('found %s failing rows', c.failing) ELSE 'could not be run' END),
				   pg_catalog.format('SELECT medallion.failing_rows(%L, %L, %L);', c.pipeline, c.model, c.check_name)
			  FROM medallion.check_status c
			 WHERE c.checked_at IS NOT NULL AND c.state OPERATOR(pg_catalog.<>) 'passed' AND c.severity OPERATOR(pg_catalog.=) 'error'
			 UNION ALL
			SELECT 'freshness', s.pipeline, pg_catalog.format('pipeline "%s": the last success began %s; max_age is %s', s.pipeline,
															  COALESCE('at ' OPERATOR(pg_catalog.||) s.started_at::text, 'never'), s.max_age),
				   pg_catalog.format('CALL medallion.run(%L);', s.pipeline)
			  FROM medallion.last_success s WHERE s.stale
			 UNION ALL
			SELECT 'alerts', d.pipeline, pg_catalog.format('alert %s of pipeline "%s" was not delivered: %s', d.alert_id, d.pipeline, d.error),
				   'Mend the route, see medallion.on_alert().'
			  FROM medallion.alert_delivery d WHERE d.delivered_at IS NULL AND d.tries OPERATOR(pg_catalog.>) 0) o
	 WHERE o.pipeline IS NULL OR EXISTS (SELECT FROM medallion.visible_pipeline p WHERE p.name OPERATOR(pg_catalog.=) o.pipeline);
COMMENT ON VIEW medallion.problem IS 'what is wrong, one thing a row';

CREATE VIEW medallion.health WITH (security_barrier) AS
	SELECT c.check_name, pg_catalog.count(p.problem) OPERATOR(pg_catalog.=) 0 AS ok,
		   COALESCE(pg_catalog.string_agg(p.problem, '; ' ORDER BY p.problem), 'ok') AS message,
		   (pg_catalog.array_agg(p.fix ORDER BY p.problem))[1] AS fix
	  FROM pg_catalog.unnest('{pg_cron,roles of jobs,jobs,dead runs,retries,requests,last runs,checks,freshness,alerts}'::text[]) WITH ORDINALITY c (check_name, n)
	  LEFT JOIN medallion.problem p ON p.check_name OPERATOR(pg_catalog.=) c.check_name
	 GROUP BY c.n, c.check_name
	 ORDER BY c.n;
COMMENT ON VIEW medallion.health IS
'whether the machinery works, without a look at remote servers: pg_cron and its jobs, dead and waiting runs, requests, last runs, checks, freshness, alerts; fix mends the first problem';
