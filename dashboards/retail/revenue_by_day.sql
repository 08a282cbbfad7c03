-- title: Revenue by day
-- description: A day without orders counts as 0; the average is over the day and the six before it
-- chart: line
-- x: Day
-- y: Revenue (USD), Average of 7 days (USD)
-- axis: Revenue (USD)
-- place: 0 3 24 7
WITH day AS (
	SELECT d::date AS day, coalesce(t.total_revenue, 0) AS revenue
	FROM (SELECT min(order_date) AS first, max(order_date) AS last FROM gold.orders_time_series) r
	CROSS JOIN LATERAL generate_series(r.first, r.last, interval '1 day') d
	LEFT JOIN gold.orders_time_series t ON t.order_date = d::date
)
SELECT day AS "Day", revenue AS "Revenue (USD)", average AS "Average of 7 days (USD)"
FROM (SELECT day, revenue, round(avg(revenue) OVER (ORDER BY day ROWS 6 PRECEDING), 2) AS average FROM day) d
WHERE true
  [[AND day >= CAST({{from}} AS date)]]
  [[AND day <= CAST({{to}} AS date)]]
ORDER BY day
