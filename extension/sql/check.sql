--
-- Checks: what must hold of a table. A check is a query for the rows that break it; most kinds write that query themselves.
-- What came of them is in check_result.sql.
--

CREATE TABLE medallion.check_rule (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	model text NOT NULL,
	name text NOT NULL,
	kind text NOT NULL,
	args jsonb NOT NULL DEFAULT '{}',
	severity text NOT NULL DEFAULT 'error' CHECK (severity IN ('warn', 'error')),
	keep integer NOT NULL DEFAULT 100 CHECK (keep OPERATOR(pg_catalog.>=) 0),
	PRIMARY KEY (pipeline, model, name)
);
COMMENT ON TABLE medallion.check_rule IS 'what must hold of the tables of a pipeline';
COMMENT ON COLUMN medallion.check_rule.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.check_rule.model IS 'the model, or the table, qualified, of a pipeline without models';
COMMENT ON COLUMN medallion.check_rule.name IS 'name of the check';
COMMENT ON COLUMN medallion.check_rule.kind IS 'kind of the check: see check_kind()';
COMMENT ON COLUMN medallion.check_rule.args IS 'arguments of the kind';
COMMENT ON COLUMN medallion.check_rule.severity IS 'error: a failure keeps the build from being published; warn: it raises an alert';
COMMENT ON COLUMN medallion.check_rule.keep IS 'how many of the failing rows of a run are kept';

CREATE FUNCTION medallion.check_kind(OUT kind text, OUT needs text[], OUT may_have text[], OUT help text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('not_null', '{column}'::text[], '{where}'::text[], 'no NULL in column'),
		   ('unique', '{columns}', '{where}', 'no two rows are equal in columns (a list); rows with NULL in one of them do not count'),
		   ('accepted_values', '{column,values}', '{where}', 'column holds only values (a list), or NULL'),
		   ('relationships', '{column,to}', '{to_column,where}', 'each value of column, but NULL, is in to_column (by default of the same name) of model "to"'),
		   ('range', '{column}', '{min,max,where}', 'column is neither below min nor above max'),
		   ('row_count', '{}', '{min,max,where}', 'the number of rows is neither below min nor above max'),
		   ('freshness', '{column,max_age}', '{where}', 'the newest column is not older than max_age; looked at in every run'),
		   ('sql', '{query}', '{}', 'query, which names models as the queries of models do, has no rows')
$$;
COMMENT ON FUNCTION medallion.check_kind() IS 'the kinds of checks, their arguments, and what they mean';

-- The rows that break a check of a table; "parent" is the table that a relationship leads to. Values are written in quotes,
-- without a type: they get that of what they are compared with.
CREATE FUNCTION medallion.check_query(c medallion.check_rule, place text, parent text) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	value text := 't.' || quote_ident(c.args ->> 'column');
	tested text := CASE c.kind WHEN 'row_count' THEN 'count(*)' ELSE value END;
	bounds text := concat_ws(' OR ', tested || ' < ' || quote_literal(c.args ->> 'min'), tested || ' > ' || quote_literal(c.args ->> 'max'));
	parent_column name := COALESCE(c.args ->> 'to_column', c.args ->> 'column');
	columns name[] := CASE c.kind WHEN 'unique' THEN ARRAY(SELECT jsonb_array_elements_text(c.args -> 'columns')) END;
	source text := CASE WHEN c.args ? 'where' THEN format(E'(SELECT * FROM %s WHERE %s\n) AS t', place, c.args ->> 'where')
						ELSE place || ' AS t' END;
BEGIN
	RETURN CASE c.kind
		WHEN 'not_null' THEN format('SELECT t.* FROM %s WHERE %s IS NULL', source, value)
		WHEN 'unique' THEN format('SELECT %1$s, count(*) AS rows FROM %2$s WHERE %3$s GROUP BY %1$s HAVING count(*) > 1',
			medallion.column_list(columns, 't.%1$s'), source, medallion.column_list(columns, 't.%1$s IS NOT NULL', ' AND '))
		WHEN 'accepted_values' THEN format('SELECT t.* FROM %s WHERE %s NOT IN (%s)', source, value,
			(SELECT string_agg(quote_literal(v), ', ') FROM jsonb_array_elements_text(c.args -> 'values') v))
		WHEN 'relationships' THEN format('SELECT t.* FROM %s WHERE %s IS NOT NULL AND NOT EXISTS (SELECT FROM %s AS p WHERE p.%I %5$s %2$s)',
			source, value, parent, parent_column, medallion.equality(parent::regclass, parent_column))
		WHEN 'range' THEN format('SELECT t.* FROM %s WHERE %s', source, bounds)
		WHEN 'row_count' THEN format('SELECT count(*) AS rows FROM %s HAVING %s', source, bounds)
		WHEN 'freshness' THEN format('SELECT max(%1$s) AS newest FROM %2$s HAVING (max(%1$s) >= clock_timestamp() - %3$L::interval) IS NOT TRUE',
			value, source, c.args ->> 'max_age')
		WHEN 'sql' THEN c.args ->> 'query' END;
END
$$;
COMMENT ON FUNCTION medallion.check_query(medallion.check_rule, text, text) IS 'query for the rows that break a check';

-- "built" asks for the work table, which is not published yet.
CREATE FUNCTION medallion.checked_table(pipeline text, model text, built boolean) RETURNS text
	LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE((SELECT CASE WHEN $3 THEN t.work ELSE medallion.own_table($1, t.target)::text END FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $2)),
					medallion.own_table($1, $2)::text)
