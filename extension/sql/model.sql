--
-- Models: the tables that a pipeline builds, each from a query over the raw tables and the models before it.
--

CREATE TABLE medallion.model (
	pipeline text NOT NULL,
	name name NOT NULL,
	layer text NOT NULL,
	position integer NOT NULL,
	key name[] NOT NULL,
	query text NOT NULL,
	PRIMARY KEY (pipeline, name),
	UNIQUE (pipeline, position),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE
);
COMMENT ON TABLE medallion.model IS 'a table that a pipeline builds and publishes';
COMMENT ON COLUMN medallion.model.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model.name IS 'name of the table in its layer''s schema, and by which later queries read it';
COMMENT ON COLUMN medallion.model.layer IS 'the layer';
COMMENT ON COLUMN medallion.model.position IS 'order in which the models were added and are built';
COMMENT ON COLUMN medallion.model.key IS 'columns of the primary key';
COMMENT ON COLUMN medallion.model.query IS 'query whose columns are those of the table; names its inputs without a schema';

CREATE TABLE medallion.model_reference (
	pipeline text NOT NULL,
	model name NOT NULL,
	column_name name NOT NULL,
	parent name NOT NULL,
	PRIMARY KEY (pipeline, model, column_name),
	FOREIGN KEY (pipeline, model) REFERENCES medallion.model ON DELETE CASCADE,
	FOREIGN KEY (pipeline, parent) REFERENCES medallion.model ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE medallion.model_reference IS 'a foreign key of a model';
COMMENT ON COLUMN medallion.model_reference.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model_reference.model IS 'the model whose table has the foreign key';
COMMENT ON COLUMN medallion.model_reference.column_name IS 'its column';
COMMENT ON COLUMN medallion.model_reference.parent IS 'the model whose key it refers to';

CREATE TABLE medallion.publication (
	pipeline text NOT NULL,
	model name NOT NULL,
	version bigint NOT NULL DEFAULT 0,
	rows bigint,
	changed_at timestamptz,
	exported bigint,
	PRIMARY KEY (pipeline, model),
	FOREIGN KEY (pipeline, model) REFERENCES medallion.model ON DELETE CASCADE
);
COMMENT ON TABLE medallion.publication IS 'what readers of a model''s table see';
COMMENT ON COLUMN medallion.publication.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.publication.model IS 'the model';
COMMENT ON COLUMN medallion.publication.version IS 'number of times that the table has changed';
COMMENT ON COLUMN medallion.publication.rows IS 'rows of the table';
COMMENT ON COLUMN medallion.publication.changed_at IS 'when it last changed';
COMMENT ON COLUMN medallion.publication.exported IS 'version that stands in the bucket';

CREATE VIEW medallion.model_table WITH (security_invoker) AS
	SELECT m.pipeline, m.name, m.layer, m.position, m.key, m.query,
		   pg_catalog.format('%I.%I', l.schema_name, m.name) AS target,
		   pg_catalog.format('%I.%I', medallion.work_schema(m.pipeline), m.name) AS work,
		   CASE WHEN l.lake_schema IS NOT NULL THEN pg_catalog.format('%I.%I', l.lake_schema, m.name) END AS lake,
		   CASE WHEN l.lake_schema IS NOT NULL THEN pg_catalog.format('%s/part-00000.csv', m.name) END AS path,
		   l.server, l.bucket
	  FROM medallion.model m
	  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer;
COMMENT ON VIEW medallion.model_table IS 'models with the tables and the object that belong to them';

CREATE VIEW medallion.planned_object WITH (security_invoker) AS
	SELECT l.server, l.bucket, s.path, s.pipeline, s.layer, s.name AS table_name
	  FROM medallion.source s
	  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) s.pipeline AND l.name OPERATOR(pg_catalog.=) s.layer
	UNION ALL
	SELECT m.server, m.bucket, m.path, m.pipeline, m.layer, m.name
	  FROM medallion.model_table m
	 WHERE m.path IS NOT NULL;
COMMENT ON VIEW medallion.planned_object IS 'the objects that pipelines write';

-- Add a model and make its table, without keys: the first publication adds them after the rows. Each line of "columns"
-- is a name, a type and a comment.
CREATE FUNCTION medallion.add_model(pipeline text, layer text, name name, comment text, key name[], columns text[],
		query text, model_references name[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target text;
	definition text;
	i integer;
BEGIN
	PERFORM medallion.check_owner($1);
	INSERT INTO medallion.model (pipeline, name, layer, position, key, query)
	SELECT $1, $3, $2, COALESCE(max(m.position), 0) + 1, $5, $7 FROM medallion.model m WHERE m.pipeline = $1;
	INSERT INTO medallion.publication (pipeline, model) VALUES ($1, $3);
	INSERT INTO medallion.model_reference (pipeline, model, column_name, parent)
	SELECT $1, $3, model_references[n][1], model_references[n][2] FROM generate_subscripts(model_references, 1) n;

	SELECT m.target INTO STRICT target FROM medallion.model_table m WHERE (m.pipeline, m.name) = ($1, $3);
	SELECT string_agg(format('%I %s', columns[n][1], columns[n][2]), ', ' ORDER BY n) INTO STRICT definition
	FROM generate_subscripts(columns, 1) n;
	EXECUTE format('CREATE TABLE IF NOT EXISTS %s (%s)', target, definition);
	EXECUTE format('COMMENT ON TABLE %s IS %L', target, comment);
	FOR i IN 1 .. array_length(columns, 1) LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, columns[i][1], columns[i][3]);
	END LOOP;
	PERFORM medallion.add_lake_table($1, $3);
END
$$;
COMMENT ON FUNCTION medallion.add_model(text, text, name, text, name[], text[], text, name[]) IS
'add a model to a pipeline and make its table and, where its layer is exported, the foreign table over its object';

CREATE FUNCTION medallion.add_lake_table(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m medallion.model_table;
	definition text;
BEGIN
	SELECT * INTO STRICT m FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $2);
	IF m.lake IS NULL THEN
		RETURN;
	END IF;
	SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
	INTO STRICT definition
	FROM pg_attribute a WHERE a.attrelid = m.target::regclass AND a.attname = ANY (medallion.data_columns(m.target::regclass));
	EXECUTE format('DROP FOREIGN TABLE IF EXISTS %s', m.lake);
	EXECUTE format('CREATE FOREIGN TABLE %s (%s, _path text OPTIONS (metadata ''path'')) SERVER %I OPTIONS '
				   '(bucket %L, prefix %L, format ''csv'', header ''true'', skip_unchanged ''true'')',
				   m.lake, definition, m.server, m.bucket, m.name || '/');
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', m.lake, format('%s as it stands in bucket %s', m.target, m.bucket));
END
$$;
COMMENT ON FUNCTION medallion.add_lake_table(text, name) IS 'make the foreign table over the object of a model';
