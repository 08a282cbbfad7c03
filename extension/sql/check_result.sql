--
-- Check results: what came of the checks of a run, and rows that failed. Step "check" runs them in its plan, which is
-- committed, and judges in apply: what a check found survives the failure of the step.
--

CREATE TABLE medallion.check_result (
	result_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	pipeline text NOT NULL,
	model text NOT NULL,
	check_name text NOT NULL,
	run_id bigint REFERENCES medallion.run ON DELETE CASCADE,
	state text NOT NULL CHECK (state IN ('passed', 'failed', 'unknown')),
	failing bigint,
	message text,
	checked_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	FOREIGN KEY (pipeline, model, check_name) REFERENCES medallion.check_rule ON DELETE CASCADE
);
CREATE INDEX ON medallion.check_result (pipeline, model, check_name, result_id);
CREATE INDEX ON medallion.check_result (run_id);
COMMENT ON TABLE medallion.check_result IS 'what came of a check';
COMMENT ON COLUMN medallion.check_result.result_id IS 'number of the result';
COMMENT ON COLUMN medallion.check_result.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.check_result.model IS 'the model or table';
COMMENT ON COLUMN medallion.check_result.check_name IS 'the check';
COMMENT ON COLUMN medallion.check_result.run_id IS 'run that it was a part of, or NULL';
COMMENT ON COLUMN medallion.check_result.state IS 'passed, failed, or unknown: the check could not be run';
COMMENT ON COLUMN medallion.check_result.failing IS 'number of rows that break it';
COMMENT ON COLUMN medallion.check_result.message IS 'why it could not be run';
COMMENT ON COLUMN medallion.check_result.checked_at IS 'when it was run';

CREATE TABLE medallion.check_failure (
	result_id bigint NOT NULL REFERENCES medallion.check_result ON DELETE CASCADE,
	position integer NOT NULL,
	pipeline text NOT NULL,
	row jsonb NOT NULL,
	PRIMARY KEY (result_id, position)
);
COMMENT ON TABLE medallion.check_failure IS 'rows that break a check, up to "keep" of each check and run';
COMMENT ON COLUMN medallion.check_failure.result_id IS 'the result';
COMMENT ON COLUMN medallion.check_failure.position IS 'number of the row';
COMMENT ON COLUMN medallion.check_failure.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.check_failure.row IS 'the row';

CREATE VIEW medallion.check_status WITH (security_barrier) AS
	SELECT c.pipeline, c.model, c.name AS check_name, c.kind, c.severity, COALESCE(r.state, 'unknown') AS state, r.failing, r.message,
		   r.checked_at, r.run_id
	  FROM medallion.check_rule c
	  JOIN medallion.visible_pipeline p ON p.name OPERATOR(pg_catalog.=) c.pipeline
	  LEFT JOIN LATERAL (SELECT * FROM medallion.check_result l
						  WHERE l.pipeline OPERATOR(pg_catalog.=) c.pipeline AND l.model OPERATOR(pg_catalog.=) c.model
							AND l.check_name OPERATOR(pg_catalog.=) c.name
						  ORDER BY l.result_id DESC LIMIT 1) r ON true;
COMMENT ON VIEW medallion.check_status IS 'the checks of the pipelines that the reader may look at, each with what came of it last';

