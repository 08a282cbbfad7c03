--
-- Cities: what a weather pipeline polls, from whom, and how often.
--

CREATE TABLE medallion.weather_producer (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	producer text NOT NULL CHECK (producer IN ('openweather', 'synthetic', 'none')),
	server name,
	poll_interval interval NOT NULL,
	seed integer NOT NULL DEFAULT 0,
	CHECK ((producer OPERATOR(pg_catalog.=) 'openweather') OPERATOR(pg_catalog.=) (server IS NOT NULL))
);
COMMENT ON TABLE medallion.weather_producer IS 'where the readings of a weather pipeline come from';
COMMENT ON COLUMN medallion.weather_producer.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_producer.producer IS
'openweather; synthetic: made-up readings, which carry "_synthetic"; none: something else writes to the topic';
COMMENT ON COLUMN medallion.weather_producer.server IS 'server of openweather';
COMMENT ON COLUMN medallion.weather_producer.poll_interval IS 'length of a slot: a city is polled at the first run in each';
COMMENT ON COLUMN medallion.weather_producer.seed IS 'of synthetic readings: the same seed, city and slot give the same reading';

CREATE TABLE medallion.weather_city (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	city text NOT NULL CHECK (city OPERATOR(pg_catalog.<>) '' AND city OPERATOR(pg_catalog.=) pg_catalog.btrim(city, E' \t\r\n')
							  AND pg_catalog.octet_length(city) OPERATOR(pg_catalog.<=) 256),
	enabled boolean NOT NULL DEFAULT true,
	PRIMARY KEY (pipeline, city)
);
COMMENT ON TABLE medallion.weather_city IS 'cities that a weather pipeline polls; the pipeline''s owner adds and removes them';
COMMENT ON COLUMN medallion.weather_city.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_city.city IS 'as OpenWeather is asked for it, such as London or "London,GB"';
COMMENT ON COLUMN medallion.weather_city.enabled IS 'whether it is polled';

-- Committed with the records that were sent.
CREATE TABLE medallion.weather_poll (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	slot timestamptz NOT NULL,
	city text NOT NULL,
	polled_at timestamptz NOT NULL,
	status_code integer,
	error text,
	attempts integer NOT NULL,
	run_id bigint,
	PRIMARY KEY (pipeline, slot, city)
);
COMMENT ON TABLE medallion.weather_poll IS 'polls of the last 30 days, and what came of them';
COMMENT ON COLUMN medallion.weather_poll.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_poll.slot IS 'beginning of the slot; slots are aligned to 1970-01-01 00:00 UTC';
COMMENT ON COLUMN medallion.weather_poll.city IS 'the city asked for';
COMMENT ON COLUMN medallion.weather_poll.polled_at IS 'when its answer came, or the call was given up';
COMMENT ON COLUMN medallion.weather_poll.status_code IS 'HTTP status; NULL where no answer came';
COMMENT ON COLUMN medallion.weather_poll.error IS 'what went wrong; NULL where a reading was sent';
COMMENT ON COLUMN medallion.weather_poll.attempts IS 'requests that it took';
COMMENT ON COLUMN medallion.weather_poll.run_id IS 'the run that polled; NULL outside a run';

CREATE FUNCTION medallion.check_poll_interval(producer text, poll_interval interval) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	least text := CASE producer WHEN 'openweather' THEN '1 minute' ELSE '1 second' END;
BEGIN
	IF poll_interval IS NULL OR poll_interval < least::interval OR poll_interval > '1 day'
	   OR extract(month FROM poll_interval) <> 0 OR extract(year FROM poll_interval) <> 0 THEN
		RAISE EXCEPTION 'invalid poll_interval' USING ERRCODE = 'invalid_parameter_value',
			HINT = format('With producer %s it is at least %s and at most a day.', producer, least);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_poll_interval(text, interval) IS 'an ERROR for slots that are too short or too long';

-- The key itself is tried by the first poll: making a pipeline asks nothing of anybody.
CREATE FUNCTION medallion.check_weather_server(pipeline text, server name) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f medallion.finding := medallion.probe_server($1, server, 'openweather');
BEGIN
	IF NOT f.ok THEN
		RAISE EXCEPTION 'cannot poll server "%": %', server, f.detail
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = f.fix || E'\nWithout a key, producer => ''synthetic'' makes readings up.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_weather_server(text, name) IS 'an ERROR unless the owner of the pipeline has a key for the server';

CREATE FUNCTION medallion.set_weather_producer(pipeline text, producer text, server name DEFAULT 'openweather',
		poll_interval interval DEFAULT '5 minutes', seed integer DEFAULT 0) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF $2 IS NULL OR $2 NOT IN ('openweather', 'synthetic', 'none') THEN
		RAISE EXCEPTION 'unknown producer "%"', $2 USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The producers are openweather, synthetic (made-up readings) and none (something else writes to the topic).';
	END IF;
	PERFORM medallion.check_poll_interval($2, $4);
	IF $2 = 'openweather' THEN
		PERFORM medallion.check_weather_server($1, $3);
	END IF;
	PERFORM medallion.drop_endpoint($1, e.server) FROM medallion.endpoint e WHERE e.pipeline = $1 AND e.kind = 'openweather';
	PERFORM medallion.add_endpoint($1, $3, 'openweather') WHERE $2 = 'openweather';
	INSERT INTO medallion.weather_producer AS w
	VALUES ($1, $2, CASE WHEN $2 = 'openweather' THEN $3 END, $4, $5)
	ON CONFLICT ON CONSTRAINT weather_producer_pkey DO UPDATE
	SET producer = EXCLUDED.producer, server = EXCLUDED.server, poll_interval = EXCLUDED.poll_interval, seed = EXCLUDED.seed;
END
$$;
COMMENT ON FUNCTION medallion.set_weather_producer(text, text, name, interval, integer) IS
'choose where the readings of a weather pipeline come from: openweather, synthetic or none; and how often';

CREATE FUNCTION medallion.add_weather_cities(pipeline text, cities text[] DEFAULT '{London,New Delhi,New York}') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	INSERT INTO medallion.weather_city (pipeline, city)
	SELECT DISTINCT $1, btrim(c, E' \t\r\n') FROM unnest(cities) c
	ON CONFLICT ON CONSTRAINT weather_city_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION medallion.add_weather_cities(text, text[]) IS 'have a weather pipeline poll these cities too';

CREATE FUNCTION medallion.poll_slot(poll_interval interval, at timestamptz) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT date_bin(poll_interval, at, '1970-01-01 00:00:00+00'::timestamptz) $$;
COMMENT ON FUNCTION medallion.poll_slot(interval, timestamptz) IS 'beginning of the slot that a point in time falls into';

CREATE FUNCTION medallion.due_cities(pipeline text, slot timestamptz) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(c.city ORDER BY c.city COLLATE "C")
	  FROM medallion.weather_city c
	 WHERE c.pipeline = $1 AND c.enabled
	   AND NOT EXISTS (SELECT FROM medallion.weather_poll p WHERE (p.pipeline, p.slot, p.city) = ($1, $2, c.city))
$$;
COMMENT ON FUNCTION medallion.due_cities(text, timestamptz) IS 'cities that were not polled in a slot yet; NULL where there is none';
