--
-- Lineage: what is made of what. Inputs of models are noted when they are built, as PostgreSQL found them in the query; all
-- else follows from what the pipelines are defined by, and from the catalogs.
--

CREATE TABLE medallion.model_input (
	pipeline text NOT NULL,
	model name NOT NULL,
	input text NOT NULL,
	query_hash text NOT NULL,
	PRIMARY KEY (pipeline, model, input),
	FOREIGN KEY (pipeline, model) REFERENCES medallion.model ON DELETE CASCADE
);
COMMENT ON TABLE medallion.model_input IS 'the tables that the queries of models read';
COMMENT ON COLUMN medallion.model_input.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model_input.model IS 'the model';
COMMENT ON COLUMN medallion.model_input.input IS 'name of a source or model of the pipeline; any other table with its schema';
COMMENT ON COLUMN medallion.model_input.query_hash IS 'hash of the query in which it was found';

-- A view of the query depends on just what the query reads. Called while the tables that it names stand in the work schema.
CREATE FUNCTION medallion.note_inputs(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	hash text := md5(m.query);
	view text := format('%I._query', medallion.work_schema(m.pipeline));
BEGIN
	IF EXISTS (SELECT FROM medallion.model_input i WHERE (i.pipeline, i.model, i.query_hash) = (m.pipeline, m.name, hash)) THEN
		RETURN;
	END IF;
	PERFORM medallion.check_maker(m.pipeline);
	DELETE FROM medallion.model_input i WHERE (i.pipeline, i.model) = (m.pipeline, m.name);
	PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', medallion.work_schema(m.pipeline)), true);
	-- a query may end with a comment
	EXECUTE format(E'CREATE VIEW %s AS SELECT 1 AS one FROM (%s\n) AS q', view, m.query);
	INSERT INTO medallion.model_input (pipeline, model, input, query_hash)
	SELECT DISTINCT m.pipeline, m.name, CASE WHEN n.nspname = medallion.work_schema(m.pipeline) THEN c.relname::text ELSE format('%I.%I', n.nspname, c.relname) END, hash
	  FROM pg_rewrite w
	  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
	  JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE w.ev_class = view::regclass;
	EXECUTE format('DROP VIEW %s', view);
END
$$;
COMMENT ON FUNCTION medallion.note_inputs(medallion.model_table) IS 'note which tables the query of a model reads, unless it is known of this query';

CREATE VIEW medallion.view_input WITH (security_barrier) AS
	SELECT DISTINCT d.refobjid AS input, w.ev_class AS view,
		   pg_catalog.format('%I.%I', fn.nspname, f.relname) AS input_name, pg_catalog.format('%I.%I', tn.nspname, t.relname) AS view_name
	  FROM pg_catalog.pg_depend d
	  JOIN pg_catalog.pg_rewrite w ON w.oid OPERATOR(pg_catalog.=) d.objid AND w.ev_class OPERATOR(pg_catalog.<>) d.refobjid
	  JOIN pg_catalog.pg_class f ON f.oid OPERATOR(pg_catalog.=) d.refobjid
	  JOIN pg_catalog.pg_namespace fn ON fn.oid OPERATOR(pg_catalog.=) f.relnamespace
	  JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) w.ev_class
	  JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace
	 WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
	   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
	   AND tn.nspname OPERATOR(pg_catalog.!~) '^pg_temp'
	   AND tn.nspname OPERATOR(pg_catalog.<>) ALL (ARRAY(SELECT medallion.work_schema(p.name) FROM medallion.pipeline p));
COMMENT ON VIEW medallion.view_input IS 'the tables and views that views read, but for those of work schemas';

