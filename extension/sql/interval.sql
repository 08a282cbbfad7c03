--
-- Data intervals: pipelines whose runs are each about a span of time, and the ledger of those that are done.
--

CREATE TABLE medallion.cadence (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	width interval NOT NULL,
	start_at timestamp NOT NULL,
	timezone text NOT NULL
);
COMMENT ON TABLE medallion.cadence IS 'pipelines with data intervals';
COMMENT ON COLUMN medallion.cadence.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.cadence.width IS 'length of an interval: in months or days of the time zone, or in hours and less';
COMMENT ON COLUMN medallion.cadence.start_at IS 'begin of the first interval, in the time zone';
COMMENT ON COLUMN medallion.cadence.timezone IS 'name of the time zone whose days and months count';

CREATE TABLE medallion.data_interval (
	pipeline text NOT NULL REFERENCES medallion.cadence ON DELETE CASCADE,
	interval_start timestamptz NOT NULL,
	interval_end timestamptz NOT NULL,
	state text NOT NULL CHECK (state IN ('done', 'failed')),
	run_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (pipeline, interval_start)
);
COMMENT ON TABLE medallion.data_interval IS 'data intervals that a run was about; those that are not here are missing';
COMMENT ON COLUMN medallion.data_interval.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.data_interval.interval_start IS 'begin of the interval';
COMMENT ON COLUMN medallion.data_interval.interval_end IS 'its end, which is not within it';
COMMENT ON COLUMN medallion.data_interval.state IS 'done or failed';
COMMENT ON COLUMN medallion.data_interval.run_id IS 'the last run that was about it';
COMMENT ON COLUMN medallion.data_interval.changed_at IS 'when that ended';

-- Where days are of equal length, 24 hours would do for a day: they are not.
CREATE FUNCTION medallion.set_interval(pipeline text, width interval, start_at timestamp, timezone text DEFAULT 'UTC') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = $4) THEN
		RAISE EXCEPTION 'time zone "%" not recognized', $4
			USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT name FROM pg_timezone_names';
	ELSIF width IS NULL OR width <= '0' OR start_at IS NULL OR NOT isfinite(start_at)
		  OR (SELECT count(*) FROM unnest(ARRAY[date_trunc('month', width), date_trunc('day', width) - date_trunc('month', width),
												width - date_trunc('day', width)]) p WHERE p <> '0') <> 1 THEN
		RAISE EXCEPTION 'data intervals of % from % on cannot be made', width, start_at
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'An interval is a number of months, of days, or of hours, minutes and seconds, and the first begins at a point in time.';
	ELSIF EXISTS (SELECT FROM medallion.data_interval d WHERE d.pipeline = $1)
		  AND (width, start_at, timezone) IS DISTINCT FROM (SELECT (c.width, c.start_at, c.timezone) FROM medallion.cadence c WHERE c.pipeline = $1) THEN
		RAISE EXCEPTION 'pipeline "%" has done data intervals already', $1
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'With others, it could not be told which are done.',
				HINT = 'Make another pipeline.';
	END IF;
	INSERT INTO medallion.cadence AS c (pipeline, width, start_at, timezone) VALUES ($1, $2, $3, $4)
	ON CONFLICT ON CONSTRAINT cadence_pkey DO UPDATE SET width = excluded.width, start_at = excluded.start_at, timezone = excluded.timezone;
END
$$;
COMMENT ON FUNCTION medallion.set_interval(text, interval, timestamp, text) IS
'give a pipeline data intervals: each run is about one of them, and run() does those that are complete and missing';

-- The bounds number n. Months and days are counted on the calendar of the time zone, shorter widths on the clock.
CREATE FUNCTION medallion.interval_bound(c medallion.cadence, n bigint) RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN c.width < '1 day' THEN (c.start_at AT TIME ZONE c.timezone) + n * c.width
		   ELSE (c.start_at + n * c.width) AT TIME ZONE c.timezone END
$$;
COMMENT ON FUNCTION medallion.interval_bound(medallion.cadence, bigint) IS 'begin of the nth data interval, counted from 0';

