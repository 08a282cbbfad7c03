--
-- Export: the published tables as objects, one each, rows in key order. A table whose published version already stands in
-- the bucket is left alone.
--

CREATE FUNCTION medallion.export(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off SET extra_float_digits = 1 SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601'
	SET timezone = 'UTC' SET bytea_output = 'hex' SET work_mem = '256MB'
AS $$
DECLARE
	m medallion.model_table;
	o record;
	exported bigint;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	FOR m IN SELECT t.* FROM medallion.model_table t JOIN medallion.stale_exports($1) s ON s.model = t.name
			 WHERE t.pipeline = $1 ORDER BY t.position LOOP
		EXECUTE format('INSERT INTO %s (%s, _path) SELECT %2$s, %L FROM %s ORDER BY %s', medallion.own_table($1, m.lake),
					   medallion.column_list(medallion.data_columns(m.lake::regclass)), m.path, medallion.own_table($1, m.target), medallion.column_list(m.key));
		GET DIAGNOSTICS exported = ROW_COUNT;
		IF exported = 0 THEN
			PERFORM public.fdw_s3_write_empty(m.lake::regclass, m.path);
		END IF;
		UPDATE medallion.publication p SET exported = p.version
		WHERE (p.pipeline, p.model) = ($1, m.name) AND p.exported IS DISTINCT FROM p.version;
	END LOOP;
	FOR o IN SELECT * FROM medallion.finish_objects($1) f ORDER BY f.layer, f.table_name LOOP
		PERFORM medallion.report(format('%s/%s', o.layer, o.table_name), o.rows, o.bytes,
								 CASE WHEN o.uploaded THEN 'written' ELSE 'unchanged' END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.export(text) IS 'writes the published tables of a pipeline to their objects';

-- Models whose object does not hold the published version, or is not the one that the ledger knows.
CREATE FUNCTION medallion.stale_exports(pipeline text) RETURNS TABLE (model name)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH lost AS MATERIALIZED (
		SELECT d.bucket, d.path
		  FROM (SELECT DISTINCT t.layer FROM medallion.model_table t WHERE t.pipeline = $1 AND t.path IS NOT NULL) l
		  CROSS JOIN LATERAL medallion.object_differences($1, l.layer) d
		 WHERE d.wanted IS NOT NULL
	)
	SELECT t.name
	  FROM medallion.model_table t
	  JOIN medallion.publication p ON (p.pipeline, p.model) = (t.pipeline, t.name)
	 WHERE t.pipeline = $1 AND t.path IS NOT NULL
	   AND (p.exported IS DISTINCT FROM p.version OR EXISTS (SELECT FROM lost WHERE (lost.bucket, lost.path) = (t.bucket, t.path)))
$$;
COMMENT ON FUNCTION medallion.stale_exports(text) IS 'models whose published version does not stand in the bucket';

CREATE FUNCTION medallion.export_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT md5(string_agg(format('%s %s %s %s', t.target, t.bucket, t.path, p.version), ',' ORDER BY t.position)),
		   NOT EXISTS (SELECT FROM medallion.stale_exports($1))
	  FROM medallion.model_table t JOIN medallion.publication p ON (p.pipeline, p.model) = (t.pipeline, t.name)
	 WHERE t.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.export_fingerprint(text) IS 'versions of the inputs of export(), and whether its output still stands';
