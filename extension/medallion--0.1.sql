\echo Use "CREATE EXTENSION medallion CASCADE" to load this file. \quit

--
-- Pipelines and what they are made of. Changed through the functions below only.
--

CREATE TABLE medallion.pipeline (
	name text PRIMARY KEY,
	id integer NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	owner name NOT NULL,
	description text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE medallion.pipeline IS 'a pipeline: an ordered set of steps, run as its owner';
COMMENT ON COLUMN medallion.pipeline.name IS 'name of the pipeline';
COMMENT ON COLUMN medallion.pipeline.id IS 'second key of the advisory lock that keeps runs of the pipeline apart';
COMMENT ON COLUMN medallion.pipeline.owner IS 'role whose rights the steps run with; a name, so that a dump can be restored anywhere';
COMMENT ON COLUMN medallion.pipeline.description IS 'what the pipeline is for';
COMMENT ON COLUMN medallion.pipeline.created_at IS 'when it was made';

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
COMMENT ON FUNCTION medallion.alter_pipeline_owner(text, name) IS 'give a pipeline to another role; the caller must have the rights of both';

CREATE FUNCTION medallion.check_owner(pipeline text) RETURNS void
	LANGUAGE c STABLE PARALLEL RESTRICTED STRICT SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_check_owner';
COMMENT ON FUNCTION medallion.check_owner(text) IS 'an ERROR unless the pipeline exists and the current role has the rights of its owner';

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

--
-- Runs: what happened. Written by the runner, which is C: see extension/run.c.
--

CREATE TABLE medallion.run (
	run_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	state text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'skipped')),
	started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	ended_at timestamptz,
	triggered_by name NOT NULL,
	pid integer NOT NULL DEFAULT pg_catalog.pg_backend_pid(),
	failed_step text,
	sqlstate text,
	message text
);
CREATE INDEX ON medallion.run (pipeline, run_id);
COMMENT ON TABLE medallion.run IS 'one call of medallion.run()';
COMMENT ON COLUMN medallion.run.run_id IS 'number of the run';
COMMENT ON COLUMN medallion.run.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.run.state IS 'running, succeeded, failed, or skipped: another run of the pipeline was under way';
COMMENT ON COLUMN medallion.run.started_at IS 'when the run began';
COMMENT ON COLUMN medallion.run.ended_at IS 'when it ended; NULL while it runs';
COMMENT ON COLUMN medallion.run.triggered_by IS 'role that called medallion.run()';
COMMENT ON COLUMN medallion.run.pid IS 'process that ran it, as in pg_stat_activity';
COMMENT ON COLUMN medallion.run.failed_step IS 'the first step that failed, or the one that was cancelled';
COMMENT ON COLUMN medallion.run.sqlstate IS 'SQLSTATE of that failure';
COMMENT ON COLUMN medallion.run.message IS 'message of that failure, or why the run was skipped';

CREATE TABLE medallion.step_run (
	run_id bigint NOT NULL REFERENCES medallion.run ON DELETE CASCADE,
	step text NOT NULL,
	state text NOT NULL CHECK (state IN ('running', 'succeeded', 'unchanged', 'failed', 'blocked')),
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
	PRIMARY KEY (run_id, step)
);
COMMENT ON TABLE medallion.step_run IS 'one step of a run';
COMMENT ON COLUMN medallion.step_run.run_id IS 'the run';
COMMENT ON COLUMN medallion.step_run.step IS 'the step';
COMMENT ON COLUMN medallion.step_run.state IS
'running, succeeded, unchanged (nothing to do), failed, or blocked: a step that it depends on failed, or the run was cancelled';
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

