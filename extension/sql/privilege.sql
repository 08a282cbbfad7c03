--
-- What is dumped, and who may do what. The last part: it covers the objects of all others.
--

DO $$
DECLARE
	relation pg_catalog.regclass;
BEGIN
	FOR relation IN
		SELECT c.oid
		  FROM pg_catalog.pg_class c
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) 'medallion'::pg_catalog.regnamespace AND c.relkind IN ('r', 'S')
		   AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid OPERATOR(pg_catalog.=) ANY (e.extconfig))
	LOOP
		PERFORM pg_catalog.pg_extension_config_dump(relation, '');
	END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA medallion FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA medallion FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA medallion FROM PUBLIC;

-- These say or show only what concerns the caller. USAGE on the schema is granted to nobody.
GRANT EXECUTE ON FUNCTION medallion.current_run(), medallion.current_step(), medallion.current_pipeline(),
	medallion.current_try(), medallion.current_params(), medallion.interval_start(), medallion.interval_end(), medallion.transient(text),
	medallion.report(text, bigint, bigint, text), medallion.check_owner(text), medallion.openweather_options(), medallion.webhook_options() TO PUBLIC;
GRANT SELECT ON medallion.latest_run, medallion.run_history, medallion.step_history TO PUBLIC;
