--
-- Land: the records that were added to the topic become raw objects, and are counted into the windows, in one reading. What
-- is to be read, and into which objects, is planned and committed first; the objects' bytes are a function of the plan. So
-- a run that died is finished by the next, with the same objects, and nothing is counted twice.
--

-- Partitions share what a run may plan; what one does not need goes to the others.
CREATE FUNCTION medallion.plan_ranges(pipeline text, partitions medallion.weather_partition[])
	RETURNS TABLE (partition integer, generation integer, first_offset bigint, last_offset bigint)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := (SELECT w FROM medallion.weather_topic w WHERE w.pipeline = $1);
	left_over bigint := t.run_records - (SELECT COALESCE(sum(w.last_offset - w.first_offset + 1), 0)
										   FROM medallion.weather_plan w WHERE w.pipeline = $1);
	sharers bigint := cardinality(partitions);
	share bigint;
	r record;
BEGIN
	FOR r IN SELECT p.partition, p.generation, f.first, p.high - f.first AS records
			   FROM unnest(partitions) p
			   CROSS JOIN LATERAL (SELECT COALESCE(max(w.last_offset) + 1, p.next_offset) AS first FROM medallion.weather_plan w
									WHERE (w.pipeline, w.partition) = ($1, p.partition)) f
			  ORDER BY p.high - f.first, p.partition LOOP
		share := greatest(0, least(r.records, left_over / sharers));
		left_over := left_over - share;
		sharers := sharers - 1;
		RETURN QUERY SELECT r.partition, r.generation, o, least(o + t.object_records, r.first + share) - 1
		FROM generate_series(r.first, r.first + share - 1, t.object_records) o;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.plan_ranges(text, medallion.weather_partition[]) IS
'ranges of offsets that are not landed and not planned, one for each object';

CREATE FUNCTION medallion.enter_plan(pipeline text, partitions medallion.weather_partition[]) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.weather_position (pipeline, partition, generation, start_offset, next_offset)
	SELECT $1, p.partition, p.generation, p.low, p.low FROM unnest(partitions) p
	ON CONFLICT ON CONSTRAINT weather_position_pkey DO NOTHING;

	INSERT INTO medallion.weather_plan (pipeline, path, partition, generation, first_offset, last_offset, run_id)
	SELECT $1, medallion.raw_path(greatest((clock_timestamp() AT TIME ZONE 'UTC')::date, medallion.last_raw_day($1)),
								  r.partition, r.generation, r.first_offset, r.last_offset, t.compression),
		   r.partition, r.generation, r.first_offset, r.last_offset, medallion.current_run()
	  FROM medallion.plan_ranges($1, partitions) r
	  JOIN medallion.weather_topic t ON t.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.enter_plan(text, medallion.weather_partition[]) IS 'enter what is to land next, and the positions of new partitions';

-- The plan of step land. Where nothing was added there is nothing to look for in the bucket.
CREATE FUNCTION medallion.plan_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	partitions medallion.weather_partition[];
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	partitions := medallion.compare_anchors($1, medallion.settled_partitions($1));
	IF EXISTS (SELECT FROM unnest(partitions) p WHERE p.problem IS NOT NULL OR p.high <> p.next_offset)
	   OR EXISTS (SELECT FROM medallion.weather_plan w WHERE w.pipeline = $1) THEN
		PERFORM medallion.check_unknown_objects($1);
		PERFORM medallion.check_partitions($1, partitions);
	END IF;
	IF EXISTS (SELECT FROM unnest(partitions) p WHERE p.high <> p.next_offset
			   OR NOT EXISTS (SELECT FROM medallion.weather_position q WHERE (q.pipeline, q.partition) = ($1, p.partition))) THEN
		PERFORM medallion.enter_plan($1, partitions);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.plan_weather(text) IS
'plan what is to land: all that was added to the topic, behind what an unfinished run had planned';

