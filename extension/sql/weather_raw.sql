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
		'prefix ''date='', format ''jsonl''', 'the records of the topic, as they stand in the raw objects');
END
$$;
COMMENT ON FUNCTION medallion.make_bronze_weather(text, name, text) IS 'make the foreign table over the raw objects of a weather pipeline';

-- Without settings of its own the planner can put it in line: it is wanted twice for every record.
CREATE FUNCTION medallion.raw_bytes(plain text, base64 text) RETURNS bytea
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT COALESCE(pg_catalog.convert_to(plain, 'UTF8'), pg_catalog.decode(base64, 'base64')) $$;
COMMENT ON FUNCTION medallion.raw_bytes(text, text) IS 'a key or value of a raw object as it was in Kafka; NULL for none';

-- The ledger names what must stand there; an object that is missing or another one must not pass for a short one.
CREATE FUNCTION medallion.check_raw_object(pipeline text, path text, records bigint, etag text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o medallion.raw_object := (SELECT r FROM medallion.raw_object r WHERE (r.pipeline, r.path) = ($1, $2));
BEGIN
	IF (o.records, o.etag) IS DISTINCT FROM (records, etag) THEN
		RAISE EXCEPTION 'raw object "%" is not what the ledger knows', path
			USING ERRCODE = 'data_corrupted',
				DETAIL = CASE WHEN records IS NULL THEN 'It is missing.'
						 ELSE format('It has %s records and etag %s; written were %s with etag %s.', records, etag, o.records, o.etag) END;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_raw_object(text, text, bigint, text) IS 'an ERROR unless a raw object is the one in the ledger';

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

-- The same of all objects with readings in a range of time, but for records that wait as dead letters.
CREATE FUNCTION medallion.count_raw_range(pipeline text, first timestamptz, last timestamptz, OUT objects bigint, OUT records bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	paths text[] := ARRAY(SELECT r.path FROM medallion.raw_object r WHERE r.pipeline = $1 AND r.max_event >= first AND r.min_event < last ORDER BY r.path);
	query text;
	o record;
BEGIN
	PERFORM medallion.weather_begin();
	objects := cardinality(paths);
	records := 0;
	query := format($sql$
		SELECT p.path, c.records, c.etag
		  FROM unnest(%1$L::text[]) p (path)
		  LEFT JOIN (SELECT b._path, count(*) AS records, max(b._etag) AS etag,
							count(CASE WHEN d.topic IS NULL THEN
								  medallion.weather_count(b.partition, b."offset", b."timestamp", medallion.raw_bytes(b.key, b.key_base64),
														  medallion.raw_bytes(b.value::text, b.value_base64)) END)
					   FROM %2$s b
					   JOIN medallion.raw_object r ON r.pipeline = %3$L AND r.path = b._path
					   LEFT JOIN %4$s d ON d.topic = medallion.generation_name(r.topic, r.generation) AND d.partition = b.partition
									   AND d."offset" = b."offset" AND d.replayed_at IS NULL
					  WHERE b._path = ANY (%1$L::text[])
					  GROUP BY b._path) c ON c._path = p.path$sql$,
		paths, medallion.own_table($1, 'bronze.weather'), $1, medallion.own_table($1, 'weather.dead_letter'));
	FOR o IN EXECUTE query LOOP
		PERFORM medallion.check_raw_object($1, o.path, o.records, o.etag);
		records := records + o.records;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.count_raw_range(text, timestamptz, timestamptz) IS
'start a batch and count the records of the raw objects into it that have readings in a range of time, without dead letters that wait';
