--
-- Backfill: the windows of a range of time made again from the raw objects, and the check that compares the two.
--

-- Hours and days are made of whole days only.
CREATE FUNCTION medallion.whole_days("from" timestamptz, "to" timestamptz, OUT first timestamptz, OUT last timestamptz)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	epoch constant timestamptz := '1970-01-01 00:00:00+00';
BEGIN
	IF "from" >= "to" THEN
		RAISE EXCEPTION 'the range of time is empty' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Its end is no part of it.';
	END IF;
	first := date_bin(interval '24 hours', COALESCE("from", '-infinity'), epoch);
	last := date_bin(interval '24 hours', COALESCE("to", 'infinity') - interval '1 microsecond', epoch) + interval '24 hours';
END
$$;
COMMENT ON FUNCTION medallion.whole_days(timestamptz, timestamptz) IS 'the UTC days that a range of time touches; NULL for no bound';

CREATE FUNCTION medallion.check_backfill(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF EXISTS (SELECT FROM medallion.cadence c WHERE c.pipeline = $1) THEN
		RAISE EXCEPTION 'pipeline "%" has data intervals, each with a run of its own', $1
			USING ERRCODE = 'wrong_object_type', HINT = format('CALL medallion.backfill(%L, "from", "to", ''missing'')', $1);
	ELSIF NOT EXISTS (SELECT FROM medallion.weather_topic t WHERE t.pipeline = $1) THEN
		RAISE EXCEPTION 'pipeline "%" has no data intervals, and no windows to make again', $1
			USING ERRCODE = 'wrong_object_type', DETAIL = 'It reads its whole source in each run, and publishes what differs.',
				HINT = format('To do its steps again from what is there: CALL medallion.rebuild(%L, step)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_backfill(text) IS 'an ERROR for pipelines that are none of weather';

-- The windows of the batch take the place of all that begin in the range.
CREATE FUNCTION medallion.replace_windows(pipeline text, granularity text, first timestamptz, last timestamptz, watermark timestamptz,
		OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	days date[];
BEGIN
	EXECUTE format($sql$
		WITH wanted AS MATERIALIZED (
			SELECT w.*, medallion.weather_is_final(w.window_end, $4) AS is_final
			  FROM medallion.weather_totals($1) w WHERE w.window_start >= $2 AND w.window_start < $3
		), gone AS (
			DELETE FROM %1$s AS t
			 WHERE t.window_start >= $2 AND t.window_start < $3 AND %4$s
			   AND NOT EXISTS (SELECT FROM wanted w WHERE (w.city, w.window_start) = (t.city, t.window_start))
			RETURNING t.window_start
		), put AS (
			INSERT INTO %1$s AS t (%2$s, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity,
								   sum_temp, sum_humidity, readings, is_final, updated_at)
			SELECT w.city, %3$s w.window_start, w.window_end, w.avg_temp, w.avg_humidity, w.min_temp, w.max_temp, w.min_humidity,
				   w.max_humidity, w.sum_temp, w.sum_humidity, w.readings, w.is_final, now()
			  FROM wanted w ORDER BY w.city, w.window_start
			ON CONFLICT (%2$s) DO UPDATE
			SET (window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final, updated_at)
				= (excluded.window_end, excluded.avg_temp, excluded.avg_humidity, excluded.min_temp, excluded.max_temp, excluded.min_humidity,
				   excluded.max_humidity, excluded.sum_temp, excluded.sum_humidity, excluded.readings, excluded.is_final, excluded.updated_at)
			WHERE (t.window_end, t.avg_temp, t.avg_humidity, t.min_temp, t.max_temp, t.min_humidity, t.max_humidity, t.sum_temp, t.sum_humidity,
				   t.readings, t.is_final)
				IS DISTINCT FROM (excluded.window_end, excluded.avg_temp, excluded.avg_humidity, excluded.min_temp, excluded.max_temp,
								  excluded.min_humidity, excluded.max_humidity, excluded.sum_temp, excluded.sum_humidity, excluded.readings,
								  excluded.is_final)
			RETURNING t.window_start, t.xmax = 0 AS is_new
		)
		SELECT (SELECT count(*) FROM put WHERE is_new), (SELECT count(*) FROM put WHERE NOT is_new), (SELECT count(*) FROM gone),
			   (SELECT array_agg(DISTINCT (c.window_start AT TIME ZONE 'UTC')::date)
				  FROM (SELECT window_start FROM put UNION ALL SELECT window_start FROM gone) c)$sql$, t.target, t.key, t.value, t.condition)
	INTO inserted, updated, deleted, days USING granularity, first, last, watermark;
	PERFORM medallion.note_days($1, granularity, days);
END
$$;
COMMENT ON FUNCTION medallion.replace_windows(text, text, timestamptz, timestamptz, timestamptz) IS
'make the windows of a granularity that begin in a range of time those of the batch; returns how many changed';

-- Records that could be used when they landed, and cannot under the rules of today, become dead letters; so do those that
-- could once be replayed.
CREATE FUNCTION medallion.keep_newly_rejected(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
		INSERT INTO weather.dead_letter AS d (topic, partition, "offset", "timestamp", key, value, reason, detail, run_id)
		SELECT medallion.generation_name(r.topic, r.generation), b.partition, b."offset", b."timestamp",
			   medallion.raw_bytes(b.key, b.key_base64), m.value, w.reason, w.detail, medallion.current_run()
		  FROM (SELECT DISTINCT j.partition, j."offset" FROM medallion.weather_rejected() j) n
		  JOIN medallion.raw_object r ON r.pipeline = %1$L AND r.partition = n.partition AND n."offset" BETWEEN r.first_offset AND r.last_offset
		  JOIN %2$s b ON b._path = r.path AND b."offset" = n."offset"
		  CROSS JOIN LATERAL medallion.raw_bytes(b.value::text, b.value_base64) m (value)
		  CROSS JOIN LATERAL medallion.weather_reading(b."timestamp", m.value) w
		 WHERE w.kind = 'dead'
		ON CONFLICT (topic, partition, "offset") DO UPDATE SET reason = excluded.reason, detail = excluded.detail, replayed_at = NULL
		WHERE d.replayed_at IS NOT NULL$sql$, $1, medallion.own_table($1, 'bronze.weather'));
END
$$;
COMMENT ON FUNCTION medallion.keep_newly_rejected(text) IS 'enter the records of the batch that cannot be used any more';

CREATE FUNCTION medallion.backfill(pipeline text, "from" timestamptz, "to" timestamptz, OUT first timestamptz, OUT last timestamptz,
		OUT objects bigint, OUT records bigint, OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	granularity text;
	c record;
BEGIN
	PERFORM medallion.check_backfill($1);
	PERFORM medallion.take_weather($1);
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	SELECT d.first, d.last INTO first, last FROM medallion.whole_days("from", "to") d;
	RAISE NOTICE 'making the windows of whole UTC days again, from % to %', first, last;
	SELECT n.objects, n.records INTO objects, records FROM medallion.count_raw_range($1, first, last) n;
	inserted := 0;
	updated := 0;
	deleted := 0;
	FOREACH granularity IN ARRAY ARRAY['5min', 'hour', 'day'] LOOP
		c := medallion.replace_windows($1, granularity, first, last, medallion.raise_watermark($1, NULL));
		inserted := inserted + c.inserted;
		updated := updated + c.updated;
		deleted := deleted + c.deleted;
	END LOOP;
	IF (medallion.weather_summary()).dead > 0 THEN
		PERFORM medallion.keep_newly_rejected($1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.backfill(text, timestamptz, timestamptz) IS
'make the windows of a range of event times (NULL: no bound) again from the raw objects, in whole UTC days; returns what was read, and how many rows changed';

CREATE FUNCTION medallion.compare_windows(pipeline text, granularity text, first timestamptz, last timestamptz, watermark timestamptz)
	RETURNS TABLE (city text, window_start timestamptz, stands jsonb, wanted jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
BEGIN
	RETURN QUERY EXECUTE format($sql$
		SELECT COALESCE(s.city, w.city), COALESCE(s.window_start, w.window_start), to_jsonb(s) - 'updated_at' - 'granularity' - 'avg_temp_c', to_jsonb(w)
		  FROM (SELECT t.* FROM %1$s t WHERE t.window_start >= $2 AND t.window_start < $3 AND %2$s) s
		  FULL JOIN (SELECT b.*, medallion.weather_is_final(b.window_end, $4) AS is_final
					   FROM medallion.weather_totals($1) b WHERE b.window_start >= $2 AND b.window_start < $3) w
			ON (w.city, w.window_start) = (s.city, s.window_start)
		 WHERE to_jsonb(s) - 'updated_at' - 'granularity' - 'avg_temp_c' IS DISTINCT FROM to_jsonb(w)
		 ORDER BY 1, 2$sql$, t.target, t.condition)
	USING granularity, first, last, watermark;
END
$$;
COMMENT ON FUNCTION medallion.compare_windows(text, text, timestamptz, timestamptz, timestamptz) IS
'windows of a granularity that differ from those of the batch; stands or wanted is NULL where there is none';

CREATE FUNCTION medallion.check_weather(pipeline text DEFAULT 'weather', "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
	RETURNS TABLE (granularity text, city text, window_start timestamptz, stands jsonb, wanted jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC'
AS $$
DECLARE
	d record;
	reached timestamptz;
	newest timestamptz;
BEGIN
	PERFORM medallion.check_backfill($1);
	PERFORM medallion.take_weather($1);
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	SELECT * INTO d FROM medallion.whole_days("from", "to");
	PERFORM medallion.count_raw_range($1, d.first, d.last);
	reached := medallion.raise_watermark($1, NULL);
	newest := COALESCE((medallion.weather_summary()).max_event, '-infinity');
	IF newest > reached OR (newest < reached AND d.last = 'infinity') THEN
		RETURN QUERY SELECT 'watermark', NULL::text, NULL::timestamptz, to_jsonb(reached), to_jsonb(newest);
	END IF;
	RETURN QUERY
		SELECT g.name, c.city, c.window_start, c.stands, c.wanted
		  FROM unnest(ARRAY['5min', 'hour', 'day']) WITH ORDINALITY g (name, position)
		  CROSS JOIN LATERAL medallion.compare_windows($1, g.name, d.first, d.last, reached) c
		 ORDER BY g.position, c.city, c.window_start;
END
$$;
COMMENT ON FUNCTION medallion.check_weather(text, timestamptz, timestamptz) IS
'compare the windows with what the raw objects give, in whole UTC days: one row for each that differs, none if all is well';
