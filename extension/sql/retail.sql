--
-- The retail pipeline: RetailDB in MySQL -> raw objects -> silver and gold tables -> silver and gold objects.
--

CREATE FUNCTION medallion.install_retail(source name, lake name, source_schema text DEFAULT NULL,
		raw_bucket text DEFAULT 'raw-retail-data', silver_bucket text DEFAULT 'silver-retail-data',
		gold_bucket text DEFAULT 'gold-retail-data', max_shrink numeric DEFAULT 0.5) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	database text := COALESCE(source_schema, medallion.server_option(source, 'dbname'), 'retaildb');
	arguments text := format('source %s, database %s, lake %s, buckets %s, %s, %s', source, database, lake, raw_bucket,
							 silver_bucket, gold_bucket);
BEGIN
	IF medallion.is_installed('retail', arguments) THEN
		PERFORM public.fdw_s3_create_bucket(lake, b) FROM unnest(ARRAY[raw_bucket, silver_bucket, gold_bucket]) AS b;
		UPDATE medallion.source s SET max_shrink = $7 WHERE s.pipeline = 'retail';
		PERFORM medallion.import_source('retail', $1, database, s.name, 'source_retail') FROM medallion.source s
		WHERE s.pipeline = 'retail' AND to_regclass(s.source) IS NULL;
		PERFORM medallion.repair('retail');
		RETURN;
	END IF;

	PERFORM medallion.check_installer(source, lake);
	PERFORM medallion.create_pipeline('retail', arguments);
	PERFORM public.fdw_s3_create_bucket(lake, b) FROM unnest(ARRAY[raw_bucket, silver_bucket, gold_bucket]) AS b;
	PERFORM medallion.create_layer('retail', 'raw', 'bronze', lake, raw_bucket);
	PERFORM medallion.create_layer('retail', 'silver', 'silver', lake, silver_bucket, 'lake_silver');
	PERFORM medallion.create_layer('retail', 'gold', 'gold', lake, gold_bucket, 'lake_gold');
	PERFORM medallion.create_work_schema('retail');
	PERFORM medallion.add_endpoint('retail', source, 'mysql');
	PERFORM medallion.add_endpoint('retail', lake, 's3', b) FROM unnest(ARRAY[raw_bucket, silver_bucket, gold_bucket]) AS b;

	PERFORM medallion.add_retail_sources(source, database, max_shrink);
	PERFORM medallion.add_retail_silver();
	PERFORM medallion.add_retail_gold();

	PERFORM medallion.add_retail_checks();
	PERFORM medallion.add_model_steps('retail');
END
$$;
COMMENT ON FUNCTION medallion.install_retail(name, name, text, text, text, text, numeric) IS
'make the pipeline "retail": buckets, schemas, tables and steps, from a MySQL server with RetailDB to an S3 server';

CREATE FUNCTION medallion.add_retail_sources(server name, database text, max_shrink numeric) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('categories'::name, '{category_id}'::name[], '{}'::name[]),
								   ('customers', '{customer_id}', '{customer_password}'),
								   ('departments', '{department_id}', '{}'),
								   ('order_items', '{order_item_id}', '{}'),
								   ('orders', '{order_id}', '{}'),
								   ('products', '{product_id}', '{}')) AS v (name, key, leave_out) LOOP
		PERFORM medallion.add_source('retail', t.name, medallion.import_source('retail', server, database, t.name, 'source_retail'),
									 t.key, t.leave_out, max_shrink => max_shrink);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.add_retail_sources(name, text, numeric) IS 'the six tables of RetailDB; customers'' passwords are never copied';

