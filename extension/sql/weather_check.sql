--
-- The checks of the weather pipeline. They look at the windows of the last two days: the index on window_start finds them,
-- and what is older was looked at before.
--

CREATE FUNCTION medallion.add_weather_checks(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	recent text := $sql$window_start >= now() - interval '2 days'$sql$;
BEGIN
	PERFORM medallion.add_check($1, 'weather.weather_rt', 'readings', 'range', jsonb_build_object('column', 'readings', 'min', 1, 'where', recent));
	-- averages are rounded to 6 places
	PERFORM medallion.add_check($1, 'weather.weather_rt', 'average', 'sql', jsonb_build_object('query', format($sql$
SELECT city, window_start, avg_temp, min_temp, max_temp, avg_humidity, min_humidity, max_humidity
FROM weather.weather_rt
WHERE %s AND NOT (avg_temp BETWEEN min_temp - 0.000001 AND max_temp + 0.000001
                  AND avg_humidity BETWEEN min_humidity - 0.000001 AND max_humidity + 0.000001)$sql$, recent)));

	PERFORM medallion.add_check($1, 'weather.weather_rt', 'humidity', 'sql', jsonb_build_object('query', format($sql$
SELECT city, window_start, min_humidity, max_humidity
FROM weather.weather_rt
WHERE %s AND NOT (min_humidity >= 0 AND max_humidity <= 100)$sql$, recent)), 'warn');
	PERFORM medallion.add_check($1, 'weather.dead_letter', 'share', 'sql', jsonb_build_object('query', $sql$
SELECT d.dead, w.readings
FROM (SELECT count(*) AS dead FROM weather.dead_letter WHERE replayed_at IS NULL AND landed_at >= now() - interval '1 day') d,
     (SELECT COALESCE(sum(readings), 0) AS readings FROM weather.weather_rt WHERE window_start >= now() - interval '1 day') w
WHERE d.dead > 0.01 * (d.dead + w.readings)$sql$), 'warn');
	PERFORM medallion.add_check($1, 'weather.weather_rt', 'fresh', 'freshness', '{"column": "window_start", "max_age": "1 hour"}', 'warn');
END
$$;
COMMENT ON FUNCTION medallion.add_weather_checks(text) IS 'the checks of a weather pipeline''s tables';
