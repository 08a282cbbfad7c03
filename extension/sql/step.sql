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
	retries integer NOT NULL DEFAULT 0 CHECK (retries OPERATOR(pg_catalog.>=) 0),
	retry_delay interval NOT NULL DEFAULT '1 minute' CHECK (retry_delay OPERATOR(pg_catalog.>=) '0'::interval),
	backoff numeric NOT NULL DEFAULT 2 CHECK (backoff OPERATOR(pg_catalog.>=) 1),
	retry_on text NOT NULL DEFAULT 'transient' CHECK (retry_on IN ('transient', 'any')),
	timeout interval CHECK (timeout OPERATOR(pg_catalog.>) '0'::interval),
	PRIMARY KEY (pipeline, name),
	UNIQUE (pipeline, position)
);
COMMENT ON TABLE medallion.step IS 'a step of a pipeline: SQL that is run as the owner and committed with its outcome';
COMMENT ON COLUMN medallion.step.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.step.name IS 'name of the step within the pipeline';
COMMENT ON COLUMN medallion.step.position IS 'order in which the steps were added, and are done where depends_on leaves a choice';
COMMENT ON COLUMN medallion.step.depends_on IS 'steps without whose success this one is not run';
COMMENT ON COLUMN medallion.step.plan IS 'SQL that is run and committed before apply, or NULL';
COMMENT ON COLUMN medallion.step.apply IS 'SQL that does the work, in one transaction';
COMMENT ON COLUMN medallion.step.fingerprint IS 'query that names the versions of all inputs, or NULL to run the step every time';
COMMENT ON COLUMN medallion.step.definition IS 'hash of plan, apply and fingerprint: a changed step is run again';
COMMENT ON COLUMN medallion.step.retries IS 'how often the step is tried again in the same run after a failure that may pass';
COMMENT ON COLUMN medallion.step.retry_delay IS 'how long to wait before the second try';
COMMENT ON COLUMN medallion.step.backoff IS 'by what factor the wait grows from try to try, up to an hour';
COMMENT ON COLUMN medallion.step.retry_on IS 'transient: after failures that may pass, see transient(); any: after every failure';
COMMENT ON COLUMN medallion.step.timeout IS 'how long one try may take, or NULL';

CREATE FUNCTION medallion.add_step(pipeline text, name text, apply text, plan text DEFAULT NULL,
		depends_on text[] DEFAULT '{}', fingerprint text DEFAULT NULL, retries integer DEFAULT 0,
		retry_delay interval DEFAULT '1 minute', backoff numeric DEFAULT 2, retry_on text DEFAULT 'transient',
		timeout interval DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_add_step_0_2';
COMMENT ON FUNCTION medallion.add_step(text, text, text, text, text[], text, integer, interval, numeric, text, interval) IS
'add a step to a pipeline; fingerprint is a query for one row: the versions of all inputs (text, read before the step), '
'and optionally a second column (boolean): whether the output still stands; a failure that may pass is tried again retries '
'times, after retry_delay and then backoff times as long; a try that takes longer than timeout fails';

-- NULL leaves a thing as it is.
CREATE FUNCTION medallion.alter_step(pipeline text, name text, depends_on text[] DEFAULT NULL, retries integer DEFAULT NULL,
		retry_delay interval DEFAULT NULL, backoff numeric DEFAULT NULL, retry_on text DEFAULT NULL, timeout interval DEFAULT NULL,
		apply text DEFAULT NULL, plan text DEFAULT NULL, fingerprint text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_alter_step';
COMMENT ON FUNCTION medallion.alter_step(text, text, text[], integer, interval, numeric, text, interval, text, text, text) IS
'change what a step does, what it depends on and how it is tried; what is NULL stays; a timeout of 0, an empty plan or fingerprint takes it off';

CREATE FUNCTION medallion.drop_step(pipeline text, name text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_drop_step';
COMMENT ON FUNCTION medallion.drop_step(text, text) IS 'take a step out of a pipeline; no other step may depend on it';

CREATE FUNCTION medallion.transient(sqlstate text) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_transient';
COMMENT ON FUNCTION medallion.transient(text) IS
'whether a failure with that SQLSTATE may pass by itself: connections, deadlocks, resources, restarts, remote services';
