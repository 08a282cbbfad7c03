--
-- Views of weather: what dashboards use.
--

CREATE FUNCTION medallion.make_weather_view(pipeline text, name text, comment text, query text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('weather.%I', name)) IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM medallion.check_maker($1);
	EXECUTE format('CREATE VIEW weather.%I AS %s', name, query);
	EXECUTE format('COMMENT ON VIEW weather.%I IS %L', name, comment);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_view(text, text, text, text) IS 'make a view of weather where it is missing';

-- The newest window of each city is found through the primary key, however many windows there are.
CREATE FUNCTION medallion.make_weather_views(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	windows text := 'window_start, window_end, avg_temp, avg_temp_c, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, '
					'sum_temp, sum_humidity, readings, is_final, updated_at';
BEGIN
	PERFORM medallion.make_weather_view($1, 'weather_hourly', 'Weather by city and hour',
		format('SELECT city, %s FROM weather.weather_bt WHERE granularity = ''hour''', windows));
	PERFORM medallion.make_weather_view($1, 'weather_daily', 'Weather by city and UTC day',
		format('SELECT city, (window_start AT TIME ZONE ''UTC'')::date AS day, %s FROM weather.weather_bt WHERE granularity = ''day''', windows));
	PERFORM medallion.make_weather_view($1, 'weather_now', 'The newest window of each city, and how long ago it began', $q$
		WITH RECURSIVE city (name) AS (
			(SELECT t.city FROM weather.weather_rt t ORDER BY t.city LIMIT 1)
			UNION ALL
			SELECT (SELECT t.city FROM weather.weather_rt t WHERE t.city > c.name ORDER BY t.city LIMIT 1) FROM city c WHERE c.name IS NOT NULL
		)
		SELECT w.*, now() - w.window_start AS age
		  FROM city c
		  CROSS JOIN LATERAL (SELECT * FROM weather.weather_rt t WHERE t.city = c.name ORDER BY t.window_start DESC LIMIT 1) w$q$);
	PERFORM medallion.make_weather_view($1, 'freshness', 'By city: the newest window, its age, and the newest failed call', $q$
		SELECT COALESCE(n.city, e.city) AS city, n.window_start AS newest_window, n.age, n.readings, e."timestamp" AS last_error_at, e.status_code AS last_status_code
		  FROM weather.weather_now n
		  FULL JOIN (SELECT DISTINCT ON (a.city) a.city, a."timestamp", a.status_code FROM weather.api_error a
					  WHERE a.city IS NOT NULL ORDER BY a.city, a."timestamp" DESC NULLS LAST, a.landed_at DESC) e ON e.city = n.city$q$);
	PERFORM medallion.make_weather_view($1, 'dead_letters_by_reason', 'Records that cannot be used, by reason', $q$
		SELECT d.reason, count(*) AS letters, count(*) FILTER (WHERE d.replayed_at IS NULL) AS waiting,
			   min(d."timestamp") AS first_timestamp, max(d."timestamp") AS last_timestamp, max(d.landed_at) AS last_landed_at
		  FROM weather.dead_letter d GROUP BY d.reason$q$);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_views(text) IS 'make the views of weather, where they are missing';
