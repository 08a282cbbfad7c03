--
-- The work schema of a pipeline: unlogged tables that build fills and publish reads. A crash empties them; the mark, which
-- is unlogged too, then is gone as well, so that nobody takes an empty table for a result.
--

CREATE FUNCTION medallion.work_schema(pipeline text) RETURNS name
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('work_' || pipeline)::name $$;
COMMENT ON FUNCTION medallion.work_schema(text) IS 'schema of a pipeline''s work tables';

CREATE FUNCTION medallion.create_work_schema(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', medallion.work_schema($1));
	EXECUTE format('CREATE UNLOGGED TABLE IF NOT EXISTS %I._mark '
				   '(model name PRIMARY KEY, build_id bigint NOT NULL, rows bigint NOT NULL)', medallion.work_schema($1));
	EXECUTE format('COMMENT ON TABLE %I._mark IS ''which build filled which work table''', medallion.work_schema($1));
END
$$;
COMMENT ON FUNCTION medallion.create_work_schema(text) IS 'make the schema of a pipeline''s work tables';

CREATE FUNCTION medallion.work_marks(pipeline text) RETURNS TABLE (model name, build_id bigint, rows bigint)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT model, build_id, rows FROM %I._mark', medallion.work_schema($1));
END
$$;
COMMENT ON FUNCTION medallion.work_marks(text) IS 'which build filled which work table, with how many rows';
