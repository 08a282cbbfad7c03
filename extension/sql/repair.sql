--
-- Repair: what a pipeline has made is made again where it is missing.
--

-- Each step does so first, and so does each install with the same arguments. Outside of a run, only the owner may: whatever
-- the owner has stored (queries, triggers, defaults) would run with the rights of the caller.
CREATE FUNCTION medallion.repair(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	l medallion.layer;
	s medallion.source;
	m medallion.model_table;
BEGIN
	PERFORM medallion.check_maker($1);
	IF EXISTS (SELECT FROM medallion.weather_topic t WHERE t.pipeline = $1) THEN
		PERFORM medallion.repair_weather($1);
		RETURN;
	END IF;
	FOR l IN SELECT * FROM medallion.layer c WHERE c.pipeline = $1 ORDER BY c.name LOOP
		PERFORM medallion.make_schema($1, l.schema_name);
		PERFORM medallion.make_schema($1, l.lake_schema) WHERE l.lake_schema IS NOT NULL;
	END LOOP;
	PERFORM medallion.create_work_schema($1);
	FOR s IN SELECT * FROM medallion.source c WHERE c.pipeline = $1 ORDER BY c.name LOOP
		PERFORM medallion.make_raw_table(s) WHERE to_regclass(medallion.raw_table(s)) IS NULL;
	END LOOP;
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 ORDER BY t.position LOOP
		IF to_regclass(m.target) IS NULL THEN
			PERFORM medallion.make_target(m);
		ELSIF NOT medallion.is_target(m) THEN
			PERFORM medallion.watch_target(m);
		END IF;
		PERFORM medallion.add_lake_table($1, m.name) WHERE to_regclass(m.lake) IS NULL;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.repair(text) IS 'make again the schemas and tables of a pipeline that are missing';
