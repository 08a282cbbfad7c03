--
-- Merge: what a batch adds up to goes into the tables. Sums and counts are added, so that neither the order of the events
-- nor the cut into batches shows.
--

-- What a batch and the tables are merged under must not depend on the session.
CREATE FUNCTION medallion.merge_weather(pipeline text, topic text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC'
AS $$
DECLARE
	watermark timestamptz;
	granularity text;
BEGIN
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	watermark := medallion.raise_watermark($1, (medallion.weather_summary()).max_event);
	FOREACH granularity IN ARRAY ARRAY['5min', 'hour', 'day'] LOOP
		PERFORM medallion.add_windows($1, granularity, watermark);
		PERFORM medallion.close_windows($1, granularity, watermark);
	END LOOP;
	PERFORM medallion.keep_rejected($2);
	PERFORM medallion.keep_errors($2);
END
$$;
COMMENT ON FUNCTION medallion.merge_weather(text, text) IS
'merge the batch of this transaction, read from a topic, into the tables of weather';

CREATE FUNCTION medallion.raise_watermark(pipeline text, event timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reached timestamptz;
BEGIN
	UPDATE medallion.weather_watermark w SET watermark = event WHERE w.pipeline = $1 AND w.watermark < event;
	SELECT w.watermark INTO STRICT reached FROM medallion.weather_watermark w WHERE w.pipeline = $1;
	RETURN reached;
END
$$;
COMMENT ON FUNCTION medallion.raise_watermark(text, timestamptz) IS 'move the watermark forward, if the event is newer; returns where it stands';

-- Where the windows of a granularity stand: weather_bt holds two.
CREATE FUNCTION medallion.weather_target(granularity text, OUT target text, OUT key text, OUT value text, OUT condition text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'weather.weather_rt', 'city, window_start', '', 'true' WHERE granularity = '5min'
	UNION ALL
	SELECT 'weather.weather_bt', 'city, granularity, window_start', format('%L, ', granularity), format('t.granularity = %L', granularity)
	 WHERE granularity <> '5min'
$$;
COMMENT ON FUNCTION medallion.weather_target(text) IS
'table of the windows of a granularity, its key, the granularity as an item of a select list, and the condition on its rows';

-- The days whose objects are not what the tables hold any more.
CREATE FUNCTION medallion.note_days(pipeline text, granularity text, days date[]) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.weather_day AS w (pipeline, granularity, day)
	SELECT DISTINCT $1, $2, d FROM unnest(days) d ORDER BY d
	ON CONFLICT ON CONSTRAINT weather_day_pkey DO UPDATE SET version = w.version + 1
$$;
COMMENT ON FUNCTION medallion.note_days(text, text, date[]) IS 'note that windows which begin in those UTC days have changed';

-- Every window of the batch has readings, so every row changes.
CREATE FUNCTION medallion.add_windows(pipeline text, granularity text, watermark timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	days date[];
BEGIN
	EXECUTE format($sql$
		WITH merged AS (
			INSERT INTO %1$s AS t (%2$s, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity,
								   sum_temp, sum_humidity, readings, is_final, updated_at)
			SELECT w.city, %3$s w.window_start, w.window_end, w.avg_temp, w.avg_humidity, w.min_temp, w.max_temp, w.min_humidity,
				   w.max_humidity, w.sum_temp, w.sum_humidity, w.readings, medallion.weather_is_final(w.window_end, $2), now()
			  FROM medallion.weather_totals($1) w
			 ORDER BY w.city, w.window_start
			ON CONFLICT (%2$s) DO UPDATE
			SET avg_temp = medallion.weather_average(t.sum_temp + excluded.sum_temp, t.readings + excluded.readings),
				avg_humidity = medallion.weather_average(t.sum_humidity + excluded.sum_humidity, t.readings + excluded.readings),
				min_temp = LEAST(t.min_temp, excluded.min_temp), max_temp = GREATEST(t.max_temp, excluded.max_temp),
				min_humidity = LEAST(t.min_humidity, excluded.min_humidity),
				max_humidity = GREATEST(t.max_humidity, excluded.max_humidity),
				sum_temp = t.sum_temp + excluded.sum_temp, sum_humidity = trim_scale(t.sum_humidity + excluded.sum_humidity),
				readings = t.readings + excluded.readings, is_final = excluded.is_final, updated_at = excluded.updated_at
			RETURNING t.window_start)
		SELECT array_agg(DISTINCT (m.window_start AT TIME ZONE 'UTC')::date) FROM merged m$sql$, t.target, t.key, t.value)
	INTO days USING granularity, watermark;
	PERFORM medallion.note_days($1, granularity, days);
END
$$;
COMMENT ON FUNCTION medallion.add_windows(text, text, timestamptz) IS 'add the batch to the windows of a granularity';

-- The planner puts it in line, and finds an index for it.
CREATE FUNCTION medallion.weather_is_final(window_end timestamptz, watermark timestamptz) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT $1 OPERATOR(pg_catalog.<=) ($2 OPERATOR(pg_catalog.-) interval '15 minutes') $$;
COMMENT ON FUNCTION medallion.weather_is_final(timestamptz, timestamptz) IS 'whether the events have come 15 minutes further than a window';

-- Windows that the watermark has passed, whether this batch touched them or not.
CREATE FUNCTION medallion.close_windows(pipeline text, granularity text, watermark timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	days date[];
BEGIN
	EXECUTE format($sql$
		WITH closed AS (
			UPDATE %s AS t SET is_final = true, updated_at = now()
			 WHERE NOT t.is_final AND medallion.weather_is_final(t.window_end, $1) AND %s
			RETURNING t.window_start)
		SELECT array_agg(DISTINCT (c.window_start AT TIME ZONE 'UTC')::date) FROM closed c$sql$, t.target, t.condition)
	INTO days USING watermark;
	PERFORM medallion.note_days($1, granularity, days);
END
$$;
COMMENT ON FUNCTION medallion.close_windows(text, text, timestamptz) IS 'mark the windows of a granularity final that the watermark has passed';

-- What stands there already is left alone: a position has one letter, and whether it was replayed is not forgotten.
CREATE FUNCTION medallion.keep_rejected(topic text) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO weather.dead_letter (topic, partition, "offset", "timestamp", key, value, reason, detail, run_id)
	SELECT $1, r.partition, r."offset", r."timestamp", r.key, r.value, r.reason, r.detail, medallion.current_run()
	  FROM medallion.weather_rejected() r
	ON CONFLICT (topic, partition, "offset") DO NOTHING
$$;
COMMENT ON FUNCTION medallion.keep_rejected(text) IS 'enter the records of the batch that cannot be used';

CREATE FUNCTION medallion.keep_errors(topic text) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO weather.api_error (topic, partition, "offset", "timestamp", city, status_code, record, run_id)
	SELECT $1, e.partition, e."offset", e."timestamp", e.city, e.status_code, e.record, medallion.current_run()
	  FROM medallion.weather_errors() e
	ON CONFLICT (topic, partition, "offset") DO NOTHING
$$;
COMMENT ON FUNCTION medallion.keep_errors(text) IS 'enter the failed calls of the batch';
