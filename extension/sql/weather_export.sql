--
-- Export of weather: the windows that begin in a UTC day are one object of their granularity. Days that have changed since
-- are written again, and so are those whose object is lost or another one.
--

CREATE FUNCTION medallion.weather_folder(granularity text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE granularity WHEN '5min' THEN '5min/' WHEN 'hour' THEN 'hourly/' WHEN 'day' THEN 'daily/' END $$;
COMMENT ON FUNCTION medallion.weather_folder(text) IS 'folder of the objects of a granularity';

CREATE FUNCTION medallion.weather_export_table(granularity text) RETURNS name
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('windows_' || granularity)::name $$;
COMMENT ON FUNCTION medallion.weather_export_table(text) IS 'foreign table, in lake_weather, over the objects of a granularity';

CREATE FUNCTION medallion.weather_export_path(granularity text, day date) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT medallion.weather_folder(granularity) || to_char(day, '"date="YYYY-MM-DD"/part-00000.csv"') $$;
COMMENT ON FUNCTION medallion.weather_export_path(text, date) IS 'object of the windows that begin in a UTC day';

-- Of the pipeline's layers one has objects that the ledger of objects knows.
CREATE FUNCTION medallion.make_weather_exports(pipeline text, lake name, bucket text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text := (SELECT 'city text NOT NULL, ' || string_agg(format('%I %s', c.name, split_part(c.type, ' ', 1)), ', ')
					 FROM medallion.weather_column() c WHERE c.name <> 'updated_at');
	granularity text;
BEGIN
	INSERT INTO medallion.layer (pipeline, name, schema_name, lake_schema, server, bucket)
	VALUES ($1, 'silver', 'weather', 'lake_weather', lake, bucket) ON CONFLICT DO NOTHING;
	PERFORM medallion.make_schema($1, 'lake_weather');
	FOREACH granularity IN ARRAY ARRAY['5min', 'hour', 'day'] LOOP
		PERFORM medallion.make_weather_foreign_table($1, format('lake_weather.%I', medallion.weather_export_table(granularity)),
			columns || ', _path text OPTIONS (metadata ''path'')', lake, bucket,
			format('prefix %L, format ''csv'', header ''true'', skip_unchanged ''true''', medallion.weather_folder(granularity)),
			format('windows of weather (%s) as they stand in bucket %s', granularity, bucket));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.make_weather_exports(text, name, text) IS 'make the foreign tables over the objects of the windows';

-- Days whose object does not hold what the tables do, or is not the one that the ledger knows.
CREATE FUNCTION medallion.stale_days(pipeline text) RETURNS TABLE (granularity text, day date)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH stands AS MATERIALIZED (
		SELECT l.path, l.etag
		  FROM medallion.layer y
		  CROSS JOIN unnest(ARRAY['5min', 'hour', 'day']) g
		  CROSS JOIN LATERAL public.fdw_s3_list(y.server, y.bucket, medallion.weather_folder(g)) l
		 WHERE (y.pipeline, y.name) = ($1, 'silver')
	)
	SELECT w.granularity, w.day
	  FROM medallion.weather_day w
	  CROSS JOIN LATERAL medallion.weather_export_path(w.granularity, w.day) p
	  JOIN medallion.layer y ON (y.pipeline, y.name) = (w.pipeline, 'silver')
	  LEFT JOIN medallion.object o ON (o.pipeline, o.server, o.bucket, o.path) = (w.pipeline, y.server, y.bucket, p)
	  LEFT JOIN stands s ON s.path = p
	 WHERE w.pipeline = $1 AND (w.exported IS DISTINCT FROM w.version OR o.etag IS DISTINCT FROM s.etag OR o.etag IS NULL)
$$;
COMMENT ON FUNCTION medallion.stale_days(text) IS 'UTC days whose windows do not stand in the bucket as they are in the tables';

-- Ordered as the key, by the bytes of the city's name: an object's bytes do not depend on the database.
CREATE FUNCTION medallion.export_days(pipeline text, granularity text, days date[]) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	lake regclass := medallion.own_table($1, format('lake_weather.%I', medallion.weather_export_table(granularity)));
	columns text := medallion.column_list(medallion.data_columns(lake));
	exported bigint;
	written text[];
BEGIN
	EXECUTE format($sql$
		WITH exported AS MATERIALIZED (SELECT d, medallion.weather_export_path($1, d) AS path FROM unnest($2) d)
		INSERT INTO %1$s (%2$s, _path)
		SELECT %3$s, e.path
		  FROM exported e
		  JOIN %4$s t ON t.window_start >= e.d::timestamp AT TIME ZONE 'UTC' AND t.window_start < (e.d + 1)::timestamp AT TIME ZONE 'UTC' AND %5$s
		 ORDER BY e.d, t.city COLLATE "C", t.window_start$sql$,
		lake, columns, medallion.column_list(medallion.data_columns(lake), 't.%1$s'), t.target, t.condition) USING granularity, days;
	GET DIAGNOSTICS exported = ROW_COUNT;
	EXECUTE format('SELECT public.fdw_s3_write_empty(%L::regclass, medallion.weather_export_path($1, d)) FROM unnest($2) d WHERE NOT EXISTS '
				   '(SELECT FROM %s t WHERE t.window_start >= d::timestamp AT TIME ZONE ''UTC'' AND t.window_start < (d + 1)::timestamp AT TIME ZONE ''UTC'' AND %s)',
				   lake, t.target, t.condition) USING granularity, days;
	RETURN exported;
END
$$;
COMMENT ON FUNCTION medallion.export_days(text, text, date[]) IS 'write the windows of a granularity that begin in those UTC days';

CREATE FUNCTION medallion.enter_exports(pipeline text, granularity text) RETURNS TABLE (objects bigint, bytes bigint, uploaded bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH finished AS MATERIALIZED (
		SELECT f.* FROM public.fdw_s3_finish() f
		JOIN medallion.layer y ON (y.pipeline, y.name, y.server, y.bucket) = ($1, 'silver', f.server, f.bucket)
		WHERE starts_with(f.path, medallion.weather_folder($2))
	), entered AS (
		INSERT INTO medallion.object AS o (server, bucket, path, pipeline, layer, table_name, rows, bytes, etag, sha256, run_id)
		SELECT f.server, f.bucket, f.path, $1, 'silver', medallion.weather_export_table($2), f.rows, f.bytes, f.etag, f.sha256, medallion.current_run()
		FROM finished f
		ON CONFLICT ON CONSTRAINT object_pkey DO UPDATE
		SET (rows, bytes, etag, sha256, run_id, written_at, system_identifier) =
			(excluded.rows, excluded.bytes, excluded.etag, excluded.sha256, excluded.run_id, excluded.written_at, excluded.system_identifier)
		WHERE (o.rows, o.bytes, o.etag, o.sha256) IS DISTINCT FROM (excluded.rows, excluded.bytes, excluded.etag, excluded.sha256)
	)
	SELECT count(*), sum(f.bytes)::bigint, count(*) FILTER (WHERE f.uploaded) FROM finished f
$$;
COMMENT ON FUNCTION medallion.enter_exports(text, text) IS 'complete the uploads of a granularity and enter them into the ledger';

CREATE FUNCTION medallion.export_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off SET datestyle = 'ISO, YMD' SET timezone = 'UTC'
AS $$
DECLARE
	s record;
	o record;
	rows bigint;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	FOR s IN SELECT d.granularity, array_agg(d.day ORDER BY d.day) AS days FROM medallion.stale_days($1) d GROUP BY d.granularity ORDER BY d.granularity LOOP
		rows := medallion.export_days($1, s.granularity, s.days);
		SELECT * INTO o FROM medallion.enter_exports($1, s.granularity);
		UPDATE medallion.weather_day w SET exported = w.version
		WHERE (w.pipeline, w.granularity) = ($1, s.granularity) AND w.day = ANY (s.days) AND w.exported IS DISTINCT FROM w.version;
		PERFORM medallion.report(medallion.weather_folder(s.granularity), rows, o.bytes, format('%s of %s objects written', o.uploaded, o.objects));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.export_weather(text) IS 'write the windows that have changed to their objects';

CREATE FUNCTION medallion.export_weather_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD'
AS $$
	SELECT md5(COALESCE(string_agg(format('%s %s %s', w.granularity, w.day, w.version), ',' ORDER BY w.granularity, w.day), '')),
		   NOT EXISTS (SELECT FROM medallion.stale_days($1))
	  FROM medallion.weather_day w WHERE w.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.export_weather_fingerprint(text) IS 'versions of the inputs of export_weather(), and whether its output still stands';
