-- title: Top 10 customers
-- description: The customers with the greatest revenue, over all days
-- chart: table
-- place: 0 33 24 7
SELECT customer_id::text AS "Customer", customer_fname || ' ' || customer_lname AS "Name", total_orders AS "Orders",
       total_revenue AS "Revenue (USD)"
FROM gold.sales_by_customer
ORDER BY total_revenue DESC, customer_id
LIMIT 10
