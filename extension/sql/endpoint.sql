--
-- Endpoints: the servers and buckets that a pipeline needs. doctor() looks at them.
--

CREATE TABLE medallion.endpoint (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	server name NOT NULL,
	kind text NOT NULL CHECK (kind IN ('mysql', 's3')),
	bucket text NOT NULL DEFAULT '',
	PRIMARY KEY (pipeline, server, bucket),
	CHECK ((kind OPERATOR(pg_catalog.=) 's3') OPERATOR(pg_catalog.=) (bucket OPERATOR(pg_catalog.<>) ''))
);
COMMENT ON TABLE medallion.endpoint IS 'a server, and on S3 a bucket, that a pipeline reads or writes';
COMMENT ON COLUMN medallion.endpoint.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.endpoint.server IS 'name of the foreign server';
COMMENT ON COLUMN medallion.endpoint.kind IS 'mysql or s3';
COMMENT ON COLUMN medallion.endpoint.bucket IS 'the bucket, with kind s3';

CREATE FUNCTION medallion.add_endpoint(pipeline text, server name, kind text, bucket text DEFAULT '') RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_add_endpoint';
COMMENT ON FUNCTION medallion.add_endpoint(text, name, text, text) IS
'tell doctor() that a pipeline needs a server (kind mysql or s3) and, on S3, a bucket; adding it again does nothing';

