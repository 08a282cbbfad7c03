-- title: Orders by status
-- description: All orders of all days, also those without items
-- chart: row
-- x: Status
-- y: Orders
-- place: 14 24 10 9
SELECT order_status AS "Status", orders_all AS "Orders"
FROM gold.sales_by_order_status
ORDER BY orders_all DESC, order_status
