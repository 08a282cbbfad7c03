--
-- What Kafka records of weather mean, one at a time and as the batch that a transaction is landing: C, see
-- extension/reading.c and extension/batch.c. The tables are not touched here.
--

CREATE FUNCTION medallion.weather_reading("timestamp" timestamptz, value bytea, OUT kind text, OUT city text, OUT city_id bigint,
		OUT event_time timestamptz, OUT temp numeric, OUT humidity numeric, OUT status_code integer, OUT reason text, OUT detail text)
	LANGUAGE c IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_reading';
COMMENT ON FUNCTION medallion.weather_reading(timestamptz, bytea) IS
'what one record means: a reading (temp in Kelvin), an error (a failed call) or dead (what cannot be used, and why)';

CREATE FUNCTION medallion.weather_begin() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_begin';
COMMENT ON FUNCTION medallion.weather_begin() IS
'start an empty batch of records; it ends with the transaction, or when a subtransaction that added to it is rolled back';

-- These two are called for every record: settings of their own would cost more than their work, and they look up no name.
CREATE FUNCTION medallion.weather_line(partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea) RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'medallion_weather_line';
COMMENT ON FUNCTION medallion.weather_line(integer, bigint, timestamptz, bytea, bytea) IS
'count a record into the batch; returns the line of JSON as which it stands in a raw object';

CREATE FUNCTION medallion.weather_count(partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'medallion_weather_count';
COMMENT ON FUNCTION medallion.weather_count(integer, bigint, timestamptz, bytea, bytea) IS
'count a record into the batch; returns whether it is a reading';

CREATE FUNCTION medallion.weather_summary(OUT records bigint, OUT readings bigint, OUT dead bigint, OUT errors bigint,
		OUT first_offset bigint, OUT last_offset bigint, OUT last_timestamp timestamptz, OUT last_hash bytea,
		OUT min_event timestamptz, OUT max_event timestamptz)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_summary';
COMMENT ON FUNCTION medallion.weather_summary() IS
'what the batch adds up to; last_hash is weather_anchor() of the record with the last offset, event times are those of readings';

CREATE FUNCTION medallion.weather_windows() RETURNS TABLE (city text, window_start timestamptz, readings bigint,
		sum_temp numeric, min_temp numeric, max_temp numeric, sum_humidity numeric, min_humidity numeric, max_humidity numeric)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_windows';
COMMENT ON FUNCTION medallion.weather_windows() IS
'the 5-minute windows of the batch; a window may come in several rows, which add up';

CREATE FUNCTION medallion.weather_rejected() RETURNS TABLE (partition integer, "offset" bigint, "timestamp" timestamptz,
		key bytea, value bytea, reason text, detail text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_rejected';
COMMENT ON FUNCTION medallion.weather_rejected() IS 'the records of the batch that cannot be used';

CREATE FUNCTION medallion.weather_errors() RETURNS TABLE (partition integer, "offset" bigint, "timestamp" timestamptz,
		city text, status_code integer, record text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_errors';
COMMENT ON FUNCTION medallion.weather_errors() IS 'the failed calls of the batch';

CREATE FUNCTION medallion.weather_anchor(key bytea, value bytea) RETURNS bytea
	LANGUAGE c IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_anchor';
COMMENT ON FUNCTION medallion.weather_anchor(bytea, bytea) IS 'hash by which a record is known again';

-- Called for every window, and looks up no name.
CREATE FUNCTION medallion.weather_average(sum numeric, readings bigint) RETURNS numeric
	LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
	AS 'MODULE_PATHNAME', 'medallion_weather_average';
COMMENT ON FUNCTION medallion.weather_average(numeric, bigint) IS 'sum / readings, rounded once, to 6 places; NULL without readings';

-- The widths are fixed: an interval of days would follow the session's time zone where the clocks change. Without settings
-- of its own the planner can put it in line: it is wanted for every window.
CREATE FUNCTION medallion.weather_width(granularity text) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
	SELECT CASE WHEN granularity OPERATOR(pg_catalog.=) '5min' THEN interval '5 minutes'
				WHEN granularity OPERATOR(pg_catalog.=) 'hour' THEN interval '1 hour'
				WHEN granularity OPERATOR(pg_catalog.=) 'day' THEN interval '24 hours' END
$$;
COMMENT ON FUNCTION medallion.weather_width(text) IS 'width of the windows of a granularity: 5min, hour or day';

-- The batch, added up to windows of one granularity, as the rows of the tables have them.
CREATE FUNCTION medallion.weather_totals(granularity text) RETURNS TABLE (city text, window_start timestamptz, window_end timestamptz,
		avg_temp numeric, avg_humidity numeric, min_temp numeric, max_temp numeric, min_humidity numeric, max_humidity numeric,
		sum_temp numeric, sum_humidity numeric, readings bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.city, t.start, t.start + medallion.weather_width($1),
		   medallion.weather_average(t.sum_temp, t.readings), medallion.weather_average(t.sum_humidity, t.readings),
		   t.min_temp, t.max_temp, t.min_humidity, t.max_humidity, t.sum_temp, trim_scale(t.sum_humidity), t.readings
	  FROM (SELECT w.city, date_bin(medallion.weather_width($1), w.window_start, timestamptz '1970-01-01 00:00:00+00') AS start,
				   min(w.min_temp) AS min_temp, max(w.max_temp) AS max_temp,
				   min(w.min_humidity) AS min_humidity, max(w.max_humidity) AS max_humidity,
				   sum(w.sum_temp) AS sum_temp, sum(w.sum_humidity) AS sum_humidity, sum(w.readings)::bigint AS readings
			  FROM medallion.weather_windows() w
			 GROUP BY 1, 2) t
$$;
COMMENT ON FUNCTION medallion.weather_totals(text) IS 'the windows of the batch, of granularity 5min, hour or day';
