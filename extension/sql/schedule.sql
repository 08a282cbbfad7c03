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

-- pg_cron runs a job as the role that it belongs to: a superuser's would run as a superuser, so it is given to the owner.
CREATE FUNCTION medallion.make_job(name text, cron text, command text, role name) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job bigint;
BEGIN
	-- pg_cron checks the schedule; a job of that name is replaced
	IF role = current_user THEN
		EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job USING name, cron, command;
	ELSE
		EXECUTE 'SELECT cron.schedule_in_database($1, $2, $3, current_database()::text, $4)' INTO job USING name, cron, command, role::text;
	END IF;
	RETURN job;
END
$$;
COMMENT ON FUNCTION medallion.make_job(text, text, text, name) IS 'make or replace a pg_cron job that runs as a role';

-- The jobs that every role with a schedule has once, whatever it has scheduled. pg_cron knows seconds from 1.5 on.
CREATE FUNCTION medallion.common_job(OUT name text, OUT cron text, OUT command text) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'medallion watch',
		   CASE WHEN string_to_array(substring(e.extversion FROM '^[0-9.]+'), '.')::integer[] >= '{1,5}' THEN '20 seconds' ELSE '* * * * *' END,
		   'SELECT medallion.watch()'
	  FROM pg_extension e WHERE e.extname = 'pg_cron'
	 UNION ALL
	SELECT 'medallion maintain', '17 3 * * *', 'CALL medallion.maintain()'
$$;
COMMENT ON FUNCTION medallion.common_job() IS 'pg_cron jobs that come with the first schedule of a role';

-- The job belongs to the owner of the pipeline and runs as it; only a superuser can make a job that is another role's.
CREATE FUNCTION medallion.schedule(pipeline text, cron text, max_age interval DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := medallion.job_name(pipeline);
	command text := medallion.job_command(pipeline);
	role name := (SELECT p.owner FROM medallion.pipeline p WHERE p.name = $1);
	other text;
	job bigint;
BEGIN
	PERFORM medallion.check_owner(pipeline);
	IF role <> current_user AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'only the owner of pipeline "%" can schedule it', pipeline
			USING ERRCODE = 'insufficient_privilege', DETAIL = 'Its job runs as the owner.', HINT = format('SET ROLE %I', role);
	END IF;
	PERFORM medallion.require_cron(format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L)',
										  name, cron, command, current_database(), role));
	-- two roles at once: the second sees the first one's job
	PERFORM pg_advisory_xact_lock(hashtextextended(name, 0));
	SELECT s INTO other FROM medallion.scheduler(pipeline) s WHERE s <> role;
	IF FOUND THEN
		RAISE EXCEPTION 'pipeline "%" is scheduled by role "%"', pipeline, other
			USING ERRCODE = 'duplicate_object',
				HINT = format('As that role, or a superuser: SELECT cron.unschedule(%L);', name);
	END IF;
	job := medallion.make_job(name, cron, command, role);
	PERFORM medallion.make_job(c.name, c.cron, c.command, role) FROM medallion.common_job() c;
	DELETE FROM medallion.max_age m WHERE m.pipeline = $1;
	INSERT INTO medallion.max_age (pipeline, max_age) SELECT $1, $3 WHERE $3 IS NOT NULL;
	RETURN job;
END
$$;
COMMENT ON FUNCTION medallion.schedule(text, text, interval) IS
'run a pipeline by pg_cron at these times (cron syntax; GMT, unless cron.timezone says otherwise), and whenever its last success began '
'longer than max_age ago; returns the number of the job. With the first schedule come jobs that call watch() every minute and maintain() '
'once a day';

CREATE FUNCTION medallion.unschedule(pipeline text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM medallion.check_owner(pipeline);
	PERFORM medallion.require_cron(format('SELECT cron.unschedule(%L)', medallion.job_name(pipeline)));
	DELETE FROM medallion.max_age m WHERE m.pipeline = $1;
	RETURN medallion.drop_jobs(pipeline);
END
$$;
COMMENT ON FUNCTION medallion.unschedule(text) IS 'take a pipeline off pg_cron; false if it was not scheduled';

-- With the last schedule of a role go the jobs that came with its first.
CREATE FUNCTION medallion.drop_common_jobs() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE 'SELECT cron.unschedule(j.jobid) FROM cron.job j JOIN medallion.common_job() c ON c.name = j.jobname
			  WHERE j.database = current_database()
				AND NOT EXISTS (SELECT FROM cron.job o WHERE o.username = j.username AND o.database = j.database AND o.jobname LIKE ''medallion: %'')';
END
$$;
COMMENT ON FUNCTION medallion.drop_common_jobs() IS 'take the common jobs of roles that have no schedule left off pg_cron';

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
		PERFORM medallion.drop_common_jobs();
	END IF;
	FOR other IN SELECT s FROM medallion.scheduler(pipeline) s ORDER BY s LOOP
		RAISE WARNING 'role "%" still has a pg_cron job for pipeline "%"', other, pipeline
			USING HINT = format('As that role: SELECT cron.unschedule(%L);', medallion.job_name(pipeline));
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION medallion.drop_jobs(text) IS 'take the caller''s jobs for a pipeline off pg_cron; whether there were any';
