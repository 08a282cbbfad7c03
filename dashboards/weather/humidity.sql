-- title: Humidity, every 5 minutes
-- description: The 24 hours before the newest window
-- chart: line
-- x: Time (UTC)
-- series: City
-- y: Humidity (%)
-- place: 12 5 12 7
SELECT window_start AS "Time (UTC)", city AS "City", round(avg_humidity, 1) AS "Humidity (%)"
FROM weather.weather_rt
WHERE window_start > (SELECT max(window_start) FROM weather.weather_rt) - interval '24 hours'
  [[AND city IN ({{city}})]]
ORDER BY window_start, city