CREATE FUNCTION medallion.add_retail_silver() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	PERFORM medallion.add_model('retail', 'silver', 'customer_dim', 'Customers, one row each; passwords are never copied',
		'{customer_id}', ARRAY[
			['customer_id', 'integer', 'The customer'],
			['customer_fname', 'text', 'First name'],
			['customer_lname', 'text', 'Last name; names repeat, so group by customer_id'],
			['customer_email', 'text', 'E-mail address'],
			['customer_street', 'text', 'Street and number'],
			['customer_city', 'text', 'City'],
			['customer_state', 'text', 'State or territory of the USA, two letters'],
			['customer_zipcode', 'text', 'ZIP code, text: leading zeros count']],
		$sql$
SELECT customer_id, trim(customer_fname) AS customer_fname, trim(customer_lname) AS customer_lname,
       trim(customer_email) AS customer_email, trim(customer_street) AS customer_street,
       trim(customer_city) AS customer_city, trim(customer_state) AS customer_state,
       trim(customer_zipcode) AS customer_zipcode
FROM customers$sql$);

	PERFORM medallion.add_model('retail', 'silver', 'department_dim', 'Departments of the shop, one row each',
		'{department_id}', ARRAY[
			['department_id', 'integer', 'The department'],
			['department_name', 'text', 'Name']],
		$sql$
SELECT department_id, trim(department_name) AS department_name
FROM departments$sql$);

	PERFORM medallion.add_model('retail', 'silver', 'category_dim', 'Product categories, one row each',
		'{category_id}', ARRAY[
			['category_id', 'integer', 'The category'],
			['category_name', 'text', 'Name; names repeat, so group by category_id'],
			['department_id', 'integer', 'Its department; NULL where the source names one that does not exist'],
			['department_name', 'text', 'Name of the department']],
		$sql$
SELECT c.category_id, trim(c.category_name) AS category_name, d.department_id, d.department_name
FROM categories c
LEFT JOIN department_dim d ON d.department_id = c.category_department_id$sql$,
		'{{department_id, department_dim}}');

	PERFORM medallion.add_model('retail', 'silver', 'product_dim', 'Products, one row each',
		'{product_id}', ARRAY[
			['product_id', 'integer', 'The product'],
			['product_name', 'text', 'Name; names repeat, so group by product_id'],
			['product_price', 'numeric(12,2)', 'List price in US dollars'],
			['category_id', 'integer', 'Its category; NULL where the source names one that does not exist'],
			['category_name', 'text', 'Name of the category']],
		$sql$
SELECT p.product_id, trim(p.product_name) AS product_name,
       CAST(CAST(p.product_price AS double precision) AS numeric(12,2)) AS product_price,
       c.category_id, c.category_name
FROM products p
LEFT JOIN category_dim c ON c.category_id = p.product_category_id$sql$,
		'{{category_id, category_dim}}');

	PERFORM medallion.add_model('retail', 'silver', 'orders_fact',
		'Order items whose order and customer exist, one row each, with what is known of order, customer and product',
		'{order_item_id}', ARRAY[
			['order_item_id', 'integer', 'The order item'],
			['order_id', 'integer', 'Its order'],
			['order_date', 'timestamp', 'Date of the order, as the shop''s clock showed it'],
			['order_status', 'text', 'Status of the order; all statuses are here'],
			['customer_id', 'integer', 'Customer of the order'],
			['customer_fname', 'text', 'The customer''s first name'],
			['customer_lname', 'text', 'The customer''s last name'],
			['customer_city', 'text', 'The customer''s city'],
			['customer_state', 'text', 'The customer''s state'],
			['product_id', 'integer', 'The product; NULL where the source names one that does not exist'],
			['product_name', 'text', 'Name of the product'],
			['category_id', 'integer', 'The product''s category; NULL where there is none'],
			['category_name', 'text', 'Name of the category'],
			['department_id', 'integer', 'The category''s department; NULL where there is none'],
			['department_name', 'text', 'Name of the department'],
			['order_item_quantity', 'integer', 'Units sold'],
			['order_item_product_price', 'numeric(12,2)', 'Price per unit in US dollars when it was ordered'],
			['order_item_subtotal', 'numeric(12,2)', 'Price of all units in US dollars']],
		$sql$
SELECT i.order_item_id, o.order_id, o.order_date, trim(o.order_status) AS order_status,
       c.customer_id, c.customer_fname, c.customer_lname, c.customer_city, c.customer_state,
       p.product_id, p.product_name, g.category_id, g.category_name, g.department_id, g.department_name,
       i.order_item_quantity,
       CAST(CAST(i.order_item_product_price AS double precision) AS numeric(12,2)) AS order_item_product_price,
       CAST(CAST(i.order_item_subtotal AS double precision) AS numeric(12,2)) AS order_item_subtotal
FROM order_items i
JOIN orders o ON o.order_id = i.order_item_order_id
JOIN customer_dim c ON c.customer_id = o.order_customer_id
LEFT JOIN product_dim p ON p.product_id = i.order_item_product_id
LEFT JOIN category_dim g ON g.category_id = p.category_id$sql$,
		'{{order_id, order_dim}, {customer_id, customer_dim}, {product_id, product_dim}, {category_id, category_dim},
		  {department_id, department_dim}}');

	PERFORM medallion.add_model('retail', 'silver', 'orders_fact_rejected',
		'Order items that are not in orders_fact, and why: the two together are all order items', '{order_item_id}', ARRAY[
			['order_item_id', 'integer', 'The order item'],
			['order_item_order_id', 'integer', 'The order that the source names'],
			['order_item_product_id', 'integer', 'The product that the source names'],
			['order_item_quantity', 'integer', 'Units'],
			['order_item_subtotal', 'numeric(12,2)', 'Price of all units in US dollars'],
			['order_item_product_price', 'numeric(12,2)', 'Price per unit in US dollars'],
			['reason', 'text', 'What does not exist: its order, or the order''s customer']],
		$sql$
SELECT i.order_item_id, i.order_item_order_id, i.order_item_product_id, i.order_item_quantity,
       CAST(CAST(i.order_item_subtotal AS double precision) AS numeric(12,2)) AS order_item_subtotal,
       CAST(CAST(i.order_item_product_price AS double precision) AS numeric(12,2)) AS order_item_product_price,
       CASE WHEN o.order_id IS NULL THEN 'order does not exist' ELSE 'customer does not exist' END AS reason
FROM order_items i
LEFT JOIN orders o ON o.order_id = i.order_item_order_id
LEFT JOIN customer_dim c ON c.customer_id = o.order_customer_id
WHERE c.customer_id IS NULL$sql$);

	PERFORM medallion.add_model('retail', 'silver', 'order_dim', 'Orders, one row each, also those without items',
		'{order_id}', ARRAY[
			['order_id', 'integer', 'The order'],
			['order_date', 'timestamp', 'Date of the order, as the shop''s clock showed it'],
			['order_status', 'text', 'Status'],
			['customer_id', 'integer', 'The customer; NULL where the source names one that does not exist'],
			['item_count', 'bigint', 'Number of its rows in orders_fact'],
			['order_total', 'numeric(12,2)', 'Total of its rows in orders_fact in US dollars; 0 where there are none']],
		$sql$
SELECT o.order_id, o.order_date, trim(o.order_status) AS order_status, c.customer_id,
       COALESCE(f.item_count, 0) AS item_count, COALESCE(f.order_total, 0) AS order_total
FROM orders o
LEFT JOIN customer_dim c ON c.customer_id = o.order_customer_id
LEFT JOIN (SELECT order_id, count(*) AS item_count, sum(order_item_subtotal) AS order_total
           FROM orders_fact
           GROUP BY order_id) f ON f.order_id = o.order_id$sql$,
		'{{customer_id, customer_dim}}');