-- Stored SQL is run with nobody's rights but those of the role that could have stored it.
CREATE FUNCTION medallion.check_runner(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF medallion.owner_of($1) IS DISTINCT FROM (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'only the owner of pipeline "%" can run its checks', $1
			USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I', (SELECT p.owner FROM medallion.pipeline p WHERE p.name = $1));
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_runner(text) IS 'an ERROR unless the current role is the owner of the pipeline, with whose rights its SQL is run';

-- Runs all checks of a pipeline, whatever comes of each: on what was built last where it has models, else on its tables.
CREATE FUNCTION medallion.run_checks(pipeline text)
	RETURNS TABLE (model text, check_name text, severity text, state text, failing bigint, message text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
	SET jit = off SET work_mem = '64MB'
AS $$
DECLARE
	has_models boolean := EXISTS (SELECT FROM medallion.model m WHERE m.pipeline = $1);
	c medallion.check_rule;
BEGIN
	PERFORM medallion.check_runner($1);
	IF has_models THEN
		PERFORM medallion.check_work_schema($1);
		PERFORM medallion.require_build($1);
	END IF;
	FOR c IN SELECT * FROM medallion.check_rule r WHERE r.pipeline = $1 ORDER BY r.model, r.name LOOP
		SELECT d.state, d.failing, d.message INTO STRICT state, failing, message FROM medallion.run_check(c) d;
		model := c.model;
		check_name := c.name;
		severity := c.severity;
		PERFORM medallion.report(format('%s.%s', model, check_name), NULL, NULL, medallion.describe_result(state, failing, message));
		IF severity = 'warn' AND state <> 'passed' THEN
			PERFORM medallion.raise_alert($1, 'check', format('%s.%s', model, check_name),
										  format('check "%s" of "%s": %s', check_name, model, medallion.describe_result(state, failing, message)),
										  medallion.current_run());
		ELSE
			PERFORM medallion.clear_alert($1, 'check', format('%s.%s', model, check_name));
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.run_checks(text) IS 'runs the checks of a pipeline and records what came of them';

CREATE FUNCTION medallion.describe_result(state text, failing bigint, message text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE state WHEN 'passed' THEN 'passed'
					  WHEN 'failed' THEN format('%s failing %s', failing, CASE failing WHEN 1 THEN 'row' ELSE 'rows' END)
					  ELSE 'could not be run: ' || message END
$$;
COMMENT ON FUNCTION medallion.describe_result(text, bigint, text) IS 'what came of a check, in words';

-- A later try of the same run takes the place of an earlier one.
CREATE FUNCTION medallion.run_check(c medallion.check_rule) RETURNS medallion.check_result
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result medallion.check_result;
	kept jsonb;
BEGIN
	SELECT f.failing, f.kept, f.message INTO STRICT result.failing, kept, result.message FROM medallion.find_failures(c) f;
	DELETE FROM medallion.check_result r
	WHERE (r.pipeline, r.model, r.check_name, r.run_id) = (c.pipeline, c.model, c.name, medallion.current_run());
	INSERT INTO medallion.check_result AS r (pipeline, model, check_name, run_id, state, failing, message)
	VALUES (c.pipeline, c.model, c.name, medallion.current_run(),
			CASE WHEN result.failing IS NULL THEN 'unknown' WHEN result.failing = 0 THEN 'passed' ELSE 'failed' END,
			result.failing, result.message)
	RETURNING r.* INTO result;
	INSERT INTO medallion.check_failure (result_id, position, pipeline, row)
	SELECT result.result_id, k.n, c.pipeline, k.row FROM jsonb_array_elements(kept) WITH ORDINALITY AS k (row, n);
	RETURN result;
END
$$;
COMMENT ON FUNCTION medallion.run_check(medallion.check_rule) IS 'runs one check and records what came of it';

-- One pass: all failing rows are counted, the first of them kept. A query that fails is this check's misfortune alone.
CREATE FUNCTION medallion.find_failures(c medallion.check_rule, OUT failing bigint, OUT kept jsonb, OUT message text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_models boolean := EXISTS (SELECT FROM medallion.model m WHERE m.pipeline = c.pipeline);
	query text;
BEGIN
	query := medallion.check_query(c, medallion.checked_table(c.pipeline, c.model, true),
								   CASE WHEN c.args ? 'to' THEN medallion.checked_table(c.pipeline, c.args ->> 'to', true) END);
	IF has_models THEN
		PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', medallion.work_schema(c.pipeline)), true);
	END IF;
	EXECUTE format(E'SELECT count(*), COALESCE(jsonb_agg(to_jsonb(f.r)) FILTER (WHERE f.n <= %s), ''[]'') '
				   'FROM (SELECT q AS r, row_number() OVER () AS n FROM (%s\n) AS q) AS f', c.keep, query)
	INTO failing, kept;
EXCEPTION
	WHEN OTHERS THEN
		message := SQLERRM;
		kept := '[]';
END
$$;
COMMENT ON FUNCTION medallion.find_failures(medallion.check_rule) IS 'number of rows that break a check, and the first of them';

CREATE FUNCTION medallion.failing_rows(pipeline text, model text, check_name text) RETURNS SETOF jsonb
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT f.row
	  FROM medallion.check_failure f
	 WHERE f.result_id = (SELECT max(r.result_id) FROM medallion.check_result r WHERE (r.pipeline, r.model, r.check_name) = ($1, $2, $3))
	 ORDER BY f.position
$$;
COMMENT ON FUNCTION medallion.failing_rows(text, text, text) IS 'rows that broke a check when it was last run, as many as are kept';

CREATE FUNCTION medallion.require_checks(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f record;
BEGIN
	PERFORM medallion.check_owner($1);
	SELECT (array_agg(d ORDER BY d.model, d.check_name))[1] AS first, count(*) AS number,
		   string_agg(format('%s.%s: %s', d.model, d.check_name, medallion.describe_result(d.state, d.failing, d.message)), '; '
					  ORDER BY d.model, d.check_name) AS list
	INTO f
	FROM medallion.check_status d
	WHERE (d.pipeline, d.severity) = ($1, 'error') AND d.state <> 'passed';
	IF f.number > 0 THEN
		RAISE EXCEPTION 'check "%" of "%": %', (f.first).check_name, (f.first).model,
			medallion.describe_result((f.first).state, (f.first).failing, (f.first).message)
			USING ERRCODE = 'check_violation',
				DETAIL = format('Not passed: %s.', f.list),
				HINT = format('See the rows: SELECT medallion.failing_rows(%L, %L, %L)', $1, (f.first).model, (f.first).check_name);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.require_checks(text) IS 'an ERROR where a check of severity error did not pass when it was last run';

-- The build and the checks. Time alone can change the result of a check of freshness.
CREATE FUNCTION medallion.check_fingerprint(pipeline text) RETURNS text
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN NOT EXISTS (SELECT FROM medallion.check_rule c WHERE (c.pipeline, c.kind) = ($1, 'freshness'))
				THEN format('build %s, checks %s', b.id, md5((SELECT string_agg(c::text, ',' ORDER BY c.model, c.name)
															  FROM medallion.check_rule c WHERE c.pipeline = $1))) END
	  FROM medallion.build b
	 WHERE b.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.check_fingerprint(text) IS 'versions of the inputs of run_checks(), or NULL where they cannot be told';
