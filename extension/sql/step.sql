--
-- Steps: what a pipeline does, in which order.
--

CREATE TABLE medallion.step (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	name text NOT NULL,
	position integer NOT NULL,
	depends_on text[] NOT NULL DEFAULT '{}',
	plan text,
	apply text NOT NULL,
	fingerprint text,
	definition text NOT NULL,
	PRIMARY KEY (pipeline, name),
	UNIQUE (pipeline, position)
);
COMMENT ON TABLE medallion.step IS 'a step of a pipeline: SQL that is run as the owner and committed with its outcome';
COMMENT ON COLUMN medallion.step.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.step.name IS 'name of the step within the pipeline';
COMMENT ON COLUMN medallion.step.position IS 'order in which the steps were added, which is an order that honours depends_on';
COMMENT ON COLUMN medallion.step.depends_on IS 'steps without whose success this one is not run';
COMMENT ON COLUMN medallion.step.plan IS 'SQL that is run and committed before apply, or NULL';
COMMENT ON COLUMN medallion.step.apply IS 'SQL that does the work, in one transaction';
COMMENT ON COLUMN medallion.step.fingerprint IS 'query that names the versions of all inputs, or NULL to run the step every time';
COMMENT ON COLUMN medallion.step.definition IS 'hash of plan, apply and fingerprint: a changed step is run again';

CREATE FUNCTION medallion.add_step(pipeline text, name text, apply text, plan text DEFAULT NULL,
		depends_on text[] DEFAULT '{}', fingerprint text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_add_step';
COMMENT ON FUNCTION medallion.add_step(text, text, text, text, text[], text) IS
'add a step to a pipeline; fingerprint is a query for one row: the versions of all inputs (text, read before the step), '
'and optionally a second column (boolean): whether the output still stands';

CREATE FUNCTION medallion.drop_step(pipeline text, name text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_drop_step';
COMMENT ON FUNCTION medallion.drop_step(text, text) IS 'take a step out of a pipeline; no other step may depend on it';

