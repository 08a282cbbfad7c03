-- title: Freshness by city
-- description: When each city was last heard of, and its last failed call
-- chart: table
-- place: 14 19 10 7
SELECT city AS "City", newest_window AS "Newest window", round(extract(epoch FROM age) / 60, 1) AS "Age (minutes)",
       last_error_at AS "Last failed call", last_status_code::text AS "HTTP status"
FROM weather.freshness
[[WHERE city IN ({{city}})]]
ORDER BY age DESC NULLS FIRST, city
