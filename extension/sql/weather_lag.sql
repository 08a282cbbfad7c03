--
-- Lag: how far a weather pipeline is behind its topic, what a run is doing, and when anything last landed. These functions
-- and views ask Kafka and the bucket with the keys of whoever looks.
--

-- The oldest record that has not landed is what tells how late the tables are.
CREATE FUNCTION medallion.oldest_unread(pipeline text, partitions medallion.weather_partition[])
	RETURNS TABLE (partition integer, "timestamp" timestamptz)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	query text;
BEGIN
	SELECT string_agg(format('(SELECT s.partition, s."timestamp" FROM %s s WHERE s.partition = %s AND s."offset" >= %s AND s."offset" < %s LIMIT 1)',
							 medallion.own_table($1, 'source_weather.weather'), p.partition, greatest(p.low, p.next_offset), p.high), ' UNION ALL ')
	INTO query FROM unnest(partitions) p WHERE greatest(p.low, p.next_offset) < p.high;
	IF query IS NOT NULL THEN
		RETURN QUERY EXECUTE query;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.oldest_unread(text, medallion.weather_partition[]) IS 'time of the first record of each partition that has not landed';

CREATE FUNCTION medallion.topic_lag(pipeline text)
	RETURNS TABLE (topic text, partition integer, low bigint, next_offset bigint, high bigint, lag bigint, oldest_unread timestamptz,
				   lag_time interval, problem text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	partitions medallion.weather_partition[];
BEGIN
	PERFORM medallion.check_owner($1);
	partitions := medallion.look_at_partitions($1);
	RETURN QUERY
		SELECT t.topic, p.partition, p.low, p.next_offset, p.high, p.high - p.next_offset, u."timestamp",
			   CASE WHEN p.high = p.next_offset THEN interval '0' ELSE clock_timestamp() - u."timestamp" END,
			   CASE WHEN p.problem IS NOT NULL THEN medallion.describe_problem(p) END
		  FROM unnest(partitions) p
		  JOIN medallion.weather_topic t ON t.pipeline = $1
		  LEFT JOIN medallion.oldest_unread($1, partitions) u ON u.partition = p.partition
		 ORDER BY p.partition;
END
$$;
COMMENT ON FUNCTION medallion.topic_lag(text) IS 'how far a weather pipeline is behind each partition of its topic, in records and in time';

-- Those of an unfinished run that stand in the bucket are written again by the next one, or left if they are equal.
CREATE FUNCTION medallion.plan_progress(pipeline text)
	RETURNS TABLE (path text, partition integer, first_offset bigint, last_offset bigint, run_id bigint, planned_at timestamptz, written boolean)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	RETURN QUERY
		SELECT w.path, w.partition, w.first_offset, w.last_offset, w.run_id, w.planned_at, o.etag IS NOT NULL
		  FROM medallion.weather_plan w
		  JOIN medallion.weather_topic t ON t.pipeline = w.pipeline
		  LEFT JOIN LATERAL public.fdw_s3_stat(t.lake, t.raw_bucket, w.path) o ON true
		 WHERE w.pipeline = $1
		 ORDER BY w.partition, w.first_offset;
END
$$;
COMMENT ON FUNCTION medallion.plan_progress(text) IS 'ranges of offsets that are to land, and whether their objects stand in the bucket already';

CREATE VIEW medallion.weather_lag WITH (security_invoker) AS SELECT * FROM medallion.topic_lag('weather');
COMMENT ON VIEW medallion.weather_lag IS 'how far pipeline "weather" is behind each partition of its topic, in records and in time';

CREATE VIEW medallion.weather_progress WITH (security_invoker) AS SELECT * FROM medallion.plan_progress('weather');
COMMENT ON VIEW medallion.weather_progress IS 'what the running or unfinished batch of pipeline "weather" is to land, and what of it is written';

CREATE VIEW medallion.weather_freshness WITH (security_barrier) AS
	SELECT t.pipeline, t.topic, p.landed_at, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.landed_at AS landed_ago,
		   p.newest_record, o.newest_event, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) o.newest_event AS newest_event_ago,
		   EXISTS (SELECT FROM medallion.weather_plan w WHERE w.pipeline OPERATOR(pg_catalog.=) t.pipeline) AS unfinished
	  FROM medallion.weather_topic t
	  JOIN medallion.visible_pipeline v ON v.name OPERATOR(pg_catalog.=) t.pipeline
	  LEFT JOIN LATERAL (SELECT pg_catalog.max(q.moved_at) AS landed_at, pg_catalog.max(q.anchor_timestamp) AS newest_record
						   FROM medallion.weather_position q WHERE q.pipeline OPERATOR(pg_catalog.=) t.pipeline AND q.anchor_offset IS NOT NULL) p ON true
	  LEFT JOIN LATERAL (SELECT pg_catalog.max(r.max_event) AS newest_event
						   FROM medallion.raw_object r WHERE r.pipeline OPERATOR(pg_catalog.=) t.pipeline) o ON true;
COMMENT ON VIEW medallion.weather_freshness IS
'when records last landed, the time of the newest one, its newest event, and whether a batch is running or unfinished';
