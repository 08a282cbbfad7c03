--
-- Positions: how far a weather pipeline has read its topic, what it is about to read, and which raw objects it has written.
-- All of it changes in the transactions that change the tables, so that it vouches for them.
--
-- A topic that was made anew begins at offset 0 again. Its records belong to another generation of the partition, so that
-- neither objects nor dead letters of the two can be mistaken for each other.
--

CREATE TABLE medallion.weather_topic (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	kafka name NOT NULL,
	topic text NOT NULL,
	lake name NOT NULL,
	raw_bucket text NOT NULL,
	silver_bucket text NOT NULL,
	compression text NOT NULL CHECK (compression IN ('zstd', 'gzip')),
	run_records bigint NOT NULL CHECK (run_records OPERATOR(pg_catalog.>) 0),
	object_records bigint NOT NULL CHECK (object_records OPERATOR(pg_catalog.>) 0),
	system_identifier bigint NOT NULL DEFAULT (pg_catalog.pg_control_system()).system_identifier,
	UNIQUE (lake, raw_bucket)
);
COMMENT ON TABLE medallion.weather_topic IS 'where a weather pipeline reads, and where it writes';
COMMENT ON COLUMN medallion.weather_topic.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_topic.kafka IS 'name of the fdw_kafka server';
COMMENT ON COLUMN medallion.weather_topic.topic IS 'the topic';
COMMENT ON COLUMN medallion.weather_topic.lake IS 'name of the fdw_s3 server';
COMMENT ON COLUMN medallion.weather_topic.raw_bucket IS 'bucket of the raw objects';
COMMENT ON COLUMN medallion.weather_topic.silver_bucket IS 'bucket of the windows';
COMMENT ON COLUMN medallion.weather_topic.compression IS 'of the raw objects';
COMMENT ON COLUMN medallion.weather_topic.run_records IS 'how many offsets a run plans at most; the next run goes on';
COMMENT ON COLUMN medallion.weather_topic.object_records IS 'how many offsets a raw object covers at most';
COMMENT ON COLUMN medallion.weather_topic.system_identifier IS 'the PostgreSQL cluster that writes, as pg_control_system() tells it';

-- Where there is no anchor, no record lies between start_offset and next_offset.
CREATE TABLE medallion.weather_position (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	partition integer NOT NULL,
	generation integer NOT NULL DEFAULT 1,
	start_offset bigint NOT NULL,
	next_offset bigint NOT NULL CHECK (next_offset OPERATOR(pg_catalog.>=) start_offset),
	anchor_offset bigint CHECK (anchor_offset OPERATOR(pg_catalog.<) next_offset),
	anchor_timestamp timestamptz,
	anchor_hash bytea,
	moved_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (pipeline, partition),
	CHECK ((anchor_offset IS NULL) OPERATOR(pg_catalog.=) (anchor_hash IS NULL))
);
COMMENT ON TABLE medallion.weather_position IS 'how far a weather pipeline has read each partition';
COMMENT ON COLUMN medallion.weather_position.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_position.partition IS 'the partition';
COMMENT ON COLUMN medallion.weather_position.generation IS 'grows when accept_topic() takes the partition for a new one';
COMMENT ON COLUMN medallion.weather_position.start_offset IS 'where reading began';
COMMENT ON COLUMN medallion.weather_position.next_offset IS 'everything before it has landed; the next record is looked for here';
COMMENT ON COLUMN medallion.weather_position.anchor_offset IS
'offset of the last record that has landed: it must still be there, or else the topic is another one';
COMMENT ON COLUMN medallion.weather_position.anchor_timestamp IS 'its time';
COMMENT ON COLUMN medallion.weather_position.anchor_hash IS 'hash of its key and value';
COMMENT ON COLUMN medallion.weather_position.moved_at IS 'when next_offset changed';

CREATE TABLE medallion.weather_plan (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	path text NOT NULL COLLATE "C",
	partition integer NOT NULL,
	generation integer NOT NULL,
	first_offset bigint NOT NULL,
	last_offset bigint NOT NULL CHECK (last_offset OPERATOR(pg_catalog.>=) first_offset),
	run_id bigint,
	planned_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (pipeline, path)
);
COMMENT ON TABLE medallion.weather_plan IS
'ranges of offsets that are to land, each as one object: committed before anything is uploaded, deleted as they land';
COMMENT ON COLUMN medallion.weather_plan.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_plan.path IS 'name of the object';
COMMENT ON COLUMN medallion.weather_plan.partition IS 'the partition';
COMMENT ON COLUMN medallion.weather_plan.generation IS 'its generation';
COMMENT ON COLUMN medallion.weather_plan.first_offset IS 'first offset of the range';
COMMENT ON COLUMN medallion.weather_plan.last_offset IS 'last offset of the range; there may be no record at it';
COMMENT ON COLUMN medallion.weather_plan.run_id IS 'run that planned it';
COMMENT ON COLUMN medallion.weather_plan.planned_at IS 'when that was';

