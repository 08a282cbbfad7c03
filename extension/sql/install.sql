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

-- All that is missing at once: it takes another role to grant it.
CREATE FUNCTION medallion.check_installer(VARIADIC servers name[]) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(m, ', ' ORDER BY n, m) INTO missing FROM (
		SELECT 1, format('CREATE on database "%s"', current_database()) WHERE NOT has_database_privilege(current_database(), 'CREATE')
		UNION ALL
		SELECT 2, format('EXECUTE on function %s', p.oid::regprocedure) FROM pg_proc p
		 WHERE p.pronamespace = 'public'::regnamespace AND NOT has_function_privilege(p.oid, 'EXECUTE')
		   AND p.proname IN ('fdw_s3_create_bucket', 'fdw_s3_list', 'fdw_s3_stat', 'fdw_s3_delete', 'fdw_s3_finish')
		UNION ALL
		SELECT 3, format('USAGE on server "%s"', s.srvname) FROM pg_foreign_server s
		 WHERE s.srvname = ANY (servers) AND NOT has_server_privilege(s.oid, 'USAGE')
		UNION ALL
		SELECT 4, format('a user mapping for server "%s"', s.srvname) FROM pg_foreign_server s
		 WHERE s.srvname = ANY (servers)
		   AND NOT EXISTS (SELECT FROM pg_user_mappings u WHERE u.srvid = s.oid AND (u.umuser = 0 OR u.usename = current_user))) m (n, m);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'role "%" cannot install the pipeline', current_user
			USING ERRCODE = 'insufficient_privilege', DETAIL = format('It lacks %s.', missing),
				HINT = 'medallion.create_roles() makes a role that has the rights but for servers and user mappings: see docs/security.md.';
	END IF;
END
$$;
COMMENT ON FUNCTION medallion.check_installer(name[]) IS 'an ERROR that names everything that the current role lacks to install a pipeline over these servers';

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
