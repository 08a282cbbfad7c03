-- title: Revenue by month, and in the month before
-- description: The first and the last month may be incomplete
-- chart: bar
-- x: Month
-- y: Revenue (USD), Month before (USD)
-- axis: Revenue (USD)
-- place: 0 10 12 7
SELECT month AS "Month", revenue AS "Revenue (USD)", lag(revenue) OVER (ORDER BY month) AS "Month before (USD)"
FROM (SELECT to_char(order_date, 'YYYY-MM') AS month, sum(total_revenue) AS revenue
      FROM gold.orders_time_series
      GROUP BY 1) m
ORDER BY month
