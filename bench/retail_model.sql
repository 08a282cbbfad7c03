-- Silver and gold of RetailDB from the schema bronze, once, by hand: the job that the pipeline is measured by. Runs in
-- PostgreSQL and in DuckDB as it stands.

CREATE TABLE silver.customer_dim AS
SELECT customer_id, trim(customer_fname) AS customer_fname, trim(customer_lname) AS customer_lname,
       trim(customer_email) AS customer_email, trim(customer_street) AS customer_street,
       trim(customer_city) AS customer_city, trim(customer_state) AS customer_state,
       trim(customer_zipcode) AS customer_zipcode
FROM bronze.customers ORDER BY customer_id;

CREATE TABLE silver.department_dim AS
SELECT department_id, trim(department_name) AS department_name FROM bronze.departments ORDER BY department_id;

CREATE TABLE silver.category_dim AS
SELECT c.category_id, trim(c.category_name) AS category_name, d.department_id, d.department_name
FROM bronze.categories AS c LEFT JOIN silver.department_dim AS d ON d.department_id = c.category_department_id
ORDER BY category_id;

CREATE TABLE silver.product_dim AS
SELECT p.product_id, trim(p.product_name) AS product_name,
       CAST(CAST(p.product_price AS float8) AS numeric(12, 2)) AS product_price, c.category_id, c.category_name
FROM bronze.products AS p LEFT JOIN silver.category_dim AS c ON c.category_id = p.product_category_id
ORDER BY product_id;

CREATE TABLE silver.orders_fact AS
SELECT i.order_item_id, o.order_id, o.order_date, trim(o.order_status) AS order_status, c.customer_id, c.customer_fname,
       c.customer_lname, c.customer_city, c.customer_state, p.product_id, p.product_name, g.category_id, g.category_name,
       g.department_id, g.department_name, CAST(i.order_item_quantity AS int) AS order_item_quantity,
       CAST(CAST(i.order_item_product_price AS float8) AS numeric(12, 2)) AS order_item_product_price,
       CAST(CAST(i.order_item_subtotal AS float8) AS numeric(12, 2)) AS order_item_subtotal
FROM bronze.order_items AS i
     JOIN bronze.orders AS o ON o.order_id = i.order_item_order_id
     JOIN silver.customer_dim AS c ON c.customer_id = o.order_customer_id
     LEFT JOIN silver.product_dim AS p ON p.product_id = i.order_item_product_id
     LEFT JOIN silver.category_dim AS g ON g.category_id = p.category_id
ORDER BY order_item_id;

CREATE TABLE silver.orders_fact_rejected AS
SELECT i.order_item_id, i.order_item_order_id, i.order_item_product_id,
       CAST(i.order_item_quantity AS int) AS order_item_quantity,
       CAST(CAST(i.order_item_subtotal AS float8) AS numeric(12, 2)) AS order_item_subtotal,
       CAST(CAST(i.order_item_product_price AS float8) AS numeric(12, 2)) AS order_item_product_price,
       CASE WHEN o.order_id IS NULL THEN 'order does not exist' ELSE 'customer does not exist' END AS reason
FROM bronze.order_items AS i
     LEFT JOIN bronze.orders AS o ON o.order_id = i.order_item_order_id
     LEFT JOIN silver.customer_dim AS c ON c.customer_id = o.order_customer_id
WHERE c.customer_id IS NULL ORDER BY order_item_id;

CREATE TABLE silver.order_dim AS
SELECT o.order_id, o.order_date, trim(o.order_status) AS order_status, c.customer_id,
       COALESCE(f.item_count, 0) AS item_count,
       CAST(COALESCE(f.order_total, 0) AS numeric(12, 2)) AS order_total
FROM bronze.orders AS o
     LEFT JOIN silver.customer_dim AS c ON c.customer_id = o.order_customer_id
     LEFT JOIN (SELECT order_id, count(*) AS item_count, sum(order_item_subtotal) AS order_total
                FROM silver.orders_fact GROUP BY order_id) AS f ON f.order_id = o.order_id
