-- title: Revenue by department and month
-- description: How the departments develop
-- chart: line
-- x: Month
-- series: Department
-- y: Revenue (USD)
-- place: 12 10 12 7
SELECT date_trunc('month', order_date)::date AS "Month", department_name AS "Department", sum(total_revenue) AS "Revenue (USD)"
FROM gold.sales_by_department_daily
WHERE true
  [[AND order_date >= CAST({{from}} AS date)]]
  [[AND order_date <= CAST({{to}} AS date)]]
GROUP BY 1, department_id, department_name
ORDER BY 1, sum(sum(total_revenue)) OVER (PARTITION BY department_id) DESC
