--
-- Drift: the columns of the source tables, compared with those of the last ingest before anything is written. MySQL says
-- what they are there; of any other source its own definition is all there is to know.
--

-- One foreign table for each server, in the work schema, which is nobody else's.
CREATE FUNCTION medallion.remote_catalog(pipeline text, server oid) RETURNS regclass
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place text := format('%I.%I', medallion.work_schema($1), '_columns_' || server);
BEGIN
	IF to_regclass(place) IS NULL THEN
		PERFORM medallion.check_maker($1);
		EXECUTE format('CREATE FOREIGN TABLE %s (table_schema text, table_name text, column_name text, column_type text) SERVER %I '
					   'OPTIONS (dbname ''information_schema'', table_name ''COLUMNS'')', place,
					   (SELECT f.srvname FROM pg_foreign_server f WHERE f.oid = server));
		EXECUTE format('COMMENT ON FOREIGN TABLE %s IS ''columns of the tables of a MySQL server''', place);
	END IF;
	RETURN medallion.own_table($1, place);
END
$$;
COMMENT ON FUNCTION medallion.remote_catalog(text, oid) IS 'the foreign table over the catalog of a MySQL server';

-- Newer releases of MySQL no longer say how wide an integer is shown.
CREATE FUNCTION medallion.source_columns(s medallion.source) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	remote record;
	columns_now jsonb;
BEGIN
	SELECT f.oid AS server, COALESCE(o.options ->> 'dbname', medallion.server_option(f.srvname, 'dbname')) AS database,
		   COALESCE(o.options ->> 'table_name', c.relname) AS name
	INTO remote
	FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_foreign_server f ON f.oid = t.ftserver
	JOIN pg_foreign_data_wrapper w ON w.oid = f.srvfdw AND w.fdwname = 'fdw_mysql'
	CROSS JOIN LATERAL (SELECT jsonb_object_agg(p.option_name, p.option_value) AS options FROM pg_options_to_table(t.ftoptions) p) o
	WHERE t.ftrelid = s.source::regclass;
	IF FOUND THEN
		EXECUTE format('SELECT jsonb_object_agg(c.column_name, regexp_replace(c.column_type, ''^(\w*int)\((?!1\))\d+\)'', ''\1'')) '
					   'FROM %s c WHERE c.table_schema = %L AND c.table_name = %L',
					   medallion.remote_catalog(s.pipeline, remote.server), remote.database, remote.name) INTO columns_now;
	ELSE
		SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) INTO columns_now
		FROM pg_attribute a WHERE a.attrelid = s.source::regclass AND a.attnum > 0 AND NOT a.attisdropped;
	END IF;
	RETURN columns_now;
END
$$;
COMMENT ON FUNCTION medallion.source_columns(medallion.source) IS 'columns of a source table and their types, as the source names them';

-- Changes of columns that nobody copies are nobody's concern.
CREATE FUNCTION medallion.copied_columns(s medallion.source) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(COALESCE((SELECT o.option_value FROM pg_options_to_table(a.attfdwoptions) o WHERE o.option_name = 'column_name'), a.attname))
	  FROM pg_attribute a
	 WHERE a.attrelid = s.source::regclass AND a.attnum > 0 AND NOT a.attisdropped
	   AND a.attname = ANY (medallion.data_columns(medallion.raw_table(s)::regclass))
$$;
COMMENT ON FUNCTION medallion.copied_columns(medallion.source) IS 'columns of a source table that are copied, by their names at the source';

CREATE FUNCTION medallion.check_drift(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns_now jsonb := medallion.source_columns(s);
	copied text[] := medallion.copied_columns(s);
	changes text;
	c record;
BEGIN
	IF s.columns IS NULL THEN
		UPDATE medallion.source d SET columns = columns_now WHERE (d.pipeline, d.name) = (s.pipeline, s.name);
		RETURN;
	END IF;
	SELECT string_agg(CASE WHEN n.value IS NULL THEN format('column "%s" (%s) is gone', o.key, o.value)
						   ELSE format('column "%s" is now %s and was %s', o.key, n.value, o.value) END, ', ' ORDER BY o.key) INTO changes
	FROM jsonb_each_text(s.columns) o LEFT JOIN jsonb_each_text(columns_now) n ON n.key = o.key
	WHERE o.value IS DISTINCT FROM n.value AND o.key = ANY (copied);
	IF changes IS NOT NULL THEN
		RAISE EXCEPTION 'source table "%" has changed: %', s.name, changes
			USING ERRCODE = 'datatype_mismatch', DETAIL = 'Nothing was written.',
				HINT = format('Undo it at the source, or take the table as it is now: SELECT medallion.accept_drift(%L, %L)', s.pipeline, s.name);
	END IF;
	FOR c IN SELECT n.key AS name, n.value AS type FROM jsonb_each_text(columns_now) n WHERE NOT s.columns ? n.key ORDER BY n.key LOOP
		PERFORM medallion.report(s.name, NULL, NULL, format('new column "%s" (%s) is not copied', c.name, c.type));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.check_drift(medallion.source) IS
'an ERROR where a copied column of a source table is gone or of another type than at the last ingest; tells of new ones';

CREATE FUNCTION medallion.accept_drift(pipeline text, table_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	s medallion.source;
BEGIN
	PERFORM medallion.check_owner($1);
	SELECT * INTO s FROM medallion.source d WHERE (d.pipeline, d.name) = ($1, $2);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" has no source table "%"', $1, $2 USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM medallion.import_again(s);
	PERFORM medallion.make_raw_table(s);
	UPDATE medallion.source d SET columns = NULL WHERE (d.pipeline, d.name) = ($1, $2);
END
$$;
COMMENT ON FUNCTION medallion.accept_drift(text, name) IS 'takes a source table with the columns that it has now: they are copied from the next ingest on';

-- A foreign table that somebody else made is his to alter.
CREATE FUNCTION medallion.import_again(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark text := medallion.made_for(s.pipeline);
	made record;
BEGIN
	SELECT f.srvname AS server, n.nspname AS schema, c.relname AS name,
		   (SELECT p.option_value FROM pg_options_to_table(t.ftoptions) p WHERE p.option_name = 'dbname') AS database
	INTO made
	FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_foreign_server f ON f.oid = t.ftserver
	WHERE t.ftrelid = to_regclass(s.source) AND right(obj_description(c.oid, 'pg_class'), length(mark)) = mark;
	IF FOUND THEN
		PERFORM medallion.import_source(s.pipeline, made.server,
										COALESCE(made.database, medallion.server_option(made.server, 'dbname')), made.name, made.schema);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.import_again(medallion.source) IS 'makes the foreign table over a source again, if import_source() made it';
