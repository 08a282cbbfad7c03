--
-- Late data: a weather pipeline that runs, and gets nothing new.
--

CREATE FUNCTION medallion.watch_events(pipelines text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	w record;
BEGIN
	FOR w IN SELECT t.pipeline, m.max_age, o.newest FROM medallion.weather_topic t JOIN medallion.max_age m ON m.pipeline = t.pipeline
			  CROSS JOIN LATERAL (SELECT max(r.max_event) AS newest FROM medallion.raw_object r WHERE r.pipeline = t.pipeline) o
			  WHERE t.pipeline = ANY (pipelines) LOOP
		IF clock_timestamp() - w.newest > w.max_age
		   AND NOT EXISTS (SELECT FROM medallion.alert a WHERE a.pipeline = w.pipeline AND a.kind = 'stale' AND a.cleared_at IS NULL) THEN
			PERFORM medallion.raise_alert(w.pipeline, 'late', '', format('the newest event is of %s; max_age is %s', w.newest, w.max_age));
		ELSIF clock_timestamp() - w.newest <= w.max_age THEN
			PERFORM medallion.clear_alert(w.pipeline, 'late');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.watch_events(text[]) IS 'raise and clear the alerts of pipelines whose newest event is older than max_age';
