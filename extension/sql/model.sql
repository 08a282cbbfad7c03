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
	comment text,
	columns text[] NOT NULL,
	strategy text NOT NULL DEFAULT 'replace' CHECK (strategy IN ('replace', 'merge', 'append', 'interval')),
	time_column name,
	marks_deleted boolean NOT NULL DEFAULT false,
	declared text[],
	PRIMARY KEY (pipeline, name),
	UNIQUE (pipeline, position),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE,
	CHECK ((strategy OPERATOR(pg_catalog.=) 'interval') OPERATOR(pg_catalog.=) (time_column IS NOT NULL))
);
COMMENT ON TABLE medallion.model IS 'a table that a pipeline builds and publishes';
COMMENT ON COLUMN medallion.model.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model.name IS 'name of the table in its layer''s schema, and by which later queries read it';
COMMENT ON COLUMN medallion.model.layer IS 'the layer';
COMMENT ON COLUMN medallion.model.position IS 'order in which the models were added and are built';
COMMENT ON COLUMN medallion.model.key IS 'columns of the primary key';
COMMENT ON COLUMN medallion.model.query IS 'query whose columns are those of the table; names its inputs without a schema';
COMMENT ON COLUMN medallion.model.comment IS 'comment of the table';
COMMENT ON COLUMN medallion.model.columns IS 'columns of the table: name, type and comment of each';
COMMENT ON COLUMN medallion.model.strategy IS 'what the rows of the query are to the table: see strategy.sql';
COMMENT ON COLUMN medallion.model.time_column IS 'of strategy interval: column that tells in which data interval a row is';
COMMENT ON COLUMN medallion.model.marks_deleted IS 'of strategy merge: the query has a column _deleted';
COMMENT ON COLUMN medallion.model.declared IS 'the columns as they were asked for, some perhaps without a type; NULL: those of the query';

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
	edited boolean NOT NULL DEFAULT false,
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
COMMENT ON COLUMN medallion.publication.edited IS 'somebody else has written to the table since it was published';

CREATE TABLE medallion.model_change (
	run_id bigint NOT NULL REFERENCES medallion.run ON DELETE CASCADE,
	pipeline text NOT NULL,
	model name NOT NULL,
	inserted bigint NOT NULL,
	updated bigint NOT NULL,
	deleted bigint NOT NULL,
	rows bigint NOT NULL,
	published_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (run_id, pipeline, model),
	FOREIGN KEY (pipeline, model) REFERENCES medallion.model ON DELETE CASCADE
);
CREATE INDEX ON medallion.model_change (pipeline, model, run_id);
COMMENT ON TABLE medallion.model_change IS 'what a run changed in a model''s table';
COMMENT ON COLUMN medallion.model_change.run_id IS 'the run';
COMMENT ON COLUMN medallion.model_change.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model_change.model IS 'the model';
COMMENT ON COLUMN medallion.model_change.inserted IS 'rows inserted';
COMMENT ON COLUMN medallion.model_change.updated IS 'rows updated';
COMMENT ON COLUMN medallion.model_change.deleted IS 'rows deleted';
COMMENT ON COLUMN medallion.model_change.rows IS 'rows of the table afterwards';
COMMENT ON COLUMN medallion.model_change.published_at IS 'when';

CREATE VIEW medallion.model_table WITH (security_invoker) AS
	SELECT m.pipeline, m.name, m.layer, m.position, m.key, m.query,
		   pg_catalog.format('%I.%I', l.schema_name, m.name) AS target,
		   pg_catalog.format('%I.%I', medallion.work_schema(m.pipeline), m.name) AS work,
		   CASE WHEN l.lake_schema IS NOT NULL THEN pg_catalog.format('%I.%I', l.lake_schema, m.name) END AS lake,
		   CASE WHEN l.lake_schema IS NOT NULL THEN pg_catalog.format('%s/part-00000.csv', m.name) END AS path,
		   l.server, l.bucket, m.strategy, m.time_column, m.marks_deleted,
		   pg_catalog.format('%I.%I', medallion.work_schema(m.pipeline),
							 CASE m.strategy WHEN 'replace' THEN m.name::text ELSE pg_catalog.concat('_', m.name) END) AS built
	  FROM medallion.model m
	  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer;
COMMENT ON VIEW medallion.model_table IS 'models with the tables and the object that belong to them';

