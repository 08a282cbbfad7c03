--
-- Strategies: what the rows of a model's query are to its table.
--
--   replace    they are the table
--   merge      they are put into the table by key; those whose _deleted is true are taken out of it
--   append     those with a new key are added
--   interval   they are the rows of the run's data interval, by time_column; the rows of other intervals stay
--
-- But for replace, build puts the rows into the work table _<model>, and <model> in the work schema is a view of the whole
-- table as it will be: later models and checks read that, and publish touches nothing but what the rows are about.
--

CREATE FUNCTION medallion.check_strategy(pipeline text, strategy text, time_column name) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF strategy IS NULL OR strategy NOT IN ('replace', 'merge', 'append', 'interval') THEN
		RAISE EXCEPTION 'unknown strategy "%"', strategy
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Strategies are replace, merge, append and interval.';
	ELSIF (strategy = 'interval') <> (time_column IS NOT NULL) THEN
		RAISE EXCEPTION 'strategy "%" needs % time_column', strategy, CASE strategy WHEN 'interval' THEN 'a' ELSE 'no' END
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF strategy = 'interval' AND NOT EXISTS (SELECT FROM medallion.cadence c WHERE c.pipeline = $1) THEN
		RAISE EXCEPTION 'pipeline "%" has no data intervals', $1
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Give it some first: SELECT medallion.set_interval(%L, width => ''1 day'', start_at => ...)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_strategy(text, text, name) IS 'an ERROR for a strategy that a model cannot have';

