-- title: Failed calls
-- description: Calls of OpenWeather that failed in the last 24 hours
-- chart: number
-- y: Calls
-- place: 14 0 5 5
SELECT count(*) AS "Calls"
FROM weather.api_error
WHERE "timestamp" > now() - interval '1 day'
