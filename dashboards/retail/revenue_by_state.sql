-- title: Revenue by state
-- description: By the customer's state or territory of the USA, over all days
-- chart: map
-- x: State
-- y: Revenue (USD)
-- place: 0 24 14 9
SELECT customer_state AS "State", total_revenue AS "Revenue (USD)"
FROM gold.sales_by_region
ORDER BY total_revenue DESC, customer_state
