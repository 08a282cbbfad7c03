-- title: Top 10 categories
-- description: The categories with the greatest revenue, over all days
-- chart: row
-- x: Category
-- y: Revenue (USD)
-- place: 8 17 8 7
SELECT category_name AS "Category", total_revenue AS "Revenue (USD)"
FROM gold.sales_by_category
ORDER BY total_revenue DESC, category_id
LIMIT 10
