-- title: Revenue by month, and in the month before
-- description: The first and the last month may be incomplete
-- chart: bar
-- x: Month
-- y: Revenue (USD), Month before (USD)
-- axis: Revenue (USD)
-- place: 0 10 12 7
SELECT to_char(month, 'YYYY-MM') AS "Month", revenue AS "Revenue (USD)", before AS "Month before (USD)"
FROM (SELECT month, revenue, lag(revenue) OVER (ORDER BY month) AS before
      FROM (SELECT date_trunc('month', order_date)::date AS month, sum(total_revenue) AS revenue
            FROM gold.orders_time_series
            GROUP BY 1) r) m
WHERE true
  [[AND month >= date_trunc('month', CAST({{from}} AS date))]]
  [[AND month <= CAST({{to}} AS date)]]
ORDER BY month
