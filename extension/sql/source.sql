--
-- Sources: the tables that ingest copies into raw objects, and the guard over their size.
--

CREATE TABLE medallion.source (
	pipeline text NOT NULL,
	layer text NOT NULL DEFAULT 'raw' CHECK (layer = 'raw'),
	name name NOT NULL,
	source text NOT NULL,
	path text NOT NULL,
	key name[] NOT NULL,
	max_shrink numeric NOT NULL DEFAULT 0.5 CHECK (max_shrink BETWEEN 0 AND 1),
	rows bigint,
	shrink_accepted boolean NOT NULL DEFAULT false,
	leave_out name[] NOT NULL DEFAULT '{}',
	columns jsonb,
	PRIMARY KEY (pipeline, name),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE
);
COMMENT ON TABLE medallion.source IS 'tables that a pipeline copies into raw objects';
COMMENT ON COLUMN medallion.source.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.source.layer IS 'always raw';
COMMENT ON COLUMN medallion.source.name IS 'name of the foreign table over the raw objects';
COMMENT ON COLUMN medallion.source.source IS 'table that is read, qualified and quoted';
COMMENT ON COLUMN medallion.source.path IS 'object that is written, replaced in place';
COMMENT ON COLUMN medallion.source.key IS 'columns that give the rows their order';
COMMENT ON COLUMN medallion.source.max_shrink IS 'share of the last run''s rows that may go missing at once';
COMMENT ON COLUMN medallion.source.rows IS 'rows that the last ingest found';
COMMENT ON COLUMN medallion.source.shrink_accepted IS 'the next ingest may find any number of rows';
COMMENT ON COLUMN medallion.source.leave_out IS 'columns of the source that are not copied';
COMMENT ON COLUMN medallion.source.columns IS 'columns of the source and their types there, as ingest first found them or accept_drift() took them';

-- A database dropped and half restored at the source looks like mass deletion. It must not be published as such.
CREATE FUNCTION medallion.guard(s medallion.source, rows bigint) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF s.shrink_accepted OR (rows > 0 AND rows >= COALESCE(s.rows, 0) * (1 - s.max_shrink)) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'check_violation',
		MESSAGE = CASE WHEN rows = 0 THEN format('source table "%s" is empty', s.name)
				  ELSE format('source table "%s" has shrunk from %s to %s rows', s.name, s.rows, rows) END,
		DETAIL = format('Nothing was published: pipeline "%s" accepts a loss of at most %s %% of a table''s rows between '
						'two runs, and no empty table.', s.pipeline, trim_scale(s.max_shrink * 100)),
		HINT = format('If the source is right, run: SELECT medallion.accept_shrink(%L, %L)', s.pipeline, s.name);
END
$$;
COMMENT ON FUNCTION medallion.guard(medallion.source, bigint) IS 'fails where a source table is empty or lost too many rows';

CREATE FUNCTION medallion.accept_shrink(pipeline text, table_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE medallion.source s SET shrink_accepted = true WHERE (s.pipeline, s.name) = ($1, $2);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" has no source table "%"', $1, $2 USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.accept_shrink(text, name) IS 'lets the next ingest of a source table pass with any number of rows';

CREATE FUNCTION medallion.raw_table(s medallion.source) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('%I.%I', l.schema_name, s.name) FROM medallion.layer l WHERE (l.pipeline, l.name) = (s.pipeline, s.layer) $$;
COMMENT ON FUNCTION medallion.raw_table(medallion.source) IS 'the foreign table over the raw object of a source';

CREATE FUNCTION medallion.import_source(pipeline text, server name, database text, name name, schema name) RETURNS regclass
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	foreign_table text := format('%I.%I', schema, name);
	grants text[] := medallion.grants_on(foreign_table);
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.make_schema($1, schema);
	PERFORM medallion.clear_foreign_table($1, foreign_table);
	EXECUTE format('IMPORT FOREIGN SCHEMA %I LIMIT TO (%I) FROM SERVER %I INTO %I', database, name, server, schema);
	IF to_regclass(foreign_table) IS NULL THEN
		RAISE EXCEPTION 'database "%" on server "%" has no table "%"', database, server, name
			USING ERRCODE = 'undefined_table';
	END IF;
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', foreign_table,
				   format('%s as it is in MySQL now', name) || medallion.made_for($1));
	PERFORM medallion.grant_again(grants);
	RETURN foreign_table::regclass;
END
$$;
COMMENT ON FUNCTION medallion.import_source(text, name, text, name, name) IS
'make the foreign table over a table of a MySQL server, in a schema of the pipeline''s';

CREATE FUNCTION medallion.add_source(pipeline text, name name, source regclass, key name[], leave_out name[] DEFAULT '{}',
		path text DEFAULT NULL, max_shrink numeric DEFAULT 0.5) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	raw medallion.layer;
	object text := COALESCE(path, name || '/part-00000.csv');
	made medallion.source;
	missing name := (SELECT k FROM unnest(key) k WHERE k <> ALL (medallion.data_columns(source)) OR k = ANY (leave_out) LIMIT 1);
BEGIN
	IF cardinality(key) = 0 THEN
		RAISE EXCEPTION 'source table "%" needs a key', name
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It orders the rows. Of a table without one, name columns that together tell its rows apart.';
	ELSIF missing IS NOT NULL THEN
		RAISE EXCEPTION 'source table "%" has no column "%", or it is left out', name, missing USING ERRCODE = 'undefined_column';
	END IF;
	PERFORM medallion.check_owner($1);
	PERFORM medallion.check_input_name($1, $2);
	SELECT * INTO STRICT raw FROM medallion.layer l WHERE (l.pipeline, l.name) = ($1, 'raw');
	PERFORM medallion.check_planner($1, raw.server, raw.bucket, object);
	INSERT INTO medallion.source AS s (pipeline, name, source, path, key, max_shrink, leave_out) VALUES ($1, $2, $3, object, $4, $7, $5)
	RETURNING * INTO made;
	PERFORM medallion.make_raw_table(made);
END
$$;
COMMENT ON FUNCTION medallion.add_source(text, name, regclass, name[], name[], text, numeric) IS
'add a source table to a pipeline and make the foreign table over its raw object';

-- The source's columns but those left out.
CREATE FUNCTION medallion.make_raw_table(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	raw medallion.layer := (SELECT l FROM medallion.layer l WHERE (l.pipeline, l.name) = (s.pipeline, s.layer));
	place text := CASE WHEN s.path LIKE '%/%' THEN format('prefix %L', substring(s.path FROM '^.*/')) ELSE format('path %L', s.path) END;
	columns text := (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
					 FROM pg_attribute a
					 WHERE a.attrelid = s.source::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (s.leave_out));
	grants text[] := medallion.grants_on(medallion.raw_table(s));
BEGIN
	PERFORM medallion.clear_foreign_table(s.pipeline, medallion.raw_table(s));
	EXECUTE format('CREATE FOREIGN TABLE %s (%s, _path text OPTIONS (metadata ''path'')) SERVER %I OPTIONS '
				   '(bucket %L, %s, format ''csv'', header ''true'', skip_unchanged ''true'')',
				   medallion.raw_table(s), columns, raw.server, raw.bucket, place);
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', medallion.raw_table(s),
				   format('%s as the last ingest found it, in bucket %s', s.source, raw.bucket) || medallion.made_for(s.pipeline));
	PERFORM medallion.grant_again(grants);
END
$$;
COMMENT ON FUNCTION medallion.make_raw_table(medallion.source) IS 'make the foreign table over the raw object of a source';
