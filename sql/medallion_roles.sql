-- The three roles: each can do its part and no more; nothing that one of them has stored runs with the rights of a stronger one.
\getenv mysql_host MYSQL_HOST
\getenv mysql_port MYSQL_PORT
\getenv mysql_user MYSQL_USER
\getenv mysql_pwd MYSQL_PWD
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\getenv kafka_brokers KAFKA_BROKERS
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
SELECT current_database() \gset
SELECT * FROM medallion.check_roles('regress');
SELECT medallion.create_roles('regress');
SELECT medallion.create_roles('regress');
SELECT rolname, rolsuper, rolcanlogin, rolcreaterole, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname ~ '^regress_(admin|loader|reader)$' ORDER BY 1;
-- Names of any kind.
BEGIN;
SELECT medallion.create_roles('regress "Odd'' one', '{"Odd mart"}');
SELECT medallion.create_roles('regress "Odd'' one', '{"Odd mart"}');
CREATE TABLE "Odd mart".later ();
SELECT check_name, ok, replace(detail, current_user, '<me>') AS detail, fix FROM medallion.check_roles('regress "Odd'' one') WHERE NOT ok OR check_name ~ 'owner';
SELECT owner, reader FROM medallion.observer ORDER BY 1;
ROLLBACK;
CREATE ROLE regress_analyst IN ROLE regress_admin;
CREATE ROLE regress_metabase IN ROLE regress_reader;
SET ROLE regress_analyst;
SELECT medallion.create_roles('regress');                                      -- ERROR
SELECT medallion.create_roles('a_prefix_of_more_than_fifty_six_bytes_makes_names_too_long_');  -- ERROR
RESET ROLE;
SELECT medallion.create_roles('a_prefix_of_more_than_fifty_six_bytes_makes_names_too_long_');  -- ERROR

-- The admin makes servers and the loader's user mappings, and installs as the loader, who is told of all that it lacks.
SET ROLE regress_admin;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql OPTIONS (host :'mysql_host', port :'mysql_port', dbname 'regress_roles');
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
CREATE USER MAPPING FOR regress_loader SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
SET ROLE regress_loader;
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'regress-roles-raw', silver_bucket => 'regress-roles-silver', gold_bucket => 'regress-roles-gold');  -- ERROR
SET ROLE regress_admin;
GRANT USAGE ON FOREIGN SERVER lake, retaildb, kafka TO regress_loader;
CREATE USER MAPPING FOR regress_loader SERVER retaildb OPTIONS (username :'mysql_user', password :'mysql_pwd');
CREATE USER MAPPING FOR regress_loader SERVER kafka;
RESET ROLE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE IF EXISTS regress_roles; CREATE DATABASE regress_roles CHARACTER SET utf8mb4'
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER --default-character-set=utf8mb4 regress_roles <$PG_ABS_SRCDIR/t/retail_small.sql
SET ROLE regress_analyst;
SET ROLE regress_loader;
SELECT medallion.install_retail('retaildb', 'lake', raw_bucket => 'regress-roles-raw', silver_bucket => 'regress-roles-silver', gold_bucket => 'regress-roles-gold');
SELECT medallion.install_weather('kafka', 'lake', producer => 'none', topic => 'regress-roles', raw_bucket => 'regress-roles-weather', silver_bucket => 'regress-roles-windows');
CALL medallion.run('retail');
RESET ROLE;
SELECT DISTINCT nspowner::regrole FROM pg_namespace WHERE nspname IN ('silver', 'gold', 'weather', 'bronze', 'work_retail', 'source_retail');
SELECT check_name, ok, detail, fix FROM medallion.check_roles('regress');
CREATE VIEW gold.mine AS SELECT 1 AS one;
ALTER ROLE regress_loader NOLOGIN CREATEROLE;
REVOKE EXECUTE ON PROCEDURE medallion.run FROM regress_loader;
GRANT USAGE ON SCHEMA bronze TO regress_reader;
SELECT check_name, ok, replace(detail, current_user, '<me>') AS detail, fix FROM medallion.check_roles('regress') WHERE NOT ok;
DROP VIEW gold.mine;
ALTER ROLE regress_loader LOGIN NOCREATEROLE;
REVOKE USAGE ON SCHEMA bronze FROM regress_reader;
SELECT medallion.create_roles('regress');
SELECT check_name FROM medallion.check_roles('regress') WHERE NOT ok;

