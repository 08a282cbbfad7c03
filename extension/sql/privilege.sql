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

-- Only from what this script has made: what an update finds has been seen to, and may carry grants of the user's. Touching
-- it here would record those as the extension's own, and pg_dump would leave them out.
DO $$
DECLARE
	made text;
BEGIN
	FOR made IN
		SELECT pg_catalog.format('TABLE %s', c.oid::pg_catalog.regclass)
		  FROM pg_catalog.pg_class c
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) 'medallion'::pg_catalog.regnamespace AND c.relkind IN ('r', 'v', 'S')
		   AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE i.objoid OPERATOR(pg_catalog.=) c.oid
							  AND i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass)
		UNION ALL
		SELECT pg_catalog.format('ROUTINE %s', p.oid::pg_catalog.regprocedure)
		  FROM pg_catalog.pg_proc p
		 WHERE p.pronamespace OPERATOR(pg_catalog.=) 'medallion'::pg_catalog.regnamespace
		   AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE i.objoid OPERATOR(pg_catalog.=) p.oid
							  AND i.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass)
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM PUBLIC', made);
	END LOOP;
END
$$;

-- These say or show only what concerns the caller. USAGE on the schema is granted to nobody.
GRANT EXECUTE ON FUNCTION medallion.current_run(), medallion.current_step(), medallion.current_pipeline(),
	medallion.current_try(), medallion.current_params(), medallion.interval_start(), medallion.interval_end(), medallion.transient(text),
	medallion.report(text, bigint, bigint, text), medallion.check_owner(text), medallion.openweather_options(), medallion.webhook_options(),
	medallion.work_schema(text) TO PUBLIC;
GRANT SELECT ON medallion.latest_run, medallion.run_history, medallion.step_history, medallion.log_history TO PUBLIC;
