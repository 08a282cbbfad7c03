-- title: Readings by hour
-- description: In the 48 hours before the newest one: what has arrived
-- chart: bar
-- x: Hour (UTC)
-- y: Readings
-- place: 12 12 12 7
SELECT window_start AS "Hour (UTC)", sum(readings)::bigint AS "Readings"
FROM weather.weather_hourly
WHERE window_start > (SELECT max(window_start) FROM weather.weather_hourly) - interval '48 hours'
  [[AND city IN ({{city}})]]
GROUP BY window_start
ORDER BY window_start