-- The reader: published tables with their keys, the observing views, no bronze, no payload, no secret.
SET ROLE regress_metabase;
SELECT table_schema, count(*) FILTER (WHERE constraint_type = 'PRIMARY KEY') AS primary_keys, count(*) FILTER (WHERE constraint_type = 'FOREIGN KEY') AS foreign_keys
  FROM information_schema.table_constraints WHERE table_schema IN ('silver', 'gold', 'weather') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM gold.sales_by_department;
SELECT * FROM weather.weather_now;
SELECT topic, partition, reason FROM weather.dead_letter;
SELECT value FROM weather.dead_letter;                                         -- ERROR
SELECT record FROM weather.api_error;                                          -- ERROR
SELECT count(*) FROM bronze.orders;                                            -- ERROR
SELECT count(*) FROM source_retail.customers;                                  -- ERROR
SELECT count(*) FROM work_retail._mark;                                        -- ERROR
SELECT pipeline, state FROM medallion.latest_run ORDER BY 1;
SELECT table_name, rows, changed_at IS NOT NULL AS changed, age < '1 hour' AS fresh FROM medallion.freshness ORDER BY 1;
SELECT pipeline, topic, landed_at, unfinished FROM medallion.weather_freshness;
SELECT count(*) FROM medallion.weather_lag;                                    -- ERROR
SELECT pipeline, source, target, kind FROM medallion.lineage ORDER BY 1, 4, source COLLATE "C", target COLLATE "C";
-- What Metabase asks for: names and types of all that it sees, keys by the views that it looks into.
SELECT keypath, value FROM medallion._metabase_metadata WHERE keypath LIKE '%.semantic_type' ORDER BY keypath COLLATE "C";
SELECT keypath, value FROM medallion._metabase_metadata WHERE keypath ~ '^[^.]+.(display_name|description)$' ORDER BY keypath COLLATE "C";
SELECT keypath, value FROM medallion._metabase_metadata WHERE keypath ~ '^(customer_dim|weather_daily)[.].*[.]display_name$' ORDER BY keypath COLLATE "C";
SELECT count(*), count(DISTINCT keypath) FROM medallion._metabase_metadata;
SELECT count(*) FROM medallion._metabase_metadata WHERE keypath ~ '^(dead_letter[.](key|value)|api_error.record)[.]';
SELECT tc.table_name, tc.constraint_type, kcu.column_name
  FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_schema, constraint_name, table_name)
 WHERE tc.table_schema IN ('silver', 'weather') AND tc.constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
 ORDER BY tc.table_name COLLATE "C", tc.constraint_type COLLATE "C", kcu.ordinal_position, kcu.column_name;
SELECT count(*) > 0 AS steps, count(detail) AS details FROM medallion.step_history;
SELECT severity, state, count(*) > 0 AS checks FROM medallion.check_status WHERE pipeline = 'retail' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT check_name FROM medallion.health WHERE NOT ok AND check_name <> 'pg_cron';
SELECT count(*) FROM medallion.check_failure;
SELECT count(umoptions) FROM pg_user_mappings;
SELECT count(*) FROM medallion.step_run;                                       -- ERROR
SELECT count(*) FROM medallion.object;
SELECT count(*) FROM medallion.model;
CALL medallion.run('retail');                                                  -- ERROR
SELECT medallion.publish('retail');                                            -- ERROR
SELECT medallion.pause('retail');                                              -- ERROR
INSERT INTO gold.sales_by_department VALUES (1, 'mine', 1, 1);                  -- ERROR
CREATE TABLE gold.mine (id integer);                                           -- ERROR
RESET ROLE;
-- Functions that anybody with USAGE on the schema may call.
SELECT p.oid::regprocedure FROM pg_proc p CROSS JOIN LATERAL aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = 'medallion'::regnamespace AND a.grantee = 0 ORDER BY p.proname::text COLLATE "C", 1;

