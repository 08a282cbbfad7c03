-- title: Days
-- description: Least, average and greatest temperature of the last 7 UTC days
-- chart: table
-- place: 0 19 14 7
SELECT day AS "Day", city AS "City", round(min_temp - 273.15, 1) AS "Least (°C)", round(avg_temp_c, 1) AS "Average (°C)",
       round(max_temp - 273.15, 1) AS "Greatest (°C)", round(avg_humidity, 1) AS "Humidity (%)", readings AS "Readings"
FROM weather.weather_daily
WHERE day > (SELECT max(day) FROM weather.weather_daily) - 7
  [[AND city IN ({{city}})]]
ORDER BY day DESC, city
