--
-- Dead letters read again, under the rules of today. What can be used now counts, as if it had landed late.
--

CREATE FUNCTION medallion.waiting_letters(reason text, partition integer, first_offset bigint, last_offset bigint)
	RETURNS TABLE (topic text, part integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea, was text)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT d.topic, d.partition, d."offset", d."timestamp", d.key, d.value, d.reason FROM weather.dead_letter d
	WHERE d.replayed_at IS NULL AND (d.reason = $1 OR $1 IS NULL) AND (d.partition = $2 OR $2 IS NULL)
	  AND (d."offset" >= $3 OR $3 IS NULL) AND (d."offset" <= $4 OR $4 IS NULL);
END
$$;
COMMENT ON FUNCTION medallion.waiting_letters(text, integer, bigint, bigint) IS 'dead letters that wait, of a reason, a partition and a range of offsets; NULL for all';

-- backfill() finds objects by the event times of their readings.
CREATE FUNCTION medallion.widen_raw_objects(pipeline text, topic text, partitions integer[], offsets bigint[], events timestamptz[]) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE medallion.raw_object r SET min_event = LEAST(r.min_event, e.least), max_event = GREATEST(r.max_event, e.greatest)
	  FROM (SELECT o.path, min(p.event) AS least, max(p.event) AS greatest
			  FROM unnest(partitions, offsets, events) p (partition, "offset", event)
			  JOIN medallion.raw_object o ON o.pipeline = $1 AND medallion.generation_name(o.topic, o.generation) = $2
										 AND o.partition = p.partition AND p."offset" BETWEEN o.first_offset AND o.last_offset
			 GROUP BY o.path) e
	 WHERE (r.pipeline, r.path) = ($1, e.path)
	   AND (r.min_event, r.max_event) IS DISTINCT FROM (LEAST(r.min_event, e.least), GREATEST(r.max_event, e.greatest))
$$;
COMMENT ON FUNCTION medallion.widen_raw_objects(text, text, integer[], bigint[], timestamptz[]) IS 'take the events of records into the event times of their raw objects';

-- After the batch has been merged: what it did not reject is done. A letter whose reason is another one now says so.
CREATE FUNCTION medallion.mark_replayed(topic text, partitions integer[], offsets bigint[]) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE weather.dead_letter d SET replayed_at = now()
	  FROM unnest(partitions, offsets) p (partition, "offset")
	 WHERE (d.topic, d.partition, d."offset") = ($1, p.partition, p."offset")
	   AND NOT EXISTS (SELECT FROM medallion.weather_rejected() r WHERE (r.partition, r."offset") = (p.partition, p."offset"));
	UPDATE weather.dead_letter d SET reason = r.reason, detail = r.detail
	  FROM medallion.weather_rejected() r
	 WHERE (d.topic, d.partition, d."offset") = ($1, r.partition, r."offset") AND (d.reason, d.detail) IS DISTINCT FROM (r.reason, r.detail)
$$;
COMMENT ON FUNCTION medallion.mark_replayed(text, integer[], bigint[]) IS 'mark dead letters that the batch could use, and note the reasons for the others';

CREATE FUNCTION medallion.replay_topic(pipeline text, topic text, partitions integer[], offsets bigint[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.weather_begin();
	PERFORM medallion.weather_count(d.partition, d."offset", d."timestamp", d.key, d.value)
	FROM weather.dead_letter d JOIN unnest(partitions, offsets) p (partition, "offset") ON (d.partition, d."offset") = (p.partition, p."offset")
	WHERE d.topic = $2;
	PERFORM medallion.merge_weather($1, $2);
	PERFORM medallion.mark_replayed($2, partitions, offsets);
	PERFORM medallion.widen_raw_objects($1, $2, array_agg(d.partition), array_agg(d."offset"), array_agg(r.event_time))
	FROM weather.dead_letter d
	JOIN unnest(partitions, offsets) p (partition, "offset") ON (d.partition, d."offset") = (p.partition, p."offset")
	CROSS JOIN LATERAL medallion.weather_reading(d."timestamp", d.value) r
	WHERE d.topic = $2 AND r.kind = 'reading';
END
$$;
COMMENT ON FUNCTION medallion.replay_topic(text, text, integer[], bigint[]) IS 'read dead letters of a topic again';

CREATE FUNCTION medallion.replay_dead_letters(pipeline text DEFAULT 'weather', reason text DEFAULT NULL, partition integer DEFAULT NULL,
		first_offset bigint DEFAULT NULL, last_offset bigint DEFAULT NULL) RETURNS TABLE (was text, letters bigint, replayed bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	t record;
	waiting record;
BEGIN
	PERFORM medallion.take_weather($1);
	PERFORM medallion.own_table($1, 'weather.dead_letter');
	SELECT array_agg(w.topic) AS topics, array_agg(w.part) AS partitions, array_agg(w."offset") AS offsets, array_agg(w.was) AS reasons
	INTO waiting FROM medallion.waiting_letters($2, $3, $4, $5) w;
	FOR t IN SELECT w.topic, array_agg(w.partition) AS partitions, array_agg(w."offset") AS offsets
			   FROM unnest(waiting.topics, waiting.partitions, waiting.offsets) w (topic, partition, "offset")
			  GROUP BY w.topic ORDER BY w.topic LOOP
		PERFORM medallion.replay_topic($1, t.topic, t.partitions, t.offsets);
	END LOOP;
	RETURN QUERY
		SELECT w.was, count(*), count(d.replayed_at)
		  FROM unnest(waiting.topics, waiting.partitions, waiting.offsets, waiting.reasons) w (topic, partition, "offset", was)
		  JOIN weather.dead_letter d ON (d.topic, d.partition, d."offset") = (w.topic, w.partition, w."offset")
		 GROUP BY w.was ORDER BY w.was;
END
$$;
COMMENT ON FUNCTION medallion.replay_dead_letters(text, text, integer, bigint, bigint) IS
'read dead letters again, of one reason, partition or range of offsets or all that wait; what can be used now is counted and marked replayed';
