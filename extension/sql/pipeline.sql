--
-- Pipelines and what they are made of. Changed through the functions below only.
--

CREATE TABLE medallion.pipeline (
	name text PRIMARY KEY,
	id integer NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	owner name NOT NULL,
	description text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	paused boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE medallion.pipeline IS 'a pipeline: an ordered set of steps, run as its owner';
COMMENT ON COLUMN medallion.pipeline.name IS 'name of the pipeline';
COMMENT ON COLUMN medallion.pipeline.id IS 'second key of the advisory lock that keeps runs of the pipeline apart';
COMMENT ON COLUMN medallion.pipeline.owner IS 'role whose rights the steps run with; a name, so that a dump can be restored anywhere';
COMMENT ON COLUMN medallion.pipeline.description IS 'what the pipeline is for';
COMMENT ON COLUMN medallion.pipeline.created_at IS 'when it was made';
COMMENT ON COLUMN medallion.pipeline.paused IS 'run() does nothing until resume()';

CREATE FUNCTION medallion.create_pipeline(name text, description text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_create_pipeline';
COMMENT ON FUNCTION medallion.create_pipeline(text, text) IS 'make an empty pipeline that belongs to the calling role';

CREATE FUNCTION medallion.drop_pipeline(name text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_drop_pipeline';
COMMENT ON FUNCTION medallion.drop_pipeline(text) IS 'drop a pipeline with its steps and its run history; tables and objects that it made stay';

CREATE FUNCTION medallion.alter_pipeline_owner(name text, owner name) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_alter_pipeline_owner';
COMMENT ON FUNCTION medallion.alter_pipeline_owner(text, name) IS 'give a pipeline to another role; the caller must have the rights of both. It is paused if the new owner may do what the former one may not';

CREATE FUNCTION medallion.check_owner(pipeline text) RETURNS void
	LANGUAGE c STABLE PARALLEL RESTRICTED STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_check_owner';
COMMENT ON FUNCTION medallion.check_owner(text) IS 'an ERROR unless the pipeline exists and the current role has the rights of its owner';

