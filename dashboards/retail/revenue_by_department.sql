-- title: Revenue by department
-- description: Departments of the shop; (unknown) stands for products without one
-- chart: row
-- x: Department
-- y: Revenue (USD)
-- place: 0 17 8 7
SELECT department_name AS "Department", sum(total_revenue) AS "Revenue (USD)"
FROM gold.sales_by_department_daily
WHERE true
  [[AND order_date >= CAST({{from}} AS date)]]
  [[AND order_date <= CAST({{to}} AS date)]]
GROUP BY department_id, department_name
ORDER BY 2 DESC, department_id
