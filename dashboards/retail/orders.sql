-- title: Orders
-- description: Orders with at least one item
-- chart: number
-- y: Orders
-- place: 6 0 4 3
SELECT sum(total_orders)::bigint AS "Orders"
FROM gold.orders_time_series
WHERE true
  [[AND order_date >= CAST({{from}} AS date)]]
  [[AND order_date <= CAST({{to}} AS date)]]