$$;
COMMENT ON FUNCTION medallion.checked_table(text, text, boolean) IS 'table of a model, or a table of the pipeline''s owner';

CREATE FUNCTION medallion.check_args(c medallion.check_rule) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record;
	odd text;
BEGIN
	SELECT * INTO k FROM medallion.check_kind() d WHERE d.kind = c.kind;
	IF k IS NULL THEN
		RAISE EXCEPTION 'unknown kind of check "%"', c.kind
			USING ERRCODE = 'invalid_parameter_value',
				HINT = format('Kinds are %s.', (SELECT string_agg(d.kind, ', ') FROM medallion.check_kind() d));
	END IF;
	SELECT a INTO odd FROM jsonb_object_keys(c.args) a WHERE a <> ALL (k.needs || k.may_have) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a check of kind % has no argument "%"', c.kind, odd USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Its arguments are %s.', COALESCE(NULLIF(array_to_string(k.needs || k.may_have, ', '), ''), 'none'));
	END IF;
	SELECT a INTO odd FROM unnest(k.needs) a WHERE c.args ->> a IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a check of kind % needs the argument "%"', c.kind, odd USING ERRCODE = 'invalid_parameter_value';
	ELSIF 'min' = ANY (k.may_have) AND COALESCE(c.args ->> 'min', c.args ->> 'max') IS NULL THEN
		RAISE EXCEPTION 'a check of kind % needs the argument "min" or "max"', c.kind USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOREACH odd IN ARRAY '{columns,values}'::text[] LOOP
		IF c.args ? odd AND (jsonb_typeof(c.args -> odd) <> 'array' OR c.args -> odd = '[]') THEN
			RAISE EXCEPTION 'argument "%" of a check must be a list of at least one value', odd USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.check_args(medallion.check_rule) IS 'an ERROR for arguments that the kind of a check does not have, or lacks';

-- The query is tried on the published table, for no row, so that a mistake shows now. That of kind sql names work tables.
CREATE FUNCTION medallion.add_check(pipeline text, model text, name text, kind text, args jsonb DEFAULT '{}',
		severity text DEFAULT 'error', keep integer DEFAULT 100) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c medallion.check_rule;
	place text;
	parent text;
BEGIN
	-- the planner may run what stands in the table's place
	PERFORM medallion.check_runner($1);
	PERFORM medallion.check_args(ROW ($1, $2, $3, $4, $5, $6, $7)::medallion.check_rule);
	INSERT INTO medallion.check_rule (pipeline, model, name, kind, args, severity, keep) VALUES ($1, $2, $3, $4, $5, $6, $7)
	RETURNING * INTO c;
	place := medallion.checked_table($1, $2, false);
	IF kind <> 'sql' THEN
		parent := CASE WHEN args ? 'to' THEN medallion.checked_table($1, args ->> 'to', false) END;
		EXECUTE format('SELECT FROM (%s) f LIMIT 0', medallion.check_query(c, place, parent));
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.add_check(text, text, text, text, jsonb, text, integer) IS
'have something checked of a model of a pipeline, or of a table (qualified)';

CREATE FUNCTION medallion.drop_check(pipeline text, model text, name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	DELETE FROM medallion.check_rule c WHERE (c.pipeline, c.model, c.name) = ($1, $2, $3);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'model "%" of pipeline "%" has no check "%"', $2, $1, $3 USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM medallion.clear_alert($1, 'check', format('%s.%s', $2, $3));
END
$$;
COMMENT ON FUNCTION medallion.drop_check(text, text, text) IS 'take off a check, and what came of it';