CREATE FUNCTION medallion.key_condition(m medallion.model_table, one text, other text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%1$s.%3$I %4$s %2$s.%3$I', one, other, k.name, medallion.equality(m.target::regclass, k.name)), ' AND ' ORDER BY k.n)
	  FROM unnest(m.key) WITH ORDINALITY AS k (name, n)
$$;
COMMENT ON FUNCTION medallion.key_condition(medallion.model_table, text, text) IS 'condition: two rows have the same key';

CREATE VIEW medallion.planned_object WITH (security_invoker) AS
	SELECT l.server, l.bucket, s.path, s.pipeline, s.layer, s.name AS table_name
	  FROM medallion.source s
	  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) s.pipeline AND l.name OPERATOR(pg_catalog.=) s.layer
	UNION ALL
	SELECT m.server, m.bucket, m.path, m.pipeline, m.layer, m.name
	  FROM medallion.model_table m
	 WHERE m.path IS NOT NULL;
COMMENT ON VIEW medallion.planned_object IS 'the objects that pipelines write';

-- Add a model and make its table. Each line of "columns" is a name, a type and a comment; a type that is NULL is that of the
-- query, and so are all columns if there are no lines.
CREATE FUNCTION medallion.add_model(pipeline text, layer text, name name, comment text, key name[], columns text[],
		query text, model_references name[] DEFAULT '{}', strategy text DEFAULT 'replace', time_column name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	described text[];
	m medallion.model_table;
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.check_input_name($1, $3);
	PERFORM medallion.check_strategy($1, $9, $10);
	IF columns IS NULL OR strategy = 'merge' OR EXISTS (SELECT FROM generate_subscripts(columns, 1) n WHERE columns[n][2] IS NULL) THEN
		described := medallion.describe_query($1, $7);
	END IF;
	INSERT INTO medallion.model (pipeline, name, layer, position, key, query, comment, columns, strategy, time_column, marks_deleted, declared)
	SELECT $1, $3, $2, COALESCE(max(d.position), 0) + 1, $5, $7, $4, medallion.model_columns($6, described), $9, $10,
		   $9 = 'merge' AND medallion.marks_deleted(described), $6
	FROM medallion.model d WHERE d.pipeline = $1;
	PERFORM medallion.check_model_columns(d) FROM medallion.model d WHERE (d.pipeline, d.name) = ($1, $3);
	INSERT INTO medallion.publication (pipeline, model) VALUES ($1, $3);
	INSERT INTO medallion.model_reference (pipeline, model, column_name, parent)
	SELECT $1, $3, model_references[n][1], model_references[n][2] FROM generate_subscripts(model_references, 1) n;

	SELECT * INTO STRICT m FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $3);
	PERFORM medallion.check_planner($1, m.server, m.bucket, m.path);
	IF to_regclass(m.target) IS NULL THEN
		PERFORM medallion.make_target(m);
	ELSIF NOT medallion.is_target(m) THEN
		PERFORM medallion.refuse_table($1, m.target);
	ELSE
		PERFORM medallion.check_target(m);
		PERFORM medallion.alter_target(m, NULL);
	END IF;
	PERFORM medallion.add_lake_table($1, $3);
END
$$;
COMMENT ON FUNCTION medallion.add_model(text, text, name, text, name[], text[], text, name[], text, name) IS
'add a model to a pipeline and make its table and, where its layer is exported, the foreign table over its object';

CREATE FUNCTION medallion.drop_model(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m medallion.model_table;
	reader name;
BEGIN
	PERFORM medallion.check_owner($1);
	SELECT * INTO m FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $2);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" has no model "%"', $1, $2 USING ERRCODE = 'undefined_object';
	END IF;
	SELECT d.name INTO reader
	FROM medallion.model d
	WHERE d.pipeline = $1 AND d.name <> $2
	  AND (EXISTS (SELECT FROM medallion.model_input i WHERE (i.pipeline, i.model, i.input, i.query_hash) = ($1, d.name, $2::text, md5(d.query)))
		   OR EXISTS (SELECT FROM medallion.model_reference r WHERE (r.pipeline, r.model, r.parent) = ($1, d.name, $2)))
	ORDER BY d.position LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'model "%" reads model "%" or refers to it', reader, $2
			USING ERRCODE = 'dependent_objects_still_exist', HINT = format('Change or drop "%s" first, or change "%s" with medallion.alter_model().', reader, $2);
	END IF;
	PERFORM medallion.clear_work(m);
	PERFORM medallion.drop_references(m);
	PERFORM medallion.drop_check($1, c.model, c.name) FROM medallion.check_rule c WHERE (c.pipeline, c.model) = ($1, $2::text);
	DELETE FROM medallion.model d WHERE (d.pipeline, d.name) = ($1, $2);
END
$$;
COMMENT ON FUNCTION medallion.drop_model(text, name) IS 'take a model and its checks out of a pipeline; its table and its object stay';

