--
-- The steps that every pipeline with models has. Those that talk to other servers are tried three times.
--

CREATE FUNCTION medallion.add_model_steps(pipeline text, depends_on text[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before text[] := depends_on;
BEGIN
	PERFORM medallion.check_owner($1);
	IF EXISTS (SELECT FROM medallion.source s WHERE s.pipeline = $1) THEN
		PERFORM medallion.add_step($1, 'ingest', format('SELECT medallion.ingest(%L)', $1), depends_on => before, retries => 2);
		before := '{ingest}';
	END IF;
	PERFORM medallion.add_step($1, 'build', format('SELECT medallion.build(%L)', $1), depends_on => before,
							   fingerprint => format('SELECT * FROM medallion.build_fingerprint(%L)', $1));
	PERFORM medallion.add_check_step($1, '{build}', format('SELECT medallion.check_fingerprint(%L)', $1));
	PERFORM medallion.add_step($1, 'publish', format('SELECT medallion.publish(%L)', $1), depends_on => '{check}',
							   fingerprint => format('SELECT * FROM medallion.publish_fingerprint(%L)', $1));
	IF EXISTS (SELECT FROM medallion.model_table m WHERE m.pipeline = $1 AND m.path IS NOT NULL) THEN
		PERFORM medallion.add_step($1, 'export', format('SELECT medallion.export(%L)', $1), depends_on => '{publish}',
								   fingerprint => format('SELECT * FROM medallion.export_fingerprint(%L)', $1), retries => 2);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.add_model_steps(text, text[]) IS
'add the steps that a pipeline''s sources and models need: ingest, build, check, publish, export; the first depends on the steps given';

CREATE FUNCTION medallion.add_check_step(pipeline text, depends_on text[], fingerprint text DEFAULT NULL) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT medallion.add_step($1, 'check', format('SELECT medallion.require_checks(%L)', $1),
							  plan => format('SELECT medallion.run_checks(%L)', $1), depends_on => $2, fingerprint => $3)
$$;
COMMENT ON FUNCTION medallion.add_check_step(text, text[], text) IS
'add the step that runs the checks of a pipeline, and fails if one of severity error does not pass';
