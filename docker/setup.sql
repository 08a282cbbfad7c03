-- The pipelines of compose.yaml: those of the demo, by its own scripts, with real weather where there is a key of
-- OpenWeather's; their schedules; and what Metabase needs. Runs at every "up".
\getenv openweather_key OPENWEATHER_API_KEY
\getenv metabase_password METABASE_PASSWORD
SELECT :'openweather_key' <> '' AS has_key \gset

\ir ../stack/demo.sql
\if :has_key
\getenv kafka_brokers KAFKA_BROKERS
SET client_min_messages = warning;
CREATE SERVER IF NOT EXISTS kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER kafka;
CREATE SERVER IF NOT EXISTS openweather FOREIGN DATA WRAPPER openweather;
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER openweather OPTIONS (api_key :'openweather_key');
ALTER USER MAPPING FOR CURRENT_USER SERVER openweather OPTIONS (SET api_key :'openweather_key');
SELECT medallion.install_weather(kafka => 'kafka', lake => 'lake', openweather => 'openweather') \g /dev/null
\endif
\ir ../stack/demo_weather.sql

SET client_min_messages = warning;
SELECT medallion.schedule('retail', '0 2 * * *', max_age => '25 hours') \g /dev/null
\if :has_key
SELECT medallion.schedule('weather', '*/5 * * * *', max_age => '15 minutes') \g /dev/null
\else
SELECT medallion.schedule('weather', '* * * * *', max_age => '5 minutes') \g /dev/null
\endif

-- Metabase's own tables, and a role that reads what the pipelines publish and how they do
SELECT 'CREATE ROLE metabase LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'metabase') \gexec
ALTER ROLE metabase PASSWORD :'metabase_password';
SELECT 'CREATE DATABASE metabase OWNER metabase' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'metabase') \gexec
SELECT medallion.create_roles() \g /dev/null
GRANT medallion_reader TO metabase;
INSERT INTO medallion.observer SELECT DISTINCT owner, 'medallion_reader'::name FROM medallion.pipeline ON CONFLICT DO NOTHING;

\pset title 'Scheduled'
SELECT schedule, command FROM cron.job ORDER BY jobid;
