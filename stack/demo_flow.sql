-- One more run of the weather pipeline, when the next slot of five seconds begins, and a line of what came of it.
SELECT pg_sleep(5 - extract(epoch FROM clock_timestamp())::numeric % 5) \g /dev/null
CALL medallion.run('weather') \g /dev/null
\pset tuples_only on
\pset format unaligned
SELECT format('  %s  run %s: %s records in %s ms, lag %s;  %s', to_char(r.started_at, 'HH24:MI:SS'), r.run_id,
			  (SELECT sum(s.rows) FROM medallion.step_history s WHERE s.run_id = r.run_id AND s.step = 'land'),
			  round(extract(epoch FROM r.duration) * 1000), (SELECT sum(lag) FROM medallion.weather_lag),
			  (SELECT string_agg(format('%s %s °C', city, round(avg_temp_c, 1)), ', ' ORDER BY city) FROM weather.weather_now))
  FROM medallion.run_history r WHERE r.pipeline = 'weather' ORDER BY r.run_id DESC LIMIT 1;
\pset format aligned
\pset tuples_only off