-- Tables are looked up in the catalogs: to_regclass() fails where the reader may not use the schema.
CREATE VIEW medallion.lineage WITH (security_barrier) AS
	WITH RECURSIVE place AS (
		SELECT s.pipeline, s.name, l.schema_name, pg_catalog.format('%I.%I', l.schema_name, s.name) AS target
		  FROM medallion.source s
		  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) s.pipeline AND l.name OPERATOR(pg_catalog.=) s.layer
		 UNION ALL
		SELECT m.pipeline, m.name, l.schema_name, pg_catalog.format('%I.%I', l.schema_name, m.name)
		  FROM medallion.model m
		  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer
		 UNION ALL
		SELECT t.pipeline, w.name, w.schema_name, pg_catalog.format('%I.%I', w.schema_name, w.name)
		  FROM medallion.weather_topic t
		 CROSS JOIN (VALUES ('bronze'::name, 'weather'::name), ('weather', 'weather_rt'), ('weather', 'weather_bt'),
							('weather', 'api_error'), ('weather', 'dead_letter')) w (schema_name, name)
	), made AS (
		SELECT s.pipeline, s.source, p.target, 'ingest' AS kind
		  FROM medallion.source s
		  JOIN place p ON p.pipeline OPERATOR(pg_catalog.=) s.pipeline AND p.name OPERATOR(pg_catalog.=) s.name
		 UNION ALL
		SELECT i.pipeline, COALESCE(f.target, i.input), t.target, 'build'
		  FROM medallion.model_input i
		  JOIN place t ON t.pipeline OPERATOR(pg_catalog.=) i.pipeline AND t.name OPERATOR(pg_catalog.=) i.model
		  LEFT JOIN place f ON f.pipeline OPERATOR(pg_catalog.=) i.pipeline AND f.name::text OPERATOR(pg_catalog.=) i.input
		 UNION ALL
		SELECT m.pipeline, pg_catalog.format('%I.%I', l.schema_name, m.name), pg_catalog.format('s3://%s/%s/', l.bucket, m.name), 'export'
		  FROM medallion.model m
		  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer
		 WHERE l.lake_schema IS NOT NULL
		 UNION ALL
		SELECT t.pipeline, pg_catalog.format('openweather://%s', p.server), pg_catalog.format('kafka://%s/%s', t.kafka, t.topic), 'produce'
		  FROM medallion.weather_topic t JOIN medallion.weather_producer p ON p.pipeline OPERATOR(pg_catalog.=) t.pipeline
		 WHERE p.server IS NOT NULL
		 UNION ALL
		SELECT t.pipeline, pg_catalog.format('kafka://%s/%s', t.kafka, t.topic), p.target, 'land'
		  FROM medallion.weather_topic t JOIN place p ON p.pipeline OPERATOR(pg_catalog.=) t.pipeline
		 UNION ALL
		SELECT t.pipeline, w.source, pg_catalog.format('s3://%s/%s', t.silver_bucket, w.folder), 'export'
		  FROM medallion.weather_topic t
		 CROSS JOIN (VALUES ('weather.weather_rt', '5min/'), ('weather.weather_bt', 'hourly/'), ('weather.weather_bt', 'daily/')) w (source, folder)
	), seen AS (
		SELECT p.pipeline, c.oid
		  FROM place p
		  JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) p.schema_name
		  JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relname OPERATOR(pg_catalog.=) p.name
		 UNION
		SELECT s.pipeline, r.view FROM seen s JOIN medallion.view_input r ON r.input OPERATOR(pg_catalog.=) s.oid
	), edge AS (
		SELECT m.pipeline, m.source, m.target, m.kind FROM made m
		 UNION ALL
		SELECT s.pipeline, r.input_name, r.view_name, 'view' FROM seen s JOIN medallion.view_input r ON r.input OPERATOR(pg_catalog.=) s.oid
	)
	SELECT e.pipeline, e.source, e.target, e.kind
	  FROM edge e JOIN medallion.visible_pipeline p ON p.name OPERATOR(pg_catalog.=) e.pipeline;
COMMENT ON VIEW medallion.lineage IS
'what is made of what, table by table: ingest and land (from a source), build (by the query of a model, known from its first build on), '
'view, export (to objects), produce (to a topic)';