END
$$;
COMMENT ON FUNCTION medallion.add_retail_silver() IS 'the silver models of pipeline "retail"';

CREATE FUNCTION medallion.add_retail_gold() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	quantity text := 'Units sold';
	revenue text := 'Revenue in US dollars, over orders of all statuses, canceled ones too';
	orders text := 'Orders with at least one item, of all statuses';
BEGIN
	PERFORM medallion.add_model('retail', 'gold', 'sales_by_customer',
		'Sales per customer with at least one order item; revenue is over all statuses', '{customer_id}', ARRAY[
			['customer_id', 'integer', 'The customer'],
			['customer_fname', 'text', 'First name'],
			['customer_lname', 'text', 'Last name'],
			['total_orders', 'bigint', orders],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(o.customer_id, -1) AS customer_id, COALESCE(c.customer_fname, '(unknown)') AS customer_fname,
       COALESCE(c.customer_lname, '(unknown)') AS customer_lname, o.total_orders, o.total_revenue
FROM (SELECT customer_id, count(*) AS total_orders, sum(order_total) AS total_revenue
      FROM order_dim
      WHERE item_count > 0
      GROUP BY customer_id) o
LEFT JOIN customer_dim c ON c.customer_id = o.customer_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_product',
		'Sales per product that was sold; revenue is over all statuses', '{product_id}', ARRAY[
			['product_id', 'integer', 'The product; -1 for all that do not exist in the source'],
			['product_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(f.product_id, -1) AS product_id, COALESCE(p.product_name, '(unknown)') AS product_name,
       f.total_quantity, f.total_revenue
FROM (SELECT product_id, sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue
      FROM orders_fact
      GROUP BY product_id) f
LEFT JOIN product_dim p ON p.product_id = f.product_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_category',
		'Sales per category with sales; revenue is over all statuses', '{category_id}', ARRAY[
			['category_id', 'integer', 'The category; -1 for products without one'],
			['category_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(f.category_id, -1) AS category_id, COALESCE(c.category_name, '(unknown)') AS category_name,
       f.total_quantity, f.total_revenue
FROM (SELECT category_id, sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue
      FROM orders_fact
      GROUP BY category_id) f
LEFT JOIN category_dim c ON c.category_id = f.category_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_department_daily',
		'Sales per department and day with sales; revenue is over all statuses', '{department_id, order_date}', ARRAY[
			['department_id', 'integer', 'The department; -1 for products without one'],
			['order_date', 'date', 'Day of the orders'],
			['department_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(f.department_id, -1) AS department_id, f.order_date,
       COALESCE(d.department_name, '(unknown)') AS department_name, f.total_quantity, f.total_revenue
FROM (SELECT department_id, CAST(order_date AS date) AS order_date,
             sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue
      FROM orders_fact
      GROUP BY department_id, CAST(order_date AS date)) f
LEFT JOIN department_dim d ON d.department_id = f.department_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_department',
		'Sales per department with sales; revenue is over all statuses', '{department_id}', ARRAY[
			['department_id', 'integer', 'The department; -1 for products without one'],
			['department_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT department_id, department_name, sum(total_quantity) AS total_quantity, sum(total_revenue) AS total_revenue
FROM sales_by_department_daily
GROUP BY department_id, department_name$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_region',
		'Sales per state in which the customers live; revenue is over all statuses', '{customer_state}', ARRAY[
			['customer_state', 'text', 'State or territory of the USA; (unknown) where it is missing'],
			['total_orders', 'bigint', orders],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT o.customer_state, o.total_orders, f.total_quantity, o.total_revenue
FROM (SELECT COALESCE(c.customer_state, '(unknown)') AS customer_state,
             count(*) AS total_orders, sum(o.order_total) AS total_revenue
      FROM order_dim o
      JOIN customer_dim c ON c.customer_id = o.customer_id
      WHERE o.item_count > 0
      GROUP BY COALESCE(c.customer_state, '(unknown)')) o
JOIN (SELECT COALESCE(customer_state, '(unknown)') AS customer_state, sum(order_item_quantity) AS total_quantity
      FROM orders_fact
      GROUP BY COALESCE(customer_state, '(unknown)')) f ON f.customer_state = o.customer_state$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_order_status',
		'Orders and sales per order status', '{order_status}', ARRAY[
			['order_status', 'text', 'The status; (unknown) where it is missing'],
			['orders_all', 'bigint', 'Orders, also those without items'],
			['total_orders', 'bigint', 'Orders with at least one item'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', 'Revenue in US dollars of the orders in this status']],
		$sql$
SELECT o.order_status, o.orders_all, o.total_orders, COALESCE(f.total_quantity, 0) AS total_quantity, o.total_revenue
FROM (SELECT COALESCE(order_status, '(unknown)') AS order_status, count(*) AS orders_all,
             count(*) FILTER (WHERE item_count > 0) AS total_orders, sum(order_total) AS total_revenue
      FROM order_dim
      GROUP BY COALESCE(order_status, '(unknown)')) o
LEFT JOIN (SELECT COALESCE(order_status, '(unknown)') AS order_status, sum(order_item_quantity) AS total_quantity
           FROM orders_fact
           GROUP BY COALESCE(order_status, '(unknown)')) f ON f.order_status = o.order_status$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'orders_time_series',
		'Orders and sales per day; a day without orders has no row; revenue is over all statuses', '{order_date}', ARRAY[
			['order_date', 'date', 'The day'],
			['orders_all', 'bigint', 'Orders, also those without items'],
			['total_orders', 'bigint', orders],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT CAST(order_date AS date) AS order_date, count(*) AS orders_all,
       count(*) FILTER (WHERE item_count > 0) AS total_orders, sum(order_total) AS total_revenue
FROM order_dim
GROUP BY CAST(order_date AS date)$sql$);
END
$$;
COMMENT ON FUNCTION medallion.add_retail_gold() IS 'the gold models of pipeline "retail"';

CREATE FUNCTION medallion.add_retail_checks() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.add_check('retail', 'orders_fact', 'complete', 'sql', jsonb_build_object('query', $sql$
SELECT l.landed, k.kept, r.rejected
FROM (SELECT COALESCE(sum(rows), 0) AS landed FROM medallion.object
      WHERE pipeline = 'retail' AND layer = 'raw' AND table_name = 'order_items') l,
     (SELECT count(*) AS kept FROM orders_fact) k,
     (SELECT count(*) AS rejected FROM orders_fact_rejected) r
WHERE l.landed <> k.kept + r.rejected$sql$));
	PERFORM medallion.add_check('retail', 'sales_by_department', 'total', 'sql', jsonb_build_object('query', $sql$
SELECT g.gold, s.silver
FROM (SELECT sum(total_revenue) AS gold FROM sales_by_department) g, (SELECT sum(order_item_subtotal) AS silver FROM orders_fact) s
WHERE g.gold IS DISTINCT FROM s.silver$sql$));
	PERFORM medallion.add_check('retail', 'order_dim', 'customer', 'relationships', '{"column": "customer_id", "to": "customer_dim"}');
	PERFORM medallion.add_check('retail', 'orders_fact', 'order', 'relationships', '{"column": "order_id", "to": "order_dim"}');

	PERFORM medallion.add_check('retail', 'department_dim', 'name', 'unique', '{"columns": ["department_name"]}', 'warn');
	PERFORM medallion.add_check('retail', 'order_dim', 'status', 'accepted_values',
		'{"column": "order_status", "values": ["COMPLETE", "CLOSED", "PENDING", "PENDING_PAYMENT", "PROCESSING", "ON_HOLD",
		  "PAYMENT_REVIEW", "SUSPECTED_FRAUD", "CANCELED"]}', 'warn');
	PERFORM medallion.add_check('retail', 'orders_fact', 'quantity', 'range', '{"column": "order_item_quantity", "min": 1}', 'warn');
	PERFORM medallion.add_check('retail', 'orders_fact', 'product', 'not_null', '{"column": "product_id"}', 'warn');
	PERFORM medallion.add_check('retail', 'orders_fact_rejected', 'none', 'sql', '{"query": "SELECT * FROM orders_fact_rejected"}', 'warn');
	PERFORM medallion.add_check('retail', 'product_dim', 'price', 'range', '{"column": "product_price", "min": 0}', 'warn');
END
$$;
COMMENT ON FUNCTION medallion.add_retail_checks() IS
'the checks of pipeline "retail": those of severity error hold whatever the source has, those of severity warn tell what is odd in it';
