-- What a user types to have weather flow through Kafka into tables, here with readings that are made up. stack/demo runs
-- this after demo.sql; it may run again.
\getenv kafka_brokers KAFKA_BROKERS

SET client_min_messages = warning;
CREATE SERVER IF NOT EXISTS kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'kafka_brokers');
ALTER SERVER kafka OPTIONS (SET brokers :'kafka_brokers');
CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER kafka;
SET client_min_messages = notice;

-- Once: whoever has put a key of OpenWeather's in since keeps it. The last hours first, as if it had run all the time.
SELECT count(*) = 0 AS is_new FROM medallion.pipeline WHERE name = 'weather' \gset
\if :is_new
SELECT medallion.install_weather(kafka => 'kafka', lake => 'lake', producer => 'synthetic', poll_interval => '5 seconds') \g /dev/null
SELECT medallion.produce_synthetic('weather', now() - interval '6 hours', now()) \g /dev/null
\endif
CALL medallion.run('weather') \g /dev/null
