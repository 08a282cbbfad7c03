--
-- Raw objects read again: bronze.weather, and records out of it as Kafka had them. The lines are written by
-- extension/rawline.c.
--

CREATE FUNCTION medallion.make_bronze_weather(pipeline text, lake name, bucket text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema($1, 'bronze');
	PERFORM medallion.make_weather_foreign_table($1, 'bronze.weather',
		'partition integer, "offset" bigint, "timestamp" timestamptz, key text, value json, key_base64 text, value_base64 text, '
		'_path text OPTIONS (metadata ''path''), _etag text OPTIONS (metadata ''etag'')', lake, bucket,
		'prefix ''date='', format ''jsonl'', rows ''10000000''', 'the records of the topic, as they stand in the raw objects');
END
$$;
COMMENT ON FUNCTION medallion.make_bronze_weather(text, name, text) IS 'make the foreign table over the raw objects of a weather pipeline';

-- Without settings of its own the planner can put it in line: it is wanted twice for every record.
CREATE FUNCTION medallion.raw_bytes(plain text, base64 text) RETURNS bytea
	LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT COALESCE(pg_catalog.convert_to(plain, 'UTF8'), pg_catalog.decode(base64, 'base64')) $$;
COMMENT ON FUNCTION medallion.raw_bytes(text, text) IS 'a key or value of a raw object as it was in Kafka; NULL for none';

-- The ledger names what must stand there; an object that is missing or another one must not pass for a short one.
CREATE FUNCTION medallion.check_raw_objects(pipeline text, paths text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	d record;
BEGIN
	SELECT r.path, r.etag AS wanted, s.etag AS found INTO d
	  FROM medallion.raw_object r
	  JOIN medallion.weather_topic t ON t.pipeline = r.pipeline
	  LEFT JOIN LATERAL public.fdw_s3_stat(t.lake, t.raw_bucket, r.path) s ON true
	 WHERE r.pipeline = $1 AND r.path = ANY (paths) AND r.etag IS DISTINCT FROM s.etag
	 ORDER BY r.path LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'raw objects have changed while they were read' USING ERRCODE = 'data_corrupted';
	END IF;
	RAISE EXCEPTION 'raw object "%" is not the one that the ledger knows', d.path
		USING ERRCODE = 'data_corrupted', DETAIL = format('Written was etag %s; there is %s.', d.wanted, COALESCE('etag ' || d.found, 'no such object'));
END
$$;
COMMENT ON FUNCTION medallion.check_raw_objects(text, text[]) IS 'the ERROR for raw objects that are not what the ledger knows: names the first';

-- A batch of the records of one object that the ledger does not know yet.
CREATE FUNCTION medallion.count_raw(pipeline text, path text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	PERFORM medallion.weather_begin();
	EXECUTE format('SELECT count(medallion.weather_count(b.partition, b."offset", b."timestamp", medallion.raw_bytes(b.key, b.key_base64), '
				   'medallion.raw_bytes(b.value::text, b.value_base64))) FROM %s b WHERE b._path = %L',
				   medallion.own_table($1, 'bronze.weather'), path);
END
$$;
COMMENT ON FUNCTION medallion.count_raw(text, text) IS 'start a batch and count the records of a raw object into it';

-- The same of all objects with readings in a range of time, but for records that wait as dead letters. Nothing is sorted
-- or kept on the way: there may be any number of records.
CREATE FUNCTION medallion.count_raw_range(pipeline text, first timestamptz, last timestamptz, OUT objects bigint, OUT records bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	paths text[] := ARRAY(SELECT r.path FROM medallion.raw_object r WHERE r.pipeline = $1 AND r.max_event >= first AND r.min_event < last ORDER BY r.path);
	known bigint := (SELECT COALESCE(sum(r.records), 0) FROM medallion.raw_object r WHERE r.pipeline = $1 AND r.path = ANY (paths));
	genuine bigint;
BEGIN
	PERFORM medallion.weather_begin();
	EXECUTE format($sql$
		SELECT count(*), count(*) FILTER (WHERE b._etag = r.etag),
			   count(CASE WHEN d.topic IS NULL THEN
					 medallion.weather_count(b.partition, b."offset", b."timestamp", medallion.raw_bytes(b.key, b.key_base64),
											 medallion.raw_bytes(b.value::text, b.value_base64)) END)
		  FROM %1$s b
		  JOIN medallion.raw_object r ON r.pipeline = %2$L AND r.path = b._path
		  LEFT JOIN %3$s d ON d.topic = medallion.generation_name(r.topic, r.generation) AND d.partition = b.partition
						  AND d."offset" = b."offset" AND d.replayed_at IS NULL
		 WHERE b._path = ANY (%4$L::text[])$sql$,
		medallion.own_table($1, 'bronze.weather'), $1, medallion.own_table($1, 'weather.dead_letter'), paths)
	INTO records, genuine;
	objects := cardinality(paths);
	IF records <> known OR genuine <> known THEN
		PERFORM medallion.check_raw_objects($1, paths);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.count_raw_range(text, timestamptz, timestamptz) IS
'start a batch and count the records of the raw objects into it that have readings in a range of time, without dead letters that wait';
