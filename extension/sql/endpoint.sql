--
-- Endpoints: the servers, buckets and topics that a pipeline needs. doctor() looks at them.
--

CREATE TABLE medallion.endpoint (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	server name NOT NULL,
	kind text NOT NULL CHECK (kind IN ('mysql', 's3', 'kafka', 'openweather')),
	target text NOT NULL DEFAULT '',
	PRIMARY KEY (pipeline, server, target),
	CHECK ((kind IN ('s3', 'kafka')) OPERATOR(pg_catalog.=) (target OPERATOR(pg_catalog.<>) ''))
);
COMMENT ON TABLE medallion.endpoint IS 'a server, with its bucket or topic, that a pipeline reads or writes';
COMMENT ON COLUMN medallion.endpoint.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.endpoint.server IS 'name of the foreign server';
COMMENT ON COLUMN medallion.endpoint.kind IS 'mysql, s3, kafka or openweather';
COMMENT ON COLUMN medallion.endpoint.target IS 'with kind s3 the bucket, with kind kafka the topic';

CREATE FUNCTION medallion.add_endpoint(pipeline text, server name, kind text, target text DEFAULT '') RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_add_endpoint';
COMMENT ON FUNCTION medallion.add_endpoint(text, name, text, text) IS
'tell doctor() that a pipeline needs a server (kind mysql, s3, kafka or openweather) and there a bucket or topic (s3, kafka); '
'adding it again does nothing';

CREATE FUNCTION medallion.drop_endpoint(pipeline text, server name, target text DEFAULT '') RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_drop_endpoint';
COMMENT ON FUNCTION medallion.drop_endpoint(text, name, text) IS 'tell doctor() that a pipeline needs a server, bucket or topic no more';