-- A reader who can make tables could have his functions run as the loader, which check_roles() warns of: PostgreSQL itself
-- runs the cast of a foreign key as the owner of the table that it refers to, ...
CREATE SCHEMA scratch;
GRANT CREATE ON SCHEMA scratch TO regress_metabase;
CREATE TABLE scratch.seen (who name, what text);
GRANT USAGE ON SCHEMA scratch TO PUBLIC;
GRANT ALL ON scratch.seen TO PUBLIC;
SELECT check_name, ok, detail, fix FROM medallion.check_roles('regress') WHERE NOT ok;
SET ROLE regress_metabase;
CREATE TYPE scratch.id AS ENUM ('x');
CREATE FUNCTION scratch.to_integer(scratch.id) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO scratch.seen VALUES (current_user, 'cast');
	RETURN (SELECT min(department_id) FROM silver.department_dim);
END $$;
CREATE CAST (scratch.id AS integer) WITH FUNCTION scratch.to_integer(scratch.id) AS IMPLICIT;
CREATE TABLE scratch.child (id scratch.id REFERENCES silver.department_dim);
INSERT INTO scratch.child VALUES ('x');
SELECT DISTINCT * FROM scratch.seen;
TRUNCATE scratch.seen;
-- ... or as a trigger behind ON DELETE CASCADE, which publish refuses to run.
DROP TABLE scratch.child;
CREATE TABLE scratch.child (id integer REFERENCES silver.department_dim ON DELETE CASCADE);
CREATE FUNCTION scratch.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO scratch.seen VALUES (current_user, 'trigger');
	RETURN NULL;
END $$;
CREATE TRIGGER note AFTER DELETE ON scratch.child FOR EACH ROW EXECUTE FUNCTION scratch.note();
INSERT INTO scratch.child SELECT department_id FROM silver.department_dim;
RESET ROLE;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER regress_roles -e 'DELETE FROM departments WHERE department_id = (SELECT m FROM (SELECT max(department_id) AS m FROM departments) x)'
CALL medallion.run('retail');                                                  -- ERROR
SELECT DISTINCT who = 'regress_loader' AS as_loader, what FROM scratch.seen ORDER BY 2;
DROP TABLE scratch.child;
TRUNCATE scratch.seen;
-- Triggers of his on the table itself, which takes a grant by the loader.
GRANT TRIGGER ON silver.department_dim TO regress_metabase;
SET ROLE regress_metabase;
CREATE TRIGGER note AFTER DELETE ON silver.department_dim FOR EACH ROW EXECUTE FUNCTION scratch.note();
RESET ROLE;
CALL medallion.run('retail');                                                  -- ERROR
DROP TRIGGER note ON silver.department_dim;
REVOKE TRIGGER ON silver.department_dim FROM regress_metabase;
CALL medallion.run('retail');
SELECT what, count(*) FROM scratch.seen GROUP BY 1;

-- Functions, operators and casts of the same names in other schemas are not found, whatever the caller's search_path.
GRANT CREATE ON SCHEMA public TO regress_metabase;
SET ROLE regress_metabase;
CREATE FUNCTION public.count(integer) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO scratch.seen VALUES (current_user, 'count'); RETURN 0; END $$;
CREATE FUNCTION public.plus(integer, integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO scratch.seen VALUES (current_user, 'plus'); RETURN 0; END $$;
CREATE OPERATOR public.+ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = public.plus);
CREATE FUNCTION public.trim(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO scratch.seen VALUES (current_user, 'trim'); RETURN ''; END $$;
CREATE FUNCTION public.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO scratch.seen VALUES (current_user, 'equal'); RETURN true; END $$;
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.equal);
CREATE TABLE public.pipeline AS SELECT 'retail'::text AS name, 'postgres'::name AS owner;
RESET ROLE;
SET search_path = public, scratch, pg_catalog;
CALL medallion.rebuild('retail', 'build');
SELECT count(*) > 0 AS shown FROM medallion.run_history;
SELECT count(*) FROM medallion.doctor() WHERE check_name LIKE 'pipeline retail%';
SELECT count(*) > 0 AS checked FROM medallion.check_roles('regress');
RESET search_path;
SELECT what, count(*) FROM scratch.seen GROUP BY 1;