CREATE TABLE medallion.raw_object (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	path text NOT NULL COLLATE "C",
	topic text NOT NULL,
	partition integer NOT NULL,
	generation integer NOT NULL,
	first_offset bigint NOT NULL,
	last_offset bigint NOT NULL CHECK (last_offset OPERATOR(pg_catalog.>=) first_offset),
	records bigint NOT NULL,
	min_event timestamptz,
	max_event timestamptz,
	bytes bigint NOT NULL,
	etag text NOT NULL,
	sha256 text,
	run_id bigint,
	written_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	system_identifier bigint NOT NULL DEFAULT (pg_catalog.pg_control_system()).system_identifier,
	PRIMARY KEY (pipeline, path),
	UNIQUE (pipeline, partition, generation, first_offset)
);
CREATE INDEX ON medallion.raw_object (pipeline, max_event);
COMMENT ON TABLE medallion.raw_object IS 'raw objects whose records are in the weather tables';
COMMENT ON COLUMN medallion.raw_object.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.raw_object.path IS 'name of the object';
COMMENT ON COLUMN medallion.raw_object.topic IS 'the topic';
COMMENT ON COLUMN medallion.raw_object.partition IS 'the partition';
COMMENT ON COLUMN medallion.raw_object.generation IS 'its generation';
COMMENT ON COLUMN medallion.raw_object.first_offset IS 'first offset of the range that the object covers';
COMMENT ON COLUMN medallion.raw_object.last_offset IS 'last offset of the range; there may be no record at it';
COMMENT ON COLUMN medallion.raw_object.records IS 'number of records';
COMMENT ON COLUMN medallion.raw_object.min_event IS 'least event time of its usable readings; NULL where there is none';
COMMENT ON COLUMN medallion.raw_object.max_event IS 'greatest event time of its usable readings';
COMMENT ON COLUMN medallion.raw_object.bytes IS 'size';
COMMENT ON COLUMN medallion.raw_object.etag IS 'what a listing must show';
COMMENT ON COLUMN medallion.raw_object.sha256 IS 'hash of the bytes; NULL where adopt_objects() took it over';
COMMENT ON COLUMN medallion.raw_object.run_id IS 'run that landed it; NULL where adopt_objects() took it over';
COMMENT ON COLUMN medallion.raw_object.written_at IS 'when that was';
COMMENT ON COLUMN medallion.raw_object.system_identifier IS 'the PostgreSQL cluster that entered it';

CREATE TABLE medallion.weather_gap (
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	topic text NOT NULL,
	partition integer NOT NULL,
	generation integer NOT NULL,
	first_offset bigint NOT NULL,
	last_offset bigint,
	reason text NOT NULL CHECK (reason IN ('retention', 'topic', 'skipped')),
	accepted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	accepted_by name NOT NULL DEFAULT SESSION_USER
);
COMMENT ON TABLE medallion.weather_gap IS 'records that were given up by accept_gap() and accept_topic()';
COMMENT ON COLUMN medallion.weather_gap.id IS 'number of the gap';
COMMENT ON COLUMN medallion.weather_gap.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_gap.topic IS 'the topic';
COMMENT ON COLUMN medallion.weather_gap.partition IS 'the partition';
COMMENT ON COLUMN medallion.weather_gap.generation IS 'its generation';
COMMENT ON COLUMN medallion.weather_gap.first_offset IS 'first offset that was given up';
COMMENT ON COLUMN medallion.weather_gap.last_offset IS 'the last one; NULL where nobody knows how far the old topic went';
COMMENT ON COLUMN medallion.weather_gap.reason IS
'retention: deleted before it was read; topic: the topic was made anew; skipped: of the new topic, by start => ''latest''';
COMMENT ON COLUMN medallion.weather_gap.accepted_at IS 'when it was accepted';
COMMENT ON COLUMN medallion.weather_gap.accepted_by IS 'who did it';

-- In a topic that was made anew, offsets come again. No topic's name has a "#".
CREATE FUNCTION medallion.generation_name(topic text, generation integer) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN generation > 1 THEN format('%s#%s', topic, generation) ELSE topic END $$;
COMMENT ON FUNCTION medallion.generation_name(text, integer) IS 'name by which dead letters and failed calls know the topic of a generation';

-- Runs keep others away by the lock that this takes, too; it is held until the end of the transaction.
CREATE FUNCTION medallion.lock_pipeline(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT pg_try_advisory_xact_lock(1835361385, (SELECT p.id FROM medallion.pipeline p WHERE p.name = $1)) THEN
		RAISE EXCEPTION 'pipeline "%" is running', $1
			USING ERRCODE = 'object_in_use', HINT = 'Wait until the run has ended, and try again.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.lock_pipeline(text) IS 'keep runs of a pipeline away until the end of the transaction; an ERROR while one is under way';

-- For what changes a pipeline's positions by hand. It works with the owner's tables and keys, so it wants the owner himself.
CREATE FUNCTION medallion.take_weather(pipeline text) RETURNS medallion.weather_topic
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic;
BEGIN
	PERFORM medallion.check_owner($1);
	IF medallion.owner_of($1) IS DISTINCT FROM (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'only the owner of pipeline "%" can do this', $1
			USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I', (SELECT p.owner FROM medallion.pipeline p WHERE p.name = $1));
	END IF;
	SELECT * INTO t FROM medallion.weather_topic w WHERE w.pipeline = $1;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" is no weather pipeline', $1
			USING ERRCODE = 'wrong_object_type', HINT = 'SELECT medallion.install_weather(...) makes one.';
	END IF;
	PERFORM medallion.lock_pipeline($1);
	RETURN t;
END
$$;
COMMENT ON FUNCTION medallion.take_weather(text) IS 'what is known of a weather pipeline, for its owner, with its runs kept away';
