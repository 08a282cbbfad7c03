--
-- What the tests of weather share: a pipeline whose topic is a table, source_weather.weather, so that what lands is theirs
-- to say. Needs :bucket, a prefix of the names of its buckets.
--
\getenv s3_endpoint S3_ENDPOINT
\getenv s3_access_key S3_ACCESS_KEY
\getenv s3_secret_key S3_SECRET_KEY
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET medallion.progress = off;
CREATE EXTENSION medallion CASCADE;
CREATE SERVER lake FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'s3_endpoint', url_style 'path');
CREATE USER MAPPING FOR CURRENT_USER SERVER lake OPTIONS (access_key :'s3_access_key', secret_key :'s3_secret_key');
SELECT medallion.create_pipeline('weather') \g /dev/null
INSERT INTO medallion.weather_topic (pipeline, kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records)
VALUES ('weather', 'kafka', 'weather', 'lake', :'bucket' || '-raw', :'bucket' || '-silver', 'zstd', 1000000, 1000000);
SELECT fdw_s3_create_bucket('lake', raw_bucket), fdw_s3_create_bucket('lake', silver_bucket) FROM medallion.weather_topic \g /dev/null
SELECT fdw_s3_delete('lake', b, l.path) FROM medallion.weather_topic t, unnest(ARRAY[t.raw_bucket, t.silver_bucket]) b, fdw_s3_list('lake', b) l \g /dev/null
CREATE SCHEMA source_weather;
CREATE TABLE source_weather.weather (partition int, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea, PRIMARY KEY (partition, "offset"));
CREATE TABLE source_weather.weather_feed ();
SELECT medallion.make_weather_raw(t), medallion.make_weather_tables('weather') FROM medallion.weather_topic t \g /dev/null

-- Land offsets of a partition as one object, as land_weather() does with those of a topic.
CREATE FUNCTION land(part int, first bigint, last bigint, generation int DEFAULT 1) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	path text := medallion.raw_path('2026-01-01', part, generation, first, last, 'zstd');
	s record;
BEGIN
	PERFORM medallion.weather_begin();
	INSERT INTO lake_weather.raw (line, _path)
	SELECT medallion.weather_line(w.partition, w."offset", w."timestamp", w.key, w.value), path
	FROM source_weather.weather w WHERE w.partition = part AND w."offset" BETWEEN first AND last ORDER BY w."offset";
	SELECT * INTO s FROM medallion.weather_summary();
	PERFORM medallion.merge_weather('weather', medallion.generation_name('weather', generation));
	INSERT INTO medallion.raw_object (pipeline, path, topic, partition, generation, first_offset, last_offset, records, min_event, max_event, bytes, etag, sha256)
	SELECT 'weather', f.path, 'weather', part, generation, first, last, s.records, s.min_event, s.max_event, f.bytes, f.etag, f.sha256 FROM fdw_s3_finish() f;
	RETURN s.records;
END $$;

-- A message as the producer sends it.
CREATE FUNCTION message(city text, at timestamptz, temp numeric, humidity numeric, more text DEFAULT '') RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(format('{"coord":{"lon":-0.1257,"lat":51.5085},"main":{"temp":%s,"humidity":%s},"dt":%s,"id":7,"name":"name of %s","_city":"%s","_ingest_ts":"%s"%s}',
		temp, humidity, extract(epoch FROM at)::bigint - 300, city, city, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), more), 'UTF8')
$$;
