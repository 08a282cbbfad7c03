-- A database of release 0.1, as pg_dump --no-owner --no-unlogged-table-data wrote it: the pipelines "retail" (of
-- retail_small.sql) and "weather" (twenty minutes, made up) installed and run, and a view of a user's on run_history.
-- Addresses are made up, user mappings left out; medallion_update.pl sets both.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA bronze;
CREATE SCHEMA gold;
CREATE SCHEMA lake_gold;
CREATE SCHEMA lake_silver;
CREATE SCHEMA lake_weather;
CREATE SCHEMA silver;
CREATE SCHEMA source_retail;
CREATE SCHEMA source_weather;
CREATE SCHEMA weather;
CREATE SCHEMA work_retail;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (
    brokers '127.0.0.1:1'
);
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (
    endpoint 'http://127.0.0.1:1',
    url_style 'path'
);
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (
    dbname 'medallion_update',
    host '127.0.0.1',
    port '1'
);
CREATE FOREIGN TABLE bronze.categories (
    category_id integer,
    category_department_id integer,
    category_name character varying(45),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-raw',
    format 'csv',
    header 'true',
    prefix 'categories/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE bronze.categories ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE bronze.categories IS 'source_retail.categories as the last ingest found it, in bucket medallion-update-raw (pipeline retail)';
CREATE FOREIGN TABLE bronze.customers (
    customer_id integer,
    customer_fname character varying(45),
    customer_lname character varying(45),
    customer_email character varying(45),
    customer_street character varying(255),
    customer_city character varying(45),
    customer_state character varying(45),
    customer_zipcode character varying(45),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-raw',
    format 'csv',
    header 'true',
    prefix 'customers/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE bronze.customers ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE bronze.customers IS 'source_retail.customers as the last ingest found it, in bucket medallion-update-raw (pipeline retail)';
CREATE FOREIGN TABLE bronze.departments (
    department_id integer,
    department_name character varying(45),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-raw',
    format 'csv',
    header 'true',
    prefix 'departments/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE bronze.departments ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE bronze.departments IS 'source_retail.departments as the last ingest found it, in bucket medallion-update-raw (pipeline retail)';
CREATE FOREIGN TABLE bronze.order_items (
    order_item_id integer,
    order_item_order_id integer,
    order_item_product_id integer,
    order_item_quantity smallint,
    order_item_subtotal real,
    order_item_product_price real,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-raw',
    format 'csv',
    header 'true',
    prefix 'order_items/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE bronze.order_items ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE bronze.order_items IS 'source_retail.order_items as the last ingest found it, in bucket medallion-update-raw (pipeline retail)';
CREATE FOREIGN TABLE bronze.orders (
    order_id integer,
    order_date timestamp without time zone,
    order_customer_id integer,
    order_status character varying(45),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-raw',
    format 'csv',
    header 'true',
    prefix 'orders/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE bronze.orders ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE bronze.orders IS 'source_retail.orders as the last ingest found it, in bucket medallion-update-raw (pipeline retail)';
CREATE FOREIGN TABLE bronze.products (
    product_id integer,
    product_category_id integer,
    product_name character varying(45),
    product_description character varying(255),
    product_price real,
    product_image character varying(255),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-raw',
    format 'csv',
    header 'true',
    prefix 'products/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE bronze.products ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE bronze.products IS 'source_retail.products as the last ingest found it, in bucket medallion-update-raw (pipeline retail)';
CREATE FOREIGN TABLE bronze.weather (
    partition integer,
    "offset" bigint,
    "timestamp" timestamp with time zone,
    key text,
    value json,
    key_base64 text,
    value_base64 text,
    _path text,
    _etag text
)
SERVER lake
OPTIONS (
    bucket 'test-medallion-update-raw',
    format 'jsonl',
    prefix 'date=',
    rows '10000000'
);
ALTER FOREIGN TABLE bronze.weather ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
ALTER FOREIGN TABLE bronze.weather ALTER COLUMN _etag OPTIONS (
    metadata 'etag'
);
COMMENT ON FOREIGN TABLE bronze.weather IS 'the records of the topic, as they stand in the raw objects (pipeline weather)';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE gold.orders_time_series (
    order_date date NOT NULL,
    orders_all bigint,
    total_orders bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.orders_time_series IS 'Orders and sales per day; a day without orders has no row; revenue is over all statuses';
COMMENT ON COLUMN gold.orders_time_series.order_date IS 'The day';
COMMENT ON COLUMN gold.orders_time_series.orders_all IS 'Orders, also those without items';
COMMENT ON COLUMN gold.orders_time_series.total_orders IS 'Orders with at least one item, of all statuses';
COMMENT ON COLUMN gold.orders_time_series.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE TABLE gold.sales_by_category (
    category_id integer NOT NULL,
    category_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_category IS 'Sales per category with sales; revenue is over all statuses';
COMMENT ON COLUMN gold.sales_by_category.category_id IS 'The category; -1 for products without one';
COMMENT ON COLUMN gold.sales_by_category.category_name IS 'Name';
COMMENT ON COLUMN gold.sales_by_category.total_quantity IS 'Units sold';
COMMENT ON COLUMN gold.sales_by_category.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE TABLE gold.sales_by_customer (
    customer_id integer NOT NULL,
    customer_fname text,
    customer_lname text,
    total_orders bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_customer IS 'Sales per customer with at least one order item; revenue is over all statuses';
COMMENT ON COLUMN gold.sales_by_customer.customer_id IS 'The customer';
COMMENT ON COLUMN gold.sales_by_customer.customer_fname IS 'First name';
COMMENT ON COLUMN gold.sales_by_customer.customer_lname IS 'Last name';
COMMENT ON COLUMN gold.sales_by_customer.total_orders IS 'Orders with at least one item, of all statuses';
COMMENT ON COLUMN gold.sales_by_customer.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE TABLE gold.sales_by_department (
    department_id integer NOT NULL,
    department_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_department IS 'Sales per department with sales; revenue is over all statuses';
COMMENT ON COLUMN gold.sales_by_department.department_id IS 'The department; -1 for products without one';
COMMENT ON COLUMN gold.sales_by_department.department_name IS 'Name';
COMMENT ON COLUMN gold.sales_by_department.total_quantity IS 'Units sold';
COMMENT ON COLUMN gold.sales_by_department.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE TABLE gold.sales_by_department_daily (
    department_id integer NOT NULL,
    order_date date NOT NULL,
    department_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_department_daily IS 'Sales per department and day with sales; revenue is over all statuses';
COMMENT ON COLUMN gold.sales_by_department_daily.department_id IS 'The department; -1 for products without one';
COMMENT ON COLUMN gold.sales_by_department_daily.order_date IS 'Day of the orders';
COMMENT ON COLUMN gold.sales_by_department_daily.department_name IS 'Name';
COMMENT ON COLUMN gold.sales_by_department_daily.total_quantity IS 'Units sold';
COMMENT ON COLUMN gold.sales_by_department_daily.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE TABLE gold.sales_by_order_status (
    order_status text NOT NULL,
    orders_all bigint,
    total_orders bigint,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_order_status IS 'Orders and sales per order status';
COMMENT ON COLUMN gold.sales_by_order_status.order_status IS 'The status; (unknown) where it is missing';
COMMENT ON COLUMN gold.sales_by_order_status.orders_all IS 'Orders, also those without items';
COMMENT ON COLUMN gold.sales_by_order_status.total_orders IS 'Orders with at least one item';
COMMENT ON COLUMN gold.sales_by_order_status.total_quantity IS 'Units sold';
COMMENT ON COLUMN gold.sales_by_order_status.total_revenue IS 'Revenue in US dollars of the orders in this status';
CREATE TABLE gold.sales_by_product (
    product_id integer NOT NULL,
    product_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_product IS 'Sales per product that was sold; revenue is over all statuses';
COMMENT ON COLUMN gold.sales_by_product.product_id IS 'The product; -1 for all that do not exist in the source';
COMMENT ON COLUMN gold.sales_by_product.product_name IS 'Name';
COMMENT ON COLUMN gold.sales_by_product.total_quantity IS 'Units sold';
COMMENT ON COLUMN gold.sales_by_product.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE TABLE gold.sales_by_region (
    customer_state text NOT NULL,
    total_orders bigint,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COMMENT ON TABLE gold.sales_by_region IS 'Sales per state in which the customers live; revenue is over all statuses';
COMMENT ON COLUMN gold.sales_by_region.customer_state IS 'State or territory of the USA; (unknown) where it is missing';
COMMENT ON COLUMN gold.sales_by_region.total_orders IS 'Orders with at least one item, of all statuses';
COMMENT ON COLUMN gold.sales_by_region.total_quantity IS 'Units sold';
COMMENT ON COLUMN gold.sales_by_region.total_revenue IS 'Revenue in US dollars, over orders of all statuses, canceled ones too';
CREATE FOREIGN TABLE lake_gold.orders_time_series (
    order_date date,
    orders_all bigint,
    total_orders bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'orders_time_series/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.orders_time_series ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.orders_time_series IS 'gold.orders_time_series as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_category (
    category_id integer,
    category_name text,
    total_quantity bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_category/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_category ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_category IS 'gold.sales_by_category as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_customer (
    customer_id integer,
    customer_fname text,
    customer_lname text,
    total_orders bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_customer/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_customer ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_customer IS 'gold.sales_by_customer as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_department (
    department_id integer,
    department_name text,
    total_quantity bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_department/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_department ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_department IS 'gold.sales_by_department as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_department_daily (
    department_id integer,
    order_date date,
    department_name text,
    total_quantity bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_department_daily/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_department_daily ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_department_daily IS 'gold.sales_by_department_daily as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_order_status (
    order_status text,
    orders_all bigint,
    total_orders bigint,
    total_quantity bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_order_status/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_order_status ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_order_status IS 'gold.sales_by_order_status as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_product (
    product_id integer,
    product_name text,
    total_quantity bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_product/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_product ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_product IS 'gold.sales_by_product as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_gold.sales_by_region (
    customer_state text,
    total_orders bigint,
    total_quantity bigint,
    total_revenue numeric(18,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-gold',
    format 'csv',
    header 'true',
    prefix 'sales_by_region/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_gold.sales_by_region ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_gold.sales_by_region IS 'gold.sales_by_region as it stands in bucket medallion-update-gold (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.category_dim (
    category_id integer,
    category_name text,
    department_id integer,
    department_name text,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'category_dim/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.category_dim ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.category_dim IS 'silver.category_dim as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.customer_dim (
    customer_id integer,
    customer_fname text,
    customer_lname text,
    customer_email text,
    customer_street text,
    customer_city text,
    customer_state text,
    customer_zipcode text,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'customer_dim/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.customer_dim ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.customer_dim IS 'silver.customer_dim as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.department_dim (
    department_id integer,
    department_name text,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'department_dim/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.department_dim ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.department_dim IS 'silver.department_dim as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.order_dim (
    order_id integer,
    order_date timestamp without time zone,
    order_status text,
    customer_id integer,
    item_count bigint,
    order_total numeric(12,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'order_dim/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.order_dim ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.order_dim IS 'silver.order_dim as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.orders_fact (
    order_item_id integer,
    order_id integer,
    order_date timestamp without time zone,
    order_status text,
    customer_id integer,
    customer_fname text,
    customer_lname text,
    customer_city text,
    customer_state text,
    product_id integer,
    product_name text,
    category_id integer,
    category_name text,
    department_id integer,
    department_name text,
    order_item_quantity integer,
    order_item_product_price numeric(12,2),
    order_item_subtotal numeric(12,2),
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'orders_fact/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.orders_fact ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.orders_fact IS 'silver.orders_fact as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.orders_fact_rejected (
    order_item_id integer,
    order_item_order_id integer,
    order_item_product_id integer,
    order_item_quantity integer,
    order_item_subtotal numeric(12,2),
    order_item_product_price numeric(12,2),
    reason text,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'orders_fact_rejected/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.orders_fact_rejected ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.orders_fact_rejected IS 'silver.orders_fact_rejected as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_silver.product_dim (
    product_id integer,
    product_name text,
    product_price numeric(12,2),
    category_id integer,
    category_name text,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'product_dim/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_silver.product_dim ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_silver.product_dim IS 'silver.product_dim as it stands in bucket medallion-update-silver (pipeline retail)';
CREATE FOREIGN TABLE lake_weather.raw (
    line text,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'test-medallion-update-raw',
    format 'text',
    prefix 'date=',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_weather.raw ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_weather.raw IS 'the lines of the raw objects (pipeline weather)';
CREATE FOREIGN TABLE lake_weather.windows_5min (
    city text NOT NULL,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    avg_temp numeric,
    avg_temp_c numeric,
    avg_humidity numeric,
    min_temp numeric,
    max_temp numeric,
    min_humidity numeric,
    max_humidity numeric,
    sum_temp numeric,
    sum_humidity numeric,
    readings bigint,
    is_final boolean,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'test-medallion-update-silver',
    format 'csv',
    header 'true',
    prefix '5min/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_weather.windows_5min ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_weather.windows_5min IS 'windows of weather (5min) as they stand in bucket test-medallion-update-silver (pipeline weather)';
CREATE FOREIGN TABLE lake_weather.windows_day (
    city text NOT NULL,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    avg_temp numeric,
    avg_temp_c numeric,
    avg_humidity numeric,
    min_temp numeric,
    max_temp numeric,
    min_humidity numeric,
    max_humidity numeric,
    sum_temp numeric,
    sum_humidity numeric,
    readings bigint,
    is_final boolean,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'test-medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'daily/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_weather.windows_day ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_weather.windows_day IS 'windows of weather (day) as they stand in bucket test-medallion-update-silver (pipeline weather)';
CREATE FOREIGN TABLE lake_weather.windows_hour (
    city text NOT NULL,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    avg_temp numeric,
    avg_temp_c numeric,
    avg_humidity numeric,
    min_temp numeric,
    max_temp numeric,
    min_humidity numeric,
    max_humidity numeric,
    sum_temp numeric,
    sum_humidity numeric,
    readings bigint,
    is_final boolean,
    _path text
)
SERVER lake
OPTIONS (
    bucket 'test-medallion-update-silver',
    format 'csv',
    header 'true',
    prefix 'hourly/',
    skip_unchanged 'true'
);
ALTER FOREIGN TABLE lake_weather.windows_hour ALTER COLUMN _path OPTIONS (
    metadata 'path'
);
COMMENT ON FOREIGN TABLE lake_weather.windows_hour IS 'windows of weather (hour) as they stand in bucket test-medallion-update-silver (pipeline weather)';
CREATE VIEW public.failures AS
 SELECT run_history.run_id,
    run_history.pipeline,
    run_history.message
   FROM medallion.run_history
  WHERE (run_history.state = 'failed'::text);
CREATE TABLE silver.category_dim (
    category_id integer NOT NULL,
    category_name text,
    department_id integer,
    department_name text
);
COMMENT ON TABLE silver.category_dim IS 'Product categories, one row each';
COMMENT ON COLUMN silver.category_dim.category_id IS 'The category';
COMMENT ON COLUMN silver.category_dim.category_name IS 'Name; names repeat, so group by category_id';
COMMENT ON COLUMN silver.category_dim.department_id IS 'Its department; NULL where the source names one that does not exist';
COMMENT ON COLUMN silver.category_dim.department_name IS 'Name of the department';
CREATE TABLE silver.customer_dim (
    customer_id integer NOT NULL,
    customer_fname text,
    customer_lname text,
    customer_email text,
    customer_street text,
    customer_city text,
    customer_state text,
    customer_zipcode text
);
COMMENT ON TABLE silver.customer_dim IS 'Customers, one row each; passwords are never copied';
COMMENT ON COLUMN silver.customer_dim.customer_id IS 'The customer';
COMMENT ON COLUMN silver.customer_dim.customer_fname IS 'First name';
COMMENT ON COLUMN silver.customer_dim.customer_lname IS 'Last name; names repeat, so group by customer_id';
COMMENT ON COLUMN silver.customer_dim.customer_email IS 'E-mail address';
COMMENT ON COLUMN silver.customer_dim.customer_street IS 'Street and number';
COMMENT ON COLUMN silver.customer_dim.customer_city IS 'City';
COMMENT ON COLUMN silver.customer_dim.customer_state IS 'State or territory of the USA, two letters';
COMMENT ON COLUMN silver.customer_dim.customer_zipcode IS 'ZIP code, text: leading zeros count';
CREATE TABLE silver.department_dim (
    department_id integer NOT NULL,
    department_name text
);
COMMENT ON TABLE silver.department_dim IS 'Departments of the shop, one row each';
COMMENT ON COLUMN silver.department_dim.department_id IS 'The department';
COMMENT ON COLUMN silver.department_dim.department_name IS 'Name';
CREATE TABLE silver.order_dim (
    order_id integer NOT NULL,
    order_date timestamp without time zone,
    order_status text,
    customer_id integer,
    item_count bigint,
    order_total numeric(12,2)
);
COMMENT ON TABLE silver.order_dim IS 'Orders, one row each, also those without items';
COMMENT ON COLUMN silver.order_dim.order_id IS 'The order';
COMMENT ON COLUMN silver.order_dim.order_date IS 'Date of the order, as the shop''s clock showed it';
COMMENT ON COLUMN silver.order_dim.order_status IS 'Status';
COMMENT ON COLUMN silver.order_dim.customer_id IS 'The customer; NULL where the source names one that does not exist';
COMMENT ON COLUMN silver.order_dim.item_count IS 'Number of its rows in orders_fact';
COMMENT ON COLUMN silver.order_dim.order_total IS 'Total of its rows in orders_fact in US dollars; 0 where there are none';
CREATE TABLE silver.orders_fact (
    order_item_id integer NOT NULL,
    order_id integer,
    order_date timestamp without time zone,
    order_status text,
    customer_id integer,
    customer_fname text,
    customer_lname text,
    customer_city text,
    customer_state text,
    product_id integer,
    product_name text,
    category_id integer,
    category_name text,
    department_id integer,
    department_name text,
    order_item_quantity integer,
    order_item_product_price numeric(12,2),
    order_item_subtotal numeric(12,2)
);
COMMENT ON TABLE silver.orders_fact IS 'Order items whose order and customer exist, one row each, with what is known of order, customer and product';
COMMENT ON COLUMN silver.orders_fact.order_item_id IS 'The order item';
COMMENT ON COLUMN silver.orders_fact.order_id IS 'Its order';
COMMENT ON COLUMN silver.orders_fact.order_date IS 'Date of the order, as the shop''s clock showed it';
COMMENT ON COLUMN silver.orders_fact.order_status IS 'Status of the order; all statuses are here';
COMMENT ON COLUMN silver.orders_fact.customer_id IS 'Customer of the order';
COMMENT ON COLUMN silver.orders_fact.customer_fname IS 'The customer''s first name';
COMMENT ON COLUMN silver.orders_fact.customer_lname IS 'The customer''s last name';
COMMENT ON COLUMN silver.orders_fact.customer_city IS 'The customer''s city';
COMMENT ON COLUMN silver.orders_fact.customer_state IS 'The customer''s state';
COMMENT ON COLUMN silver.orders_fact.product_id IS 'The product; NULL where the source names one that does not exist';
COMMENT ON COLUMN silver.orders_fact.product_name IS 'Name of the product';
COMMENT ON COLUMN silver.orders_fact.category_id IS 'The product''s category; NULL where there is none';
COMMENT ON COLUMN silver.orders_fact.category_name IS 'Name of the category';
COMMENT ON COLUMN silver.orders_fact.department_id IS 'The category''s department; NULL where there is none';
COMMENT ON COLUMN silver.orders_fact.department_name IS 'Name of the department';
COMMENT ON COLUMN silver.orders_fact.order_item_quantity IS 'Units sold';
COMMENT ON COLUMN silver.orders_fact.order_item_product_price IS 'Price per unit in US dollars when it was ordered';
COMMENT ON COLUMN silver.orders_fact.order_item_subtotal IS 'Price of all units in US dollars';
CREATE TABLE silver.orders_fact_rejected (
    order_item_id integer NOT NULL,
    order_item_order_id integer,
    order_item_product_id integer,
    order_item_quantity integer,
    order_item_subtotal numeric(12,2),
    order_item_product_price numeric(12,2),
    reason text
);
COMMENT ON TABLE silver.orders_fact_rejected IS 'Order items that are not in orders_fact, and why: the two together are all order items';
COMMENT ON COLUMN silver.orders_fact_rejected.order_item_id IS 'The order item';
COMMENT ON COLUMN silver.orders_fact_rejected.order_item_order_id IS 'The order that the source names';
COMMENT ON COLUMN silver.orders_fact_rejected.order_item_product_id IS 'The product that the source names';
COMMENT ON COLUMN silver.orders_fact_rejected.order_item_quantity IS 'Units';
COMMENT ON COLUMN silver.orders_fact_rejected.order_item_subtotal IS 'Price of all units in US dollars';
COMMENT ON COLUMN silver.orders_fact_rejected.order_item_product_price IS 'Price per unit in US dollars';
COMMENT ON COLUMN silver.orders_fact_rejected.reason IS 'What does not exist: its order, or the order''s customer';
CREATE TABLE silver.product_dim (
    product_id integer NOT NULL,
    product_name text,
    product_price numeric(12,2),
    category_id integer,
    category_name text
);
COMMENT ON TABLE silver.product_dim IS 'Products, one row each';
COMMENT ON COLUMN silver.product_dim.product_id IS 'The product';
COMMENT ON COLUMN silver.product_dim.product_name IS 'Name; names repeat, so group by product_id';
COMMENT ON COLUMN silver.product_dim.product_price IS 'List price in US dollars';
COMMENT ON COLUMN silver.product_dim.category_id IS 'Its category; NULL where the source names one that does not exist';
COMMENT ON COLUMN silver.product_dim.category_name IS 'Name of the category';
CREATE FOREIGN TABLE source_retail.categories (
    category_id integer NOT NULL,
    category_department_id integer NOT NULL,
    category_name character varying(45) NOT NULL
)
SERVER retaildb
OPTIONS (
    dbname 'medallion_update',
    table_name 'categories'
);
ALTER FOREIGN TABLE source_retail.categories ALTER COLUMN category_id OPTIONS (
    key 'true'
);
COMMENT ON FOREIGN TABLE source_retail.categories IS 'categories as it is in MySQL now (pipeline retail)';
CREATE FOREIGN TABLE source_retail.customers (
    customer_id integer NOT NULL,
    customer_fname character varying(45) NOT NULL,
    customer_lname character varying(45) NOT NULL,
    customer_email character varying(45) NOT NULL,
    customer_password character varying(45) NOT NULL,
    customer_street character varying(255) NOT NULL,
    customer_city character varying(45) NOT NULL,
    customer_state character varying(45) NOT NULL,
    customer_zipcode character varying(45) NOT NULL
)
SERVER retaildb
OPTIONS (
    dbname 'medallion_update',
    table_name 'customers'
);
ALTER FOREIGN TABLE source_retail.customers ALTER COLUMN customer_id OPTIONS (
    key 'true'
);
COMMENT ON FOREIGN TABLE source_retail.customers IS 'customers as it is in MySQL now (pipeline retail)';
CREATE FOREIGN TABLE source_retail.departments (
    department_id integer NOT NULL,
    department_name character varying(45) NOT NULL
)
SERVER retaildb
OPTIONS (
    dbname 'medallion_update',
    table_name 'departments'
);
ALTER FOREIGN TABLE source_retail.departments ALTER COLUMN department_id OPTIONS (
    key 'true'
);
COMMENT ON FOREIGN TABLE source_retail.departments IS 'departments as it is in MySQL now (pipeline retail)';
CREATE FOREIGN TABLE source_retail.order_items (
    order_item_id integer NOT NULL,
    order_item_order_id integer NOT NULL,
    order_item_product_id integer NOT NULL,
    order_item_quantity smallint NOT NULL,
    order_item_subtotal real NOT NULL,
    order_item_product_price real NOT NULL
)
SERVER retaildb
OPTIONS (
    dbname 'medallion_update',
    table_name 'order_items'
);
ALTER FOREIGN TABLE source_retail.order_items ALTER COLUMN order_item_id OPTIONS (
    key 'true'
);
COMMENT ON FOREIGN TABLE source_retail.order_items IS 'order_items as it is in MySQL now (pipeline retail)';
CREATE FOREIGN TABLE source_retail.orders (
    order_id integer NOT NULL,
    order_date timestamp without time zone NOT NULL,
    order_customer_id integer NOT NULL,
    order_status character varying(45) NOT NULL
)
SERVER retaildb
OPTIONS (
    dbname 'medallion_update',
    table_name 'orders'
);
ALTER FOREIGN TABLE source_retail.orders ALTER COLUMN order_id OPTIONS (
    key 'true'
);
COMMENT ON FOREIGN TABLE source_retail.orders IS 'orders as it is in MySQL now (pipeline retail)';
CREATE FOREIGN TABLE source_retail.products (
    product_id integer NOT NULL,
    product_category_id integer NOT NULL,
    product_name character varying(45) NOT NULL,
    product_description character varying(255) NOT NULL,
    product_price real NOT NULL,
    product_image character varying(255) NOT NULL
)
SERVER retaildb
OPTIONS (
    dbname 'medallion_update',
    table_name 'products'
);
ALTER FOREIGN TABLE source_retail.products ALTER COLUMN product_id OPTIONS (
    key 'true'
);
COMMENT ON FOREIGN TABLE source_retail.products IS 'products as it is in MySQL now (pipeline retail)';
CREATE FOREIGN TABLE source_weather.weather (
    partition integer,
    "offset" bigint,
    "timestamp" timestamp with time zone,
    key bytea,
    value bytea
)
SERVER kafka
OPTIONS (
    format 'raw',
    topic 'test-medallion-update'
);
ALTER FOREIGN TABLE source_weather.weather ALTER COLUMN partition OPTIONS (
    metadata 'partition'
);
ALTER FOREIGN TABLE source_weather.weather ALTER COLUMN "offset" OPTIONS (
    metadata 'offset'
);
ALTER FOREIGN TABLE source_weather.weather ALTER COLUMN "timestamp" OPTIONS (
    metadata 'timestamp'
);
ALTER FOREIGN TABLE source_weather.weather ALTER COLUMN key OPTIONS (
    metadata 'key'
);
ALTER FOREIGN TABLE source_weather.weather ALTER COLUMN value OPTIONS (
    metadata 'value'
);
COMMENT ON FOREIGN TABLE source_weather.weather IS 'the records of the topic, as they are in Kafka now (pipeline weather)';
CREATE FOREIGN TABLE source_weather.weather_feed (
    key text,
    value text
)
SERVER kafka
OPTIONS (
    format 'raw',
    topic 'test-medallion-update'
);
ALTER FOREIGN TABLE source_weather.weather_feed ALTER COLUMN key OPTIONS (
    metadata 'key'
);
ALTER FOREIGN TABLE source_weather.weather_feed ALTER COLUMN value OPTIONS (
    metadata 'value'
);
COMMENT ON FOREIGN TABLE source_weather.weather_feed IS 'what is inserted here is sent to the topic (pipeline weather)';
CREATE TABLE weather.api_error (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    "timestamp" timestamp with time zone,
    landed_at timestamp with time zone DEFAULT now() NOT NULL,
    run_id bigint,
    city text,
    status_code integer,
    record text NOT NULL
);
COMMENT ON TABLE weather.api_error IS 'Calls of OpenWeather that failed';
COMMENT ON COLUMN weather.api_error.topic IS 'the topic; its name and #2 where it was made anew, and so on';
COMMENT ON COLUMN weather.api_error.partition IS 'its partition';
COMMENT ON COLUMN weather.api_error."offset" IS 'offset in the partition';
COMMENT ON COLUMN weather.api_error."timestamp" IS 'the record''s own timestamp in Kafka';
COMMENT ON COLUMN weather.api_error.landed_at IS 'when it was read';
COMMENT ON COLUMN weather.api_error.run_id IS 'run that read it, or NULL';
COMMENT ON COLUMN weather.api_error.city IS 'the city that was asked for';
COMMENT ON COLUMN weather.api_error.status_code IS 'HTTP status of the answer';
COMMENT ON COLUMN weather.api_error.record IS 'the record as it was received';
CREATE TABLE weather.dead_letter (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    "timestamp" timestamp with time zone,
    landed_at timestamp with time zone DEFAULT now() NOT NULL,
    run_id bigint,
    key bytea,
    value bytea,
    reason text NOT NULL,
    detail text,
    replayed_at timestamp with time zone
);
COMMENT ON TABLE weather.dead_letter IS 'Records that cannot be used, kept as they were received';
COMMENT ON COLUMN weather.dead_letter.topic IS 'the topic; its name and #2 where it was made anew, and so on';
COMMENT ON COLUMN weather.dead_letter.partition IS 'its partition';
COMMENT ON COLUMN weather.dead_letter."offset" IS 'offset in the partition';
COMMENT ON COLUMN weather.dead_letter."timestamp" IS 'the record''s own timestamp in Kafka';
COMMENT ON COLUMN weather.dead_letter.landed_at IS 'when it was read';
COMMENT ON COLUMN weather.dead_letter.run_id IS 'run that read it, or NULL';
COMMENT ON COLUMN weather.dead_letter.key IS 'the key, or NULL';
COMMENT ON COLUMN weather.dead_letter.value IS 'the value''s exact bytes; NULL of a tombstone';
COMMENT ON COLUMN weather.dead_letter.reason IS 'why it cannot be used: see docs/weather.md';
COMMENT ON COLUMN weather.dead_letter.detail IS 'where in the value';
COMMENT ON COLUMN weather.dead_letter.replayed_at IS 'when replay_dead_letters() could use it; NULL: it counts nowhere';
CREATE VIEW weather.dead_letters_by_reason AS
 SELECT d.reason,
    count(*) AS letters,
    count(*) FILTER (WHERE (d.replayed_at IS NULL)) AS waiting,
    min(d."timestamp") AS first_timestamp,
    max(d."timestamp") AS last_timestamp,
    max(d.landed_at) AS last_landed_at
   FROM weather.dead_letter d
  GROUP BY d.reason;
COMMENT ON VIEW weather.dead_letters_by_reason IS 'Records that cannot be used, by reason';
CREATE TABLE weather.weather_rt (
    city text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    avg_temp numeric NOT NULL,
    avg_temp_c numeric GENERATED ALWAYS AS ((avg_temp - 273.15)) STORED NOT NULL,
    avg_humidity numeric NOT NULL,
    min_temp numeric NOT NULL,
    max_temp numeric NOT NULL,
    min_humidity numeric NOT NULL,
    max_humidity numeric NOT NULL,
    sum_temp numeric NOT NULL,
    sum_humidity numeric NOT NULL,
    readings bigint NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE weather.weather_rt IS 'Weather by city in windows of 5 minutes';
COMMENT ON COLUMN weather.weather_rt.city IS 'the city that was asked for, else the name in the answer';
COMMENT ON COLUMN weather.weather_rt.window_start IS 'first instant of the window; windows are aligned to the epoch, in UTC';
COMMENT ON COLUMN weather.weather_rt.window_end IS 'first instant behind the window';
COMMENT ON COLUMN weather.weather_rt.avg_temp IS 'average temperature in Kelvin, rounded to 6 places';
COMMENT ON COLUMN weather.weather_rt.avg_temp_c IS 'the same in degrees Celsius';
COMMENT ON COLUMN weather.weather_rt.avg_humidity IS 'average relative humidity in percent, rounded to 6 places';
COMMENT ON COLUMN weather.weather_rt.min_temp IS 'least temperature in Kelvin';
COMMENT ON COLUMN weather.weather_rt.max_temp IS 'greatest temperature in Kelvin';
COMMENT ON COLUMN weather.weather_rt.min_humidity IS 'least humidity in percent';
COMMENT ON COLUMN weather.weather_rt.max_humidity IS 'greatest humidity in percent';
COMMENT ON COLUMN weather.weather_rt.sum_temp IS 'sum of the temperatures in Kelvin, exact';
COMMENT ON COLUMN weather.weather_rt.sum_humidity IS 'sum of the humidities, exact';
COMMENT ON COLUMN weather.weather_rt.readings IS 'number of readings';
COMMENT ON COLUMN weather.weather_rt.is_final IS 'the events have come 15 minutes further than the window; a late one corrects it all the same';
COMMENT ON COLUMN weather.weather_rt.updated_at IS 'when the row last changed';
CREATE VIEW weather.weather_now AS
 WITH RECURSIVE city(name) AS (
        ( SELECT t.city
           FROM weather.weather_rt t
          ORDER BY t.city
         LIMIT 1)
        UNION ALL
         SELECT ( SELECT t.city
                   FROM weather.weather_rt t
                  WHERE (t.city > c_1.name)
                  ORDER BY t.city
                 LIMIT 1) AS city
           FROM city c_1
          WHERE (c_1.name IS NOT NULL)
        )
 SELECT w.city,
    w.window_start,
    w.window_end,
    w.avg_temp,
    w.avg_temp_c,
    w.avg_humidity,
    w.min_temp,
    w.max_temp,
    w.min_humidity,
    w.max_humidity,
    w.sum_temp,
    w.sum_humidity,
    w.readings,
    w.is_final,
    w.updated_at,
    (now() - w.window_start) AS age
   FROM (city c
     CROSS JOIN LATERAL ( SELECT t.city,
            t.window_start,
            t.window_end,
            t.avg_temp,
            t.avg_temp_c,
            t.avg_humidity,
            t.min_temp,
            t.max_temp,
            t.min_humidity,
            t.max_humidity,
            t.sum_temp,
            t.sum_humidity,
            t.readings,
            t.is_final,
            t.updated_at
           FROM weather.weather_rt t
          WHERE (t.city = c.name)
          ORDER BY t.window_start DESC
         LIMIT 1) w);
COMMENT ON VIEW weather.weather_now IS 'The newest window of each city, and how long ago it began';
CREATE VIEW weather.freshness AS
 SELECT COALESCE(n.city, e.city) AS city,
    n.window_start AS newest_window,
    n.age,
    n.readings,
    e."timestamp" AS last_error_at,
    e.status_code AS last_status_code
   FROM (weather.weather_now n
     FULL JOIN ( SELECT DISTINCT ON (a.city) a.city,
            a."timestamp",
            a.status_code
           FROM weather.api_error a
          WHERE (a.city IS NOT NULL)
          ORDER BY a.city, a."timestamp" DESC NULLS LAST, a.landed_at DESC) e ON ((e.city = n.city)));
COMMENT ON VIEW weather.freshness IS 'By city: the newest window, its age, and the newest failed call';
CREATE TABLE weather.weather_bt (
    city text NOT NULL,
    granularity text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    avg_temp numeric NOT NULL,
    avg_temp_c numeric GENERATED ALWAYS AS ((avg_temp - 273.15)) STORED NOT NULL,
    avg_humidity numeric NOT NULL,
    min_temp numeric NOT NULL,
    max_temp numeric NOT NULL,
    min_humidity numeric NOT NULL,
    max_humidity numeric NOT NULL,
    sum_temp numeric NOT NULL,
    sum_humidity numeric NOT NULL,
    readings bigint NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT weather_bt_granularity_check CHECK ((granularity = ANY (ARRAY['hour'::text, 'day'::text])))
);
COMMENT ON TABLE weather.weather_bt IS 'Weather by city in windows of an hour and of a UTC day';
COMMENT ON COLUMN weather.weather_bt.city IS 'the city that was asked for, else the name in the answer';
COMMENT ON COLUMN weather.weather_bt.granularity IS 'hour or day';
COMMENT ON COLUMN weather.weather_bt.window_start IS 'first instant of the window; windows are aligned to the epoch, in UTC';
COMMENT ON COLUMN weather.weather_bt.window_end IS 'first instant behind the window';
COMMENT ON COLUMN weather.weather_bt.avg_temp IS 'average temperature in Kelvin, rounded to 6 places';
COMMENT ON COLUMN weather.weather_bt.avg_temp_c IS 'the same in degrees Celsius';
COMMENT ON COLUMN weather.weather_bt.avg_humidity IS 'average relative humidity in percent, rounded to 6 places';
COMMENT ON COLUMN weather.weather_bt.min_temp IS 'least temperature in Kelvin';
COMMENT ON COLUMN weather.weather_bt.max_temp IS 'greatest temperature in Kelvin';
COMMENT ON COLUMN weather.weather_bt.min_humidity IS 'least humidity in percent';
COMMENT ON COLUMN weather.weather_bt.max_humidity IS 'greatest humidity in percent';
COMMENT ON COLUMN weather.weather_bt.sum_temp IS 'sum of the temperatures in Kelvin, exact';
COMMENT ON COLUMN weather.weather_bt.sum_humidity IS 'sum of the humidities, exact';
COMMENT ON COLUMN weather.weather_bt.readings IS 'number of readings';
COMMENT ON COLUMN weather.weather_bt.is_final IS 'the events have come 15 minutes further than the window; a late one corrects it all the same';
COMMENT ON COLUMN weather.weather_bt.updated_at IS 'when the row last changed';
CREATE VIEW weather.weather_daily AS
 SELECT weather_bt.city,
    ((weather_bt.window_start AT TIME ZONE 'UTC'::text))::date AS day,
    weather_bt.window_start,
    weather_bt.window_end,
    weather_bt.avg_temp,
    weather_bt.avg_temp_c,
    weather_bt.avg_humidity,
    weather_bt.min_temp,
    weather_bt.max_temp,
    weather_bt.min_humidity,
    weather_bt.max_humidity,
    weather_bt.sum_temp,
    weather_bt.sum_humidity,
    weather_bt.readings,
    weather_bt.is_final,
    weather_bt.updated_at
   FROM weather.weather_bt
  WHERE (weather_bt.granularity = 'day'::text);
COMMENT ON VIEW weather.weather_daily IS 'Weather by city and UTC day';
CREATE VIEW weather.weather_hourly AS
 SELECT weather_bt.city,
    weather_bt.window_start,
    weather_bt.window_end,
    weather_bt.avg_temp,
    weather_bt.avg_temp_c,
    weather_bt.avg_humidity,
    weather_bt.min_temp,
    weather_bt.max_temp,
    weather_bt.min_humidity,
    weather_bt.max_humidity,
    weather_bt.sum_temp,
    weather_bt.sum_humidity,
    weather_bt.readings,
    weather_bt.is_final,
    weather_bt.updated_at
   FROM weather.weather_bt
  WHERE (weather_bt.granularity = 'hour'::text);
COMMENT ON VIEW weather.weather_hourly IS 'Weather by city and hour';
CREATE UNLOGGED TABLE work_retail._mark (
    model name NOT NULL,
    build_id bigint NOT NULL,
    rows bigint NOT NULL
);
COMMENT ON TABLE work_retail._mark IS 'which build filled which work table';
CREATE UNLOGGED TABLE work_retail.category_dim (
    category_id integer,
    category_name text,
    department_id integer,
    department_name text
);
CREATE UNLOGGED TABLE work_retail.customer_dim (
    customer_id integer,
    customer_fname text,
    customer_lname text,
    customer_email text,
    customer_street text,
    customer_city text,
    customer_state text,
    customer_zipcode text
);
CREATE UNLOGGED TABLE work_retail.department_dim (
    department_id integer,
    department_name text
);
CREATE UNLOGGED TABLE work_retail.order_dim (
    order_id integer,
    order_date timestamp without time zone,
    order_status text,
    customer_id integer,
    item_count bigint,
    order_total numeric(12,2)
);
CREATE UNLOGGED TABLE work_retail.orders_fact (
    order_item_id integer,
    order_id integer,
    order_date timestamp without time zone,
    order_status text,
    customer_id integer,
    customer_fname text,
    customer_lname text,
    customer_city text,
    customer_state text,
    product_id integer,
    product_name text,
    category_id integer,
    category_name text,
    department_id integer,
    department_name text,
    order_item_quantity integer,
    order_item_product_price numeric(12,2),
    order_item_subtotal numeric(12,2)
);
CREATE UNLOGGED TABLE work_retail.orders_fact_rejected (
    order_item_id integer,
    order_item_order_id integer,
    order_item_product_id integer,
    order_item_quantity integer,
    order_item_subtotal numeric(12,2),
    order_item_product_price numeric(12,2),
    reason text
);
CREATE UNLOGGED TABLE work_retail.orders_time_series (
    order_date date,
    orders_all bigint,
    total_orders bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.product_dim (
    product_id integer,
    product_name text,
    product_price numeric(12,2),
    category_id integer,
    category_name text
);
CREATE UNLOGGED TABLE work_retail.sales_by_category (
    category_id integer,
    category_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.sales_by_customer (
    customer_id integer,
    customer_fname text,
    customer_lname text,
    total_orders bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.sales_by_department (
    department_id integer,
    department_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.sales_by_department_daily (
    department_id integer,
    order_date date,
    department_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.sales_by_order_status (
    order_status text,
    orders_all bigint,
    total_orders bigint,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.sales_by_product (
    product_id integer,
    product_name text,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
CREATE UNLOGGED TABLE work_retail.sales_by_region (
    customer_state text,
    total_orders bigint,
    total_quantity bigint,
    total_revenue numeric(18,2)
);
COPY gold.orders_time_series (order_date, orders_all, total_orders, total_revenue) FROM stdin;
2013-07-27	1	0	0.00
2013-07-25	2	2	12525.64
2013-07-26	2	1	69.94
2013-07-28	1	1	37037.01
\.
COPY gold.sales_by_category (category_id, category_name, total_quantity, total_revenue) FROM stdin;
1	Treadmills	4	49382.68
2	Shoes, Men's	3	179.97
3	Players	5	49.95
-1	(unknown)	2	19.99
\.
COPY gold.sales_by_customer (customer_id, customer_fname, customer_lname, total_orders, total_revenue) FROM stdin;
1	Mary	Smith	1	12465.65
2	José	O'Neil	2	37097.00
3	Mary	Smith	1	69.94
\.
COPY gold.sales_by_department (department_id, department_name, total_quantity, total_revenue) FROM stdin;
-1	(unknown)	7	69.94
3	Footwear	3	179.97
2	Fitness	4	49382.68
\.
COPY gold.sales_by_department_daily (department_id, order_date, department_name, total_quantity, total_revenue) FROM stdin;
2	2013-07-28	Fitness	3	37037.01
3	2013-07-25	Footwear	3	179.97
-1	2013-07-26	(unknown)	7	69.94
2	2013-07-25	Fitness	1	12345.67
\.
COPY gold.sales_by_order_status (order_status, orders_all, total_orders, total_quantity, total_revenue) FROM stdin;
CLOSED	2	1	3	37037.01
COMPLETE	2	2	10	12535.59
CANCELED	1	1	1	59.99
PENDING	1	0	0	0.00
\.
COPY gold.sales_by_product (product_id, product_name, total_quantity, total_revenue) FROM stdin;
10	Treadmill 6" Deck	4	49382.68
11	Repliqué Shoe, Size 9	3	179.97
12	Scarf	5	49.95
13	Mystery Box	1	0.00
-1	(unknown)	1	19.99
\.
COPY gold.sales_by_region (customer_state, total_orders, total_quantity, total_revenue) FROM stdin;
PR	2	10	12535.59
IL	2	4	37097.00
\.
COPY medallion.pipeline (name, id, owner, description, created_at) FROM stdin;
retail	1	postgres	source retaildb, database medallion_update, lake lake, buckets medallion-update-raw, medallion-update-silver, medallion-update-gold	2026-11-29 02:13:59.745861+00
weather	2	postgres	kafka kafka, topic test-medallion-update, lake lake, buckets test-medallion-update-raw, test-medallion-update-silver, compression zstd	2026-11-29 02:14:00.298759+00
\.
COPY medallion.build (pipeline, id, run_id, built_at) FROM stdin;
retail	1	1	2026-11-29 02:14:00.012736+00
\.
COPY medallion.endpoint (pipeline, server, kind, target) FROM stdin;
retail	retaildb	mysql	
retail	lake	s3	medallion-update-raw
retail	lake	s3	medallion-update-silver
retail	lake	s3	medallion-update-gold
weather	kafka	kafka	test-medallion-update
weather	lake	s3	test-medallion-update-raw
weather	lake	s3	test-medallion-update-silver
\.
COPY medallion.layer (pipeline, name, schema_name, lake_schema, server, bucket) FROM stdin;
retail	raw	bronze	\N	lake	medallion-update-raw
retail	silver	silver	lake_silver	lake	medallion-update-silver
retail	gold	gold	lake_gold	lake	medallion-update-gold
weather	silver	weather	lake_weather	lake	test-medallion-update-silver
\.
COPY medallion.model (pipeline, name, layer, "position", key, query, comment, columns) FROM stdin;
retail	customer_dim	silver	1	{customer_id}	\nSELECT customer_id, trim(customer_fname) AS customer_fname, trim(customer_lname) AS customer_lname,\n       trim(customer_email) AS customer_email, trim(customer_street) AS customer_street,\n       trim(customer_city) AS customer_city, trim(customer_state) AS customer_state,\n       trim(customer_zipcode) AS customer_zipcode\nFROM customers	Customers, one row each; passwords are never copied	{{customer_id,integer,"The customer"},{customer_fname,text,"First name"},{customer_lname,text,"Last name; names repeat, so group by customer_id"},{customer_email,text,"E-mail address"},{customer_street,text,"Street and number"},{customer_city,text,City},{customer_state,text,"State or territory of the USA, two letters"},{customer_zipcode,text,"ZIP code, text: leading zeros count"}}
retail	department_dim	silver	2	{department_id}	\nSELECT department_id, trim(department_name) AS department_name\nFROM departments	Departments of the shop, one row each	{{department_id,integer,"The department"},{department_name,text,Name}}
retail	category_dim	silver	3	{category_id}	\nSELECT c.category_id, trim(c.category_name) AS category_name, d.department_id, d.department_name\nFROM categories c\nLEFT JOIN department_dim d ON d.department_id = c.category_department_id	Product categories, one row each	{{category_id,integer,"The category"},{category_name,text,"Name; names repeat, so group by category_id"},{department_id,integer,"Its department; NULL where the source names one that does not exist"},{department_name,text,"Name of the department"}}
retail	product_dim	silver	4	{product_id}	\nSELECT p.product_id, trim(p.product_name) AS product_name,\n       CAST(CAST(p.product_price AS double precision) AS numeric(12,2)) AS product_price,\n       c.category_id, c.category_name\nFROM products p\nLEFT JOIN category_dim c ON c.category_id = p.product_category_id	Products, one row each	{{product_id,integer,"The product"},{product_name,text,"Name; names repeat, so group by product_id"},{product_price,"numeric(12,2)","List price in US dollars"},{category_id,integer,"Its category; NULL where the source names one that does not exist"},{category_name,text,"Name of the category"}}
retail	orders_fact	silver	5	{order_item_id}	\nSELECT i.order_item_id, o.order_id, o.order_date, trim(o.order_status) AS order_status,\n       c.customer_id, c.customer_fname, c.customer_lname, c.customer_city, c.customer_state,\n       p.product_id, p.product_name, g.category_id, g.category_name, g.department_id, g.department_name,\n       i.order_item_quantity,\n       CAST(CAST(i.order_item_product_price AS double precision) AS numeric(12,2)) AS order_item_product_price,\n       CAST(CAST(i.order_item_subtotal AS double precision) AS numeric(12,2)) AS order_item_subtotal\nFROM order_items i\nJOIN orders o ON o.order_id = i.order_item_order_id\nJOIN customer_dim c ON c.customer_id = o.order_customer_id\nLEFT JOIN product_dim p ON p.product_id = i.order_item_product_id\nLEFT JOIN category_dim g ON g.category_id = p.category_id	Order items whose order and customer exist, one row each, with what is known of order, customer and product	{{order_item_id,integer,"The order item"},{order_id,integer,"Its order"},{order_date,timestamp,"Date of the order, as the shop's clock showed it"},{order_status,text,"Status of the order; all statuses are here"},{customer_id,integer,"Customer of the order"},{customer_fname,text,"The customer's first name"},{customer_lname,text,"The customer's last name"},{customer_city,text,"The customer's city"},{customer_state,text,"The customer's state"},{product_id,integer,"The product; NULL where the source names one that does not exist"},{product_name,text,"Name of the product"},{category_id,integer,"The product's category; NULL where there is none"},{category_name,text,"Name of the category"},{department_id,integer,"The category's department; NULL where there is none"},{department_name,text,"Name of the department"},{order_item_quantity,integer,"Units sold"},{order_item_product_price,"numeric(12,2)","Price per unit in US dollars when it was ordered"},{order_item_subtotal,"numeric(12,2)","Price of all units in US dollars"}}
retail	orders_fact_rejected	silver	6	{order_item_id}	\nSELECT i.order_item_id, i.order_item_order_id, i.order_item_product_id, i.order_item_quantity,\n       CAST(CAST(i.order_item_subtotal AS double precision) AS numeric(12,2)) AS order_item_subtotal,\n       CAST(CAST(i.order_item_product_price AS double precision) AS numeric(12,2)) AS order_item_product_price,\n       CASE WHEN o.order_id IS NULL THEN 'order does not exist' ELSE 'customer does not exist' END AS reason\nFROM order_items i\nLEFT JOIN orders o ON o.order_id = i.order_item_order_id\nLEFT JOIN customer_dim c ON c.customer_id = o.order_customer_id\nWHERE c.customer_id IS NULL	Order items that are not in orders_fact, and why: the two together are all order items	{{order_item_id,integer,"The order item"},{order_item_order_id,integer,"The order that the source names"},{order_item_product_id,integer,"The product that the source names"},{order_item_quantity,integer,Units},{order_item_subtotal,"numeric(12,2)","Price of all units in US dollars"},{order_item_product_price,"numeric(12,2)","Price per unit in US dollars"},{reason,text,"What does not exist: its order, or the order's customer"}}
retail	order_dim	silver	7	{order_id}	\nSELECT o.order_id, o.order_date, trim(o.order_status) AS order_status, c.customer_id,\n       COALESCE(f.item_count, 0) AS item_count, COALESCE(f.order_total, 0) AS order_total\nFROM orders o\nLEFT JOIN customer_dim c ON c.customer_id = o.order_customer_id\nLEFT JOIN (SELECT order_id, count(*) AS item_count, sum(order_item_subtotal) AS order_total\n           FROM orders_fact\n           GROUP BY order_id) f ON f.order_id = o.order_id	Orders, one row each, also those without items	{{order_id,integer,"The order"},{order_date,timestamp,"Date of the order, as the shop's clock showed it"},{order_status,text,Status},{customer_id,integer,"The customer; NULL where the source names one that does not exist"},{item_count,bigint,"Number of its rows in orders_fact"},{order_total,"numeric(12,2)","Total of its rows in orders_fact in US dollars; 0 where there are none"}}
retail	sales_by_customer	gold	8	{customer_id}	\nSELECT COALESCE(o.customer_id, -1) AS customer_id, COALESCE(c.customer_fname, '(unknown)') AS customer_fname,\n       COALESCE(c.customer_lname, '(unknown)') AS customer_lname, o.total_orders, o.total_revenue\nFROM (SELECT customer_id, count(*) AS total_orders, sum(order_total) AS total_revenue\n      FROM order_dim\n      WHERE item_count > 0\n      GROUP BY customer_id) o\nLEFT JOIN customer_dim c ON c.customer_id = o.customer_id	Sales per customer with at least one order item; revenue is over all statuses	{{customer_id,integer,"The customer"},{customer_fname,text,"First name"},{customer_lname,text,"Last name"},{total_orders,bigint,"Orders with at least one item, of all statuses"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
retail	sales_by_product	gold	9	{product_id}	\nSELECT COALESCE(f.product_id, -1) AS product_id, COALESCE(p.product_name, '(unknown)') AS product_name,\n       f.total_quantity, f.total_revenue\nFROM (SELECT product_id, sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue\n      FROM orders_fact\n      GROUP BY product_id) f\nLEFT JOIN product_dim p ON p.product_id = f.product_id	Sales per product that was sold; revenue is over all statuses	{{product_id,integer,"The product; -1 for all that do not exist in the source"},{product_name,text,Name},{total_quantity,bigint,"Units sold"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
retail	sales_by_category	gold	10	{category_id}	\nSELECT COALESCE(f.category_id, -1) AS category_id, COALESCE(c.category_name, '(unknown)') AS category_name,\n       f.total_quantity, f.total_revenue\nFROM (SELECT category_id, sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue\n      FROM orders_fact\n      GROUP BY category_id) f\nLEFT JOIN category_dim c ON c.category_id = f.category_id	Sales per category with sales; revenue is over all statuses	{{category_id,integer,"The category; -1 for products without one"},{category_name,text,Name},{total_quantity,bigint,"Units sold"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
retail	sales_by_department_daily	gold	11	{department_id,order_date}	\nSELECT COALESCE(f.department_id, -1) AS department_id, f.order_date,\n       COALESCE(d.department_name, '(unknown)') AS department_name, f.total_quantity, f.total_revenue\nFROM (SELECT department_id, CAST(order_date AS date) AS order_date,\n             sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue\n      FROM orders_fact\n      GROUP BY department_id, CAST(order_date AS date)) f\nLEFT JOIN department_dim d ON d.department_id = f.department_id	Sales per department and day with sales; revenue is over all statuses	{{department_id,integer,"The department; -1 for products without one"},{order_date,date,"Day of the orders"},{department_name,text,Name},{total_quantity,bigint,"Units sold"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
retail	sales_by_department	gold	12	{department_id}	\nSELECT department_id, department_name, sum(total_quantity) AS total_quantity, sum(total_revenue) AS total_revenue\nFROM sales_by_department_daily\nGROUP BY department_id, department_name	Sales per department with sales; revenue is over all statuses	{{department_id,integer,"The department; -1 for products without one"},{department_name,text,Name},{total_quantity,bigint,"Units sold"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
retail	sales_by_region	gold	13	{customer_state}	\nSELECT o.customer_state, o.total_orders, f.total_quantity, o.total_revenue\nFROM (SELECT COALESCE(c.customer_state, '(unknown)') AS customer_state,\n             count(*) AS total_orders, sum(o.order_total) AS total_revenue\n      FROM order_dim o\n      JOIN customer_dim c ON c.customer_id = o.customer_id\n      WHERE o.item_count > 0\n      GROUP BY COALESCE(c.customer_state, '(unknown)')) o\nJOIN (SELECT COALESCE(customer_state, '(unknown)') AS customer_state, sum(order_item_quantity) AS total_quantity\n      FROM orders_fact\n      GROUP BY COALESCE(customer_state, '(unknown)')) f ON f.customer_state = o.customer_state	Sales per state in which the customers live; revenue is over all statuses	{{customer_state,text,"State or territory of the USA; (unknown) where it is missing"},{total_orders,bigint,"Orders with at least one item, of all statuses"},{total_quantity,bigint,"Units sold"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
retail	sales_by_order_status	gold	14	{order_status}	\nSELECT o.order_status, o.orders_all, o.total_orders, COALESCE(f.total_quantity, 0) AS total_quantity, o.total_revenue\nFROM (SELECT COALESCE(order_status, '(unknown)') AS order_status, count(*) AS orders_all,\n             count(*) FILTER (WHERE item_count > 0) AS total_orders, sum(order_total) AS total_revenue\n      FROM order_dim\n      GROUP BY COALESCE(order_status, '(unknown)')) o\nLEFT JOIN (SELECT COALESCE(order_status, '(unknown)') AS order_status, sum(order_item_quantity) AS total_quantity\n           FROM orders_fact\n           GROUP BY COALESCE(order_status, '(unknown)')) f ON f.order_status = o.order_status	Orders and sales per order status	{{order_status,text,"The status; (unknown) where it is missing"},{orders_all,bigint,"Orders, also those without items"},{total_orders,bigint,"Orders with at least one item"},{total_quantity,bigint,"Units sold"},{total_revenue,"numeric(18,2)","Revenue in US dollars of the orders in this status"}}
retail	orders_time_series	gold	15	{order_date}	\nSELECT CAST(order_date AS date) AS order_date, count(*) AS orders_all,\n       count(*) FILTER (WHERE item_count > 0) AS total_orders, sum(order_total) AS total_revenue\nFROM order_dim\nGROUP BY CAST(order_date AS date)	Orders and sales per day; a day without orders has no row; revenue is over all statuses	{{order_date,date,"The day"},{orders_all,bigint,"Orders, also those without items"},{total_orders,bigint,"Orders with at least one item, of all statuses"},{total_revenue,"numeric(18,2)","Revenue in US dollars, over orders of all statuses, canceled ones too"}}
\.
COPY medallion.model_reference (pipeline, model, column_name, parent) FROM stdin;
retail	category_dim	department_id	department_dim
retail	product_dim	category_id	category_dim
retail	orders_fact	order_id	order_dim
retail	orders_fact	customer_id	customer_dim
retail	orders_fact	product_id	product_dim
retail	orders_fact	category_id	category_dim
retail	orders_fact	department_id	department_dim
retail	order_dim	customer_id	customer_dim
\.
COPY medallion.object (server, bucket, path, pipeline, layer, table_name, rows, bytes, etag, sha256, run_id, written_at, system_identifier) FROM stdin;
lake	medallion-update-raw	categories/part-00000.csv	retail	raw	categories	3	95	f8c1fdc81a8d189d45d8009fb65837a5	11a2a333c70301fe6968bf96f641fd4020d3654436ccf5a64d899909a2ecb33d	1	2026-11-29 02:13:59.963369+00	7713410773881292847
lake	medallion-update-raw	customers/part-00000.csv	retail	raw	customers	4	338	0883912a8780a43d159df661a3013c3e	63795fe93e40b27e22a73c36492f7ed0a786edb6cfc3e5e146bf07ab0d6880bf	1	2026-11-29 02:13:59.963369+00	7713410773881292847
lake	medallion-update-raw	departments/part-00000.csv	retail	raw	departments	2	51	dca974e473e7ab02377f786a4b4f3622	0eb9bb0c8073a39aafb26deb5c8c00db78b3dab713f15c1d854aeb0496dd210b	1	2026-11-29 02:13:59.963369+00	7713410773881292847
lake	medallion-update-raw	order_items/part-00000.csv	retail	raw	order_items	10	351	ff08bee7727896d401e43f6e864a43cd	3a25bd69b86d77ae45e2936b09ed0fc2bdffa94a712f6969d7d4e12df63c3933	1	2026-11-29 02:13:59.963369+00	7713410773881292847
lake	medallion-update-raw	orders/part-00000.csv	retail	raw	orders	6	245	8b08ffd517bcdd6e884b3acbde8cba1b	6bac44b678a02964d942ec5503f2fa5765cc26cfc0a06abf1935010c685ab7fe	1	2026-11-29 02:13:59.963369+00	7713410773881292847
lake	medallion-update-raw	products/part-00000.csv	retail	raw	products	4	329	c2fe2b4e68e2d491ca30a6d0c0bed1d5	90937494fb2c97d57e5cc773819112162a2e69ed5325667a76d02034b6e3346c	1	2026-11-29 02:13:59.963369+00	7713410773881292847
lake	medallion-update-silver	customer_dim/part-00000.csv	retail	silver	customer_dim	4	337	a8ee232fee6fd579292d8dab2ddbd53a	3d95facc40b2cb77afa2f3cff92339a6cd402e154f88c861f47f6f3c782cf5f2	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-silver	department_dim/part-00000.csv	retail	silver	department_dim	2	51	dca974e473e7ab02377f786a4b4f3622	0eb9bb0c8073a39aafb26deb5c8c00db78b3dab713f15c1d854aeb0496dd210b	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-silver	category_dim/part-00000.csv	retail	silver	category_dim	3	119	17f754af7f6beae8c979bd32423041de	c1c8709aadc399d1de30d332d491b5e0e403ce505df89c1dabc429a5677c8046	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-silver	product_dim/part-00000.csv	retail	silver	product_dim	4	207	47a6179bb87192b6b1ce61e483fbe4eb	2ad1645e6ef8461894d321f082e484fdd22d5d66701589b50d9e393d71909889	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-silver	orders_fact/part-00000.csv	retail	silver	orders_fact	8	1144	6792108fa9fcb70968baaf1d24f3587c	94081d6e849959388c0c9b0625cf5d63475f22407ff64ecf568e49013bcb8581	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-silver	orders_fact_rejected/part-00000.csv	retail	silver	orders_fact_rejected	2	223	f5b38fce320ff7a876de0df86a9a9480	2621e5bb91c528ae9aeb74770ee83a003b11f2e69faee6b8a1cd3500de82d465	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-silver	order_dim/part-00000.csv	retail	silver	order_dim	6	312	f3ad2e632607910517fec4b5f6a6b920	4c012658a17a9b6f6a8a8285a72c1db5446317c09f0205cadf132816ca67152f	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_customer/part-00000.csv	retail	gold	sales_by_customer	3	140	1aa1febb8def0a6f591afc8ab8c70bf5	c14965e61ed35e167b1ee0ac9d1328a803bfdf42500cbddabb247ab4439ffc1d	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_product/part-00000.csv	retail	gold	sales_by_product	5	185	a0f27594dbed731dc3ad886661170cf3	d7fd36153fa8fd7b6798a8e9b9f33694a166b6207de60fcf814ca069b24b44a9	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_category/part-00000.csv	retail	gold	sales_by_category	4	144	f7424f04bf79b765c791bd2763d27a07	c709536c2781d0fdd3a5cb361e4ce06de7452a1e19c9da4e7c5c27f56ea0adb7	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_department_daily/part-00000.csv	retail	gold	sales_by_department_daily	4	197	aff650b1ce92373148591bec9e490598	41b74271f925727d07e05da17419f48f20ab366071b2fcbc06cd62b71ebd9ffe	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_department/part-00000.csv	retail	gold	sales_by_department	3	121	46f69ccf9a1c8ac3d1c4bed4b11cb8d3	4aa2e792180769e4ec0012c9d37172f35d07e7862d036d7fa87119314bdc8108	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_region/part-00000.csv	retail	gold	sales_by_region	2	90	0b042db6c1cb5ef23b43748095358458	91e63ad9edf975cfb4598ed523ac0f7337dfe7edc289e1438e2eaf9358cc97cd	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	sales_by_order_status/part-00000.csv	retail	gold	sales_by_order_status	4	153	0b5e3251be74ce76985f52f542a6be3c	e8011fba9eee48dcb430ba3549b939a09a65d1d4b73c00131ee17db26b5e020c	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	medallion-update-gold	orders_time_series/part-00000.csv	retail	gold	orders_time_series	4	138	ffb4691b51e8f0e636a029a76d021dd6	9b43d086cdce60d88ed231fcae6c7f9c0de6afce15ef760b40fea60c1b397bc9	1	2026-11-29 02:14:00.177064+00	7713410773881292847
lake	test-medallion-update-silver	5min/date=2026-01-01/part-00000.csv	weather	silver	windows_5min	12	1718	7fe37763c8a26058cb8653a0ce7a61d0	6c70c953a76c91db4378be68ef4eab9511019df31f896e685a595b174d924f86	3	2026-11-29 02:14:01.335818+00	7713410773881292847
lake	test-medallion-update-silver	5min/date=2026-11-29/part-00000.csv	weather	silver	windows_5min	3	539	094cbedd826e3f432adbb7bc75ebcdb8	c1daa01622282321b2c321804b49d9331d711c0863cf6bb84b54b3af7a2eed08	3	2026-11-29 02:14:01.335818+00	7713410773881292847
lake	test-medallion-update-silver	daily/date=2026-01-01/part-00000.csv	weather	silver	windows_day	3	545	9d7fa17cc996afd0369a2f2c6a421904	16704d2a95b2f9943b7bf1c0839e7efb76924db6cf290f38509f0807b9d8f14e	3	2026-11-29 02:14:01.335818+00	7713410773881292847
lake	test-medallion-update-silver	daily/date=2026-11-29/part-00000.csv	weather	silver	windows_day	3	539	43cb4c8128603a4bb50b745880a032fe	7dd3011db364a90fc03127550b14e2e53b1003f85bdbc5b855eec573aa9d9c0e	3	2026-11-29 02:14:01.335818+00	7713410773881292847
lake	test-medallion-update-silver	hourly/date=2026-01-01/part-00000.csv	weather	silver	windows_hour	3	545	2bcde24ae0737b22dd9848743daa616c	042c9818f809c8e133f6b9e06d6d6692c7506b97f5db7b268ed039398121c4e4	3	2026-11-29 02:14:01.335818+00	7713410773881292847
lake	test-medallion-update-silver	hourly/date=2026-11-29/part-00000.csv	weather	silver	windows_hour	3	539	10be0fa84cec4b9b2adacd9dd5e6fad7	5581e76b6383dd986cbd4f757c3a4276daf23ae1faece7ad9fb137beb72ff3b4	3	2026-11-29 02:14:01.335818+00	7713410773881292847
\.
COPY medallion.publication (pipeline, model, version, rows, changed_at, exported, edited) FROM stdin;
retail	orders_time_series	1	4	2026-11-29 02:14:00.117657+00	1	f
retail	customer_dim	1	4	2026-11-29 02:14:00.117657+00	1	f
retail	department_dim	1	2	2026-11-29 02:14:00.117657+00	1	f
retail	category_dim	1	3	2026-11-29 02:14:00.117657+00	1	f
retail	product_dim	1	4	2026-11-29 02:14:00.117657+00	1	f
retail	orders_fact	1	8	2026-11-29 02:14:00.117657+00	1	f
retail	orders_fact_rejected	1	2	2026-11-29 02:14:00.117657+00	1	f
retail	order_dim	1	6	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_customer	1	3	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_product	1	5	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_category	1	4	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_department_daily	1	4	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_department	1	3	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_region	1	2	2026-11-29 02:14:00.117657+00	1	f
retail	sales_by_order_status	1	4	2026-11-29 02:14:00.117657+00	1	f
\.
COPY medallion.raw_object (pipeline, path, topic, partition, generation, first_offset, last_offset, records, min_event, max_event, bytes, etag, sha256, run_id, written_at, system_identifier) FROM stdin;
weather	date=2026-11-29/0-00000000000000000000-00000000000000000004.jsonl.zst	test-medallion-update	0	1	0	4	5	2026-01-01 00:00:00+00	2026-11-29 02:14:01.112538+00	606	4a9633e21d35392828e48e0e21cdaa92	aad77fb476e2f0d018a49b6f6833f647407b2b2d67e728f2f3ee6e7422d6fdb6	3	2026-11-29 02:14:01.180819+00	7713410773881292847
weather	date=2026-11-29/1-00000000000000000000-00000000000000000004.jsonl.zst	test-medallion-update	1	1	0	4	5	2026-01-01 00:00:00+00	2026-11-29 02:14:01.112718+00	617	f72c30c0e023b4d46694e0acf8524f4e	5beb5ec3cf89abc9007050ea8e7242048e5c6c206cef90f2c20faacf939c7d85	3	2026-11-29 02:14:01.180819+00	7713410773881292847
weather	date=2026-11-29/2-00000000000000000000-00000000000000000004.jsonl.zst	test-medallion-update	2	1	0	4	5	2026-01-01 00:00:00+00	2026-11-29 02:14:01.112653+00	598	11111b889cc870a468fb51868f289419	053b93d3be7e191223816d4287ab94d39d118e6b91a976f55a90a55c3b39b1bc	3	2026-11-29 02:14:01.180819+00	7713410773881292847
\.
COPY medallion.run (run_id, pipeline, state, started_at, ended_at, triggered_by, pid, failed_step, sqlstate, message) FROM stdin;
1	retail	succeeded	2026-11-29 02:13:59.961478+00	2026-11-29 02:14:00.251241+00	postgres	28577	\N	\N	\N
2	retail	succeeded	2026-11-29 02:14:00.252161+00	2026-11-29 02:14:00.297643+00	postgres	28577	\N	\N	\N
3	weather	succeeded	2026-11-29 02:14:01.108264+00	2026-11-29 02:14:01.40856+00	postgres	28577	\N	\N	\N
\.
COPY medallion.source (pipeline, layer, name, source, path, key, max_shrink, rows, shrink_accepted, leave_out) FROM stdin;
retail	raw	categories	source_retail.categories	categories/part-00000.csv	{category_id}	0.5	3	f	{}
retail	raw	customers	source_retail.customers	customers/part-00000.csv	{customer_id}	0.5	4	f	{customer_password}
retail	raw	departments	source_retail.departments	departments/part-00000.csv	{department_id}	0.5	2	f	{}
retail	raw	order_items	source_retail.order_items	order_items/part-00000.csv	{order_item_id}	0.5	10	f	{}
retail	raw	orders	source_retail.orders	orders/part-00000.csv	{order_id}	0.5	6	f	{}
retail	raw	products	source_retail.products	products/part-00000.csv	{product_id}	0.5	4	f	{}
\.
COPY medallion.step (pipeline, name, "position", depends_on, plan, apply, fingerprint, definition) FROM stdin;
retail	ingest	1	{}	\N	SELECT medallion.ingest('retail')	\N	8d51dff0826737579ababf0740fa91a86a690b5c482e68562c1dd729f978c1e5
retail	build	2	{ingest}	\N	SELECT medallion.build('retail'); SELECT medallion.check_retail()	SELECT * FROM medallion.build_fingerprint('retail')	084e4c3ee6522c6dcb7051af343598ef456e07e567249966e441e468160775e5
retail	publish	3	{build}	\N	SELECT medallion.publish('retail')	SELECT * FROM medallion.publish_fingerprint('retail')	c50b03fe162562fa2286cbefa861a2f4b0828c2ce3499fbb8340deb2b1ab9b71
retail	export	4	{publish}	\N	SELECT medallion.export('retail')	SELECT * FROM medallion.export_fingerprint('retail')	b61735b804f84c012894d0a4d7197d13a3073594d9f495220ded4b11bbac13cb
weather	produce	1	{}	\N	SELECT medallion.produce_weather('weather')	\N	4a6b3c4d5c38cfb0dfb907809a5e210357b70a831f20858dd8e5befb56bbad1a
weather	land	2	{}	SELECT medallion.plan_weather('weather')	SELECT medallion.land_weather('weather')	\N	5ced631bceb1f4f685db33a1664036bf40d7cf20260daaaab5571e673afaaf7c
weather	export	3	{land}	\N	SELECT medallion.export_weather('weather')	SELECT * FROM medallion.export_weather_fingerprint('weather')	9129292bfc22ada7b1c6e6d3d74755251214961ad4a7d4801282f1556f62949f
weather	poll	4	{}	\N	SELECT medallion.check_poll('weather')	\N	5a1a02d080f21f652a6d352c7324705ea7dfaf423e026ed742981afef6b8c4ad
\.
COPY medallion.step_run (run_id, step, state, rows, bytes, started_at, ended_at, sqlstate, message, detail, hint, context, definition, fingerprint) FROM stdin;
3	poll	succeeded	\N	\N	2026-11-29 02:14:01.406453+00	2026-11-29 02:14:01.407573+00	\N	\N	\N	\N	\N	5a1a02d080f21f652a6d352c7324705ea7dfaf423e026ed742981afef6b8c4ad	\N
1	ingest	succeeded	29	1409	2026-11-29 02:13:59.962947+00	2026-11-29 02:14:00.0085+00	\N	\N	\N	\N	\N	8d51dff0826737579ababf0740fa91a86a690b5c482e68562c1dd729f978c1e5	\N
1	export	succeeded	58	3561	2026-11-29 02:14:00.175478+00	2026-11-29 02:14:00.249952+00	\N	\N	\N	\N	\N	b61735b804f84c012894d0a4d7197d13a3073594d9f495220ded4b11bbac13cb	8fd7b7ea03b094d2501fc4d16e6e03bb
2	ingest	succeeded	29	1409	2026-11-29 02:14:00.25314+00	2026-11-29 02:14:00.273278+00	\N	\N	\N	\N	\N	8d51dff0826737579ababf0740fa91a86a690b5c482e68562c1dd729f978c1e5	\N
2	build	unchanged	\N	\N	2026-11-29 02:14:00.274738+00	2026-11-29 02:14:00.276379+00	\N	\N	\N	\N	\N	084e4c3ee6522c6dcb7051af343598ef456e07e567249966e441e468160775e5	42c7c4a9ed5d1c1e85b5f4123d381a69
1	build	succeeded	58	\N	2026-11-29 02:14:00.010191+00	2026-11-29 02:14:00.111293+00	\N	\N	\N	\N	\N	084e4c3ee6522c6dcb7051af343598ef456e07e567249966e441e468160775e5	42c7c4a9ed5d1c1e85b5f4123d381a69
2	publish	unchanged	\N	\N	2026-11-29 02:14:00.27704+00	2026-11-29 02:14:00.27844+00	\N	\N	\N	\N	\N	c50b03fe162562fa2286cbefa861a2f4b0828c2ce3499fbb8340deb2b1ab9b71	build 1 of 30c2ed565af16717c351a0b22ed26186
2	export	unchanged	\N	\N	2026-11-29 02:14:00.279189+00	2026-11-29 02:14:00.296703+00	\N	\N	\N	\N	\N	b61735b804f84c012894d0a4d7197d13a3073594d9f495220ded4b11bbac13cb	8fd7b7ea03b094d2501fc4d16e6e03bb
3	produce	succeeded	3	1658	2026-11-29 02:14:01.109798+00	2026-11-29 02:14:01.137447+00	\N	\N	\N	\N	\N	4a6b3c4d5c38cfb0dfb907809a5e210357b70a831f20858dd8e5befb56bbad1a	\N
3	land	succeeded	15	1821	2026-11-29 02:14:01.141551+00	2026-11-29 02:14:01.329511+00	\N	\N	\N	\N	\N	5ced631bceb1f4f685db33a1664036bf40d7cf20260daaaab5571e673afaaf7c	\N
1	publish	succeeded	58	\N	2026-11-29 02:14:00.11528+00	2026-11-29 02:14:00.17326+00	\N	\N	\N	\N	\N	c50b03fe162562fa2286cbefa861a2f4b0828c2ce3499fbb8340deb2b1ab9b71	build 1 of 30c2ed565af16717c351a0b22ed26186
3	export	succeeded	27	4425	2026-11-29 02:14:01.330695+00	2026-11-29 02:14:01.405134+00	\N	\N	\N	\N	\N	9129292bfc22ada7b1c6e6d3d74755251214961ad4a7d4801282f1556f62949f	5df136d5a4fca30500774aac5793bdc5
\.
COPY medallion.step_log (run_id, step, "position", object, rows, bytes, note, at) FROM stdin;
1	ingest	1	categories	3	95	written	2026-11-29 02:14:00.005285+00
1	ingest	2	customers	4	338	written	2026-11-29 02:14:00.006035+00
1	ingest	3	departments	2	51	written	2026-11-29 02:14:00.006549+00
1	ingest	4	order_items	10	351	written	2026-11-29 02:14:00.007058+00
1	ingest	5	orders	6	245	written	2026-11-29 02:14:00.007532+00
1	ingest	6	products	4	329	written	2026-11-29 02:14:00.007938+00
1	build	1	customer_dim	4	\N	\N	2026-11-29 02:14:00.063802+00
1	build	2	department_dim	2	\N	\N	2026-11-29 02:14:00.067438+00
1	build	3	category_dim	3	\N	\N	2026-11-29 02:14:00.070689+00
1	build	4	product_dim	4	\N	\N	2026-11-29 02:14:00.07387+00
1	build	5	orders_fact	8	\N	\N	2026-11-29 02:14:00.07748+00
1	build	6	orders_fact_rejected	2	\N	\N	2026-11-29 02:14:00.080321+00
1	build	7	order_dim	6	\N	\N	2026-11-29 02:14:00.083129+00
1	build	8	sales_by_customer	3	\N	\N	2026-11-29 02:14:00.085826+00
1	build	9	sales_by_product	5	\N	\N	2026-11-29 02:14:00.088312+00
1	build	10	sales_by_category	4	\N	\N	2026-11-29 02:14:00.091185+00
1	build	11	sales_by_department_daily	4	\N	\N	2026-11-29 02:14:00.095068+00
1	build	12	sales_by_department	3	\N	\N	2026-11-29 02:14:00.098436+00
1	build	13	sales_by_region	2	\N	\N	2026-11-29 02:14:00.102634+00
1	build	14	sales_by_order_status	4	\N	\N	2026-11-29 02:14:00.106041+00
1	build	15	orders_time_series	4	\N	\N	2026-11-29 02:14:00.1081+00
1	publish	1	silver.customer_dim	4	\N	4 inserted	2026-11-29 02:14:00.126905+00
1	publish	2	silver.department_dim	2	\N	2 inserted	2026-11-29 02:14:00.128083+00
1	publish	3	silver.category_dim	3	\N	3 inserted	2026-11-29 02:14:00.129307+00
1	publish	4	silver.product_dim	4	\N	4 inserted	2026-11-29 02:14:00.130599+00
1	publish	5	silver.orders_fact	8	\N	8 inserted	2026-11-29 02:14:00.13233+00
1	publish	6	silver.orders_fact_rejected	2	\N	2 inserted	2026-11-29 02:14:00.13373+00
1	publish	7	silver.order_dim	6	\N	6 inserted	2026-11-29 02:14:00.135348+00
1	publish	8	gold.sales_by_customer	3	\N	3 inserted	2026-11-29 02:14:00.136828+00
1	publish	9	gold.sales_by_product	5	\N	5 inserted	2026-11-29 02:14:00.138233+00
1	publish	10	gold.sales_by_category	4	\N	4 inserted	2026-11-29 02:14:00.13968+00
1	publish	11	gold.sales_by_department_daily	4	\N	4 inserted	2026-11-29 02:14:00.140954+00
1	publish	12	gold.sales_by_department	3	\N	3 inserted	2026-11-29 02:14:00.142175+00
1	publish	13	gold.sales_by_region	2	\N	2 inserted	2026-11-29 02:14:00.143447+00
1	publish	14	gold.sales_by_order_status	4	\N	4 inserted	2026-11-29 02:14:00.14475+00
1	publish	15	gold.orders_time_series	4	\N	4 inserted	2026-11-29 02:14:00.146254+00
1	export	1	gold/orders_time_series	4	138	written	2026-11-29 02:14:00.246302+00
1	export	2	gold/sales_by_category	4	144	written	2026-11-29 02:14:00.246588+00
1	export	3	gold/sales_by_customer	3	140	written	2026-11-29 02:14:00.246947+00
1	export	4	gold/sales_by_department	3	121	written	2026-11-29 02:14:00.247182+00
1	export	5	gold/sales_by_department_daily	4	197	written	2026-11-29 02:14:00.247426+00
1	export	6	gold/sales_by_order_status	4	153	written	2026-11-29 02:14:00.247643+00
1	export	7	gold/sales_by_product	5	185	written	2026-11-29 02:14:00.247894+00
1	export	8	gold/sales_by_region	2	90	written	2026-11-29 02:14:00.248109+00
1	export	9	silver/category_dim	3	119	written	2026-11-29 02:14:00.248312+00
1	export	10	silver/customer_dim	4	337	written	2026-11-29 02:14:00.248518+00
1	export	11	silver/department_dim	2	51	written	2026-11-29 02:14:00.248735+00
1	export	12	silver/order_dim	6	312	written	2026-11-29 02:14:00.248979+00
1	export	13	silver/orders_fact	8	1144	written	2026-11-29 02:14:00.249195+00
1	export	14	silver/orders_fact_rejected	2	223	written	2026-11-29 02:14:00.249406+00
1	export	15	silver/product_dim	4	207	written	2026-11-29 02:14:00.249658+00
2	ingest	1	categories	3	95	unchanged	2026-11-29 02:14:00.271629+00
2	ingest	2	customers	4	338	unchanged	2026-11-29 02:14:00.271947+00
2	ingest	3	departments	2	51	unchanged	2026-11-29 02:14:00.272226+00
2	ingest	4	order_items	10	351	unchanged	2026-11-29 02:14:00.272473+00
2	ingest	5	orders	6	245	unchanged	2026-11-29 02:14:00.272705+00
2	ingest	6	products	4	329	unchanged	2026-11-29 02:14:00.27297+00
3	produce	1	weather	3	1658	synthetic, 3 of 3 cities answered	2026-11-29 02:14:01.114773+00
3	land	1	partition 0	5	606	offsets 0 to 4	2026-11-29 02:14:01.263769+00
3	land	2	partition 1	5	617	offsets 0 to 4	2026-11-29 02:14:01.303182+00
3	land	3	partition 2	5	598	offsets 0 to 4	2026-11-29 02:14:01.329092+00
3	export	1	5min/	15	2257	2 of 2 objects written	2026-11-29 02:14:01.373845+00
3	export	2	daily/	6	1084	2 of 2 objects written	2026-11-29 02:14:01.393554+00
3	export	3	hourly/	6	1084	2 of 2 objects written	2026-11-29 02:14:01.40447+00
\.
COPY medallion.weather_city (pipeline, city, enabled) FROM stdin;
weather	London	t
weather	New Delhi	t
weather	New York	t
\.
COPY medallion.weather_day (pipeline, granularity, day, version, exported) FROM stdin;
weather	5min	2026-01-01	3	3
weather	5min	2026-11-29	3	3
weather	day	2026-01-01	3	3
weather	day	2026-11-29	3	3
weather	hour	2026-01-01	3	3
weather	hour	2026-11-29	3	3
\.
COPY medallion.weather_gap (id, pipeline, topic, partition, generation, first_offset, last_offset, reason, accepted_at, accepted_by) FROM stdin;
\.
COPY medallion.weather_plan (pipeline, path, partition, generation, first_offset, last_offset, run_id, planned_at) FROM stdin;
\.
COPY medallion.weather_poll (pipeline, slot, city, polled_at, status_code, error, attempts, run_id) FROM stdin;
weather	2026-11-29 02:14:00+00	London	2026-11-29 02:14:01.112278+00	200	\N	0	3
weather	2026-11-29 02:14:00+00	New Delhi	2026-11-29 02:14:01.112588+00	200	\N	0	3
weather	2026-11-29 02:14:00+00	New York	2026-11-29 02:14:01.112677+00	200	\N	0	3
\.
COPY medallion.weather_position (pipeline, partition, generation, start_offset, next_offset, anchor_offset, anchor_timestamp, anchor_hash, moved_at) FROM stdin;
weather	0	1	0	5	4	2026-11-29 02:14:01.118+00	\\xd227a5c2428d9034b0c1dddc7d761fd150a1dc845897d7d56fbc9a59627dd547	2026-11-29 02:14:01.180819+00
weather	1	1	0	5	4	2026-11-29 02:14:01.118+00	\\xae2274f2e9086aba0b9263044984288915de2bed500e6298b505cde3a2771e11	2026-11-29 02:14:01.180819+00
weather	2	1	0	5	4	2026-11-29 02:14:01.118+00	\\x4cd934516cddf73327b0291d29d09ee75ed553c187bd9ff17ee0aaa02dafe1bb	2026-11-29 02:14:01.180819+00
\.
COPY medallion.weather_producer (pipeline, producer, server, poll_interval, seed) FROM stdin;
weather	synthetic	\N	00:01:00	0
\.
COPY medallion.weather_topic (pipeline, kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records, system_identifier) FROM stdin;
weather	kafka	test-medallion-update	lake	test-medallion-update-raw	test-medallion-update-silver	zstd	10000000	250000	7713410773881292847
\.
COPY medallion.weather_watermark (pipeline, watermark) FROM stdin;
weather	2026-11-29 02:14:01.112718+00
\.
COPY silver.category_dim (category_id, category_name, department_id, department_name) FROM stdin;
1	Treadmills	2	Fitness
2	Shoes, Men's	3	Footwear
3	Players	\N	\N
\.
COPY silver.customer_dim (customer_id, customer_fname, customer_lname, customer_email, customer_street, customer_city, customer_state, customer_zipcode) FROM stdin;
1	Mary	Smith	XXXXXXXXX	1 Silver Lane	Caguas	PR	00725
2	José	O'Neil	XXXXXXXXX	2 Elk "B" Close	Chicago	IL	60625
3	Mary	Smith	XXXXXXXXX	3 Fox Bend	Caguas	PR	00725
4	Zoë	Łukasz	XXXXXXXXX	4 Old Plaza	Nashua	NH	03060
\.
COPY silver.department_dim (department_id, department_name) FROM stdin;
2	Fitness
3	Footwear
\.
COPY silver.order_dim (order_id, order_date, order_status, customer_id, item_count, order_total) FROM stdin;
1	2013-07-25 00:00:00	COMPLETE	1	2	12465.65
2	2013-07-25 00:00:00	CANCELED	2	1	59.99
3	2013-07-26 00:00:00	COMPLETE	3	3	69.94
4	2013-07-26 00:00:00	PENDING	1	0	0.00
5	2013-07-27 00:00:00	CLOSED	\N	0	0.00
6	2013-07-28 00:00:00	CLOSED	2	2	37037.01
\.
COPY silver.orders_fact (order_item_id, order_id, order_date, order_status, customer_id, customer_fname, customer_lname, customer_city, customer_state, product_id, product_name, category_id, category_name, department_id, department_name, order_item_quantity, order_item_product_price, order_item_subtotal) FROM stdin;
1	1	2013-07-25 00:00:00	COMPLETE	1	Mary	Smith	Caguas	PR	10	Treadmill 6" Deck	1	Treadmills	2	Fitness	1	12345.67	12345.67
2	1	2013-07-25 00:00:00	COMPLETE	1	Mary	Smith	Caguas	PR	11	Repliqué Shoe, Size 9	2	Shoes, Men's	3	Footwear	2	59.99	119.98
3	2	2013-07-25 00:00:00	CANCELED	2	José	O'Neil	Chicago	IL	11	Repliqué Shoe, Size 9	2	Shoes, Men's	3	Footwear	1	59.99	59.99
4	3	2013-07-26 00:00:00	COMPLETE	3	Mary	Smith	Caguas	PR	12	Scarf	3	Players	\N	\N	5	9.99	49.95
5	3	2013-07-26 00:00:00	COMPLETE	3	Mary	Smith	Caguas	PR	13	Mystery Box	\N	\N	\N	\N	1	0.00	0.00
6	3	2013-07-26 00:00:00	COMPLETE	3	Mary	Smith	Caguas	PR	\N	\N	\N	\N	\N	\N	1	19.99	19.99
7	6	2013-07-28 00:00:00	CLOSED	2	José	O'Neil	Chicago	IL	10	Treadmill 6" Deck	1	Treadmills	2	Fitness	2	12345.67	24691.34
10	6	2013-07-28 00:00:00	CLOSED	2	José	O'Neil	Chicago	IL	10	Treadmill 6" Deck	1	Treadmills	2	Fitness	1	12345.67	12345.67
\.
COPY silver.orders_fact_rejected (order_item_id, order_item_order_id, order_item_product_id, order_item_quantity, order_item_subtotal, order_item_product_price, reason) FROM stdin;
8	999	10	1	12345.67	12345.67	order does not exist
9	5	11	1	59.99	59.99	customer does not exist
\.
COPY silver.product_dim (product_id, product_name, product_price, category_id, category_name) FROM stdin;
10	Treadmill 6" Deck	12345.67	1	Treadmills
11	Repliqué Shoe, Size 9	59.99	2	Shoes, Men's
12	Scarf	9.99	3	Players
13	Mystery Box	0.00	\N	\N
\.
COPY weather.api_error (topic, partition, "offset", "timestamp", landed_at, run_id, city, status_code, record) FROM stdin;
\.
COPY weather.dead_letter (topic, partition, "offset", "timestamp", landed_at, run_id, key, value, reason, detail, replayed_at) FROM stdin;
\.
COPY weather.weather_bt (city, granularity, window_start, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final, updated_at) FROM stdin;
London	hour	2026-01-01 00:00:00+00	2026-01-01 01:00:00+00	275.362500	71.000000	274.980000	275.630000	69	72	1101.450000	284	4	t	2026-11-29 02:14:01.180819+00
London	hour	2026-11-29 02:00:00+00	2026-11-29 03:00:00+00	273.260000	73.000000	273.260000	273.260000	73	73	273.260000	73	1	f	2026-11-29 02:14:01.180819+00
London	day	2026-01-01 00:00:00+00	2026-01-02 00:00:00+00	275.362500	71.000000	274.980000	275.630000	69	72	1101.450000	284	4	t	2026-11-29 02:14:01.180819+00
London	day	2026-11-29 00:00:00+00	2026-11-30 00:00:00+00	273.260000	73.000000	273.260000	273.260000	73	73	273.260000	73	1	f	2026-11-29 02:14:01.180819+00
New York	hour	2026-01-01 00:00:00+00	2026-01-01 01:00:00+00	281.772500	66.250000	281.620000	282.000000	65	68	1127.090000	265	4	t	2026-11-29 02:14:01.180819+00
New York	hour	2026-11-29 02:00:00+00	2026-11-29 03:00:00+00	282.920000	68.000000	282.920000	282.920000	68	68	282.920000	68	1	f	2026-11-29 02:14:01.180819+00
New York	day	2026-01-01 00:00:00+00	2026-01-02 00:00:00+00	281.772500	66.250000	281.620000	282.000000	65	68	1127.090000	265	4	t	2026-11-29 02:14:01.180819+00
New York	day	2026-11-29 00:00:00+00	2026-11-30 00:00:00+00	282.920000	68.000000	282.920000	282.920000	68	68	282.920000	68	1	f	2026-11-29 02:14:01.180819+00
New Delhi	hour	2026-01-01 00:00:00+00	2026-01-01 01:00:00+00	287.320000	82.500000	287.160000	287.500000	81	84	1149.280000	330	4	t	2026-11-29 02:14:01.180819+00
New Delhi	hour	2026-11-29 02:00:00+00	2026-11-29 03:00:00+00	286.410000	56.000000	286.410000	286.410000	56	56	286.410000	56	1	f	2026-11-29 02:14:01.180819+00
New Delhi	day	2026-01-01 00:00:00+00	2026-01-02 00:00:00+00	287.320000	82.500000	287.160000	287.500000	81	84	1149.280000	330	4	t	2026-11-29 02:14:01.180819+00
New Delhi	day	2026-11-29 00:00:00+00	2026-11-30 00:00:00+00	286.410000	56.000000	286.410000	286.410000	56	56	286.410000	56	1	f	2026-11-29 02:14:01.180819+00
\.
COPY weather.weather_rt (city, window_start, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final, updated_at) FROM stdin;
London	2026-01-01 00:00:00+00	2026-01-01 00:05:00+00	275.630000	72.000000	275.630000	275.630000	72	72	275.630000	72	1	t	2026-11-29 02:14:01.180819+00
London	2026-01-01 00:05:00+00	2026-01-01 00:10:00+00	275.420000	71.000000	275.420000	275.420000	71	71	275.420000	71	1	t	2026-11-29 02:14:01.180819+00
London	2026-01-01 00:10:00+00	2026-01-01 00:15:00+00	275.420000	72.000000	275.420000	275.420000	72	72	275.420000	72	1	t	2026-11-29 02:14:01.180819+00
London	2026-01-01 00:15:00+00	2026-01-01 00:20:00+00	274.980000	69.000000	274.980000	274.980000	69	69	274.980000	69	1	t	2026-11-29 02:14:01.180819+00
London	2026-11-29 02:10:00+00	2026-11-29 02:15:00+00	273.260000	73.000000	273.260000	273.260000	73	73	273.260000	73	1	f	2026-11-29 02:14:01.180819+00
New York	2026-01-01 00:00:00+00	2026-01-01 00:05:00+00	281.670000	65.000000	281.670000	281.670000	65	65	281.670000	65	1	t	2026-11-29 02:14:01.180819+00
New York	2026-01-01 00:05:00+00	2026-01-01 00:10:00+00	281.620000	65.000000	281.620000	281.620000	65	65	281.620000	65	1	t	2026-11-29 02:14:01.180819+00
New York	2026-01-01 00:10:00+00	2026-01-01 00:15:00+00	282.000000	68.000000	282.000000	282.000000	68	68	282.000000	68	1	t	2026-11-29 02:14:01.180819+00
New York	2026-01-01 00:15:00+00	2026-01-01 00:20:00+00	281.800000	67.000000	281.800000	281.800000	67	67	281.800000	67	1	t	2026-11-29 02:14:01.180819+00
New York	2026-11-29 02:10:00+00	2026-11-29 02:15:00+00	282.920000	68.000000	282.920000	282.920000	68	68	282.920000	68	1	f	2026-11-29 02:14:01.180819+00
New Delhi	2026-01-01 00:00:00+00	2026-01-01 00:05:00+00	287.500000	84.000000	287.500000	287.500000	84	84	287.500000	84	1	t	2026-11-29 02:14:01.180819+00
New Delhi	2026-01-01 00:05:00+00	2026-01-01 00:10:00+00	287.440000	84.000000	287.440000	287.440000	84	84	287.440000	84	1	t	2026-11-29 02:14:01.180819+00
New Delhi	2026-01-01 00:10:00+00	2026-01-01 00:15:00+00	287.160000	81.000000	287.160000	287.160000	81	81	287.160000	81	1	t	2026-11-29 02:14:01.180819+00
New Delhi	2026-01-01 00:15:00+00	2026-01-01 00:20:00+00	287.180000	81.000000	287.180000	287.180000	81	81	287.180000	81	1	t	2026-11-29 02:14:01.180819+00
New Delhi	2026-11-29 02:10:00+00	2026-11-29 02:15:00+00	286.410000	56.000000	286.410000	286.410000	56	56	286.410000	56	1	f	2026-11-29 02:14:01.180819+00
\.
SELECT pg_catalog.setval('medallion.pipeline_id_seq', 2, true);
SELECT pg_catalog.setval('medallion.run_run_id_seq', 3, true);
SELECT pg_catalog.setval('medallion.weather_gap_id_seq', 1, false);
ALTER TABLE ONLY gold.orders_time_series
    ADD CONSTRAINT orders_time_series_pkey PRIMARY KEY (order_date);
ALTER TABLE ONLY gold.sales_by_category
    ADD CONSTRAINT sales_by_category_pkey PRIMARY KEY (category_id);
ALTER TABLE ONLY gold.sales_by_customer
    ADD CONSTRAINT sales_by_customer_pkey PRIMARY KEY (customer_id);
ALTER TABLE ONLY gold.sales_by_department_daily
    ADD CONSTRAINT sales_by_department_daily_pkey PRIMARY KEY (department_id, order_date);
ALTER TABLE ONLY gold.sales_by_department
    ADD CONSTRAINT sales_by_department_pkey PRIMARY KEY (department_id);
ALTER TABLE ONLY gold.sales_by_order_status
    ADD CONSTRAINT sales_by_order_status_pkey PRIMARY KEY (order_status);
ALTER TABLE ONLY gold.sales_by_product
    ADD CONSTRAINT sales_by_product_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY gold.sales_by_region
    ADD CONSTRAINT sales_by_region_pkey PRIMARY KEY (customer_state);
ALTER TABLE ONLY silver.category_dim
    ADD CONSTRAINT category_dim_pkey PRIMARY KEY (category_id);
ALTER TABLE ONLY silver.customer_dim
    ADD CONSTRAINT customer_dim_pkey PRIMARY KEY (customer_id);
ALTER TABLE ONLY silver.department_dim
    ADD CONSTRAINT department_dim_pkey PRIMARY KEY (department_id);
ALTER TABLE ONLY silver.order_dim
    ADD CONSTRAINT order_dim_pkey PRIMARY KEY (order_id);
ALTER TABLE ONLY silver.orders_fact
    ADD CONSTRAINT orders_fact_pkey PRIMARY KEY (order_item_id);
ALTER TABLE ONLY silver.orders_fact_rejected
    ADD CONSTRAINT orders_fact_rejected_pkey PRIMARY KEY (order_item_id);
ALTER TABLE ONLY silver.product_dim
    ADD CONSTRAINT product_dim_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY weather.api_error
    ADD CONSTRAINT api_error_pkey PRIMARY KEY (topic, partition, "offset");
ALTER TABLE ONLY weather.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (topic, partition, "offset");
ALTER TABLE ONLY weather.weather_bt
    ADD CONSTRAINT weather_bt_pkey PRIMARY KEY (city, granularity, window_start);
ALTER TABLE ONLY weather.weather_rt
    ADD CONSTRAINT weather_rt_pkey PRIMARY KEY (city, window_start);
ALTER TABLE ONLY work_retail._mark
    ADD CONSTRAINT _mark_pkey PRIMARY KEY (model);
CREATE INDEX api_error_timestamp_idx ON weather.api_error USING btree ("timestamp");
CREATE INDEX dead_letter_reason_idx ON weather.dead_letter USING btree (reason) WHERE (replayed_at IS NULL);
CREATE INDEX weather_bt_window_end_idx ON weather.weather_bt USING btree (window_end) WHERE (NOT is_final);
CREATE INDEX weather_bt_window_start_idx ON weather.weather_bt USING btree (window_start);
CREATE INDEX weather_rt_window_end_idx ON weather.weather_rt USING btree (window_end) WHERE (NOT is_final);
CREATE INDEX weather_rt_window_start_idx ON weather.weather_rt USING btree (window_start);
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.orders_time_series FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'orders_time_series');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_category FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_category');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_customer FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_customer');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_department FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_department');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_department_daily FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_department_daily');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_order_status FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_order_status');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_product FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_product');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON gold.sales_by_region FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'sales_by_region');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.category_dim FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'category_dim');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.customer_dim FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'customer_dim');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.department_dim FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'department_dim');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.order_dim FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'order_dim');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.orders_fact FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'orders_fact');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.orders_fact_rejected FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'orders_fact_rejected');
CREATE TRIGGER medallion_edit AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON silver.product_dim FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit('retail', 'product_dim');
ALTER TABLE ONLY silver.category_dim
    ADD CONSTRAINT category_dim_department_id_fkey FOREIGN KEY (department_id) REFERENCES silver.department_dim(department_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.order_dim
    ADD CONSTRAINT order_dim_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES silver.customer_dim(customer_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.orders_fact
    ADD CONSTRAINT orders_fact_category_id_fkey FOREIGN KEY (category_id) REFERENCES silver.category_dim(category_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.orders_fact
    ADD CONSTRAINT orders_fact_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES silver.customer_dim(customer_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.orders_fact
    ADD CONSTRAINT orders_fact_department_id_fkey FOREIGN KEY (department_id) REFERENCES silver.department_dim(department_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.orders_fact
    ADD CONSTRAINT orders_fact_order_id_fkey FOREIGN KEY (order_id) REFERENCES silver.order_dim(order_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.orders_fact
    ADD CONSTRAINT orders_fact_product_id_fkey FOREIGN KEY (product_id) REFERENCES silver.product_dim(product_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY silver.product_dim
    ADD CONSTRAINT product_dim_category_id_fkey FOREIGN KEY (category_id) REFERENCES silver.category_dim(category_id) DEFERRABLE INITIALLY DEFERRED;
