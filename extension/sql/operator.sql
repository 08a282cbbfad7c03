--
-- Who may touch what is recorded about a pipeline: the roles that have the rights of its owner, since steps run as him. A
-- row that such a role changes by hand can harm no pipeline but its own.
--

CREATE FUNCTION medallion.is_operator(pipeline text, role name) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pg_has_role(role, r.oid, 'USAGE')
	  FROM medallion.pipeline p JOIN pg_roles r ON r.rolname = p.owner
	 WHERE p.name = pipeline
$$;
COMMENT ON FUNCTION medallion.is_operator(text, name) IS 'whether a role has the rights of a pipeline''s owner';
REVOKE ALL ON FUNCTION medallion.is_operator(text, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION medallion.is_operator(text, name) TO PUBLIC;

DO $$
DECLARE
	t regclass;
BEGIN
	FOREACH t IN ARRAY ARRAY['medallion.layer', 'medallion.source', 'medallion.model', 'medallion.model_reference',
							 'medallion.model_change', 'medallion.model_input', 'medallion.publication', 'medallion.build',
							 'medallion.check_rule', 'medallion.check_result', 'medallion.check_failure', 'medallion.object',
							 'medallion.cadence', 'medallion.data_interval',
							 'medallion.alert', 'medallion.alert_route', 'medallion.alert_delivery', 'medallion.max_age',
							 'medallion.weather_producer', 'medallion.weather_city', 'medallion.weather_poll',
							 'medallion.weather_watermark', 'medallion.weather_day', 'medallion.weather_topic',
							 'medallion.weather_position', 'medallion.weather_plan', 'medallion.raw_object', 'medallion.weather_gap']::regclass[] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format('CREATE POLICY operator ON %s USING (medallion.is_operator(pipeline, current_user))', t);
		EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO PUBLIC', t);
	END LOOP;
END
$$;
-- What a pipeline starts when it has succeeded is started as that one's owner.
ALTER TABLE medallion.successor ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON medallion.successor USING (medallion.is_operator(pipeline, current_user))
	WITH CHECK (medallion.is_operator(pipeline, current_user) AND medallion.is_operator(next, current_user));
GRANT SELECT, INSERT, UPDATE, DELETE ON medallion.successor TO PUBLIC;
GRANT SELECT ON medallion.model_table, medallion.planned_object, medallion.check_status, medallion.weather_lag, medallion.weather_progress,
	medallion.weather_freshness TO PUBLIC;
-- For observers too: they show what visible_pipeline does, and the functions under them tell no more than that runs and jobs exist.
GRANT SELECT ON medallion.visible_pipeline, medallion.last_success, medallion.freshness, medallion.running, medallion.next_run, medallion.lineage,
	medallion.problem, medallion.health, medallion.metrics, medallion._metabase_metadata TO PUBLIC;
GRANT EXECUTE ON FUNCTION medallion.run_process(), medallion.cron_jobs(), medallion.cron_problem(), medallion.next_time(text, timestamptz, text),
	medallion.cron_day(date, text, text), medallion.cron_field(text, integer, integer, text[]),
	medallion.display_name(text), medallion.semantic_type(text, "char") TO PUBLIC;
-- These are changed through functions only.
ALTER TABLE medallion.step ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON medallion.step FOR SELECT USING (medallion.is_operator(pipeline, current_user));
GRANT SELECT ON medallion.step TO PUBLIC;
ALTER TABLE medallion.endpoint ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON medallion.endpoint FOR SELECT USING (medallion.is_operator(pipeline, current_user));
GRANT SELECT ON medallion.endpoint TO PUBLIC;
GRANT SELECT (name, id, owner, description, paused) ON medallion.pipeline TO PUBLIC;