ORDER BY order_id;

CREATE TABLE gold.sales_by_customer AS
SELECT customer_id, customer_fname, customer_lname, count(DISTINCT order_id) AS total_orders,
       CAST(sum(order_item_subtotal) AS numeric(18, 2)) AS total_revenue
FROM silver.orders_fact GROUP BY customer_id, customer_fname, customer_lname;

CREATE TABLE gold.sales_by_product AS
SELECT COALESCE(product_id, -1) AS product_id, COALESCE(product_name, '(unknown)') AS product_name,
       CAST(sum(order_item_quantity) AS bigint) AS total_quantity,
       CAST(sum(order_item_subtotal) AS numeric(18, 2)) AS total_revenue
FROM silver.orders_fact GROUP BY 1, 2;

CREATE TABLE gold.sales_by_category AS
SELECT COALESCE(category_id, -1) AS category_id, COALESCE(category_name, '(unknown)') AS category_name,
       CAST(sum(order_item_quantity) AS bigint) AS total_quantity,
       CAST(sum(order_item_subtotal) AS numeric(18, 2)) AS total_revenue
FROM silver.orders_fact GROUP BY 1, 2;

CREATE TABLE gold.sales_by_department AS
SELECT COALESCE(department_id, -1) AS department_id, COALESCE(department_name, '(unknown)') AS department_name,
       CAST(sum(order_item_quantity) AS bigint) AS total_quantity,
       CAST(sum(order_item_subtotal) AS numeric(18, 2)) AS total_revenue
FROM silver.orders_fact GROUP BY 1, 2;

CREATE TABLE gold.sales_by_department_daily AS
SELECT COALESCE(department_id, -1) AS department_id, CAST(order_date AS date) AS order_date,
       COALESCE(department_name, '(unknown)') AS department_name,
       CAST(sum(order_item_quantity) AS bigint) AS total_quantity,
       CAST(sum(order_item_subtotal) AS numeric(18, 2)) AS total_revenue
FROM silver.orders_fact GROUP BY 1, 2, 3;

CREATE TABLE gold.sales_by_region AS
SELECT COALESCE(customer_state, '(unknown)') AS customer_state, count(DISTINCT order_id) AS total_orders,
       CAST(sum(order_item_quantity) AS bigint) AS total_quantity,
       CAST(sum(order_item_subtotal) AS numeric(18, 2)) AS total_revenue
FROM silver.orders_fact GROUP BY 1;

CREATE TABLE gold.sales_by_order_status AS
SELECT o.order_status, o.orders_all, COALESCE(f.total_orders, 0) AS total_orders,
       COALESCE(f.total_quantity, 0) AS total_quantity, CAST(COALESCE(f.total_revenue, 0) AS numeric(18, 2)) AS total_revenue
FROM (SELECT COALESCE(order_status, '(unknown)') AS order_status, count(*) AS orders_all
      FROM silver.order_dim GROUP BY 1) AS o
     LEFT JOIN (SELECT COALESCE(order_status, '(unknown)') AS order_status, count(DISTINCT order_id) AS total_orders,
                       CAST(sum(order_item_quantity) AS bigint) AS total_quantity, sum(order_item_subtotal) AS total_revenue
                FROM silver.orders_fact GROUP BY 1) AS f ON f.order_status = o.order_status;

CREATE TABLE gold.orders_time_series AS
SELECT o.order_date, o.orders_all, COALESCE(f.total_orders, 0) AS total_orders,
       CAST(COALESCE(f.total_revenue, 0) AS numeric(18, 2)) AS total_revenue
FROM (SELECT CAST(order_date AS date) AS order_date, count(*) AS orders_all FROM silver.order_dim GROUP BY 1) AS o
     LEFT JOIN (SELECT CAST(order_date AS date) AS order_date, count(DISTINCT order_id) AS total_orders,
                       sum(order_item_subtotal) AS total_revenue
                FROM silver.orders_fact GROUP BY 1) AS f ON f.order_date = o.order_date;
