-- title: Temperature by hour
-- description: The 7 days before the newest hour
-- chart: line
-- x: Hour (UTC)
-- series: City
-- y: Temperature (°C)
-- place: 0 12 12 7
SELECT window_start AS "Hour (UTC)", city AS "City", round(avg_temp_c, 2) AS "Temperature (°C)"
FROM weather.weather_hourly
WHERE window_start > (SELECT max(window_start) FROM weather.weather_hourly) - interval '7 days'
  [[AND city IN ({{city}})]]
ORDER BY window_start, city