-- The parent changes with each run, and the table no more.
CREATE FUNCTION medallion.drop_references(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT DISTINCT c.conrelid::regclass AS child, c.conname AS name
		FROM medallion.model_reference r
		JOIN medallion.model_table p ON (p.pipeline, p.name) = (r.pipeline, r.parent)
		JOIN pg_constraint c ON c.contype = 'f' AND c.conrelid = to_regclass(m.target) AND c.confrelid = to_regclass(p.target)
		WHERE (r.pipeline, r.model) = (m.pipeline, m.name)
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', f.child, f.name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.drop_references(medallion.model_table) IS 'drop the foreign keys from the table of a model to those of others';

-- Without keys: the first publication adds them after the rows.
CREATE FUNCTION medallion.make_target(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	model medallion.model := (SELECT d FROM medallion.model d WHERE (d.pipeline, d.name) = (m.pipeline, m.name));
	definition text := (SELECT string_agg(format('%I %s', model.columns[n][1], model.columns[n][2]), ', ' ORDER BY n)
						FROM generate_subscripts(model.columns, 1) n);
BEGIN
	PERFORM medallion.check_maker(m.pipeline);
	EXECUTE format('CREATE TABLE %s (%s)', m.target, definition);
	PERFORM medallion.comment_target(m);
	PERFORM medallion.watch_target(m);
END
$$;
COMMENT ON FUNCTION medallion.make_target(medallion.model_table) IS 'make the table of a model';

CREATE FUNCTION medallion.comment_target(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	model medallion.model := (SELECT d FROM medallion.model d WHERE (d.pipeline, d.name) = (m.pipeline, m.name));
BEGIN
	EXECUTE format('COMMENT ON TABLE %s IS %L', m.target, model.comment);
	FOR i IN 1 .. array_length(model.columns, 1) LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', m.target, model.columns[i][1], model.columns[i][3]);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.comment_target(medallion.model_table) IS 'write the comments of a model on its table';

-- Both the sign that the pipeline made the table, which outlives the pipeline, and how publish() learns of edits.
CREATE FUNCTION medallion.watch_target(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_maker(m.pipeline);
	EXECUTE format('CREATE TRIGGER medallion_edit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
				   'FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit(%L, %L)',
				   medallion.own_table(m.pipeline, m.target), m.pipeline, m.name);
END
$$;
COMMENT ON FUNCTION medallion.watch_target(medallion.model_table) IS 'have edits of a model''s table noted';

-- Runs in whatever transaction edits the table, with the rights to write it down. A trigger on another table has no say.
CREATE FUNCTION medallion.note_edit() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE medallion.publication p SET edited = true
	FROM medallion.model_table t
	WHERE (p.pipeline, p.model) = (TG_ARGV[0], TG_ARGV[1]) AND NOT p.edited
	  AND (t.pipeline, t.name) = (p.pipeline, p.model) AND to_regclass(t.target) = TG_RELID;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION medallion.note_edit() IS 'trigger: the table of a model (arguments: pipeline, model) may not be what was published';

CREATE FUNCTION medallion.is_target(m medallion.model_table) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
					WHERE c.oid = to_regclass(m.target) AND c.relkind = 'r' AND c.relowner = medallion.owner_of(m.pipeline)
					  AND t.tgfoid = 'medallion.note_edit()'::regprocedure
					  AND t.tgargs = convert_to(m.pipeline, getdatabaseencoding()) || '\x00'::bytea
									 || convert_to(m.name::text, getdatabaseencoding()) || '\x00'::bytea)
$$;
COMMENT ON FUNCTION medallion.is_target(medallion.model_table) IS 'whether the table of a model is one that its pipeline made';

CREATE FUNCTION medallion.add_lake_table(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m medallion.model_table;
	definition text;
	grants text[];
BEGIN
	SELECT * INTO STRICT m FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $2);
	IF m.lake IS NULL THEN
		RETURN;
	END IF;
	grants := medallion.grants_on(m.lake);
	SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
	INTO STRICT definition
	FROM pg_attribute a WHERE a.attrelid = m.target::regclass AND a.attname = ANY (medallion.data_columns(m.target::regclass));
	PERFORM medallion.clear_foreign_table($1, m.lake);
	EXECUTE format('CREATE FOREIGN TABLE %s (%s, _path text OPTIONS (metadata ''path'')) SERVER %I OPTIONS '
				   '(bucket %L, prefix %L, format ''csv'', header ''true'', skip_unchanged ''true'')',
				   m.lake, definition, m.server, m.bucket, m.name || '/');
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', m.lake, format('%s as it stands in bucket %s', m.target, m.bucket) || medallion.made_for($1));
	PERFORM medallion.grant_again(grants);
END
$$;
COMMENT ON FUNCTION medallion.add_lake_table(text, name) IS 'make the foreign table over the object of a model';
