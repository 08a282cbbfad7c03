--
-- Partitions: the topic as it stands in Kafka against the positions. Whatever cannot be explained by records that were
-- added is an ERROR: nothing is ever passed over without a word.
--

CREATE FUNCTION medallion.weather_watermarks(pipeline text) RETURNS TABLE (partition integer, low bigint, high bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT w.partition, w.low, w.high
	FROM public.fdw_kafka_watermarks(medallion.own_table($1, 'source_weather.weather')) w;
END
$$;
COMMENT ON FUNCTION medallion.weather_watermarks(text) IS 'offsets of the first record of each partition, and behind the last that can be read';

CREATE TYPE medallion.weather_partition AS (
	partition integer,
	generation integer,
	start_offset bigint,
	next_offset bigint,
	anchor_offset bigint,
	low bigint,
	high bigint,
	problem text
);
COMMENT ON TYPE medallion.weather_partition IS
'a partition in Kafka and in the ledger; problem: missing, retreated, lost (deleted before it was read), changed, or NULL';

-- A partition that is new begins at its first record, in a generation that has no objects.
CREATE FUNCTION medallion.look_at_partitions(pipeline text) RETURNS medallion.weather_partition[]
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg((COALESCE(p.partition, w.partition), COALESCE(p.generation, o.generation + 1, 1), COALESCE(p.start_offset, w.low),
					  COALESCE(p.next_offset, w.low), p.anchor_offset, w.low, w.high,
					  CASE WHEN w.partition IS NULL THEN 'missing' WHEN p.next_offset > w.high THEN 'retreated'
						   WHEN p.next_offset < w.low THEN 'lost' END)::medallion.weather_partition
					 ORDER BY COALESCE(p.partition, w.partition))
	  FROM medallion.weather_watermarks($1) w
	  FULL JOIN (SELECT * FROM medallion.weather_position q WHERE q.pipeline = $1) p ON p.partition = w.partition
	  LEFT JOIN LATERAL (SELECT max(r.generation) AS generation FROM medallion.raw_object r
						  WHERE r.pipeline = $1 AND p.partition IS NULL AND r.partition = w.partition) o ON true
$$;
COMMENT ON FUNCTION medallion.look_at_partitions(text) IS 'the partitions of a weather pipeline''s topic';

-- While a partition gets another leader, its end may be shown too low for a moment, and a new topic some partitions late.
CREATE FUNCTION medallion.settled_partitions(pipeline text) RETURNS medallion.weather_partition[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	partitions medallion.weather_partition[];
BEGIN
	FOR attempt IN 1..5 LOOP
		partitions := medallion.look_at_partitions($1);
		EXIT WHEN NOT EXISTS (SELECT FROM unnest(partitions) p WHERE p.problem IN ('missing', 'retreated'));
		PERFORM pg_sleep(0.2 * attempt);
	END LOOP;
	RETURN partitions;
END
$$;
COMMENT ON FUNCTION medallion.settled_partitions(text) IS 'the partitions of a weather pipeline''s topic; what looks wrong is looked at again';

-- The first record from the anchor on, for each partition where one may be.
CREATE FUNCTION medallion.weather_anchors(pipeline text, partitions medallion.weather_partition[])
	RETURNS TABLE (partition integer, "offset" bigint, "timestamp" timestamptz, hash bytea)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source regclass := medallion.own_table($1, 'source_weather.weather');
	query text;
BEGIN
	SELECT string_agg(format('(SELECT s.partition, s."offset", s."timestamp", medallion.weather_anchor(s.key, s.value) FROM %s s '
							 'WHERE s.partition = %s AND s."offset" >= %s AND s."offset" < %s LIMIT 1)', source, p.partition,
							 greatest(p.low, COALESCE(p.anchor_offset, p.start_offset)), p.next_offset), ' UNION ALL ')
	INTO query FROM unnest(partitions) p
	WHERE p.problem IS NULL AND greatest(p.low, COALESCE(p.anchor_offset, p.start_offset)) < p.next_offset;
	IF query IS NOT NULL THEN
		RETURN QUERY EXECUTE query;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.weather_anchors(text, medallion.weather_partition[]) IS 'what stands in Kafka where the last landed records should be';

CREATE FUNCTION medallion.is_compacted(pipeline text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT public.fdw_kafka_topic_config(t.kafka, t.topic, 'cleanup.policy') LIKE '%compact%'
			  FROM medallion.weather_topic t WHERE t.pipeline = $1);
END
$$;
COMMENT ON FUNCTION medallion.is_compacted(text) IS 'whether records of a weather pipeline''s topic may vanish from between others';

-- An anchor that retention has deleted proves nothing, and neither does one that compaction may have.
CREATE FUNCTION medallion.compare_anchors(pipeline text, partitions medallion.weather_partition[]) RETURNS medallion.weather_partition[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	changed integer[];
	vanished integer[];
BEGIN
	WITH stands AS MATERIALIZED (SELECT * FROM medallion.weather_anchors($1, partitions)),
	compared AS (
		SELECT p.partition, p.anchor_offset >= p.low AND (s.partition IS NULL OR s."offset" > p.anchor_offset) AS vanished,
			   CASE WHEN p.anchor_offset >= p.low
					THEN (s."offset", s."timestamp", s.hash) IS DISTINCT FROM (q.anchor_offset, q.anchor_timestamp, q.anchor_hash)
					ELSE s.partition IS NOT NULL END AS differs
		  FROM unnest(partitions) p
		  JOIN medallion.weather_position q ON (q.pipeline, q.partition) = ($1, p.partition)
		  LEFT JOIN stands s ON s.partition = p.partition
		 WHERE p.problem IS NULL
	)
	SELECT array_agg(c.partition) FILTER (WHERE c.differs), array_agg(c.partition) FILTER (WHERE c.vanished)
	INTO changed, vanished FROM compared c;
	IF changed IS NULL THEN
		RETURN partitions;
	ELSIF vanished IS NOT NULL AND medallion.is_compacted($1) THEN
		changed := ARRAY(SELECT unnest(changed) EXCEPT SELECT unnest(vanished));
	END IF;
	RETURN ARRAY(SELECT (p.partition, p.generation, p.start_offset, p.next_offset, p.anchor_offset, p.low, p.high,
						 CASE WHEN p.partition = ANY (changed) THEN 'changed' ELSE p.problem END)::medallion.weather_partition
				   FROM unnest(partitions) p ORDER BY p.partition);
END
$$;
COMMENT ON FUNCTION medallion.compare_anchors(text, medallion.weather_partition[]) IS
'mark the partitions whose last landed record is not where it was';

CREATE FUNCTION medallion.describe_problem(p medallion.weather_partition) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('Partition %s: ', p.partition)
		   || CASE p.problem WHEN 'missing' THEN format('read up to offset %s, it is gone.', p.next_offset)
			  WHEN 'retreated' THEN format('read up to offset %s, it ends at %s.', p.next_offset, p.high)
			  WHEN 'lost' THEN format('read up to offset %s, the first that is left is %s.', p.next_offset, p.low)
			  ELSE format('read up to offset %s, but the record at %s is another one.', p.next_offset, COALESCE(p.anchor_offset, p.start_offset)) END
$$;
COMMENT ON FUNCTION medallion.describe_problem(medallion.weather_partition) IS 'a problem of a partition in words';

CREATE FUNCTION medallion.check_partitions(pipeline text, partitions medallion.weather_partition[]) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	topic text := (SELECT t.topic FROM medallion.weather_topic t WHERE t.pipeline = $1);
	details text;
	is_lost boolean;
	hints text;
BEGIN
	SELECT string_agg(medallion.describe_problem(p), E'\n' ORDER BY p.partition), bool_and(p.problem = 'lost')
	INTO details, is_lost FROM unnest(partitions) p WHERE p.problem IS NOT NULL;
	IF details IS NULL THEN
		RETURN;
	ELSIF is_lost THEN
		hints := format('Give them up: SELECT * FROM medallion.accept_gap(%L)', $1);
		IF EXISTS (SELECT FROM medallion.weather_plan w WHERE w.pipeline = $1) THEN
			hints := hints || format(E'\nA run did not finish. If it has written its objects, take them first: SELECT * FROM medallion.adopt_objects(%L)', $1);
		END IF;
		RAISE EXCEPTION 'topic "%" has lost records that pipeline "%" had not read', topic, $1
			USING ERRCODE = 'data_exception', DETAIL = details, HINT = hints;
	END IF;
	RAISE EXCEPTION 'topic "%" is not the one that pipeline "%" has read', topic, $1
		USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = details,
			HINT = format(E'If it was made anew, read it from its beginning: SELECT * FROM medallion.accept_topic(%L)\n'
						  'If a broker lost its newest records, go on with what comes: SELECT * FROM medallion.accept_topic(%1$L, start => ''latest'')', $1);
END
$$;
COMMENT ON FUNCTION medallion.check_partitions(text, medallion.weather_partition[]) IS 'an ERROR for partitions that have a problem';
