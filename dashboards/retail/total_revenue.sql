-- title: Total revenue
-- description: Price of all order items
-- chart: number
-- y: Revenue (USD)
-- place: 0 0 6 3
SELECT sum(total_revenue) AS "Revenue (USD)"
FROM gold.sales_by_department
