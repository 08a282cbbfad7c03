-- title: Now
-- description: The newest window of 5 minutes of each city
-- chart: table
-- place: 0 0 14 5
SELECT city AS "City", round(avg_temp_c, 1) AS "Temperature (°C)", round(avg_humidity, 1) AS "Humidity (%)",
       readings AS "Readings", window_start AS "Since", round(extract(epoch FROM age) / 60, 1) AS "Age (minutes)"
FROM weather.weather_now
[[WHERE city IN ({{city}})]]
ORDER BY city
