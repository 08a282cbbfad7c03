--
-- The ledger of objects: what the pipelines have written, so that what stands in a bucket can be told from what should.
--

CREATE TABLE medallion.object (
	server name NOT NULL,
	bucket text NOT NULL,
	path text NOT NULL,
	pipeline text NOT NULL,
	layer text NOT NULL,
	table_name name NOT NULL,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	etag text NOT NULL,
	sha256 text,
	run_id bigint,
	written_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	system_identifier bigint NOT NULL DEFAULT (pg_catalog.pg_control_system()).system_identifier,
	PRIMARY KEY (pipeline, server, bucket, path),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE
);
COMMENT ON TABLE medallion.object IS 'objects that the pipelines have written and vouch for';
COMMENT ON COLUMN medallion.object.server IS 'name of the fdw_s3 server';
COMMENT ON COLUMN medallion.object.bucket IS 'the bucket';
COMMENT ON COLUMN medallion.object.path IS 'name of the object in the bucket';
COMMENT ON COLUMN medallion.object.pipeline IS 'pipeline that wrote it';
COMMENT ON COLUMN medallion.object.layer IS 'the layer';
COMMENT ON COLUMN medallion.object.table_name IS 'source or model whose rows it holds';
COMMENT ON COLUMN medallion.object.rows IS 'number of rows';
COMMENT ON COLUMN medallion.object.bytes IS 'size';
COMMENT ON COLUMN medallion.object.etag IS 'what a listing must show';
COMMENT ON COLUMN medallion.object.sha256 IS 'hash of the bytes';
COMMENT ON COLUMN medallion.object.run_id IS 'run that wrote these bytes';
COMMENT ON COLUMN medallion.object.written_at IS 'when these bytes were written';
COMMENT ON COLUMN medallion.object.system_identifier IS 'the PostgreSQL cluster that wrote it, as pg_control_system() tells it';

