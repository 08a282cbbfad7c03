--
-- Publish: the rows in which a build differs from what readers see are deleted, updated and inserted, for all tables of a
-- pipeline in one transaction. No statement here takes a lock that a reader would wait for, except on a table that has
-- never been published: its keys are added after its rows, which is many times faster than before them.
--

CREATE FUNCTION medallion.publish(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off
	SET work_mem = '64MB' SET maintenance_work_mem = '256MB'
AS $$
DECLARE
	m medallion.model_table;
	before medallion.publication;
	changed name[] := '{}';
	c record;
BEGIN
	PERFORM medallion.repair($1);
	PERFORM medallion.require_build($1);
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 ORDER BY t.position LOOP
		SELECT * INTO STRICT before FROM medallion.publication p WHERE (p.pipeline, p.model) = ($1, m.name);
		SELECT * INTO STRICT c FROM medallion.publish_model(m);
		IF c.inserted + c.updated + c.deleted > 0 THEN
			changed := changed || m.name;
		END IF;
		PERFORM medallion.note_change(m, before, c.inserted, c.updated, c.deleted);
		PERFORM medallion.report(m.target, c.inserted + c.updated + c.deleted, NULL, medallion.describe_change(c.inserted, c.updated, c.deleted));
	END LOOP;
	PERFORM medallion.add_keys($1);

	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 AND t.name = ANY (changed) ORDER BY t.position LOOP
		EXECUTE format('ANALYZE %s', m.target);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.publish(text) IS 'makes the tables of a pipeline what its last build says, in one transaction';

-- The work table of strategy replace has the rows that the table has now. The others' rows are counted only if somebody else
-- has written to the table; publishing, too, has it marked as edited.
CREATE FUNCTION medallion.note_change(m medallion.model_table, before medallion.publication, inserted bigint, updated bigint, deleted bigint)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	is_changed boolean := inserted + updated + deleted > 0;
	total bigint;
BEGIN
	IF m.strategy = 'replace' THEN
		total := (SELECT k.rows FROM medallion.work_marks(m.pipeline) k WHERE k.model = m.name);
		PERFORM medallion.check_rows(m, total) WHERE before.edited OR before.rows + inserted - deleted IS DISTINCT FROM total;
	ELSIF before.edited OR before.rows IS NULL THEN
		EXECUTE format('SELECT count(*) FROM %s', m.target) INTO total;
	ELSE
		total := before.rows + inserted - deleted;
	END IF;
	UPDATE medallion.publication p
	SET version = p.version + is_changed::integer, rows = total, edited = false,
		changed_at = CASE WHEN is_changed THEN now() ELSE p.changed_at END
	WHERE (p.pipeline, p.model) = (m.pipeline, m.name) AND (is_changed OR p.edited OR p.rows IS DISTINCT FROM total);
	INSERT INTO medallion.model_change (run_id, pipeline, model, inserted, updated, deleted, rows)
	SELECT medallion.current_run(), m.pipeline, m.name, $3, $4, $5, total WHERE medallion.current_run() IS NOT NULL;
END
$$;
COMMENT ON FUNCTION medallion.note_change(medallion.model_table, medallion.publication, bigint, bigint, bigint) IS
'write down what a publication changed in a table';

-- The table holds a key once, and none with NULL: where it has not the rows of the work table, their keys are at fault.
CREATE FUNCTION medallion.check_rows(m medallion.model_table, total bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found bigint;
	wrong jsonb;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s', m.target) INTO found;
	IF found <> total THEN
		EXECUTE format('SELECT to_jsonb(k) FROM (SELECT %1$s FROM %2$s GROUP BY %1$s HAVING count(*) > 1 OR num_nulls(%1$s) > 0 LIMIT 1) AS k',
					   medallion.column_list(m.key), m.work) INTO wrong;
		RAISE EXCEPTION 'the query of model "%" yields a key twice, or one with NULL', m.name
			USING ERRCODE = 'unique_violation', DETAIL = format('It is %s.', wrong);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_rows(medallion.model_table, bigint) IS 'an ERROR where a table has not all rows of its work table';

CREATE FUNCTION medallion.describe_change(inserted bigint, updated bigint, deleted bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(NULLIF(concat_ws(', ', NULLIF(inserted, 0) || ' inserted', NULLIF(updated, 0) || ' updated',
									 NULLIF(deleted, 0) || ' deleted'), ''), 'unchanged')
$$;
COMMENT ON FUNCTION medallion.describe_change(bigint, bigint, bigint) IS 'numbers of changed rows in words';

-- The lock keeps other writers out until commit; readers do not notice it. Without its key, the rows of a table cannot be
-- compared: the first publication, and the one after a change of the key, bring them all.
CREATE FUNCTION medallion.publish_model(m medallion.model_table, OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text := medallion.column_list(medallion.data_columns(m.target::regclass));
	empty boolean;
BEGIN
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', m.target::regclass);
	PERFORM medallion.own_table(m.pipeline, m.target);
	EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', m.target) INTO empty;
	IF empty OR (m.strategy = 'replace' AND NOT medallion.has_primary_key(m)) THEN
		EXECUTE format('DELETE FROM %s', m.target);
		GET DIAGNOSTICS deleted = ROW_COUNT;
		EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM %s', m.target, columns, m.work);
		GET DIAGNOSTICS inserted = ROW_COUNT;
		updated := 0;
	ELSE
		EXECUTE medallion.difference_sql(m) INTO inserted, updated, deleted;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.publish_model(medallion.model_table) IS 'makes one published table what its work table says; returns how many rows changed';

-- One statement, so that both tables are compared once. Rows go, then others change, then others come: what a unique index
-- of the user's holds may pass from one key to another. Between two that change it cannot.
CREATE FUNCTION medallion.difference_sql(m medallion.model_table) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns name[] := medallion.data_columns(m.target::regclass);
	same_key text := medallion.key_condition(m, 't', 'd');
	update_sql text := 'SELECT 1 WHERE false';
BEGIN
	IF NOT columns <@ m.key THEN
		update_sql := format('UPDATE %s AS t SET (%s) = ROW (%s) FROM difference AS d JOIN %s AS w ON %s '
							 'WHERE d.new AND d.old AND %s AND (SELECT count(*) FROM gone) >= 0 RETURNING 1',
							 m.target, medallion.column_list(columns), medallion.column_list(columns, 'w.%1$s'), m.built,
							 medallion.key_condition(m, 'w', 'd'), same_key);
	END IF;
	RETURN format($sql$
		WITH difference AS MATERIALIZED (
			%1$s
		), gone AS (
			DELETE FROM %2$s AS t USING difference AS d WHERE NOT d.new AND %3$s RETURNING 1
		), changed AS (
			%4$s
		), added AS (
			INSERT INTO %2$s (%5$s) SELECT %6$s FROM difference AS d JOIN %7$s AS w ON %8$s
			WHERE NOT d.old AND (SELECT count(*) FROM gone) >= 0 AND (SELECT count(*) FROM changed) >= 0 RETURNING 1
		)
		SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM changed), (SELECT count(*) FROM gone)$sql$,
		medallion.changed_keys_sql(m), m.target, same_key, update_sql, medallion.column_list(columns),
		medallion.column_list(columns, 'w.%1$s'), m.built, medallion.key_condition(m, 'w', 'd'));
END
$$;
COMMENT ON FUNCTION medallion.difference_sql(medallion.model_table) IS 'the statement that makes a published table what its work table says';

CREATE FUNCTION medallion.has_primary_key(m medallion.model_table) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = m.target::regclass AND c.contype = 'p')
$$;
COMMENT ON FUNCTION medallion.has_primary_key(medallion.model_table) IS 'whether the table of a model has a primary key';

CREATE FUNCTION medallion.add_primary_key(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%s)', m.target, medallion.column_list(m.key));
END
$$;
COMMENT ON FUNCTION medallion.add_primary_key(medallion.model_table) IS 'add the primary key of a model to its table';

-- Keys that the models name and their tables do not have yet.
CREATE FUNCTION medallion.add_keys(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record;
BEGIN
	PERFORM medallion.add_primary_key(t) FROM medallion.model_table t WHERE t.pipeline = $1 AND NOT medallion.has_primary_key(t);
	FOR k IN
		SELECT c.target, r.column_name, p.target AS parent, format('%s_%s_fkey', r.model, r.column_name)::name AS name
		FROM medallion.model_reference r
		JOIN medallion.model_table c ON (c.pipeline, c.name) = (r.pipeline, r.model)
		JOIN medallion.model_table p ON (p.pipeline, p.name) = (r.pipeline, r.parent)
		WHERE r.pipeline = $1
		  AND NOT EXISTS (SELECT FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND f.conkey = ARRAY[a.attnum]
						  WHERE f.conrelid = c.target::regclass AND f.confrelid = p.target::regclass AND f.contype = 'f'
							AND a.attname = r.column_name)
		ORDER BY c.position, r.column_name
	LOOP
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s DEFERRABLE INITIALLY DEFERRED',
					   k.target, k.name, k.column_name, k.parent);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.add_keys(text) IS 'adds the primary and foreign keys that the tables of a pipeline lack';

-- The build, and the files of the tables: a table that was made anew is published again, and so is one that was edited.
CREATE FUNCTION medallion.publish_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('build %s of %s', b.id, md5(string_agg(format('%s %s', t.target, pg_relation_filenode(to_regclass(t.target))), ','
													   ORDER BY t.position))),
		   medallion.work_stands($1, b.id)
		   AND NOT EXISTS (SELECT FROM medallion.publication p WHERE p.pipeline = $1 AND p.edited)
	  FROM medallion.build b JOIN medallion.model_table t ON t.pipeline = b.pipeline
	 WHERE b.pipeline = $1
	 GROUP BY b.id
$$;
COMMENT ON FUNCTION medallion.publish_fingerprint(text) IS 'versions of the inputs of publish(), and whether its output still stands';
