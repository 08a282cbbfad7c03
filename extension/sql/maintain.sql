--
-- Maintenance: what is past its time is deleted, a batch at a time, each in a transaction of its own. Ledgers, positions,
-- plans and raw objects are never past their time.
--

CREATE FUNCTION medallion.expire_runs(pipeline text, age interval, batch integer) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_expire_runs';
COMMENT ON FUNCTION medallion.expire_runs(text, interval, integer) IS
'delete runs of a pipeline that ended longer ago, at most so many; returns how many. The latest run stays, and the last success of each step';

-- Of pipelines that the caller owns: others' triggers are not to run with the caller's rights.
CREATE FUNCTION medallion.expire_letters(pipeline text, age interval, batch integer) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deleted bigint := 0;
BEGIN
	IF EXISTS (SELECT FROM medallion.weather_topic t WHERE t.pipeline = $1) AND to_regclass('weather.dead_letter') IS NOT NULL
	   AND (SELECT p.owner = current_user FROM medallion.pipeline p WHERE p.name = $1) THEN
		EXECUTE format('DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT d.ctid FROM %1$s d WHERE d.replayed_at < now() - $1 LIMIT $2))',
					   medallion.own_table($1, 'weather.dead_letter')) USING age, batch;
		GET DIAGNOSTICS deleted = ROW_COUNT;
	END IF;
	RETURN deleted;
END
$$;
COMMENT ON FUNCTION medallion.expire_letters(text, interval, integer) IS 'delete dead letters that were replayed longer ago, at most so many; returns how many';

CREATE FUNCTION medallion.expire_alerts(pipeline text, age interval, batch integer) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	WITH gone AS (
		DELETE FROM medallion.alert a
		 WHERE a.alert_id IN (SELECT o.alert_id FROM medallion.alert o WHERE o.pipeline = $1 AND o.cleared_at < now() - age LIMIT batch)
		RETURNING 1)
	SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION medallion.expire_alerts(text, interval, integer) IS 'delete alerts of a pipeline that were cleared longer ago, at most so many; returns how many';

-- Those of runs go with the runs. The latest of each check is its status.
CREATE FUNCTION medallion.expire_results(pipeline text, age interval, batch integer) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	WITH gone AS (
		DELETE FROM medallion.check_result r
		 WHERE r.result_id IN (SELECT o.result_id FROM medallion.check_result o
								WHERE o.pipeline = $1 AND o.run_id IS NULL AND o.checked_at < now() - age
								  AND EXISTS (SELECT FROM medallion.check_result n
											   WHERE (n.pipeline, n.model, n.check_name) = (o.pipeline, o.model, o.check_name)
												 AND n.result_id > o.result_id)
								LIMIT batch)
		RETURNING 1)
	SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION medallion.expire_results(text, interval, integer) IS
'delete what came of checks outside of runs longer ago, at most so many; returns how many. The latest of each check stays';

-- pg_cron never deletes what it notes of each call. Roles see and delete what is theirs. A call that could not be made has
-- no times: then those of later ones tell.
CREATE FUNCTION medallion.expire_calls(age interval, batch integer) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deleted bigint := 0;
BEGIN
	IF NOT medallion.has_cron() OR NOT has_schema_privilege('cron', 'USAGE') THEN
		RETURN 0;
	END IF;
	EXECUTE $query$
		WITH gone AS (
			DELETE FROM cron.job_run_details d
			 WHERE d.runid IN (SELECT o.runid FROM cron.job_run_details o
								WHERE o.database = current_database() AND o.command ~ '^(CALL|SELECT) medallion\.'
								  AND (COALESCE(o.end_time, o.start_time) < now() - $1
									   OR (o.end_time IS NULL AND o.start_time IS NULL
										   AND o.runid < (SELECT max(n.runid) FROM cron.job_run_details n WHERE n.start_time < now() - $1)))
								ORDER BY o.runid LIMIT $2)
			RETURNING 1)
		SELECT count(*) FROM gone $query$ INTO deleted USING age, batch;
	RETURN deleted;
END
$$;
COMMENT ON FUNCTION medallion.expire_calls(interval, integer) IS
'delete what pg_cron has noted of calls of medallion that were made longer ago, at most so many; returns how many';

CREATE FUNCTION medallion.expire(what text, pipeline text, age interval, batch integer) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE what WHEN 'runs' THEN medallion.expire_runs(pipeline, age, batch)
					 WHEN 'letters' THEN medallion.expire_letters(pipeline, age, batch)
					 WHEN 'alerts' THEN medallion.expire_alerts(pipeline, age, batch)
					 WHEN 'results' THEN medallion.expire_results(pipeline, age, batch)
					 WHEN 'calls' THEN medallion.expire_calls(age, batch) END
$$;
COMMENT ON FUNCTION medallion.expire(text, text, interval, integer) IS 'delete one batch of what is past its time; returns how many';

-- What is to be looked through, for the caller: the history of all pipelines whose owner's rights it has.
CREATE FUNCTION medallion.maintenance(runs interval, calls interval, letters interval) RETURNS TABLE (what text, pipeline text, age interval)
	LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
	SELECT w.what, p.name, w.age
	  FROM medallion.pipeline p CROSS JOIN (VALUES ('runs', runs), ('alerts', runs), ('results', runs), ('letters', letters)) w (what, age)
	 WHERE medallion.is_operator(p.name, current_user)
	 UNION ALL
	SELECT 'calls', NULL, calls
	 ORDER BY 2, 1
$$;
COMMENT ON FUNCTION medallion.maintenance(interval, interval, interval) IS 'what maintain() goes through';

CREATE PROCEDURE medallion.maintain(runs interval DEFAULT '90 days', calls interval DEFAULT '7 days', letters interval DEFAULT '30 days')
	LANGUAGE plpgsql AS $$
DECLARE
	m record;
BEGIN
	FOR m IN SELECT * FROM medallion.maintenance(runs, calls, letters) LOOP
		WHILE medallion.expire(m.what, m.pipeline, m.age, 1000) OPERATOR(pg_catalog.>) 0 LOOP
			COMMIT;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON PROCEDURE medallion.maintain(interval, interval, interval) IS
'delete what is past its time: runs, cleared alerts and results of checks, what pg_cron noted of our calls, dead letters that were replayed; of the pipelines '
'whose owner''s rights the caller has, letters of those that it owns';
