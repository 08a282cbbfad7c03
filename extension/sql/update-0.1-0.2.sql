\echo Use "ALTER EXTENSION medallion UPDATE" to load this file. \quit
--
-- From 0.1 to 0.2: what becomes of the tables, types and indexes that are there, and of functions and views that change in
-- a way which OR REPLACE does not take. What is dropped here the parts, which follow, make again (CONTRIBUTING.md).
--

-- Policies are made again, by the part "operator".
DO $$
DECLARE
	t pg_catalog.regclass;
BEGIN
	FOR t IN
		SELECT p.polrelid
		  FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.polrelid
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) 'medallion'::pg_catalog.regnamespace
		   AND p.polname OPERATOR(pg_catalog.=) 'operator'
	LOOP
		EXECUTE pg_catalog.format('DROP POLICY operator ON %s', t);
	END LOOP;
END
$$;

-- Pipelines and steps
ALTER TABLE medallion.pipeline
	ADD COLUMN paused boolean NOT NULL DEFAULT false;
ALTER TABLE medallion.step
	ADD COLUMN retries integer NOT NULL DEFAULT 0 CHECK (retries OPERATOR(pg_catalog.>=) 0),
	ADD COLUMN retry_delay interval NOT NULL DEFAULT '1 minute' CHECK (retry_delay OPERATOR(pg_catalog.>=) '0'::interval),
	ADD COLUMN backoff numeric NOT NULL DEFAULT 2 CHECK (backoff OPERATOR(pg_catalog.>=) 1),
	ADD COLUMN retry_on text NOT NULL DEFAULT 'transient' CHECK (retry_on IN ('transient', 'any')),
	ADD COLUMN timeout interval CHECK (timeout OPERATOR(pg_catalog.>) '0'::interval);
DROP FUNCTION medallion.add_step(text, text, text, text, text[], text);

-- Runs: each step that was done was its first try.
ALTER TABLE medallion.run
	DROP CONSTRAINT run_state_check,
	ADD CONSTRAINT run_state_check CHECK (state IN ('running', 'waiting', 'succeeded', 'failed', 'skipped')),
	ADD COLUMN mode text NOT NULL DEFAULT 'run' CHECK (mode IN ('run', 'rebuild', 'step')),
	ADD COLUMN from_step text,
	ADD COLUMN params jsonb NOT NULL DEFAULT '{}',
	ADD COLUMN interval_start timestamptz,
	ADD COLUMN interval_end timestamptz,
	ADD COLUMN reason text NOT NULL DEFAULT 'call',
	ADD COLUMN continued_at timestamptz,
	ADD COLUMN retry_at timestamptz,
	ADD COLUMN forced boolean NOT NULL DEFAULT false;
ALTER TABLE medallion.step_log
	DROP CONSTRAINT step_log_run_id_step_fkey,
	DROP CONSTRAINT step_log_pkey,
	ADD COLUMN try integer NOT NULL DEFAULT 1,
	ADD PRIMARY KEY (run_id, step, try, position);
ALTER TABLE medallion.step_run
	DROP CONSTRAINT step_run_pkey,
	DROP CONSTRAINT step_run_state_check,
	ADD CONSTRAINT step_run_state_check CHECK (state IN ('running', 'waiting', 'succeeded', 'unchanged', 'failed', 'blocked')),
	ADD COLUMN try integer NOT NULL DEFAULT 1,
	ADD PRIMARY KEY (run_id, step, try);
ALTER TABLE medallion.step_log
	ADD FOREIGN KEY (run_id, step, try) REFERENCES medallion.step_run ON DELETE CASCADE;
DROP PROCEDURE medallion.run(text, bigint, text);
DROP FUNCTION medallion.schedule(text, text);

-- Sources and models
ALTER TABLE medallion.source ADD COLUMN columns jsonb;
ALTER TABLE medallion.model
	ADD COLUMN strategy text NOT NULL DEFAULT 'replace' CHECK (strategy IN ('replace', 'merge', 'append', 'interval')),
	ADD COLUMN time_column name,
	ADD COLUMN marks_deleted boolean NOT NULL DEFAULT false,
	ADD COLUMN declared text[],
	ADD CHECK ((strategy OPERATOR(pg_catalog.=) 'interval') OPERATOR(pg_catalog.=) (time_column IS NOT NULL));
UPDATE medallion.model SET declared = columns;
DROP FUNCTION medallion.add_model(text, text, name, text, name[], text[], text, name[]);
ALTER TABLE medallion.build
	ADD COLUMN interval_start timestamptz,
	ADD COLUMN interval_end timestamptz;

-- What a function of 0.1 looked for at the end of the build, a check does now; install_retail() adds it.
UPDATE medallion.step SET
	apply = 'SELECT medallion.build(''retail'')',
	definition = pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
		pg_catalog.jsonb_build_array('SELECT medallion.build(''retail'')', plan, fingerprint)::text, 'UTF8')), 'hex')
WHERE apply OPERATOR(pg_catalog.=) 'SELECT medallion.build(''retail''); SELECT medallion.check_retail()';
DROP FUNCTION medallion.check_retail();
DROP FUNCTION medallion.import_retail(name, text, name);
