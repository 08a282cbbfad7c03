-- title: Revenue by department
-- description: Departments of the shop; (unknown) stands for products without one
-- chart: row
-- x: Department
-- y: Revenue (USD)
-- place: 0 17 8 7
SELECT department_name AS "Department", total_revenue AS "Revenue (USD)"
FROM gold.sales_by_department
ORDER BY total_revenue DESC, department_id
