-- title: Total revenue
-- description: Price of all order items
-- chart: number
-- y: Revenue (USD)
-- place: 0 0 6 3
SELECT sum(total_revenue) AS "Revenue (USD)"
FROM gold.sales_by_department_daily
WHERE true
  [[AND order_date >= CAST({{from}} AS date)]]
  [[AND order_date <= CAST({{to}} AS date)]]
