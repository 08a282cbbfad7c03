--
-- Build: every model's query is run into a work table. Readers see nothing of it.
--

CREATE TABLE medallion.build (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	id bigint NOT NULL,
	run_id bigint,
	built_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	interval_start timestamptz,
	interval_end timestamptz
);
COMMENT ON TABLE medallion.build IS 'the last build of a pipeline';
COMMENT ON COLUMN medallion.build.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.build.id IS 'number of the build, which its work tables carry';
COMMENT ON COLUMN medallion.build.run_id IS 'run that made it';
COMMENT ON COLUMN medallion.build.built_at IS 'when it was made';
COMMENT ON COLUMN medallion.build.interval_start IS 'begin of the data interval that it is about, or NULL';
COMMENT ON COLUMN medallion.build.interval_end IS 'end of that, which is not within it, or NULL';

-- The raw tables are copied first: each object is read and compared with the ledger once, and the queries get tables with
-- statistics that they can scan in parallel, which foreign tables are not. Workers are cheap here: nobody waits for the
-- first row. Each of them may take work_mem for each hash table.
CREATE FUNCTION medallion.build(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC'
	SET jit = off SET work_mem = '64MB' SET parallel_setup_cost = 100 SET parallel_tuple_cost = 0.02
AS $$
DECLARE
	number bigint;
	m medallion.model_table;
	built bigint;
BEGIN
	PERFORM medallion.repair($1);
	PERFORM medallion.check_objects($1, 'raw');
	PERFORM medallion.stage_source(s) FROM medallion.source s WHERE s.pipeline = $1;
	PERFORM medallion.check_objects($1, 'raw');
	INSERT INTO medallion.build AS b (pipeline, id, run_id, interval_start, interval_end)
	VALUES ($1, 1, medallion.current_run(), medallion.interval_start(), medallion.interval_end())
	ON CONFLICT ON CONSTRAINT build_pkey DO UPDATE
	SET id = b.id + 1, run_id = excluded.run_id, built_at = excluded.built_at,
		interval_start = excluded.interval_start, interval_end = excluded.interval_end
	RETURNING b.id INTO number;
	-- no query is to find what an earlier build has left of a model that comes after it
	PERFORM medallion.clear_work(t) FROM medallion.model_table t WHERE t.pipeline = $1;
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 ORDER BY t.position LOOP
		built := medallion.build_model(m, number);
		PERFORM medallion.report(m.name, built);
	END LOOP;
	PERFORM medallion.unstage_source(s) FROM medallion.source s WHERE s.pipeline = $1;
END
$$;
COMMENT ON FUNCTION medallion.build(text) IS 'runs the query of every model of a pipeline into its work table';

CREATE FUNCTION medallion.stage_source(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	raw regclass := medallion.own_table(s.pipeline, medallion.raw_table(s));
	stage text := format('%I.%I', medallion.work_schema(s.pipeline), s.name);
	landed bigint := (SELECT sum(o.rows) FROM medallion.object o
					  WHERE (o.pipeline, o.layer, o.table_name) = (s.pipeline, s.layer, s.name));
	staged bigint;
BEGIN
	EXECUTE format('DROP TABLE IF EXISTS %s', stage);
	EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT %s FROM %s', stage, medallion.column_list(medallion.data_columns(raw)), raw);
	GET DIAGNOSTICS staged = ROW_COUNT;
	IF staged <> COALESCE(landed, 0) THEN
		RAISE EXCEPTION '% has % rows, but % were written to its object', raw, staged, COALESCE(landed, 0)
			USING ERRCODE = 'check_violation';
	END IF;
	EXECUTE format('ANALYZE %s (%s)', stage, medallion.column_list(s.key));
END
$$;
COMMENT ON FUNCTION medallion.stage_source(medallion.source) IS 'copies a raw table into the work schema; fails where rows are missing';

CREATE FUNCTION medallion.unstage_source(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DROP TABLE %I.%I', medallion.work_schema(s.pipeline), s.name);
END
$$;
COMMENT ON FUNCTION medallion.unstage_source(medallion.source) IS 'drops the copy of a raw table';

-- The query finds the raw tables and the models before it in the work schema, but functions and operators in pg_catalog
-- first. A key that the query yields twice, or that is NULL, would be ambiguous in a difference: the primary key
-- says so, and finds the rows. Of strategy replace, publish sees it: see check_rows().
CREATE FUNCTION medallion.build_model(m medallion.model_table, build_id bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	built bigint;
BEGIN
	PERFORM medallion.check_interval(m);
	PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', medallion.work_schema(m.pipeline)), true);
	EXECUTE medallion.build_sql(m);
	GET DIAGNOSTICS built = ROW_COUNT;
	PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
	PERFORM medallion.note_inputs(m);
	IF m.strategy <> 'replace' THEN
		EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%s)', m.built, medallion.column_list(m.key));
		EXECUTE format('CREATE VIEW %s AS %s', m.work, medallion.whole_sql(m));
	END IF;
	EXECUTE format('ANALYZE %s (%s)', m.built, medallion.column_list(m.key));
	EXECUTE format('INSERT INTO %I._mark VALUES ($1, $2, $3) ON CONFLICT (model) DO UPDATE '
				   'SET build_id = excluded.build_id, rows = excluded.rows', medallion.work_schema(m.pipeline))
	USING m.name, build_id, built;
	RETURN built;
END
$$;
COMMENT ON FUNCTION medallion.build_model(medallion.model_table, bigint) IS
'runs the query of one model into its work table; returns the number of rows';

CREATE FUNCTION medallion.clear_work(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation record;
BEGIN
	FOR relation IN
		SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
		FROM pg_class c WHERE c.oid IN (to_regclass(m.work), to_regclass(m.built)) ORDER BY c.relkind DESC
	LOOP
		EXECUTE format('DROP %s %s', relation.kind, relation.name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.clear_work(medallion.model_table) IS 'drops what the work schema has of a model';

-- True if every work table of the pipeline is the one that the build made.
CREATE FUNCTION medallion.work_stands(pipeline text, build_id bigint) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(bool_and(k.build_id IS NOT DISTINCT FROM $2 AND to_regclass(m.work) IS NOT NULL), false)
	  FROM medallion.model_table m
	  LEFT JOIN medallion.work_marks($1) k ON k.model = m.name
	 WHERE m.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.work_stands(text, bigint) IS 'whether the work tables are those of a build';

-- Runs of other data intervals build into the same work tables.
CREATE FUNCTION medallion.is_build_of_run(pipeline text) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM medallion.build b
					WHERE b.pipeline = $1 AND b.interval_start IS NOT DISTINCT FROM medallion.interval_start()
					  AND b.interval_end IS NOT DISTINCT FROM medallion.interval_end())
$$;
COMMENT ON FUNCTION medallion.is_build_of_run(text) IS 'whether the last build is about the data interval of the run';

-- What build depends on: the raw objects, the models and, where one asks for it, the data interval. The output stands if the
-- work tables are still those. Nobody knows the inputs of a pipeline without sources.
CREATE FUNCTION medallion.build_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN EXISTS (SELECT FROM medallion.source s WHERE s.pipeline = $1) THEN
		   md5(concat((SELECT string_agg(format('%s %s', o.path, o.etag), ',' ORDER BY o.path)
					   FROM medallion.object o WHERE (o.pipeline, o.layer) = ($1, 'raw')),
					  (SELECT string_agg(format('%s %s %s', t.target, t.key, t.query)
										 || CASE t.strategy WHEN 'replace' THEN '' ELSE concat(' ', t.strategy, t.time_column) END, ',' ORDER BY t.position)
					   FROM medallion.model_table t WHERE t.pipeline = $1),
					  (SELECT concat(medallion.interval_start(), medallion.interval_end())
					   WHERE EXISTS (SELECT FROM medallion.model t WHERE (t.pipeline, t.strategy) = ($1, 'interval'))))) END,
		   medallion.work_stands($1, (SELECT b.id FROM medallion.build b WHERE b.pipeline = $1)) AND medallion.is_build_of_run($1)
$$;
COMMENT ON FUNCTION medallion.build_fingerprint(text) IS 'versions of the inputs of build(), and whether its output still stands';

CREATE FUNCTION medallion.require_build(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	number bigint := (SELECT b.id FROM medallion.build b WHERE b.pipeline = $1);
BEGIN
	IF NOT medallion.work_stands($1, number) THEN
		RAISE EXCEPTION 'work tables of pipeline "%" are not those of build %', $1, COALESCE(number, 0)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('A crash empties them. The next run builds them again: CALL medallion.run(%L)', $1);
	ELSIF medallion.current_run() IS NOT NULL AND NOT medallion.is_build_of_run($1) THEN
		RAISE EXCEPTION 'work tables of pipeline "%" are those of another data interval', $1
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run the step that builds them in the same run.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.require_build(text) IS 'an ERROR where the work tables are not those of the last build';