CREATE TABLE medallion.step_log (
	run_id bigint NOT NULL,
	step text NOT NULL,
	position integer NOT NULL,
	object text NOT NULL,
	rows bigint,
	bytes bigint,
	note text,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (run_id, step, position),
	FOREIGN KEY (run_id, step) REFERENCES medallion.step_run ON DELETE CASCADE
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

CREATE PROCEDURE medallion.run(pipeline text, INOUT run_id bigint DEFAULT NULL, INOUT state text DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'medallion_run';
COMMENT ON PROCEDURE medallion.run(text, bigint, text) IS
'bring a pipeline up to date: run its steps as its owner, commit each with its outcome, and end with an ERROR if one failed';

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

CREATE FUNCTION medallion.report(object text, rows bigint, bytes bigint DEFAULT NULL, note text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_report';
COMMENT ON FUNCTION medallion.report(text, bigint, bigint, text) IS
'add a line to the log of the running step and its rows and bytes to the step''s; outside a run it only tells the client';

-- 10 is the first superuser: a pipeline whose owner was dropped is shown to superusers.
CREATE VIEW medallion.run_history WITH (security_barrier) AS
	SELECT r.run_id, r.pipeline, r.state, r.started_at, r.ended_at,
		   COALESCE(r.ended_at, pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) r.started_at AS duration,
		   s.rows, s.bytes, r.failed_step, r.sqlstate, r.message, r.triggered_by
	  FROM medallion.run r
	  JOIN medallion.pipeline p ON p.name OPERATOR(pg_catalog.=) r.pipeline
	  LEFT JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner
	  LEFT JOIN LATERAL (SELECT pg_catalog.sum(t.rows)::bigint AS rows, pg_catalog.sum(t.bytes)::bigint AS bytes
						   FROM medallion.step_run t WHERE t.run_id OPERATOR(pg_catalog.=) r.run_id) s ON true
	 WHERE pg_catalog.pg_has_role(COALESCE(o.oid, 10), 'USAGE');
COMMENT ON VIEW medallion.run_history IS 'runs of the pipelines whose owner''s rights the reader has';

CREATE VIEW medallion.step_history WITH (security_barrier) AS
	SELECT r.run_id, r.pipeline, s.step, s.state, s.started_at, s.ended_at,
		   COALESCE(s.ended_at, pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) s.started_at AS duration,
		   s.rows, s.bytes, s.sqlstate, s.message, s.detail, s.hint
	  FROM medallion.step_run s
	  JOIN medallion.run r ON r.run_id OPERATOR(pg_catalog.=) s.run_id
	  JOIN medallion.pipeline p ON p.name OPERATOR(pg_catalog.=) r.pipeline
	  LEFT JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner
	 WHERE pg_catalog.pg_has_role(COALESCE(o.oid, 10), 'USAGE');
COMMENT ON VIEW medallion.step_history IS 'steps of the runs in run_history';

CREATE VIEW medallion.latest_run WITH (security_barrier) AS
	SELECT p.name AS pipeline, p.owner, p.description, r.run_id, r.state, r.started_at, r.ended_at, r.failed_step, r.sqlstate, r.message
	  FROM medallion.pipeline p
	  LEFT JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner
	  LEFT JOIN LATERAL (SELECT * FROM medallion.run l
						  WHERE l.pipeline OPERATOR(pg_catalog.=) p.name AND l.state OPERATOR(pg_catalog.<>) 'skipped'
						  ORDER BY l.run_id DESC LIMIT 1) r ON true
	 WHERE pg_catalog.pg_has_role(COALESCE(o.oid, 10), 'USAGE');
COMMENT ON VIEW medallion.latest_run IS 'the reader''s pipelines, each with its latest run that was not skipped';

--
-- Schedules: one pg_cron job for each pipeline, which does nothing but call it.
--

CREATE FUNCTION medallion.job_name(pipeline text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'medallion: ' || pipeline $$;
COMMENT ON FUNCTION medallion.job_name(text) IS 'name of the pg_cron job of a pipeline';

CREATE FUNCTION medallion.job_command(pipeline text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('CALL medallion.run(%L)', pipeline) $$;
COMMENT ON FUNCTION medallion.job_command(text) IS 'command of the pg_cron job of a pipeline';

CREATE FUNCTION medallion.has_cron() RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') $$;
COMMENT ON FUNCTION medallion.has_cron() IS 'whether pg_cron is installed in this database';

-- pg_cron shows its settings to superusers only, but where its jobs live is no secret.
CREATE FUNCTION medallion.cron_setting(setting text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT current_setting('cron.' || setting, true) WHERE setting IN ('database_name', 'host', 'use_background_workers') $$;
COMMENT ON FUNCTION medallion.cron_setting(text) IS 'a setting of pg_cron, or NULL where it is not loaded';

-- pg_cron keeps its jobs in one database. "elsewhere" is the statement that does there what the caller wants.
CREATE FUNCTION medallion.require_cron(elsewhere text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home text := medallion.cron_setting('database_name');
BEGIN
	IF medallion.has_cron() THEN
		RETURN;
	ELSIF home IS NULL THEN
		RAISE EXCEPTION 'pg_cron is not running on this server'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Add pg_cron to shared_preload_libraries, set cron.database_name to %L, restart the server, then: '
							  'CREATE EXTENSION pg_cron;', current_database());
	ELSIF home = current_database() THEN
		RAISE EXCEPTION 'pg_cron is not installed in database "%"', home
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'As a superuser: CREATE EXTENSION pg_cron;';
	END IF;
	RAISE EXCEPTION 'pg_cron keeps its jobs in database "%", not in "%"', home, current_database()
		USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('In database "%s", as a superuser: %s;', home, elsewhere);
END
$$;
COMMENT ON FUNCTION medallion.require_cron(text) IS 'an ERROR unless pg_cron is installed in this database';

-- pg_cron shows roles their own jobs only. There is one for each pipeline, whoever made it. Without pg_cron, a schema
-- "cron" may be anybody's.
CREATE FUNCTION medallion.scheduler(pipeline text) RETURNS SETOF text
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
					WHERE d.classid = 'pg_class'::regclass AND d.objid = to_regclass('cron.job') AND d.deptype = 'e'
					  AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_cron') THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE 'SELECT j.username FROM cron.job j WHERE j.jobname = $1 AND j.database = current_database()'
	USING medallion.job_name(pipeline);
END
$$;
COMMENT ON FUNCTION medallion.scheduler(text) IS 'roles that have a pg_cron job for a pipeline';

-- The job belongs to the calling role and runs as it; run() then acts as the pipeline's owner.
CREATE FUNCTION medallion.schedule(pipeline text, cron text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := medallion.job_name(pipeline);
	command text := medallion.job_command(pipeline);
	other text;
	job bigint;
BEGIN
	PERFORM medallion.check_owner(pipeline);
	PERFORM medallion.require_cron(format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L)',
										  name, cron, command, current_database(), current_user));
	-- two roles at once: the second sees the first one's job
	PERFORM pg_advisory_xact_lock(hashtextextended(name, 0));
	SELECT s INTO other FROM medallion.scheduler(pipeline) s WHERE s <> current_user;
	IF FOUND THEN
		RAISE EXCEPTION 'pipeline "%" is scheduled by role "%"', pipeline, other
			USING ERRCODE = 'duplicate_object',
				HINT = format('As that role: SELECT medallion.unschedule(%L);', pipeline);
	END IF;
	-- pg_cron checks the schedule; a job of that name is replaced
	EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job USING name, cron, command;
	RETURN job;
END
$$;
COMMENT ON FUNCTION medallion.schedule(text, text) IS
'run a pipeline by pg_cron at these times (cron syntax; GMT, unless cron.timezone says otherwise); returns the number of the job';

CREATE FUNCTION medallion.unschedule(pipeline text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner(pipeline);
	PERFORM medallion.require_cron(format('SELECT cron.unschedule(%L)', medallion.job_name(pipeline)));
	RETURN medallion.drop_jobs(pipeline);
END
$$;
COMMENT ON FUNCTION medallion.unschedule(text) IS 'take a pipeline off pg_cron; false if it was not scheduled';


-- The jobs that the caller can take off: the caller's own, a superuser's all. Of others there is a warning.
CREATE FUNCTION medallion.drop_jobs(pipeline text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job bigint;
	other text;
	dropped boolean := false;
BEGIN
	IF has_schema_privilege('cron', 'USAGE') THEN
		FOR job IN EXECUTE 'SELECT j.jobid FROM cron.job j WHERE j.jobname = $1 AND j.database = current_database()'
			USING medallion.job_name(pipeline)
		LOOP
			EXECUTE 'SELECT cron.unschedule($1)' USING job;
			dropped := true;
		END LOOP;
	END IF;
	FOR other IN SELECT s FROM medallion.scheduler(pipeline) s ORDER BY s LOOP
		RAISE WARNING 'role "%" still has a pg_cron job for pipeline "%"', other, pipeline
			USING HINT = format('As that role: SELECT cron.unschedule(%L);', medallion.job_name(pipeline));
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION medallion.drop_jobs(text) IS 'take the caller''s jobs for a pipeline off pg_cron; whether there were any';
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
--
-- OpenWeather: a wrapper without tables. Its servers hold the service's address, its user mappings the key, and one function
-- asks for the current weather. Nobody but superusers may make servers before GRANT USAGE ON FOREIGN DATA WRAPPER: whoever
-- makes one decides where this machine sends requests.
--

CREATE FUNCTION medallion.openweather_validator(options text[], catalog oid) RETURNS void
	LANGUAGE c STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_openweather_validator';
COMMENT ON FUNCTION medallion.openweather_validator(text[], oid) IS 'checks the options of servers and user mappings of openweather';

CREATE FOREIGN DATA WRAPPER openweather NO HANDLER VALIDATOR medallion.openweather_validator;
COMMENT ON FOREIGN DATA WRAPPER openweather IS 'the current weather service of OpenWeather, for medallion.openweather()';

CREATE FUNCTION medallion.openweather_options(OUT name text, OUT places text, OUT type text, OUT default_value text, OUT help text)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_openweather_options';
COMMENT ON FUNCTION medallion.openweather_options() IS 'the options that openweather knows, and where they may stand';

CREATE FUNCTION medallion.openweather(cities text[], server name DEFAULT 'openweather')
	RETURNS TABLE (city text, status_code integer, body text, error text, attempts integer, elapsed interval,
				   received_at timestamptz, server_time timestamptz)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_openweather';
COMMENT ON FUNCTION medallion.openweather(text[], name) IS
'the current weather of each city, all asked for at once: body is the JSON object as received, or else error says what went wrong';
--
-- doctor(): does everything that the pipelines need work, and if not, what mends it? Probes act with the caller's rights
-- and keys, so they go only where the caller himself has sent pipelines: nobody can have a superuser's keys tried elsewhere.
--

CREATE TYPE medallion.finding AS (check_name text, ok boolean, detail text, fix text);
COMMENT ON TYPE medallion.finding IS 'one line of doctor()';

-- What a probe that failed has to tell.
CREATE FUNCTION medallion.complaint(check_name text, message text, detail text, hint text, otherwise text) RETURNS medallion.finding
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT (check_name, false, concat_ws(': ', message, NULLIF(detail, '')), COALESCE(NULLIF(hint, ''), otherwise))::medallion.finding
$$;
COMMENT ON FUNCTION medallion.complaint(text, text, text, text, text) IS 'a finding made of an error''s message, detail and hint';

-- Reads one name that MySQL always has.
CREATE FUNCTION medallion.probe_mysql(server name) RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	started timestamptz := clock_timestamp();
	databases bigint;
	detail text;
	hint text;
BEGIN
	BEGIN
		EXECUTE format('CREATE FOREIGN TABLE pg_temp.medallion_probe (schema_name text OPTIONS (column_name ''SCHEMA_NAME'')) '
					   'SERVER %I OPTIONS (dbname ''information_schema'', table_name ''SCHEMATA'')', server);
		EXECUTE 'SELECT count(*) FROM pg_temp.medallion_probe' INTO databases;
		DROP FOREIGN TABLE pg_temp.medallion_probe;
		RETURN NEXT (format('server %s: login', server), true,
					 format('%s databases visible, %s ms', databases,
							round(extract(epoch FROM clock_timestamp() - started) * 1000)), NULL)::medallion.finding;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
		RETURN NEXT medallion.complaint(format('server %s: login', server), SQLERRM, detail, hint,
										format('Check host and port of server "%s" and the user mapping.', server));
	END;
END
$$;
COMMENT ON FUNCTION medallion.probe_mysql(name) IS 'reads a little from a MySQL server';

-- Writes, looks at and deletes one object; readers pass over names that begin with "_". Its time is the store's clock.
CREATE FUNCTION medallion.probe_bucket(server name, bucket text) RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := format('server %s, bucket %s', server, bucket);
	skew interval;
	detail text;
	hint text;
	modified timestamptz;
BEGIN
	BEGIN
		PERFORM FROM public.fdw_s3_list(server, bucket, '_medallion/');
		RETURN NEXT (subject || ': read', true, 'listed', NULL)::medallion.finding;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
		RETURN NEXT medallion.complaint(subject || ': read', SQLERRM, detail, hint,
										'Check endpoint, keys and the name of the bucket.');
		RETURN;
	END;
	BEGIN
		EXECUTE format('CREATE FOREIGN TABLE pg_temp.medallion_probe (line text) SERVER %I '
					   'OPTIONS (bucket %L, path ''_medallion/doctor'', format ''text'')', server, bucket);
		EXECUTE 'INSERT INTO pg_temp.medallion_probe VALUES (''written by medallion.doctor()'')';
		PERFORM FROM public.fdw_s3_finish();
		SELECT s.last_modified INTO modified FROM public.fdw_s3_stat(server, bucket, '_medallion/doctor') s;
		PERFORM public.fdw_s3_delete(server, bucket, '_medallion/doctor');
		DROP FOREIGN TABLE pg_temp.medallion_probe;
		RETURN NEXT (subject || ': write', true, 'an object was written and deleted', NULL)::medallion.finding;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
		RETURN NEXT medallion.complaint(subject || ': write', SQLERRM, detail, hint,
										'The keys need the rights to put and delete objects.');
		RETURN;
	END;
	skew := modified - clock_timestamp();
	RETURN NEXT (subject || ': clock', abs(extract(epoch FROM skew)) < 60, format('%s s apart', round(extract(epoch FROM skew))),
				 CASE WHEN abs(extract(epoch FROM skew)) >= 60 THEN 'Set both clocks by NTP: S3 refuses requests that '
				 'are 15 minutes off.' END)::medallion.finding;
END
$$;
COMMENT ON FUNCTION medallion.probe_bucket(name, text) IS 'lists a bucket, writes and deletes an object';

CREATE FUNCTION medallion.probe_kafka(server name, topic text) RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := format('server %s, topic %s', server, topic);
	started timestamptz := clock_timestamp();
	found record;
	detail text;
	hint text;
BEGIN
	SELECT count(*) AS partitions, sum(w.high - w.low) AS records INTO found FROM public.fdw_kafka_watermarks(server, topic) w;
	RETURN NEXT (subject, true, format('%s partitions, offsets for %s records, %s ms', found.partitions, found.records,
									   round(extract(epoch FROM clock_timestamp() - started) * 1000)), NULL)::medallion.finding;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN NEXT medallion.complaint(subject, SQLERRM, detail, hint,
									format('Check brokers and security options of server "%s", and the name of the topic.', server));
END
$$;
COMMENT ON FUNCTION medallion.probe_kafka(name, text) IS 'asks a Kafka broker for the partitions of a topic';

-- A city that the service does not know shows as well as another that the key is good.
CREATE FUNCTION medallion.probe_openweather(server name) RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := format('server %s: key', server);
	answer record;
	apart numeric;
	detail text;
	hint text;
BEGIN
	SELECT * INTO answer FROM medallion.openweather('{London}', server);
	IF answer.error IS NOT NULL AND answer.status_code IS DISTINCT FROM 404 THEN
		RETURN NEXT medallion.complaint(subject, answer.error, NULL, NULL, medallion.openweather_hint(answer.status_code, server));
	ELSE
		RETURN NEXT (subject, true, format('accepted, %s ms; asking cost one call', round(extract(epoch FROM answer.elapsed) * 1000)),
					 NULL)::medallion.finding;
	END IF;
	IF answer.server_time IS NOT NULL THEN
		apart := round(extract(epoch FROM answer.server_time - answer.received_at));
		RETURN NEXT (format('server %s: clock', server), abs(apart) < 60, format('%s s apart', apart),
					 CASE WHEN abs(apart) >= 60 THEN 'Set this machine''s clock by NTP: readings carry its time.' END)::medallion.finding;
	END IF;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN NEXT medallion.complaint(subject, SQLERRM, detail, hint, format('Check server "%s" and the user mapping.', server));
END
$$;
COMMENT ON FUNCTION medallion.probe_openweather(name) IS 'asks OpenWeather for the weather of one city, which costs a call, and compares the clocks';

-- The method of the first line of pg_hba.conf that is for a role, this database and an address (NULL: a Unix socket).
CREATE FUNCTION medallion.hba_method(role name, host inet) RETURNS text
	LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.auth_method
	  FROM pg_hba_file_rules r
	 WHERE r.error IS NULL
	   AND r.type = ANY (CASE WHEN host IS NULL THEN '{local}'::text[]
						 WHEN current_setting('ssl') = 'on' THEN '{host,hostssl}' ELSE '{host,hostnossl}' END)
	   AND (r.database && ARRAY['all', current_database()::text] OR ('sameuser' = ANY (r.database) AND role = current_database()))
	   AND EXISTS (SELECT FROM unnest(r.user_name) u
					WHERE u IN ('all', role) OR u IN (SELECT '+' || g.rolname FROM pg_roles g WHERE pg_has_role(role, g.oid, 'MEMBER')))
	   AND (host IS NULL OR r.address IN ('all', 'samehost', 'samenet')
			OR CASE WHEN r.address ~ '^[0-9a-f.:]+$' AND family(r.address::inet) = family(host)
			   THEN (host & r.netmask::inet) = (r.address::inet & r.netmask::inet) ELSE false END)
	 ORDER BY r.line_number LIMIT 1
$$;
COMMENT ON FUNCTION medallion.hba_method(name, inet) IS 'how pg_hba.conf has a role log in to this database from an address';

-- The addresses that pg_cron may come from: "localhost" is two of them where the server listens on both.
CREATE FUNCTION medallion.cron_address() RETURNS SETOF inet
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a FROM unnest(CASE WHEN medallion.cron_setting('host') IN ('', 'localhost') THEN '{127.0.0.1,::1}'
						 WHEN medallion.cron_setting('host') ~ '^[0-9a-f.:]+$' THEN ARRAY[medallion.cron_setting('host')::inet]
						 WHEN medallion.cron_setting('host') LIKE '/%' THEN '{NULL}' END::inet[]) a
	 WHERE a IS DISTINCT FROM '::1' OR current_setting('listen_addresses') ~ '[*]|::|localhost'
$$;
COMMENT ON FUNCTION medallion.cron_address() IS 'addresses from which pg_cron connects, NULL for a Unix socket';

-- A line of pg_hba.conf that lets everybody on the machine in as a superuser is no advice.
CREATE FUNCTION medallion.cron_login_advice(role name) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	host text := COALESCE(medallion.cron_setting('host'), '');
	by_socket boolean := host = '' OR host LIKE '/%';
	place text := CASE WHEN host LIKE '%:%' THEN host || '/128' WHEN host ~ '^[0-9.]+$' THEN host || '/32' ELSE host END;
	line text := CASE WHEN by_socket THEN format('local %s %s trust', current_database(), role)
				 ELSE format('host %s %s %s trust', current_database(), role, place) END;
BEGIN
	RETURN format('pg_cron connects to %s without a password. Either put "%s:%s:%s:%s:PASSWORD" into .pgpass (mode 600) in the '
				  'home folder of the server''s operating system user, or set cron.use_background_workers = on and restart',
				  CASE WHEN by_socket THEN 'the server''s socket' ELSE host END,
				  CASE WHEN by_socket THEN '*' ELSE replace(host, ':', '\:') END, current_setting('port'), current_database(), role)
		   || CASE WHEN (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = role) THEN '.'
			  ELSE format(', or, if everybody who can reach that address may act as this role, put "%s" before the other lines of '
						  'pg_hba.conf and reload.', line) END;
END
$$;
COMMENT ON FUNCTION medallion.cron_login_advice(name) IS 'how to let pg_cron log in as a role';

-- What the last try of each job says; where there was none, what pg_hba.conf says to those who may read it.
CREATE FUNCTION medallion.probe_cron_login() RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	login record;
	method text;
	problem text;
BEGIN
	IF medallion.cron_setting('use_background_workers') = 'on' THEN
		RETURN NEXT ('pg_cron: login', true, 'jobs run in background workers, without a login', NULL)::medallion.finding;
		RETURN;
	END IF;
	FOR login IN EXECUTE $query$
		SELECT DISTINCT ON (j.username) j.username, d.status, COALESCE(d.return_message, '') LIKE '%connection failed%' AS refused
		  FROM cron.job j LEFT JOIN LATERAL (SELECT * FROM cron.job_run_details d WHERE d.jobid = j.jobid
											  ORDER BY d.runid DESC LIMIT 1) d ON true
		 WHERE j.jobname LIKE 'medallion: %'
		 UNION ALL
		SELECT current_user, NULL, false WHERE NOT EXISTS (SELECT FROM cron.job j WHERE j.jobname LIKE 'medallion: %')
		 ORDER BY username, refused DESC $query$
	LOOP
		method := NULL;
		IF login.status IS NULL AND has_function_privilege('pg_hba_file_rules()', 'EXECUTE') THEN
			SELECT m INTO method FROM medallion.cron_address() a CROSS JOIN LATERAL medallion.hba_method(login.username, a) m
			 WHERE m IN ('password', 'md5', 'scram-sha-256', 'reject', 'ldap', 'pam', 'radius') LIMIT 1;
		END IF;
		problem := CASE WHEN login.refused THEN format('role "%s" could not log in to database "%s"', login.username, current_database())
				   WHEN method IS NOT NULL THEN format('pg_hba.conf asks role "%s" for "%s" in database "%s"; no job has run yet',
													   login.username, method, current_database()) END;
		RETURN NEXT ('pg_cron: login', problem IS NULL,
					 COALESCE(problem, format('role "%s": %s', login.username,
											  CASE WHEN login.status IS NULL THEN 'no job has run yet' ELSE 'logs in' END)),
					 CASE WHEN problem IS NOT NULL THEN
					 medallion.cron_login_advice(login.username) END)::medallion.finding;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.probe_cron_login() IS 'whether pg_cron can log in as the roles that have jobs';

CREATE FUNCTION medallion.probe_cron() RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	hint text;
	alive boolean;
BEGIN
	BEGIN
		PERFORM medallion.require_cron('CREATE EXTENSION medallion');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		IF medallion.cron_setting('database_name') <> current_database() THEN
			hint := 'medallion.schedule() prints the statement that schedules a pipeline from there.';
		END IF;
		RETURN NEXT ('pg_cron: installed', false, SQLERRM, hint)::medallion.finding;
	END;
	-- only who may see other sessions can tell
	IF medallion.cron_setting('database_name') IS NOT NULL AND pg_has_role('pg_read_all_stats', 'USAGE') THEN
		alive := EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher');
		RETURN NEXT ('pg_cron: launcher', alive, CASE WHEN alive THEN 'running' ELSE 'no launcher process' END,
					 CASE WHEN NOT alive THEN 'Restart the server: a launcher that was terminated does not come back, and one whose '
					 'job''s role was dropped cannot start until the job is deleted from cron.job.' END)::medallion.finding;
	END IF;
	IF medallion.has_cron() THEN
		IF has_schema_privilege('cron', 'USAGE') THEN
			RETURN QUERY SELECT * FROM medallion.probe_cron_login();
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.probe_cron() IS 'whether pg_cron can run jobs';

-- What the catalogs say about a pipeline's server, before anything is sent to it.
CREATE FUNCTION medallion.probe_server(pipeline text, server name, kind text) RETURNS medallion.finding
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := format('pipeline %s: server %s', pipeline, server);
	wrapper text := CASE kind WHEN 'openweather' THEN kind ELSE 'fdw_' || kind END;
	found text;
	owner name;
BEGIN
	SELECT w.fdwname INTO found FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE s.srvname = server;
	IF found IS DISTINCT FROM wrapper THEN
		RETURN (subject, false, CASE WHEN found IS NULL THEN 'it does not exist' ELSE format('it belongs to %s, not to %s', found, wrapper) END,
				CASE WHEN found IS NULL THEN format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (...);', server, wrapper)
				ELSE format('The pipeline needs a server of %s there.', wrapper) END)::medallion.finding;
	END IF;
	SELECT p.owner INTO owner FROM medallion.pipeline p WHERE p.name = pipeline;
	IF NOT EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvname = server
				   AND (m.umuser = 0 OR m.usename = owner)) THEN
		RETURN (subject, false, format('role "%s", the owner, has no user mapping', owner),
				format('CREATE USER MAPPING FOR %I SERVER %I OPTIONS (...);', owner, server))::medallion.finding;
	ELSIF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = owner AND NOT has_server_privilege(r.oid, server, 'USAGE')) THEN
		RETURN (subject, false, format('role "%s", the owner, may not use it', owner),
				format('GRANT USAGE ON FOREIGN SERVER %I TO %I;', server, owner))::medallion.finding;
	END IF;
	RETURN (subject, true, format('role "%s" has a user mapping', owner), NULL)::medallion.finding;
END
$$;
COMMENT ON FUNCTION medallion.probe_server(text, name, text) IS 'whether a server and a user mapping for the owner are there';

CREATE FUNCTION medallion.doctor() RETURNS TABLE (check_name text, ok boolean, detail text, fix text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	e record;
	f medallion.finding;
BEGIN
	RETURN QUERY SELECT * FROM medallion.probe_cron();
	FOR e IN SELECT DISTINCT p.pipeline, p.server, p.kind FROM medallion.endpoint p
		WHERE medallion.is_operator(p.pipeline, current_user) ORDER BY 1, 2, 3
	LOOP
		f := medallion.probe_server(e.pipeline, e.server, e.kind);
		RETURN QUERY SELECT f.*;
	END LOOP;
	RETURN QUERY
		SELECT format('pipeline %s: servers', p.name), NULL::boolean, format('not tried: they are role "%s"''s to try', p.owner),
			   format('SET ROLE %I; SELECT * FROM medallion.doctor();', p.owner)
		  FROM medallion.pipeline p
		 WHERE p.owner <> current_user AND medallion.is_operator(p.name, current_user)
		   AND EXISTS (SELECT FROM medallion.endpoint x WHERE x.pipeline = p.name)
		 ORDER BY p.name;
	FOR e IN SELECT DISTINCT p.server, p.kind, p.target FROM medallion.endpoint p
		JOIN medallion.pipeline l ON l.name = p.pipeline AND l.owner = current_user
		JOIN pg_foreign_server s ON s.srvname = p.server ORDER BY 2, 1, 3
	LOOP
		CASE e.kind
			WHEN 'mysql' THEN RETURN QUERY SELECT * FROM medallion.probe_mysql(e.server);
			WHEN 's3' THEN RETURN QUERY SELECT * FROM medallion.probe_bucket(e.server, e.target);
			WHEN 'kafka' THEN RETURN QUERY SELECT * FROM medallion.probe_kafka(e.server, e.target);
			WHEN 'openweather' THEN RETURN QUERY SELECT * FROM medallion.probe_openweather(e.server);
		END CASE;
	END LOOP;
	RETURN QUERY
		SELECT format('pipeline %s: last run', r.pipeline), r.state IN ('succeeded', 'running'),
			   format('run %s %s', r.run_id, r.state) || COALESCE(': ' || r.message, ''),
			   CASE WHEN r.state = 'failed' THEN medallion.job_command(r.pipeline) || ';' END
		  FROM medallion.latest_run r WHERE r.run_id IS NOT NULL ORDER BY r.pipeline;
END
$$;
COMMENT ON FUNCTION medallion.doctor() IS
'tries everything that the pipelines need: servers, credentials, buckets, topics, pg_cron, clocks; fix says what to do where ok is not true';

--
-- Own: which schemas and tables a pipeline takes for its own. Its steps run with the rights of its owner, who may be a
-- superuser, so they must not meet there what somebody else made: neither functions nor triggers nor tables.
--

CREATE FUNCTION medallion.owner_of(pipeline text) RETURNS oid
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT r.oid FROM medallion.pipeline p JOIN pg_roles r ON r.rolname = p.owner WHERE p.name = pipeline $$;
COMMENT ON FUNCTION medallion.owner_of(text) IS 'role that owns a pipeline';

-- What is made belongs to its maker, and steps run as the owner.
CREATE FUNCTION medallion.check_maker(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF medallion.owner_of($1) IS DISTINCT FROM (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'only the owner of pipeline "%" can make its tables', $1
			USING ERRCODE = 'insufficient_privilege', HINT = format('SET ROLE %I', (SELECT p.owner FROM medallion.pipeline p WHERE p.name = $1));
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_maker(text) IS 'an ERROR unless the current role is the owner of the pipeline';

-- Whoever owns a schema can replace what is in it. Superusers may do so anyway; "public", which may be the database
-- owner's, is taken because own_table() looks at every table again before it is used.
CREATE FUNCTION medallion.make_schema(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder pg_roles;
BEGIN
	IF to_regnamespace(quote_ident(name)) IS NULL THEN
		PERFORM medallion.check_maker($1);
		EXECUTE format('CREATE SCHEMA %I', name);
		RETURN;
	END IF;
	SELECT r.* INTO holder FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = name;
	IF NOT (holder.oid = medallion.owner_of($1) OR holder.rolsuper OR (name = 'public' AND holder.rolname = 'pg_database_owner')) THEN
		RAISE EXCEPTION 'schema "%" belongs to role "%"', name, holder.rolname
			USING ERRCODE = 'duplicate_schema', DETAIL = format('The tables of pipeline "%s" need a schema of its owner.', $1),
				HINT = format('Drop or rename that schema, or as that role: ALTER SCHEMA %I OWNER TO ...', name);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_schema(text, name) IS 'make a schema of a pipeline; an ERROR if it is somebody else''s';

-- Look at it with the table locked where others could replace it.
CREATE FUNCTION medallion.own_table(pipeline text, name text) RETURNS regclass
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass := to_regclass(name);
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'table % of pipeline "%" does not exist', name, $1
			USING ERRCODE = 'undefined_table', HINT = format('SELECT medallion.repair(%L) makes it again.', $1);
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relowner = medallion.owner_of($1) AND c.relkind IN ('r', 'f')) THEN
		RAISE EXCEPTION '% is no table of the owner of pipeline "%"', relation, $1
			USING ERRCODE = 'insufficient_privilege', HINT = 'Its triggers and functions would run with the owner''s rights.';
	END IF;
	RETURN relation;
END
$$;
COMMENT ON FUNCTION medallion.own_table(text, text) IS 'a table of a pipeline; an ERROR if it is missing or belongs to somebody else';

-- Foreign tables carry the name of their pipeline in their comment, tables in a trigger: see note_edit().
CREATE FUNCTION medallion.made_for(pipeline text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT format(' (pipeline %s)', pipeline) $$;
COMMENT ON FUNCTION medallion.made_for(text) IS 'end of the comments on the foreign tables that a pipeline makes';

CREATE FUNCTION medallion.refuse_table(pipeline text, name text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'table % exists already', name
		USING ERRCODE = 'duplicate_table', DETAIL = format('Pipeline "%s" did not make it, or it belongs to another role.', $1),
			HINT = 'Rename, move or drop it.';
END
$$;
COMMENT ON FUNCTION medallion.refuse_table(text, text) IS 'the ERROR for a table that stands where a pipeline''s should';

-- What an earlier install of the pipeline made is made anew.
CREATE FUNCTION medallion.clear_foreign_table(pipeline text, name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass := to_regclass(name);
	mark text := medallion.made_for($1);
BEGIN
	PERFORM medallion.check_maker($1);
	IF relation IS NULL THEN
		RETURN;
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind = 'f' AND c.relowner = medallion.owner_of($1)
					  AND right(obj_description(c.oid, 'pg_class'), length(mark)) = mark) THEN
		PERFORM medallion.refuse_table($1, name);
	END IF;
	EXECUTE format('DROP FOREIGN TABLE %s', name);
END
$$;
COMMENT ON FUNCTION medallion.clear_foreign_table(text, text) IS 'drop a foreign table that the pipeline made; any other is an ERROR';

-- The queries of the models look for tables in the work schema under their bare names.
CREATE FUNCTION medallion.check_table_name(name name) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name = '_mark' OR to_regclass(format('pg_catalog.%I', name)) IS NOT NULL THEN
		RAISE EXCEPTION 'table name "%" is reserved', name USING ERRCODE = 'reserved_name';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_table_name(name) IS 'an ERROR for names of catalogs and of what the work schema has besides';
--
-- Layers: a schema of a pipeline's tables, and the bucket in which they stand as objects.
--

CREATE TABLE medallion.layer (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	name text NOT NULL,
	schema_name name NOT NULL,
	lake_schema name,
	server name,
	bucket text,
	PRIMARY KEY (pipeline, name),
	CHECK ((server IS NULL) OPERATOR(pg_catalog.=) (bucket IS NULL)),
	CHECK (lake_schema IS NULL OR server IS NOT NULL)
);
COMMENT ON TABLE medallion.layer IS 'the layers of a pipeline: raw, and those that its models fill';
COMMENT ON COLUMN medallion.layer.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.layer.name IS 'name of the layer within the pipeline';
COMMENT ON COLUMN medallion.layer.schema_name IS 'schema of the tables; of layer raw: of the foreign tables over its objects';
COMMENT ON COLUMN medallion.layer.lake_schema IS 'schema of the foreign tables through which the layer is exported, or NULL';
COMMENT ON COLUMN medallion.layer.server IS 'name of the fdw_s3 server that has the bucket';
COMMENT ON COLUMN medallion.layer.bucket IS 'bucket of the layer''s objects';

-- A foreign table's metadata columns hold no data of its rows; generated columns cannot be written.
CREATE FUNCTION medallion.data_columns(relation regclass) RETURNS name[]
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(a.attname ORDER BY a.attnum)
	  FROM pg_attribute a
	 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
	   AND NOT EXISTS (SELECT FROM unnest(a.attfdwoptions) AS o WHERE o LIKE 'metadata=%')
$$;
COMMENT ON FUNCTION medallion.data_columns(regclass) IS 'names of a table''s columns, without metadata and generated columns';

CREATE FUNCTION medallion.column_list(names name[], template text DEFAULT '%1$s', separator text DEFAULT ', ') RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format(template, quote_ident(n)), separator ORDER BY i)
	  FROM unnest(names) WITH ORDINALITY AS u (n, i)
$$;
COMMENT ON FUNCTION medallion.column_list(name[], text, text) IS
'column names for SQL text: each quoted and put where the template says %1$s';

CREATE FUNCTION medallion.create_layer(pipeline text, name text, schema_name name, server name DEFAULT NULL,
		bucket text DEFAULT NULL, lake_schema name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	INSERT INTO medallion.layer (pipeline, name, schema_name, lake_schema, server, bucket) VALUES ($1, $2, $3, $6, $4, $5);
	PERFORM medallion.make_schema($1, s) FROM unnest(array_remove(ARRAY[schema_name, lake_schema], NULL)) s;
END
$$;
COMMENT ON FUNCTION medallion.create_layer(text, text, name, name, text, name) IS 'add a layer to a pipeline and make its schemas';
--
-- Sources: the tables that ingest copies into raw objects, and the guard over their size.
--

CREATE TABLE medallion.source (
	pipeline text NOT NULL,
	layer text NOT NULL DEFAULT 'raw' CHECK (layer = 'raw'),
	name name NOT NULL,
	source text NOT NULL,
	path text NOT NULL,
	key name[] NOT NULL,
	max_shrink numeric NOT NULL DEFAULT 0.5 CHECK (max_shrink BETWEEN 0 AND 1),
	rows bigint,
	shrink_accepted boolean NOT NULL DEFAULT false,
	leave_out name[] NOT NULL DEFAULT '{}',
	PRIMARY KEY (pipeline, name),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE
);
COMMENT ON TABLE medallion.source IS 'tables that a pipeline copies into raw objects';
COMMENT ON COLUMN medallion.source.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.source.layer IS 'always raw';
COMMENT ON COLUMN medallion.source.name IS 'name of the foreign table over the raw objects';
COMMENT ON COLUMN medallion.source.source IS 'table that is read, qualified and quoted';
COMMENT ON COLUMN medallion.source.path IS 'object that is written, replaced in place';
COMMENT ON COLUMN medallion.source.key IS 'columns that give the rows their order';
COMMENT ON COLUMN medallion.source.max_shrink IS 'share of the last run''s rows that may go missing at once';
COMMENT ON COLUMN medallion.source.rows IS 'rows that the last ingest found';
COMMENT ON COLUMN medallion.source.shrink_accepted IS 'the next ingest may find any number of rows';
COMMENT ON COLUMN medallion.source.leave_out IS 'columns of the source that are not copied';

-- A database dropped and half restored at the source looks like mass deletion. It must not be published as such.
CREATE FUNCTION medallion.guard(s medallion.source, rows bigint) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF s.shrink_accepted OR (rows > 0 AND rows >= COALESCE(s.rows, 0) * (1 - s.max_shrink)) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'check_violation',
		MESSAGE = CASE WHEN rows = 0 THEN format('source table "%s" is empty', s.name)
				  ELSE format('source table "%s" has shrunk from %s to %s rows', s.name, s.rows, rows) END,
		DETAIL = format('Nothing was published: pipeline "%s" accepts a loss of at most %s %% of a table''s rows between '
						'two runs, and no empty table.', s.pipeline, trim_scale(s.max_shrink * 100)),
		HINT = format('If the source is right, run: SELECT medallion.accept_shrink(%L, %L)', s.pipeline, s.name);
END
$$;
COMMENT ON FUNCTION medallion.guard(medallion.source, bigint) IS 'fails where a source table is empty or lost too many rows';

CREATE FUNCTION medallion.accept_shrink(pipeline text, table_name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE medallion.source s SET shrink_accepted = true WHERE (s.pipeline, s.name) = ($1, $2);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" has no source table "%"', $1, $2 USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.accept_shrink(text, name) IS 'lets the next ingest of a source table pass with any number of rows';

CREATE FUNCTION medallion.raw_table(s medallion.source) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('%I.%I', l.schema_name, s.name) FROM medallion.layer l WHERE (l.pipeline, l.name) = (s.pipeline, s.layer) $$;
COMMENT ON FUNCTION medallion.raw_table(medallion.source) IS 'the foreign table over the raw object of a source';

CREATE FUNCTION medallion.add_source(pipeline text, name name, source regclass, key name[], leave_out name[] DEFAULT '{}',
		path text DEFAULT NULL, max_shrink numeric DEFAULT 0.5) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	raw medallion.layer;
	object text := COALESCE(path, name || '/part-00000.csv');
	made medallion.source;
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.check_table_name($2);
	SELECT * INTO STRICT raw FROM medallion.layer l WHERE (l.pipeline, l.name) = ($1, 'raw');
	PERFORM medallion.check_planner($1, raw.server, raw.bucket, object);
	INSERT INTO medallion.source AS s (pipeline, name, source, path, key, max_shrink, leave_out) VALUES ($1, $2, $3, object, $4, $7, $5)
	RETURNING * INTO made;
	PERFORM medallion.make_raw_table(made);
END
$$;
COMMENT ON FUNCTION medallion.add_source(text, name, regclass, name[], name[], text, numeric) IS
'add a source table to a pipeline and make the foreign table over its raw object';

-- The source's columns but those left out.
CREATE FUNCTION medallion.make_raw_table(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	raw medallion.layer := (SELECT l FROM medallion.layer l WHERE (l.pipeline, l.name) = (s.pipeline, s.layer));
	place text := CASE WHEN s.path LIKE '%/%' THEN format('prefix %L', substring(s.path FROM '^.*/')) ELSE format('path %L', s.path) END;
	columns text := (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
					 FROM pg_attribute a
					 WHERE a.attrelid = s.source::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (s.leave_out));
BEGIN
	PERFORM medallion.clear_foreign_table(s.pipeline, medallion.raw_table(s));
	EXECUTE format('CREATE FOREIGN TABLE %s (%s, _path text OPTIONS (metadata ''path'')) SERVER %I OPTIONS '
				   '(bucket %L, %s, format ''csv'', header ''true'', skip_unchanged ''true'')',
				   medallion.raw_table(s), columns, raw.server, raw.bucket, place);
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', medallion.raw_table(s),
				   format('%s as the last ingest found it, in bucket %s', s.source, raw.bucket) || medallion.made_for(s.pipeline));
END
$$;
COMMENT ON FUNCTION medallion.make_raw_table(medallion.source) IS 'make the foreign table over the raw object of a source';
--
-- The work schema of a pipeline: unlogged tables that build fills and publish reads. A crash empties them; the mark, which
-- is unlogged too, then is gone as well, so that nobody takes an empty table for a result.
--

CREATE FUNCTION medallion.work_schema(pipeline text) RETURNS name
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('work_' || pipeline)::name $$;
COMMENT ON FUNCTION medallion.work_schema(text) IS 'schema of a pipeline''s work tables';

CREATE FUNCTION medallion.create_work_schema(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	mark text := format('%I._mark', medallion.work_schema($1));
BEGIN
	PERFORM medallion.make_schema($1, medallion.work_schema($1));
	PERFORM medallion.check_work_schema($1);
	IF to_regclass(mark) IS NULL THEN
		PERFORM medallion.check_maker($1);
		EXECUTE format('CREATE UNLOGGED TABLE %s (model name PRIMARY KEY, build_id bigint NOT NULL, rows bigint NOT NULL)', mark);
		EXECUTE format('COMMENT ON TABLE %s IS ''which build filled which work table''', mark);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.create_work_schema(text) IS 'make the schema of a pipeline''s work tables, where it is missing';

-- The queries of the models run with this schema in their search_path: nobody but the owner may have put anything there.
CREATE FUNCTION medallion.check_work_schema(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema name := medallion.work_schema($1);
	owner oid := medallion.owner_of($1);
	place pg_namespace;
	stranger oid;
BEGIN
	SELECT n.* INTO place FROM pg_namespace n WHERE n.nspname = schema;
	SELECT s.role INTO stranger
	FROM (SELECT place.nspowner AS role
		  UNION ALL SELECT a.grantee FROM aclexplode(place.nspacl) a WHERE a.privilege_type = 'CREATE'
		  UNION ALL SELECT c.relowner FROM pg_class c WHERE c.relnamespace = place.oid
		  UNION ALL SELECT p.proowner FROM pg_proc p WHERE p.pronamespace = place.oid
		  UNION ALL SELECT o.oprowner FROM pg_operator o WHERE o.oprnamespace = place.oid
		  UNION ALL SELECT t.typowner FROM pg_type t WHERE t.typnamespace = place.oid) s
	WHERE s.role IS DISTINCT FROM owner LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'schema "%" is not the pipeline''s alone', schema
			USING ERRCODE = 'insufficient_privilege',
				DETAIL = format('%s owns it or something in it, or may create there.',
								CASE WHEN stranger = 0 THEN 'PUBLIC' ELSE format('Role "%s"', pg_get_userbyid(stranger)) END),
				HINT = format('Drop the schema: pipeline "%s" makes it again.', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_work_schema(text) IS 'an ERROR if anybody but the owner has or may put something into the work schema';

CREATE FUNCTION medallion.work_marks(pipeline text) RETURNS TABLE (model name, build_id bigint, rows bigint)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark regclass := to_regclass(format('%I._mark', medallion.work_schema($1)));
BEGIN
	IF EXISTS (SELECT FROM pg_class c WHERE c.oid = mark AND c.relkind = 'r' AND c.relowner = medallion.owner_of($1)) THEN
		RETURN QUERY EXECUTE format('SELECT model, build_id, rows FROM %s', mark);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.work_marks(text) IS 'which build filled which work table, with how many rows; none if the owner has no such table';
--
-- Models: the tables that a pipeline builds, each from a query over the raw tables and the models before it.
--

CREATE TABLE medallion.model (
	pipeline text NOT NULL,
	name name NOT NULL,
	layer text NOT NULL,
	position integer NOT NULL,
	key name[] NOT NULL,
	query text NOT NULL,
	comment text,
	columns text[] NOT NULL,
	PRIMARY KEY (pipeline, name),
	UNIQUE (pipeline, position),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE
);
COMMENT ON TABLE medallion.model IS 'a table that a pipeline builds and publishes';
COMMENT ON COLUMN medallion.model.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model.name IS 'name of the table in its layer''s schema, and by which later queries read it';
COMMENT ON COLUMN medallion.model.layer IS 'the layer';
COMMENT ON COLUMN medallion.model.position IS 'order in which the models were added and are built';
COMMENT ON COLUMN medallion.model.key IS 'columns of the primary key';
COMMENT ON COLUMN medallion.model.query IS 'query whose columns are those of the table; names its inputs without a schema';
COMMENT ON COLUMN medallion.model.comment IS 'comment of the table';
COMMENT ON COLUMN medallion.model.columns IS 'columns of the table: name, type and comment of each';

CREATE TABLE medallion.model_reference (
	pipeline text NOT NULL,
	model name NOT NULL,
	column_name name NOT NULL,
	parent name NOT NULL,
	PRIMARY KEY (pipeline, model, column_name),
	FOREIGN KEY (pipeline, model) REFERENCES medallion.model ON DELETE CASCADE,
	FOREIGN KEY (pipeline, parent) REFERENCES medallion.model ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE medallion.model_reference IS 'a foreign key of a model';
COMMENT ON COLUMN medallion.model_reference.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.model_reference.model IS 'the model whose table has the foreign key';
COMMENT ON COLUMN medallion.model_reference.column_name IS 'its column';
COMMENT ON COLUMN medallion.model_reference.parent IS 'the model whose key it refers to';

CREATE TABLE medallion.publication (
	pipeline text NOT NULL,
	model name NOT NULL,
	version bigint NOT NULL DEFAULT 0,
	rows bigint,
	changed_at timestamptz,
	exported bigint,
	edited boolean NOT NULL DEFAULT false,
	PRIMARY KEY (pipeline, model),
	FOREIGN KEY (pipeline, model) REFERENCES medallion.model ON DELETE CASCADE
);
COMMENT ON TABLE medallion.publication IS 'what readers of a model''s table see';
COMMENT ON COLUMN medallion.publication.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.publication.model IS 'the model';
COMMENT ON COLUMN medallion.publication.version IS 'number of times that the table has changed';
COMMENT ON COLUMN medallion.publication.rows IS 'rows of the table';
COMMENT ON COLUMN medallion.publication.changed_at IS 'when it last changed';
COMMENT ON COLUMN medallion.publication.exported IS 'version that stands in the bucket';
COMMENT ON COLUMN medallion.publication.edited IS 'somebody else has written to the table since it was published';

CREATE VIEW medallion.model_table WITH (security_invoker) AS
	SELECT m.pipeline, m.name, m.layer, m.position, m.key, m.query,
		   pg_catalog.format('%I.%I', l.schema_name, m.name) AS target,
		   pg_catalog.format('%I.%I', medallion.work_schema(m.pipeline), m.name) AS work,
		   CASE WHEN l.lake_schema IS NOT NULL THEN pg_catalog.format('%I.%I', l.lake_schema, m.name) END AS lake,
		   CASE WHEN l.lake_schema IS NOT NULL THEN pg_catalog.format('%s/part-00000.csv', m.name) END AS path,
		   l.server, l.bucket
	  FROM medallion.model m
	  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) m.pipeline AND l.name OPERATOR(pg_catalog.=) m.layer;
COMMENT ON VIEW medallion.model_table IS 'models with the tables and the object that belong to them';

CREATE VIEW medallion.planned_object WITH (security_invoker) AS
	SELECT l.server, l.bucket, s.path, s.pipeline, s.layer, s.name AS table_name
	  FROM medallion.source s
	  JOIN medallion.layer l ON l.pipeline OPERATOR(pg_catalog.=) s.pipeline AND l.name OPERATOR(pg_catalog.=) s.layer
	UNION ALL
	SELECT m.server, m.bucket, m.path, m.pipeline, m.layer, m.name
	  FROM medallion.model_table m
	 WHERE m.path IS NOT NULL;
COMMENT ON VIEW medallion.planned_object IS 'the objects that pipelines write';

-- Add a model and make its table. Each line of "columns" is a name, a type and a comment.
CREATE FUNCTION medallion.add_model(pipeline text, layer text, name name, comment text, key name[], columns text[],
		query text, model_references name[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m medallion.model_table;
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.check_table_name($3);
	INSERT INTO medallion.model (pipeline, name, layer, position, key, query, comment, columns)
	SELECT $1, $3, $2, COALESCE(max(d.position), 0) + 1, $5, $7, $4, $6 FROM medallion.model d WHERE d.pipeline = $1;
	INSERT INTO medallion.publication (pipeline, model) VALUES ($1, $3);
	INSERT INTO medallion.model_reference (pipeline, model, column_name, parent)
	SELECT $1, $3, model_references[n][1], model_references[n][2] FROM generate_subscripts(model_references, 1) n;

	SELECT * INTO STRICT m FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $3);
	PERFORM medallion.check_planner($1, m.server, m.bucket, m.path);
	IF to_regclass(m.target) IS NULL THEN
		PERFORM medallion.make_target(m);
	ELSIF NOT medallion.is_target(m) THEN
		PERFORM medallion.refuse_table($1, m.target);
	END IF;
	PERFORM medallion.add_lake_table($1, $3);
END
$$;
COMMENT ON FUNCTION medallion.add_model(text, text, name, text, name[], text[], text, name[]) IS
'add a model to a pipeline and make its table and, where its layer is exported, the foreign table over its object';

-- Without keys: the first publication adds them after the rows.
CREATE FUNCTION medallion.make_target(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	model medallion.model := (SELECT d FROM medallion.model d WHERE (d.pipeline, d.name) = (m.pipeline, m.name));
	definition text := (SELECT string_agg(format('%I %s', model.columns[n][1], model.columns[n][2]), ', ' ORDER BY n)
						FROM generate_subscripts(model.columns, 1) n);
BEGIN
	PERFORM medallion.check_maker(m.pipeline);
	EXECUTE format('CREATE TABLE %s (%s)', m.target, definition);
	EXECUTE format('COMMENT ON TABLE %s IS %L', m.target, model.comment);
	FOR i IN 1 .. array_length(model.columns, 1) LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', m.target, model.columns[i][1], model.columns[i][3]);
	END LOOP;
	PERFORM medallion.watch_target(m);
END
$$;
COMMENT ON FUNCTION medallion.make_target(medallion.model_table) IS 'make the table of a model';

-- Both the sign that the pipeline made the table, which outlives the pipeline, and how publish() learns of edits.
CREATE FUNCTION medallion.watch_target(m medallion.model_table) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_maker(m.pipeline);
	EXECUTE format('CREATE TRIGGER medallion_edit AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
				   'FOR EACH STATEMENT EXECUTE FUNCTION medallion.note_edit(%L, %L)',
				   medallion.own_table(m.pipeline, m.target), m.pipeline, m.name);
END
$$;
COMMENT ON FUNCTION medallion.watch_target(medallion.model_table) IS 'have edits of a model''s table noted';

-- Runs in whatever transaction edits the table, with the rights to write it down. A trigger on another table has no say.
CREATE FUNCTION medallion.note_edit() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE medallion.publication p SET edited = true
	FROM medallion.model_table t
	WHERE (p.pipeline, p.model) = (TG_ARGV[0], TG_ARGV[1]) AND NOT p.edited
	  AND (t.pipeline, t.name) = (p.pipeline, p.model) AND to_regclass(t.target) = TG_RELID;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION medallion.note_edit() IS 'trigger: the table of a model (arguments: pipeline, model) may not be what was published';

CREATE FUNCTION medallion.is_target(m medallion.model_table) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
					WHERE c.oid = to_regclass(m.target) AND c.relkind = 'r' AND c.relowner = medallion.owner_of(m.pipeline)
					  AND t.tgfoid = 'medallion.note_edit()'::regprocedure
					  AND t.tgargs = convert_to(m.pipeline, getdatabaseencoding()) || '\x00'::bytea
									 || convert_to(m.name::text, getdatabaseencoding()) || '\x00'::bytea)
$$;
COMMENT ON FUNCTION medallion.is_target(medallion.model_table) IS 'whether the table of a model is one that its pipeline made';

CREATE FUNCTION medallion.add_lake_table(pipeline text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m medallion.model_table;
	definition text;
BEGIN
	SELECT * INTO STRICT m FROM medallion.model_table t WHERE (t.pipeline, t.name) = ($1, $2);
	IF m.lake IS NULL THEN
		RETURN;
	END IF;
	SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
	INTO STRICT definition
	FROM pg_attribute a WHERE a.attrelid = m.target::regclass AND a.attname = ANY (medallion.data_columns(m.target::regclass));
	PERFORM medallion.clear_foreign_table($1, m.lake);
	EXECUTE format('CREATE FOREIGN TABLE %s (%s, _path text OPTIONS (metadata ''path'')) SERVER %I OPTIONS '
				   '(bucket %L, prefix %L, format ''csv'', header ''true'', skip_unchanged ''true'')',
				   m.lake, definition, m.server, m.bucket, m.name || '/');
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', m.lake, format('%s as it stands in bucket %s', m.target, m.bucket) || medallion.made_for($1));
END
$$;
COMMENT ON FUNCTION medallion.add_lake_table(text, name) IS 'make the foreign table over the object of a model';
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
--
-- The ledger of objects: what the pipelines have written, so that what stands in a bucket can be told from what should.
--

CREATE TABLE medallion.object (
	server name NOT NULL,
	bucket text NOT NULL,
	path text NOT NULL,
	pipeline text NOT NULL,
	layer text NOT NULL,
	table_name name NOT NULL,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	etag text NOT NULL,
	sha256 text,
	run_id bigint,
	written_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	system_identifier bigint NOT NULL DEFAULT (pg_catalog.pg_control_system()).system_identifier,
	PRIMARY KEY (pipeline, server, bucket, path),
	FOREIGN KEY (pipeline, layer) REFERENCES medallion.layer ON DELETE CASCADE
);
COMMENT ON TABLE medallion.object IS 'objects that the pipelines have written and vouch for';
COMMENT ON COLUMN medallion.object.server IS 'name of the fdw_s3 server';
COMMENT ON COLUMN medallion.object.bucket IS 'the bucket';
COMMENT ON COLUMN medallion.object.path IS 'name of the object in the bucket';
COMMENT ON COLUMN medallion.object.pipeline IS 'pipeline that wrote it';
COMMENT ON COLUMN medallion.object.layer IS 'the layer';
COMMENT ON COLUMN medallion.object.table_name IS 'source or model whose rows it holds';
COMMENT ON COLUMN medallion.object.rows IS 'number of rows';
COMMENT ON COLUMN medallion.object.bytes IS 'size';
COMMENT ON COLUMN medallion.object.etag IS 'what a listing must show';
COMMENT ON COLUMN medallion.object.sha256 IS 'hash of the bytes';
COMMENT ON COLUMN medallion.object.run_id IS 'run that wrote these bytes';
COMMENT ON COLUMN medallion.object.written_at IS 'when these bytes were written';
COMMENT ON COLUMN medallion.object.system_identifier IS 'the PostgreSQL cluster that wrote it, as pg_control_system() tells it';

-- Refuse to touch buckets that another cluster's ledger may still vouch for: after a restore, two databases would
-- overwrite each other's objects.
CREATE FUNCTION medallion.check_cluster(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	other bigint;
BEGIN
	SELECT o.system_identifier INTO other
	FROM (SELECT c.pipeline, c.system_identifier FROM medallion.object c
		  UNION ALL
		  SELECT t.pipeline, t.system_identifier FROM medallion.weather_topic t) o
	WHERE o.pipeline = $1 AND o.system_identifier <> (pg_control_system()).system_identifier
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'objects of pipeline "%" were written by another cluster', $1
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('The ledger names cluster %s; this is %s.', other, (pg_control_system()).system_identifier),
				HINT = 'If this cluster takes the place of the other, as after pg_upgrade, run: SELECT medallion.adopt_cluster()';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_cluster(text) IS 'fails where the ledger was filled by another cluster';

CREATE FUNCTION medallion.adopt_cluster() RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH adopted AS (
		UPDATE medallion.object SET system_identifier = (pg_control_system()).system_identifier
		WHERE system_identifier <> (pg_control_system()).system_identifier
		RETURNING 1), adopted_topic AS (
		UPDATE medallion.weather_topic SET system_identifier = (pg_control_system()).system_identifier
		WHERE system_identifier <> (pg_control_system()).system_identifier
		RETURNING pipeline)
	SELECT (SELECT count(*) FROM adopted) + (SELECT count(*) FROM medallion.raw_object r JOIN adopted_topic a ON a.pipeline = r.pipeline);
END;
COMMENT ON FUNCTION medallion.adopt_cluster() IS 'makes this cluster the writer of the objects in its ledger; returns how many it took over';

-- Two pipelines that write the same object would overwrite each other's rows for ever. Sees the pipelines of all roles.
CREATE FUNCTION medallion.planner(server name, bucket text, path text) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.pipeline FROM medallion.planned_object p WHERE (p.server, p.bucket, p.path) = ($1, $2, $3) $$;
COMMENT ON FUNCTION medallion.planner(name, text, text) IS 'pipelines that write an object';

CREATE FUNCTION medallion.check_planner(pipeline text, server name, bucket text, path text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	other text;
BEGIN
	SELECT p INTO other FROM medallion.planner(server, bucket, path) p WHERE p <> $1;
	IF FOUND THEN
		RAISE EXCEPTION 'object "%" in bucket "%" is written by pipeline "%"', path, bucket, other
			USING ERRCODE = 'duplicate_object', HINT = 'Give the pipeline a bucket of its own.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_planner(text, name, text, text) IS 'an ERROR if another pipeline writes an object';

-- Writes to other objects than the pipeline's are completed too, but not entered.
CREATE FUNCTION medallion.finish_objects(pipeline text)
RETURNS TABLE (layer text, table_name name, rows bigint, bytes bigint, uploaded boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH finished AS MATERIALIZED (
		SELECT p.layer, p.table_name, f.* FROM public.fdw_s3_finish() f
		JOIN medallion.planned_object p ON (p.server, p.bucket, p.path) = (f.server, f.bucket, f.path)
		WHERE p.pipeline = $1
	), entered AS (
		INSERT INTO medallion.object AS o
			(server, bucket, path, pipeline, layer, table_name, rows, bytes, etag, sha256, run_id)
		SELECT f.server, f.bucket, f.path, $1, f.layer, f.table_name, f.rows, f.bytes, f.etag, f.sha256,
			medallion.current_run()
		FROM finished f
		ON CONFLICT ON CONSTRAINT object_pkey DO UPDATE
		SET (layer, table_name, rows, bytes, etag, sha256, run_id, written_at, system_identifier) =
			(excluded.layer, excluded.table_name, excluded.rows, excluded.bytes, excluded.etag, excluded.sha256,
			 excluded.run_id, excluded.written_at, excluded.system_identifier)
		WHERE (o.layer, o.table_name, o.rows, o.bytes, o.etag, o.sha256)
			IS DISTINCT FROM (excluded.layer, excluded.table_name, excluded.rows, excluded.bytes, excluded.etag,
							  excluded.sha256)
	)
	SELECT f.layer, f.table_name, f.rows, f.bytes, f.uploaded FROM finished f
$$;
COMMENT ON FUNCTION medallion.finish_objects(text) IS 'completes the uploads of this transaction and enters them into the ledger';

-- What a listing of the buckets shows against the ledger, for the tables of one layer. Objects that fdw_s3 does not read
-- (hidden or empty ones) do not count.
CREATE FUNCTION medallion.object_differences(pipeline text, layer text)
RETURNS TABLE (bucket text, path text, wanted text, found text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(o.bucket, s.bucket), COALESCE(o.path, s.path), o.etag, s.etag
	FROM (SELECT * FROM medallion.object o WHERE (o.pipeline, o.layer) = ($1, $2)) o
	FULL JOIN (
		SELECT p.server, p.bucket, l.path, l.etag
		FROM medallion.planned_object p
		CROSS JOIN LATERAL (SELECT COALESCE(substring(p.path FROM '^.*/'), p.path) AS prefix) f
		CROSS JOIN LATERAL public.fdw_s3_list(p.server, p.bucket, f.prefix) l
		WHERE (p.pipeline, p.layer) = ($1, $2)
		  AND (l.path = p.path OR f.prefix LIKE '%/')
		  AND l.size > 0 AND l.path !~ '(^|/)[_.][^/]*$'
	) s ON (s.server, s.bucket, s.path) = (o.server, o.bucket, o.path)
	WHERE o.etag IS DISTINCT FROM s.etag
	ORDER BY 1, 2
$$;
COMMENT ON FUNCTION medallion.object_differences(text, text) IS 'objects of a layer that differ from the ledger, are missing or are unknown to it';

CREATE FUNCTION medallion.check_objects(pipeline text, layer text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	d record;
BEGIN
	SELECT * INTO d FROM medallion.object_differences($1, $2) LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format(CASE WHEN d.found IS NULL THEN 'object "%s" in bucket "%s" is missing'
							  WHEN d.wanted IS NULL THEN 'object "%s" in bucket "%s" is not in the ledger'
							  ELSE 'object "%s" in bucket "%s" was replaced by someone else' END, d.path, d.bucket),
		DETAIL = format('Pipeline "%s" wrote %s; there is %s.', $1,
						COALESCE('etag ' || d.wanted, 'no such object'), COALESCE('etag ' || d.found, 'none')),
		HINT = CASE WHEN d.wanted IS NULL THEN 'Move it out of the folder: everything in it would be read as this table.'
					ELSE format('Run the pipeline again, which writes it anew: CALL medallion.run(%L)', $1) END;
END
$$;
COMMENT ON FUNCTION medallion.check_objects(text, text) IS 'fails where the objects of a layer are not those of the ledger';
--
-- Ingest: every source table of a pipeline becomes one raw object. The step is one transaction, so fdw_mysql reads all
-- tables in one snapshot, and nothing is visible in the bucket before the last guard has passed.
--

-- What must not depend on the session: an object's bytes are a function of the rows alone.
CREATE FUNCTION medallion.ingest(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off SET extra_float_digits = 1 SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601'
	SET timezone = 'UTC' SET bytea_output = 'hex' SET work_mem = '256MB'
AS $$
DECLARE
	s medallion.source;
	found_rows bigint;
	o record;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	FOR s IN SELECT * FROM medallion.source c WHERE c.pipeline = $1 ORDER BY c.name LOOP
		found_rows := medallion.copy_source(s);
		PERFORM medallion.guard(s, found_rows);
		UPDATE medallion.source c SET rows = found_rows, shrink_accepted = false
		WHERE (c.pipeline, c.name) = (s.pipeline, s.name)
		  AND (c.rows, c.shrink_accepted) IS DISTINCT FROM (found_rows, false);
	END LOOP;

	FOR o IN SELECT * FROM medallion.finish_objects($1) f ORDER BY f.table_name LOOP
		PERFORM medallion.report(o.table_name, o.rows, o.bytes, CASE WHEN o.uploaded THEN 'written' ELSE 'unchanged' END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.ingest(text) IS 'copies the source tables of a pipeline into raw objects, in one snapshot';

-- The foreign table over the raw objects decides which columns are copied.
CREATE FUNCTION medallion.copy_source(s medallion.source) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	raw regclass := medallion.own_table(s.pipeline, medallion.raw_table(s));
	columns text := medallion.column_list(medallion.data_columns(raw));
	copied bigint;
BEGIN
	EXECUTE format('INSERT INTO %s (%s, _path) SELECT %2$s, %L FROM %s ORDER BY %s',
				   raw, columns, s.path, s.source::regclass, medallion.column_list(s.key));
	GET DIAGNOSTICS copied = ROW_COUNT;
	IF copied = 0 THEN
		PERFORM public.fdw_s3_write_empty(raw, s.path);
	END IF;
	RETURN copied;
END
$$;
COMMENT ON FUNCTION medallion.copy_source(medallion.source) IS 'writes one source table to its raw object; returns the number of rows';
--
-- Build: every model's query is run into a work table. Readers see nothing of it.
--

CREATE TABLE medallion.build (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	id bigint NOT NULL,
	run_id bigint,
	built_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE medallion.build IS 'the last build of a pipeline';
COMMENT ON COLUMN medallion.build.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.build.id IS 'number of the build, which its work tables carry';
COMMENT ON COLUMN medallion.build.run_id IS 'run that made it';
COMMENT ON COLUMN medallion.build.built_at IS 'when it was made';

-- The raw tables are copied first: each object is read and compared with the ledger once, and the queries get tables with
-- statistics that they can scan in parallel, which foreign tables are not. Workers are cheap here: nobody waits for the
-- first row. Each of them may take work_mem for each hash table.
CREATE FUNCTION medallion.build(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC'
	SET jit = off SET work_mem = '64MB' SET parallel_setup_cost = 100 SET parallel_tuple_cost = 0.02
AS $$
DECLARE
	number bigint;
	m medallion.model_table;
	built bigint;
BEGIN
	PERFORM medallion.repair($1);
	PERFORM medallion.check_objects($1, 'raw');
	PERFORM medallion.stage_source(s) FROM medallion.source s WHERE s.pipeline = $1;
	PERFORM medallion.check_objects($1, 'raw');
	INSERT INTO medallion.build AS b (pipeline, id, run_id) VALUES ($1, 1, medallion.current_run())
	ON CONFLICT ON CONSTRAINT build_pkey DO UPDATE
	SET id = b.id + 1, run_id = excluded.run_id, built_at = excluded.built_at
	RETURNING b.id INTO number;
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 ORDER BY t.position LOOP
		built := medallion.build_model(m, number);
		PERFORM medallion.report(m.name, built);
	END LOOP;
	PERFORM medallion.unstage_source(s) FROM medallion.source s WHERE s.pipeline = $1;
END
$$;
COMMENT ON FUNCTION medallion.build(text) IS 'runs the query of every model of a pipeline into its work table';

CREATE FUNCTION medallion.stage_source(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	raw regclass := medallion.own_table(s.pipeline, medallion.raw_table(s));
	stage text := format('%I.%I', medallion.work_schema(s.pipeline), s.name);
	landed bigint := (SELECT sum(o.rows) FROM medallion.object o
					  WHERE (o.pipeline, o.layer, o.table_name) = (s.pipeline, s.layer, s.name));
	staged bigint;
BEGIN
	EXECUTE format('DROP TABLE IF EXISTS %s', stage);
	EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT %s FROM %s', stage, medallion.column_list(medallion.data_columns(raw)), raw);
	GET DIAGNOSTICS staged = ROW_COUNT;
	IF staged <> COALESCE(landed, 0) THEN
		RAISE EXCEPTION '% has % rows, but % were written to its object', raw, staged, COALESCE(landed, 0)
			USING ERRCODE = 'check_violation';
	END IF;
	EXECUTE format('ANALYZE %s (%s)', stage, medallion.column_list(s.key));
END
$$;
COMMENT ON FUNCTION medallion.stage_source(medallion.source) IS 'copies a raw table into the work schema; fails where rows are missing';

CREATE FUNCTION medallion.unstage_source(s medallion.source) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DROP TABLE %I.%I', medallion.work_schema(s.pipeline), s.name);
END
$$;
COMMENT ON FUNCTION medallion.unstage_source(medallion.source) IS 'drops the copy of a raw table';

-- The work table has the columns and types of the target. The query finds the raw tables and the models before it in the
-- work schema, but functions and operators in pg_catalog first. CREATE TABLE AS, unlike INSERT, lets it run in parallel.
CREATE FUNCTION medallion.build_model(m medallion.model_table, build_id bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	columns text := (SELECT string_agg(format('q.%I::%s AS %1$I', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
									   ORDER BY a.attnum)
					 FROM pg_attribute a
					 WHERE a.attrelid = m.target::regclass AND a.attname = ANY (medallion.data_columns(m.target::regclass)));
	built bigint;
BEGIN
	EXECUTE format('DROP TABLE IF EXISTS %s', m.work);
	PERFORM set_config('search_path', format('pg_catalog, %I, pg_temp', medallion.work_schema(m.pipeline)), true);
	EXECUTE format('CREATE UNLOGGED TABLE %s AS SELECT %s FROM (%s) AS q', m.work, columns, m.query);
	GET DIAGNOSTICS built = ROW_COUNT;
	PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
	EXECUTE format('ANALYZE %s (%s)', m.work, medallion.column_list(m.key));
	EXECUTE format('INSERT INTO %I._mark VALUES ($1, $2, $3) ON CONFLICT (model) DO UPDATE '
				   'SET build_id = excluded.build_id, rows = excluded.rows', medallion.work_schema(m.pipeline))
	USING m.name, build_id, built;
	RETURN built;
END
$$;
COMMENT ON FUNCTION medallion.build_model(medallion.model_table, bigint) IS
'runs the query of one model into its work table; returns the number of rows';

-- True if every work table of the pipeline is the one that the build made.
CREATE FUNCTION medallion.work_stands(pipeline text, build_id bigint) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(bool_and(k.build_id IS NOT DISTINCT FROM $2 AND to_regclass(m.work) IS NOT NULL), false)
	  FROM medallion.model_table m
	  LEFT JOIN medallion.work_marks($1) k ON k.model = m.name
	 WHERE m.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.work_stands(text, bigint) IS 'whether the work tables are those of a build';

-- What build depends on: the raw objects and the models. The output stands if the work tables are still those.
CREATE FUNCTION medallion.build_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT md5(concat((SELECT string_agg(format('%s %s', o.path, o.etag), ',' ORDER BY o.path)
					   FROM medallion.object o WHERE (o.pipeline, o.layer) = ($1, 'raw')),
					  (SELECT string_agg(format('%s %s %s', t.target, t.key, t.query), ',' ORDER BY t.position)
					   FROM medallion.model_table t WHERE t.pipeline = $1))),
		   medallion.work_stands($1, (SELECT b.id FROM medallion.build b WHERE b.pipeline = $1))
$$;
COMMENT ON FUNCTION medallion.build_fingerprint(text) IS 'versions of the inputs of build(), and whether its output still stands';
--
-- Publish: the rows in which a build differs from what readers see are deleted, updated and inserted, for all tables of a
-- pipeline in one transaction. No statement here takes a lock that a reader would wait for, except on a table that has
-- never been published: its keys are added after its rows, which is many times faster than before them.
--

CREATE FUNCTION medallion.publish(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off
	SET work_mem = '64MB' SET maintenance_work_mem = '256MB'
AS $$
DECLARE
	number bigint := (SELECT b.id FROM medallion.build b WHERE b.pipeline = $1);
	m medallion.model_table;
	changed name[] := '{}';
	c record;
BEGIN
	PERFORM medallion.repair($1);
	IF NOT medallion.work_stands($1, number) THEN
		RAISE EXCEPTION 'work tables of pipeline "%" are not those of build %', $1, COALESCE(number, 0)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('A crash empties them. The next run builds them again: CALL medallion.run(%L)', $1);
	END IF;
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 ORDER BY t.position LOOP
		SELECT * INTO STRICT c FROM medallion.publish_model(m);
		IF c.inserted + c.updated + c.deleted > 0 THEN
			changed := changed || m.name;
		END IF;
		PERFORM medallion.report(m.target, c.inserted + c.updated + c.deleted, NULL, medallion.describe_change(c.inserted, c.updated, c.deleted));
	END LOOP;
	PERFORM medallion.add_keys($1);

	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 AND t.name = ANY (changed) ORDER BY t.position LOOP
		EXECUTE format('ANALYZE %s', m.target);
	END LOOP;
	UPDATE medallion.publication p
	SET version = p.version + (k.model = ANY (changed))::integer, rows = k.rows, edited = false,
		changed_at = CASE WHEN k.model = ANY (changed) THEN now() ELSE p.changed_at END
	FROM medallion.work_marks($1) k
	WHERE (p.pipeline, p.model) = ($1, k.model) AND (k.model = ANY (changed) OR p.edited OR p.rows IS DISTINCT FROM k.rows);
END
$$;
COMMENT ON FUNCTION medallion.publish(text) IS 'makes the tables of a pipeline equal to its last build, in one transaction';

CREATE FUNCTION medallion.describe_change(inserted bigint, updated bigint, deleted bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(NULLIF(concat_ws(', ', NULLIF(inserted, 0) || ' inserted', NULLIF(updated, 0) || ' updated',
									 NULLIF(deleted, 0) || ' deleted'), ''), 'unchanged')
$$;
COMMENT ON FUNCTION medallion.describe_change(bigint, bigint, bigint) IS 'numbers of changed rows in words';

-- The lock keeps other writers out until commit; readers do not notice it.
CREATE FUNCTION medallion.publish_model(m medallion.model_table, OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text := medallion.column_list(medallion.data_columns(m.target::regclass));
	empty boolean;
BEGIN
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', m.target::regclass);
	PERFORM medallion.own_table(m.pipeline, m.target);
	EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', m.target) INTO empty;
	IF empty THEN
		EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM %s', m.target, columns, m.work);
		GET DIAGNOSTICS inserted = ROW_COUNT;
		updated := 0;
		deleted := 0;
	ELSE
		EXECUTE medallion.difference_sql(m) INTO inserted, updated, deleted;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.publish_model(medallion.model_table) IS 'makes one published table equal to its work table; returns how many rows changed';

-- One statement, so that both tables are compared once.
CREATE FUNCTION medallion.difference_sql(m medallion.model_table) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns name[] := medallion.data_columns(m.target::regclass);
	same_key text := medallion.column_list(m.key, 't.%1$s = w.%1$s', ' AND ');
	update_sql text := 'SELECT 1 WHERE false';
BEGIN
	IF NOT columns <@ m.key THEN
		update_sql := format('UPDATE %s AS t SET (%s) = ROW (%s) FROM difference AS d JOIN %s AS w ON %s '
							 'WHERE d.new AND d.old AND %s RETURNING 1',
							 m.target, medallion.column_list(columns), medallion.column_list(columns, 'w.%1$s'), m.work,
							 medallion.column_list(m.key, 'w.%1$s = d.%1$s', ' AND '), same_key);
	END IF;
	RETURN format($sql$
		WITH difference AS MATERIALIZED (
			SELECT %1$s, t.ctid IS NOT NULL AS old, w.ctid IS NOT NULL AS new
			FROM %2$s AS t FULL JOIN %3$s AS w ON %4$s
			WHERE ROW (%5$s) IS DISTINCT FROM ROW (%6$s)
		), gone AS (
			DELETE FROM %2$s AS t USING difference AS d WHERE NOT d.new AND %7$s RETURNING 1
		), changed AS (
			%8$s
		), added AS (
			INSERT INTO %2$s (%9$s) SELECT %6$s FROM difference AS d JOIN %3$s AS w ON %10$s WHERE NOT d.old RETURNING 1
		)
		SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM changed), (SELECT count(*) FROM gone)$sql$,
		medallion.column_list(m.key, 'COALESCE(t.%1$s, w.%1$s) AS %1$s'), m.target, m.work, same_key,
		medallion.column_list(columns, 't.%1$s'), medallion.column_list(columns, 'w.%1$s'),
		medallion.column_list(m.key, 't.%1$s = d.%1$s', ' AND '), update_sql,
		medallion.column_list(columns), medallion.column_list(m.key, 'w.%1$s = d.%1$s', ' AND '));
END
$$;
COMMENT ON FUNCTION medallion.difference_sql(medallion.model_table) IS 'the statement that makes a published table equal to its work table';

-- Keys that the models name and their tables do not have yet.
CREATE FUNCTION medallion.add_keys(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k record;
BEGIN
	FOR k IN
		SELECT t.target, t.key FROM medallion.model_table t
		WHERE t.pipeline = $1
		  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t.target::regclass AND c.contype = 'p')
		ORDER BY t.position
	LOOP
		EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%s)', k.target, medallion.column_list(k.key));
	END LOOP;
	FOR k IN
		SELECT c.target, r.column_name, p.target AS parent, format('%s_%s_fkey', r.model, r.column_name)::name AS name
		FROM medallion.model_reference r
		JOIN medallion.model_table c ON (c.pipeline, c.name) = (r.pipeline, r.model)
		JOIN medallion.model_table p ON (p.pipeline, p.name) = (r.pipeline, r.parent)
		WHERE r.pipeline = $1
		  AND NOT EXISTS (SELECT FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND f.conkey = ARRAY[a.attnum]
						  WHERE f.conrelid = c.target::regclass AND f.confrelid = p.target::regclass AND f.contype = 'f'
							AND a.attname = r.column_name)
		ORDER BY c.position, r.column_name
	LOOP
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s DEFERRABLE INITIALLY DEFERRED',
					   k.target, k.name, k.column_name, k.parent);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.add_keys(text) IS 'adds the primary and foreign keys that the tables of a pipeline lack';

-- The build, and the files of the tables: a table that was made anew is published again, and so is one that was edited.
CREATE FUNCTION medallion.publish_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('build %s of %s', b.id, md5(string_agg(format('%s %s', t.target, pg_relation_filenode(to_regclass(t.target))), ','
													   ORDER BY t.position))),
		   medallion.work_stands($1, b.id)
		   AND NOT EXISTS (SELECT FROM medallion.publication p WHERE p.pipeline = $1 AND p.edited)
	  FROM medallion.build b JOIN medallion.model_table t ON t.pipeline = b.pipeline
	 WHERE b.pipeline = $1
	 GROUP BY b.id
$$;
COMMENT ON FUNCTION medallion.publish_fingerprint(text) IS 'versions of the inputs of publish(), and whether its output still stands';
--
-- Export: the published tables as objects, one each, rows in key order. A table whose published version already stands in
-- the bucket is left alone.
--

CREATE FUNCTION medallion.export(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off SET extra_float_digits = 1 SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601'
	SET timezone = 'UTC' SET bytea_output = 'hex' SET work_mem = '256MB'
AS $$
DECLARE
	m medallion.model_table;
	o record;
	exported bigint;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	FOR m IN SELECT t.* FROM medallion.model_table t JOIN medallion.stale_exports($1) s ON s.model = t.name
			 WHERE t.pipeline = $1 ORDER BY t.position LOOP
		EXECUTE format('INSERT INTO %s (%s, _path) SELECT %2$s, %L FROM %s ORDER BY %s', medallion.own_table($1, m.lake),
					   medallion.column_list(medallion.data_columns(m.lake::regclass)), m.path, medallion.own_table($1, m.target), medallion.column_list(m.key));
		GET DIAGNOSTICS exported = ROW_COUNT;
		IF exported = 0 THEN
			PERFORM public.fdw_s3_write_empty(m.lake::regclass, m.path);
		END IF;
		UPDATE medallion.publication p SET exported = p.version
		WHERE (p.pipeline, p.model) = ($1, m.name) AND p.exported IS DISTINCT FROM p.version;
	END LOOP;
	FOR o IN SELECT * FROM medallion.finish_objects($1) f ORDER BY f.layer, f.table_name LOOP
		PERFORM medallion.report(format('%s/%s', o.layer, o.table_name), o.rows, o.bytes,
								 CASE WHEN o.uploaded THEN 'written' ELSE 'unchanged' END);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.export(text) IS 'writes the published tables of a pipeline to their objects';

-- Models whose object does not hold the published version, or is not the one that the ledger knows.
CREATE FUNCTION medallion.stale_exports(pipeline text) RETURNS TABLE (model name)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH lost AS MATERIALIZED (
		SELECT d.bucket, d.path
		  FROM (SELECT DISTINCT t.layer FROM medallion.model_table t WHERE t.pipeline = $1 AND t.path IS NOT NULL) l
		  CROSS JOIN LATERAL medallion.object_differences($1, l.layer) d
		 WHERE d.wanted IS NOT NULL
	)
	SELECT t.name
	  FROM medallion.model_table t
	  JOIN medallion.publication p ON (p.pipeline, p.model) = (t.pipeline, t.name)
	 WHERE t.pipeline = $1 AND t.path IS NOT NULL
	   AND (p.exported IS DISTINCT FROM p.version OR EXISTS (SELECT FROM lost WHERE (lost.bucket, lost.path) = (t.bucket, t.path)))
$$;
COMMENT ON FUNCTION medallion.stale_exports(text) IS 'models whose published version does not stand in the bucket';

CREATE FUNCTION medallion.export_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT md5(string_agg(format('%s %s %s %s', t.target, t.bucket, t.path, p.version), ',' ORDER BY t.position)),
		   NOT EXISTS (SELECT FROM medallion.stale_exports($1))
	  FROM medallion.model_table t JOIN medallion.publication p ON (p.pipeline, p.model) = (t.pipeline, t.name)
	 WHERE t.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.export_fingerprint(text) IS 'versions of the inputs of export(), and whether its output still stands';
--
-- Repair: what a pipeline has made is made again where it is missing.
--

-- Each step does so first, and so does each install with the same arguments.
CREATE FUNCTION medallion.repair(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	l medallion.layer;
	s medallion.source;
	m medallion.model_table;
BEGIN
	PERFORM medallion.check_owner($1);
	IF EXISTS (SELECT FROM medallion.weather_topic t WHERE t.pipeline = $1) THEN
		PERFORM medallion.repair_weather($1);
		RETURN;
	END IF;
	FOR l IN SELECT * FROM medallion.layer c WHERE c.pipeline = $1 ORDER BY c.name LOOP
		PERFORM medallion.make_schema($1, l.schema_name);
		PERFORM medallion.make_schema($1, l.lake_schema) WHERE l.lake_schema IS NOT NULL;
	END LOOP;
	PERFORM medallion.create_work_schema($1);
	FOR s IN SELECT * FROM medallion.source c WHERE c.pipeline = $1 ORDER BY c.name LOOP
		PERFORM medallion.make_raw_table(s) WHERE to_regclass(medallion.raw_table(s)) IS NULL;
	END LOOP;
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = $1 ORDER BY t.position LOOP
		IF to_regclass(m.target) IS NULL THEN
			PERFORM medallion.make_target(m);
		ELSIF NOT medallion.is_target(m) THEN
			PERFORM medallion.watch_target(m);
		END IF;
		PERFORM medallion.add_lake_table($1, m.name) WHERE to_regclass(m.lake) IS NULL;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.repair(text) IS 'make again the schemas and tables of a pipeline that are missing';
--
-- What the install functions of the ready-made pipelines share.
--

CREATE FUNCTION medallion.server_option(server name, option text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.option_value FROM pg_foreign_server s CROSS JOIN LATERAL pg_options_to_table(s.srvoptions) o
	 WHERE s.srvname = server AND o.option_name = option
$$;
COMMENT ON FUNCTION medallion.server_option(name, text) IS 'an option of a foreign server, or NULL';

-- A pipeline remembers in its description what it was installed with. The same again is harmless, anything else an ERROR.
CREATE FUNCTION medallion.is_installed(pipeline text, arguments text) RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	installed text;
BEGIN
	SELECT p.description INTO installed FROM medallion.pipeline p WHERE p.name = $1;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM medallion.check_owner($1);
	IF installed IS DISTINCT FROM arguments THEN
		RAISE EXCEPTION 'pipeline "%" is installed with other arguments', $1
			USING ERRCODE = 'duplicate_object', DETAIL = format('Installed: %s. Asked for: %s.', installed, arguments),
				HINT = format('SELECT medallion.drop_pipeline(%L) forgets it; its tables and objects stay.', $1);
	END IF;
	RAISE NOTICE 'pipeline "%" is installed already', $1;
	RETURN true;
END
$$;
COMMENT ON FUNCTION medallion.is_installed(text, text) IS 'whether a pipeline is there; fails if it was installed with other arguments';
--
-- The retail pipeline: RetailDB in MySQL -> raw objects -> silver and gold tables -> silver and gold objects.
--

CREATE FUNCTION medallion.install_retail(source name, lake name, source_schema text DEFAULT NULL,
		raw_bucket text DEFAULT 'raw-retail-data', silver_bucket text DEFAULT 'silver-retail-data',
		gold_bucket text DEFAULT 'gold-retail-data', max_shrink numeric DEFAULT 0.5) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	database text := COALESCE(source_schema, medallion.server_option(source, 'dbname'), 'retaildb');
	arguments text := format('source %s, database %s, lake %s, buckets %s, %s, %s', source, database, lake, raw_bucket,
							 silver_bucket, gold_bucket);
BEGIN
	IF medallion.is_installed('retail', arguments) THEN
		PERFORM public.fdw_s3_create_bucket(lake, b) FROM unnest(ARRAY[raw_bucket, silver_bucket, gold_bucket]) AS b;
		UPDATE medallion.source s SET max_shrink = $7 WHERE s.pipeline = 'retail';
		PERFORM medallion.import_retail($1, database, s.name) FROM medallion.source s
		WHERE s.pipeline = 'retail' AND to_regclass(s.source) IS NULL;
		PERFORM medallion.repair('retail');
		RETURN;
	END IF;

	PERFORM medallion.create_pipeline('retail', arguments);
	PERFORM public.fdw_s3_create_bucket(lake, b) FROM unnest(ARRAY[raw_bucket, silver_bucket, gold_bucket]) AS b;
	PERFORM medallion.create_layer('retail', 'raw', 'bronze', lake, raw_bucket);
	PERFORM medallion.create_layer('retail', 'silver', 'silver', lake, silver_bucket, 'lake_silver');
	PERFORM medallion.create_layer('retail', 'gold', 'gold', lake, gold_bucket, 'lake_gold');
	PERFORM medallion.create_work_schema('retail');
	PERFORM medallion.add_endpoint('retail', source, 'mysql');
	PERFORM medallion.add_endpoint('retail', lake, 's3', b) FROM unnest(ARRAY[raw_bucket, silver_bucket, gold_bucket]) AS b;

	PERFORM medallion.add_retail_sources(source, database, max_shrink);
	PERFORM medallion.add_retail_silver();
	PERFORM medallion.add_retail_gold();

	PERFORM medallion.add_step('retail', 'ingest', $sql$SELECT medallion.ingest('retail')$sql$);
	PERFORM medallion.add_step('retail', 'build', $sql$SELECT medallion.build('retail'); SELECT medallion.check_retail()$sql$,
							   depends_on => '{ingest}', fingerprint => $sql$SELECT * FROM medallion.build_fingerprint('retail')$sql$);
	PERFORM medallion.add_step('retail', 'publish', $sql$SELECT medallion.publish('retail')$sql$,
							   depends_on => '{build}', fingerprint => $sql$SELECT * FROM medallion.publish_fingerprint('retail')$sql$);
	PERFORM medallion.add_step('retail', 'export', $sql$SELECT medallion.export('retail')$sql$,
							   depends_on => '{publish}', fingerprint => $sql$SELECT * FROM medallion.export_fingerprint('retail')$sql$);
END
$$;
COMMENT ON FUNCTION medallion.install_retail(name, name, text, text, text, text, numeric) IS
'make the pipeline "retail": buckets, schemas, tables and steps, from a MySQL server with RetailDB to an S3 server';

CREATE FUNCTION medallion.add_retail_sources(server name, database text, max_shrink numeric) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES ('categories'::name, '{category_id}'::name[], '{}'::name[]),
								   ('customers', '{customer_id}', '{customer_password}'),
								   ('departments', '{department_id}', '{}'),
								   ('order_items', '{order_item_id}', '{}'),
								   ('orders', '{order_id}', '{}'),
								   ('products', '{product_id}', '{}')) AS v (name, key, leave_out) LOOP
		PERFORM medallion.import_retail(server, database, t.name);
		PERFORM medallion.add_source('retail', t.name, format('source_retail.%I', t.name)::regclass, t.key, t.leave_out,
									 max_shrink => max_shrink);
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.add_retail_sources(name, text, numeric) IS 'the six tables of RetailDB; customers'' passwords are never copied';

CREATE FUNCTION medallion.import_retail(server name, database text, name name) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	foreign_table text := format('source_retail.%I', name);
BEGIN
	PERFORM medallion.make_schema('retail', 'source_retail');
	PERFORM medallion.clear_foreign_table('retail', foreign_table);
	EXECUTE format('IMPORT FOREIGN SCHEMA %I LIMIT TO (%I) FROM SERVER %I INTO source_retail', database, name, server);
	IF to_regclass(foreign_table) IS NULL THEN
		RAISE EXCEPTION 'database "%" on server "%" has no table "%"', database, server, name
			USING ERRCODE = 'undefined_table';
	END IF;
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', foreign_table,
				   format('%s as it is in MySQL now', name) || medallion.made_for('retail'));
END
$$;
COMMENT ON FUNCTION medallion.import_retail(name, text, name) IS 'make the foreign table over a table of RetailDB';

CREATE FUNCTION medallion.add_retail_silver() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	PERFORM medallion.add_model('retail', 'silver', 'customer_dim', 'Customers, one row each; passwords are never copied',
		'{customer_id}', ARRAY[
			['customer_id', 'integer', 'The customer'],
			['customer_fname', 'text', 'First name'],
			['customer_lname', 'text', 'Last name; names repeat, so group by customer_id'],
			['customer_email', 'text', 'E-mail address'],
			['customer_street', 'text', 'Street and number'],
			['customer_city', 'text', 'City'],
			['customer_state', 'text', 'State or territory of the USA, two letters'],
			['customer_zipcode', 'text', 'ZIP code, text: leading zeros count']],
		$sql$
SELECT customer_id, trim(customer_fname) AS customer_fname, trim(customer_lname) AS customer_lname,
       trim(customer_email) AS customer_email, trim(customer_street) AS customer_street,
       trim(customer_city) AS customer_city, trim(customer_state) AS customer_state,
       trim(customer_zipcode) AS customer_zipcode
FROM customers$sql$);

	PERFORM medallion.add_model('retail', 'silver', 'department_dim', 'Departments of the shop, one row each',
		'{department_id}', ARRAY[
			['department_id', 'integer', 'The department'],
			['department_name', 'text', 'Name']],
		$sql$
SELECT department_id, trim(department_name) AS department_name
FROM departments$sql$);

	PERFORM medallion.add_model('retail', 'silver', 'category_dim', 'Product categories, one row each',
		'{category_id}', ARRAY[
			['category_id', 'integer', 'The category'],
			['category_name', 'text', 'Name; names repeat, so group by category_id'],
			['department_id', 'integer', 'Its department; NULL where the source names one that does not exist'],
			['department_name', 'text', 'Name of the department']],
		$sql$
SELECT c.category_id, trim(c.category_name) AS category_name, d.department_id, d.department_name
FROM categories c
LEFT JOIN department_dim d ON d.department_id = c.category_department_id$sql$,
		'{{department_id, department_dim}}');

	PERFORM medallion.add_model('retail', 'silver', 'product_dim', 'Products, one row each',
		'{product_id}', ARRAY[
			['product_id', 'integer', 'The product'],
			['product_name', 'text', 'Name; names repeat, so group by product_id'],
			['product_price', 'numeric(12,2)', 'List price in US dollars'],
			['category_id', 'integer', 'Its category; NULL where the source names one that does not exist'],
			['category_name', 'text', 'Name of the category']],
		$sql$
SELECT p.product_id, trim(p.product_name) AS product_name,
       CAST(CAST(p.product_price AS double precision) AS numeric(12,2)) AS product_price,
       c.category_id, c.category_name
FROM products p
LEFT JOIN category_dim c ON c.category_id = p.product_category_id$sql$,
		'{{category_id, category_dim}}');

	PERFORM medallion.add_model('retail', 'silver', 'orders_fact',
		'Order items whose order and customer exist, one row each, with what is known of order, customer and product',
		'{order_item_id}', ARRAY[
			['order_item_id', 'integer', 'The order item'],
			['order_id', 'integer', 'Its order'],
			['order_date', 'timestamp', 'Date of the order, as the shop''s clock showed it'],
			['order_status', 'text', 'Status of the order; all statuses are here'],
			['customer_id', 'integer', 'Customer of the order'],
			['customer_fname', 'text', 'The customer''s first name'],
			['customer_lname', 'text', 'The customer''s last name'],
			['customer_city', 'text', 'The customer''s city'],
			['customer_state', 'text', 'The customer''s state'],
			['product_id', 'integer', 'The product; NULL where the source names one that does not exist'],
			['product_name', 'text', 'Name of the product'],
			['category_id', 'integer', 'The product''s category; NULL where there is none'],
			['category_name', 'text', 'Name of the category'],
			['department_id', 'integer', 'The category''s department; NULL where there is none'],
			['department_name', 'text', 'Name of the department'],
			['order_item_quantity', 'integer', 'Units sold'],
			['order_item_product_price', 'numeric(12,2)', 'Price per unit in US dollars when it was ordered'],
			['order_item_subtotal', 'numeric(12,2)', 'Price of all units in US dollars']],
		$sql$
SELECT i.order_item_id, o.order_id, o.order_date, trim(o.order_status) AS order_status,
       c.customer_id, c.customer_fname, c.customer_lname, c.customer_city, c.customer_state,
       p.product_id, p.product_name, g.category_id, g.category_name, g.department_id, g.department_name,
       i.order_item_quantity,
       CAST(CAST(i.order_item_product_price AS double precision) AS numeric(12,2)) AS order_item_product_price,
       CAST(CAST(i.order_item_subtotal AS double precision) AS numeric(12,2)) AS order_item_subtotal
FROM order_items i
JOIN orders o ON o.order_id = i.order_item_order_id
JOIN customer_dim c ON c.customer_id = o.order_customer_id
LEFT JOIN product_dim p ON p.product_id = i.order_item_product_id
LEFT JOIN category_dim g ON g.category_id = p.category_id$sql$,
		'{{order_id, order_dim}, {customer_id, customer_dim}, {product_id, product_dim}, {category_id, category_dim},
		  {department_id, department_dim}}');

	PERFORM medallion.add_model('retail', 'silver', 'orders_fact_rejected',
		'Order items that are not in orders_fact, and why: the two together are all order items', '{order_item_id}', ARRAY[
			['order_item_id', 'integer', 'The order item'],
			['order_item_order_id', 'integer', 'The order that the source names'],
			['order_item_product_id', 'integer', 'The product that the source names'],
			['order_item_quantity', 'integer', 'Units'],
			['order_item_subtotal', 'numeric(12,2)', 'Price of all units in US dollars'],
			['order_item_product_price', 'numeric(12,2)', 'Price per unit in US dollars'],
			['reason', 'text', 'What does not exist: its order, or the order''s customer']],
		$sql$
SELECT i.order_item_id, i.order_item_order_id, i.order_item_product_id, i.order_item_quantity,
       CAST(CAST(i.order_item_subtotal AS double precision) AS numeric(12,2)) AS order_item_subtotal,
       CAST(CAST(i.order_item_product_price AS double precision) AS numeric(12,2)) AS order_item_product_price,
       CASE WHEN o.order_id IS NULL THEN 'order does not exist' ELSE 'customer does not exist' END AS reason
FROM order_items i
LEFT JOIN orders o ON o.order_id = i.order_item_order_id
LEFT JOIN customer_dim c ON c.customer_id = o.order_customer_id
WHERE c.customer_id IS NULL$sql$);

	PERFORM medallion.add_model('retail', 'silver', 'order_dim', 'Orders, one row each, also those without items',
		'{order_id}', ARRAY[
			['order_id', 'integer', 'The order'],
			['order_date', 'timestamp', 'Date of the order, as the shop''s clock showed it'],
			['order_status', 'text', 'Status'],
			['customer_id', 'integer', 'The customer; NULL where the source names one that does not exist'],
			['item_count', 'bigint', 'Number of its rows in orders_fact'],
			['order_total', 'numeric(12,2)', 'Total of its rows in orders_fact in US dollars; 0 where there are none']],
		$sql$
SELECT o.order_id, o.order_date, trim(o.order_status) AS order_status, c.customer_id,
       COALESCE(f.item_count, 0) AS item_count, COALESCE(f.order_total, 0) AS order_total
FROM orders o
LEFT JOIN customer_dim c ON c.customer_id = o.order_customer_id
LEFT JOIN (SELECT order_id, count(*) AS item_count, sum(order_item_subtotal) AS order_total
           FROM orders_fact
           GROUP BY order_id) f ON f.order_id = o.order_id$sql$,
		'{{customer_id, customer_dim}}');
END
$$;
COMMENT ON FUNCTION medallion.add_retail_silver() IS 'the silver models of pipeline "retail"';

CREATE FUNCTION medallion.add_retail_gold() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
	quantity text := 'Units sold';
	revenue text := 'Revenue in US dollars, over orders of all statuses, canceled ones too';
	orders text := 'Orders with at least one item, of all statuses';
BEGIN
	PERFORM medallion.add_model('retail', 'gold', 'sales_by_customer',
		'Sales per customer with at least one order item; revenue is over all statuses', '{customer_id}', ARRAY[
			['customer_id', 'integer', 'The customer'],
			['customer_fname', 'text', 'First name'],
			['customer_lname', 'text', 'Last name'],
			['total_orders', 'bigint', orders],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(o.customer_id, -1) AS customer_id, COALESCE(c.customer_fname, '(unknown)') AS customer_fname,
       COALESCE(c.customer_lname, '(unknown)') AS customer_lname, o.total_orders, o.total_revenue
FROM (SELECT customer_id, count(*) AS total_orders, sum(order_total) AS total_revenue
      FROM order_dim
      WHERE item_count > 0
      GROUP BY customer_id) o
LEFT JOIN customer_dim c ON c.customer_id = o.customer_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_product',
		'Sales per product that was sold; revenue is over all statuses', '{product_id}', ARRAY[
			['product_id', 'integer', 'The product; -1 for all that do not exist in the source'],
			['product_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(f.product_id, -1) AS product_id, COALESCE(p.product_name, '(unknown)') AS product_name,
       f.total_quantity, f.total_revenue
FROM (SELECT product_id, sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue
      FROM orders_fact
      GROUP BY product_id) f
LEFT JOIN product_dim p ON p.product_id = f.product_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_category',
		'Sales per category with sales; revenue is over all statuses', '{category_id}', ARRAY[
			['category_id', 'integer', 'The category; -1 for products without one'],
			['category_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(f.category_id, -1) AS category_id, COALESCE(c.category_name, '(unknown)') AS category_name,
       f.total_quantity, f.total_revenue
FROM (SELECT category_id, sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue
      FROM orders_fact
      GROUP BY category_id) f
LEFT JOIN category_dim c ON c.category_id = f.category_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_department_daily',
		'Sales per department and day with sales; revenue is over all statuses', '{department_id, order_date}', ARRAY[
			['department_id', 'integer', 'The department; -1 for products without one'],
			['order_date', 'date', 'Day of the orders'],
			['department_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT COALESCE(f.department_id, -1) AS department_id, f.order_date,
       COALESCE(d.department_name, '(unknown)') AS department_name, f.total_quantity, f.total_revenue
FROM (SELECT department_id, CAST(order_date AS date) AS order_date,
             sum(order_item_quantity) AS total_quantity, sum(order_item_subtotal) AS total_revenue
      FROM orders_fact
      GROUP BY department_id, CAST(order_date AS date)) f
LEFT JOIN department_dim d ON d.department_id = f.department_id$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_department',
		'Sales per department with sales; revenue is over all statuses', '{department_id}', ARRAY[
			['department_id', 'integer', 'The department; -1 for products without one'],
			['department_name', 'text', 'Name'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT department_id, department_name, sum(total_quantity) AS total_quantity, sum(total_revenue) AS total_revenue
FROM sales_by_department_daily
GROUP BY department_id, department_name$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_region',
		'Sales per state in which the customers live; revenue is over all statuses', '{customer_state}', ARRAY[
			['customer_state', 'text', 'State or territory of the USA; (unknown) where it is missing'],
			['total_orders', 'bigint', orders],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT o.customer_state, o.total_orders, f.total_quantity, o.total_revenue
FROM (SELECT COALESCE(c.customer_state, '(unknown)') AS customer_state,
             count(*) AS total_orders, sum(o.order_total) AS total_revenue
      FROM order_dim o
      JOIN customer_dim c ON c.customer_id = o.customer_id
      WHERE o.item_count > 0
      GROUP BY COALESCE(c.customer_state, '(unknown)')) o
JOIN (SELECT COALESCE(customer_state, '(unknown)') AS customer_state, sum(order_item_quantity) AS total_quantity
      FROM orders_fact
      GROUP BY COALESCE(customer_state, '(unknown)')) f ON f.customer_state = o.customer_state$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'sales_by_order_status',
		'Orders and sales per order status', '{order_status}', ARRAY[
			['order_status', 'text', 'The status; (unknown) where it is missing'],
			['orders_all', 'bigint', 'Orders, also those without items'],
			['total_orders', 'bigint', 'Orders with at least one item'],
			['total_quantity', 'bigint', quantity],
			['total_revenue', 'numeric(18,2)', 'Revenue in US dollars of the orders in this status']],
		$sql$
SELECT o.order_status, o.orders_all, o.total_orders, COALESCE(f.total_quantity, 0) AS total_quantity, o.total_revenue
FROM (SELECT COALESCE(order_status, '(unknown)') AS order_status, count(*) AS orders_all,
             count(*) FILTER (WHERE item_count > 0) AS total_orders, sum(order_total) AS total_revenue
      FROM order_dim
      GROUP BY COALESCE(order_status, '(unknown)')) o
LEFT JOIN (SELECT COALESCE(order_status, '(unknown)') AS order_status, sum(order_item_quantity) AS total_quantity
           FROM orders_fact
           GROUP BY COALESCE(order_status, '(unknown)')) f ON f.order_status = o.order_status$sql$);

	PERFORM medallion.add_model('retail', 'gold', 'orders_time_series',
		'Orders and sales per day; a day without orders has no row; revenue is over all statuses', '{order_date}', ARRAY[
			['order_date', 'date', 'The day'],
			['orders_all', 'bigint', 'Orders, also those without items'],
			['total_orders', 'bigint', orders],
			['total_revenue', 'numeric(18,2)', revenue]],
		$sql$
SELECT CAST(order_date AS date) AS order_date, count(*) AS orders_all,
       count(*) FILTER (WHERE item_count > 0) AS total_orders, sum(order_total) AS total_revenue
FROM order_dim
GROUP BY CAST(order_date AS date)$sql$);
END
$$;
COMMENT ON FUNCTION medallion.add_retail_gold() IS 'the gold models of pipeline "retail"';

CREATE FUNCTION medallion.check_retail() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	landed bigint := (SELECT sum(o.rows) FROM medallion.object o
					  WHERE (o.pipeline, o.layer, o.table_name) = ('retail', 'raw', 'order_items'));
	kept bigint;
	rejected bigint;
BEGIN
	SELECT sum(m.rows) FILTER (WHERE m.model = 'orders_fact'), sum(m.rows) FILTER (WHERE m.model = 'orders_fact_rejected')
	INTO kept, rejected FROM medallion.work_marks('retail') m;
	IF kept + rejected <> COALESCE(landed, 0) THEN
		RAISE EXCEPTION '% order items landed, but % were kept and % rejected', COALESCE(landed, 0), kept, rejected
			USING ERRCODE = 'check_violation', DETAIL = 'orders_fact and orders_fact_rejected together must be order_items.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_retail() IS 'fails where a build of pipeline "retail" lost or doubled order items';
--
-- The tutorial's pipeline: a CSV file on the server -> object raw-data/sample_data.csv -> public.transactions.
--

CREATE FUNCTION medallion.install_sample(lake name, file text, bucket text DEFAULT 'raw-data') RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	arguments text := format('file %s, lake %s, bucket %s', file, lake, bucket);
BEGIN
	IF medallion.is_installed('sample', arguments) THEN
		PERFORM public.fdw_s3_create_bucket(lake, bucket);
		PERFORM medallion.make_sample_file();
		PERFORM medallion.repair('sample');
		RETURN;
	END IF;

	PERFORM medallion.create_pipeline('sample', arguments);
	PERFORM public.fdw_s3_create_bucket(lake, bucket);
	PERFORM medallion.create_layer('sample', 'raw', 'bronze', lake, bucket);
	PERFORM medallion.create_layer('sample', 'public', 'public');
	PERFORM medallion.add_endpoint('sample', lake, 's3', bucket);

	PERFORM medallion.make_sample_file();
	PERFORM medallion.add_source('sample', 'sample_data', 'work_sample.file', '{id}', path => 'sample_data.csv');
	PERFORM medallion.add_model('sample', 'public', 'transactions', 'The tutorial''s transactions, amounts raised by 10 %',
		'{id}', ARRAY[
			['id', 'integer', 'The transaction'],
			['name', 'text', 'Who paid'],
			['amount', 'numeric(12,2)', 'Amount, 10 % above that of the file']],
		'SELECT id, name, amount * 1.10 AS amount FROM sample_data');

	PERFORM medallion.add_step('sample', 'upload', format('SELECT medallion.read_sample(%L); SELECT medallion.ingest(''sample'')', file));
	PERFORM medallion.add_step('sample', 'build', $sql$SELECT medallion.build('sample')$sql$,
							   depends_on => '{upload}', fingerprint => $sql$SELECT * FROM medallion.build_fingerprint('sample')$sql$);
	PERFORM medallion.add_step('sample', 'publish', $sql$SELECT medallion.publish('sample')$sql$,
							   depends_on => '{build}', fingerprint => $sql$SELECT * FROM medallion.publish_fingerprint('sample')$sql$);
END
$$;
COMMENT ON FUNCTION medallion.install_sample(name, text, text) IS
'make the pipeline "sample": a CSV file (id, name, amount) on the server -> an object -> public.transactions';

CREATE FUNCTION medallion.make_sample_file() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.create_work_schema('sample');
	IF to_regclass('work_sample.file') IS NULL THEN
		PERFORM medallion.check_maker('sample');
		CREATE UNLOGGED TABLE work_sample.file (id integer, name text, amount numeric);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_sample_file() IS 'make the work table that takes the tutorial''s file, where it is missing';

-- COPY checks that the caller may read files of the server.
CREATE FUNCTION medallion.read_sample(file text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_sample_file();
	TRUNCATE work_sample.file;
	EXECUTE format('COPY work_sample.file FROM %L (FORMAT csv, HEADER true)', file);
END
$$;
COMMENT ON FUNCTION medallion.read_sample(text) IS 'reads the tutorial''s file into a work table';
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
--
-- Synthetic readings: made up, said to be so ("_synthetic"), and the same for the same seed, city and time. Each city has a
-- place; its temperature follows the season and the hour there, humidity goes the other way, and both drift from day to day.
--

-- PL/pgSQL throughout: a series is many calls, and a function in SQL costs a query each.
CREATE FUNCTION medallion.synthetic_place(city text, OUT lat numeric, OUT lon numeric, OUT country text, OUT id integer)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chance bytea := decode(md5(city), 'hex');
BEGIN
	id := 1000000 + get_byte(chance, 0) * 32768 + get_byte(chance, 1) * 128;
	CASE city
		WHEN 'London' THEN lat := 51.5085; lon := -0.1257; country := 'GB';
		WHEN 'New Delhi' THEN lat := 28.6128; lon := 77.2311; country := 'IN';
		WHEN 'New York' THEN lat := 40.7143; lon := -74.006; country := 'US';
		ELSE
			lat := (get_byte(chance, 2) * 256 + get_byte(chance, 3)) / 65536.0 * 100 - 40;
			lon := (get_byte(chance, 4) * 256 + get_byte(chance, 5)) / 65536.0 * 360 - 180;
			lat := round(lat, 4);
			lon := round(lon, 4);
			country := 'XX';
	END CASE;
END
$$;
COMMENT ON FUNCTION medallion.synthetic_place(text) IS 'where a city lies, as far as synthetic readings know';

-- Five numbers from -1 to 1 that depend on a text as if by chance, and glide from one day's to the next.
CREATE FUNCTION medallion.synthetic_drift(self text, day double precision) RETURNS double precision[]
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	today bytea := decode(md5(self || '|' || floor(day)), 'hex');
	tomorrow bytea := decode(md5(self || '|' || floor(day) + 1), 'hex');
	part double precision := day - floor(day);
	drift double precision[];
BEGIN
	FOR i IN 0 .. 4 LOOP
		drift[i + 1] := ((get_byte(today, 2 * i) * 256 + get_byte(today, 2 * i + 1)) * (1 - part)
						 + (get_byte(tomorrow, 2 * i) * 256 + get_byte(tomorrow, 2 * i + 1)) * part) / 32768 - 1;
	END LOOP;
	RETURN drift;
END
$$;
COMMENT ON FUNCTION medallion.synthetic_drift(text, double precision) IS 'what makes one day of synthetic readings differ from the next';

CREATE FUNCTION medallion.synthetic_weather(city text, at timestamptz, seed integer DEFAULT 0) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place record := medallion.synthetic_place(city);
	epoch double precision := extract(epoch FROM at);
	self text := concat_ws('|', seed, city);
	drift double precision[] := medallion.synthetic_drift(self, epoch / 86400);
	noise double precision := get_byte(decode(md5(self || '|' || epoch), 'hex'), 0) / 256.0;
	zone integer := round(place.lon / 15) * 3600;
	noon bigint := (floor((epoch + zone) / 86400) + 0.5) * 86400 - zone;
	-- warmest at three in the afternoon, coldest around January 19 in the north
	hour double precision := cos(2 * pi() * ((epoch - noon) / 86400 - 3 / 24.0));
	season double precision := - sign(place.lat) * cos(2 * pi() * (epoch / 86400 - 18) / 365.25);
	temp numeric := 303.15 - 0.36 * abs(place.lat) + 0.18 * abs(place.lat) * season + 3.5 * hour + 3 * drift[1] + 0.6 * (noise - 0.5);
	humidity integer := least(100, greatest(15, round(66 - 14 * hour + 16 * drift[2] + 4 * (noise - 0.5))));
	clouds integer := round(50 + 49 * drift[5]);
BEGIN
	temp := round(temp, 2);
	RETURN format('{"coord":{"lon":%s,"lat":%s},"weather":[%s],"base":"stations",'
				  '"main":{"temp":%s,"feels_like":%s,"temp_min":%s,"temp_max":%s,"pressure":%s,"humidity":%s},'
				  '"visibility":10000,"wind":{"speed":%s,"deg":%s},"clouds":{"all":%s},"dt":%s,'
				  '"sys":{"country":%s,"sunrise":%s,"sunset":%s},"timezone":%s,"id":%s,"name":%s,"cod":200,"_synthetic":true}',
				  place.lon, place.lat,
				  CASE WHEN clouds < 20 THEN '{"id":800,"main":"Clear","description":"clear sky","icon":"01d"}'
				  ELSE '{"id":803,"main":"Clouds","description":"broken clouds","icon":"04d"}' END,
				  trim_scale(temp), trim_scale(temp - 0.6), trim_scale(temp - 0.9), trim_scale(temp + 0.8),
				  round(1013 + 9 * drift[3]), humidity, trim_scale(round((3.6 + 3 * drift[4] + noise)::numeric, 2)),
				  floor(noise * 360), clouds, (floor((epoch - 60) / 600) * 600)::bigint, to_json(place.country),
				  noon - 6 * 3600, noon + 6 * 3600, zone, place.id, to_json(city));
END
$$;
COMMENT ON FUNCTION medallion.synthetic_weather(text, timestamptz, integer) IS
'a made-up answer of OpenWeather, in standard units: the same for the same city, time and seed';
--
-- Produce: the first step of a weather pipeline. It asks for the weather of the cities that are due and sends what it got to
-- Kafka, failures too; the records and the polls' ledger are committed together. Its last step tells where all failed.
--

CREATE FUNCTION medallion.make_weather_feed(pipeline text, kafka name, topic text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema($1, 'source_weather');
	PERFORM medallion.clear_foreign_table($1, 'source_weather.weather_feed');
	EXECUTE format('CREATE FOREIGN TABLE source_weather.weather_feed (key text OPTIONS (metadata ''key''), '
				   'value text OPTIONS (metadata ''value'')) SERVER %I OPTIONS (topic %L, format ''raw'')', kafka, topic);
	EXECUTE format('COMMENT ON FOREIGN TABLE source_weather.weather_feed IS %L',
				   'what is inserted here is sent to the topic' || medallion.made_for($1));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_feed(text, name, text) IS 'make the foreign table through which a weather pipeline writes to its topic';

CREATE FUNCTION medallion.utc_text(at timestamptz) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
COMMENT ON FUNCTION medallion.utc_text(timestamptz) IS 'a point in time in ISO 8601, in UTC, with microseconds';

-- Members are added to the text: its numbers stay as they were written. Line ends, which JSON allows between its tokens only,
-- become blanks: one record, one line. Of a member that comes twice the last counts.
CREATE FUNCTION medallion.weather_record(city text, body text, at timestamptz, units text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	head text := rtrim(left(btrim(translate(body, E'\n\r\t', '   ')), -1));
BEGIN
	RETURN format('%s%s"_ingest_ts":"%s","_city":%s,"_units":%s}', head, CASE WHEN head = '{' THEN '' ELSE ',' END,
				  to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), to_json(city), to_json(units));
END
$$;
COMMENT ON FUNCTION medallion.weather_record(text, text, timestamptz, text) IS 'a reading as it is sent: the JSON object that was received, and where and when';

CREATE FUNCTION medallion.weather_error_record(city text, status_code integer, message text, at timestamptz) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('{"_error":true,"status_code":%s,"city":%s,"message":%s,"_ingest_ts":"%s"}', COALESCE($2::text, 'null'), to_json($1),
				  to_json($3), medallion.utc_text($4))
$$;
COMMENT ON FUNCTION medallion.weather_error_record(text, integer, text, timestamptz) IS 'what is sent in place of a reading where a call failed';

CREATE FUNCTION medallion.poll_cities(p medallion.weather_producer, cities text[], slot timestamptz)
	RETURNS TABLE (city text, status_code integer, error text, attempts integer, polled_at timestamptz, record text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	units text := COALESCE(medallion.server_option(p.server, 'units'), 'standard');
BEGIN
	IF p.producer = 'synthetic' THEN
		RETURN QUERY
			SELECT c, 200, NULL::text, 0, clock_timestamp(),
				   medallion.weather_record(c, medallion.synthetic_weather(c, slot, p.seed), clock_timestamp(), 'standard')
			  FROM unnest(cities) c;
		RETURN;
	END IF;
	RETURN QUERY
		SELECT o.city, o.status_code, o.error, o.attempts, o.received_at,
			   CASE WHEN o.error IS NULL THEN medallion.weather_record(o.city, o.body, o.received_at, units)
			   ELSE medallion.weather_error_record(o.city, o.status_code, o.error, o.received_at) END
		  FROM medallion.openweather(cities, p.server) o;
END
$$;
COMMENT ON FUNCTION medallion.poll_cities(medallion.weather_producer, text[], timestamptz) IS 'the records of cities in a slot, as they are to be sent';

CREATE FUNCTION medallion.produce_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p medallion.weather_producer;
	current_slot timestamptz;
	cities text[];
	c record;
	keys text[] := '{}';
	records text[] := '{}';
	failures text[] := '{}';
BEGIN
	PERFORM medallion.check_cluster($1);
	SELECT w.* INTO p FROM medallion.weather_producer w WHERE w.pipeline = $1 AND w.producer <> 'none';
	IF NOT FOUND THEN
		RETURN;
	END IF;
	current_slot := medallion.poll_slot(p.poll_interval, clock_timestamp());
	cities := medallion.due_cities($1, current_slot);
	IF cities IS NULL THEN
		PERFORM medallion.report('weather', 0, NULL, format('every city was polled since %s', medallion.utc_text(current_slot)));
		RETURN;
	END IF;
	FOR c IN SELECT * FROM medallion.poll_cities(p, cities, current_slot) LOOP
		keys := keys || c.city;
		records := records || c.record;
		failures := failures || CASE WHEN c.error IS NOT NULL THEN ARRAY[c.city || ': ' || c.error] END;
		INSERT INTO medallion.weather_poll VALUES ($1, current_slot, c.city, c.polled_at, c.status_code, c.error, c.attempts,
												   medallion.current_run());
	END LOOP;
	EXECUTE format('INSERT INTO %s (key, value) SELECT * FROM unnest($1, $2)', medallion.own_table($1, 'source_weather.weather_feed'))
		USING keys, records;
	DELETE FROM medallion.weather_poll w WHERE w.pipeline = $1 AND w.slot < current_slot - interval '30 days';
	PERFORM medallion.report('weather', cardinality(records), octet_length(array_to_string(records, '')),
							 format('%s, %s of %s cities answered', p.producer, cardinality(cities) - cardinality(failures), cardinality(cities)));
	IF cardinality(failures) BETWEEN 1 AND cardinality(cities) - 1 THEN
		RAISE WARNING '% of % cities could not be polled', cardinality(failures), cardinality(cities)
			USING DETAIL = array_to_string(failures[1:5], E'\n');
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.produce_weather(text) IS 'polls the cities that are due and sends what they answered to Kafka';

CREATE FUNCTION medallion.openweather_hint(status_code integer, server name) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 IN (401, 403) THEN format('Check the option api_key of the user mapping for server "%s"; a new key takes up '
												   'to two hours to become active.', $2)
		   WHEN $1 = 404 THEN 'The service knows no such city: see medallion.weather_city.'
		   WHEN $1 = 429 THEN 'The account''s limit is used up: poll fewer cities or less often.'
		   WHEN $1 >= 500 THEN 'The service has trouble of its own: the next run tries again.'
		   WHEN $1 IS NULL THEN format('Check the option url of server "%s", and that this machine can reach it.', $2)
		   ELSE format('Check the option url of server "%s".', $2) END
$$;
COMMENT ON FUNCTION medallion.openweather_hint(integer, name) IS 'what to do about a call of OpenWeather that failed';

CREATE FUNCTION medallion.check_poll(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	polled medallion.weather_poll[];
BEGIN
	-- a key that is refused says more than a city that does not exist
	SELECT array_agg(w ORDER BY COALESCE(array_position('{401,403,429}', w.status_code), 4), w.city) INTO polled FROM medallion.weather_poll w
	WHERE w.pipeline = $1 AND w.run_id = medallion.current_run();
	IF polled IS NULL OR EXISTS (SELECT FROM unnest(polled) w WHERE w.error IS NULL) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'no city could be polled: %', polled[1].error
		USING ERRCODE = CASE WHEN polled[1].status_code IN (401, 403) THEN 'invalid_authorization_specification' ELSE 'connection_failure' END,
			DETAIL = (SELECT string_agg(w.city || ': ' || w.error, E'\n') FROM unnest(polled[1:5]) w),
			HINT = (SELECT medallion.openweather_hint(polled[1].status_code, p.server) FROM medallion.weather_producer p WHERE p.pipeline = $1);
END
$$;
COMMENT ON FUNCTION medallion.check_poll(text) IS 'an ERROR where this run polled cities and none answered';

-- For trying things out: as if a pipeline that makes its readings up had run all that time.
CREATE FUNCTION medallion.produce_synthetic(pipeline text, from_time timestamptz, to_time timestamptz, step interval DEFAULT '5 minutes')
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p medallion.weather_producer;
	sent bigint;
BEGIN
	PERFORM medallion.check_owner($1);
	SELECT w.* INTO p FROM medallion.weather_producer w WHERE w.pipeline = $1;
	IF p.producer IS DISTINCT FROM 'synthetic' THEN
		RAISE EXCEPTION 'pipeline "%" does not make its readings up', $1 USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('Made-up readings among real ones could not be taken out of the averages again. If that is what you want: '
						  'SELECT medallion.set_weather_producer(%L, ''synthetic'')', $1);
	ELSIF to_time > clock_timestamp() THEN
		RAISE EXCEPTION 'a series cannot end in the future' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM medallion.check_poll_interval('synthetic', step);
	EXECUTE format('INSERT INTO %s (key, value) '
				   'SELECT c.city, medallion.weather_record(c.city, medallion.synthetic_weather(c.city, t, $4), t, ''standard'') '
				   '  FROM generate_series(medallion.poll_slot($3, $1), $2, $3) t '
				   '  JOIN medallion.weather_city c ON c.pipeline = $5 AND c.enabled WHERE t >= $1 AND t < $2 ORDER BY t, c.city',
				   medallion.own_table($1, 'source_weather.weather_feed'))
		USING from_time, to_time, step, p.seed, $1;
	GET DIAGNOSTICS sent = ROW_COUNT;
	RETURN sent;
END
$$;
COMMENT ON FUNCTION medallion.produce_synthetic(text, timestamptz, timestamptz, interval) IS
'send made-up readings of a time that has passed, only where the pipeline makes its readings up; returns how many';
--
-- What Kafka records of weather mean, one at a time and as the batch that a transaction is landing: C, see
-- extension/reading.c and extension/batch.c. The tables are not touched here.
--

CREATE FUNCTION medallion.weather_reading("timestamp" timestamptz, value bytea, OUT kind text, OUT city text, OUT city_id bigint,
		OUT event_time timestamptz, OUT temp numeric, OUT humidity numeric, OUT status_code integer, OUT reason text, OUT detail text)
	LANGUAGE c IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_reading';
COMMENT ON FUNCTION medallion.weather_reading(timestamptz, bytea) IS
'what one record means: a reading (temp in Kelvin), an error (a failed call) or dead (what cannot be used, and why)';

CREATE FUNCTION medallion.weather_begin() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_begin';
COMMENT ON FUNCTION medallion.weather_begin() IS
'start an empty batch of records; it ends with the transaction, or when a subtransaction that added to it is rolled back';

-- These two are called for every record: settings of their own would cost more than their work, and they look up no name.
CREATE FUNCTION medallion.weather_line(partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea) RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'medallion_weather_line';
COMMENT ON FUNCTION medallion.weather_line(integer, bigint, timestamptz, bytea, bytea) IS
'count a record into the batch; returns the line of JSON as which it stands in a raw object';

CREATE FUNCTION medallion.weather_count(partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'medallion_weather_count';
COMMENT ON FUNCTION medallion.weather_count(integer, bigint, timestamptz, bytea, bytea) IS
'count a record into the batch; returns whether it is a reading';

CREATE FUNCTION medallion.weather_summary(OUT records bigint, OUT readings bigint, OUT dead bigint, OUT errors bigint,
		OUT first_offset bigint, OUT last_offset bigint, OUT last_timestamp timestamptz, OUT last_hash bytea,
		OUT min_event timestamptz, OUT max_event timestamptz)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_summary';
COMMENT ON FUNCTION medallion.weather_summary() IS
'what the batch adds up to; last_hash is weather_anchor() of the record with the last offset, event times are those of readings';

CREATE FUNCTION medallion.weather_windows() RETURNS TABLE (city text, window_start timestamptz, readings bigint,
		sum_temp numeric, min_temp numeric, max_temp numeric, sum_humidity numeric, min_humidity numeric, max_humidity numeric)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_windows';
COMMENT ON FUNCTION medallion.weather_windows() IS
'the 5-minute windows of the batch; a window may come in several rows, which add up';

CREATE FUNCTION medallion.weather_rejected() RETURNS TABLE (partition integer, "offset" bigint, "timestamp" timestamptz,
		key bytea, value bytea, reason text, detail text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_rejected';
COMMENT ON FUNCTION medallion.weather_rejected() IS 'the records of the batch that cannot be used';

CREATE FUNCTION medallion.weather_errors() RETURNS TABLE (partition integer, "offset" bigint, "timestamp" timestamptz,
		city text, status_code integer, record text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_errors';
COMMENT ON FUNCTION medallion.weather_errors() IS 'the failed calls of the batch';

CREATE FUNCTION medallion.weather_anchor(key bytea, value bytea) RETURNS bytea
	LANGUAGE c IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'medallion_weather_anchor';
COMMENT ON FUNCTION medallion.weather_anchor(bytea, bytea) IS 'hash by which a record is known again';

-- Called for every window, and looks up no name.
CREATE FUNCTION medallion.weather_average(sum numeric, readings bigint) RETURNS numeric
	LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
	AS 'MODULE_PATHNAME', 'medallion_weather_average';
COMMENT ON FUNCTION medallion.weather_average(numeric, bigint) IS 'sum / readings, rounded once, to 6 places; NULL without readings';

-- The widths are fixed: an interval of days would follow the session's time zone where the clocks change. Without settings
-- of its own the planner can put it in line: it is wanted for every window.
CREATE FUNCTION medallion.weather_width(granularity text) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
	SELECT CASE WHEN granularity OPERATOR(pg_catalog.=) '5min' THEN interval '5 minutes'
				WHEN granularity OPERATOR(pg_catalog.=) 'hour' THEN interval '1 hour'
				WHEN granularity OPERATOR(pg_catalog.=) 'day' THEN interval '24 hours' END
$$;
COMMENT ON FUNCTION medallion.weather_width(text) IS 'width of the windows of a granularity: 5min, hour or day';

-- The batch, added up to windows of one granularity, as the rows of the tables have them.
CREATE FUNCTION medallion.weather_totals(granularity text) RETURNS TABLE (city text, window_start timestamptz, window_end timestamptz,
		avg_temp numeric, avg_humidity numeric, min_temp numeric, max_temp numeric, min_humidity numeric, max_humidity numeric,
		sum_temp numeric, sum_humidity numeric, readings bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.city, t.start, t.start + medallion.weather_width($1),
		   medallion.weather_average(t.sum_temp, t.readings), medallion.weather_average(t.sum_humidity, t.readings),
		   t.min_temp, t.max_temp, t.min_humidity, t.max_humidity, t.sum_temp, trim_scale(t.sum_humidity), t.readings
	  FROM (SELECT w.city, date_bin(medallion.weather_width($1), w.window_start, timestamptz '1970-01-01 00:00:00+00') AS start,
				   min(w.min_temp) AS min_temp, max(w.max_temp) AS max_temp,
				   min(w.min_humidity) AS min_humidity, max(w.max_humidity) AS max_humidity,
				   sum(w.sum_temp) AS sum_temp, sum(w.sum_humidity) AS sum_humidity, sum(w.readings)::bigint AS readings
			  FROM medallion.weather_windows() w
			 GROUP BY 1, 2) t
$$;
COMMENT ON FUNCTION medallion.weather_totals(text) IS 'the windows of the batch, of granularity 5min, hour or day';
--
-- The tables of weather, in schema weather: the owner's. What the pipeline has to know about them is in schema medallion.
--

CREATE TABLE medallion.weather_watermark (
	pipeline text PRIMARY KEY REFERENCES medallion.pipeline ON DELETE CASCADE,
	watermark timestamptz NOT NULL
);
COMMENT ON TABLE medallion.weather_watermark IS 'how far the events of a pipeline have come';
COMMENT ON COLUMN medallion.weather_watermark.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_watermark.watermark IS 'greatest event time of a reading that has landed; never goes back';

CREATE TABLE medallion.weather_day (
	pipeline text NOT NULL REFERENCES medallion.pipeline ON DELETE CASCADE,
	granularity text NOT NULL CHECK (granularity IN ('5min', 'hour', 'day')),
	day date NOT NULL,
	version bigint NOT NULL DEFAULT 1,
	exported bigint,
	PRIMARY KEY (pipeline, granularity, day)
);
COMMENT ON TABLE medallion.weather_day IS 'UTC days whose windows have changed, and which of their versions stand in the bucket';
COMMENT ON COLUMN medallion.weather_day.pipeline IS 'the pipeline';
COMMENT ON COLUMN medallion.weather_day.granularity IS '5min, hour or day';
COMMENT ON COLUMN medallion.weather_day.day IS 'UTC day in which the windows begin';
COMMENT ON COLUMN medallion.weather_day.version IS 'number of transactions that changed one of its windows';
COMMENT ON COLUMN medallion.weather_day.exported IS 'version that stands in the bucket, or NULL';

-- The columns that both tables of windows have.
CREATE FUNCTION medallion.weather_column(OUT name text, OUT type text, OUT comment text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('window_start', 'timestamptz NOT NULL', 'first instant of the window; windows are aligned to the epoch, in UTC'),
		   ('window_end', 'timestamptz NOT NULL', 'first instant behind the window'),
		   ('avg_temp', 'numeric NOT NULL', 'average temperature in Kelvin, rounded to 6 places'),
		   ('avg_temp_c', 'numeric NOT NULL GENERATED ALWAYS AS (avg_temp OPERATOR(pg_catalog.-) 273.15) STORED', 'the same in degrees Celsius'),
		   ('avg_humidity', 'numeric NOT NULL', 'average relative humidity in percent, rounded to 6 places'),
		   ('min_temp', 'numeric NOT NULL', 'least temperature in Kelvin'),
		   ('max_temp', 'numeric NOT NULL', 'greatest temperature in Kelvin'),
		   ('min_humidity', 'numeric NOT NULL', 'least humidity in percent'),
		   ('max_humidity', 'numeric NOT NULL', 'greatest humidity in percent'),
		   ('sum_temp', 'numeric NOT NULL', 'sum of the temperatures in Kelvin, exact'),
		   ('sum_humidity', 'numeric NOT NULL', 'sum of the humidities, exact'),
		   ('readings', 'bigint NOT NULL', 'number of readings'),
		   ('is_final', 'boolean NOT NULL', 'the events have come 15 minutes further than the window; a late one corrects it all the same'),
		   ('updated_at', 'timestamptz NOT NULL', 'when the row last changed')
$$;
COMMENT ON FUNCTION medallion.weather_column() IS 'columns of weather_rt and weather_bt besides city and granularity';

-- Records that gave no reading keep the place that they came from.
CREATE FUNCTION medallion.weather_place_column(OUT name text, OUT type text, OUT comment text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('topic', 'text NOT NULL', 'the topic; its name and #2 where it was made anew, and so on'),
		   ('partition', 'integer NOT NULL', 'its partition'),
		   ('offset', 'bigint NOT NULL', 'offset in the partition'),
		   ('timestamp', 'timestamptz', 'the record''s own timestamp in Kafka'),
		   ('landed_at', 'timestamptz NOT NULL DEFAULT pg_catalog.now()', 'when it was read'),
		   ('run_id', 'bigint', 'run that read it, or NULL')
$$;
COMMENT ON FUNCTION medallion.weather_place_column() IS 'columns of dead_letter and api_error that say where a record stood';

-- Make one table; "columns" has a name, a type and a comment in each line.
CREATE FUNCTION medallion.make_weather_table(pipeline text, name text, comment text, key text, columns text[]) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target text := format('weather.%I', name);
	definition text := (SELECT string_agg(format('%I %s', columns[n][1], columns[n][2]), ', ' ORDER BY n)
						FROM generate_subscripts(columns, 1) n);
BEGIN
	IF to_regclass(target) IS NOT NULL THEN
		PERFORM medallion.own_table($1, target);
		RETURN false;
	END IF;
	PERFORM medallion.check_maker($1);
	EXECUTE format('CREATE TABLE %s (%s, PRIMARY KEY (%s))', target, definition, key);
	EXECUTE format('COMMENT ON TABLE %s IS %L', target, comment);
	FOR i IN 1 .. array_length(columns, 1) LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', target, columns[i][1], columns[i][3]);
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION medallion.make_weather_table(text, text, text, text, text[]) IS 'make a table of weather where it is missing; returns whether it was';

-- What is final is found by the end of the window, what a day holds by its start.
CREATE FUNCTION medallion.make_weather_indexes(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('CREATE INDEX ON weather.%I (window_start)', name);
	EXECUTE format('CREATE INDEX ON weather.%I (window_end) WHERE NOT is_final', name);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_indexes(text) IS 'indexes of a table of windows';

CREATE FUNCTION medallion.weather_table_names() RETURNS SETOF text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ VALUES ('weather_rt'), ('weather_bt'), ('api_error'), ('dead_letter') $$;
COMMENT ON FUNCTION medallion.weather_table_names() IS 'names of the tables of weather';

-- Where the pipeline is new, its events will all be counted again: onto nothing.
CREATE FUNCTION medallion.check_weather_empty(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text;
	filled boolean;
BEGIN
	FOR name IN SELECT n FROM medallion.weather_table_names() n WHERE to_regclass(format('weather.%I', n)) IS NOT NULL LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', medallion.own_table($1, format('weather.%I', name))) INTO filled;
		IF filled THEN
			RAISE EXCEPTION 'table weather.% holds rows of an earlier installation', quote_ident(name)
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = 'Events that are read again would be counted twice.',
					HINT = 'TRUNCATE, rename or drop the tables of schema weather: the raw objects give their rows again.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.check_weather_empty(text) IS 'an ERROR where tables of weather hold rows of an earlier installation';

-- Called by install_weather(), and again wherever something may be missing. What a table held that is gone comes from the
-- raw objects.
CREATE FUNCTION medallion.make_weather_tables(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	windows text[] := (SELECT array_agg(ARRAY[c.name, c.type, c.comment]) FROM medallion.weather_column() c);
	place text[] := (SELECT array_agg(ARRAY[c.name, c.type, c.comment]) FROM medallion.weather_place_column() c);
	city text[] := ARRAY[ARRAY['city', 'text NOT NULL', 'the city that was asked for, else the name in the answer']];
	t medallion.weather_topic := (SELECT w FROM medallion.weather_topic w WHERE w.pipeline = $1);
	is_lost boolean := EXISTS (SELECT FROM medallion.weather_watermark w WHERE w.pipeline = $1 AND w.watermark > '-infinity')
					   AND EXISTS (SELECT FROM unnest(ARRAY['weather.weather_rt', 'weather.weather_bt', 'weather.dead_letter']) n WHERE to_regclass(n) IS NULL);
BEGIN
	PERFORM medallion.check_owner($1);
	PERFORM medallion.make_schema($1, 'weather');
	INSERT INTO medallion.weather_watermark (pipeline, watermark) VALUES ($1, '-infinity') ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM medallion.check_weather_empty($1);
	END IF;
	IF medallion.make_weather_table($1, 'weather_rt', 'Weather by city in windows of 5 minutes', 'city, window_start', city || windows) THEN
		PERFORM medallion.make_weather_indexes('weather_rt');
	END IF;
	IF medallion.make_weather_table($1, 'weather_bt', 'Weather by city in windows of an hour and of a UTC day', 'city, granularity, window_start',
			city || ARRAY[ARRAY['granularity', 'text NOT NULL CHECK (granularity IN (''hour'', ''day''))', 'hour or day']] || windows) THEN
		PERFORM medallion.make_weather_indexes('weather_bt');
	END IF;
	IF medallion.make_weather_table($1, 'api_error', 'Calls of OpenWeather that failed', 'topic, partition, "offset"', place || ARRAY[
			ARRAY['city', 'text', 'the city that was asked for'],
			ARRAY['status_code', 'integer', 'HTTP status of the answer'],
			ARRAY['record', 'text NOT NULL', 'the record as it was received']]) THEN
		CREATE INDEX ON weather.api_error ("timestamp");
	END IF;
	IF medallion.make_weather_table($1, 'dead_letter', 'Records that cannot be used, kept as they were received', 'topic, partition, "offset"', place || ARRAY[
			ARRAY['key', 'bytea', 'the key, or NULL'],
			ARRAY['value', 'bytea', 'the value''s exact bytes; NULL of a tombstone'],
			ARRAY['reason', 'text NOT NULL', 'why it cannot be used: see docs/weather.md'],
			ARRAY['detail', 'text', 'where in the value'],
			ARRAY['replayed_at', 'timestamptz', 'when replay_dead_letters() could use it; NULL: it counts nowhere']]) THEN
		CREATE INDEX ON weather.dead_letter (reason) WHERE replayed_at IS NULL;
	END IF;
	PERFORM medallion.make_weather_views($1);
	PERFORM medallion.make_bronze_weather($1, t.lake, t.raw_bucket) WHERE t.lake IS NOT NULL;
	PERFORM medallion.make_weather_exports($1, t.lake, t.silver_bucket) WHERE t.lake IS NOT NULL;
	IF is_lost AND t.lake IS NOT NULL THEN
		PERFORM medallion.backfill($1, NULL, NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.make_weather_tables(text) IS
'make the schemas, tables and views of weather and the foreign tables over its objects, where they are missing';

-- A foreign table over the objects of a bucket; one over another bucket, of an earlier installation, gives way.
CREATE FUNCTION medallion.make_weather_foreign_table(pipeline text, name text, columns text, server name, bucket text, options text, comment text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted text[] := ARRAY[server, 'bucket=' || bucket];
BEGIN
	IF EXISTS (SELECT FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
				WHERE f.ftrelid = to_regclass(name) AND wanted <@ (f.ftoptions || s.srvname::text)) THEN
		PERFORM medallion.own_table($1, name);
		RETURN;
	END IF;
	PERFORM medallion.clear_foreign_table($1, name);
	EXECUTE format('CREATE FOREIGN TABLE %s (%s) SERVER %I OPTIONS (bucket %L, %s)', name, columns, server, bucket, options);
	EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', name, comment || medallion.made_for($1));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_foreign_table(text, text, text, name, text, text, text) IS
'make a foreign table over objects of a weather pipeline, where it is missing';
--
-- Views of weather: what dashboards use.
--

CREATE FUNCTION medallion.make_weather_view(pipeline text, name text, comment text, query text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('weather.%I', name)) IS NOT NULL THEN
		RETURN;
	END IF;
	PERFORM medallion.check_maker($1);
	EXECUTE format('CREATE VIEW weather.%I AS %s', name, query);
	EXECUTE format('COMMENT ON VIEW weather.%I IS %L', name, comment);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_view(text, text, text, text) IS 'make a view of weather where it is missing';

-- The newest window of each city is found through the primary key, however many windows there are.
CREATE FUNCTION medallion.make_weather_views(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	windows text := 'window_start, window_end, avg_temp, avg_temp_c, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, '
					'sum_temp, sum_humidity, readings, is_final, updated_at';
BEGIN
	PERFORM medallion.make_weather_view($1, 'weather_hourly', 'Weather by city and hour',
		format('SELECT city, %s FROM weather.weather_bt WHERE granularity = ''hour''', windows));
	PERFORM medallion.make_weather_view($1, 'weather_daily', 'Weather by city and UTC day',
		format('SELECT city, (window_start AT TIME ZONE ''UTC'')::date AS day, %s FROM weather.weather_bt WHERE granularity = ''day''', windows));
	PERFORM medallion.make_weather_view($1, 'weather_now', 'The newest window of each city, and how long ago it began', $q$
		WITH RECURSIVE city (name) AS (
			(SELECT t.city FROM weather.weather_rt t ORDER BY t.city LIMIT 1)
			UNION ALL
			SELECT (SELECT t.city FROM weather.weather_rt t WHERE t.city > c.name ORDER BY t.city LIMIT 1) FROM city c WHERE c.name IS NOT NULL
		)
		SELECT w.*, now() - w.window_start AS age
		  FROM city c
		  CROSS JOIN LATERAL (SELECT * FROM weather.weather_rt t WHERE t.city = c.name ORDER BY t.window_start DESC LIMIT 1) w$q$);
	PERFORM medallion.make_weather_view($1, 'freshness', 'By city: the newest window, its age, and the newest failed call', $q$
		SELECT COALESCE(n.city, e.city) AS city, n.window_start AS newest_window, n.age, n.readings, e."timestamp" AS last_error_at, e.status_code AS last_status_code
		  FROM weather.weather_now n
		  FULL JOIN (SELECT DISTINCT ON (a.city) a.city, a."timestamp", a.status_code FROM weather.api_error a
					  WHERE a.city IS NOT NULL ORDER BY a.city, a."timestamp" DESC NULLS LAST, a.landed_at DESC) e ON e.city = n.city$q$);
	PERFORM medallion.make_weather_view($1, 'dead_letters_by_reason', 'Records that cannot be used, by reason', $q$
		SELECT d.reason, count(*) AS letters, count(*) FILTER (WHERE d.replayed_at IS NULL) AS waiting,
			   min(d."timestamp") AS first_timestamp, max(d."timestamp") AS last_timestamp, max(d.landed_at) AS last_landed_at
		  FROM weather.dead_letter d GROUP BY d.reason$q$);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_views(text) IS 'make the views of weather, where they are missing';
--
-- Merge: what a batch adds up to goes into the tables. Sums and counts are added, so that neither the order of the events
-- nor the cut into batches shows.
--

-- What a batch and the tables are merged under must not depend on the session.
CREATE FUNCTION medallion.merge_weather(pipeline text, topic text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC'
AS $$
DECLARE
	watermark timestamptz;
	granularity text;
BEGIN
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	watermark := medallion.raise_watermark($1, (medallion.weather_summary()).max_event);
	FOREACH granularity IN ARRAY ARRAY['5min', 'hour', 'day'] LOOP
		PERFORM medallion.add_windows($1, granularity, watermark);
		PERFORM medallion.close_windows($1, granularity, watermark);
	END LOOP;
	PERFORM medallion.keep_rejected($2);
	PERFORM medallion.keep_errors($2);
END
$$;
COMMENT ON FUNCTION medallion.merge_weather(text, text) IS
'merge the batch of this transaction, read from a topic, into the tables of weather';

CREATE FUNCTION medallion.raise_watermark(pipeline text, event timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reached timestamptz;
BEGIN
	UPDATE medallion.weather_watermark w SET watermark = event WHERE w.pipeline = $1 AND w.watermark < event;
	SELECT w.watermark INTO STRICT reached FROM medallion.weather_watermark w WHERE w.pipeline = $1;
	RETURN reached;
END
$$;
COMMENT ON FUNCTION medallion.raise_watermark(text, timestamptz) IS 'move the watermark forward, if the event is newer; returns where it stands';

-- Where the windows of a granularity stand: weather_bt holds two.
CREATE FUNCTION medallion.weather_target(granularity text, OUT target text, OUT key text, OUT value text, OUT condition text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'weather.weather_rt', 'city, window_start', '', 'true' WHERE granularity = '5min'
	UNION ALL
	SELECT 'weather.weather_bt', 'city, granularity, window_start', format('%L, ', granularity), format('t.granularity = %L', granularity)
	 WHERE granularity <> '5min'
$$;
COMMENT ON FUNCTION medallion.weather_target(text) IS
'table of the windows of a granularity, its key, the granularity as an item of a select list, and the condition on its rows';

-- The days whose objects are not what the tables hold any more.
CREATE FUNCTION medallion.note_days(pipeline text, granularity text, days date[]) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.weather_day AS w (pipeline, granularity, day)
	SELECT DISTINCT $1, $2, d FROM unnest(days) d ORDER BY d
	ON CONFLICT ON CONSTRAINT weather_day_pkey DO UPDATE SET version = w.version + 1
$$;
COMMENT ON FUNCTION medallion.note_days(text, text, date[]) IS 'note that windows which begin in those UTC days have changed';

-- Every window of the batch has readings, so every row changes.
CREATE FUNCTION medallion.add_windows(pipeline text, granularity text, watermark timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	days date[];
BEGIN
	EXECUTE format($sql$
		WITH merged AS (
			INSERT INTO %1$s AS t (%2$s, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity,
								   sum_temp, sum_humidity, readings, is_final, updated_at)
			SELECT w.city, %3$s w.window_start, w.window_end, w.avg_temp, w.avg_humidity, w.min_temp, w.max_temp, w.min_humidity,
				   w.max_humidity, w.sum_temp, w.sum_humidity, w.readings, medallion.weather_is_final(w.window_end, $2), now()
			  FROM medallion.weather_totals($1) w
			 ORDER BY w.city, w.window_start
			ON CONFLICT (%2$s) DO UPDATE
			SET avg_temp = medallion.weather_average(t.sum_temp + excluded.sum_temp, t.readings + excluded.readings),
				avg_humidity = medallion.weather_average(t.sum_humidity + excluded.sum_humidity, t.readings + excluded.readings),
				min_temp = LEAST(t.min_temp, excluded.min_temp), max_temp = GREATEST(t.max_temp, excluded.max_temp),
				min_humidity = LEAST(t.min_humidity, excluded.min_humidity),
				max_humidity = GREATEST(t.max_humidity, excluded.max_humidity),
				sum_temp = t.sum_temp + excluded.sum_temp, sum_humidity = trim_scale(t.sum_humidity + excluded.sum_humidity),
				readings = t.readings + excluded.readings, is_final = excluded.is_final, updated_at = excluded.updated_at
			RETURNING t.window_start)
		SELECT array_agg(DISTINCT (m.window_start AT TIME ZONE 'UTC')::date) FROM merged m$sql$, t.target, t.key, t.value)
	INTO days USING granularity, watermark;
	PERFORM medallion.note_days($1, granularity, days);
END
$$;
COMMENT ON FUNCTION medallion.add_windows(text, text, timestamptz) IS 'add the batch to the windows of a granularity';

-- The planner puts it in line, and finds an index for it.
CREATE FUNCTION medallion.weather_is_final(window_end timestamptz, watermark timestamptz) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT $1 OPERATOR(pg_catalog.<=) ($2 OPERATOR(pg_catalog.-) interval '15 minutes') $$;
COMMENT ON FUNCTION medallion.weather_is_final(timestamptz, timestamptz) IS 'whether the events have come 15 minutes further than a window';

-- Windows that the watermark has passed, whether this batch touched them or not.
CREATE FUNCTION medallion.close_windows(pipeline text, granularity text, watermark timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	days date[];
BEGIN
	EXECUTE format($sql$
		WITH closed AS (
			UPDATE %s AS t SET is_final = true, updated_at = now()
			 WHERE NOT t.is_final AND medallion.weather_is_final(t.window_end, $1) AND %s
			RETURNING t.window_start)
		SELECT array_agg(DISTINCT (c.window_start AT TIME ZONE 'UTC')::date) FROM closed c$sql$, t.target, t.condition)
	INTO days USING watermark;
	PERFORM medallion.note_days($1, granularity, days);
END
$$;
COMMENT ON FUNCTION medallion.close_windows(text, text, timestamptz) IS 'mark the windows of a granularity final that the watermark has passed';

-- What stands there already is left alone: a position has one letter, and whether it was replayed is not forgotten.
CREATE FUNCTION medallion.keep_rejected(topic text) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO weather.dead_letter (topic, partition, "offset", "timestamp", key, value, reason, detail, run_id)
	SELECT $1, r.partition, r."offset", r."timestamp", r.key, r.value, r.reason, r.detail, medallion.current_run()
	  FROM medallion.weather_rejected() r
	ON CONFLICT (topic, partition, "offset") DO NOTHING
$$;
COMMENT ON FUNCTION medallion.keep_rejected(text) IS 'enter the records of the batch that cannot be used';

CREATE FUNCTION medallion.keep_errors(topic text) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO weather.api_error (topic, partition, "offset", "timestamp", city, status_code, record, run_id)
	SELECT $1, e.partition, e."offset", e."timestamp", e.city, e.status_code, e.record, medallion.current_run()
	  FROM medallion.weather_errors() e
	ON CONFLICT (topic, partition, "offset") DO NOTHING
$$;
COMMENT ON FUNCTION medallion.keep_errors(text) IS 'enter the failed calls of the batch';
--
-- Raw objects read again: bronze.weather, and records out of it as Kafka had them. The lines are written by
-- extension/rawline.c.
--

CREATE FUNCTION medallion.make_bronze_weather(pipeline text, lake name, bucket text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema($1, 'bronze');
	PERFORM medallion.make_weather_foreign_table($1, 'bronze.weather',
		'partition integer, "offset" bigint, "timestamp" timestamptz, key text, value json, key_base64 text, value_base64 text, '
		'_path text OPTIONS (metadata ''path''), _etag text OPTIONS (metadata ''etag'')', lake, bucket,
		'prefix ''date='', format ''jsonl'', rows ''10000000''', 'the records of the topic, as they stand in the raw objects');
END
$$;
COMMENT ON FUNCTION medallion.make_bronze_weather(text, name, text) IS 'make the foreign table over the raw objects of a weather pipeline';

-- Without settings of its own the planner can put it in line: it is wanted twice for every record.
CREATE FUNCTION medallion.raw_bytes(plain text, base64 text) RETURNS bytea
	LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT COALESCE(pg_catalog.convert_to(plain, 'UTF8'), pg_catalog.decode(base64, 'base64')) $$;
COMMENT ON FUNCTION medallion.raw_bytes(text, text) IS 'a key or value of a raw object as it was in Kafka; NULL for none';

-- The ledger names what must stand there; an object that is missing or another one must not pass for a short one.
CREATE FUNCTION medallion.check_raw_objects(pipeline text, paths text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	d record;
BEGIN
	SELECT r.path, r.etag AS wanted, s.etag AS found INTO d
	  FROM medallion.raw_object r
	  JOIN medallion.weather_topic t ON t.pipeline = r.pipeline
	  LEFT JOIN LATERAL public.fdw_s3_stat(t.lake, t.raw_bucket, r.path) s ON true
	 WHERE r.pipeline = $1 AND r.path = ANY (paths) AND r.etag IS DISTINCT FROM s.etag
	 ORDER BY r.path LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'raw objects have changed while they were read' USING ERRCODE = 'data_corrupted';
	END IF;
	RAISE EXCEPTION 'raw object "%" is not the one that the ledger knows', d.path
		USING ERRCODE = 'data_corrupted', DETAIL = format('Written was etag %s; there is %s.', d.wanted, COALESCE('etag ' || d.found, 'no such object'));
END
$$;
COMMENT ON FUNCTION medallion.check_raw_objects(text, text[]) IS 'the ERROR for raw objects that are not what the ledger knows: names the first';

-- A batch of the records of one object that the ledger does not know yet.
CREATE FUNCTION medallion.count_raw(pipeline text, path text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	PERFORM medallion.weather_begin();
	EXECUTE format('SELECT count(medallion.weather_count(b.partition, b."offset", b."timestamp", medallion.raw_bytes(b.key, b.key_base64), '
				   'medallion.raw_bytes(b.value::text, b.value_base64))) FROM %s b WHERE b._path = %L',
				   medallion.own_table($1, 'bronze.weather'), path);
END
$$;
COMMENT ON FUNCTION medallion.count_raw(text, text) IS 'start a batch and count the records of a raw object into it';

-- The same of all objects with readings in a range of time, but for records that wait as dead letters. Nothing is sorted
-- or kept on the way: there may be any number of records.
CREATE FUNCTION medallion.count_raw_range(pipeline text, first timestamptz, last timestamptz, OUT objects bigint, OUT records bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	paths text[] := ARRAY(SELECT r.path FROM medallion.raw_object r WHERE r.pipeline = $1 AND r.max_event >= first AND r.min_event < last ORDER BY r.path);
	known bigint := (SELECT COALESCE(sum(r.records), 0) FROM medallion.raw_object r WHERE r.pipeline = $1 AND r.path = ANY (paths));
	genuine bigint;
BEGIN
	PERFORM medallion.weather_begin();
	EXECUTE format($sql$
		SELECT count(*), count(*) FILTER (WHERE b._etag = r.etag),
			   count(CASE WHEN d.topic IS NULL THEN
					 medallion.weather_count(b.partition, b."offset", b."timestamp", medallion.raw_bytes(b.key, b.key_base64),
											 medallion.raw_bytes(b.value::text, b.value_base64)) END)
		  FROM %1$s b
		  JOIN medallion.raw_object r ON r.pipeline = %2$L AND r.path = b._path
		  LEFT JOIN %3$s d ON d.topic = medallion.generation_name(r.topic, r.generation) AND d.partition = b.partition
						  AND d."offset" = b."offset" AND d.replayed_at IS NULL
		 WHERE b._path = ANY (%4$L::text[])$sql$,
		medallion.own_table($1, 'bronze.weather'), $1, medallion.own_table($1, 'weather.dead_letter'), paths)
	INTO records, genuine;
	objects := cardinality(paths);
	IF records <> known OR genuine <> known THEN
		PERFORM medallion.check_raw_objects($1, paths);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.count_raw_range(text, timestamptz, timestamptz) IS
'start a batch and count the records of the raw objects into it that have readings in a range of time, without dead letters that wait';
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
--
-- Backfill: the windows of a range of time made again from the raw objects, and the check that compares the two.
--

-- Hours and days are made of whole days only.
CREATE FUNCTION medallion.whole_days("from" timestamptz, "to" timestamptz, OUT first timestamptz, OUT last timestamptz)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	epoch constant timestamptz := '1970-01-01 00:00:00+00';
BEGIN
	IF "from" >= "to" THEN
		RAISE EXCEPTION 'the range of time is empty' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Its end is no part of it.';
	END IF;
	first := date_bin(interval '24 hours', COALESCE("from", '-infinity'), epoch);
	last := date_bin(interval '24 hours', COALESCE("to", 'infinity') - interval '1 microsecond', epoch) + interval '24 hours';
END
$$;
COMMENT ON FUNCTION medallion.whole_days(timestamptz, timestamptz) IS 'the UTC days that a range of time touches; NULL for no bound';

CREATE FUNCTION medallion.check_backfill(pipeline text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	IF NOT EXISTS (SELECT FROM medallion.weather_topic t WHERE t.pipeline = $1) THEN
		RAISE EXCEPTION 'pipeline "%" has no windows to make again', $1
			USING ERRCODE = 'wrong_object_type', DETAIL = 'It reads its whole source in each run, and publishes what differs.',
				HINT = format('CALL medallion.run(%L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_backfill(text) IS 'an ERROR for pipelines that are none of weather';

-- The windows of the batch take the place of all that begin in the range.
CREATE FUNCTION medallion.replace_windows(pipeline text, granularity text, first timestamptz, last timestamptz, watermark timestamptz,
		OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	days date[];
BEGIN
	EXECUTE format($sql$
		WITH wanted AS MATERIALIZED (
			SELECT w.*, medallion.weather_is_final(w.window_end, $4) AS is_final
			  FROM medallion.weather_totals($1) w WHERE w.window_start >= $2 AND w.window_start < $3
		), gone AS (
			DELETE FROM %1$s AS t
			 WHERE t.window_start >= $2 AND t.window_start < $3 AND %4$s
			   AND NOT EXISTS (SELECT FROM wanted w WHERE (w.city, w.window_start) = (t.city, t.window_start))
			RETURNING t.window_start
		), put AS (
			INSERT INTO %1$s AS t (%2$s, window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity,
								   sum_temp, sum_humidity, readings, is_final, updated_at)
			SELECT w.city, %3$s w.window_start, w.window_end, w.avg_temp, w.avg_humidity, w.min_temp, w.max_temp, w.min_humidity,
				   w.max_humidity, w.sum_temp, w.sum_humidity, w.readings, w.is_final, now()
			  FROM wanted w ORDER BY w.city, w.window_start
			ON CONFLICT (%2$s) DO UPDATE
			SET (window_end, avg_temp, avg_humidity, min_temp, max_temp, min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final, updated_at)
				= (excluded.window_end, excluded.avg_temp, excluded.avg_humidity, excluded.min_temp, excluded.max_temp, excluded.min_humidity,
				   excluded.max_humidity, excluded.sum_temp, excluded.sum_humidity, excluded.readings, excluded.is_final, excluded.updated_at)
			WHERE (t.window_end, t.avg_temp, t.avg_humidity, t.min_temp, t.max_temp, t.min_humidity, t.max_humidity, t.sum_temp, t.sum_humidity,
				   t.readings, t.is_final)
				IS DISTINCT FROM (excluded.window_end, excluded.avg_temp, excluded.avg_humidity, excluded.min_temp, excluded.max_temp,
								  excluded.min_humidity, excluded.max_humidity, excluded.sum_temp, excluded.sum_humidity, excluded.readings,
								  excluded.is_final)
			RETURNING t.window_start, t.xmax = 0 AS is_new
		)
		SELECT (SELECT count(*) FROM put WHERE is_new), (SELECT count(*) FROM put WHERE NOT is_new), (SELECT count(*) FROM gone),
			   (SELECT array_agg(DISTINCT (c.window_start AT TIME ZONE 'UTC')::date)
				  FROM (SELECT window_start FROM put UNION ALL SELECT window_start FROM gone) c)$sql$, t.target, t.key, t.value, t.condition)
	INTO inserted, updated, deleted, days USING granularity, first, last, watermark;
	PERFORM medallion.note_days($1, granularity, days);
END
$$;
COMMENT ON FUNCTION medallion.replace_windows(text, text, timestamptz, timestamptz, timestamptz) IS
'make the windows of a granularity that begin in a range of time those of the batch; returns how many changed';

-- Records that could be used when they landed, and cannot under the rules of today, become dead letters; so do those that
-- could once be replayed.
CREATE FUNCTION medallion.keep_newly_rejected(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
		INSERT INTO weather.dead_letter AS d (topic, partition, "offset", "timestamp", key, value, reason, detail, run_id)
		SELECT medallion.generation_name(r.topic, r.generation), b.partition, b."offset", b."timestamp",
			   medallion.raw_bytes(b.key, b.key_base64), m.value, w.reason, w.detail, medallion.current_run()
		  FROM (SELECT DISTINCT j.partition, j."offset" FROM medallion.weather_rejected() j) n
		  JOIN medallion.raw_object r ON r.pipeline = %1$L AND r.partition = n.partition AND n."offset" BETWEEN r.first_offset AND r.last_offset
		  JOIN %2$s b ON b._path = r.path AND b."offset" = n."offset"
		  CROSS JOIN LATERAL medallion.raw_bytes(b.value::text, b.value_base64) m (value)
		  CROSS JOIN LATERAL medallion.weather_reading(b."timestamp", m.value) w
		 WHERE w.kind = 'dead'
		ON CONFLICT (topic, partition, "offset") DO UPDATE SET reason = excluded.reason, detail = excluded.detail, replayed_at = NULL
		WHERE d.replayed_at IS NOT NULL$sql$, $1, medallion.own_table($1, 'bronze.weather'));
END
$$;
COMMENT ON FUNCTION medallion.keep_newly_rejected(text) IS 'enter the records of the batch that cannot be used any more';

CREATE FUNCTION medallion.backfill(pipeline text, "from" timestamptz, "to" timestamptz, OUT first timestamptz, OUT last timestamptz,
		OUT objects bigint, OUT records bigint, OUT inserted bigint, OUT updated bigint, OUT deleted bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	granularity text;
	c record;
BEGIN
	PERFORM medallion.check_backfill($1);
	PERFORM medallion.take_weather($1);
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	SELECT d.first, d.last INTO first, last FROM medallion.whole_days("from", "to") d;
	RAISE NOTICE 'making the windows of whole UTC days again, from % to %', first, last;
	SELECT n.objects, n.records INTO objects, records FROM medallion.count_raw_range($1, first, last) n;
	inserted := 0;
	updated := 0;
	deleted := 0;
	FOREACH granularity IN ARRAY ARRAY['5min', 'hour', 'day'] LOOP
		c := medallion.replace_windows($1, granularity, first, last, medallion.raise_watermark($1, NULL));
		inserted := inserted + c.inserted;
		updated := updated + c.updated;
		deleted := deleted + c.deleted;
	END LOOP;
	IF (medallion.weather_summary()).dead > 0 THEN
		PERFORM medallion.keep_newly_rejected($1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.backfill(text, timestamptz, timestamptz) IS
'make the windows of a range of event times (NULL: no bound) again from the raw objects, in whole UTC days; returns what was read, and how many rows changed';

CREATE FUNCTION medallion.compare_windows(pipeline text, granularity text, first timestamptz, last timestamptz, watermark timestamptz)
	RETURNS TABLE (city text, window_start timestamptz, stands jsonb, wanted jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
BEGIN
	RETURN QUERY EXECUTE format($sql$
		SELECT COALESCE(s.city, w.city), COALESCE(s.window_start, w.window_start), to_jsonb(s) - 'updated_at' - 'granularity' - 'avg_temp_c', to_jsonb(w)
		  FROM (SELECT t.* FROM %1$s t WHERE t.window_start >= $2 AND t.window_start < $3 AND %2$s) s
		  FULL JOIN (SELECT b.*, medallion.weather_is_final(b.window_end, $4) AS is_final
					   FROM medallion.weather_totals($1) b WHERE b.window_start >= $2 AND b.window_start < $3) w
			ON (w.city, w.window_start) = (s.city, s.window_start)
		 WHERE to_jsonb(s) - 'updated_at' - 'granularity' - 'avg_temp_c' IS DISTINCT FROM to_jsonb(w)
		 ORDER BY 1, 2$sql$, t.target, t.condition)
	USING granularity, first, last, watermark;
END
$$;
COMMENT ON FUNCTION medallion.compare_windows(text, text, timestamptz, timestamptz, timestamptz) IS
'windows of a granularity that differ from those of the batch; stands or wanted is NULL where there is none';

CREATE FUNCTION medallion.check_weather(pipeline text DEFAULT 'weather', "from" timestamptz DEFAULT NULL, "to" timestamptz DEFAULT NULL)
	RETURNS TABLE (granularity text, city text, window_start timestamptz, stands jsonb, wanted jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off SET timezone = 'UTC'
AS $$
DECLARE
	d record;
	reached timestamptz;
	newest timestamptz;
BEGIN
	PERFORM medallion.check_backfill($1);
	PERFORM medallion.take_weather($1);
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	SELECT * INTO d FROM medallion.whole_days("from", "to");
	PERFORM medallion.count_raw_range($1, d.first, d.last);
	reached := medallion.raise_watermark($1, NULL);
	newest := COALESCE((medallion.weather_summary()).max_event, '-infinity');
	IF newest > reached OR (newest < reached AND d.last = 'infinity') THEN
		RETURN QUERY SELECT 'watermark', NULL::text, NULL::timestamptz, to_jsonb(reached), to_jsonb(newest);
	END IF;
	RETURN QUERY
		SELECT g.name, c.city, c.window_start, c.stands, c.wanted
		  FROM unnest(ARRAY['5min', 'hour', 'day']) WITH ORDINALITY g (name, position)
		  CROSS JOIN LATERAL medallion.compare_windows($1, g.name, d.first, d.last, reached) c
		 ORDER BY g.position, c.city, c.window_start;
END
$$;
COMMENT ON FUNCTION medallion.check_weather(text, timestamptz, timestamptz) IS
'compare the windows with what the raw objects give, in whole UTC days: one row for each that differs, none if all is well';
--
-- Export of weather: the windows that begin in a UTC day are one object of their granularity. Days that have changed since
-- are written again, and so are those whose object is lost or another one.
--

CREATE FUNCTION medallion.weather_folder(granularity text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE granularity WHEN '5min' THEN '5min/' WHEN 'hour' THEN 'hourly/' WHEN 'day' THEN 'daily/' END $$;
COMMENT ON FUNCTION medallion.weather_folder(text) IS 'folder of the objects of a granularity';

CREATE FUNCTION medallion.weather_export_table(granularity text) RETURNS name
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('windows_' || granularity)::name $$;
COMMENT ON FUNCTION medallion.weather_export_table(text) IS 'foreign table, in lake_weather, over the objects of a granularity';

CREATE FUNCTION medallion.weather_export_path(granularity text, day date) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT medallion.weather_folder(granularity) || to_char(day, '"date="YYYY-MM-DD"/part-00000.csv"') $$;
COMMENT ON FUNCTION medallion.weather_export_path(text, date) IS 'object of the windows that begin in a UTC day';

-- Of the pipeline's layers one has objects that the ledger of objects knows.
CREATE FUNCTION medallion.make_weather_exports(pipeline text, lake name, bucket text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text := (SELECT 'city text NOT NULL, ' || string_agg(format('%I %s', c.name, split_part(c.type, ' ', 1)), ', ')
					 FROM medallion.weather_column() c WHERE c.name <> 'updated_at');
	granularity text;
BEGIN
	INSERT INTO medallion.layer (pipeline, name, schema_name, lake_schema, server, bucket)
	VALUES ($1, 'silver', 'weather', 'lake_weather', lake, bucket) ON CONFLICT DO NOTHING;
	PERFORM medallion.make_schema($1, 'lake_weather');
	FOREACH granularity IN ARRAY ARRAY['5min', 'hour', 'day'] LOOP
		PERFORM medallion.make_weather_foreign_table($1, format('lake_weather.%I', medallion.weather_export_table(granularity)),
			columns || ', _path text OPTIONS (metadata ''path'')', lake, bucket,
			format('prefix %L, format ''csv'', header ''true'', skip_unchanged ''true''', medallion.weather_folder(granularity)),
			format('windows of weather (%s) as they stand in bucket %s', granularity, bucket));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.make_weather_exports(text, name, text) IS 'make the foreign tables over the objects of the windows';

-- Days whose object does not hold what the tables do, or is not the one that the ledger knows.
CREATE FUNCTION medallion.stale_days(pipeline text) RETURNS TABLE (granularity text, day date)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH stands AS MATERIALIZED (
		SELECT l.path, l.etag
		  FROM medallion.layer y
		  CROSS JOIN unnest(ARRAY['5min', 'hour', 'day']) g
		  CROSS JOIN LATERAL public.fdw_s3_list(y.server, y.bucket, medallion.weather_folder(g)) l
		 WHERE (y.pipeline, y.name) = ($1, 'silver')
	)
	SELECT w.granularity, w.day
	  FROM medallion.weather_day w
	  CROSS JOIN LATERAL medallion.weather_export_path(w.granularity, w.day) p
	  JOIN medallion.layer y ON (y.pipeline, y.name) = (w.pipeline, 'silver')
	  LEFT JOIN medallion.object o ON (o.pipeline, o.server, o.bucket, o.path) = (w.pipeline, y.server, y.bucket, p)
	  LEFT JOIN stands s ON s.path = p
	 WHERE w.pipeline = $1 AND (w.exported IS DISTINCT FROM w.version OR o.etag IS DISTINCT FROM s.etag OR o.etag IS NULL)
$$;
COMMENT ON FUNCTION medallion.stale_days(text) IS 'UTC days whose windows do not stand in the bucket as they are in the tables';

-- Ordered as the key, by the bytes of the city's name: an object's bytes do not depend on the database.
CREATE FUNCTION medallion.export_days(pipeline text, granularity text, days date[]) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := medallion.weather_target(granularity);
	lake regclass := medallion.own_table($1, format('lake_weather.%I', medallion.weather_export_table(granularity)));
	columns text := medallion.column_list(medallion.data_columns(lake));
	exported bigint;
	written text[];
BEGIN
	EXECUTE format($sql$
		WITH exported AS MATERIALIZED (SELECT d, medallion.weather_export_path($1, d) AS path FROM unnest($2) d)
		INSERT INTO %1$s (%2$s, _path)
		SELECT %3$s, e.path
		  FROM exported e
		  JOIN %4$s t ON t.window_start >= e.d::timestamp AT TIME ZONE 'UTC' AND t.window_start < (e.d + 1)::timestamp AT TIME ZONE 'UTC' AND %5$s
		 ORDER BY e.d, t.city COLLATE "C", t.window_start$sql$,
		lake, columns, medallion.column_list(medallion.data_columns(lake), 't.%1$s'), t.target, t.condition) USING granularity, days;
	GET DIAGNOSTICS exported = ROW_COUNT;
	EXECUTE format('SELECT public.fdw_s3_write_empty(%L::regclass, medallion.weather_export_path($1, d)) FROM unnest($2) d WHERE NOT EXISTS '
				   '(SELECT FROM %s t WHERE t.window_start >= d::timestamp AT TIME ZONE ''UTC'' AND t.window_start < (d + 1)::timestamp AT TIME ZONE ''UTC'' AND %s)',
				   lake, t.target, t.condition) USING granularity, days;
	RETURN exported;
END
$$;
COMMENT ON FUNCTION medallion.export_days(text, text, date[]) IS 'write the windows of a granularity that begin in those UTC days';

CREATE FUNCTION medallion.enter_exports(pipeline text, granularity text) RETURNS TABLE (objects bigint, bytes bigint, uploaded bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	WITH finished AS MATERIALIZED (
		SELECT f.* FROM public.fdw_s3_finish() f
		JOIN medallion.layer y ON (y.pipeline, y.name, y.server, y.bucket) = ($1, 'silver', f.server, f.bucket)
		WHERE starts_with(f.path, medallion.weather_folder($2))
	), entered AS (
		INSERT INTO medallion.object AS o (server, bucket, path, pipeline, layer, table_name, rows, bytes, etag, sha256, run_id)
		SELECT f.server, f.bucket, f.path, $1, 'silver', medallion.weather_export_table($2), f.rows, f.bytes, f.etag, f.sha256, medallion.current_run()
		FROM finished f
		ON CONFLICT ON CONSTRAINT object_pkey DO UPDATE
		SET (rows, bytes, etag, sha256, run_id, written_at, system_identifier) =
			(excluded.rows, excluded.bytes, excluded.etag, excluded.sha256, excluded.run_id, excluded.written_at, excluded.system_identifier)
		WHERE (o.rows, o.bytes, o.etag, o.sha256) IS DISTINCT FROM (excluded.rows, excluded.bytes, excluded.etag, excluded.sha256)
	)
	SELECT count(*), sum(f.bytes)::bigint, count(*) FILTER (WHERE f.uploaded) FROM finished f
$$;
COMMENT ON FUNCTION medallion.enter_exports(text, text) IS 'complete the uploads of a granularity and enter them into the ledger';

CREATE FUNCTION medallion.export_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET jit = off SET datestyle = 'ISO, YMD' SET timezone = 'UTC'
AS $$
DECLARE
	s record;
	o record;
	rows bigint;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	PERFORM medallion.own_table($1, format('weather.%I', n)) FROM medallion.weather_table_names() n;
	FOR s IN SELECT d.granularity, array_agg(d.day ORDER BY d.day) AS days FROM medallion.stale_days($1) d GROUP BY d.granularity ORDER BY d.granularity LOOP
		rows := medallion.export_days($1, s.granularity, s.days);
		SELECT * INTO o FROM medallion.enter_exports($1, s.granularity);
		UPDATE medallion.weather_day w SET exported = w.version
		WHERE (w.pipeline, w.granularity) = ($1, s.granularity) AND w.day = ANY (s.days) AND w.exported IS DISTINCT FROM w.version;
		PERFORM medallion.report(medallion.weather_folder(s.granularity), rows, o.bytes, format('%s of %s objects written', o.uploaded, o.objects));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.export_weather(text) IS 'write the windows that have changed to their objects';

CREATE FUNCTION medallion.export_weather_fingerprint(pipeline text, OUT inputs text, OUT stands boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD'
AS $$
	SELECT md5(COALESCE(string_agg(format('%s %s %s', w.granularity, w.day, w.version), ',' ORDER BY w.granularity, w.day), '')),
		   NOT EXISTS (SELECT FROM medallion.stale_days($1))
	  FROM medallion.weather_day w WHERE w.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.export_weather_fingerprint(text) IS 'versions of the inputs of export_weather(), and whether its output still stands';
--
-- Partitions: the topic as it stands in Kafka against the positions. Whatever cannot be explained by records that were
-- added is an ERROR: nothing is ever passed over without a word.
--

CREATE FUNCTION medallion.weather_watermarks(pipeline text) RETURNS TABLE (partition integer, low bigint, high bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT w.partition, w.low, w.high
	FROM public.fdw_kafka_watermarks(medallion.own_table($1, 'source_weather.weather')) w;
END
$$;
COMMENT ON FUNCTION medallion.weather_watermarks(text) IS 'offsets of the first record of each partition, and behind the last that can be read';

CREATE TYPE medallion.weather_partition AS (
	partition integer,
	generation integer,
	start_offset bigint,
	next_offset bigint,
	anchor_offset bigint,
	low bigint,
	high bigint,
	problem text
);
COMMENT ON TYPE medallion.weather_partition IS
'a partition in Kafka and in the ledger; problem: missing, retreated, lost (deleted before it was read), changed, or NULL';

-- A partition that is new begins at its first record, in a generation that has no objects.
CREATE FUNCTION medallion.look_at_partitions(pipeline text) RETURNS medallion.weather_partition[]
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg((COALESCE(p.partition, w.partition), COALESCE(p.generation, o.generation + 1, 1), COALESCE(p.start_offset, w.low),
					  COALESCE(p.next_offset, w.low), p.anchor_offset, w.low, w.high,
					  CASE WHEN w.partition IS NULL THEN 'missing' WHEN p.next_offset > w.high THEN 'retreated'
						   WHEN p.next_offset < w.low THEN 'lost' END)::medallion.weather_partition
					 ORDER BY COALESCE(p.partition, w.partition))
	  FROM medallion.weather_watermarks($1) w
	  FULL JOIN (SELECT * FROM medallion.weather_position q WHERE q.pipeline = $1) p ON p.partition = w.partition
	  LEFT JOIN LATERAL (SELECT max(r.generation) AS generation FROM medallion.raw_object r
						  WHERE r.pipeline = $1 AND p.partition IS NULL AND r.partition = w.partition) o ON true
$$;
COMMENT ON FUNCTION medallion.look_at_partitions(text) IS 'the partitions of a weather pipeline''s topic';

-- While a partition gets another leader, its end may be shown too low for a moment, and a new topic some partitions late.
CREATE FUNCTION medallion.settled_partitions(pipeline text) RETURNS medallion.weather_partition[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	partitions medallion.weather_partition[];
BEGIN
	FOR attempt IN 1..5 LOOP
		partitions := medallion.look_at_partitions($1);
		EXIT WHEN NOT EXISTS (SELECT FROM unnest(partitions) p WHERE p.problem IN ('missing', 'retreated'));
		PERFORM pg_sleep(0.2 * attempt);
	END LOOP;
	RETURN partitions;
END
$$;
COMMENT ON FUNCTION medallion.settled_partitions(text) IS 'the partitions of a weather pipeline''s topic; what looks wrong is looked at again';

-- The first record from the anchor on, for each partition where one may be.
CREATE FUNCTION medallion.weather_anchors(pipeline text, partitions medallion.weather_partition[])
	RETURNS TABLE (partition integer, "offset" bigint, "timestamp" timestamptz, hash bytea)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source regclass := medallion.own_table($1, 'source_weather.weather');
	query text;
BEGIN
	SELECT string_agg(format('(SELECT s.partition, s."offset", s."timestamp", medallion.weather_anchor(s.key, s.value) FROM %s s '
							 'WHERE s.partition = %s AND s."offset" >= %s AND s."offset" < %s LIMIT 1)', source, p.partition,
							 greatest(p.low, COALESCE(p.anchor_offset, p.start_offset)), p.next_offset), ' UNION ALL ')
	INTO query FROM unnest(partitions) p
	WHERE p.problem IS NULL AND greatest(p.low, COALESCE(p.anchor_offset, p.start_offset)) < p.next_offset;
	IF query IS NOT NULL THEN
		RETURN QUERY EXECUTE query;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.weather_anchors(text, medallion.weather_partition[]) IS 'what stands in Kafka where the last landed records should be';

CREATE FUNCTION medallion.is_compacted(pipeline text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT public.fdw_kafka_topic_config(t.kafka, t.topic, 'cleanup.policy') LIKE '%compact%'
			  FROM medallion.weather_topic t WHERE t.pipeline = $1);
END
$$;
COMMENT ON FUNCTION medallion.is_compacted(text) IS 'whether records of a weather pipeline''s topic may vanish from between others';

-- An anchor that retention has deleted proves nothing, and neither does one that compaction may have.
CREATE FUNCTION medallion.compare_anchors(pipeline text, partitions medallion.weather_partition[]) RETURNS medallion.weather_partition[]
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	changed integer[];
	vanished integer[];
BEGIN
	WITH stands AS MATERIALIZED (SELECT * FROM medallion.weather_anchors($1, partitions)),
	compared AS (
		SELECT p.partition, p.anchor_offset >= p.low AND (s.partition IS NULL OR s."offset" > p.anchor_offset) AS vanished,
			   CASE WHEN p.anchor_offset >= p.low
					THEN (s."offset", s."timestamp", s.hash) IS DISTINCT FROM (q.anchor_offset, q.anchor_timestamp, q.anchor_hash)
					ELSE s.partition IS NOT NULL END AS differs
		  FROM unnest(partitions) p
		  JOIN medallion.weather_position q ON (q.pipeline, q.partition) = ($1, p.partition)
		  LEFT JOIN stands s ON s.partition = p.partition
		 WHERE p.problem IS NULL
	)
	SELECT array_agg(c.partition) FILTER (WHERE c.differs), array_agg(c.partition) FILTER (WHERE c.vanished)
	INTO changed, vanished FROM compared c;
	IF changed IS NULL THEN
		RETURN partitions;
	ELSIF vanished IS NOT NULL AND medallion.is_compacted($1) THEN
		changed := ARRAY(SELECT unnest(changed) EXCEPT SELECT unnest(vanished));
	END IF;
	RETURN ARRAY(SELECT (p.partition, p.generation, p.start_offset, p.next_offset, p.anchor_offset, p.low, p.high,
						 CASE WHEN p.partition = ANY (changed) THEN 'changed' ELSE p.problem END)::medallion.weather_partition
				   FROM unnest(partitions) p ORDER BY p.partition);
END
$$;
COMMENT ON FUNCTION medallion.compare_anchors(text, medallion.weather_partition[]) IS
'mark the partitions whose last landed record is not where it was';

CREATE FUNCTION medallion.describe_problem(p medallion.weather_partition) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('Partition %s: ', p.partition)
		   || CASE p.problem WHEN 'missing' THEN format('read up to offset %s, it is gone.', p.next_offset)
			  WHEN 'retreated' THEN format('read up to offset %s, it ends at %s.', p.next_offset, p.high)
			  WHEN 'lost' THEN format('read up to offset %s, the first that is left is %s.', p.next_offset, p.low)
			  ELSE format('read up to offset %s, but the record at %s is another one.', p.next_offset, COALESCE(p.anchor_offset, p.start_offset)) END
$$;
COMMENT ON FUNCTION medallion.describe_problem(medallion.weather_partition) IS 'a problem of a partition in words';

CREATE FUNCTION medallion.check_partitions(pipeline text, partitions medallion.weather_partition[]) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	topic text := (SELECT t.topic FROM medallion.weather_topic t WHERE t.pipeline = $1);
	details text;
	is_lost boolean;
	hints text;
BEGIN
	SELECT string_agg(medallion.describe_problem(p), E'\n' ORDER BY p.partition), bool_and(p.problem = 'lost')
	INTO details, is_lost FROM unnest(partitions) p WHERE p.problem IS NOT NULL;
	IF details IS NULL THEN
		RETURN;
	ELSIF is_lost THEN
		hints := format('Give them up: SELECT * FROM medallion.accept_gap(%L)', $1);
		IF EXISTS (SELECT FROM medallion.weather_plan w WHERE w.pipeline = $1) THEN
			hints := hints || format(E'\nA run did not finish. If it has written its objects, take them first: SELECT * FROM medallion.adopt_objects(%L)', $1);
		END IF;
		RAISE EXCEPTION 'topic "%" has lost records that pipeline "%" had not read', topic, $1
			USING ERRCODE = 'data_exception', DETAIL = details, HINT = hints;
	END IF;
	RAISE EXCEPTION 'topic "%" is not the one that pipeline "%" has read', topic, $1
		USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = details,
			HINT = format(E'If it was made anew, read it from its beginning: SELECT * FROM medallion.accept_topic(%L)\n'
						  'If a broker lost its newest records, go on with what comes: SELECT * FROM medallion.accept_topic(%1$L, start => ''latest'')', $1);
END
$$;
COMMENT ON FUNCTION medallion.check_partitions(text, medallion.weather_partition[]) IS 'an ERROR for partitions that have a problem';
--
-- Unknown objects: raw objects behind the positions that the ledger does not know. A database that was restored to an
-- earlier state finds what it wrote in the meantime, and would write it again under other names.
--

CREATE FUNCTION medallion.raw_path(day date, partition integer, generation integer, first_offset bigint, last_offset bigint,
		compression text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('date=%s/%s-%s-%s%s.jsonl.%s', to_char(day, 'YYYY-MM-DD'), partition, lpad(first_offset::text, 20, '0'),
				  lpad(last_offset::text, 20, '0'), CASE WHEN generation > 1 THEN '.g' || generation ELSE '' END,
				  CASE compression WHEN 'gzip' THEN 'gz' ELSE 'zst' END)
$$;
COMMENT ON FUNCTION medallion.raw_path(date, integer, integer, bigint, bigint, text) IS 'name of the raw object for a range of offsets';

-- What does not look like a name that raw_path() gives is NULL.
CREATE FUNCTION medallion.parse_raw_path(path text, OUT partition integer, OUT generation integer, OUT first_offset bigint, OUT last_offset bigint)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text[] := regexp_match(path, '^date=\d{4}-\d\d-\d\d/(\d{1,9})-(0\d{19})-(0\d{19})(?:\.g(\d{1,9}))?\.jsonl\.(?:zst|gz)$');
BEGIN
	IF part IS NULL OR part[2]::numeric > part[3]::numeric OR part[3]::numeric > 9223372036854775806 THEN
		RETURN;
	END IF;
	partition := part[1];
	first_offset := part[2];
	last_offset := part[3];
	generation := COALESCE(part[4], '1');
END
$$;
COMMENT ON FUNCTION medallion.parse_raw_path(text) IS 'the range of offsets that a raw object''s name tells';

-- Each digit of the date may be followed by a greater one, and before it the date is the same.
CREATE FUNCTION medallion.later_folders(day date) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'date=' WHERE day IS NULL
	UNION ALL
	SELECT 'date=' || to_char(day, 'YYYY-MM-DD')
	UNION ALL
	SELECT 'date=' || left(to_char(day, 'YYYY-MM-DD'), i - 1) || d
	  FROM (VALUES (3, substr(to_char(day, 'YYYY'), 3, 1)::integer + 1), (4, 9), (6, 1),
				   (7, CASE WHEN extract(month FROM day) < 10 THEN 9 ELSE 2 END), (9, 3), (10, 9)) AS place (i, greatest)
	  CROSS JOIN LATERAL generate_series(substr(to_char(day, 'YYYY-MM-DD'), i, 1)::integer + 1, greatest) AS d
$$;
COMMENT ON FUNCTION medallion.later_folders(date) IS
'what the names of the raw objects of a day and of later ones begin with, up to the end of the next decade';

-- The day of a plan is never before that of an earlier plan: all that this database could have forgotten is in later folders.
CREATE FUNCTION medallion.last_raw_day(pipeline text) RETURNS date
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT substring(max(l.path COLLATE "C") FROM 6 FOR 10)::date
	  FROM (SELECT max(r.path) AS path FROM medallion.raw_object r WHERE r.pipeline = $1
			UNION ALL
			SELECT max(w.path) FROM medallion.weather_plan w WHERE w.pipeline = $1) l
$$;
COMMENT ON FUNCTION medallion.last_raw_day(text) IS 'day of the newest raw object that is known or planned';

-- The planner knows nothing about listings, and would compile a query that takes a moment.
CREATE FUNCTION medallion.unknown_objects(pipeline text, with_planned boolean DEFAULT false)
	RETURNS TABLE (path text, partition integer, generation integer, first_offset bigint, last_offset bigint, bytes bigint, etag text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	RETURN QUERY
		SELECT l.path, n.partition, n.generation, n.first_offset, n.last_offset, l.size, l.etag
		  FROM medallion.weather_topic t
		  CROSS JOIN medallion.later_folders(medallion.last_raw_day(t.pipeline)) f
		  CROSS JOIN LATERAL public.fdw_s3_list(t.lake, t.raw_bucket, f) l
		  CROSS JOIN LATERAL medallion.parse_raw_path(l.path) n
		  LEFT JOIN medallion.weather_position p ON (p.pipeline, p.partition) = (t.pipeline, n.partition)
		 WHERE t.pipeline = $1 AND n.partition IS NOT NULL
		   AND (p.partition IS NULL OR n.generation > p.generation OR (n.generation = p.generation AND n.last_offset >= p.next_offset))
		   AND NOT EXISTS (SELECT FROM medallion.raw_object r WHERE (r.pipeline, r.path) = (t.pipeline, l.path))
		   AND (with_planned OR NOT EXISTS (SELECT FROM medallion.weather_plan w WHERE (w.pipeline, w.path) = (t.pipeline, l.path)))
		 ORDER BY n.partition, n.generation, n.first_offset, l.path COLLATE "C";
END
$$;
COMMENT ON FUNCTION medallion.unknown_objects(text, boolean) IS
'raw objects behind the positions that a weather pipeline''s ledger does not know, or only from an unfinished plan';

CREATE FUNCTION medallion.check_unknown_objects(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bucket text := (SELECT t.raw_bucket FROM medallion.weather_topic t WHERE t.pipeline = $1);
	paths text[] := ARRAY(SELECT u.path FROM medallion.unknown_objects($1) u);
BEGIN
	IF cardinality(paths) > 0 THEN
		RAISE EXCEPTION 'bucket "%" holds raw objects that pipeline "%" does not know', bucket, $1
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('The first of %s is "%s". They were written after the state that this database was restored to, or by another one.',
								cardinality(paths), paths[1]),
				HINT = format(E'Load them: SELECT * FROM medallion.adopt_objects(%L)\n'
							  'Or move them aside and read Kafka again: SELECT * FROM medallion.quarantine_objects(%1$L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_unknown_objects(text) IS 'an ERROR if there are raw objects that the ledger does not know';
--
-- Land: the records that were added to the topic become raw objects, and are counted into the windows, in one reading. What
-- is to be read, and into which objects, is planned and committed first; the objects' bytes are a function of the plan. So
-- a run that died is finished by the next, with the same objects, and nothing is counted twice.
--

-- Partitions share what a run may plan; what one does not need goes to the others.
CREATE FUNCTION medallion.plan_ranges(pipeline text, partitions medallion.weather_partition[])
	RETURNS TABLE (partition integer, generation integer, first_offset bigint, last_offset bigint)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := (SELECT w FROM medallion.weather_topic w WHERE w.pipeline = $1);
	left_over bigint := t.run_records - (SELECT COALESCE(sum(w.last_offset - w.first_offset + 1), 0)
										   FROM medallion.weather_plan w WHERE w.pipeline = $1);
	sharers bigint := cardinality(partitions);
	share bigint;
	r record;
BEGIN
	FOR r IN SELECT p.partition, p.generation, f.first, p.high - f.first AS records
			   FROM unnest(partitions) p
			   CROSS JOIN LATERAL (SELECT COALESCE(max(w.last_offset) + 1, p.next_offset) AS first FROM medallion.weather_plan w
									WHERE (w.pipeline, w.partition) = ($1, p.partition)) f
			  ORDER BY p.high - f.first, p.partition LOOP
		share := greatest(0, least(r.records, left_over / sharers));
		left_over := left_over - share;
		sharers := sharers - 1;
		RETURN QUERY SELECT r.partition, r.generation, o, least(o + t.object_records, r.first + share) - 1
		FROM generate_series(r.first, r.first + share - 1, t.object_records) o;
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.plan_ranges(text, medallion.weather_partition[]) IS
'ranges of offsets that are not landed and not planned, one for each object';

CREATE FUNCTION medallion.enter_plan(pipeline text, partitions medallion.weather_partition[]) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.weather_position (pipeline, partition, generation, start_offset, next_offset)
	SELECT $1, p.partition, p.generation, p.low, p.low FROM unnest(partitions) p
	ON CONFLICT ON CONSTRAINT weather_position_pkey DO NOTHING;

	INSERT INTO medallion.weather_plan (pipeline, path, partition, generation, first_offset, last_offset, run_id)
	SELECT $1, medallion.raw_path(greatest((clock_timestamp() AT TIME ZONE 'UTC')::date, medallion.last_raw_day($1)),
								  r.partition, r.generation, r.first_offset, r.last_offset, t.compression),
		   r.partition, r.generation, r.first_offset, r.last_offset, medallion.current_run()
	  FROM medallion.plan_ranges($1, partitions) r
	  JOIN medallion.weather_topic t ON t.pipeline = $1
$$;
COMMENT ON FUNCTION medallion.enter_plan(text, medallion.weather_partition[]) IS 'enter what is to land next, and the positions of new partitions';

-- The plan of step land. Where nothing was added there is nothing to look for in the bucket.
CREATE FUNCTION medallion.plan_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	partitions medallion.weather_partition[];
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	partitions := medallion.compare_anchors($1, medallion.settled_partitions($1));
	IF EXISTS (SELECT FROM unnest(partitions) p WHERE p.problem IS NOT NULL OR p.high <> p.next_offset)
	   OR EXISTS (SELECT FROM medallion.weather_plan w WHERE w.pipeline = $1) THEN
		PERFORM medallion.check_unknown_objects($1);
		PERFORM medallion.check_partitions($1, partitions);
	END IF;
	IF EXISTS (SELECT FROM unnest(partitions) p WHERE p.high <> p.next_offset
			   OR NOT EXISTS (SELECT FROM medallion.weather_position q WHERE (q.pipeline, q.partition) = ($1, p.partition))) THEN
		PERFORM medallion.enter_plan($1, partitions);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.plan_weather(text) IS
'plan what is to land: all that was added to the topic, behind what an unfinished run had planned';

-- Records that retention took away while they were read do not show in a scan: it begins with the first that is left.
CREATE FUNCTION medallion.check_landed(r medallion.weather_plan, first_record bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	w record;
BEGIN
	SELECT * INTO w FROM medallion.weather_watermarks(r.pipeline) m WHERE m.partition = r.partition;
	IF w.high > r.last_offset AND (w.low <= r.first_offset OR first_record = r.first_offset) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'partition % of the topic changed while it was read', r.partition
		USING ERRCODE = 'data_exception',
			DETAIL = format('Planned are offsets %s to %s; the partition has %s to %s.', r.first_offset, r.last_offset, w.low, w.high - 1),
			HINT = format('Run the pipeline again: CALL medallion.run(%L)', r.pipeline);
END
$$;
COMMENT ON FUNCTION medallion.check_landed(medallion.weather_plan, bigint) IS 'an ERROR if a range was not wholly there while it was read';

-- Read a range: its lines go to the object, its records into the batch.
CREATE FUNCTION medallion.write_range(r medallion.weather_plan) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	written bigint;
BEGIN
	EXECUTE format('INSERT INTO %s (line, _path) SELECT medallion.weather_line(s.partition, s."offset", s."timestamp", s.key, s.value), %L '
				   'FROM %s s WHERE s.partition = %s AND s."offset" >= %s AND s."offset" <= %s',
				   medallion.own_table(r.pipeline, 'lake_weather.raw'), r.path, medallion.own_table(r.pipeline, 'source_weather.weather'),
				   r.partition, r.first_offset, r.last_offset);
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written;
END
$$;
COMMENT ON FUNCTION medallion.write_range(medallion.weather_plan) IS 'write a planned object and count its records; returns how many';

-- What has landed is entered; a range without records only moves the position. Returns the size of the object.
CREATE FUNCTION medallion.enter_range(r medallion.weather_plan, topic text, records bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s record;
	o record;
	bytes bigint;
BEGIN
	SELECT * INTO s FROM medallion.weather_summary();
	IF s.records <> records THEN
		RAISE EXCEPTION '% records were written and % counted', records, s.records USING ERRCODE = 'internal_error';
	END IF;
	PERFORM medallion.check_landed(r, s.first_offset);
	IF records > 0 THEN
		SELECT f.* INTO STRICT o FROM public.fdw_s3_finish() f WHERE f.path = r.path;
		bytes := o.bytes;
		PERFORM medallion.merge_weather(r.pipeline, medallion.generation_name(topic, r.generation));
		INSERT INTO medallion.raw_object (pipeline, path, topic, partition, generation, first_offset, last_offset, records, min_event, max_event,
										  bytes, etag, sha256, run_id)
		VALUES (r.pipeline, r.path, topic, r.partition, r.generation, r.first_offset, r.last_offset, records, s.min_event, s.max_event,
				o.bytes, o.etag, o.sha256, medallion.current_run());
	END IF;
	PERFORM medallion.move_position(r.pipeline, r.partition, r.last_offset + 1);
	DELETE FROM medallion.weather_plan w WHERE (w.pipeline, w.path) = (r.pipeline, r.path);
	RETURN bytes;
END
$$;
COMMENT ON FUNCTION medallion.enter_range(medallion.weather_plan, text, bigint) IS 'enter a range that has landed into ledger, windows and position';

-- The last record of the batch becomes the anchor; without one, the old anchor stays.
CREATE FUNCTION medallion.move_position(pipeline text, partition integer, next_offset bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE medallion.weather_position p
	   SET next_offset = $3, moved_at = now(),
		   anchor_offset = CASE WHEN s.records > 0 THEN s.last_offset ELSE p.anchor_offset END,
		   anchor_timestamp = CASE WHEN s.records > 0 THEN s.last_timestamp ELSE p.anchor_timestamp END,
		   anchor_hash = CASE WHEN s.records > 0 THEN s.last_hash ELSE p.anchor_hash END
	  FROM medallion.weather_summary() s
	 WHERE (p.pipeline, p.partition) = ($1, $2)
$$;
COMMENT ON FUNCTION medallion.move_position(text, integer, bigint) IS 'move a position behind the batch that has been counted';

CREATE FUNCTION medallion.land_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	topic text := (SELECT t.topic FROM medallion.weather_topic t WHERE t.pipeline = $1);
	r medallion.weather_plan;
	records bigint;
	bytes bigint;
BEGIN
	FOR r IN SELECT * FROM medallion.weather_plan w WHERE w.pipeline = $1 ORDER BY w.partition, w.first_offset LOOP
		PERFORM medallion.weather_begin();
		records := medallion.write_range(r);
		bytes := medallion.enter_range(r, topic, records);
		PERFORM medallion.report(format('partition %s', r.partition), records, bytes, format('offsets %s to %s', r.first_offset, r.last_offset));
	END LOOP;
END
$$;
COMMENT ON FUNCTION medallion.land_weather(text) IS 'land what is planned: raw objects, windows, dead letters, positions';
--
-- Accept: what somebody has to decide. Records that are gone, and a topic that is another one.
--

-- Objects that an unfinished run has written hold records that Kafka may no longer have.
CREATE FUNCTION medallion.check_planned_objects(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	path text := (SELECT u.path FROM medallion.unknown_objects($1, with_planned => true) u LIMIT 1);
BEGIN
	IF path IS NOT NULL THEN
		RAISE EXCEPTION 'raw object "%" has not landed yet', path
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format(E'Load it first: SELECT * FROM medallion.adopt_objects(%L)\n'
							  'Or move it aside: SELECT * FROM medallion.quarantine_objects(%1$L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_planned_objects(text) IS
'an ERROR if there are raw objects that an unfinished run or another database has written';

-- Start reading a partition again, in this generation, from this offset. What was planned for it is void.
CREATE FUNCTION medallion.restart_partition(pipeline text, partition integer, generation integer, start_offset bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE medallion.weather_position p
	   SET (generation, start_offset, next_offset, anchor_offset, anchor_timestamp, anchor_hash, moved_at) = ($3, $4, $4, NULL, NULL, NULL, now())
	 WHERE (p.pipeline, p.partition) = ($1, $2);
	DELETE FROM medallion.weather_plan w WHERE (w.pipeline, w.partition) = ($1, $2)
$$;
COMMENT ON FUNCTION medallion.restart_partition(text, integer, integer, bigint) IS 'set the position of a partition, with no anchor';

CREATE FUNCTION medallion.accept_gap(pipeline text DEFAULT 'weather')
	RETURNS TABLE (partition integer, first_offset bigint, last_offset bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	p medallion.weather_partition;
BEGIN
	PERFORM medallion.check_planned_objects($1);
	FOR p IN SELECT * FROM unnest(medallion.settled_partitions($1)) s WHERE s.problem = 'lost' LOOP
		INSERT INTO medallion.weather_gap (pipeline, topic, partition, generation, first_offset, last_offset, reason)
		VALUES ($1, t.topic, p.partition, p.generation, p.next_offset, p.low - 1, 'retention');
		PERFORM medallion.restart_partition($1, p.partition, p.generation, p.low);
		partition := p.partition;
		first_offset := p.next_offset;
		last_offset := p.low - 1;
		RETURN NEXT;
	END LOOP;
	IF first_offset IS NULL THEN
		RAISE NOTICE 'topic "%" has lost no records', t.topic;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.accept_gap(text) IS
'give up records that Kafka deleted before they were read, and go on behind them; returns what was given up, which weather_gap keeps';

CREATE FUNCTION medallion.accept_topic(pipeline text DEFAULT 'weather', start text DEFAULT 'earliest')
	RETURNS TABLE (partition integer, problem text, given_up_from bigint, next_offset bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	p medallion.weather_partition;
BEGIN
	IF start IS NULL OR start NOT IN ('earliest', 'latest') THEN
		RAISE EXCEPTION 'start is "earliest" or "latest", not "%"', start USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM medallion.check_planned_objects($1);
	FOR p IN SELECT * FROM unnest(medallion.compare_anchors($1, medallion.settled_partitions($1))) s
			 WHERE s.problem IN ('missing', 'retreated', 'changed') LOOP
		INSERT INTO medallion.weather_gap (pipeline, topic, partition, generation, first_offset, last_offset, reason)
		SELECT $1, t.topic, p.partition, p.generation, p.next_offset, NULL, 'topic'
		UNION ALL
		SELECT $1, t.topic, p.partition, p.generation + 1, p.low, p.high - 1, 'skipped' WHERE start = 'latest' AND p.low < p.high;
		partition := p.partition;
		problem := p.problem;
		given_up_from := p.next_offset;
		next_offset := CASE start WHEN 'latest' THEN p.high ELSE p.low END;
		PERFORM medallion.restart_partition($1, p.partition, p.generation + 1, COALESCE(next_offset, 0));
		DELETE FROM medallion.weather_position q WHERE (q.pipeline, q.partition) = ($1, p.partition) AND p.problem = 'missing';
		RETURN NEXT;
	END LOOP;
	IF problem IS NULL THEN
		RAISE NOTICE 'topic "%" is the one that was read', t.topic;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.accept_topic(text, text) IS
'take partitions of a topic that was made anew for new ones, and read them from the beginning, or only what comes (start => ''latest'')';
--
-- Adopt: what becomes of raw objects that the ledger does not know.
--

-- Ranges without records have no object: there must be no record between an object and the one before it.
CREATE FUNCTION medallion.check_hole(pipeline text, partition integer, first_offset bigint, last_offset bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	low bigint := (SELECT w.low FROM medallion.weather_watermarks($1) w WHERE w.partition = $2);
	found boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s s WHERE s.partition = %s AND s."offset" >= %s AND s."offset" <= %s)',
				   medallion.own_table($1, 'source_weather.weather'), partition, first_offset, last_offset) INTO found;
	IF found OR low IS NULL OR low > first_offset THEN
		RAISE EXCEPTION 'no raw object holds offsets % to % of partition %', first_offset, last_offset, partition
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE WHEN found THEN 'There are records, in Kafka.' ELSE 'Whether there were any Kafka no longer knows.' END,
				HINT = format('Move the objects aside and read Kafka again: SELECT * FROM medallion.quarantine_objects(%L)', $1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_hole(text, integer, bigint, bigint) IS 'an ERROR if there may be records in a range';

CREATE FUNCTION medallion.check_adoption(pipeline text, path text, partition integer, first_offset bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p medallion.weather_position;
	hint text := format('Move it aside and read Kafka again: SELECT * FROM medallion.quarantine_objects(%L)', $1);
BEGIN
	SELECT * INTO p FROM medallion.weather_position q WHERE (q.pipeline, q.partition) = ($1, $3);
	IF p.next_offset > $4 THEN
		RAISE EXCEPTION 'raw object "%" overlaps others', path
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = hint,
				DETAIL = format('All before offset %s of partition %s has landed.', p.next_offset, $3);
	ELSIF p.next_offset < $4 THEN
		PERFORM medallion.check_hole($1, $3, p.next_offset, $4 - 1);
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_adoption(text, text, integer, bigint) IS 'an ERROR unless an object continues what has landed';

-- Partitions of which nothing is known begin with their first object, or where Kafka begins, if that is earlier. A later
-- generation tells that accept_topic() was called: it is, again.
CREATE FUNCTION medallion.enter_adopted_partition(t medallion.weather_topic, partition integer, generation integer, first_offset bigint) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO medallion.weather_position (pipeline, partition, generation, start_offset, next_offset)
	SELECT t.pipeline, $2, $3, b.first, b.first
	  FROM (SELECT CASE WHEN $3 > 1 THEN $4 ELSE least($4, min(w.low)) END AS first
			  FROM medallion.weather_watermarks(t.pipeline) w WHERE w.partition = $2) b
	ON CONFLICT ON CONSTRAINT weather_position_pkey DO NOTHING;

	INSERT INTO medallion.weather_gap (pipeline, topic, partition, generation, first_offset, reason)
	SELECT p.pipeline, t.topic, p.partition, p.generation, p.next_offset, 'topic'
	  FROM medallion.weather_position p WHERE (p.pipeline, p.partition) = (t.pipeline, $2) AND p.generation < $3;

	SELECT medallion.restart_partition(p.pipeline, p.partition, $3, $4)
	  FROM medallion.weather_position p WHERE (p.pipeline, p.partition) = (t.pipeline, $2) AND p.generation < $3
$$;
COMMENT ON FUNCTION medallion.enter_adopted_partition(medallion.weather_topic, integer, integer, bigint) IS
'enter a partition, or a generation of it, that only raw objects tell of';

CREATE FUNCTION medallion.adopt_objects(pipeline text DEFAULT 'weather')
	RETURNS TABLE (path text, partition integer, first_offset bigint, last_offset bigint, records bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	u record;
	s record;
BEGIN
	PERFORM medallion.check_cluster($1);
	PERFORM medallion.repair($1);
	FOR u IN SELECT * FROM medallion.unknown_objects($1, with_planned => true) LOOP
		PERFORM medallion.enter_adopted_partition(t, u.partition, u.generation, u.first_offset);
		PERFORM medallion.check_adoption($1, u.path, u.partition, u.first_offset);
		PERFORM medallion.count_raw($1, u.path);
		SELECT * INTO s FROM medallion.weather_summary();
		IF s.records = 0 OR s.first_offset < u.first_offset OR s.last_offset > u.last_offset THEN
			RAISE EXCEPTION 'raw object "%" does not hold what its name says', u.path USING ERRCODE = 'data_corrupted',
				DETAIL = format('It holds %s records, of offsets %s to %s.', s.records, s.first_offset, s.last_offset);
		END IF;
		PERFORM medallion.merge_weather($1, medallion.generation_name(t.topic, u.generation));
		INSERT INTO medallion.raw_object (pipeline, path, topic, partition, generation, first_offset, last_offset, records,
										  min_event, max_event, bytes, etag)
		VALUES ($1, u.path, t.topic, u.partition, u.generation, u.first_offset, u.last_offset, s.records, s.min_event, s.max_event, u.bytes, u.etag);
		PERFORM medallion.move_position($1, u.partition, u.last_offset + 1);
		path := u.path;
		partition := u.partition;
		first_offset := u.first_offset;
		last_offset := u.last_offset;
		records := s.records;
		RETURN NEXT;
	END LOOP;
	DELETE FROM medallion.weather_plan w WHERE w.pipeline = $1;
	IF path IS NULL THEN
		RAISE NOTICE 'bucket "%" holds no raw objects that pipeline "%" does not know', t.raw_bucket, $1;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.adopt_objects(text) IS
'load raw objects that the ledger does not know into the tables, and move the positions behind them; returns what was loaded';

-- Copies and deletions stand whatever becomes of the transaction: called again, it goes on.
CREATE FUNCTION medallion.quarantine_objects(pipeline text DEFAULT 'weather') RETURNS TABLE (path text, new_path text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := medallion.take_weather($1);
	folder text := to_char(clock_timestamp() AT TIME ZONE 'UTC', '"quarantine/"YYYYMMDD"T"HH24MISS"Z/"');
BEGIN
	PERFORM medallion.check_cluster($1);
	FOR path IN SELECT u.path FROM medallion.unknown_objects($1, with_planned => true) u LOOP
		new_path := folder || path;
		PERFORM public.fdw_s3_copy(t.lake, t.raw_bucket, path, new_path);
		PERFORM public.fdw_s3_delete(t.lake, t.raw_bucket, path);
		RETURN NEXT;
	END LOOP;
	DELETE FROM medallion.weather_plan w WHERE w.pipeline = $1;
	IF new_path IS NULL THEN
		RAISE NOTICE 'bucket "%" holds no raw objects that pipeline "%" does not know', t.raw_bucket, $1;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.quarantine_objects(text) IS
'move raw objects that the ledger does not know to quarantine/, so that Kafka is read again; returns what was moved';
--
-- Lag: how far a weather pipeline is behind its topic, what a run is doing, and when anything last landed. These functions
-- and views ask Kafka and the bucket with the keys of whoever looks.
--

-- The oldest record that has not landed is what tells how late the tables are.
CREATE FUNCTION medallion.oldest_unread(pipeline text, partitions medallion.weather_partition[])
	RETURNS TABLE (partition integer, "timestamp" timestamptz)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	query text;
BEGIN
	SELECT string_agg(format('(SELECT s.partition, s."timestamp" FROM %s s WHERE s.partition = %s AND s."offset" >= %s AND s."offset" < %s LIMIT 1)',
							 medallion.own_table($1, 'source_weather.weather'), p.partition, greatest(p.low, p.next_offset), p.high), ' UNION ALL ')
	INTO query FROM unnest(partitions) p WHERE greatest(p.low, p.next_offset) < p.high;
	IF query IS NOT NULL THEN
		RETURN QUERY EXECUTE query;
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.oldest_unread(text, medallion.weather_partition[]) IS 'time of the first record of each partition that has not landed';

CREATE FUNCTION medallion.topic_lag(pipeline text)
	RETURNS TABLE (topic text, partition integer, low bigint, next_offset bigint, high bigint, lag bigint, oldest_unread timestamptz,
				   lag_time interval, problem text)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	partitions medallion.weather_partition[];
BEGIN
	PERFORM medallion.check_owner($1);
	partitions := medallion.look_at_partitions($1);
	RETURN QUERY
		SELECT t.topic, p.partition, p.low, p.next_offset, p.high, p.high - p.next_offset, u."timestamp",
			   CASE WHEN p.high = p.next_offset THEN interval '0' ELSE clock_timestamp() - u."timestamp" END,
			   CASE WHEN p.problem IS NOT NULL THEN medallion.describe_problem(p) END
		  FROM unnest(partitions) p
		  JOIN medallion.weather_topic t ON t.pipeline = $1
		  LEFT JOIN medallion.oldest_unread($1, partitions) u ON u.partition = p.partition
		 ORDER BY p.partition;
END
$$;
COMMENT ON FUNCTION medallion.topic_lag(text) IS 'how far a weather pipeline is behind each partition of its topic, in records and in time';

-- Those of an unfinished run that stand in the bucket are written again by the next one, or left if they are equal.
CREATE FUNCTION medallion.plan_progress(pipeline text)
	RETURNS TABLE (path text, partition integer, first_offset bigint, last_offset bigint, run_id bigint, planned_at timestamptz, written boolean)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
	PERFORM medallion.check_owner($1);
	RETURN QUERY
		SELECT w.path, w.partition, w.first_offset, w.last_offset, w.run_id, w.planned_at, o.etag IS NOT NULL
		  FROM medallion.weather_plan w
		  JOIN medallion.weather_topic t ON t.pipeline = w.pipeline
		  LEFT JOIN LATERAL public.fdw_s3_stat(t.lake, t.raw_bucket, w.path) o ON true
		 WHERE w.pipeline = $1
		 ORDER BY w.partition, w.first_offset;
END
$$;
COMMENT ON FUNCTION medallion.plan_progress(text) IS 'ranges of offsets that are to land, and whether their objects stand in the bucket already';

CREATE VIEW medallion.weather_lag WITH (security_invoker) AS SELECT * FROM medallion.topic_lag('weather');
COMMENT ON VIEW medallion.weather_lag IS 'how far pipeline "weather" is behind each partition of its topic, in records and in time';

CREATE VIEW medallion.weather_progress WITH (security_invoker) AS SELECT * FROM medallion.plan_progress('weather');
COMMENT ON VIEW medallion.weather_progress IS 'what the running or unfinished batch of pipeline "weather" is to land, and what of it is written';

CREATE VIEW medallion.weather_freshness WITH (security_invoker) AS
	SELECT t.pipeline, t.topic, p.landed_at, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.landed_at AS landed_ago,
		   p.newest_record, o.newest_event, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) o.newest_event AS newest_event_ago,
		   EXISTS (SELECT FROM medallion.weather_plan w WHERE w.pipeline OPERATOR(pg_catalog.=) t.pipeline) AS unfinished
	  FROM medallion.weather_topic t
	  LEFT JOIN LATERAL (SELECT pg_catalog.max(q.moved_at) AS landed_at, pg_catalog.max(q.anchor_timestamp) AS newest_record
						   FROM medallion.weather_position q WHERE q.pipeline OPERATOR(pg_catalog.=) t.pipeline AND q.anchor_offset IS NOT NULL) p ON true
	  LEFT JOIN LATERAL (SELECT pg_catalog.max(r.max_event) AS newest_event
						   FROM medallion.raw_object r WHERE r.pipeline OPERATOR(pg_catalog.=) t.pipeline) o ON true;
COMMENT ON VIEW medallion.weather_freshness IS
'when records last landed, the time of the newest one, its newest event, and whether a batch is running or unfinished';
--
-- The weather pipeline: OpenWeather -> Kafka -> raw objects and windows -> objects of the windows.
--

CREATE FUNCTION medallion.install_weather(kafka name, lake name, openweather name DEFAULT NULL, producer text DEFAULT 'openweather',
		topic text DEFAULT 'weather', cities text[] DEFAULT NULL, poll_interval interval DEFAULT '5 minutes',
		raw_bucket text DEFAULT 'raw-weather-data', silver_bucket text DEFAULT 'weather-silver-data', compression text DEFAULT 'zstd',
		run_records bigint DEFAULT 10000000, object_records bigint DEFAULT 250000, replication integer DEFAULT 1) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	poller name := COALESCE(openweather, 'openweather');
	arguments text := format('kafka %s, topic %s, lake %s, buckets %s, %s, compression %s', kafka, topic, lake, raw_bucket, silver_bucket, compression);
BEGIN
	IF medallion.is_installed('weather', arguments) THEN
		PERFORM medallion.check_weather_sizes(compression, run_records, object_records);
		PERFORM medallion.make_weather_places(kafka, topic, lake, ARRAY[raw_bucket, silver_bucket], replication);
		UPDATE medallion.weather_topic t SET run_records = $11, object_records = $12 WHERE t.pipeline = 'weather';
		PERFORM medallion.set_weather_producer('weather', producer, poller, poll_interval);
		PERFORM medallion.add_weather_cities('weather', cities) WHERE cities IS NOT NULL;
		PERFORM medallion.repair('weather');
		RETURN;
	END IF;

	PERFORM medallion.check_weather_sizes(compression, run_records, object_records);
	PERFORM medallion.create_pipeline('weather', arguments);
	PERFORM medallion.set_weather_producer('weather', producer, poller, poll_interval);
	INSERT INTO medallion.weather_topic (pipeline, kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records)
	VALUES ('weather', kafka, topic, lake, raw_bucket, silver_bucket, compression, run_records, object_records);
	PERFORM medallion.make_weather_places(kafka, topic, lake, ARRAY[raw_bucket, silver_bucket], replication);
	PERFORM medallion.add_endpoint('weather', kafka, 'kafka', topic);
	PERFORM medallion.add_endpoint('weather', lake, 's3', b) FROM unnest(ARRAY[raw_bucket, silver_bucket]) b;
	PERFORM medallion.add_weather_cities('weather', COALESCE(cities, '{London,New Delhi,New York}'));
	PERFORM medallion.repair('weather');

	PERFORM medallion.add_step('weather', 'produce', $sql$SELECT medallion.produce_weather('weather')$sql$);
	PERFORM medallion.add_step('weather', 'land', $sql$SELECT medallion.land_weather('weather')$sql$,
							   plan => $sql$SELECT medallion.plan_weather('weather')$sql$);
	PERFORM medallion.add_step('weather', 'export', $sql$SELECT medallion.export_weather('weather')$sql$,
							   depends_on => '{land}', fingerprint => $sql$SELECT * FROM medallion.export_weather_fingerprint('weather')$sql$);
	PERFORM medallion.add_step('weather', 'poll', $sql$SELECT medallion.check_poll('weather')$sql$);
END
$$;
COMMENT ON FUNCTION medallion.install_weather(name, name, name, text, text, text[], interval, text, text, text, bigint, bigint, integer) IS
'make the pipeline "weather": topic, buckets, schemas, tables and steps, from OpenWeather through Kafka to tables and an S3 server';

CREATE FUNCTION medallion.check_weather_sizes(compression text, run_records bigint, object_records bigint) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF compression IS NULL OR compression NOT IN ('zstd', 'gzip') THEN
		RAISE EXCEPTION 'unknown compression "%"', compression
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Raw objects are compressed by zstd or gzip.';
	ELSIF run_records IS NULL OR run_records < 1 OR object_records IS NULL OR object_records < 1 THEN
		RAISE EXCEPTION 'run_records and object_records must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_weather_sizes(text, bigint, bigint) IS 'an ERROR for raw objects that cannot be made';

CREATE FUNCTION medallion.make_weather_places(kafka name, topic text, lake name, buckets text[], replication integer) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM public.fdw_s3_create_bucket(lake, b) FROM unnest(buckets) b;
	PERFORM public.fdw_kafka_create_topic(kafka, topic, 3, replication);
END
$$;
COMMENT ON FUNCTION medallion.make_weather_places(name, text, name, text[], integer) IS
'make the topic, with 3 partitions, and the buckets, where they are missing';

-- Through this one records are read, with nothing but what Kafka has.
CREATE FUNCTION medallion.make_weather_source(t medallion.weather_topic) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema(t.pipeline, 'source_weather');
	PERFORM medallion.clear_foreign_table(t.pipeline, 'source_weather.weather');
	EXECUTE format('CREATE FOREIGN TABLE source_weather.weather (partition integer OPTIONS (metadata ''partition''), '
				   '"offset" bigint OPTIONS (metadata ''offset''), "timestamp" timestamptz OPTIONS (metadata ''timestamp''), '
				   'key bytea OPTIONS (metadata ''key''), value bytea OPTIONS (metadata ''value'')) SERVER %I OPTIONS (topic %L, format ''raw'')',
				   t.kafka, t.topic);
	EXECUTE format('COMMENT ON FOREIGN TABLE source_weather.weather IS %L',
				   'the records of the topic, as they are in Kafka now' || medallion.made_for(t.pipeline));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_source(medallion.weather_topic) IS 'make the foreign table over the topic';

-- And through this one they are written: lines as they come, into the object that is named.
CREATE FUNCTION medallion.make_weather_raw(t medallion.weather_topic) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.make_schema(t.pipeline, 'lake_weather');
	PERFORM medallion.clear_foreign_table(t.pipeline, 'lake_weather.raw');
	EXECUTE format('CREATE FOREIGN TABLE lake_weather.raw (line text, _path text OPTIONS (metadata ''path'')) SERVER %I '
				   'OPTIONS (bucket %L, prefix ''date='', format ''text'', skip_unchanged ''true'')', t.lake, t.raw_bucket);
	EXECUTE format('COMMENT ON FOREIGN TABLE lake_weather.raw IS %L', 'the lines of the raw objects' || medallion.made_for(t.pipeline));
END
$$;
COMMENT ON FUNCTION medallion.make_weather_raw(medallion.weather_topic) IS 'make the foreign table through which raw objects are written';

CREATE FUNCTION medallion.repair_weather(pipeline text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t medallion.weather_topic := (SELECT w FROM medallion.weather_topic w WHERE w.pipeline = $1);
BEGIN
	PERFORM medallion.make_weather_source(t) WHERE to_regclass('source_weather.weather') IS NULL;
	PERFORM medallion.make_weather_feed($1, t.kafka, t.topic) WHERE to_regclass('source_weather.weather_feed') IS NULL;
	PERFORM medallion.make_weather_raw(t) WHERE to_regclass('lake_weather.raw') IS NULL;
	PERFORM medallion.make_weather_tables($1);
END
$$;
COMMENT ON FUNCTION medallion.repair_weather(text) IS 'make again the schemas and tables of a weather pipeline that are missing';
--
-- What is dumped, and who may do what. The last part: it covers the objects of all others.
--

DO $$
DECLARE
	relation pg_catalog.regclass;
BEGIN
	FOR relation IN
		SELECT c.oid
		  FROM pg_catalog.pg_class c
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) 'medallion'::pg_catalog.regnamespace AND c.relkind IN ('r', 'S')
		   AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid OPERATOR(pg_catalog.=) ANY (e.extconfig))
	LOOP
		PERFORM pg_catalog.pg_extension_config_dump(relation, '');
	END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA medallion FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA medallion FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA medallion FROM PUBLIC;

-- These say or show only what concerns the caller. USAGE on the schema is granted to nobody.
GRANT EXECUTE ON FUNCTION medallion.current_run(), medallion.current_step(), medallion.current_pipeline(),
	medallion.report(text, bigint, bigint, text), medallion.check_owner(text), medallion.openweather_options() TO PUBLIC;
GRANT SELECT ON medallion.latest_run, medallion.run_history, medallion.step_history TO PUBLIC;
--
-- Who may touch what is recorded about a pipeline: the roles that have the rights of its owner, since steps run as him. A
-- row that such a role changes by hand can harm no pipeline but its own.
--

CREATE FUNCTION medallion.is_operator(pipeline text, role name) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
	SELECT pg_has_role(role, r.oid, 'USAGE')
	  FROM medallion.pipeline p JOIN pg_roles r ON r.rolname = p.owner
	 WHERE p.name = pipeline
$$;
COMMENT ON FUNCTION medallion.is_operator(text, name) IS 'whether a role has the rights of a pipeline''s owner';
REVOKE ALL ON FUNCTION medallion.is_operator(text, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION medallion.is_operator(text, name) TO PUBLIC;

DO $$
DECLARE
	t regclass;
BEGIN
	FOREACH t IN ARRAY ARRAY['medallion.layer', 'medallion.source', 'medallion.model', 'medallion.model_reference',
							 'medallion.publication', 'medallion.build', 'medallion.object',
							 'medallion.weather_producer', 'medallion.weather_city', 'medallion.weather_poll',
							 'medallion.weather_watermark', 'medallion.weather_day', 'medallion.weather_topic',
							 'medallion.weather_position', 'medallion.weather_plan', 'medallion.raw_object', 'medallion.weather_gap']::regclass[] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format('CREATE POLICY operator ON %s USING (medallion.is_operator(pipeline, current_user))', t);
		EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO PUBLIC', t);
	END LOOP;
END
$$;
GRANT SELECT ON medallion.model_table, medallion.planned_object, medallion.weather_lag, medallion.weather_progress,
	medallion.weather_freshness TO PUBLIC;
ALTER TABLE medallion.endpoint ENABLE ROW LEVEL SECURITY;
CREATE POLICY operator ON medallion.endpoint FOR SELECT USING (medallion.is_operator(pipeline, current_user));
GRANT SELECT ON medallion.endpoint TO PUBLIC;
GRANT SELECT (name, id, owner, description) ON medallion.pipeline TO PUBLIC;
