--
-- Adopt: what becomes of raw objects that the ledger does not know.
--

-- Ranges without records have no object: there must be no record between an object and the one before it.
CREATE FUNCTION medallion.check_hole(pipeline text, partition integer, first_offset bigint, last_offset bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	low bigint := (SELECT w.low FROM medallion.weather_watermarks($1) w WHERE w.partition = $2);
	found boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s s WHERE s.partition = %s AND s."offset" >= %s AND s."offset" <= %s)',
				   medallion.own_table($1, 'source_weather.weather'), partition, first_offset, last_offset) INTO found;
	IF found OR low IS NULL OR low > first_offset THEN
		RAISE EXCEPTION 'no raw object holds offsets % to % of partition %', first_offset, last_offset, partition
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE WHEN found THEN 'There are records, in Kafka.' ELSE 'Whether there were any Kafka no longer knows.' END,
				HINT = format('Move the objects aside and read Kafka again: SELECT * FROM medallion.quarantine_objects(%L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_hole(text, integer, bigint, bigint) IS 'an ERROR if there may be records in a range';

CREATE FUNCTION medallion.check_adoption(pipeline text, path text, partition integer, first_offset bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p medallion.weather_position;
	hint text := format('Move it aside and read Kafka again: SELECT * FROM medallion.quarantine_objects(%L)', $1);
BEGIN
	SELECT * INTO p FROM medallion.weather_position q WHERE (q.pipeline, q.partition) = ($1, $3);
	IF p.next_offset > $4 THEN
		RAISE EXCEPTION 'raw object "%" overlaps others', path
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = hint,
				DETAIL = format('All before offset %s of partition %s has landed.', p.next_offset, $3);
	ELSIF p.next_offset < $4 THEN
		PERFORM medallion.check_hole($1, $3, p.next_offset, $4 - 1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_adoption(text, text, integer, bigint) IS 'an ERROR unless an object continues what has landed';

-- Partitions of which nothing is known begin with their first object, or where Kafka begins, if that is earlier. A later
-- generation tells that accept_topic() was called: it is, again.
CREATE FUNCTION medallion.enter_adopted_partition(t medallion.weather_topic, partition integer, generation integer, first_offset bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.weather_position (pipeline, partition, generation, start_offset, next_offset)
	SELECT t.pipeline, $2, $3, b.first, b.first
	  FROM (SELECT CASE WHEN $3 > 1 THEN $4 ELSE least($4, min(w.low)) END AS first
			  FROM medallion.weather_watermarks(t.pipeline) w WHERE w.partition = $2) b
	ON CONFLICT ON CONSTRAINT weather_position_pkey DO NOTHING;

	INSERT INTO medallion.weather_gap (pipeline, topic, partition, generation, first_offset, reason)
	SELECT p.pipeline, t.topic, p.partition, p.generation, p.next_offset, 'topic'
	  FROM medallion.weather_position p WHERE (p.pipeline, p.partition) = (t.pipeline, $2) AND p.generation < $3;

	SELECT medallion.restart_partition(p.pipeline, p.partition, $3, $4)
	  FROM medallion.weather_position p WHERE (p.pipeline, p.partition) = (t.pipeline, $2) AND p.generation < $3
$$;
COMMENT ON FUNCTION medallion.enter_adopted_partition(medallion.weather_topic, integer, integer, bigint) IS
'enter a partition, or a generation of it, that only raw objects tell of';

CREATE FUNCTION medallion.adopt_objects(pipeline text DEFAULT 'weather')
	RETURNS TABLE (path text, partition integer, first_offset bigint, last_offset bigint, records bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	u record;
	s record;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	FOR u IN SELECT * FROM medallion.unknown_objects($1, with_planned => true) LOOP
		PERFORM medallion.enter_adopted_partition(t, u.partition, u.generation, u.first_offset);
		PERFORM medallion.check_adoption($1, u.path, u.partition, u.first_offset);
		PERFORM medallion.count_raw($1, u.path);
		SELECT * INTO s FROM medallion.weather_summary();
		IF s.records = 0 OR s.first_offset < u.first_offset OR s.last_offset > u.last_offset THEN
			RAISE EXCEPTION 'raw object "%" does not hold what its name says', u.path USING ERRCODE = 'data_corrupted',
				DETAIL = format('It holds %s records, of offsets %s to %s.', s.records, s.first_offset, s.last_offset);
		END IF;
		PERFORM medallion.merge_weather($1, medallion.generation_name(t.topic, u.generation));
		INSERT INTO medallion.raw_object (pipeline, path, topic, partition, generation, first_offset, last_offset, records,
										  min_event, max_event, bytes, etag)
		VALUES ($1, u.path, t.topic, u.partition, u.generation, u.first_offset, u.last_offset, s.records, s.min_event, s.max_event, u.bytes, u.etag);
		PERFORM medallion.move_position($1, u.partition, u.last_offset + 1);
		path := u.path;
		partition := u.partition;
		first_offset := u.first_offset;
		last_offset := u.last_offset;
		records := s.records;
		RETURN NEXT;
	END LOOP;
	DELETE FROM medallion.weather_plan w WHERE w.pipeline = $1;
	IF path IS NULL THEN
		RAISE NOTICE 'bucket "%" holds no raw objects that pipeline "%" does not know', t.raw_bucket, $1;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.adopt_objects(text) IS
'load raw objects that the ledger does not know into the tables, and move the positions behind them; returns what was loaded';

-- Copies and deletions stand whatever becomes of the transaction: called again, it goes on.
CREATE FUNCTION medallion.quarantine_objects(pipeline text DEFAULT 'weather') RETURNS TABLE (path text, new_path text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	folder text := to_char(clock_timestamp() AT TIME ZONE 'UTC', '"quarantine/"YYYYMMDD"T"HH24MISS"Z/"');
BEGIN
	PERFORM medallion.check_cluster($1);
	FOR path IN SELECT u.path FROM medallion.unknown_objects($1, with_planned => true) u LOOP
		new_path := folder || path;
		PERFORM public.fdw_s3_copy(t.lake, t.raw_bucket, path, new_path);
		PERFORM public.fdw_s3_delete(t.lake, t.raw_bucket, path);
		RETURN NEXT;
	END LOOP;
	DELETE FROM medallion.weather_plan w WHERE w.pipeline = $1;
	IF new_path IS NULL THEN
		RAISE NOTICE 'bucket "%" holds no raw objects that pipeline "%" does not know', t.raw_bucket, $1;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.quarantine_objects(text) IS
'move raw objects that the ledger does not know to quarantine/, so that Kafka is read again; returns what was moved';
