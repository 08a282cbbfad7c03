-- title: Average order value
-- description: Revenue per order with at least one item
-- chart: number
-- y: Average (USD)
-- place: 10 0 5 3
SELECT round(sum(total_revenue) / nullif(sum(total_orders), 0), 2) AS "Average (USD)"
FROM gold.orders_time_series
WHERE true
  [[AND order_date >= CAST({{from}} AS date)]]
  [[AND order_date <= CAST({{to}} AS date)]]
