#!/usr/bin/env bash
# RetailDB by hand: mariadb --quick into COPY, then silver and gold in SQL. No buckets, no ledger, no readers in mind.
#
#   psql_retail.sh MYSQL_DATABASE       into the database that PGDATABASE names
set -euo pipefail
here=$(dirname "$0")
source=$1

sql() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }

# FLOAT + 0e0 is the same number as DOUBLE: printed as FLOAT it would lose its cents above 10,000.
copy() {
	mariadb --no-defaults --host="$MYSQL_HOST" --port="$MYSQL_PORT" --user="$MYSQL_USER" --default-character-set=utf8mb4 \
		--quick --batch --skip-column-names "$source" -e "SELECT $2 FROM $1" | sql -c "COPY bronze.$1 FROM STDIN"
}

sql <<-END
	SET client_min_messages = warning;
	DROP SCHEMA IF EXISTS bronze, silver, gold CASCADE;
	CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold;
	CREATE TABLE bronze.departments (department_id int, department_name text);
	CREATE TABLE bronze.categories (category_id int, category_department_id int, category_name text);
	CREATE TABLE bronze.products (product_id int, product_category_id int, product_name text, product_description text,
		product_price float8, product_image text);
	CREATE TABLE bronze.customers (customer_id int, customer_fname text, customer_lname text, customer_email text,
		customer_street text, customer_city text, customer_state text, customer_zipcode text);
	CREATE TABLE bronze.orders (order_id int, order_date timestamp, order_customer_id int, order_status text);
	CREATE TABLE bronze.order_items (order_item_id int, order_item_order_id int, order_item_product_id int,
		order_item_quantity int, order_item_subtotal float8, order_item_product_price float8);
END
copy departments '*'
copy categories '*'
copy products 'product_id, product_category_id, product_name, product_description, product_price + 0e0, product_image'
copy customers 'customer_id, customer_fname, customer_lname, customer_email, customer_street, customer_city,
	customer_state, customer_zipcode'
copy orders '*'
copy order_items 'order_item_id, order_item_order_id, order_item_product_id, order_item_quantity,
	order_item_subtotal + 0e0, order_item_product_price + 0e0'
sql -c 'ANALYZE bronze.customers, bronze.orders, bronze.order_items, bronze.products' -f "$here/retail_model.sql" \
	-f "$here/retail_keys.sql"
