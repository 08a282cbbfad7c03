--
-- Ingest: every source table of a pipeline becomes one raw object. The step is one transaction, so fdw_mysql reads all
-- tables in one snapshot, and nothing is visible in the bucket before the last guard has passed.
--

-- What must not depend on the session: an object's bytes are a function of the rows alone.
CREATE FUNCTION medallion.ingest(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off SET extra_float_digits = 1 SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601'
	SET timezone = 'UTC' SET bytea_output = 'hex' SET work_mem = '256MB'
AS $$
DECLARE
	s medallion.source;
	found_rows bigint;
	o record;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	PERFORM medallion.check_drift(c) FROM medallion.source c WHERE c.pipeline = $1 ORDER BY c.name;
	FOR s IN SELECT * FROM medallion.source c WHERE c.pipeline = $1 ORDER BY c.name LOOP
		found_rows := medallion.copy_source(s);
		PERFORM medallion.guard(s, found_rows);
		UPDATE medallion.source c SET rows = found_rows, shrink_accepted = false
		WHERE (c.pipeline, c.name) = (s.pipeline, s.name)
		  AND (c.rows, c.shrink_accepted) IS DISTINCT FROM (found_rows, false);
	END LOOP;

	FOR o IN SELECT * FROM medallion.finish_objects($1) f ORDER BY f.table_name LOOP
		PERFORM medallion.report(o.table_name, o.rows, o.bytes, CASE WHEN o.uploaded THEN 'written' ELSE 'unchanged' END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.ingest(text) IS 'copies the source tables of a pipeline into raw objects, in one snapshot';

-- The foreign table over the raw objects decides which columns are copied.
CREATE FUNCTION medallion.copy_source(s medallion.source) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	raw regclass := medallion.own_table(s.pipeline, medallion.raw_table(s));
	columns text := medallion.column_list(medallion.data_columns(raw));
	copied bigint;
BEGIN
	EXECUTE format('INSERT INTO %s (%s, _path) SELECT %2$s, %L FROM %s ORDER BY %s',
				   raw, columns, s.path, s.source::regclass, medallion.column_list(s.key));
	GET DIAGNOSTICS copied = ROW_COUNT;
	IF copied = 0 THEN
		PERFORM public.fdw_s3_write_empty(raw, s.path);
	END IF;
	RETURN copied;
END
$$;
COMMENT ON FUNCTION medallion.copy_source(medallion.source) IS 'writes one source table to its raw object; returns the number of rows';
