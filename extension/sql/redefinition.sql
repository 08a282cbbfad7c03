--
-- Redefinition: query, columns, key or strategy of a model become others. Its table is altered at once; the rows follow with
-- the next run, which builds all models anew.
--

-- What is NULL stays as it was declared. The new query may read what the old one might: the models before it.
CREATE FUNCTION medallion.alter_model(pipeline text, name name, query text DEFAULT NULL, columns text[] DEFAULT NULL, key name[] DEFAULT NULL,
		comment text DEFAULT NULL, strategy text DEFAULT NULL, time_column name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	old medallion.model;
	new medallion.model;
	described text[];
BEGIN
	PERFORM medallion.check_maker($1);
	SELECT * INTO old FROM medallion.model d WHERE (d.pipeline, d.name) = ($1, $2) FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" has no model "%"', $1, $2 USING ERRCODE = 'undefined_object';
	END IF;
	new := old;
	new.query := COALESCE($3, old.query);
	new.declared := COALESCE($4, old.declared);
	new.key := COALESCE($5, old.key);
	new.comment := COALESCE($6, old.comment);
	new.strategy := COALESCE($7, old.strategy);
	new.time_column := COALESCE($8, CASE new.strategy WHEN 'interval' THEN old.time_column END);
	PERFORM medallion.check_strategy($1, new.strategy, new.time_column);
	PERFORM medallion.clear_work(t) FROM medallion.model_table t WHERE t.pipeline = $1 AND t.position >= old.position;
	described := medallion.describe_query($1, new.query, old.position);
	new.columns := medallion.model_columns(new.declared, described);
	new.marks_deleted := new.strategy = 'merge' AND medallion.marks_deleted(described);
	PERFORM medallion.check_model_columns(new);
	UPDATE medallion.model d
	SET query = new.query, declared = new.declared, columns = new.columns, key = new.key, comment = new.comment,
		strategy = new.strategy, time_column = new.time_column, marks_deleted = new.marks_deleted
	WHERE (d.pipeline, d.name) = ($1, $2);
	DELETE FROM medallion.model_reference r
	WHERE (r.pipeline, r.model) = ($1, $2)
	  AND NOT EXISTS (SELECT FROM generate_subscripts(new.columns, 1) n WHERE new.columns[n][1] = r.column_name);
	PERFORM medallion.alter_target(t, medallion.column_changes(old.columns, new.columns))
	FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $2) AND to_regclass(t.target) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION medallion.alter_model(text, name, text, text[], name[], text, text, name) IS
'change query, columns, key, comment or strategy of a model, and its table at once; what is NULL stays; the next run brings the rows';

CREATE FUNCTION medallion.column_changes(old text[], new text[]) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(CASE WHEN n.name IS NULL THEN format('DROP COLUMN %I', o.name)
						   WHEN o.name IS NULL THEN format('ADD COLUMN %I %s', n.name, n.type)
						   ELSE format('ALTER COLUMN %1$I TYPE %2$s USING %1$I::%2$s', n.name, n.type) END, ', ' ORDER BY o.position, n.position)
	  FROM (SELECT old[i][1] AS name, old[i][2] AS type, i AS position FROM generate_subscripts(old, 1) i) o
	  FULL JOIN (SELECT new[i][1] AS name, new[i][2] AS type, i AS position FROM generate_subscripts(new, 1) i) n ON n.name = o.name
	 WHERE n.type IS DISTINCT FROM o.type
$$;
COMMENT ON FUNCTION medallion.column_changes(text[], text[]) IS 'what ALTER TABLE has to do to a table with the old columns, or NULL';

-- A view that reads a column which is dropped or gets another type is named by PostgreSQL's ERROR. A key that the rows there
-- do not have yet is added with the rows that do: see publish_model(). Only replace brings them all.
CREATE FUNCTION medallion.alter_target(m medallion.model_table, changes text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target regclass := medallion.own_table(m.pipeline, m.target);
	other_key name := (SELECT c.conname FROM pg_constraint c
					   WHERE c.conrelid = target AND c.contype = 'p'
						 AND m.key <> ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k (number, position)
											JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.position));
BEGIN
	IF other_key IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, other_key);
	END IF;
	IF changes IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', target, changes);
		UPDATE medallion.publication p SET version = p.version + 1 WHERE (p.pipeline, p.model) = (m.pipeline, m.name);
		PERFORM medallion.add_lake_table(m.pipeline, m.name);
	END IF;
	PERFORM medallion.comment_target(m);
	IF other_key IS NOT NULL AND m.strategy <> 'replace' THEN
		PERFORM medallion.add_primary_key(m);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.alter_target(medallion.model_table, text) IS 'makes the table of a model what its new definition says';
