--
-- Cron times: when a pg_cron schedule is due next, which pg_cron itself does not tell.
--

-- NULL for what is no list of numbers, names, ranges and steps. A name stands for its place in "names".
CREATE FUNCTION medallion.cron_field(field text, lowest integer, highest integer, names text[] DEFAULT '{}') RETURNS integer[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN bool_and(b.first >= lowest AND b.last <= highest AND b.step > 0) THEN
		   (SELECT array_agg(DISTINCT n ORDER BY n) FROM unnest(array_agg(b.first), array_agg(b.last), array_agg(b.step)) r (first, last, step)
			 CROSS JOIN generate_series(r.first, r.last, r.step) n) END
	  FROM unnest(string_to_array(lower(field), ',')) item
	  LEFT JOIN LATERAL regexp_match(item, '^(?:(\*)|([0-9]{1,4}|[a-z]{3})(?:-([0-9]{1,4}|[a-z]{3}))?)(?:/([0-9]{1,4}))?$') m ON true
	 CROSS JOIN LATERAL (SELECT CASE WHEN m[2] ~ '[0-9]' THEN m[2]::integer ELSE array_position(names, m[2]) + lowest - 1 END AS low,
								CASE WHEN m[3] ~ '[0-9]' THEN m[3]::integer ELSE array_position(names, m[3]) + lowest - 1 END AS high) v
	 CROSS JOIN LATERAL (SELECT COALESCE(CASE WHEN m[1] IS NOT NULL THEN lowest ELSE v.low END, -1) AS first,
								COALESCE(CASE WHEN m[1] IS NOT NULL THEN highest WHEN m[3] IS NULL THEN v.low ELSE v.high END, highest + 1) AS last,
								COALESCE(m[4]::integer, 1) AS step) b
$$;
COMMENT ON FUNCTION medallion.cron_field(text, integer, integer, text[]) IS 'the numbers that a field of a cron schedule names; NULL if it is none';

-- As cron does it: where neither day field begins with a star, either of them will do. "$" is the last day of the month.
CREATE FUNCTION medallion.cron_day(day date, of_month text, of_week text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN of_month LIKE '*%' OR of_week LIKE '*%' THEN d.month AND d.week ELSE d.month OR d.week END
	  FROM (SELECT CASE WHEN of_month = '$' THEN EXTRACT(day FROM day + 1) = 1
				   ELSE EXTRACT(day FROM day)::integer = ANY (medallion.cron_field(of_month, 1, 31)) END,
				   EXTRACT(dow FROM day)::integer = ANY (w.days) OR (EXTRACT(dow FROM day) = 0 AND 7 = ANY (w.days))
			  FROM (SELECT medallion.cron_field(of_week, 0, 7, '{sun,mon,tue,wed,thu,fri,sat}')) w (days)) d (month, week)
$$;
COMMENT ON FUNCTION medallion.cron_day(date, text, text) IS 'whether a cron schedule with these two fields is for a day';

CREATE FUNCTION medallion.next_time(cron text, after timestamptz, timezone text DEFAULT 'UTC') RETURNS timestamptz
	LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f text[] := regexp_split_to_array(CASE lower(trim(cron)) WHEN '@hourly' THEN '0 * * * *' WHEN '@daily' THEN '0 0 * * *' WHEN '@midnight' THEN '0 0 * * *'
									  WHEN '@weekly' THEN '0 0 * * 0' WHEN '@monthly' THEN '0 0 1 * *' WHEN '@yearly' THEN '0 0 1 1 *'
									  WHEN '@annually' THEN '0 0 1 1 *' ELSE trim(cron) END, '\s+');
	minutes integer[] := medallion.cron_field(f[1], 0, 59);
	hours integer[] := medallion.cron_field(f[2], 0, 23);
	months integer[] := medallion.cron_field(f[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
	earliest timestamp := date_trunc('minute', after AT TIME ZONE timezone) + interval '1 minute';
	day date := earliest;
	at timestamp;
BEGIN
	IF f[2] IN ('second', 'seconds') AND f[1] ~ '^[0-9]{1,2}$' THEN
		RETURN after + f[1]::integer * interval '1 second';
	ELSIF cardinality(f) <> 5 OR minutes IS NULL OR hours IS NULL OR months IS NULL THEN
		RETURN NULL;
	END IF;
	-- 29 February may be eight years away
	WHILE day < earliest::date + 3000 LOOP
		IF NOT EXTRACT(month FROM day)::integer = ANY (months) THEN
			day := date_trunc('month', day) + interval '1 month';
			CONTINUE;
		ELSIF medallion.cron_day(day, f[3], f[5]) THEN
			SELECT day + make_interval(hours => h, mins => m) INTO at
			  FROM unnest(hours) h CROSS JOIN LATERAL (SELECT min(n) FROM unnest(minutes) n WHERE day + make_interval(hours => h, mins => n) >= earliest) u (m)
			 WHERE m IS NOT NULL ORDER BY h LIMIT 1;
			IF FOUND THEN
				RETURN at AT TIME ZONE timezone;
			END IF;
		END IF;
		day := day + 1;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION medallion.next_time(text, timestamptz, text) IS 'when a pg_cron schedule is due next after a point in time; NULL for never';
