-- What a dashboard tool asks of foreign tables on every sync is answered without a word to the servers, which are down here.
SET client_min_messages = warning;
CREATE EXTENSION fdw_mysql;
CREATE EXTENSION fdw_kafka;
CREATE EXTENSION fdw_s3;
CREATE SERVER mysql FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host '127.0.0.1', port '1', dbname 'x');
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers '127.0.0.1:1', connect_timeout '2s');
CREATE SERVER s3 FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint 'http://127.0.0.1:1', url_style 'path', retries '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER mysql OPTIONS (username 'x', password 'x');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
CREATE USER MAPPING FOR CURRENT_USER SERVER s3 OPTIONS (access_key 'x', secret_key 'x');
CREATE FOREIGN TABLE m (id integer, name text) SERVER mysql OPTIONS (table_name 'm');
CREATE FOREIGN TABLE k ("offset" bigint OPTIONS (metadata 'offset'), value text OPTIONS (metadata 'value')) SERVER kafka OPTIONS (topic 'k', format 'raw');
CREATE FOREIGN TABLE s (id integer, name text) SERVER s3 OPTIONS (bucket 's', prefix 's/', format 'csv');
CREATE FUNCTION elapsed(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	rows integer;
BEGIN
	EXECUTE query;
	GET DIAGNOSTICS rows = ROW_COUNT;
	RETURN format('%s rows, %s', rows, CASE WHEN clock_timestamp() - begun < '0.2 s' THEN 'at once' ELSE (clock_timestamp() - begun)::text END);
END $$;
SELECT t, elapsed(format('SELECT TRUE FROM public.%I WHERE 1 <> 1 LIMIT 0', t)) FROM unnest('{m,k,s}'::text[]) t;
SELECT t, elapsed(format('SELECT * FROM public.%I LIMIT 0', t)) FROM unnest('{m,k,s}'::text[]) t;
SELECT t, elapsed(format('EXPLAIN SELECT * FROM public.%I', t)) FROM unnest('{m,k,s}'::text[]) t;
EXPLAIN (COSTS OFF) SELECT TRUE FROM m WHERE 1 <> 1 LIMIT 0;
EXPLAIN (COSTS OFF) SELECT TRUE FROM k WHERE 1 <> 1 LIMIT 0;
EXPLAIN (COSTS OFF) SELECT TRUE FROM s WHERE 1 <> 1 LIMIT 0;
-- They are down indeed.
\set VERBOSITY sqlstate
SELECT count(*) FROM m;                                                        -- ERROR
SELECT count(*) FROM k;                                                        -- ERROR
SELECT count(*) FROM s;                                                        -- ERROR
DROP FUNCTION elapsed(text);
DROP EXTENSION fdw_mysql, fdw_kafka, fdw_s3 CASCADE;
