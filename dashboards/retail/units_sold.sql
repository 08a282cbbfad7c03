-- title: Units sold
-- description: Pieces, over all order items
-- chart: number
-- y: Units
-- place: 15 0 5 3
SELECT sum(total_quantity)::bigint AS "Units"
FROM gold.sales_by_department_daily
WHERE true
  [[AND order_date >= CAST({{from}} AS date)]]
  [[AND order_date <= CAST({{to}} AS date)]]
