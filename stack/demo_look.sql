-- What the weather pipeline made.
\pset footer off
\pset title 'weather.weather_now: the newest window of each city'
SELECT city, window_start, readings, round(avg_temp_c, 2) AS avg_temp_c, round(avg_humidity, 1) AS avg_humidity, is_final,
	   date_trunc('seconds', age) AS age
  FROM weather.weather_now ORDER BY city;
\pset title 'weather.weather_rt: the last windows of London'
SELECT city, window_start, window_end, readings, round(avg_temp, 2) AS avg_temp, round(avg_humidity, 1) AS avg_humidity, is_final
  FROM weather.weather_rt WHERE city = 'London' ORDER BY window_start DESC LIMIT 5;
\pset title 'weather.weather_hourly: London'
SELECT city, window_start, readings, round(avg_temp_c, 2) AS avg_temp_c, round(min_temp - 273.15, 2) AS min_temp_c,
	   round(max_temp - 273.15, 2) AS max_temp_c, is_final
  FROM weather.weather_hourly WHERE city = 'London' ORDER BY window_start DESC LIMIT 7;
\pset title 'weather.weather_bt: all granularities'
SELECT granularity, count(*) AS windows, sum(readings) AS readings, min(window_start) AS first, max(window_start) AS last
  FROM weather.weather_bt GROUP BY 1 ORDER BY 1;
\pset title 'source_weather.weather: the newest record of each partition, in Kafka'
SELECT DISTINCT ON (partition) partition, "offset", date_trunc('seconds', "timestamp") AS "timestamp", convert_from(key, 'UTF8') AS key,
	   left(convert_from(value, 'UTF8'), 50) || '…' AS value
  FROM source_weather.weather WHERE "timestamp" > now() - interval '1 hour' ORDER BY partition, "offset" DESC;
\pset title 'medallion.weather_lag'
SELECT topic, partition, low, next_offset, high, lag, lag_time FROM medallion.weather_lag ORDER BY partition;
\pset title 'raw objects, the newest 3'
SELECT path, size FROM fdw_s3_list('lake', 'raw-weather-data', 'date=') ORDER BY last_modified DESC, path LIMIT 3;
\pset title 'medallion.step_history: what the last run did'
SELECT step, state, rows, bytes, date_trunc('milliseconds', duration) AS duration
  FROM medallion.step_history
 WHERE run_id = (SELECT max(run_id) FROM medallion.run_history WHERE pipeline = 'weather')
 ORDER BY started_at;
\pset title 'medallion.doctor()'
SELECT * FROM medallion.doctor();
