-- title: Items left out
-- description: Order items whose order or customer does not exist, of all days
-- chart: number
-- y: Order items
-- place: 20 0 4 3
SELECT count(*) AS "Order items"
FROM silver.orders_fact_rejected
