--
-- Runs: what happened. Written by the runner, which is C: see extension/run.c.
--

CREATE TABLE medallion.run (
	run_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	state text NOT NULL CHECK (state IN ('running', 'waiting', 'succeeded', 'failed', 'skipped')),
	started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	ended_at timestamptz,
	triggered_by name NOT NULL,
	pid integer NOT NULL DEFAULT pg_catalog.pg_backend_pid(),
	failed_step text,
	sqlstate text,
	message text,
	mode text NOT NULL DEFAULT 'run' CHECK (mode IN ('run', 'rebuild', 'step')),
	from_step text,
	params jsonb NOT NULL DEFAULT '{}',
	interval_start timestamptz,
	interval_end timestamptz,
	reason text NOT NULL DEFAULT 'call',
	continued_at timestamptz,
	retry_at timestamptz,
	forced boolean NOT NULL DEFAULT false
);
CREATE INDEX ON medallion.run (pipeline, run_id);
CREATE INDEX ON medallion.run (pipeline) WHERE state IN ('running', 'waiting');
COMMENT ON TABLE medallion.run IS 'the runs of the pipelines';
COMMENT ON COLUMN medallion.run.run_id IS 'number of the run';
COMMENT ON COLUMN medallion.run.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.run.state IS
'running, waiting (a try failed, and the next is due at retry_at), succeeded, failed, or skipped: another run of the pipeline was under way';
COMMENT ON COLUMN medallion.run.started_at IS 'when the run began';
COMMENT ON COLUMN medallion.run.ended_at IS 'when it ended; NULL while it runs';
COMMENT ON COLUMN medallion.run.triggered_by IS 'role that started it';
COMMENT ON COLUMN medallion.run.pid IS 'process that worked on it last, as in pg_stat_activity';
COMMENT ON COLUMN medallion.run.failed_step IS 'the first step that failed, or the one that was cancelled';
COMMENT ON COLUMN medallion.run.sqlstate IS 'SQLSTATE of that failure';
COMMENT ON COLUMN medallion.run.message IS 'message of that failure, or why the run was skipped';
COMMENT ON COLUMN medallion.run.mode IS 'run: all steps; rebuild: from_step and what depends on it; step: from_step alone';
COMMENT ON COLUMN medallion.run.from_step IS 'with mode rebuild or step: the step that was asked for';
COMMENT ON COLUMN medallion.run.params IS 'what the caller gave, for the steps to read with current_params()';
COMMENT ON COLUMN medallion.run.interval_start IS 'begin of the run''s data interval, or NULL';
COMMENT ON COLUMN medallion.run.interval_end IS 'its end, which is not within it, or NULL';
COMMENT ON COLUMN medallion.run.reason IS 'what started it: call, trigger, stale, backfill, or the pipeline after which it was due';
COMMENT ON COLUMN medallion.run.continued_at IS 'when it was last taken up again, by watch() or retry()';
COMMENT ON COLUMN medallion.run.retry_at IS 'when its failed steps are due again, while it is waiting';
COMMENT ON COLUMN medallion.run.forced IS 'its steps are run whether or not inputs have changed';

CREATE TABLE medallion.step_run (
	run_id bigint NOT NULL REFERENCES medallion.run ON DELETE CASCADE,
	step text NOT NULL,
	state text NOT NULL CHECK (state IN ('running', 'waiting', 'succeeded', 'unchanged', 'failed', 'blocked')),
	rows bigint,
	bytes bigint,
	started_at timestamptz,
	ended_at timestamptz,
	sqlstate text,
	message text,
	detail text,
	hint text,
	context text,
	definition text NOT NULL,
	fingerprint text,
	try integer NOT NULL DEFAULT 1,
	PRIMARY KEY (run_id, step, try)
);
COMMENT ON TABLE medallion.step_run IS 'one try of a step of a run';
COMMENT ON COLUMN medallion.step_run.run_id IS 'the run';
COMMENT ON COLUMN medallion.step_run.step IS 'the step';
COMMENT ON COLUMN medallion.step_run.state IS
'running, succeeded, unchanged (nothing to do), waiting (failed, and to be tried again), failed, or blocked: a step that it depends on failed, or the run was cancelled';
COMMENT ON COLUMN medallion.step_run.rows IS 'rows that the step reported';
COMMENT ON COLUMN medallion.step_run.bytes IS 'bytes that the step reported';
COMMENT ON COLUMN medallion.step_run.started_at IS 'when the step began';
COMMENT ON COLUMN medallion.step_run.ended_at IS 'when it ended';
COMMENT ON COLUMN medallion.step_run.sqlstate IS 'SQLSTATE of the failure';
COMMENT ON COLUMN medallion.step_run.message IS 'message of the failure';
COMMENT ON COLUMN medallion.step_run.detail IS 'detail of the failure';
COMMENT ON COLUMN medallion.step_run.hint IS 'hint of the failure';
COMMENT ON COLUMN medallion.step_run.context IS 'where in the SQL of the step it failed';
COMMENT ON COLUMN medallion.step_run.definition IS 'hash of the step''s SQL at that time';
COMMENT ON COLUMN medallion.step_run.fingerprint IS 'versions of the step''s inputs, read before it ran';
COMMENT ON COLUMN medallion.step_run.try IS 'number of the try within the run, from 1';

