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

