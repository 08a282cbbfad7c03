--
-- Unknown objects: raw objects behind the positions that the ledger does not know. A database that was restored to an
-- earlier state finds what it wrote in the meantime, and would write it again under other names.
--

CREATE FUNCTION medallion.raw_path(day date, partition integer, generation integer, first_offset bigint, last_offset bigint,
		compression text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('date=%s/%s-%s-%s%s.jsonl.%s', to_char(day, 'YYYY-MM-DD'), partition, lpad(first_offset::text, 20, '0'),
				  lpad(last_offset::text, 20, '0'), CASE WHEN generation > 1 THEN '.g' || generation ELSE '' END,
				  CASE compression WHEN 'gzip' THEN 'gz' ELSE 'zst' END)
$$;
COMMENT ON FUNCTION medallion.raw_path(date, integer, integer, bigint, bigint, text) IS 'name of the raw object for a range of offsets';

-- What does not look like a name that raw_path() gives is NULL.
CREATE FUNCTION medallion.parse_raw_path(path text, OUT partition integer, OUT generation integer, OUT first_offset bigint, OUT last_offset bigint)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text[] := regexp_match(path, '^date=\d{4}-\d\d-\d\d/(\d{1,9})-(0\d{19})-(0\d{19})(?:\.g(\d{1,9}))?\.jsonl\.(?:zst|gz)$');
BEGIN
	IF part IS NULL OR part[2]::numeric > part[3]::numeric OR part[3]::numeric > 9223372036854775806 THEN
		RETURN;
	END IF;
	partition := part[1];
	first_offset := part[2];
	last_offset := part[3];
	generation := COALESCE(part[4], '1');
END
$$;
COMMENT ON FUNCTION medallion.parse_raw_path(text) IS 'the range of offsets that a raw object''s name tells';

-- Each digit of the date may be followed by a greater one, and before it the date is the same.
CREATE FUNCTION medallion.later_folders(day date) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'date=' WHERE day IS NULL
	UNION ALL
	SELECT 'date=' || to_char(day, 'YYYY-MM-DD')
	UNION ALL
	SELECT 'date=' || left(to_char(day, 'YYYY-MM-DD'), i - 1) || d
	  FROM (VALUES (3, substr(to_char(day, 'YYYY'), 3, 1)::integer + 1), (4, 9), (6, 1),
				   (7, CASE WHEN extract(month FROM day) < 10 THEN 9 ELSE 2 END), (9, 3), (10, 9)) AS place (i, greatest)
	  CROSS JOIN LATERAL generate_series(substr(to_char(day, 'YYYY-MM-DD'), i, 1)::integer + 1, greatest) AS d
$$;
COMMENT ON FUNCTION medallion.later_folders(date) IS
'what the names of the raw objects of a day and of later ones begin with, up to the end of the next decade';

-- The day of a plan is never before that of an earlier plan: all that this database could have forgotten is in later folders.
CREATE FUNCTION medallion.last_raw_day(pipeline text) RETURNS date
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT substring(max(l.path COLLATE "C") FROM 6 FOR 10)::date
	  FROM (SELECT max(r.path) AS path FROM medallion.raw_object r WHERE r.pipeline = $1
			UNION ALL
			SELECT max(w.path) FROM medallion.weather_plan w WHERE w.pipeline = $1) l
$$;
COMMENT ON FUNCTION medallion.last_raw_day(text) IS 'day of the newest raw object that is known or planned';

-- The planner knows nothing about listings, and would compile a query that takes a moment.
CREATE FUNCTION medallion.unknown_objects(pipeline text, with_planned boolean DEFAULT false)
	RETURNS TABLE (path text, partition integer, generation integer, first_offset bigint, last_offset bigint, bytes bigint, etag text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	RETURN QUERY
		SELECT l.path, n.partition, n.generation, n.first_offset, n.last_offset, l.size, l.etag
		  FROM medallion.weather_topic t
		  CROSS JOIN medallion.later_folders(medallion.last_raw_day(t.pipeline)) f
		  CROSS JOIN LATERAL public.fdw_s3_list(t.lake, t.raw_bucket, f) l
		  CROSS JOIN LATERAL medallion.parse_raw_path(l.path) n
		  LEFT JOIN medallion.weather_position p ON (p.pipeline, p.partition) = (t.pipeline, n.partition)
		 WHERE t.pipeline = $1 AND n.partition IS NOT NULL
		   AND (p.partition IS NULL OR n.generation > p.generation OR (n.generation = p.generation AND n.last_offset >= p.next_offset))
		   AND NOT EXISTS (SELECT FROM medallion.raw_object r WHERE (r.pipeline, r.path) = (t.pipeline, l.path))
		   AND (with_planned OR NOT EXISTS (SELECT FROM medallion.weather_plan w WHERE (w.pipeline, w.path) = (t.pipeline, l.path)))
		 ORDER BY n.partition, n.generation, n.first_offset, l.path COLLATE "C";
END
$$;
COMMENT ON FUNCTION medallion.unknown_objects(text, boolean) IS
'raw objects behind the positions that a weather pipeline''s ledger does not know, or only from an unfinished plan';

CREATE FUNCTION medallion.check_unknown_objects(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bucket text := (SELECT t.raw_bucket FROM medallion.weather_topic t WHERE t.pipeline = $1);
	paths text[] := ARRAY(SELECT u.path FROM medallion.unknown_objects($1) u);
BEGIN
	IF cardinality(paths) > 0 THEN
		RAISE EXCEPTION 'bucket "%" holds raw objects that pipeline "%" does not know', bucket, $1
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('The first of %s is "%s". They were written after the state that this database was restored to, or by another one.',
								cardinality(paths), paths[1]),
				HINT = format(E'Load them: SELECT * FROM medallion.adopt_objects(%L)\n'
							  'Or move them aside and read Kafka again: SELECT * FROM medallion.quarantine_objects(%1$L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_unknown_objects(text) IS 'an ERROR if there are raw objects that the ledger does not know';