CREATE TABLE medallion.step_log (
	run_id bigint NOT NULL,
	step text NOT NULL,
	position integer NOT NULL,
	object text NOT NULL,
	rows bigint,
	bytes bigint,
	note text,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	try integer NOT NULL DEFAULT 1,
	PRIMARY KEY (run_id, step, try, position),
	FOREIGN KEY (run_id, step, try) REFERENCES medallion.step_run ON DELETE CASCADE
);
COMMENT ON TABLE medallion.step_log IS 'what a step reported: one line per table or object';
COMMENT ON COLUMN medallion.step_log.run_id IS 'the run';
COMMENT ON COLUMN medallion.step_log.step IS 'the step';
COMMENT ON COLUMN medallion.step_log.position IS 'order of the lines of a step';
COMMENT ON COLUMN medallion.step_log.object IS 'table or object that the line is about';
COMMENT ON COLUMN medallion.step_log.rows IS 'rows';
COMMENT ON COLUMN medallion.step_log.bytes IS 'bytes';
COMMENT ON COLUMN medallion.step_log.note IS 'anything else worth knowing';
COMMENT ON COLUMN medallion.step_log.at IS 'when it was reported';
COMMENT ON COLUMN medallion.step_log.try IS 'the try';

CREATE PROCEDURE medallion.run(pipeline text, INOUT run_id bigint DEFAULT NULL, INOUT state text DEFAULT NULL,
		params jsonb DEFAULT '{}', step text DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'medallion_run_0_2';
COMMENT ON PROCEDURE medallion.run(text, bigint, text, jsonb, text) IS
'bring a pipeline up to date: run its steps, or the one named, as its owner, commit each with its outcome, and end with an ERROR if one failed';

CREATE PROCEDURE medallion.rebuild(pipeline text, from_step text, INOUT run_id bigint DEFAULT NULL, INOUT state text DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'medallion_rebuild';
COMMENT ON PROCEDURE medallion.rebuild(text, text, bigint, text) IS
'run a step of a pipeline although nothing has changed, and what depends on it; the steps before it are left alone';

CREATE PROCEDURE medallion.retry(pipeline text, INOUT run_id bigint DEFAULT NULL, INOUT state text DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'medallion_retry';
COMMENT ON PROCEDURE medallion.retry(text, bigint, text) IS
'take up the runs of a pipeline that ended with a failure and were not made good by a later run: their failed steps, and those after them';

CREATE FUNCTION medallion.cancel(pipeline text) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_cancel';
COMMENT ON FUNCTION medallion.cancel(text) IS
'cancel the run of a pipeline that is under way, and give up those that wait for their next try; false if there is none';

CREATE FUNCTION medallion.pause(pipeline text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_pause';
COMMENT ON FUNCTION medallion.pause(text) IS 'have run() do nothing for a pipeline, whoever calls it, until resume(); a run that is under way ends as usual';

CREATE FUNCTION medallion.resume(pipeline text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_resume';
COMMENT ON FUNCTION medallion.resume(text) IS 'let a paused pipeline run again';

CREATE FUNCTION medallion.dry_run(pipeline text) RETURNS TABLE (step text, action text, reason text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_dry_run';
COMMENT ON FUNCTION medallion.dry_run(text) IS
'what run() would do now: for each step run, maybe (a step before it is run first) or unchanged, and why; writes nothing';

CREATE FUNCTION medallion.current_run() RETURNS bigint
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_current_run';
COMMENT ON FUNCTION medallion.current_run() IS 'number of the run that this statement is a part of, or NULL';

CREATE FUNCTION medallion.current_step() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_current_step';
COMMENT ON FUNCTION medallion.current_step() IS 'name of the step that this statement is a part of, or NULL';

CREATE FUNCTION medallion.current_pipeline() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_current_pipeline';
COMMENT ON FUNCTION medallion.current_pipeline() IS 'name of the pipeline whose step this statement is a part of, or NULL';

CREATE FUNCTION medallion.current_try() RETURNS integer
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_current_try';
COMMENT ON FUNCTION medallion.current_try() IS 'number of the try of the step that this statement is a part of, or NULL';

CREATE FUNCTION medallion.current_params() RETURNS jsonb
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_current_params';
COMMENT ON FUNCTION medallion.current_params() IS 'parameters of the run that this statement is a part of, or NULL';

CREATE FUNCTION medallion.interval_start() RETURNS timestamptz
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_interval_start';
COMMENT ON FUNCTION medallion.interval_start() IS 'begin of the data interval of the run that this statement is a part of, or NULL';

CREATE FUNCTION medallion.interval_end() RETURNS timestamptz
	LANGUAGE c STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_interval_end';
COMMENT ON FUNCTION medallion.interval_end() IS 'end of the data interval of the run that this statement is a part of, which is not within it, or NULL';

CREATE FUNCTION medallion.report(object text, rows bigint, bytes bigint DEFAULT NULL, note text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_report';
COMMENT ON FUNCTION medallion.report(text, bigint, bigint, text) IS
'add a line to the log of the running step and its rows and bytes to the step''s; outside a run it only tells the client';

-- Details quote rows, and parameters may be anything: they are for operators. Both views are in order, so that the newest
-- are found without the rest; a join would lose it.
CREATE VIEW medallion.run_history WITH (security_barrier) AS
	SELECT r.run_id, r.pipeline, r.state, r.started_at, r.ended_at,
		   COALESCE(r.ended_at, pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) r.started_at AS duration,
		   (SELECT pg_catalog.sum(t.rows)::bigint FROM medallion.step_run t WHERE t.run_id OPERATOR(pg_catalog.=) r.run_id) AS rows,
		   (SELECT pg_catalog.sum(t.bytes)::bigint FROM medallion.step_run t WHERE t.run_id OPERATOR(pg_catalog.=) r.run_id) AS bytes,
		   r.failed_step, r.sqlstate, r.message, r.triggered_by, r.mode, r.reason,
		   CASE WHEN r.pipeline OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT p.name FROM medallion.visible_pipeline p WHERE p.operated)) THEN r.params END AS params,
		   r.interval_start, r.interval_end, r.retry_at
	  FROM medallion.run r
	 WHERE r.pipeline OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT p.name FROM medallion.visible_pipeline p))
	 ORDER BY r.run_id DESC;
COMMENT ON VIEW medallion.run_history IS 'runs of the pipelines that the reader may look at, newest first';

CREATE VIEW medallion.step_history WITH (security_barrier) AS
	SELECT r.run_id, r.pipeline, s.step, s.state, s.started_at, s.ended_at,
		   COALESCE(s.ended_at, pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) s.started_at AS duration,
		   s.rows, s.bytes, s.sqlstate, s.message,
		   CASE WHEN r.pipeline OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT p.name FROM medallion.visible_pipeline p WHERE p.operated)) THEN s.detail END AS detail,
		   s.hint, s.try
	  FROM medallion.run r
	 CROSS JOIN LATERAL (SELECT * FROM medallion.step_run t WHERE t.run_id OPERATOR(pg_catalog.=) r.run_id OFFSET 0) s
	 WHERE r.pipeline OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT p.name FROM medallion.visible_pipeline p))
	 ORDER BY r.run_id DESC;
