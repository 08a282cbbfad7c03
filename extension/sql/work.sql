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
DECLARE
	mark text := format('%I._mark', medallion.work_schema($1));
BEGIN
	PERFORM medallion.make_schema($1, medallion.work_schema($1));
	PERFORM medallion.check_work_schema($1);
	IF to_regclass(mark) IS NULL THEN
		PERFORM medallion.check_maker($1);
		EXECUTE format('CREATE UNLOGGED TABLE %s (model name PRIMARY KEY, build_id bigint NOT NULL, rows bigint NOT NULL)', mark);
		EXECUTE format('COMMENT ON TABLE %s IS ''which build filled which work table''', mark);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.create_work_schema(text) IS 'make the schema of a pipeline''s work tables, where it is missing';

-- The queries of the models run with this schema in their search_path: nobody but the owner may have put anything there.
CREATE FUNCTION medallion.check_work_schema(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema name := medallion.work_schema($1);
	owner oid := medallion.owner_of($1);
	place pg_namespace;
	stranger oid;
BEGIN
	SELECT n.* INTO place FROM pg_namespace n WHERE n.nspname = schema;
	SELECT s.role INTO stranger
	FROM (SELECT place.nspowner AS role
		  UNION ALL SELECT a.grantee FROM aclexplode(place.nspacl) a WHERE a.privilege_type = 'CREATE'
		  UNION ALL SELECT c.relowner FROM pg_class c WHERE c.relnamespace = place.oid
		  UNION ALL SELECT p.proowner FROM pg_proc p WHERE p.pronamespace = place.oid
		  UNION ALL SELECT o.oprowner FROM pg_operator o WHERE o.oprnamespace = place.oid
		  UNION ALL SELECT t.typowner FROM pg_type t WHERE t.typnamespace = place.oid) s
	WHERE s.role IS DISTINCT FROM owner LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'schema "%" is not the pipeline''s alone', schema
			USING ERRCODE = 'insufficient_privilege',
				DETAIL = format('%s owns it or something in it, or may create there.',
								CASE WHEN stranger = 0 THEN 'PUBLIC' ELSE format('Role "%s"', pg_get_userbyid(stranger)) END),
				HINT = format('Drop the schema: pipeline "%s" makes it again.', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_work_schema(text) IS 'an ERROR if anybody but the owner has or may put something into the work schema';

CREATE FUNCTION medallion.work_marks(pipeline text) RETURNS TABLE (model name, build_id bigint, rows bigint)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark regclass := to_regclass(format('%I._mark', medallion.work_schema($1)));
BEGIN
	IF EXISTS (SELECT FROM pg_class c WHERE c.oid = mark AND c.relkind = 'r' AND c.relowner = medallion.owner_of($1)) THEN
		RETURN QUERY EXECUTE format('SELECT model, build_id, rows FROM %s', mark);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.work_marks(text) IS 'which build filled which work table, with how many rows; none if the owner has no such table';
