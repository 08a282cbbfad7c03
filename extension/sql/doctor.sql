--
-- doctor(): does everything that the pipelines need work, and if not, what mends it? Probes act with the caller's rights.
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

CREATE FUNCTION medallion.probe_cron() RETURNS SETOF medallion.finding
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	hint text;
	alive boolean;
	refused record;
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
		EXECUTE $query$
			SELECT d.username, d.database, d.status, d.return_message, d.start_time
			  FROM cron.job j CROSS JOIN LATERAL (SELECT * FROM cron.job_run_details d WHERE d.jobid = j.jobid
												   ORDER BY d.runid DESC LIMIT 1) d
			 WHERE j.jobname LIKE 'medallion: %' AND d.status = 'failed' AND d.return_message LIKE '%connection failed%'
			 LIMIT 1 $query$ INTO refused;
		RETURN NEXT ('pg_cron: login', refused.username IS NULL,
					 CASE WHEN refused.username IS NULL THEN 'no job was refused'
					 ELSE format('role "%s" could not log in to database "%s"', refused.username, refused.database) END,
					 CASE WHEN refused.username IS NOT NULL THEN
					 format('pg_cron connects to %s without a password. Either put "host %s %s 127.0.0.1/32 trust" before the other '
							'lines of pg_hba.conf and reload, or put "%s:%s:%s:%s:PASSWORD" into .pgpass (mode 600) in the home '
							'folder of the server''s operating system user, or set cron.use_background_workers = on and restart.',
							medallion.cron_setting('host'), refused.database, refused.username, medallion.cron_setting('host'),
							current_setting('port'), refused.database, refused.username) END)::medallion.finding;
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
	wrapper text := 'fdw_' || kind;
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
	FOR e IN SELECT DISTINCT p.pipeline, p.server, p.kind FROM medallion.endpoint p ORDER BY 1, 2, 3 LOOP
		f := medallion.probe_server(e.pipeline, e.server, e.kind);
		RETURN QUERY SELECT f.*;
	END LOOP;
	FOR e IN SELECT DISTINCT p.server, p.kind, p.bucket FROM medallion.endpoint p
		JOIN pg_foreign_server s ON s.srvname = p.server ORDER BY 2, 1, 3
	LOOP
		IF e.kind = 'mysql' THEN
			RETURN QUERY SELECT * FROM medallion.probe_mysql(e.server);
		ELSE
			RETURN QUERY SELECT * FROM medallion.probe_bucket(e.server, e.bucket);
		END IF;
	END LOOP;
	RETURN QUERY
		SELECT format('pipeline %s: last run', r.pipeline), r.state IN ('succeeded', 'running'),
			   format('run %s %s', r.run_id, r.state) || COALESCE(': ' || r.message, ''),
			   CASE WHEN r.state = 'failed' THEN medallion.job_command(r.pipeline) || ';' END
		  FROM medallion.latest_run r WHERE r.run_id IS NOT NULL ORDER BY r.pipeline;
END
$$;
COMMENT ON FUNCTION medallion.doctor() IS
'tries everything that the pipelines need: servers, credentials, buckets, pg_cron, clocks; fix says what to do where ok is false';