-- What the loader has stored is the loader's, also when a superuser runs it: it does not get out of a step.
GRANT CREATE ON SCHEMA scratch TO regress_loader;
SET ROLE regress_loader;
CREATE FUNCTION scratch.try(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	INSERT INTO scratch.seen VALUES (current_user, command);
EXCEPTION WHEN OTHERS THEN
	INSERT INTO scratch.seen VALUES (current_user, command || ': ' || SQLSTATE);
END $$;
SELECT medallion.create_pipeline('climber');
SELECT medallion.add_step('climber', 'climb', $$
	SELECT scratch.try('RESET ROLE');
	SELECT scratch.try('SET ROLE regress_admin');
	SELECT scratch.try('SET SESSION AUTHORIZATION DEFAULT');
	SELECT scratch.try('ALTER ROLE regress_loader SUPERUSER');
	SELECT scratch.try('SELECT medallion.create_roles()');
	SELECT scratch.try('INSERT INTO medallion.observer VALUES (''regress_loader'', ''pg_monitor'')');
	SELECT scratch.try('SET search_path = scratch')$$,
	fingerprint => $$SELECT scratch.try('ALTER ROLE regress_loader SUPERUSER')::text$$);
RESET ROLE;
TRUNCATE scratch.seen;
CALL medallion.run('climber');
SELECT DISTINCT who, what FROM scratch.seen ORDER BY 2;
-- Nor where a superuser calls what the steps call, outside of a run.
SET ROLE regress_loader;
CREATE FUNCTION scratch.climb() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM scratch.try('ALTER ROLE regress_loader SUPERUSER'); RETURN 1; END $$;
SELECT medallion.create_layer('climber', 'out', 'scratch_out');
SELECT medallion.create_work_schema('climber');
SELECT medallion.add_model('climber', 'out', 'top', 'Top', '{id}', '{{id, integer, The key}}', 'SELECT scratch.climb() AS id');
RESET ROLE;
SELECT medallion.build('climber');                                             -- ERROR
SELECT medallion.publish('climber');                                           -- ERROR
SELECT medallion.ingest('climber');                                            -- ERROR
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_loader';
-- As the owner it is built; what it reads is noted, and again when the query is another one.
SET ROLE regress_loader;
SELECT medallion.add_model('climber', 'out', 'next', 'Next', '{id}', '{{id, integer, The key}}', 'WITH d AS (SELECT department_id FROM silver.department_dim)
	SELECT t.id FROM top t WHERE t.id IN (SELECT department_id FROM d)');
SELECT medallion.build('climber');
SELECT source, target FROM medallion.lineage WHERE pipeline = 'climber' ORDER BY 1;
UPDATE medallion.model SET query = 'SELECT 1 AS id' WHERE name = 'next';
SELECT medallion.build('climber');
SELECT source, target FROM medallion.lineage WHERE pipeline = 'climber' ORDER BY 1;
RESET ROLE;

SET ROLE regress_loader;
SELECT count(fdw_s3_delete('lake', b, l.path)) > 0 AS deleted
  FROM unnest('{regress-roles-raw,regress-roles-silver,regress-roles-gold,regress-roles-weather,regress-roles-windows}'::text[]) b, fdw_s3_list('lake', b) l;
RESET ROLE;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka CASCADE;
DROP OWNED BY regress_loader CASCADE;
DROP OWNED BY regress_admin, regress_reader, regress_metabase, regress_analyst CASCADE;
DROP SCHEMA scratch CASCADE;
DROP ROLE regress_loader, regress_admin, regress_reader, regress_metabase, regress_analyst;
\! mariadb --no-defaults --host=$MYSQL_HOST --port=$MYSQL_PORT --user=$MYSQL_USER -e 'DROP DATABASE regress_roles'
\! perl -I$PG_ABS_SRCDIR/t -MKafka -e 'Kafka->new->delete("regress-roles")'
