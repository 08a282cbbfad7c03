--
-- Layers: a schema of a pipeline's tables, and the bucket in which they stand as objects.
--

CREATE TABLE medallion.layer (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	name text NOT NULL,
	schema_name name NOT NULL,
	lake_schema name,
	server name,
	bucket text,
	PRIMARY KEY (pipeline, name),
	CHECK ((server IS NULL) OPERATOR(pg_catalog.=) (bucket IS NULL)),
	CHECK (lake_schema IS NULL OR server IS NOT NULL)
);
COMMENT ON TABLE medallion.layer IS 'the layers of a pipeline: raw, and those that its models fill';
COMMENT ON COLUMN medallion.layer.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.layer.name IS 'name of the layer within the pipeline';
COMMENT ON COLUMN medallion.layer.schema_name IS 'schema of the tables; of layer raw: of the foreign tables over its objects';
COMMENT ON COLUMN medallion.layer.lake_schema IS 'schema of the foreign tables through which the layer is exported, or NULL';
COMMENT ON COLUMN medallion.layer.server IS 'name of the fdw_s3 server that has the bucket';
COMMENT ON COLUMN medallion.layer.bucket IS 'bucket of the layer''s objects';

-- A foreign table's metadata columns hold no data of its rows; generated columns cannot be written.
CREATE FUNCTION medallion.data_columns(relation regclass) RETURNS name[]
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(a.attname ORDER BY a.attnum)
	  FROM pg_attribute a
	 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
	   AND NOT EXISTS (SELECT FROM unnest(a.attfdwoptions) AS o WHERE o LIKE 'metadata=%')
$$;
COMMENT ON FUNCTION medallion.data_columns(regclass) IS 'names of a table''s columns, without metadata and generated columns';

-- That of the type's indexes. Types of extensions have one in a schema of theirs, which no search_path here names: for citext,
-- "=" would be that of text.
CREATE FUNCTION medallion.equality(relation regclass, column_name name) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE type AS (
		SELECT a.atttypid AS oid FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = column_name
		 UNION ALL
		SELECT d.typbasetype FROM type t JOIN pg_type d ON d.oid = t.oid AND d.typtype = 'd'
	)
	SELECT COALESCE((SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
					   FROM type t
					   JOIN pg_opclass c ON c.opcintype = t.oid AND c.opcdefault
					   JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
					   JOIN pg_amop s ON s.amopfamily = c.opcfamily AND s.amoplefttype = t.oid AND s.amoprighttype = t.oid AND s.amopstrategy = 3
					   JOIN pg_operator o ON o.oid = s.amopopr
					   JOIN pg_namespace n ON n.oid = o.oprnamespace), '=')
$$;
COMMENT ON FUNCTION medallion.equality(regclass, name) IS 'the operator that tells whether two values of a column are the same to an index';

CREATE FUNCTION medallion.column_list(names name[], template text DEFAULT '%1$s', separator text DEFAULT ', ') RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format(template, quote_ident(n)), separator ORDER BY i)
	  FROM unnest(names) WITH ORDINALITY AS u (n, i)
$$;
COMMENT ON FUNCTION medallion.column_list(name[], text, text) IS
'column names for SQL text: each quoted and put where the template says %1$s';

CREATE FUNCTION medallion.create_layer(pipeline text, name text, schema_name name, server name DEFAULT NULL,
		bucket text DEFAULT NULL, lake_schema name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	INSERT INTO medallion.layer (pipeline, name, schema_name, lake_schema, server, bucket) VALUES ($1, $2, $3, $6, $4, $5);
	PERFORM medallion.make_schema($1, s) FROM unnest(array_remove(ARRAY[schema_name, lake_schema], NULL)) s;
END
$$;
COMMENT ON FUNCTION medallion.create_layer(text, text, name, name, text, name) IS 'add a layer to a pipeline and make its schemas';
