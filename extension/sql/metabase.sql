--
-- What Metabase reads about the tables, besides their comments and keys: it looks for a table or view _metabase_metadata in
-- any schema, with names and semantic types by paths like "orders_fact.order_date.semantic_type".
--

-- Names that say little as they are written, and all others in words.
CREATE FUNCTION medallion.display_name(name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE((SELECT d.display
					   FROM (VALUES ('customer_dim', 'Customers'), ('department_dim', 'Departments'), ('category_dim', 'Categories'), ('product_dim', 'Products'),
									('order_dim', 'Orders'), ('orders_fact', 'Order items'), ('orders_fact_rejected', 'Rejected order items'),
									('orders_time_series', 'Orders per day'), ('sales_by_department_daily', 'Sales by department and day'),
									('customer_fname', 'First name'), ('customer_lname', 'Last name'), ('customer_zipcode', 'ZIP code'),
									('orders_all', 'All orders'), ('total_orders', 'Orders with items'), ('total_quantity', 'Units sold'), ('total_revenue', 'Revenue'),
									('weather_rt', 'Weather, 5 minutes'), ('weather_bt', 'Weather, hours and days'), ('weather_hourly', 'Weather, hours'),
									('weather_daily', 'Weather, days'), ('api_error', 'API errors'), ('dead_letter', 'Dead letters'),
									('avg_temp', 'Average temperature, Kelvin'), ('avg_temp_c', 'Average temperature, Celsius'),
									('min_temp', 'Lowest temperature, Kelvin'), ('max_temp', 'Highest temperature, Kelvin'),
									('avg_humidity', 'Average humidity, %'), ('min_humidity', 'Lowest humidity, %'), ('max_humidity', 'Highest humidity, %'),
									('sum_temp', 'Sum of temperatures, Kelvin'), ('sum_humidity', 'Sum of humidities, %')) d (name, display)
					  WHERE d.name = $1),
					regexp_replace(upper(left(w, 1)) || substr(w, 2), ' id$', ' ID'))
	  FROM (SELECT replace(regexp_replace($1, '_(dim|fact)$', ''), '_', ' ')) n (w)
$$;
COMMENT ON FUNCTION medallion.display_name(text) IS 'the name of a table or column as people should see it';

-- Names that Metabase's own rules do not know, or know as something else. Where a name fits several, the first counts.
CREATE FUNCTION medallion.semantic_type(column_name text, type_category "char") RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.semantic
	  FROM (VALUES ('_zipcode$', 'S', 'type/ZipCode'), ('_state$', 'S', 'type/State'), ('(^|_)city$', 'S', 'type/City'), ('_street$', 'S', 'type/Address'),
				   ('_email$', 'S', 'type/Email'), ('_[fl]name$', 'S', 'type/Name'), ('^product_name$', 'S', 'type/Product'), ('_name$', 'S', 'type/Category'),
				   ('_status$', 'S', 'type/Category'), ('^(granularity|reason)$', 'S', 'type/Category'),
				   ('_revenue$', 'N', 'type/Income'), ('_price$', 'N', 'type/Price'), ('(_subtotal|^order_total)$', 'N', 'type/Currency'),
				   ('(_quantity|_count|^total_orders|^orders_all|^readings|^letters|^waiting)$', 'N', 'type/Quantity'),
				   ('^(updated_at|changed_at)$', 'D', 'type/UpdatedTimestamp'), ('^landed_at$', 'D', 'type/CreationTimestamp')) t (pattern, category, semantic)
	 WHERE column_name ~ t.pattern AND type_category = t.category::"char"
	 LIMIT 1
$$;
COMMENT ON FUNCTION medallion.semantic_type(text, "char") IS 'Metabase''s semantic type of a column of the pipelines'' tables, by its name and the category of its type; NULL: Metabase decides';

-- The tables that models fill, and what is in schema weather. Keys are known from the constraints and keep their type.
CREATE VIEW medallion._metabase_metadata WITH (security_barrier) AS
	WITH shown AS (
		SELECT c.oid, c.relname
		  FROM pg_catalog.pg_class c
		  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		 WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m}'::"char"[])
		   AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
		   AND (EXISTS (SELECT FROM medallion.model m
						  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer
						 WHERE m.name OPERATOR(pg_catalog.=) c.relname AND l.schema_name OPERATOR(pg_catalog.=) n.nspname)
				OR (n.nspname OPERATOR(pg_catalog.=) 'weather' AND EXISTS (SELECT FROM medallion.weather_topic)))
	), shown_column AS (
		SELECT s.relname, a.attname, t.typcategory,
			   EXISTS (SELECT FROM pg_catalog.pg_constraint k
						WHERE k.conrelid OPERATOR(pg_catalog.=) s.oid AND k.contype OPERATOR(pg_catalog.=) ANY ('{p,f}'::"char"[])
						  AND k.conkey OPERATOR(pg_catalog.=) ARRAY[a.attnum]) AS is_key
		  FROM shown s
		  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) s.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
		  JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
		 WHERE pg_catalog.has_column_privilege(s.oid, a.attnum, 'SELECT')
	)
	SELECT pg_catalog.format('%s.%s', s.relname, v.key) AS keypath, v.value
	  FROM shown s
	 CROSS JOIN LATERAL (VALUES ('display_name', medallion.display_name(s.relname::text)),
								('description', pg_catalog.obj_description(s.oid, 'pg_class'))) v (key, value)
	 WHERE v.value IS NOT NULL
	 UNION ALL
	SELECT pg_catalog.format('%s.%s.%s', c.relname, c.attname, v.key), v.value
	  FROM shown_column c
	 CROSS JOIN LATERAL (VALUES ('display_name', medallion.display_name(c.attname::text)),
								('semantic_type', CASE WHEN NOT c.is_key THEN medallion.semantic_type(c.attname::text, c.typcategory) END)) v (key, value)
	 WHERE v.value IS NOT NULL;
COMMENT ON VIEW medallion._metabase_metadata IS 'display names, descriptions and semantic types for Metabase, of the tables that the reader may see';