-- Days and times without a zone are those of the pipeline's time zone.
CREATE FUNCTION medallion.within_interval(m medallion.model_table, alias text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN a.atttypid = 'timestamptz'::regtype
				THEN format('%1$s.%2$I >= %3$L::timestamptz AND %1$s.%2$I < %4$L::timestamptz', alias, m.time_column, b.interval_start, b.interval_end)
				ELSE format('%1$s.%2$I >= %3$L::timestamp AND %1$s.%2$I < %4$L::timestamp', alias, m.time_column,
							b.interval_start AT TIME ZONE c.timezone, b.interval_end AT TIME ZONE c.timezone) END
	  FROM medallion.build b
	  JOIN medallion.cadence c ON c.pipeline = b.pipeline
	  JOIN pg_attribute a ON a.attrelid = m.target::regclass AND a.attname = m.time_column
	 WHERE b.pipeline = m.pipeline
$$;
COMMENT ON FUNCTION medallion.within_interval(medallion.model_table, text) IS 'condition: the row is of the data interval of the last build';

CREATE FUNCTION medallion.check_interval(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF m.strategy = 'interval' AND NOT EXISTS (SELECT FROM medallion.build b JOIN medallion.cadence c ON c.pipeline = b.pipeline
											   WHERE b.pipeline = m.pipeline AND b.interval_end > b.interval_start) THEN
		RAISE EXCEPTION 'the run has no data interval, which model "%" needs', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Give the pipeline intervals with medallion.set_interval(), or name some with medallion.backfill().';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_interval(medallion.model_table) IS 'an ERROR where a model by interval is built without one';

-- The statement that fills the work table. CREATE TABLE AS, unlike INSERT, lets the query run in parallel. Its columns get
-- the types of the target.
CREATE FUNCTION medallion.build_sql(m medallion.model_table) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format(E'CREATE UNLOGGED TABLE %s AS SELECT * FROM (SELECT %s%s FROM (%s\n) AS q) AS w WHERE %s', m.built,
				  string_agg(format('q.%I::%s AS %1$I', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum),
				  CASE WHEN m.marks_deleted THEN ', COALESCE(q._deleted, false) AS _deleted'
					   WHEN m.strategy = 'merge' THEN ', false AS _deleted' END,
				  m.query, CASE m.strategy WHEN 'interval' THEN medallion.within_interval(m, 'w') ELSE 'true' END)
	  FROM pg_attribute a
	 WHERE a.attrelid = m.target::regclass AND a.attname = ANY (medallion.data_columns(m.target::regclass))
$$;
COMMENT ON FUNCTION medallion.build_sql(medallion.model_table) IS 'the statement that runs a model''s query into its work table';

-- True before and after the rows are published.
CREATE FUNCTION medallion.whole_sql(m medallion.model_table) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format(CASE m.strategy
				  WHEN 'merge' THEN 'SELECT %1$s FROM %2$s AS w WHERE NOT w._deleted UNION ALL '
									'SELECT %1$s FROM %3$s AS t WHERE NOT EXISTS (SELECT FROM %2$s AS w WHERE %4$s)'
				  WHEN 'append' THEN 'SELECT %1$s FROM %3$s AS t UNION ALL '
									 'SELECT %1$s FROM %2$s AS w WHERE NOT EXISTS (SELECT FROM %3$s AS t WHERE %4$s)'
				  WHEN 'interval' THEN 'SELECT %1$s FROM %2$s AS w UNION ALL SELECT %1$s FROM %3$s AS t '
									   'WHERE (%5$s) IS NOT TRUE AND NOT EXISTS (SELECT FROM %2$s AS w WHERE %4$s)' END,
				  medallion.column_list(medallion.data_columns(m.target::regclass)), m.built, m.target,
				  medallion.key_condition(m, 't', 'w'), medallion.within_interval(m, 't'))
$$;
COMMENT ON FUNCTION medallion.whole_sql(medallion.model_table) IS 'query for the whole table of a model as it will be when its work table is published';

-- Keys of the rows that have to be deleted (old), inserted (new) or updated (both). Rows are compared byte for byte: types
-- like json have no equality, and others call values equal that readers can tell apart, as 1.0 and 1.00.
CREATE FUNCTION medallion.changed_keys_sql(m medallion.model_table) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format(CASE m.strategy
				  WHEN 'replace' THEN 'SELECT %1$s, t.ctid IS NOT NULL AS old, w.ctid IS NOT NULL AS new '
									  'FROM %3$s AS t FULL JOIN %2$s AS w ON %4$s WHERE %5$s'
				  WHEN 'merge' THEN 'SELECT %6$s, t.ctid IS NOT NULL AS old, NOT w._deleted AS new '
									'FROM %2$s AS w LEFT JOIN %3$s AS t ON %4$s '
									'WHERE CASE WHEN t.ctid IS NULL OR w._deleted THEN (t.ctid IS NULL) <> w._deleted ELSE %5$s END'
				  WHEN 'append' THEN 'SELECT %6$s, false AS old, true AS new FROM %2$s AS w LEFT JOIN %3$s AS t ON %4$s WHERE t.ctid IS NULL'
				  WHEN 'interval' THEN 'SELECT %6$s, t.ctid IS NOT NULL AS old, true AS new '
									   'FROM %2$s AS w LEFT JOIN %3$s AS t ON %4$s WHERE %5$s UNION ALL '
									   'SELECT %7$s, true, false FROM %3$s AS t WHERE %8$s AND NOT EXISTS (SELECT FROM %2$s AS w WHERE %4$s)' END,
				  medallion.column_list(m.key, 'COALESCE(t.%1$s, w.%1$s) AS %1$s'), m.built, m.target,
				  medallion.key_condition(m, 't', 'w'),
				  format('record_image_ne(ROW (%s), ROW (%s))', medallion.column_list(c, 't.%1$s'), medallion.column_list(c, 'w.%1$s')),
				  medallion.column_list(m.key, 'w.%1$s'), medallion.column_list(m.key, 't.%1$s'), medallion.within_interval(m, 't'))
	  FROM medallion.data_columns(m.target::regclass) c
$$;
COMMENT ON FUNCTION medallion.changed_keys_sql(medallion.model_table) IS 'query for the keys of the rows in which a work table changes a published table';