COMMENT ON VIEW medallion.step_history IS 'steps of the runs in run_history';

CREATE VIEW medallion.log_history WITH (security_barrier) AS
	SELECT l.run_id, r.pipeline, l.step, l.try, l.position, l.at, l.object, l.rows, l.bytes, l.note
	  FROM medallion.step_log l
	  JOIN medallion.run r ON r.run_id OPERATOR(pg_catalog.=) l.run_id
	 WHERE r.pipeline OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT p.name FROM medallion.visible_pipeline p WHERE p.operated));
COMMENT ON VIEW medallion.log_history IS 'what the steps of the runs of the reader''s own pipelines have reported, line by line';

CREATE VIEW medallion.latest_run WITH (security_barrier) AS
	SELECT p.name AS pipeline, p.owner, p.description, r.run_id, r.state, r.started_at, r.ended_at, r.failed_step, r.sqlstate, r.message,
		   p.paused, r.retry_at
	  FROM medallion.visible_pipeline p
	  LEFT JOIN LATERAL (SELECT * FROM medallion.run l
						  WHERE l.pipeline OPERATOR(pg_catalog.=) p.name AND l.state OPERATOR(pg_catalog.<>) 'skipped'
						  ORDER BY l.run_id DESC LIMIT 1) r ON true;
COMMENT ON VIEW medallion.latest_run IS 'the pipelines that the reader may look at, each with its latest run that was not skipped';