-- Refuse to touch buckets that another cluster's ledger may still vouch for: after a restore, two databases would
-- overwrite each other's objects.
CREATE FUNCTION medallion.check_cluster(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	other bigint;
BEGIN
	SELECT o.system_identifier INTO other
	FROM (SELECT c.pipeline, c.system_identifier FROM medallion.object c
		  UNION ALL
		  SELECT t.pipeline, t.system_identifier FROM medallion.weather_topic t) o
	WHERE o.pipeline = $1 AND o.system_identifier <> (pg_control_system()).system_identifier
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'objects of pipeline "%" were written by another cluster', $1
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('The ledger names cluster %s; this is %s.', other, (pg_control_system()).system_identifier),
				HINT = 'If this cluster takes the place of the other, as after pg_upgrade, run: SELECT medallion.adopt_cluster()';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_cluster(text) IS 'fails where the ledger was filled by another cluster';

CREATE FUNCTION medallion.adopt_cluster() RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH adopted AS (
		UPDATE medallion.object SET system_identifier = (pg_control_system()).system_identifier
		WHERE system_identifier <> (pg_control_system()).system_identifier
		RETURNING 1), adopted_topic AS (
		UPDATE medallion.weather_topic SET system_identifier = (pg_control_system()).system_identifier
		WHERE system_identifier <> (pg_control_system()).system_identifier
		RETURNING pipeline)
	SELECT (SELECT count(*) FROM adopted) + (SELECT count(*) FROM medallion.raw_object r JOIN adopted_topic a ON a.pipeline = r.pipeline);
END;
COMMENT ON FUNCTION medallion.adopt_cluster() IS 'makes this cluster the writer of the objects in its ledger; returns how many it took over';

-- Two pipelines that write the same object would overwrite each other's rows for ever. Sees the pipelines of all roles.
CREATE FUNCTION medallion.planner(server name, bucket text, path text) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.pipeline FROM medallion.planned_object p WHERE (p.server, p.bucket, p.path) = ($1, $2, $3) $$;
COMMENT ON FUNCTION medallion.planner(name, text, text) IS 'pipelines that write an object';

CREATE FUNCTION medallion.check_planner(pipeline text, server name, bucket text, path text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	other text;
BEGIN
	SELECT p INTO other FROM medallion.planner(server, bucket, path) p WHERE p <> $1;
	IF FOUND THEN
		RAISE EXCEPTION 'object "%" in bucket "%" is written by pipeline "%"', path, bucket, other
			USING ERRCODE = 'duplicate_object', HINT = 'Give the pipeline a bucket of its own.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_planner(text, name, text, text) IS 'an ERROR if another pipeline writes an object';

-- Writes to other objects than the pipeline's are completed too, but not entered.
CREATE FUNCTION medallion.finish_objects(pipeline text)
RETURNS TABLE (layer text, table_name name, rows bigint, bytes bigint, uploaded boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH finished AS MATERIALIZED (
		SELECT p.layer, p.table_name, f.* FROM public.fdw_s3_finish() f
		JOIN medallion.planned_object p ON (p.server, p.bucket, p.path) = (f.server, f.bucket, f.path)
		WHERE p.pipeline = $1
	), entered AS (
		INSERT INTO medallion.object AS o
			(server, bucket, path, pipeline, layer, table_name, rows, bytes, etag, sha256, run_id)
		SELECT f.server, f.bucket, f.path, $1, f.layer, f.table_name, f.rows, f.bytes, f.etag, f.sha256,
			medallion.current_run()
		FROM finished f
		ON CONFLICT ON CONSTRAINT object_pkey DO UPDATE
		SET (layer, table_name, rows, bytes, etag, sha256, run_id, written_at, system_identifier) =
			(excluded.layer, excluded.table_name, excluded.rows, excluded.bytes, excluded.etag, excluded.sha256,
			 excluded.run_id, excluded.written_at, excluded.system_identifier)
		WHERE (o.layer, o.table_name, o.rows, o.bytes, o.etag, o.sha256)
			IS DISTINCT FROM (excluded.layer, excluded.table_name, excluded.rows, excluded.bytes, excluded.etag,
							  excluded.sha256)
	)
	SELECT f.layer, f.table_name, f.rows, f.bytes, f.uploaded FROM finished f
$$;
COMMENT ON FUNCTION medallion.finish_objects(text) IS 'completes the uploads of this transaction and enters them into the ledger';

-- What a listing of the buckets shows against the ledger, for the tables of one layer. Objects that fdw_s3 does not read
-- (hidden or empty ones) do not count.
CREATE FUNCTION medallion.object_differences(pipeline text, layer text)
RETURNS TABLE (bucket text, path text, wanted text, found text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(o.bucket, s.bucket), COALESCE(o.path, s.path), o.etag, s.etag
	FROM (SELECT * FROM medallion.object o WHERE (o.pipeline, o.layer) = ($1, $2)) o
	FULL JOIN (
		SELECT p.server, p.bucket, l.path, l.etag
		FROM medallion.planned_object p
		CROSS JOIN LATERAL (SELECT COALESCE(substring(p.path FROM '^.*/'), p.path) AS prefix) f
		CROSS JOIN LATERAL public.fdw_s3_list(p.server, p.bucket, f.prefix) l
		WHERE (p.pipeline, p.layer) = ($1, $2)
		  AND (l.path = p.path OR f.prefix LIKE '%/')
		  AND l.size > 0 AND l.path !~ '(^|/)[_.][^/]*$'
	) s ON (s.server, s.bucket, s.path) = (o.server, o.bucket, o.path)
	WHERE o.etag IS DISTINCT FROM s.etag
	ORDER BY 1, 2
$$;
COMMENT ON FUNCTION medallion.object_differences(text, text) IS 'objects of a layer that differ from the ledger, are missing or are unknown to it';

CREATE FUNCTION medallion.check_objects(pipeline text, layer text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	d record;
BEGIN
	SELECT * INTO d FROM medallion.object_differences($1, $2) LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format(CASE WHEN d.found IS NULL THEN 'object "%s" in bucket "%s" is missing'
							  WHEN d.wanted IS NULL THEN 'object "%s" in bucket "%s" is not in the ledger'
							  ELSE 'object "%s" in bucket "%s" was replaced by someone else' END, d.path, d.bucket),
		DETAIL = format('Pipeline "%s" wrote %s; there is %s.', $1,
						COALESCE('etag ' || d.wanted, 'no such object'), COALESCE('etag ' || d.found, 'none')),
		HINT = CASE WHEN d.wanted IS NULL THEN 'Move it out of the folder: everything in it would be read as this table.'
					ELSE format('Run the pipeline again, which writes it anew: CALL medallion.run(%L)', $1) END;
END
$$;
COMMENT ON FUNCTION medallion.check_objects(text, text) IS 'fails where the objects of a layer are not those of the ledger';
