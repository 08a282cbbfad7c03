--
-- Describe: the columns of a query that reads the raw tables and the models of a pipeline, found without running it.
--

-- What the work schema lacks of them stands there meanwhile, empty. Of models, only those before a position.
CREATE FUNCTION medallion.describe_query(pipeline text, query text, before integer DEFAULT NULL) RETURNS text[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	schema name := medallion.work_schema($1);
	stand_in record;
	made text[] := '{}';
	described text[];
BEGIN
	PERFORM medallion.create_work_schema($1);
	PERFORM medallion.check_maker($1);
	FOR stand_in IN
		SELECT s.name, medallion.raw_table(s) AS place FROM medallion.source s WHERE s.pipeline = $1
		UNION ALL
		SELECT t.name, t.target FROM medallion.model_table t WHERE t.pipeline = $1 AND (before IS NULL OR t.position < before)
	LOOP
		IF to_regclass(format('%I.%I', schema, stand_in.name)) IS NULL THEN
			EXECUTE format('CREATE UNLOGGED TABLE %I.%I AS SELECT %s FROM %s WITH NO DATA', schema, stand_in.name,
						   medallion.column_list(medallion.data_columns(stand_in.place::regclass)), stand_in.place::regclass);
			made := made || format('%I.%I', schema, stand_in.name);
		END IF;
	END LOOP;

	PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', schema), true);
	EXECUTE format(E'CREATE VIEW %I._describe AS SELECT * FROM (%s\n) AS q', schema, query);
	PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
	SELECT array_agg(ARRAY[a.attname, format_type(a.atttypid, a.atttypmod)] ORDER BY a.attnum) INTO described
	FROM pg_attribute a WHERE a.attrelid = format('%I._describe', schema)::regclass AND a.attnum > 0;
	EXECUTE format('DROP VIEW %I._describe', schema);
	FOR stand_in IN SELECT m AS place FROM unnest(made) m LOOP
		EXECUTE format('DROP TABLE %s', stand_in.place);
	END LOOP;
	RETURN described;
END
$$;
COMMENT ON FUNCTION medallion.describe_query(text, text, integer) IS 'names and types of the columns of a query over a pipeline''s tables';

-- Where a column is not in the query, its type stays NULL: see check_model_columns().
CREATE FUNCTION medallion.model_columns(columns text[], described text[]) RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN columns IS NULL THEN
		(SELECT array_agg(ARRAY[described[n][1], described[n][2], NULL] ORDER BY n)
		   FROM generate_subscripts(described, 1) n WHERE described[n][1] <> '_deleted')
	ELSE
		(SELECT array_agg(ARRAY[columns[n][1],
								COALESCE(columns[n][2], (SELECT described[d][2] FROM generate_subscripts(described, 1) d
														 WHERE described[d][1] = columns[n][1])),
								columns[n][3]] ORDER BY n)
		   FROM generate_subscripts(columns, 1) n)
	END
$$;
COMMENT ON FUNCTION medallion.model_columns(text[], text[]) IS 'the columns of a model''s table, each with its type';

CREATE FUNCTION medallion.marks_deleted(described text[]) RETURNS boolean
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text := (SELECT described[n][2] FROM generate_subscripts(described, 1) n WHERE described[n][1] = '_deleted');
BEGIN
	IF type <> 'boolean' THEN
		RAISE EXCEPTION 'column "_deleted" is of type %', type
			USING ERRCODE = 'datatype_mismatch', HINT = 'It tells which rows are to be deleted, and must be boolean.';
	END IF;
	RETURN type IS NOT NULL;
END
$$;
COMMENT ON FUNCTION medallion.marks_deleted(text[]) IS 'whether a query has a column _deleted';

CREATE FUNCTION medallion.check_model_columns(m medallion.model) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text[] := ARRAY(SELECT m.columns[n][1] FROM generate_subscripts(m.columns, 1) n ORDER BY n);
	missing text;
BEGIN
	IF cardinality(m.key) = 0 THEN
		RAISE EXCEPTION 'model "%" needs a key', m.name USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT k INTO missing FROM unnest(m.key::text[] || m.time_column::text) k WHERE k <> ALL (names) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'model "%" has no column "%"', m.name, missing
			USING ERRCODE = 'undefined_column', DETAIL = format('Its columns are %s.', array_to_string(names, ', '));
	END IF;
	SELECT m.columns[n][1] INTO missing FROM generate_subscripts(m.columns, 1) n WHERE m.columns[n][2] IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the query of model "%" has no column "%"', m.name, missing USING ERRCODE = 'undefined_column';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_model_columns(medallion.model) IS 'an ERROR where key or time column are not columns of the model, or one has no type';

-- The pipeline's table of an earlier model of the same name is used again if it can take the rows.
CREATE FUNCTION medallion.check_target(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted text[] := (SELECT d.columns FROM medallion.model d WHERE (d.pipeline, d.name) = (m.pipeline, m.name));
	odd text;
BEGIN
	SELECT COALESCE(w.name, a.attname) INTO odd
	FROM (SELECT wanted[n][1] AS name, to_regtype(wanted[n][2]) AS type FROM generate_subscripts(wanted, 1) n) w
	FULL JOIN (SELECT * FROM pg_attribute c WHERE c.attrelid = m.target::regclass AND c.attname = ANY (medallion.data_columns(m.target::regclass))) a
		   ON (a.attname, a.atttypid) = (w.name, w.type)
	WHERE w.name IS NULL OR a.attname IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'table % has other columns than model "%"', m.target, m.name
			USING ERRCODE = 'datatype_mismatch', DETAIL = format('They differ in column "%s".', odd),
				HINT = 'Alter the table, or drop it: then it is made anew.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_target(medallion.model_table) IS 'an ERROR where the table of a model has not its columns';