-- Records that retention took away while they were read do not show in a scan: it begins with the first that is left.
CREATE FUNCTION medallion.check_landed(r medallion.weather_plan, first_record bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	w record;
BEGIN
	SELECT * INTO w FROM medallion.weather_watermarks(r.pipeline) m WHERE m.partition = r.partition;
	IF w.high > r.last_offset AND (w.low <= r.first_offset OR first_record = r.first_offset) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'partition % of the topic changed while it was read', r.partition
		USING ERRCODE = 'data_exception',
			DETAIL = format('Planned are offsets %s to %s; the partition has %s to %s.', r.first_offset, r.last_offset, w.low, w.high - 1),
			HINT = format('Run the pipeline again: CALL medallion.run(%L)', r.pipeline);
END
$$;
COMMENT ON FUNCTION medallion.check_landed(medallion.weather_plan, bigint) IS 'an ERROR if a range was not wholly there while it was read';

-- Read a range: its lines go to the object, its records into the batch. A broker that knows less than when the plan was made
-- must not have the rest of the range pass for a hole.
CREATE FUNCTION medallion.write_range(r medallion.weather_plan) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET fdw_kafka.strict_offsets = on
AS $$
DECLARE
	written bigint;
BEGIN
	EXECUTE format('INSERT INTO %s (line, _path) SELECT medallion.weather_line(s.partition, s."offset", s."timestamp", s.key, s.value), %L '
				   'FROM %s s WHERE s.partition = %s AND s."offset" >= %s AND s."offset" <= %s',
				   medallion.own_table(r.pipeline, 'lake_weather.raw'), r.path, medallion.own_table(r.pipeline, 'source_weather.weather'),
				   r.partition, r.first_offset, r.last_offset);
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written;
END
$$;
COMMENT ON FUNCTION medallion.write_range(medallion.weather_plan) IS 'write a planned object and count its records; returns how many';

-- What has landed is entered; a range without records only moves the position. Returns the size of the object.
CREATE FUNCTION medallion.enter_range(r medallion.weather_plan, topic text, records bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s record;
	o record;
	bytes bigint;
BEGIN
	SELECT * INTO s FROM medallion.weather_summary();
	IF s.records <> records THEN
		RAISE EXCEPTION '% records were written and % counted', records, s.records USING ERRCODE = 'internal_error';
	END IF;
	PERFORM medallion.check_landed(r, s.first_offset);
	IF records > 0 THEN
		SELECT f.* INTO STRICT o FROM public.fdw_s3_finish() f WHERE f.path = r.path;
		bytes := o.bytes;
		PERFORM medallion.merge_weather(r.pipeline, medallion.generation_name(topic, r.generation));
		INSERT INTO medallion.raw_object (pipeline, path, topic, partition, generation, first_offset, last_offset, records, min_event, max_event,
										  bytes, etag, sha256, run_id)
		VALUES (r.pipeline, r.path, topic, r.partition, r.generation, r.first_offset, r.last_offset, records, s.min_event, s.max_event,
				o.bytes, o.etag, o.sha256, medallion.current_run());
	END IF;
	PERFORM medallion.move_position(r.pipeline, r.partition, r.last_offset + 1);
	DELETE FROM medallion.weather_plan w WHERE (w.pipeline, w.path) = (r.pipeline, r.path);
	RETURN bytes;
END
$$;
COMMENT ON FUNCTION medallion.enter_range(medallion.weather_plan, text, bigint) IS 'enter a range that has landed into ledger, windows and position';

-- The last record of the batch becomes the anchor; without one, the old anchor stays.
CREATE FUNCTION medallion.move_position(pipeline text, partition integer, next_offset bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE medallion.weather_position p
	   SET next_offset = $3, moved_at = now(),
		   anchor_offset = CASE WHEN s.records > 0 THEN s.last_offset ELSE p.anchor_offset END,
		   anchor_timestamp = CASE WHEN s.records > 0 THEN s.last_timestamp ELSE p.anchor_timestamp END,
		   anchor_hash = CASE WHEN s.records > 0 THEN s.last_hash ELSE p.anchor_hash END
	  FROM medallion.weather_summary() s
	 WHERE (p.pipeline, p.partition) = ($1, $2)
$$;
COMMENT ON FUNCTION medallion.move_position(text, integer, bigint) IS 'move a position behind the batch that has been counted';

CREATE FUNCTION medallion.land_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	topic text := (SELECT t.topic FROM medallion.weather_topic t WHERE t.pipeline = $1);
	r medallion.weather_plan;
	records bigint;
	bytes bigint;
BEGIN
	FOR r IN SELECT * FROM medallion.weather_plan w WHERE w.pipeline = $1 ORDER BY w.partition, w.first_offset LOOP
		PERFORM medallion.weather_begin();
		records := medallion.write_range(r);
		bytes := medallion.enter_range(r, topic, records);
		PERFORM medallion.report(format('partition %s', r.partition), records, bytes, format('offsets %s to %s', r.first_offset, r.last_offset));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.land_weather(text) IS 'land what is planned: raw objects, windows, dead letters, positions';
