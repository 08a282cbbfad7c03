-- title: Top 10 products
-- description: The products with the greatest revenue, over all days
-- chart: row
-- x: Product
-- y: Revenue (USD)
-- place: 16 17 8 7
SELECT product_name AS "Product", total_revenue AS "Revenue (USD)"
FROM gold.sales_by_product
ORDER BY total_revenue DESC, product_id
LIMIT 10
