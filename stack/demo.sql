-- What a user types to move RetailDB through the lake, and a look at the result. stack/demo runs this; it may run again.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv retail_user RETAIL_USER
\getenv retail_pwd RETAIL_PWD
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\getenv other_data DEMO_OTHER_DATA

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_cron;
CREATE EXTENSION IF NOT EXISTS medallion CASCADE;
DO $$
BEGIN
	IF to_regproc('medallion.install_weather') IS NULL THEN
		RAISE EXCEPTION 'this stack has the extension of an earlier checkout'
			USING HINT = 'stack/down --remove deletes the stack and what it holds; then run this again.';
	END IF;
END
$$;
ALTER EXTENSION medallion UPDATE;

-- Created once; addresses and secrets set each time, because a stack that was made anew has others.
CREATE SERVER IF NOT EXISTS retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'retaildb');
ALTER SERVER retaildb OPTIONS (SET host :'mysql_host', SET port :'mysql_port');
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER retaildb OPTIONS (username :'retail_user', password :'retail_pwd');
ALTER USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (SET username :'retail_user', SET password :'retail_pwd');
CREATE SERVER IF NOT EXISTS lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
ALTER SERVER lake OPTIONS (SET endpoint :'s3_endpoint');
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
ALTER USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (SET access_key :'s3_access_key', SET secret_key :'s3_secret_key');
SET client_min_messages = notice;

SELECT medallion.install_retail(source => 'retaildb', lake => 'lake') \g /dev/null
\if :other_data
-- Another RetailDB was loaded on purpose: it may have far fewer rows.
SELECT medallion.accept_shrink('retail', t) FROM unnest('{categories,customers,departments,order_items,orders,products}'::text[]) AS t \g /dev/null
\endif
CALL medallion.run('retail') \g /dev/null

\pset footer off
\pset title 'gold.sales_by_department'
SELECT * FROM gold.sales_by_department ORDER BY total_revenue DESC;
\pset title 'gold.sales_by_category, the first 10'
SELECT * FROM gold.sales_by_category ORDER BY total_revenue DESC, 1 LIMIT 10;
\pset title 'gold.sales_by_product, the first 10'
SELECT * FROM gold.sales_by_product ORDER BY total_revenue DESC, 1 LIMIT 10;
\pset title 'gold.sales_by_customer, the first 10'
SELECT * FROM gold.sales_by_customer ORDER BY total_revenue DESC, 1 LIMIT 10;
\pset title 'gold.sales_by_region, the first 10'
SELECT * FROM gold.sales_by_region ORDER BY total_revenue DESC, 1 LIMIT 10;
\pset title 'gold.sales_by_order_status'
SELECT * FROM gold.sales_by_order_status ORDER BY 1;
\pset title 'gold.orders_time_series, the last 7 days'
SELECT * FROM gold.orders_time_series ORDER BY 1 DESC LIMIT 7;
\pset title 'gold.sales_by_department_daily, the last day'
SELECT * FROM gold.sales_by_department_daily WHERE order_date = (SELECT max(order_date) FROM gold.sales_by_department_daily) ORDER BY 1;

\pset title 'medallion.step_history: what the last run did'
SELECT step, state, rows, bytes, date_trunc('milliseconds', duration) AS duration
  FROM medallion.step_history
 WHERE run_id = (SELECT max(run_id) FROM medallion.run_history)
 ORDER BY started_at;
\pset title 'medallion.run_history: the last 5 runs'
SELECT run_id, pipeline, state, rows, bytes, date_trunc('milliseconds', duration) AS duration
  FROM medallion.run_history ORDER BY run_id DESC LIMIT 5;
