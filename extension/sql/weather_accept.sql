--
-- Accept: what somebody has to decide. Records that are gone, and a topic that is another one.
--

-- Objects that an unfinished run has written hold records that Kafka may no longer have.
CREATE FUNCTION medallion.check_planned_objects(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	path text := (SELECT u.path FROM medallion.unknown_objects($1, with_planned => true) u LIMIT 1);
BEGIN
	IF path IS NOT NULL THEN
		RAISE EXCEPTION 'raw object "%" has not landed yet', path
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format(E'Load it first: SELECT * FROM medallion.adopt_objects(%L)\n'
							  'Or move it aside: SELECT * FROM medallion.quarantine_objects(%1$L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_planned_objects(text) IS
'an ERROR if there are raw objects that an unfinished run or another database has written';

-- Start reading a partition again, in this generation, from this offset. What was planned for it is void.
CREATE FUNCTION medallion.restart_partition(pipeline text, partition integer, generation integer, start_offset bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE medallion.weather_position p
	   SET (generation, start_offset, next_offset, anchor_offset, anchor_timestamp, anchor_hash, moved_at) = ($3, $4, $4, NULL, NULL, NULL, now())
	 WHERE (p.pipeline, p.partition) = ($1, $2);
	DELETE FROM medallion.weather_plan w WHERE (w.pipeline, w.partition) = ($1, $2)
$$;
COMMENT ON FUNCTION medallion.restart_partition(text, integer, integer, bigint) IS 'set the position of a partition, with no anchor';

CREATE FUNCTION medallion.accept_gap(pipeline text DEFAULT 'weather')
	RETURNS TABLE (partition integer, first_offset bigint, last_offset bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	p medallion.weather_partition;
BEGIN
	PERFORM medallion.check_planned_objects($1);
	FOR p IN SELECT * FROM unnest(medallion.settled_partitions($1)) s WHERE s.problem = 'lost' LOOP
		INSERT INTO medallion.weather_gap (pipeline, topic, partition, generation, first_offset, last_offset, reason)
		VALUES ($1, t.topic, p.partition, p.generation, p.next_offset, p.low - 1, 'retention');
		PERFORM medallion.restart_partition($1, p.partition, p.generation, p.low);
		partition := p.partition;
		first_offset := p.next_offset;
		last_offset := p.low - 1;
		RETURN NEXT;
	END LOOP;
	IF first_offset IS NULL THEN
		RAISE NOTICE 'topic "%" has lost no records', t.topic;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.accept_gap(text) IS
'give up records that Kafka deleted before they were read, and go on behind them; returns what was given up, which weather_gap keeps';

CREATE FUNCTION medallion.accept_topic(pipeline text DEFAULT 'weather', start text DEFAULT 'earliest')
	RETURNS TABLE (partition integer, problem text, given_up_from bigint, next_offset bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	p medallion.weather_partition;
BEGIN
	IF start IS NULL OR start NOT IN ('earliest', 'latest') THEN
		RAISE EXCEPTION 'start is "earliest" or "latest", not "%"', start USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM medallion.check_planned_objects($1);
	FOR p IN SELECT * FROM unnest(medallion.compare_anchors($1, medallion.settled_partitions($1))) s
			 WHERE s.problem IN ('missing', 'retreated', 'changed') LOOP
		INSERT INTO medallion.weather_gap (pipeline, topic, partition, generation, first_offset, last_offset, reason)
		SELECT $1, t.topic, p.partition, p.generation, p.next_offset, NULL, 'topic'
		UNION ALL
		SELECT $1, t.topic, p.partition, p.generation + 1, p.low, p.high - 1, 'skipped' WHERE start = 'latest' AND p.low < p.high;
		partition := p.partition;
		problem := p.problem;
		given_up_from := p.next_offset;
		next_offset := CASE start WHEN 'latest' THEN p.high ELSE p.low END;
		PERFORM medallion.restart_partition($1, p.partition, p.generation + 1, COALESCE(next_offset, 0));
		DELETE FROM medallion.weather_position q WHERE (q.pipeline, q.partition) = ($1, p.partition) AND p.problem = 'missing';
		RETURN NEXT;
	END LOOP;
	IF problem IS NULL THEN
		RAISE NOTICE 'topic "%" is the one that was read', t.topic;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.accept_topic(text, text) IS
'take partitions of a topic that was made anew for new ones, and read them from the beginning, or only what comes (start => ''latest'')';