-- A month has 28 to 31 days, a day 23 to 25 hours: numbers between which the nth interval must be.
CREATE FUNCTION medallion.intervals(pipeline text, "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
	RETURNS TABLE (interval_start timestamptz, interval_end timestamptz, state text, run_id bigint)
	LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 100 SET search_path = pg_catalog, pg_temp
AS $$
	WITH bounds AS (
		SELECT c, c.width < '1 day' AS short, EXTRACT(epoch FROM c.width) AS seconds,
			   EXTRACT(epoch FROM "from" - (c.start_at AT TIME ZONE c.timezone)) AS first,
			   EXTRACT(epoch FROM LEAST("to", clock_timestamp()) - (c.start_at AT TIME ZONE c.timezone)) AS last
		  FROM medallion.cadence c WHERE c.pipeline = $1
	), numbers AS (
		SELECT b.c, n.n
		  FROM bounds b
		 CROSS JOIN LATERAL generate_series(GREATEST(0, floor(COALESCE(b.first, 0) / (b.seconds * CASE WHEN b.short THEN 1 ELSE 1.1 END)) - 1)::bigint,
											ceil(b.last / (b.seconds * CASE WHEN b.short THEN 1 ELSE 0.9 END))::bigint) n (n)
	)
	SELECT i.first, i.last, COALESCE(d.state, 'missing'), d.run_id
	  FROM (SELECT medallion.interval_bound(n.c, n.n) AS first, medallion.interval_bound(n.c, n.n + 1) AS last FROM numbers n) i
	  LEFT JOIN medallion.data_interval d ON (d.pipeline, d.interval_start) = ($1, i.first)
	 WHERE i.last <= clock_timestamp() AND i.last > COALESCE("from", '-infinity') AND i.first < COALESCE("to", 'infinity')
	 ORDER BY i.first
$$;
COMMENT ON FUNCTION medallion.intervals(text, timestamptz, timestamptz) IS
'the complete data intervals of a pipeline that overlap a range of time (NULL: no bound), and whether they are done, failed or missing';

CREATE FUNCTION medallion.backfill_plan(pipeline text, "from" timestamptz, "to" timestamptz, which text DEFAULT 'missing',
		newest_first boolean DEFAULT false)
	RETURNS TABLE (interval_start timestamptz, interval_end timestamptz, state text)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF which IS NULL OR which NOT IN ('missing', 'failed', 'all') THEN
		RAISE EXCEPTION 'unknown choice of data intervals "%"', which
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is missing, failed or all.';
	ELSIF NOT EXISTS (SELECT FROM medallion.cadence c WHERE c.pipeline = $1) THEN
		RAISE EXCEPTION 'pipeline "%" has no data intervals', $1
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('To do its steps again from what is there: CALL medallion.rebuild(%L, step)', $1);
	END IF;
	RETURN QUERY
		SELECT i.interval_start, i.interval_end, i.state FROM medallion.intervals($1, "from", "to") i
		 WHERE which = 'all' OR i.state = which
		 ORDER BY CASE WHEN newest_first THEN i.interval_start END DESC, i.interval_start;
END
$$;
COMMENT ON FUNCTION medallion.backfill_plan(text, timestamptz, timestamptz, text, boolean) IS 'what backfill() with the same arguments would do, in that order';

CREATE PROCEDURE medallion.backfill(pipeline text, "from" timestamptz, "to" timestamptz, which text, newest_first boolean DEFAULT false,
		INOUT run_id bigint DEFAULT NULL, INOUT state text DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'medallion_backfill';
COMMENT ON PROCEDURE medallion.backfill(text, timestamptz, timestamptz, text, boolean, bigint, text) IS
'run a pipeline for its complete data intervals that overlap a range of time and are missing, failed, or all of them, one run each; '
'ends with an ERROR if one failed, when all have been tried';

-- In the transaction that records the end of the run.
CREATE FUNCTION medallion.note_interval(ended bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.data_interval AS d (pipeline, interval_start, interval_end, state, run_id)
	SELECT r.pipeline, r.interval_start, r.interval_end, CASE r.state WHEN 'succeeded' THEN 'done' ELSE 'failed' END, r.run_id
	  FROM medallion.run r
	 WHERE r.run_id = ended AND r.interval_start IS NOT NULL AND r.state IN ('succeeded', 'failed')
	ON CONFLICT ON CONSTRAINT data_interval_pkey DO UPDATE SET state = excluded.state, run_id = excluded.run_id, changed_at = clock_timestamp()
$$;
COMMENT ON FUNCTION medallion.note_interval(bigint) IS 'enter the data interval of a run that has ended';
