-- What the tables need beyond their rows, in PostgreSQL: keys and statistics.
ALTER TABLE silver.customer_dim ADD PRIMARY KEY (customer_id);
ALTER TABLE silver.department_dim ADD PRIMARY KEY (department_id);
ALTER TABLE silver.category_dim ADD PRIMARY KEY (category_id),
	ADD FOREIGN KEY (department_id) REFERENCES silver.department_dim;
ALTER TABLE silver.product_dim ADD PRIMARY KEY (product_id),
	ADD FOREIGN KEY (category_id) REFERENCES silver.category_dim;
ALTER TABLE silver.order_dim ADD PRIMARY KEY (order_id),
	ADD FOREIGN KEY (customer_id) REFERENCES silver.customer_dim;
ALTER TABLE silver.orders_fact ADD PRIMARY KEY (order_item_id),
	ADD FOREIGN KEY (order_id) REFERENCES silver.order_dim,
	ADD FOREIGN KEY (customer_id) REFERENCES silver.customer_dim,
	ADD FOREIGN KEY (product_id) REFERENCES silver.product_dim,
	ADD FOREIGN KEY (category_id) REFERENCES silver.category_dim,
	ADD FOREIGN KEY (department_id) REFERENCES silver.department_dim;
ALTER TABLE silver.orders_fact_rejected ADD PRIMARY KEY (order_item_id);
ALTER TABLE gold.sales_by_customer ADD PRIMARY KEY (customer_id);
ALTER TABLE gold.sales_by_product ADD PRIMARY KEY (product_id);
ALTER TABLE gold.sales_by_category ADD PRIMARY KEY (category_id);
ALTER TABLE gold.sales_by_department ADD PRIMARY KEY (department_id);
ALTER TABLE gold.sales_by_department_daily ADD PRIMARY KEY (department_id, order_date);
ALTER TABLE gold.sales_by_region ADD PRIMARY KEY (customer_state);
ALTER TABLE gold.sales_by_order_status ADD PRIMARY KEY (order_status);
ALTER TABLE gold.orders_time_series ADD PRIMARY KEY (order_date);
ANALYZE silver.customer_dim, silver.department_dim, silver.category_dim, silver.product_dim, silver.order_dim,
	silver.orders_fact, silver.orders_fact_rejected, gold.sales_by_customer, gold.sales_by_product,
	gold.sales_by_category, gold.sales_by_department, gold.sales_by_department_daily, gold.sales_by_region,
	gold.sales_by_order_status, gold.orders_time_series;
